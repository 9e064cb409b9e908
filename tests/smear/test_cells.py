"""Single cells of a field, read by a bundle of scope `cell`: here the shipped network, told that it reads cells."""

from dataclasses import replace

import numpy as np
import pytest

from smear import bundle, cells, drawing
from smear.card import Step
from smear.leukocytes import find
from tests.conftest import ROOT


@pytest.fixture(scope="module")
def reading():
    loaded = bundle.load(ROOT / "models" / "leukolens-field")
    card = replace(loaded.card, scope="cell", preprocess=(Step("one_leukocyte"),), batch_size=3)
    return replace(loaded, card=card)


def test_every_leukocyte_has_a_suggestion_and_those_at_the_border_are_not_gradable(reading):
    field = drawing.field(11, "leukemic", 640)
    found = find(field)
    assert found.cut.any()
    assert (~found.cut).sum() > reading.card.batch_size
    said = cells.read(reading, field, found)
    assert len(said) == len(found)
    for one, cut in zip(said, found.cut, strict=True):
        assert (one.outcome == "not_gradable") == cut
        if not cut:
            assert sum(one.probabilities.values()) == pytest.approx(1)


def test_a_cell_is_read_the_same_alone_and_among_others(reading):
    field = drawing.field(11, "leukemic", 640)
    found = find(field)
    said = cells.read(reading, field, found)
    alone = replace(reading, card=replace(reading.card, batch_size=1))
    for one, other in zip(said, cells.read(alone, field, found), strict=True):
        for label, probability in one.probabilities.items():
            assert other.probabilities[label] == pytest.approx(probability, abs=1e-4)


def test_no_leukocyte_is_no_suggestion(reading):
    blank = np.full((64, 64, 3), 240, np.uint8)
    assert cells.read(reading, blank, find(blank)) == []


def test_a_bundle_for_fields_is_refused(reading):
    with pytest.raises(cells.WrongScopeError, match="whole fields"):
        cells.read(replace(reading, card=replace(reading.card, scope="field")), drawing.field(1), None)
