"""Every command, given every kind of folder that is no data set, ends with one sentence and exit status 1."""

import shutil
import subprocess
import sys
import time

import pytest

from tests.conftest import ROOT
from tests.training.data.test_manifest import LEAKS, READ, REFUSED
from training.__main__ import main, training

MANIFEST = "manifest.csv"
LEFT_BEHIND = ("appledouble", "macosx_class", "synology_eadir", "jfif")
HEAD = "path,label,group,source\n"


def missing(folder):
    pass


def a_file(folder):
    folder.write_text("no folder", encoding="utf-8")


def empty(folder):
    folder.mkdir()


def no_pictures(folder):
    (folder / "leukemic").mkdir(parents=True)
    (folder / "leukemic" / "notes.txt").write_text("none", encoding="utf-8")


def system_files_alone(folder):
    for name in ("__MACOSX", ".ipynb_checkpoints", "@eaDir"):
        (folder / name).mkdir(parents=True)
        (folder / name / "00.png").write_bytes(b"\0")
    (folder / "Thumbs.db").write_bytes(b"\0")
    (folder / "._00.png").write_bytes(b"\0")


def an_empty_manifest(folder):
    folder.mkdir()
    (folder / MANIFEST).write_text("", encoding="utf-8")


def a_manifest_of_nothing(folder):
    folder.mkdir()
    (folder / MANIFEST).write_text(HEAD, encoding="utf-8")


def a_manifest_in_cp1252(folder):
    folder.mkdir()
    (folder / MANIFEST).write_bytes((HEAD + "Müller.png,leukemic,,\n").encode("cp1252"))


def a_manifest_that_is_a_picture(folder):
    folder.mkdir()
    (folder / MANIFEST).write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\r" + bytes(range(256)))


def a_manifest_that_is_a_folder(folder):
    (folder / MANIFEST).mkdir(parents=True)


def a_short_row(folder):
    folder.mkdir()
    (folder / "00.png").write_bytes(b"\0")
    (folder / MANIFEST).write_text(HEAD + "00.png\n", encoding="utf-8")


def a_missing_file(folder):
    folder.mkdir()
    (folder / MANIFEST).write_text(HEAD + "gone.png,leukemic,,\n", encoding="utf-8")


KINDS = (
    *(missing, a_file, empty, no_pictures, system_files_alone, an_empty_manifest, a_manifest_of_nothing),
    *(a_manifest_in_cp1252, a_manifest_that_is_a_picture, a_manifest_that_is_a_folder, a_short_row, a_missing_file),
)
# What each command is asked; FOLDER is the bad one, GOOD a data set, OUT where something would be made.
COMMANDS = {
    "inspect": "inspect FOLDER --out OUT",
    "contact": "contact leukolens-field --data FOLDER --out OUT",
    "probe": "probe --data FOLDER --weights GOOD",
    "fit": "fit colour-forest --data FOLDER --out OUT",
    "crossval": "crossval colour-forest --data FOLDER --out OUT --protocol grouped",
    "compare": "compare colour-forest --data FOLDER --out OUT",
    "evaluate": "evaluate leukolens-field --data FOLDER",
    "stress": "stress leukolens-field --data FOLDER",
    "stress others": "stress leukolens-field --data GOOD --others FOLDER",
    "ood": "ood FOLDER --data GOOD --others GOOD",
    "ood data": "ood GOOD --data FOLDER --others GOOD",
    "ood others": "ood GOOD --data GOOD --others FOLDER",
    "publish": "publish FOLDER --models OUT",
    "recalibrate": "recalibrate leukolens-field --data FOLDER --version 9.9.9 --models OUT",
    "segmenter": "segmenter --fields FOLDER --cells GOOD --masked GOOD --out OUT --models OUT",
    "segmenter cells": "segmenter --fields GOOD --cells FOLDER --masked GOOD --out OUT --models OUT",
    "segmentation": "segmentation --data FOLDER",
    "atlas": "atlas --data FOLDER --out OUT",
    "figures": "figures --results FOLDER --out OUT",
    "gather": "gather --data FOLDER --out OUT",
    "adapt": "adapt leukolens-field --data FOLDER --out OUT",
    "import": "import GOOD --labels GOOD --data FOLDER --out OUT",
    "graph": "graph leukolens-field --models FOLDER",
}


