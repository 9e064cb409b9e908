"""Single cells of a field, read by the shipped bundle of scope `cell`."""

from dataclasses import replace

import numpy as np
import pytest
from msgspec import structs

from smear.imaging import synthetic
from smear.imaging.decode import decode
from smear.inference import cell_reader
from smear.inference.field_reader import Reader
from smear.inference.preprocess import prepare
from smear.inference.suggestion import calibrated
from smear.segmentation.field import unsegmented
from smear.segmentation.find import find


@pytest.fixture(scope="module")
def reading(shipped_cells):
    return replace(shipped_cells, card=structs.replace(shipped_cells.card, batch_size=3))


def test_every_leukocyte_has_a_suggestion_and_those_at_the_border_are_not_gradable(reading):
    field = synthetic.field(11, "leukemic", 640)
    found = find(field)
    assert found.cut.any()
    assert (~found.cut).sum() > reading.card.batch_size
    suggestions = cell_reader.read(reading, found)
    assert len(suggestions) == len(found)
    for one, cut in zip(suggestions, found.cut, strict=True):
        assert (one.outcome == "not_gradable") == cut
        if not cut:
            assert sum(one.probabilities.values()) == pytest.approx(1)


def test_a_cell_is_read_the_same_alone_and_among_others(reading):
    field = synthetic.field(11, "leukemic", 640)
    found = find(field)
    suggestions = cell_reader.read(reading, found)
    alone = replace(reading, card=structs.replace(reading.card, batch_size=1))
    for one, other in zip(suggestions, cell_reader.read(alone, found), strict=True):
        for label, probability in one.probabilities.items():
            assert other.probabilities[label] == pytest.approx(probability, abs=1e-4)


def test_no_leukocyte_is_no_suggestion(reading):
    blank = np.full((64, 64, 3), 240, np.uint8)
    assert cell_reader.read(reading, find(blank)) == []


def test_a_bundle_for_fields_is_refused(reading):
    with pytest.raises(cell_reader.WrongScopeError, match="whole fields"):
        cell_reader.read(
            replace(reading, card=structs.replace(reading.card, scope="field")), unsegmented(synthetic.field(1))
        )


def answers(bundle, files):
    """What the reader says of each file, as the command line and the evaluation read it."""
    reader = Reader(bundle)
    return [reader.read(file.read_bytes()).suggestion for file in files]


def test_it_tells_blasts_it_was_trained_on_and_suggests_nothing_of_another_laboratorys_cells(shipped_cells, data):
    """Of C-NMC, which it has seen, most; of PBC, whose cells no label names, next to nothing."""
    seen = {label: sorted((data / "cnmc" / label).iterdir())[::97][:12] for label in ("ALL", "normal")}
    suggestions = [(label, one) for label, files in seen.items() for one in answers(shipped_cells, files)]
    suggested = [(label, one.label) for label, one in suggestions if one.outcome == "suggested"]
    assert len(suggested) > len(suggestions) / 2
    assert np.mean([label == given for label, given in suggested]) > 0.85
    strange = [sorted(folder.iterdir())[3] for folder in sorted((data / "pbc").iterdir()) if folder.is_dir()]
    assert len(strange) == 8
    assert not [one for one in answers(shipped_cells, strange) if one.outcome == "suggested"]


def test_a_cell_on_a_slide_is_answered_as_the_same_cell_on_black(shipped_cells, data):
    """What stands around the cells of C-NMC is black; laid on a bright field they are answered alike."""

    def seen(rgb):
        prepared = prepare(find(rgb), shipped_cells.card)
        logits = shipped_cells.network.forward(prepared[None]).logits
        return calibrated(logits, shipped_cells.card.temperature)[0, 0], shipped_cells.ood.of(prepared)

    apart = []
    for label in ("ALL", "normal"):
        for file in sorted((data / "cnmc" / label).iterdir())[::300][:4]:
            black = decode(file.read_bytes()).rgb
            (one, _), (other, novelty) = (
                seen(rgb) for rgb in (black, np.where(black.max(axis=2, keepdims=True) > 12, black, np.uint8(230)))
            )
            apart.append(abs(one - other))
            assert novelty < shipped_cells.card.ood.value
    assert np.mean(apart) < 0.1
