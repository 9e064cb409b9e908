"""Outliers are pictures on white that hold something, but never the training picture itself."""

import numpy as np
import pytest

from smear.imaging import synthetic
from smear.inference import preprocess
from smear.segmentation.find import find
from training.data.outlier_exposure import outlier
from training.recipes.loading import load

RECIPE = load("leukolens-field")
STEPS = preprocess.chain(RECIPE.preprocess, RECIPE.input)


@pytest.mark.parametrize("seed", range(24))
def test_an_outlier_is_not_the_picture_it_was_made_from(seed):
    field = find(synthetic.field(seed, "leukemic", 224))
    strange = outlier(field, STEPS, seed)
    prepared = preprocess.run(STEPS, preprocess.begin(field)).rgb
    assert strange.shape == prepared.shape
    assert strange.dtype == np.uint8
    assert np.abs(strange.astype(int) - prepared).mean() > 1


def test_outliers_are_a_function_of_their_seed_and_of_many_kinds():
    field = find(synthetic.field(1, "leukemic", 224))
    many = [outlier(field, STEPS, seed) for seed in range(40)]
    assert np.array_equal(many[7], outlier(field, STEPS, 7))
    shares = [float((rgb.min(axis=2) < 200).mean()) for rgb in many]
    assert len({round(share, 3) for share in shares}) > 15
    prepared = preprocess.run(STEPS, preprocess.begin(field)).rgb
    assert max(shares) > 1.3 * float((prepared.min(axis=2) < 200).mean())  # a close-up


def test_a_field_without_leukocytes_makes_outliers_too():
    field = find(synthetic.field(1, "blank", 224))
    assert all(outlier(field, STEPS, seed).shape == (192, 192, 3) for seed in range(12))
