"""From bytes to a reading, by the shipped bundle."""

import json
from dataclasses import replace

import numpy as np
import pytest

from smear.imaging import synthetic
from smear.imaging.decode import ImageError, Picture, encode
from smear.inference.field_reader import Reader
from smear.inference.preprocess import prepare
from smear.inference.reading import Reading
from smear.inference.wide_field import magnification
from smear.segmentation import redraw
from smear.segmentation.find import find


@pytest.fixture(scope="module")
def reader(shipped):
    return Reader(shipped)


@pytest.fixture(scope="module")
def field_bytes():
    return encode(synthetic.field(3, "leukemic"), "PNG")


def test_a_reading_names_its_bundle_and_counts_leukocytes(reader, field_bytes):
    reading = reader.read(field_bytes)
    assert (reading.bundle, reading.version) == (reader.card.name, reader.card.version)
    assert reading.suggestion.outcome in ("suggested", "unsure", "unfamiliar")
    assert reading.leukocytes == len(reading.boxes) > 3
    assert all(0 <= x0 < x1 <= reading.width and 0 <= y0 < y1 <= reading.height for x0, y0, x1, y1 in reading.boxes)
    assert set(reading.suggestion.probabilities) == {label.id for label in reader.card.labels}
    assert reading.maps.shape[0] == len(reader.card.labels)
    assert reading.maps.max() == pytest.approx(1)
    assert reading.maps.min() >= 0
    assert reading.milliseconds > 0


def test_a_reading_survives_the_way_through_json(reader, field_bytes):
    reading = reader.read(field_bytes)
    again = Reading.from_json(json.loads(json.dumps(reading.to_json(), allow_nan=False)))
    np.testing.assert_allclose(again.maps, reading.maps, atol=1e-4)
    assert again.to_json() == reading.to_json()
    refused = reader.read(encode(synthetic.field(3, "blank"), "PNG"))
    again = Reading.from_json(json.loads(json.dumps(refused.to_json())))
    assert again.maps.shape == refused.maps.shape == (len(reader.card.labels), 0, 0)


@pytest.mark.parametrize("kind", ["blank", "erythrocytes_only"])
def test_a_field_without_leukocytes_is_not_gradable(reader, kind):
    for seed in range(5):
        reading = reader.read(encode(synthetic.field(seed, kind), "PNG"))
        assert reading.suggestion.outcome == "not_gradable"
        assert reading.suggestion.reasons
        assert reading.suggestion.probabilities == {}
        assert reading.maps.shape[1:] == (0, 0)
        json.dumps(reading.to_json(), allow_nan=False)


def test_many_are_read_like_one_and_a_bad_file_does_not_stop_the_rest(reader, field_bytes):
    other, blank = encode(synthetic.field(4, "sparse"), "PNG"), encode(synthetic.field(1, "blank"), "PNG")
    first, error, second, third = reader.read_many([field_bytes, b"no picture", other, blank])
    assert isinstance(error, ImageError)
    assert third.suggestion.outcome == "not_gradable"
    for together, data in ((first, field_bytes), (second, other)):
        alone = reader.read(data)
        assert together.suggestion.label == alone.suggestion.label
        assert together.suggestion.probabilities == pytest.approx(alone.suggestion.probabilities, abs=1e-4)


# The solved layer's logits are small differences of large terms, in which what kernels differ by is ten times as much.
@pytest.mark.parametrize(("which", "within"), [("shipped", 1e-4), ("shipped_cells", 1e-3)])
def test_the_golden_inputs_hold(which, within, request):
    one = request.getfixturevalue(which)
    assert one.card.golden
    for golden in one.card.golden:
        seen = prepare(find(synthetic.field(golden.seed, golden.kind)), one.card)
        logits = one.network.forward(seen[None]).logits[0]
        # Kernels differ between processors: absolutely for small logits, relatively for large ones.
        np.testing.assert_allclose(logits, golden.logits, rtol=within, atol=within)


def test_the_size_of_a_field_does_not_decide(reader):
    small = synthetic.field(3, "leukemic")
    large = np.repeat(np.repeat(small, 4, axis=0), 4, axis=1)
    first, second = reader.read(encode(small, "PNG")), reader.read(encode(large, "PNG"))
    assert second.leukocytes == pytest.approx(first.leukocytes, abs=2)
    assert second.width == 4 * first.width


def test_leukocytes_that_a_correction_replaced_are_nothing_to_a_reading(reader):
    """Two that were taken for one and put together again are measured, counted and judged as they were."""
    drawn = synthetic.field(3, "leukemic", 288)
    found = find(drawn)
    whole = np.flatnonzero(~found.cut)
    number = int(whole[np.argmax(found.areas[whole])]) + 1
    x0, y0, x1, y1 = found.boxes[number - 1].tolist()
    halved = redraw.split(found, number, np.array([[(x0 + x1) / 2, y0 - 5], [(x0 + x1) / 2, y1 + 5]]))
    after = redraw.merge(halved, (len(found) + 1, len(found) + 2))
    picture = Picture(drawn, "PNG")
    first, again = (reader.examine(picture, field=field) for field in (found, after))
    reading = reader.conclude(again, reader.answer([again])[0])
    assert len(after) == len(found) + 3
    assert reading.leukocytes == len(found)
    looks = [reader.bundle.looks(one.input, one.field) for one in (first, again)]
    np.testing.assert_allclose(looks[1], looks[0], atol=0.15)
    only = replace(after, cut=after.standing)  # what stands is cut by the border, and what does not counts for nothing
    assert [reason.code for reason in reader.examine(picture, field=only).refusals] == ["no_whole_leukocyte"]
    assert magnification(replace(after, areas=np.where(after.standing, 0.0, after.areas)), reader.card.scale) == 1
