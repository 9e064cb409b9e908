"""A graph answers what the network answers; what nobody published is not run, and nothing is sent anywhere."""

import os
import subprocess
import sys
import threading

import numpy as np
import pytest

from smear.artifacts import GRAPH, MODEL
from smear.imaging import synthetic
from smear.inference import bundle, network
from smear.inference.engines import engine
from smear.inference.engines.engine import UnsuitableModelError
from smear.inference.engines.keras_engine import KerasEngine, read_model
from smear.inference.engines.openvino_engine import OpenVinoEngine
from smear.inference.preprocess import prepare
from smear.segmentation.find import find
from tests.conftest import ROOT, copy_bundle

BUNDLES = ("leukolens-field", "leukolens-differential")  # leukolens-blast rounds too much: TensorFlow serves it
KINDS = ("leukemic", "sparse", "leukemic")


@pytest.fixture(scope="module", params=BUNDLES)
def both(request):
    """The two engines of a shipped bundle, and pictures as it is given them."""
    folder = ROOT / "models" / request.param
    card = bundle.verify(folder)
    fields = [find(synthetic.field(seed, kind)) for seed, kind in enumerate(KINDS)]
    shown = np.stack([prepare(field, card) for field in fields]).astype(np.float32)
    graph = OpenVinoEngine(folder / GRAPH, folder / MODEL)
    return KerasEngine(read_model(folder / MODEL), card.explanation_layer), graph, shown


def test_logits_maps_and_features_are_those_of_tensorflow(both):
    reference, graph, shown = both
    assert graph.input_shape == reference.input_shape
    assert graph.classes == reference.classes
    for count in (1, len(shown)):
        wanted, found = reference(shown[:count], True), graph(shown[:count], True)
        for most, one, two in zip((1e-4, 1e-3, 1e-4), wanted, found, strict=True):
            assert one.shape == two.shape
            assert two.dtype == np.float32
            assert np.abs(one - two).max() <= most * max(1, np.abs(one).max())
        assert wanted[1].max() > 0  # two empty maps would agree as well


def test_threads_that_ask_at_once_get_their_own_answers(both):
    _reference, graph, shown = both
    alone = [graph(one[None], True)[0] for one in shown]
    found = {}

    def ask(index):
        found[index] = [graph(shown[index % len(shown)][None], True)[0] for _ in range(5)]

    threads = [threading.Thread(target=ask, args=(index,)) for index in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for index, answers in found.items():
        for one in answers:
            np.testing.assert_allclose(one, alone[index % len(shown)], atol=1e-5)


def test_a_bundle_is_served_by_its_graph_or_on_a_gpu_by_tensorflow(tmp_path, monkeypatch):
    folder = ROOT / "models" / "leukolens-field"
    card = bundle.read_card(folder)
    monkeypatch.setattr(engine, "GPUS", tmp_path)
    assert isinstance(network.load(folder, card).engine, OpenVinoEngine)
    (tmp_path / "nvidia0").touch()
    assert isinstance(network.load(folder, card).engine, KerasEngine)


def test_a_graph_that_the_card_does_not_list_is_not_run(tmp_path, monkeypatch):
    monkeypatch.setattr(engine, "GPUS", tmp_path / "none")
    folder = copy_bundle(ROOT / "models" / "leukolens-field", tmp_path / "models", "leukolens-field")
    card = bundle.read_card(folder)
    del card.files[GRAPH]
    assert isinstance(network.load(folder, card).engine, KerasEngine)


def test_a_graph_with_other_outputs_is_refused():
    segmenter = ROOT / "models" / "leukolens-cells-mask"
    with pytest.raises(UnsuitableModelError, match="other inputs or outputs"):
        OpenVinoEngine(segmenter / GRAPH, segmenter / MODEL)


ALONE = """
import socket, sys
def refuse(*_arguments): raise AssertionError("something was to be sent")
socket.socket.connect = socket.getaddrinfo = refuse
from pathlib import Path
from smear.imaging import synthetic
from smear.imaging.decode import encode
from smear.inference import bundle
from smear.inference.field_reader import Reader
reading = Reader(bundle.load(Path(sys.argv[1]))).read(encode(synthetic.field(1, "leukemic"), "PNG"))
assert reading.suggestion.probabilities or reading.suggestion.reasons
print(sorted({"tensorflow", "keras"} & set(sys.modules)))
"""


@pytest.mark.skipif(engine.has_gpu(), reason="a GPU is served by TensorFlow")
def test_a_field_is_read_without_tensorflow_and_without_a_network(tmp_path):
    """TensorFlow's import alone takes seconds and hundreds of megabytes; a laboratory's pictures go nowhere.

    Libraries that would tell their makers of it keep what they are going to send in the home folder: nothing is there.
    """
    command = [sys.executable, "-c", ALONE, str(ROOT / "models" / "leukolens-field")]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "ORT_"))}
    environment |= {"HOME": str(tmp_path)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
    assert list(tmp_path.rglob("*")) == []
