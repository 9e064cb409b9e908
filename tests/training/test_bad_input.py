"""What goes wrong ends with one clear sentence, exit status 1, and nothing half-published."""

import errno
import shutil

import pytest

from tests.drawn import OWN_WORDS
from training import publish
from training.__main__ import main
from training.evaluation.cross_validation import result_file
from training.fit import experiment
from training.fit.callbacks import DivergedError

pytestmark = pytest.mark.usefixtures("all_eagerly")


def fit(recipe, data, run, *more):
    return main(["fit", str(recipe), "--data", str(data), "--out", str(run), *more])


def sentence(capsys):
    """The last line on standard error; a traceback would have many."""
    printed = capsys.readouterr().err.strip().splitlines()
    assert not any(line.startswith("Traceback") for line in printed)
    return printed[-1]


@pytest.fixture
def copy(drawn, tmp_path):
    return shutil.copytree(drawn, tmp_path / "data")


def manifest(folder, *changes):
    path = folder / "manifest.csv"
    text = path.read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    path.write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ([("sparse/03.png,", "sparse/33.png,")], "there is no file sparse/33.png"),
        ([("sparse/03.png,sparse", "sparse/03.png,leukemic")], "lies in 'sparse' and has the label 'leukemic'"),
        (
            [("sparse/03.png,sparse,sparse-3", "sparse/03.png,sparse,leukemic-3")],
            "the group 'leukemic-3' has the labels",
        ),
        ([("sparse/03.png,sparse,sparse-3", "sparse/03.png,odd,odd")], "does not say what the label 'odd' means"),
    ],
)
def test_a_manifest_that_contradicts_itself(copy, tiny, tmp_path, capsys, changes, expected):
    manifest(copy, *changes)
    assert fit(tiny, copy, tmp_path / "run") == 1
    assert expected in sentence(capsys)
    assert not (tmp_path / "run").exists()


def test_one_class_an_empty_class_and_unreadable_pictures(copy, tiny, tmp_path, capsys):
    (copy / "sparse" / "03.png").write_bytes(b"not a picture")
    assert fit(tiny, copy, tmp_path / "run") == 1
    assert "sparse/03.png" in sentence(capsys)
    (copy / "manifest.csv").unlink()
    (copy / "nothing").mkdir()
    assert fit(tiny, copy, tmp_path / "run") == 1
    assert "class folder 'nothing' has no pictures" in sentence(capsys)
    shutil.rmtree(copy / "nothing")
    shutil.rmtree(copy / "sparse")
    assert fit(tiny, copy, tmp_path / "run") == 1
    assert "two labels or more" in sentence(capsys)
    assert not (tmp_path / "run").exists()


def test_fewer_groups_than_folds(drawn, tiny, tmp_path, capsys):
    command = ["crossval", str(tiny), "--data", str(drawn), "--out", str(tmp_path), "--protocol", "grouped"]
    assert main([*command, "--folds", "19"]) == 1
    assert "18 groups, too few for 19 folds" in sentence(capsys)
    assert not result_file(tmp_path, "grouped").exists()


def test_weights_from_nowhere(drawn, tiny, tmp_path, capsys):
    assert fit(tiny, drawn, tmp_path / "run", "--weights", str(tmp_path / "nowhere")) == 1
    assert "There is no folder" in sentence(capsys)


def stop_with(monkeypatch, error):
    def trained(*_, **__):
        raise error

    monkeypatch.setattr(experiment, "trained", trained)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (DivergedError("The loss became NaN. Lower the learning rate in the recipe."), "The loss became NaN"),
        (OSError(errno.ENOSPC, "No space left on device"), "No space left on device. Nothing was published."),
        (KeyboardInterrupt(), "Stopped. Run the same command again"),
    ],
)
def test_a_training_that_ends_early(drawn, tiny, tmp_path, capsys, monkeypatch, error, expected):
    stop_with(monkeypatch, error)
    assert fit(tiny, drawn, tmp_path / "run") == 1
    assert expected in sentence(capsys)
    assert not list(tmp_path.rglob("card.json"))


def test_a_loss_that_becomes_no_number(drawn, tiny, tmp_path, capsys):
    wild = tmp_path / "wild.toml"
    text = tiny.read_text(encoding="utf-8").replace("learning_rate = 1e-3", "learning_rate = 1e30")
    text = text.replace('architecture = "squeezenet"', 'architecture = "colour_statistics"')
    wild.write_text(text, encoding="utf-8")
    assert fit(wild, drawn, tmp_path / "run") == 1
    assert "The loss became NaN. Lower the learning rate" in sentence(capsys)
    assert not list(tmp_path.rglob("card.json"))


@pytest.fixture(scope="module")
def run(drawn, tiny, tmp_path_factory):
    """A finished run of the smallest kind of network."""
    folder = tmp_path_factory.mktemp("small")
    small = folder / "small.toml"
    text = tiny.read_text(encoding="utf-8").replace("squeezenet", "colour_statistics").replace("tiny", "small")
    small.write_text(text, encoding="utf-8")
    assert fit(small, drawn, folder / "run") == 0
    command = ["crossval", str(small), "--data", str(drawn), "--out", str(folder / "run"), "--protocol", "grouped"]
    assert main([*command, "--folds", "2"]) == 0
    return folder / "run"


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_what_breaks_off_while_publishing_leaves_the_earlier_version(run, tmp_path, capsys, monkeypatch, error):
    assert main(["publish", str(run), "--models", str(tmp_path), "--name", "small", *OWN_WORDS]) == 0
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    def full(*_):
        raise error

    monkeypatch.setattr(publish.run_report, "write", full)
    assert main(["publish", str(run), "--models", str(tmp_path), "--name", "small", *OWN_WORDS]) == 1
    assert sentence(capsys)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
