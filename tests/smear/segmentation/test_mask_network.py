"""The published network that finds leukocytes: what its card promises, and what happens when files are not right."""

import json
import shutil

import numpy as np
import pytest

from smear.artifacts import GRAPH
from smear.imaging import synthetic
from smear.imaging.background import background_colour, white_balanced
from smear.segmentation import mask_network
from smear.segmentation.mask_network import CELL, CORE, FOLDER, NUCLEUS, SegmenterError, verify

MODEL = "model.keras"


@pytest.fixture
def copy(tmp_path):
    return shutil.copytree(FOLDER, tmp_path / FOLDER.name)


def test_the_card_says_what_it_is_and_how_good():
    card = verify()
    assert card.name == FOLDER.name
    assert card.scope == "mask"
    assert set(card.files) == {MODEL, GRAPH}
    for result in card.metrics.values():
        assert {"nucleus_dice", "cell_dice", "precision", "recall", "f1", "rivals"} <= set(result)
    assert card.known_failures
    assert "Taleghani" in card.attribution


@pytest.mark.parametrize("name", [MODEL, GRAPH])
def test_a_flipped_byte_is_noticed(copy, name):
    data = bytearray((copy / name).read_bytes())
    data[len(data) // 2] ^= 1
    (copy / name).write_bytes(data)
    with pytest.raises(SegmenterError, match="damaged"):
        mask_network.segmenter(copy)


@pytest.mark.parametrize("broken", ["", "{", "[]", json.dumps({"schema": 1})])
def test_a_broken_card_is_a_sentence(copy, broken):
    (copy / mask_network.CARD).write_text(broken)
    with pytest.raises(SegmenterError, match="cannot be read"):
        verify(copy)


def test_a_missing_bundle_is_a_sentence(tmp_path):
    with pytest.raises(SegmenterError, match="cannot be read"):
        verify(tmp_path / "nothing")


def test_a_bundle_of_before_the_graph_is_a_sentence(copy):
    card = json.loads((copy / mask_network.CARD).read_text())
    del card["files"][GRAPH]
    (copy / mask_network.CARD).write_text(json.dumps(card))
    with pytest.raises(SegmenterError, match=r"no model\.onnx"):
        mask_network.segmenter(copy)


def test_the_graph_says_what_the_keras_model_says():
    import keras

    rgb = synthetic.field(5, "leukemic", 224)
    logits = np.asarray(keras.models.load_model(FOLDER / MODEL, compile=False)(rgb[None].astype(np.float32)))[0]
    shares = np.exp(logits[..., :3] - logits[..., :3].max(axis=-1, keepdims=True))
    shares /= shares.sum(axis=-1, keepdims=True)
    core = 1 / (1 + np.exp(-logits[..., 3]))
    expected = np.stack([1 - shares[..., 0], shares[..., 2], core])
    assert np.abs(mask_network.segmenter()(rgb) - expected).max() < 1e-4


def test_it_is_loaded_once():
    assert mask_network.segmenter() is mask_network.segmenter()


@pytest.mark.parametrize("size", [(16, 16), (97, 130), (224, 224), (31, 320)])
def test_any_size_is_answered_at_that_size_in_shares(size):
    rgb = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    probabilities = mask_network.segmenter()(rgb)
    assert probabilities.shape == (3, *size)
    assert probabilities.dtype == np.float32
    assert probabilities.min() >= 0
    assert probabilities.max() <= 1
    assert (probabilities[NUCLEUS] <= probabilities[CELL] + 1e-5).all()


def test_padding_changes_little():
    field = synthetic.field(5, "leukemic", 224)
    balanced = white_balanced(field, background_colour(field))
    whole, part = mask_network.segmenter()(balanced), mask_network.segmenter()(balanced[:200, :210])
    inside = np.abs(whole[:, :150, :150] - part[:, :150, :150])
    assert (inside[[CELL, NUCLEUS]] > 0.5).mean() < 0.005
    assert (inside[CORE] > 0.5).mean() < 0.02


def test_it_lies_among_the_bundles_that_are_configured(copy):
    """A lab's own folder of models may bring its own segmenter; one without it uses the shipped one."""
    card = json.loads((copy / "card.json").read_text())
    (copy / "card.json").write_text(json.dumps(card | {"version": "9.9.9"}))
    try:
        mask_network.use(copy.parent)
        assert mask_network.read_card().version == "9.9.9"
        mask_network.use(copy.parent / "nowhere")
        assert mask_network.read_card().version == card["version"]
    finally:
        mask_network.use(FOLDER.parent)
