"""The engine at its edges, with bundles made of nothing: batches, a full queue, damage."""

from __future__ import annotations

import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from app.inference.engine import Engine
from app.inference.loaded_bundles import BundleUnusableError
from app.inference.waiting import EngineBusyError
from smear.artifacts import BundleError
from smear.inference.network import Forward
from tests.app.conftest import BUNDLE
from tests.conftest import copy_bundle


class Network:
    """Stands in for a network: answers with the mean of each picture, and can be held up."""

    device = "CPU"

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Event()

    def warm(self, batch_size: int = 1) -> None:
        """Need no warming."""

    def forward(self, batch: np.ndarray) -> Forward:
        """Wait for the gate and answer."""
        self.entered.set()
        assert self.gate.wait(5)
        self.batches.append(len(batch))
        if batch.max() > 254:
            raise RuntimeError("too bright")
        mean = batch.mean(axis=(1, 2, 3), dtype=np.float32)[:, None]
        return Forward(mean, mean[..., None, None], mean)


def pixels(value: float) -> np.ndarray:
    """Return a prepared picture."""
    return np.full((4, 4, 3), value, np.float32)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with the names of two bundles."""
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "card.json").write_text("{}")
    return tmp_path


def fake(batch_size: int = 4) -> Any:
    """Return a bundle made of nothing."""
    return SimpleNamespace(card=SimpleNamespace(batch_size=batch_size, files={}), network=Network())


def running(folder: Path, bundle: Any, capacity: int = 16) -> Engine:
    """Return a started engine whose bundles are all this one."""
    engine = Engine(folder, capacity, load=lambda _path: bundle)
    engine.start(["first"])
    return engine


def ask(engine: Engine, bundle: Any, values: list[float]) -> tuple[list[threading.Thread], dict[float, Any]]:
    """Ask for several pictures at once, each from its own thread."""
    answers: dict[float, Any] = {}

    def one(value: float) -> None:
        try:
            answers[value] = float(engine.submit(bundle, pixels(value)).result(5).logits[0, 0])
        except Exception as error:
            answers[value] = error

    threads = [threading.Thread(target=one, args=(value,)) for value in values]
    for thread in threads:
        thread.start()
    return threads, answers


def wait_until_queued(engine: Engine, count: int) -> None:
    """Wait until so many pictures wait for the engine."""
    for _ in range(500):
        if len(engine._waiting) >= count:
            return
        threading.Event().wait(0.01)
    raise AssertionError("nothing was queued")


def test_what_arrives_while_busy_is_the_next_batch(folder: Path) -> None:
    """The first picture runs alone and at once; the others together, up to the card's batch size."""
    bundle = fake(batch_size=4)
    engine = running(folder, bundle)
    bundle.network.gate.clear()
    first, answers = ask(engine, bundle, [1])
    assert bundle.network.entered.wait(5)
    rest, others = ask(engine, bundle, [2, 3, 4, 5, 6, 7])
    wait_until_queued(engine, 6)
    bundle.network.gate.set()
    for thread in first + rest:
        thread.join()
    engine.stop()
    assert bundle.network.batches == [1, 4, 2]
    assert answers | others == {value: value for value in (1, 2, 3, 4, 5, 6, 7)}


def test_a_full_queue_says_so_at_once(folder: Path) -> None:
    """The one too many is refused, the others are answered."""
    bundle = fake()
    engine = running(folder, bundle, capacity=2)
    bundle.network.gate.clear()
    threads, answers = ask(engine, bundle, [1])
    assert bundle.network.entered.wait(5)
    more, others = ask(engine, bundle, [2, 3])
    wait_until_queued(engine, 2)
    with pytest.raises(EngineBusyError):
        engine.submit(bundle, pixels(4))
    bundle.network.gate.set()
    for thread in threads + more:
        thread.join()
    engine.stop()
    assert answers | others == {1: 1, 2: 2, 3: 3}


