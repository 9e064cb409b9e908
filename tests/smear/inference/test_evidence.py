"""Evidence by leukocyte: exactly what the network answers without each, and nothing of the others."""

from dataclasses import replace as with_other

import numpy as np
import pytest
from msgspec.structs import replace

from smear.imaging import synthetic
from smear.inference.card import Step
from smear.inference.evidence import TOGETHER, evidence, log_odds, painted_out, without_each
from smear.inference.preprocess import prepare
from smear.inference.suggestion import calibrated
from smear.segmentation.find import find


@pytest.fixture(scope="module")
def field():
    found = find(synthetic.field(7, "leukemic", 288))  # a larger one is read in parts
    assert len(found) >= 3
    return found


def test_it_is_the_change_of_the_calibrated_log_odds(shipped, field):
    changes = evidence(shipped, field)
    assert changes.shape == (len(field),)
    whole = prepare(field, shipped.card)[None]
    which = shipped.network.orientations_of(whole)

    def probability(picture):
        return calibrated(shipped.network.logits(picture, which), shipped.card.temperature)[0]

    label = probability(whole).argmax()
    for i, change in enumerate(changes):
        gone = with_other(field, labels=np.where(field.labels == i + 1, 0, field.labels))
        before, after = (probability(p)[label] for p in (whole, prepare(gone, shipped.card)[None]))
        assert change == pytest.approx(np.log(before / (1 - before)) - np.log(after / (1 - after)), abs=0.02)
    assert len(set(changes.round(3))) > 1


def test_each_picture_lacks_one_leukocyte_and_keeps_the_others(shipped, field):
    shown = without_each(field, shipped.card)
    whole = prepare(field, shipped.card)
    assert shown.shape == (len(field), *whole.shape)
    assert all((one != whole).any() for one in shown)
    nothing = painted_out(field, shipped.card, [np.zeros_like(field.cells)])[0]
    assert (nothing == 255).all()
    assert (painted_out(field, shipped.card, [field.cells])[0] == whole).all()


def test_a_network_that_sees_the_slide_too_is_shown_its_background_in_their_place(shipped, field):
    card = replace(shipped.card, preprocess=(Step("median", {"size": 3}),))
    whole, shown = prepare(field, card), without_each(field, card)
    for i, one in enumerate(shown):
        changed = (one != whole).any(axis=-1)
        x0, y0, x1, y1 = field.boxes[i] * card.input.width / field.rgb.shape[1]
        rows, columns = np.nonzero(changed)
        assert x0 - 6 <= columns.min() <= columns.max() <= x1 + 6
        assert y0 - 6 <= rows.min() <= rows.max() <= y1 + 6


def test_a_field_without_leukocytes_has_none(shipped):
    empty = find(synthetic.field(7, "blank", 320))
    assert evidence(shipped, empty).shape == (0,)


def test_log_odds_are_of_one_label_and_do_not_saturate():
    logits = np.array([[0.0, 40.0, 1.0], [0.0, 30.0, 1.0], [5.0, 0.0, 0.0]])
    odds = log_odds(logits, 2.0, 1)
    assert odds[0] - odds[1] == pytest.approx(5.0)
    p = calibrated(logits[2], 2.0)[1]
    assert odds[2] == pytest.approx(np.log(p / (1 - p)))


def test_many_leukocytes_are_shown_in_several_batches(shipped, field, monkeypatch):
    sizes = []
    ask = shipped.network.logits
    monkeypatch.setattr(shipped.network, "logits", lambda batch, which: sizes.append(len(batch)) or ask(batch, which))
    monkeypatch.setattr("smear.inference.evidence.TOGETHER", 2)
    in_parts = evidence(shipped, field)
    assert sum(sizes) == len(field) + 1
    assert max(sizes) <= 2 < TOGETHER
    monkeypatch.undo()
    np.testing.assert_allclose(in_parts, evidence(shipped, field), atol=1e-3)


def test_a_model_of_single_cells_has_none(shipped_cells, field):
    with pytest.raises(ValueError, match="reads single cells"):
        evidence(shipped_cells, field)
