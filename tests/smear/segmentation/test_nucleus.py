"""Which pixels of a cell are nucleus: the picture's own dyes correct the network, and only where they can."""

import cv2
import numpy as np
import pytest

from smear.imaging.background import optical_density
from smear.segmentation import nucleus

WHITE = np.full(3, 255, np.uint8)
SIDE = 160
MIDDLE = (SIDE // 2, SIDE // 2)


def disc(radius):
    mask = np.zeros((SIDE, SIDE), np.uint8)
    cv2.circle(mask, MIDDLE, radius, 1, cv2.FILLED)
    return mask.view(bool)


def refined(rgb, labels, probability):
    """Return where the nucleus is, before and after, bool (h, w) each."""
    after = nucleus.refine_nucleus(rgb, optical_density(rgb, WHITE), labels, probability)
    return probability > nucleus.THRESHOLD, after > nucleus.THRESHOLD


def share(mask, of):
    return np.count_nonzero(mask & of) / np.count_nonzero(of)


def test_a_dark_rim_that_the_network_takes_for_nucleus_is_cytoplasm():
    cell, core, rim = disc(50), disc(28), disc(50) & ~disc(44)
    rgb = np.full((SIDE, SIDE, 3), 255, np.uint8)
    rgb[cell], rgb[rim], rgb[core] = (205, 190, 220), (180, 160, 190), (90, 40, 130)
    probability = np.where(core, 0.98, np.where(rim, 0.6, 0.03)).astype(np.float32)
    before, after = refined(rgb, cell.astype(np.int32), probability)
    assert share(before, rim) == 1
    assert share(after, rim) < 0.05
    assert share(after, core) > 0.99


def test_a_cut_through_the_chromatin_is_left_alone():
    """Pale blasts: half of what the network is sure of lies on the wrong side of the cut between light and dark."""
    cell, core = disc(50), disc(48)
    rgb = np.full((SIDE, SIDE, 3), 255, np.uint8)
    rgb[cell], rgb[core] = (225, 200, 235), (200, 165, 220)
    dense = core & (np.arange(SIDE) > SIDE // 2)
    rgb[dense] = (120, 60, 150)
    probability = np.where(core, 0.95, 0.05).astype(np.float32)
    _before, after = refined(rgb, cell.astype(np.int32), probability)
    assert share(after, core) == 1


@pytest.mark.parametrize("labels", [np.zeros((SIDE, SIDE), np.int32), disc(50).astype(np.int32)])
def test_without_both_kinds_the_network_has_the_last_word(labels):
    probability = np.full((SIDE, SIDE), 0.97, np.float32)
    rgb = np.full((SIDE, SIDE, 3), 120, np.uint8)
    density = optical_density(rgb, WHITE)
    assert nucleus.refine_nucleus(rgb, density, labels, probability) is probability


def test_nuclei_are_the_most_violet():
    rgb = np.zeros((9, 27, 3), np.uint8)
    rgb[:, :9], rgb[:, 9:18], rgb[:, 18:] = (250, 250, 250), (200, 185, 220), (90, 40, 130)
    values = nucleus.violet(rgb)[4, [4, 13, 22]].tolist()
    assert values == sorted(values)
    assert values == [-250, 41 - 185, 177 - 40]


def test_scraps_of_a_nucleus_are_dropped_and_lobes_are_not():
    labels = np.zeros((60, 120), np.int32)
    cv2.circle(labels, (30, 30), 28, 1, cv2.FILLED)
    cv2.circle(labels, (90, 30), 28, 2, cv2.FILLED)
    nuclei = np.zeros((60, 120), np.uint8)
    cv2.circle(nuclei, (24, 30), 12, 1, cv2.FILLED)
    cv2.circle(nuclei, (48, 30), 5, 1, cv2.FILLED)  # a lobe: a sixth of the other
    cv2.circle(nuclei, (24, 8), 2, 1, cv2.FILLED)  # a scrap
    cv2.circle(nuclei, (90, 30), 2, 1, cv2.FILLED)  # small, and all the nucleus that cell has
    kept = nucleus._without_scraps(nuclei.view(bool), labels)
    assert kept[30, 24]
    assert kept[30, 48]
    assert not kept[8, 24]
    assert kept[30, 90]


def test_a_picture_without_nuclei_has_no_scraps():
    nothing = np.zeros((20, 20), bool)
    assert not nucleus._without_scraps(nothing, nothing.astype(np.int32)).any()