def test_every_command_that_reads_a_folder_is_asked():
    assert {command.split()[0] for command in COMMANDS.values()} == set(training.commands) - {"recipes"}


@pytest.fixture(scope="module", params=KINDS, ids=lambda kind: kind.__name__)
def folder(request, tmp_path_factory):
    place = tmp_path_factory.mktemp("bad") / "data"
    request.param(place)
    return place


@pytest.mark.parametrize("command", COMMANDS)
def test_it_ends_with_one_sentence(folder, command, drawn, tmp_path, capsys):
    places = {"FOLDER": str(folder), "GOOD": str(drawn), "OUT": str(tmp_path / "out")}
    assert main([places.get(word, word) for word in COMMANDS[command].split()]) == 1
    streams = capsys.readouterr()
    assert not streams.out
    *before, sentence = streams.err.strip().splitlines()
    assert len(sentence) > 20
    assert sentence.endswith(".") or "Run: python -m training" in sentence
    assert all(line.startswith("No --weights") for line in before), before
    assert not list(tmp_path.rglob("card.json"))


@pytest.mark.realdata
@pytest.mark.parametrize("name", [*LEAKS, *REFUSED, *READ, *LEFT_BEHIND])
def test_a_folder_that_failed_once_is_read_or_refused_by_every_command(cases, name, drawn, tiny, tmp_path, capsys):
    small = tmp_path / "small.toml"
    small.write_text(tiny.read_text(encoding="utf-8").replace("squeezenet", "colour_statistics"), encoding="utf-8")
    places = {"FOLDER": str(cases / name), "GOOD": str(drawn), "colour-forest": str(small)}
    asked = COMMANDS if name in REFUSED else ("inspect", "contact", "fit")
    for command in asked:
        places["OUT"] = str(tmp_path / command)
        status = main([places.get(word, word) for word in COMMANDS[command].split()])
        said = capsys.readouterr().err.strip().splitlines()
        assert not any(line.startswith("Traceback") for line in said)
        assert status == (name in REFUSED), said[-1:]


@pytest.mark.parametrize("command", ["inspect FOLDER --out x.html", "fit leukolens-field --data FOLDER --out x"])
def test_a_folder_that_is_not_there_is_answered_before_tensorflow_is_imported(tmp_path, command):
    words = command.replace("FOLDER", str(tmp_path / "nowhere")).split()
    code = f"import sys; from training.__main__ import main; print(main({words!r}), 'tensorflow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1", "False"]
    assert done.stderr == f"There is no folder {tmp_path / 'nowhere'}.\n"


def test_it_is_answered_at_once(tmp_path, capsys):
    started = time.process_time()
    assert main(["evaluate", "leukolens-field", "--data", str(tmp_path / "nowhere")]) == 1
    assert time.process_time() - started < 1
    assert "There is no folder" in capsys.readouterr().err


def test_a_folder_of_odd_files_is_read(drawn, tmp_path, capsys):
    """What systems leave beside pictures changes nothing, in a folder and in a manifest as Excel saves it."""
    plain = shutil.copytree(drawn, tmp_path / "plain")
    odd = shutil.copytree(drawn, tmp_path / "odd")
    table = (odd / MANIFEST).read_text(encoding="utf-8")
    (odd / MANIFEST).write_bytes(table.replace(",", ";").replace("/", "\\").encode("utf-16"))
    system_files_alone(odd / "sparse" / "deep")
    sheets = [tmp_path / "plain.png", tmp_path / "odd.png"]
    for folder, sheet in zip((plain, odd), sheets, strict=True):
        assert main(["contact", "leukolens-field", "--data", str(folder), "--out", str(sheet)]) == 0
    assert sheets[0].read_bytes() == sheets[1].read_bytes()
    capsys.readouterr()
