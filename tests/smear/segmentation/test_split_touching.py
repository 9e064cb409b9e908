"""Touching cells are told apart by their cores; one cell with several cores, or with a hole, stays one."""

import cv2
import numpy as np
import pytest

from smear.segmentation.split_touching import split

SIDE = 160


def planes_of(cells, cores, holes=(), probability=0.0):
    """Return what the network would answer, float32 (3, h, w), of discs (x, y, radius); `probability`: in the holes."""
    planes = np.zeros((3, SIDE, SIDE), np.float32)
    for place, discs, value in ((0, cells, 1.0), (0, holes, probability), (2, cores, 1.0)):
        for x, y, radius in discs:
            cv2.circle(planes[place], (x, y), radius, value, cv2.FILLED)
    return planes


def waist(apart, radius=30):
    """Return two discs so far apart, and their cores."""
    places = [(80 - apart // 2, 80), (80 + apart - apart // 2, 80)]
    return [(x, y, radius) for x, y in places], [(x, y, radius // 3) for x, y in places]


@pytest.mark.parametrize("apart", [40, 48, 56])
def test_two_cells_that_touch_broadly_are_two(apart):
    """Their common border is up to three quarters as wide as they are."""
    labels, count = split(planes_of(*waist(apart)))
    assert count == 2
    assert labels[80, 40] != labels[80, 120] > 0


def test_one_cell_with_two_cores_is_one():
    labels, _count = split(planes_of(*waist(16)))
    assert len(np.unique(labels[labels > 0])) == 1


LOBES = [(80, 46, 8), (51, 97, 8), (109, 97, 8)]
MIDDLE = [(80, 80, 18), (102, 67, 10), (58, 67, 10), (80, 105, 10)]  # it reaches out between the lobes


def test_the_pale_middle_of_a_neutrophil_is_no_gap_between_cells():
    labels, _count = split(planes_of([(80, 80, 50)], LOBES, MIDDLE, probability=0.35))
    assert len(np.unique(labels[labels > 0])) == 1


def test_slide_between_touching_cells_stays_slide():
    ring = [(80, 48, 28), (52, 97, 28), (108, 97, 28)]
    labels, count = split(planes_of(ring, [(x, y, 8) for x, y, _radius in ring]))
    assert count == 3
    assert labels[80, 80] == 0
    assert len({int(labels[y, x]) for x, y, _radius in ring}) == 3


def test_a_picture_that_is_hardly_cell_anywhere_is_not_filled():
    """The slide itself is no hole, however unsure the network is of it."""
    planes = planes_of([(80, 80, 20)], [(80, 80, 6)])
    planes[0] = np.maximum(planes[0], 0.4)
    labels, count = split(planes)
    assert count == 1
    assert np.count_nonzero(labels) < 1.2 * np.pi * 20**2
