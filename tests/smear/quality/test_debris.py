"""What is no leukocyte is counted out and told: platelets, smudges, specks, captions, the border."""

import cv2
import numpy as np
import pytest

from smear.imaging import synthetic
from smear.quality.debris import count, findings
from smear.segmentation.find import find


def field_with(paint):
    rgb = synthetic.field(5, "sparse", 448)
    paint(rgb)
    return count(find(rgb))


def codes(rgb):
    return {finding.code: finding for finding in findings(find(rgb))}


def test_drawn_platelets_are_counted_within_reason():
    low, high = synthetic.KINDS["sparse"].platelets
    counts = [count(find(synthetic.field(seed, "sparse", 448))).platelets for seed in range(12)]
    assert low / 2 <= np.mean(counts) <= high + 2


def test_a_blank_field_has_nothing():
    debris = count(find(synthetic.field(1, "blank")))
    assert (debris.platelets, debris.smudged, debris.specks, debris.caption) == (0, 0, 0, False)
    assert debris.erythrocyte_share < 0.01


def test_erythrocytes_cover_a_share_of_the_field():
    assert 0.15 < count(find(synthetic.field(1, "erythrocytes_only"))).erythrocyte_share < 0.8


def test_a_scale_bar_is_a_caption():
    def bar(rgb):
        cv2.rectangle(rgb, (380, 430), (430, 435), (10, 10, 10), cv2.FILLED)

    assert field_with(bar).caption
    assert not count(find(synthetic.field(5, "sparse", 448))).caption


@pytest.mark.parametrize("ink", [(15, 15, 15), (230, 20, 20)])
def test_letters_at_the_border_are_a_caption(ink):
    def letters(rgb):
        cv2.putText(rgb, "200 um", (340, 438), cv2.FONT_HERSHEY_SIMPLEX, 0.8, ink, 2)

    assert field_with(letters).caption


def test_the_sentences_say_what_was_left_out():
    rgb = synthetic.field(5, "sparse", 448)
    cv2.rectangle(rgb, (380, 430), (430, 435), (10, 10, 10), cv2.FILLED)
    found = codes(rgb)
    assert found["caption"].text == "A scale bar or caption, left out."
    assert all(finding.severity == "info" for finding in found.values())


def test_cells_at_the_border_are_told():
    field = synthetic.field(5, "leukemic", 448)
    leukocytes = find(field)
    x0, _, x1, _ = leukocytes.boxes[len(leukocytes) // 2]
    halved = field[:, int(x0 + x1) // 2 :]
    assert codes(halved)["cut"].value == find(halved).cut.sum() > 0
    assert "cut by the border" in codes(halved)["cut"].text
