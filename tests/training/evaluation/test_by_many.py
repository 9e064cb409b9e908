"""`--ray`: what is written and printed is what one process gives, to the last byte, also where a worker dies."""

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from smear.imaging import synthetic
from smear.imaging.decode import encode
from tests.conftest import ROOT
from tests.ray_workers import workers_of
from training.__main__ import main

FIELD = str(ROOT / "models" / "leukolens-field")


@pytest.fixture(scope="module")
def smears(tmp_path_factory):
    """Drawn fields under labels that the shipped bundle has."""
    folder = tmp_path_factory.mktemp("smears")
    for label, kind in (("Benign", "sparse"), ("Pre", "leukemic")):
        (folder / label).mkdir()
        for seed in range(6):
            (folder / label / f"{seed}.png").write_bytes(encode(synthetic.field(seed, kind, 224), "PNG"))
    return folder


@pytest.fixture
def one_killed():
    """Kill the first worker that this process gets, once it has begun to work; return the list of the killed."""
    killed, over = [], threading.Event()

    def watch():
        while not killed and not over.wait(0.2):
            for worker in list(workers_of(os.getpid()))[:1]:
                time.sleep(2)  # it is given its first work
                os.kill(worker, signal.SIGKILL)
                killed.append(worker)

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
    arguments = ["stress", FIELD, "--data", smears.name, "--others", smears.name, "--pictures", "4"]
    many = out_of([*arguments, "--ray", "local"], capsys)
    assert len(one_killed) == 1
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
