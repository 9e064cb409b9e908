"""Class folders without a manifest: folders in them are patients, and names may be as old systems wrote them."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from training.__main__ import main
from training.data.dataset import load
from training.data.groups import find_groups
from training.data.manifest import MANIFEST, DataError
from training.data.patients import key


@pytest.fixture
def by_patient(drawn, tmp_path):
    """The drawings in folders of patients, three of each class, and two that lie beside them."""
    folder = tmp_path / "data"
    for kind in ("leukemic", "sparse"):
        for number, picture in enumerate(sorted((drawn / kind).iterdir())):
            place = folder / kind if number < 1 else folder / kind / f"{kind[0]}{number % 3}"
            place.mkdir(parents=True, exist_ok=True)
            shutil.copy(picture, place)
    return folder


def test_folders_in_class_folders_are_patients(by_patient):
    data = load(by_patient)
    assert set(data.groups) == {"", "l0", "l1", "l2", "s0", "s1", "s2"}
    assert data.remarks[0] == "Folders in the class folders are taken for patients: there are 6."
    assert data.remarks[1].startswith("2 of 48 pictures name no patient")
    groups = find_groups(data)
    for patient in set(data.groups) - {""}:
        assert len(set(groups[np.array(data.groups) == patient].tolist())) == 1


def test_one_patient_in_two_classes_is_refused_for_fields_and_read_for_cells(by_patient):
    (by_patient / "sparse" / "s0").rename(by_patient / "sparse" / "L0")
    with pytest.raises(DataError, match="The folder 'L0' stands in 'leukemic' and in 'sparse'"):
        load(by_patient)
    assert len({key(one) for one in load(by_patient, many_labels=True).groups} - {""}) == 5


@pytest.mark.parametrize("command", ["inspect", "fit"])
def test_strict_refuses_pictures_of_nobody(by_patient, tiny, tmp_path, capsys, command):
    out = str(tmp_path / "out")
    call = {"inspect": ["inspect", str(by_patient)], "fit": ["fit", str(tiny), "--data", str(by_patient)]}[command]
    assert main([*call, "--out", out, "--strict"]) == 1
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert said.startswith("2 of 48 pictures name no patient, such as leukemic/00.png.")
    assert not (tmp_path / "out").exists()
    for kind in ("leukemic", "sparse"):
        (by_patient / kind / "00.png").unlink()
    assert load(by_patient, strict=True).patients_known


@pytest.fixture
def latin(drawn, tmp_path):
    """A copy of the drawings in which a folder and a file have names in Latin-1."""
    folder = shutil.copytree(drawn, tmp_path / "data")
    try:
        place = (folder / "sparse").rename(folder / os.fsdecode(b"sp\xe4rlich"))
    except OSError:
        pytest.skip("This file system takes only names in UTF-8.")
    (place / "00.png").rename(place / os.fsdecode(b"M\xfcller.png"))
    return folder


def test_names_in_latin_1_are_read_as_they_are_meant(latin):
    table = latin / MANIFEST
    lines = table.read_text(encoding="utf-8").replace("sparse", "spärlich").replace("spärlich/00", "spärlich/Müller")
    table.unlink()
    by_folder = load(latin)
    assert by_folder.classes == ("leukemic", "spärlich")
    assert "spärlich/Müller.png" in by_folder.paths
    table.write_text(lines, encoding="utf-8")
    by_manifest = load(latin)
    assert by_manifest.paths == by_folder.paths
    for data in (by_folder, by_manifest):
        assert data.picture(data.paths.index("spärlich/Müller.png")).shape[2] == 3
        assert all(path.encode().decode() == path for path in data.paths)


def test_a_report_names_them(latin, tmp_path, capsys):
    (latin / MANIFEST).unlink()
    shutil.copy(latin / "leukemic" / "01.png", latin / os.fsdecode(b"sp\xe4rlich/\xe9.png"))
    assert main(["inspect", str(latin), "--out", str(tmp_path / "page.html")]) == 0
    assert "spärlich/é.png" in capsys.readouterr().out
    assert "spärlich/é.png" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_pictures_beside_the_class_folders_are_left_out_and_said(drawn, tmp_path):
    folder = shutil.copytree(drawn, tmp_path / "data")
    (folder / MANIFEST).unlink()
    assert load(folder).remarks == ()
    shutil.copy(folder / "sparse" / "00.png", folder / "stray.PNG")
    (folder / "notes.txt").write_text("mine", encoding="utf-8")
    data = load(folder)
    assert len(data) == 48
    assert data.remarks == ("Pictures beside the class folders are left out: 1, such as stray.PNG.",)


def test_a_folder_is_the_same_data_from_wherever_it_is_named(drawn, tmp_path, monkeypatch):
    folder = shutil.copytree(drawn, tmp_path / "data")
    (folder / MANIFEST).unlink()
    before = load(folder)
    monkeypatch.chdir(folder)
    here = load(Path())
    assert (here.fingerprint, here.sources) == (before.fingerprint, before.sources)
    assert set(here.sources) == {"data"}


def test_a_class_folder_may_lie_elsewhere(drawn, tmp_path):
    folder = tmp_path / "data"
    shutil.copytree(drawn / "leukemic", folder / "leukemic")
    (folder / "sparse").symlink_to(drawn / "sparse", target_is_directory=True)
    assert len(load(folder)) == 48
