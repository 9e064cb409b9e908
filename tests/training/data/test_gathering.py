"""Cells of many laboratories in one folder: one name for one kind of cell, and nobody's patient is another's."""

from pathlib import Path

import numpy as np
import pytest

from smear.imaging import synthetic
from smear.imaging.decode import encode
from training.__main__ import main
from training.data import gathering
from training.data.dataset import load
from training.data.gathering import Part, Plan, gather
from training.data.manifest import DataError


@pytest.fixture(scope="module")
def public(tmp_path_factory):
    """A folder with a set of single pictures, whose patients are numbered, and a set of fields."""
    root = tmp_path_factory.mktemp("public")
    lines = {"single": ["path,label,group,source"], "fields": ["path,label,group,source"]}
    for folder, kinds in (("single", ("BL", "LY", "smudge")), ("fields", ("leukemic", "sparse"))):
        for kind in kinds:
            (root / folder / kind).mkdir(parents=True)
            for seed in range(4):
                drawn = "leukemic" if kind in ("BL", "leukemic") else "sparse"
                data = encode(synthetic.field(seed, drawn, 224), "PNG")
                (root / folder / kind / f"{seed}.png").write_bytes(data)
                lines[folder].append(f"{kind}/{seed}.png,{kind},{7 if folder == 'single' else ''},{folder}")
    for folder, rows in lines.items():
        (root / folder / "manifest.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return root


PLAN = Plan(
    (
        Part("single", "north", {"BL": "blast", "LY": "lymphocyte"}, leave_out=("smudge",)),
        Part("fields", "", {"leukemic": "blast", "sparse": "lymphocyte"}, most=2, cut=2),
    )
)


def test_cells_are_gathered_under_one_vocabulary(public, tmp_path):
    rows = gather(PLAN, public, tmp_path / "cells", print)
    assert {row.label for row in rows} == {"blast", "lymphocyte"}
    single = [row for row in rows if row.source == "north"]
    assert len(single) == 8
    assert {row.group for row in single} == {"north:7"}
    cut = [row for row in rows if row.source == "fields"]
    assert 4 < len(cut) <= 8
    assert {row.group for row in cut} == {""}
    data = load(tmp_path / "cells", many_labels=True)
    assert len(data) == len(rows)
    for index, path in enumerate(data.paths):
        height, width = data.picture(index).shape[:2]
        assert max(height, width) < 224 if path.startswith("fields") else (height, width) == (224, 224)


def test_the_same_pictures_are_drawn_every_time(public, tmp_path):
    first, second = (gather(PLAN, public, tmp_path / name, print) for name in ("one", "two"))
    assert first == second


def test_a_cell_under_two_labels_is_left_out_and_named(tmp_path):
    lines, told = ["path,label,group,source"], []
    for label, drawn, seeds in (
        ("blast", "leukemic", (0, 1)),
        ("lymphocyte", "sparse", (2, 3)),
        ("monocyte", "sparse", (3,)),
    ):
        (tmp_path / "torn" / label).mkdir(parents=True)
        for seed in seeds:
            (tmp_path / "torn" / label / f"{seed}.png").write_bytes(encode(synthetic.field(seed, drawn, 224), "PNG"))
            lines.append(f"{label}/{seed}.png,{label},,north")
    (tmp_path / "torn" / "manifest.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    rows = gather(Plan((Part("torn"),)), tmp_path, tmp_path / "cells", told.append)
    kept = ["north/blast/0.png", "north/blast/1.png", "north/lymphocyte/2.png"]
    assert [row.path for row in rows] == kept
    assert sorted(load(tmp_path / "cells", many_labels=True).paths) == kept
    assert sorted(one.relative_to(tmp_path / "cells").as_posix() for one in (tmp_path / "cells").rglob("*.png")) == kept
    both = "north/lymphocyte/3.png ('lymphocyte') and north/monocyte/3.png ('monocyte')"
    assert told == [f"Left out, for they show the same picture under two labels: {both}."]


def test_pictures_of_one_name_in_the_folders_of_several_patients_are_all_there(tmp_path):
    lines = ["path,label,group,source"]
    for patient in ("p1", "p2", "p3"):
        (tmp_path / "clinic" / patient).mkdir(parents=True)
        seed = int(patient[1])
        (tmp_path / "clinic" / patient / "0.png").write_bytes(encode(synthetic.field(seed, "leukemic", 224), "PNG"))
        lines.append(f"{patient}/0.png,{'lymphocyte' if patient == 'p3' else 'blast'},{patient},north")
    (tmp_path / "clinic" / "manifest.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    for cut in (0, 3):
        out = tmp_path / f"cells-{cut}"
        rows = gather(Plan((Part("clinic", cut=cut),)), tmp_path, out, print)
        assert len({row.path for row in rows}) == len(rows)
        assert {row.group for row in rows} == {"north:p1", "north:p2", "north:p3"}
        assert sorted(row.path for row in rows) == sorted(
            path.relative_to(out).as_posix() for path in out.rglob("*.png")
        )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no disk here that is always full")
def test_a_disk_that_is_full_is_said(public, tmp_path, monkeypatch, capsys):
    write_bytes = Path.write_bytes

    def full(path, data):
        return write_bytes(Path("/dev/full") if path.suffix == ".png" else path, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    plan = tmp_path / "plan.toml"
    plan.write_text('[[parts]]\nfolder = "fields"\ncut = 2\n', encoding="utf-8")
    assert main(["gather", "--data", str(public), "--out", str(tmp_path / "cells"), "--plan", str(plan)]) == 1
    assert "No space left on device" in capsys.readouterr().err


def test_what_is_not_there_and_what_is_full_is_said(public, tmp_path):
    with pytest.raises(DataError, match=r"no other/manifest.csv in"):
        gather(Plan((Part("other"),)), public, tmp_path / "new", print)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "note.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(DataError, match="is not empty"):
        gather(PLAN, public, tmp_path / "full", print)
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["note.txt"]


def test_a_plan_that_cannot_be_read_is_refused_in_a_sentence(tmp_path, capsys):
    plan = tmp_path / "plan.toml"
    plan.write_text('[[parts]]\nfolder = "cells"\nfew = 3\n', encoding="utf-8")
    command = ["gather", "--data", str(tmp_path), "--out", str(tmp_path / "out"), "--plan", str(plan)]
    assert main(command) == 1
    assert "plan.toml is no plan of what to gather" in capsys.readouterr().err


def test_the_plan_of_the_project_names_what_the_recipe_knows():
    from training.recipes.loading import load as recipe

    known = recipe("leukolens-differential-2").sources
    assert {part.source for part in gathering.read_plan().parts} - {""} <= set(known)


def clinic(root, name, lines, first=0):
    """Write a data set of drawings, numbered from `first`: of each line its label, its group and its source."""
    table = ["path,label,group,source"]
    for number, (label, group, source) in enumerate(lines, first):
        path = f"{number}.png"
        (root / name).mkdir(parents=True, exist_ok=True)
        (root / name / path).write_bytes(encode(synthetic.field(number, "leukemic", 224), "PNG"))
        table.append(f"{path},{label},{group},{source}")
    (root / name / "manifest.csv").write_text("\n".join(table) + "\n", encoding="utf-8")


def test_who_names_nobody_stays_nobody_and_two_ways_to_write_a_patient_stay_one(tmp_path):
    ids, told = ("n/a", "unknown", "-", "01", "1.0", "P7"), []
    clinic(tmp_path, "first", [("blast" if place % 2 else "lymphocyte", id_, "north") for place, id_ in enumerate(ids)])
    clinic(tmp_path, "second", [("blast", "1", "north"), ("lymphocyte", "p7", "south")], first=20)
    rows = gather(Plan((Part("first"), Part("second"))), tmp_path, tmp_path / "cells", told.append)
    groups = [row.group for row in rows if row.path.startswith("north")]
    assert groups[:3] == ["", "", ""]
    assert set(groups[3:]) == {"north:01", "north:P7"}
    assert [row.group for row in rows if row.path.startswith("south")] == ["south:p7"]
    assert "north: '01', '1', '1.0' are taken for one patient." in told


@pytest.mark.parametrize(("label", "source"), [("blast", "../outside"), ("..", "north"), ("a/b", "north")])
def test_nothing_is_written_beside_the_new_folder(tmp_path, label, source):
    clinic(tmp_path, "clinic", [(label, "", source), ("lymphocyte", "", source)])
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(DataError, match=r"clinic: '.*' cannot be the name of a folder"):
        gather(Plan((Part("clinic"),)), tmp_path, tmp_path / "cells", print)
    assert sorted(tmp_path.rglob("*")) == before


def test_what_cannot_be_read_and_fields_without_cells_are_said(tmp_path):
    clinic(tmp_path, "clinic", [("blast", "", ""), ("blast", "", ""), ("lymphocyte", "", ""), ("lymphocyte", "", "")])
    (tmp_path / "clinic" / "0.png").write_bytes(b"\x89PNG\r\n\x1a\n, and no more")
    blank = np.full((224, 224, 3), 235, np.uint8)
    (tmp_path / "clinic" / "2.png").write_bytes(encode(blank, "PNG"))
    told: list[str] = []
    rows = gather(Plan((Part("clinic", cut=1),)), tmp_path, tmp_path / "cells", told.append)
    assert len(rows) == 2
    unreadable, empty = told
    assert unreadable.startswith("Left out of clinic, for they cannot be read: 1 of its pictures, such as 0.png (")
    assert empty == "Left out of clinic, for they show no whole leukocyte: 1 of its pictures, such as 2.png."
