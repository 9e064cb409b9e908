"""A picture that shows more than the training pictures did is read in parts, one that shows it larger is shrunk."""

from dataclasses import replace

import numpy as np
import pytest
from msgspec import structs

from smear.imaging import synthetic
from smear.imaging.decode import Picture
from smear.inference import wide_field
from smear.inference.card import Scale
from smear.inference.evidence import evidence, painted_out
from smear.inference.field_reader import Reader
from smear.inference.suggestion import calibrated
from smear.segmentation.find import find
from training.data.renderings import enlarge, shrink

SIDE = 224


def drawn(seed, kind="leukemic"):
    return synthetic.field(seed, kind, SIDE)


@pytest.fixture(scope="module")
def scale():
    """The scale of drawn fields of 224 px."""
    nuclei = [np.sqrt(np.median(find(drawn(seed)).areas)) for seed in range(12)]
    return Scale(SIDE, float(np.median(nuclei)), float(min(nuclei)), float(max(nuclei)))


@pytest.fixture(scope="module")
def reader(shipped, scale):
    """The shipped bundle as if it were trained on drawn fields: nothing is unfamiliar or too unsure for it."""
    card = structs.replace(
        shipped.card,
        scale=scale,
        ood=structs.replace(shipped.card.ood, value=1e9),
        abstention=structs.replace(shipped.card.abstention, value=0.0),
    )
    return Reader(replace(shipped, card=card))


@pytest.fixture(scope="module")
def montage():
    """Four drawn fields side by side, the last one empty."""
    rows = [np.hstack([drawn(1), drawn(2)]), np.hstack([drawn(3), drawn(4, "blank")])]
    return np.vstack(rows)


def of(rgb):
    return Picture(rgb, "PNG")


def read(reader, rgb):
    examination = reader.examine(of(rgb))
    return reader.conclude(examination, None if examination.refusals else reader.answer([examination])[0])


def test_a_field_of_the_known_size_is_read_as_it_is(reader):
    assert reader.examine(of(drawn(1))).parts == ()
    assert reader.examine(of(drawn(1))).inputs.shape == (1, 192, 192, 3)


def test_a_wide_field_is_cut_where_the_training_pictures_would_end(reader, montage):
    """Three of four parts have leukocytes; each is given to the network just as the field by itself is."""
    examination = reader.examine(of(montage))
    assert [box for box, _ in examination.parts] == [[0, 0, 224, 224], [224, 0, 448, 224], [0, 224, 224, 448]]
    for seen, seed in zip(examination.inputs, (1, 2, 3), strict=True):
        np.testing.assert_array_equal(seen, reader.examine(of(drawn(seed))).input)


def test_what_is_said_of_the_parts_is_pooled(reader, montage):
    """The probabilities are the mean, the maps lie where the parts do, and the boxes count all leukocytes."""
    whole, parts = read(reader, montage), [read(reader, drawn(seed)) for seed in (1, 2, 3)]
    for label, probability in whole.suggestion.probabilities.items():
        expected = np.mean([part.suggestion.probabilities[label] for part in parts])
        assert probability == pytest.approx(expected, abs=1e-4)
    assert whole.parts == [[0, 0, 224, 224], [224, 0, 448, 224], [0, 224, 224, 448]]
    assert wide_field.IN_PARTS.format(3) in whole.notes
    rows, columns = parts[0].maps.shape[1:]
    assert whole.maps.shape == (len(reader.card.labels), 2 * rows, 2 * columns)
    assert whole.maps.max() == pytest.approx(1)
    assert whole.maps[:, rows:, columns:].max() == 0
    assert (whole.width, whole.height) == (448, 448)
    assert whole.leukocytes == len(find(montage))


def test_a_picture_of_larger_cells_is_shrunk_and_read_as_one(reader):
    """Twice as large it says what it says as it is, to what two resamplings change."""
    plain, large = read(reader, drawn(1)), read(reader, enlarge(drawn(1), 2))
    assert wide_field.AT_SCALE in large.notes
    assert large.parts == [[0, 0, 448, 448]]
    for label, probability in plain.suggestion.probabilities.items():
        assert large.suggestion.probabilities[label] == pytest.approx(probability, abs=0.15)


def test_cells_that_are_much_too_small_are_refused_with_what_to_do(reader, montage):
    wide = np.tile(shrink(montage, 2), (3, 3, 1))
    reading = read(reader, wide)
    assert reading.suggestion.outcome == "not_gradable"
    assert [reason.code for reason in reading.suggestion.reasons] == [wide_field.MAGNIFICATION]
    assert "stronger objective" in reading.suggestion.reasons[0].text


def test_a_wide_field_without_leukocytes_says_what_any_field_says(reader):
    reading = read(reader, np.tile(drawn(4, "blank"), (2, 2, 1)))
    assert reading.suggestion.outcome == "not_gradable"
    assert reading.parts == []


def test_of_a_very_wide_field_the_parts_with_the_most_leukocytes_are_read(scale):
    field = find(np.tile(np.hstack([drawn(1), drawn(4, "blank")]), (8, 5, 1)))
    plan = wide_field.plan(field, scale)
    assert plan is not None
    assert len(plan.boxes) == wide_field.MOST_PARTS
    assert set(plan.boxes[:, 0] // SIDE % 2) == {0}


def test_a_card_that_does_not_know_its_scale_reads_as_before(shipped, montage):
    assert shipped.card.scale is None or wide_field.plan(find(montage), None) is None
    assert wide_field.plan(find(montage), None) is None


def test_stitched_maps_take_the_larger_of_overlapping_parts():
    low, high = np.full((1, 2, 2), 0.25, np.float32), np.full((1, 2, 2), 1.0, np.float32)
    whole = wide_field.stitched([low, high], np.array([[0, 0, 100, 100], [50, 0, 150, 100]]), 100, 150)
    np.testing.assert_array_equal(whole[0], [[0.25, 1, 1], [0.25, 1, 1]])


def test_evidence_is_what_the_pooled_answer_loses_without_a_leukocyte(reader, montage):
    """Asked of each part anew: the part without the leukocyte, beside the other parts as they are."""
    field = find(montage)
    examination = reader.examine(of(montage), field=field)
    changes = evidence(reader.bundle, field)
    assert changes.shape == (len(field),)
    network, temperature = reader.bundle.network, reader.card.temperature

    def answer(shown, which):
        return calibrated(network.logits(shown[None], which), temperature)[0]

    which = [network.orientations_of(shown[None]) for shown in examination.inputs]
    before = [answer(*of_part) for of_part in zip(examination.inputs, which, strict=True)]
    mean = np.mean(before, axis=0)
    label = mean.argmax()
    assert (
        reader.conclude(examination, reader.answer([examination])[0]).suggestion.label == reader.card.labels[label].id
    )
    told = 0
    for number, change in enumerate(changes):
        middle = (field.boxes[number][:2] + field.boxes[number][2:]) / 2
        after = list(before)
        for k, (box, part) in enumerate(examination.parts):
            inside = [
                j
                for j, own in enumerate(part.boxes)
                if (own[:2] <= middle - box[:2]).all() and (middle - box[:2] < own[2:]).all()
            ]
            if inside:
                told += 1
                gone = painted_out(part, reader.card, [part.cells & ~np.isin(part.labels, np.array(inside) + 1)])[0]
                after[k] = answer(gone, which[k])
        p, q = mean[label], np.mean(after, axis=0)[label]
        assert change == pytest.approx(np.log(p / (1 - p)) - np.log(q / (1 - q)), abs=0.02)
    assert told >= len(field)
    assert len(set(changes.round(3))) > 1
