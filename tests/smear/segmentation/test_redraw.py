"""Outlines that a person corrects: numbers stay, pixels change hands, and what makes no sense is told."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from smear.imaging import synthetic
from smear.segmentation import label_map
from smear.segmentation.erythrocytes import erythrocyte_diameter
from smear.segmentation.field import Field
from smear.segmentation.find import find
from smear.segmentation.redraw import RedrawError, add, merge, split


@pytest.fixture(scope="module")
def found() -> Field:
    """Return a drawn field with leukocytes."""
    return find(synthetic.field(7, "leukemic", 448))


def largest_whole(field: Field) -> int:
    """Return the number of the largest leukocyte that the border does not cut."""
    sizes = np.bincount(field.labels.ravel(), minlength=len(field) + 1)[1:].astype(float)
    sizes[field.cut] = 0
    return int(sizes.argmax()) + 1


def test_a_split_cell_has_two_halves_and_its_number_stays(found: Field) -> None:
    """The halves have all of its pixels, about as many each; it has none, and nothing else changed."""
    number = largest_whole(found)
    before = found.labels == number
    after = split(found, number)
    assert len(after) == len(found) + 2
    halves = [after.labels == len(found) + k for k in (1, 2)]
    assert np.array_equal(halves[0] | halves[1], before)
    assert min(h.sum() for h in halves) > 0.25 * before.sum()
    assert after.standing.tolist().index(False) == number - 1
    assert np.array_equal(after.boxes[: len(found)], found.boxes)
    others = ~before
    assert np.array_equal(after.labels[others], found.labels[others])
    assert not after.cut[-2:].any()


def test_a_line_says_which_half_is_which(found: Field) -> None:
    """A vertical line leaves what is left of it on one side; one that misses the cell is refused."""
    number = largest_whole(found)
    x0, y0, x1, y1 = found.boxes[number - 1].tolist()
    middle = (x0 + x1) / 2
    after = split(found, number, np.array([[middle, y0], [middle, y1]], float))
    columns = [np.nonzero(after.labels == len(found) + k)[1] for k in (1, 2)]
    assert max(columns[0].max(), columns[1].max()) > middle / after.scale
    assert columns[0].min() > columns[1].max() or columns[1].min() > columns[0].max()
    with pytest.raises(RedrawError, match="hardly anything of one part"):
        split(found, number, np.array([[x1 + 50, y0], [x1 + 50, y1]], float))


def test_what_was_split_is_one_again_after_merging(found: Field) -> None:
    """The merged cell has the pixels of the first; the halves have none any more."""
    number = largest_whole(found)
    halved = split(found, number)
    whole = merge(halved, (len(found) + 1, len(found) + 2))
    assert len(whole) == len(found) + 3
    assert (whole.labels == len(whole)).sum() >= (found.labels == number).sum()
    assert not whole.standing[[number - 1, len(found), len(found) + 1]].any()
    with pytest.raises(RedrawError, match="drawn anew before"):
        split(whole, number)


def test_cells_that_do_not_touch_are_not_one(found: Field) -> None:
    """Nor is a single one."""
    order = np.argsort(found.boxes[:, 0])
    with pytest.raises(RedrawError, match="do not touch"):
        merge(found, (int(order[0]) + 1, int(order[-1]) + 1))
    with pytest.raises(RedrawError, match="at least two"):
        merge(found, (1, 1))


def test_an_outline_adds_a_cell_with_a_nucleus(found: Field) -> None:
    """Where one is taken away, its outline brings it back under a new number; a label map keeps it."""
    number = largest_whole(found)
    x0, y0, x1, y1 = found.boxes[number - 1].tolist()
    gone = split(found, number)  # its pixels belong to others
    square = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], float)
    with pytest.raises(RedrawError, match="Hardly anything"):
        add(gone, np.array([[x0 + 9, y0 + 9], [x0 + 9.5, y0 + 9], [x0 + 9, y0 + 9.5]]))
    free = found.labels == 0
    empty = replace(found, labels=np.where(found.labels == number, 0, found.labels))
    after = add(empty, square)
    mask = after.labels == len(found) + 1
    assert np.count_nonzero(mask) >= np.count_nonzero(found.labels == number)
    assert not (mask & ~free & (found.labels != number)).any()
    assert 0.05 < (after.nuclei & mask).sum() / mask.sum() < 0.95
    stored = label_map.decode(label_map.encode(after, "drawn 1"), found.rgb)
    assert np.array_equal(stored.labels, after.labels)
    assert np.array_equal(stored.boxes, after.boxes)


@pytest.mark.parametrize(
    "outline",
    [np.zeros((0, 2)), np.zeros((2, 2)), np.zeros((5, 3)), np.full((4, 2), np.nan), np.full((4, 2), 1e300), np.ones(3)],
)
def test_what_is_no_outline_is_told(found: Field, outline: np.ndarray) -> None:
    """A sentence, whatever a form sends."""
    with pytest.raises(RedrawError):
        add(found, outline)


def test_a_field_without_erythrocytes_has_no_measure() -> None:
    """None, and no number that means nothing."""
    assert erythrocyte_diameter(find(synthetic.field(7, "blank", 320))) is None


@pytest.mark.realdata
def test_erythrocytes_of_a_real_field_have_their_size(request: pytest.FixtureRequest) -> None:
    """BCCD's fields (640 x 480) have erythrocytes of 70 to 110 pixels, as their published boxes say."""
    from smear.imaging.decode import decode

    folder = request.getfixturevalue("data") / "leukemia_types" / "healthy"
    sizes = [erythrocyte_diameter(find(decode(path.read_bytes()).rgb)) for path in sorted(folder.glob("*.jpg"))[:12]]
    known = [size for size in sizes if size is not None]
    assert len(known) >= 6
    assert 70 < float(np.median(known)) < 110
