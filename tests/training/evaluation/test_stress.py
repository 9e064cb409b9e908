"""What is asked of a bundle or a run on other pictures: every set that is named, as many as are asked for, in time."""

import json
import shutil

import pytest

from smear.imaging import synthetic
from smear.imaging.decode import encode
from tests.conftest import ROOT
from training.__main__ import main
from training.data.dataset import load
from training.data.renderings import RENDERINGS
from training.evaluation import stress
from training.evaluation.cross_fit import PLAN, PREDICTIONS

FIELD = str(ROOT / "models" / "leukolens-field")


@pytest.fixture(autouse=True)
def few_renderings(monkeypatch):
    """Two renderings say what fifty do."""
    monkeypatch.setattr(stress, "RENDERINGS", {name: RENDERINGS[name] for name in ("as it is", "hue +18")})


def pictures(folder, labels, first, count=3):
    """Write drawn fields under these labels."""
    for number, label in enumerate(labels):
        (folder / label).mkdir(parents=True)
        for seed in range(first + count * number, first + count * (number + 1)):
            (folder / label / f"{seed}.png").write_bytes(encode(synthetic.field(seed, "leukemic", 224), "PNG"))
    return folder


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """Drawn fields under labels of the shipped bundle."""
    return pictures(tmp_path_factory.mktemp("own") / "own", ("Benign", "Pre"), 0)


def test_two_sets_of_one_name_are_refused_and_not_one_of_them_left_out(own, tmp_path, capsys):
    first, second = (pictures(tmp_path / name / "marrow", ("x",), 10 * number) for number, name in enumerate("ab", 1))
    assert main(["stress", FIELD, "--data", str(own), "--others", str(first), str(second)]) == 1
    assert "Two folders after --others are called 'marrow'" in capsys.readouterr().err
    assert main(["stress", FIELD, "--data", str(own), "--others", str(first), str(own)]) == 1
    assert "is the data of --data itself" in capsys.readouterr().err
    assert main(["stress", FIELD, "--data", str(own), "--others", str(first)]) == 0
    row = capsys.readouterr().out.splitlines()[2].split(",")
    assert (row[0], row[1], row[6]) == ("as it is", "6", "3")


def test_pictures_of_one_label_can_be_asked_about(tmp_path, capsys):
    healthy = pictures(tmp_path / "healthy", ("Benign",), 0)
    assert main(["evaluate", FIELD, "--data", str(healthy), "--controls", "none", "--format", "json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert (printed["n"], printed["auroc"]) == (3, None)
    assert main(["evaluate", FIELD, "--data", str(healthy), "--controls", "none"]) == 0
    assert "mean over classes that occur" in capsys.readouterr().out
    assert main(["fit", "leukolens-field", "--data", str(healthy), "--out", str(tmp_path / "run")]) == 1
    assert "A model needs two labels or more" in capsys.readouterr().err


def test_a_label_that_the_bundle_has_not_is_said_before_anything_is_read(own, tmp_path, capsys, monkeypatch):
    strange = shutil.copytree(own, tmp_path / "strange")
    (strange / "Pre").rename(strange / "AML")
    monkeypatch.setattr(stress, "answers", lambda *_given: pytest.fail("pictures were read first"))
    assert main(["stress", FIELD, "--data", str(strange)]) == 1
    assert "The data has the label 'AML'" in capsys.readouterr().err


def test_no_more_pictures_are_drawn_than_are_asked_for(trained_run, drawn):
    asked = stress.of_run(trained_run, load(drawn))
    assert len(asked.readers) == 2
    for count in (1, 5, 6):
        assert {row.own for row in stress.stress(asked, load(drawn), {}, count).renderings} == {count}


@pytest.mark.parametrize(
    ("file", "content", "sentence"),
    [
        (PLAN, b"{}", "does not say what the folds beside it are of"),
        (PLAN, b'{"fingerprint": "', "does not say what the folds beside it are of"),
        (f"fold-0/{PREDICTIONS}", b"PK", "is of an earlier version, or damaged"),
    ],
)
def test_a_damaged_run_is_a_sentence(trained_run, drawn, tmp_path, capsys, file, content, sentence):
    run = shutil.copytree(trained_run, tmp_path / "run")
    (run / "grouped" / file).write_bytes(content)
    for command in (["stress", str(run)], ["ood", str(run)]):
        others = pictures(tmp_path / command[0], ("x",), 50) if command[0] == "ood" else None
        arguments = [*command, "--data", str(drawn), *(["--others", str(others)] if others else [])]
        assert main(arguments) == 1
        assert sentence in capsys.readouterr().err


def test_what_a_kill_left_of_a_draft_is_no_network_of_a_fold(trained_run, drawn, tmp_path):
    run = shutil.copytree(trained_run, tmp_path / "run")
    (run / "grouped" / "fold-0" / ".tiny-abc").mkdir()
    (run / "grouped" / "fold-0" / ".tiny-abc" / "card.json").write_text("{", encoding="utf-8")
    assert len(stress.of_run(run, load(drawn)).readers) == 2


@pytest.mark.parametrize("count", ["1", "0", "-1"])
def test_fewer_than_two_folds_are_not_understood(drawn, tiny, tmp_path, capsys, count):
    command = ["crossval", str(tiny), "--data", str(drawn), "--out", str(tmp_path / "run"), "--protocol", "random"]
    assert main([*command, "--folds", count]) == 2
    assert f"{count} is not in the range x>=2" in capsys.readouterr().err
