"""What only looks like a leukocyte, told by the erythrocytes and the nuclei of its own picture."""

import cv2
import numpy as np
import pytest

from smear.imaging.decode import decode
from smear.segmentation.false_positives import without_false_positives
from smear.segmentation.find import find

SIDE = 200
GREY_BLUE, VIOLET = (1.3, 1.0, 0.1), (0.8, 1.0, 0.1)  # density of red, green and blue for 1.0 of green


class Slide:
    """Labels, sureness of nucleus and densities of a picture, drawn cell by cell."""

    def __init__(self):
        self.labels = np.zeros((SIDE, SIDE), np.int32)
        self.density = np.zeros((SIDE, SIDE, 3), np.float32)
        self.grain = np.random.default_rng(0).normal(1, 0.3, (SIDE, SIDE, 1)).clip(0.2, 2)

    def disc(self, place, radius, hue, green, texture=True, labelled=True, bite=False):
        """Draw a disc; a `labelled` one is what the network took for a cell."""
        at = np.zeros((SIDE, SIDE), np.uint8)
        cv2.circle(at, place, radius, 1, cv2.FILLED)
        if bite:
            cv2.circle(at, (place[0] + radius // 2, place[1]), radius // 2, 0, cv2.FILLED)
        inside = at > 0
        self.density[inside] = np.float32(hue) * green * (self.grain[inside] if texture else 1)
        if labelled:
            self.labels[inside] = self.labels.max() + 1

    def erythrocytes(self, hue, green=0.4):
        for x in range(15, SIDE, 30):
            for y in (15, 155, 185):
                self.disc((x, y), 12, hue, green, texture=False, labelled=False)

    def kept(self):
        labels = without_false_positives(self.labels, int(self.labels.max()), np.float32(self.labels > 0), self.density)
        assert set(np.unique(labels)) <= set(np.unique(self.labels))
        return set(np.unique(labels)) - {0}


def beside_erythroblasts(around=GREY_BLUE, **paler):
    """Return a slide with two small black nuclei among erythrocytes of the hue `around`, and a much paler cell."""
    slide = Slide()
    if around:
        slide.erythrocytes(around)
    for x in (40, 160):
        slide.disc((x, 60), 13, (0.9, 1.0, 0.1), 1.8)
    slide.disc((100, 110), 16, **({"hue": VIOLET, "green": 0.5} | paler))
    return slide


def test_a_pale_cell_that_is_unlike_the_erythrocytes_is_a_leukocyte():
    assert beside_erythroblasts().kept() == {1, 2, 3}


def test_a_much_denser_cell_is_a_leukocyte_whatever_its_hue_and_texture():
    assert beside_erythroblasts(around=VIOLET, green=0.95, texture=False).kept() == {1, 2, 3}


@pytest.mark.parametrize(
    "otherwise",
    [
        {"around": VIOLET},
        {"around": None},
        {"texture": False},
        {"green": 0.3},
        {"bite": True},
    ],
    ids=["erythrocytes as violet", "none to compare with", "no chromatin", "paler than they are", "a torn shape"],
)
def test_a_pale_thing_that_may_be_an_erythrocyte_or_debris_is_none(otherwise):
    assert beside_erythroblasts(**otherwise).kept() == {1, 2}


NUCLEAR, GREYISH = (0.9, 1.0, 0.1), (1.1, 1.0, 0.1)


def overlaid(hue=GREYISH, green=0.6, erythrocytes=GREYISH):
    """Return a slide with two nuclei among erythrocytes, and a large textured thing paler than the nuclei."""
    slide = Slide()
    slide.erythrocytes(erythrocytes, green=0.55)
    for x in (40, 160):
        slide.disc((x, 60), 13, NUCLEAR, 1.5)
    slide.disc((100, 110), 20, hue, green)
    return slide


def test_erythrocytes_that_lie_over_each_other_are_no_leukocyte():
    assert overlaid().kept() == {1, 2}


@pytest.mark.parametrize(
    "otherwise",
    [{"hue": NUCLEAR}, {"green": 0.8}, {"hue": NUCLEAR, "erythrocytes": NUCLEAR}],
    ids=["the hue of nuclei", "much denser", "hues that tell nothing"],
)
def test_a_pale_nucleus_that_is_none_of_them_stays(otherwise):
    assert overlaid(**otherwise).kept() == {1, 2, 3}


def test_blue_erythrocytes_of_which_some_are_as_dark_as_nuclei_are_no_leukocytes():
    """Two that lie over each other are the darkest of the field, and the others of their hue are pale beside nuclei."""
    slide, blue = Slide(), (1.05, 1.0, 0.27)
    for x in (40, 160):
        slide.disc((x, 60), 14, (0.5, 1.0, 0.1), 1.0)
    for x in (30, 70, 130, 170):
        slide.disc((x, 110), 13, blue, 0.65, texture=x < 100)
    assert slide.kept() == {1, 2}
    slide.disc((100, 150), 12, blue, 1.1)
    assert slide.kept() == {1, 2, 7}


def in_a_blue_stain(green=0.6, beside=0):
    """Return a slide of blue-grey erythrocytes with one blue nucleus, and some of its erythrocytes labelled, too."""
    slide = Slide()
    slide.erythrocytes(GREY_BLUE, green=0.3)
    slide.disc((100, 90), 18, (1.6, 1.0, 0.1), green)
    for place in range(beside):
        slide.disc((40 + 40 * place, 125), 14, GREY_BLUE, 0.32)
    return slide


def test_a_blue_nucleus_that_is_denser_than_its_erythrocytes_is_a_leukocyte():
    """It absorbs more red than green, as erythrocytes do in such a stain, but not as little as they."""
    assert in_a_blue_stain().kept() == {1}
    assert in_a_blue_stain(beside=3).kept() == {1}
    assert in_a_blue_stain(green=0.3).kept() == set()


def test_a_ragged_clump_of_blue_erythrocytes_is_none_though_it_is_denser():
    slide = in_a_blue_stain()
    for place in ((30, 90), (30, 115), (55, 115)):
        slide.disc(place, 13, GREY_BLUE, 0.45)
        slide.labels[slide.labels > 1] = 2  # the three are one thing
    assert slide.kept() == {1}


def test_small_dense_things_are_platelets():
    slide = beside_erythroblasts()
    slide.disc((100, 60), 8, VIOLET, 0.95)
    assert slide.kept() == {1, 2, 3}


def test_without_any_cell_nothing_changes():
    assert not Slide().kept()


@pytest.mark.realdata
def test_neutrophils_beside_erythroblasts_are_found(data):
    """Two leukocytes that are paler than the nuclei of the erythroblasts beside them, at these places."""
    found = find(decode((data / "taleghani" / "Benign" / "WBC-Benign-112.jpg").read_bytes()).rgb)
    for place in ((116, 79), (170, 94)):
        assert any((box[:2] < place).all() and (box[2:] > place).all() for box in found.boxes)


@pytest.mark.realdata
@pytest.mark.parametrize("name", ["neutrophil/N-1B_0247_0", "neutrophil/N-2B_0302_0", "eosinophil/E-11_0675_0"])
def test_leukocytes_of_a_blue_stain_under_dim_light_are_found(data, name):
    """Cut out of fields of a hospital in Bangkok, with the cell in the middle."""
    picture = decode((data / "cells" / "bangkok" / f"{name}.jpg").read_bytes()).rgb
    middle = np.array(picture.shape[1::-1]) / 2
    assert any((box[:2] < middle).all() and (box[2:] > middle).all() for box in find(picture).boxes)


@pytest.mark.realdata
def test_erythrocytes_as_violet_as_nuclei_stay_out(data):
    """Four leukocytes, one of them in two pieces, among some hundred red-violet erythrocytes in two fields."""
    for name, most in (("21_29_1000_CLL.jpg", 3), ("21_45_1000_CLL.jpg", 4)):
        picture = decode((data / "leukemia_types" / "CLL" / name).read_bytes()).rgb
        assert 1 <= len(find(picture)) <= most


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("name", "leukocytes", "erythrocytes"),
    [
        ("CLL/32_27_1000_CLL.jpg", 14, ((492, 208), (540, 266), (576, 360))),
        ("AML/12_28_1000_AML.jpg", 3, ((386, 380), (534, 456))),
        ("ALL/7_21_1000_ALL.jpg", 1, ((43, 49), (31, 358), (345, 540))),
        ("AML/12_50_1000_AML.jpg", 6, ((268, 446), (356, 305), (600, 72))),
    ],
)
def test_clumps_of_erythrocytes_stay_out(data, name, leukocytes, erythrocytes):
    """What is found in fields where erythrocytes lie over each other beside dark nuclei, and places in such clumps."""
    found = find(decode((data / "leukemia_types" / name).read_bytes()).rgb)
    assert len(found) == leukocytes
    for x, y in erythrocytes:
        assert not found.cells[y, x]
