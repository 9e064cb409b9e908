"""A bundle answers its golden inputs as its card says, or is not loaded; one without any answers in numbers."""

import json

import keras
import numpy as np
import pytest

from smear.artifacts import BundleError, sha256
from smear.inference import bundle
from tests.conftest import ROOT, copy_bundle, write_cell_bundle


def change(path, **entries):
    """Let a card say something else."""
    card = json.loads((path / "card.json").read_text())
    (path / "card.json").write_text(json.dumps(card | entries))


def test_the_shipped_bundles_answer_as_they_say():
    """All of them, also those of which a reading decides by the confidence how many orientations it needs."""
    for name in bundle.names(ROOT / "models"):
        assert bundle.load(ROOT / "models" / name).card.golden


def test_another_network_than_the_published_one_is_refused(tmp_path):
    """Also where the card was given the hash of its file."""
    path = copy_bundle(ROOT / "models" / "leukolens-blast", tmp_path, "exchanged")
    card = json.loads((path / "card.json").read_text())
    golden = [one | {"logits": [value + 1 for value in one["logits"]]} for one in card["golden"]]
    change(path, golden=golden)
    with pytest.raises(BundleError, match="does not answer as its card says"):
        bundle.load(path)


def test_what_only_another_segmenter_could_see_is_not_compared(tmp_path):
    """Its inputs were others; that it answers in numbers is still asked."""
    path = copy_bundle(ROOT / "models" / "leukolens-blast", tmp_path, "older")
    card = json.loads((path / "card.json").read_text())
    golden = [one | {"logits": [9.0, -9.0]} for one in card["golden"]]
    change(path, golden=golden, frameworks=card["frameworks"] | {"segmenter": "leukolens-cells-mask 0.0.1"})
    assert bundle.load(path)


def test_weights_that_are_no_numbers_are_refused(tmp_path):
    """Without golden inputs too."""
    path = write_cell_bundle(tmp_path)
    model = keras.models.load_model(path / bundle.MODEL)
    model.set_weights([np.full_like(one, np.nan) for one in model.get_weights()])
    model.save(path / bundle.MODEL)
    card = json.loads((path / "card.json").read_text())
    change(path, files=card["files"] | {bundle.MODEL: sha256(path / bundle.MODEL)})
    with pytest.raises(BundleError, match="NaN"):
        bundle.load(path)


def test_statistics_that_are_no_numbers_are_refused(tmp_path):
    """A score of NaN is above no threshold, so that nothing would be unfamiliar."""
    path = write_cell_bundle(tmp_path)
    with np.load(path / bundle.OOD) as stored:
        arrays = dict(stored)
    np.savez(path / bundle.OOD, **arrays | {"mean": arrays["mean"] * np.nan})
    card = json.loads((path / "card.json").read_text())
    change(path, files=card["files"] | {bundle.OOD: sha256(path / bundle.OOD)})
    with pytest.raises(BundleError, match="NaN"):
        bundle.load(path)
