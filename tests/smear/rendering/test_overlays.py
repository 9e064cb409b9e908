"""Outlines and shades of leukocytes, and what a map is laid on."""

import cv2
import numpy as np
import pytest

from smear.imaging import synthetic
from smear.inference.bundle import read_card
from smear.rendering import overlays
from smear.segmentation.find import find
from tests.conftest import ROOT


@pytest.fixture(scope="module", params=[320, 1500])
def field(request):
    found = find(synthetic.field(7, "leukemic", request.param))
    assert len(found) >= 3
    return found


def test_an_outline_goes_around_its_leukocyte(field):
    for i, outline in enumerate(overlays.outlines(field)):
        corners = (np.reshape(outline, (-1, 2)) / field.scale - 0.5).round().astype(np.int32)
        drawn = cv2.fillPoly(np.zeros(field.labels.shape, np.uint8), [corners], 1) > 0
        leukocyte = field.labels == i + 1
        assert (drawn & leukocyte).sum() / (drawn | leukocyte).sum() > 0.85
        assert len(outline) < 200


def test_only_what_counts_is_shaded(field):
    polygons = dict(enumerate(overlays.outlines(field), 1))
    plain = overlays.shaded(field.rgb, polygons, {})
    shaded = overlays.shaded(field.rgb, polygons, {1: 1.0, 2: -1.0})
    size = plain.shape[1], plain.shape[0]
    for number, differs in ((1, True), (2, False), (3, False)):
        inside = cv2.resize((field.labels == number).view(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0

        assert bool((plain != shaded).any(axis=-1)[inside].mean() > 0.5) is differs
    assert max(plain.shape) <= overlays.LARGEST_SIDE


def test_a_map_is_laid_on_what_the_model_was_given(field):
    card = read_card(ROOT / "models" / "leukolens-field")
    base = overlays.model_input(field, card)
    assert base.shape == overlays.render(field, "original").shape
    outside = ~cv2.dilate(field.cells.view(np.uint8), np.ones((41, 41))).astype(bool)
    outside = cv2.resize(outside.view(np.uint8), base.shape[1::-1], interpolation=cv2.INTER_NEAREST) > 0
    assert base[outside].min() > 245
