"""A label map gives back the very field that was stored, and nothing that is damaged or another picture's is taken."""

import io
from dataclasses import fields

import numpy as np
import pytest
from PIL import Image

from smear.imaging import synthetic
from smear.segmentation import label_map
from smear.segmentation.field import unsegmented
from smear.segmentation.find import find
from smear.segmentation.label_map import LabelMapError


@pytest.fixture(scope="module")
def field():
    return find(synthetic.field(5, "leukemic", 900))


def same(first, second):
    for entry in fields(first):
        one, other = getattr(first, entry.name), getattr(second, entry.name)
        if entry.name == "surround":
            assert (one is None) == (other is None)
        else:
            np.testing.assert_array_equal(one, other, err_msg=entry.name)


@pytest.mark.parametrize(("seed", "kind", "side"), [(5, "leukemic", 900), (1, "sparse", 448), (3, "blank", 224)])
def test_what_is_stored_is_what_was_found(seed, kind, side):
    """Every array to the last pixel, so that readings from a stored map are those of the first day."""
    rgb = synthetic.field(seed, kind, side)
    found = find(rgb)
    same(found, label_map.decode(label_map.encode(found, "segmenter 1"), rgb))


def test_it_says_what_drew_it(field):
    _values, described = label_map.read(label_map.encode(field, "leukolens-cells-mask 9.9"))
    assert described.segmenter == "leukolens-cells-mask 9.9"
    assert described.background == tuple(field.background)


def test_the_same_field_is_the_same_file(field):
    """The image store keeps it under its hash."""
    assert label_map.encode(field, "a") == label_map.encode(field, "a")


def other_png(mode, size=(32, 32)):
    file = io.BytesIO()
    Image.new(mode, size).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize("damage", ["cut", "empty", "flipped", "rgb", "no text", "huge"])
def test_what_is_no_label_map_is_refused(field, damage):
    good = label_map.encode(field, "a")
    bad = {
        "cut": good[: len(good) // 2],
        "empty": b"",
        "flipped": good[:60] + bytes([good[60] ^ 255]) + good[61:],
        "rgb": other_png("RGB"),
        "no text": other_png("I;16"),
        "huge": other_png("I;16", (2000, 2000)),
    }[damage]
    with pytest.raises(LabelMapError):
        label_map.decode(bad, field.rgb)


def test_a_map_of_another_picture_is_refused(field):
    with pytest.raises(LabelMapError, match="another picture"):
        label_map.decode(label_map.encode(field, "a"), synthetic.field(5, "leukemic", 448))


def test_a_field_without_leukocytes_has_a_map(field):
    empty = unsegmented(field.rgb)
    assert len(label_map.decode(label_map.encode(empty, "a"), field.rgb)) == 0


def test_numbers_that_were_given_are_kept(field):
    """An earlier segmenter kept boxes alone: its numbers hold, also where today's sees nothing there."""
    boxes, cut = field.boxes[::-1].copy(), field.cut[::-1].copy()
    boxes[0] = (2, 2, 40, 40)  # nothing is there today
    kept = label_map.renumbered(field, boxes, cut)
    np.testing.assert_array_equal(kept.boxes, boxes)
    assert (kept.labels == 1).any()
    for number in range(2, len(boxes) + 1):
        before = field.labels == len(boxes) - number + 1
        assert np.mean(kept.labels[before] == number) > 0.9
    assert len(kept.areas) == len(boxes)
    same(kept, label_map.decode(label_map.encode(kept, "a"), field.rgb))