def test_a_failing_batch_reaches_those_who_wait_and_not_the_engine(folder: Path) -> None:
    """After a failure the next picture is read as ever."""
    bundle = fake()
    engine = running(folder, bundle)
    with pytest.raises(RuntimeError, match="too bright"):
        engine.submit(bundle, pixels(255)).result(5)
    assert float(engine.submit(bundle, pixels(9)).result(5).logits[0, 0]) == 9
    engine.stop()


def test_two_bundles_never_share_a_batch(folder: Path) -> None:
    """A second opinion asked for meanwhile goes into a batch of its own."""
    one, two = fake(), fake()
    engine = running(folder, one)
    one.network.gate.clear()
    first, _ = ask(engine, one, [1])
    assert one.network.entered.wait(5)
    mixed_one, a = ask(engine, one, [2, 3])
    mixed_two, b = ask(engine, two, [4, 5])
    wait_until_queued(engine, 4)
    one.network.gate.set()
    for thread in first + mixed_one + mixed_two:
        thread.join()
    engine.stop()
    assert one.network.batches == [1, 2]
    assert two.network.batches == [2]
    assert a | b == {2: 2, 3: 3, 4: 4, 5: 5}


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (BundleError("The model 'second' is damaged: model.keras is not the file that was published."), "damaged"),
        (KeyError("layers"), "cannot be used"),
        (MemoryError(), "cannot be used"),
    ],
    ids=["altered", "strange", "memory"],
)
def test_a_damaged_bundle_is_reported_and_the_other_one_reads(folder: Path, error: Exception, words: str) -> None:
    """Whatever loading raises, it is a sentence, and the engine lives."""
    good = fake()

    def load(path: Path) -> Any:
        if path.name == "second":
            raise error
        return good

    engine = Engine(folder, 4, load=load)
    engine.start(["first"])
    with pytest.raises(BundleUnusableError, match=words):
        engine.load("second")
    assert engine.loaded("second").state == "damaged"
    assert engine.loaded("first").state == "ready"
    with pytest.raises(BundleUnusableError):
        engine.bundle("second")
    assert float(engine.submit(good, pixels(3)).result(5).logits[0, 0]) == 3
    engine.stop()


def test_before_the_bundle_is_loaded_the_answer_is_soon(folder: Path) -> None:
    """While loading, a picture is not refused for good."""
    engine = Engine(folder, 4, load=lambda _path: fake())
    with pytest.raises(EngineBusyError) as busy:
        engine.bundle("first")
    assert busy.value.retry_after > 0


def test_a_bundle_that_does_not_exist_cannot_be_loaded(folder: Path) -> None:
    """Also not one whose name leads out of the folder."""
    engine = running(folder, fake())
    for name in ("third", "../first", "", "."):
        with pytest.raises(BundleUnusableError, match="There is no model"):
            engine.load(name)
    engine.stop()


def test_what_nobody_asked_to_read_is_looked_at_and_not_loaded(tmp_path: Path, models: Path) -> None:
    """A model beside the active one takes no memory until it is asked; a damaged one is known before that."""
    for name in (BUNDLE, "beside", "damaged"):
        copy_bundle(models / BUNDLE, tmp_path, name)
    (tmp_path / "damaged" / "model.onnx").write_bytes(b"other")
    read: list[str] = []

    def load(path: Path) -> Any:
        read.append(path.name)
        return fake()

    engine = Engine(tmp_path, 4, load=load)
    engine.start([BUNDLE])
    for _ in range(500):
        if {one.state for one in engine.all_loaded()} == {"ready", "whole", "damaged"}:
            break
        threading.Event().wait(0.01)
    states = {one.name: one.state for one in engine.all_loaded()}
    assert states == {BUNDLE: "ready", "beside": "whole", "damaged": "damaged"}
    assert read == [BUNDLE]
    assert engine.loaded("beside").usable
    assert not engine.loaded("damaged").usable
    assert engine.bundle("beside")
    assert read[-1] == "beside"
    with pytest.raises(BundleUnusableError, match="is not the file that was published"):
        engine.bundle("damaged")
    engine.stop()
