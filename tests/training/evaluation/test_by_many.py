"""`--ray`: what is written and printed is what one process gives, to the last byte, also where a worker dies."""

import gc
import os
import threading
from pathlib import Path

import pytest

from smear.imaging import synthetic
from smear.imaging.decode import encode
from tests.conftest import ROOT
from tests.ray_workers import AT_WORK, kill_one
from training.__main__ import main
from training.data.renderings import RENDERINGS
from training.evaluation import stress

# Where a busy machine begins Ray too late and it is begun again, what the first try began runs on for a while.
pytestmark = pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")

FIELD = str(ROOT / "models" / "leukolens-field")
SOME = ("as it is", "noise 20", "hue +18", "JPEG 20", "vignette 0.3", "enlarged 2")


@pytest.fixture(scope="module")
def smears(tmp_path_factory):
    """Drawn fields under labels that the shipped bundle has."""
    return fields_in(tmp_path_factory.mktemp("smears"), range(6))


def fields_in(folder, seeds):
    for label, kind in (("Benign", "sparse"), ("Pre", "leukemic")):
        (folder / label).mkdir(parents=True)
        for seed in seeds:
            (folder / label / f"{seed}.png").write_bytes(encode(synthetic.field(seed, kind, 224), "PNG"))
    return folder


@pytest.fixture(autouse=True)
def nothing_forgotten():
    """Let go of the first try here, where it is no fault, and not in a test that comes later."""
    yield
    gc.collect()


@pytest.fixture
def one_killed():
    """Kill the first worker of this process that is at work; return an event that tells when that was done."""
    killed, over = threading.Event(), threading.Event()

    def watch():
        while not killed.is_set() and not over.wait(0.1):
            if kill_one(os.getpid(), AT_WORK):
                killed.set()

    thread = threading.Thread(target=watch)
    thread.start()
    yield killed
    over.set()
    thread.join()


def out_of(arguments, capsys):
    assert main(arguments) == 0, capsys.readouterr().err
    return capsys.readouterr().out


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="workers are found by /proc")
def test_stress_by_many(smears, capsys, one_killed, monkeypatch):
    """Of a data set by a relative path, which workers do not begin in, and with one that is killed."""
    monkeypatch.chdir(smears.parent)
    monkeypatch.setattr(stress, "RENDERINGS", {name: RENDERINGS[name] for name in SOME})
    others = fields_in(smears.parent / "others", range(6, 9))
    arguments = ["stress", FIELD, "--data", smears.name, "--others", others.name, "--pictures", "4"]
    many = out_of([*arguments, "--ray", "local"], capsys)
    assert one_killed.is_set()
    assert many == out_of(arguments, capsys)


def test_evaluate_by_many(smears, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("training.evaluation.predictions.PART", 5)
    arguments = ["evaluate", FIELD, "--data", str(smears), "--controls", "none"]
    printed = [
        out_of([*arguments, "--out", str(tmp_path / name), *more], capsys)
        for name, more in (("one", []), ("many", ["--ray", "local"]))
    ]
    assert printed[0] == printed[1]
    assert (tmp_path / "one" / "predictions.csv").read_bytes() == (tmp_path / "many" / "predictions.csv").read_bytes()


def test_crossval_by_many(drawn, tiny, tmp_path, capsys):
    """Folds are the work, and are written where one process writes them."""
    printed = []
    for name, more in (("one", []), ("many", ["--ray", "local"])):
        out = str(tmp_path / name)
        scheme = ["--protocol", "grouped", "--folds", "2", "--set", "schedule.epochs=1"]
        printed.append(out_of(["crossval", str(tiny), "--data", str(drawn), "--out", out, *scheme, *more], capsys))
    one, many = (tmp_path / name for name in ("one", "many"))
    assert printed[0] == printed[1].replace(str(many), str(one))
    assert (one / "crossval-grouped.json").read_bytes() == (many / "crossval-grouped.json").read_bytes()
    for fold in range(2):
        file = Path("grouped") / f"fold-{fold}" / "predictions.npz"
        assert (one / file).read_bytes() == (many / file).read_bytes()


@pytest.mark.parametrize("command", ["stress", "evaluate"])
def test_no_cluster_is_a_sentence(command, smears, capsys):
    assert main([command, FIELD, "--data", str(smears), "--ray", "127.0.0.1:1"]) == 1
    assert "No Ray cluster answers at 127.0.0.1:1" in capsys.readouterr().err.splitlines()[-1]
