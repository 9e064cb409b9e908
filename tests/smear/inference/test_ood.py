"""Appearance: what cells look like, whatever stands around them; novelty: how far that is from the known."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from smear.imaging import synthetic
from smear.inference.bundle import load, read_card
from smear.inference.ood import FOREIGN_CELLS, LENGTH, OTHER_LABEL, ByLabel, Distribution, ood_features
from smear.inference.preprocess import prepare
from smear.segmentation.find import find
from tests.conftest import ROOT

SHIPPED = ROOT / "models" / "leukolens-field"


@pytest.fixture(scope="module")
def seen():
    return prepare(find(synthetic.field(3, "leukemic")), read_card(SHIPPED))


def test_mean_spread_and_correlation_are_those_of_the_stained_pixels(seen):
    stained = seen.min(axis=2) < 245
    values = cv2.cvtColor(seen.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)[stained].astype(np.float64)
    found = ood_features(seen)
    assert found.shape == (LENGTH,)
    np.testing.assert_allclose(found[:3], values.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(np.exp(found[3:6]) - 1e-3, values.std(axis=0, ddof=1), rtol=1e-4)
    expected = np.corrcoef(values.T)[np.triu_indices(3, 1)]
    np.testing.assert_allclose(np.tanh(found[6:9]), np.clip(expected, -0.9999, 0.9999), rtol=1e-4)


def test_detail_by_hand():
    """A chessboard of single pixels differs from the mean of its 3 x 3 squares by 4/9 or 5/9 of its contrast."""
    board = np.where(np.indices((40, 40)).sum(axis=0) % 2, 60, 180).astype(np.uint8)
    lab = cv2.cvtColor(np.repeat(board[..., None], 3, axis=2).astype(np.float32) / 255, cv2.COLOR_RGB2LAB)[..., 0]
    contrast = float(lab.max() - lab.min())
    finest = np.exp(ood_features(np.repeat(board[..., None], 3, axis=2))[9]) - 1e-3
    assert finest == pytest.approx(contrast * 4 / 9, rel=0.03)  # each pixel is the majority of its own square


def test_where_cells_stand_and_how_much_white_is_around_them_does_not_count(seen):
    wider = np.full((400, 500, 3), 255, np.uint8)
    wider[120 : 120 + seen.shape[0], 77 : 77 + seen.shape[1]] = seen
    before, after = ood_features(seen), ood_features(wider)
    np.testing.assert_allclose(after, before, atol=0.02)


@pytest.mark.parametrize("value", [0, 128, 255])
def test_a_picture_of_one_colour_has_finite_numbers(value):
    found = ood_features(np.full((48, 48, 3), value, np.uint8))
    assert np.isfinite(found).all()


def test_novelty_is_the_mahalanobis_distance_per_number(tmp_path):
    random = np.random.default_rng(2)
    mixing = np.linalg.qr(random.normal(0, 1, (5, 5)))[0] * [1, 2, 3, 4, 5]
    known = random.normal(0, 1, (4000, 5)) @ mixing.T + 7
    novelty = Distribution.fit(known)
    assert np.sqrt((novelty.score(known) ** 2).mean()) == pytest.approx(1, abs=0.02)
    along = known.mean(axis=0) + 3 * mixing[:, 0]  # three standard deviations along one of five independent directions
    assert novelty.score(along[None])[0] == pytest.approx(3 / np.sqrt(5), rel=0.1)
    novelty.save(tmp_path / "novelty.npz")
    np.testing.assert_array_equal(Distribution.load(tmp_path / "novelty.npz").score(known), novelty.score(known))


def test_few_pictures_and_constant_numbers_are_borne():
    known = np.random.default_rng(1).normal(0, 1, (6, LENGTH))
    known[:, 4] = 2.5
    assert np.isfinite(Distribution.fit(known).score(known)).all()


def test_another_stain_is_foreign_to_the_shipped_model_by_its_leukocytes(seen):
    """Less light changes what describes the leukocytes little; that the picture is darker is another part's matter."""
    bundle = load(SHIPPED)
    cells = bundle.ood.of_leukocytes()
    field = synthetic.field(3, "leukemic")
    darker = np.clip(field * 0.92, 0, 255).astype(np.uint8)
    hsv = cv2.cvtColor(field, cv2.COLOR_RGB2HSV)
    hsv[..., 0] = (hsv[..., 0].astype(int) + 25) % 180
    redder = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)
    plain, dim, red = (cells.of(prepare(find(one), bundle.card)) for one in (field, darker, redder))
    assert dim == pytest.approx(plain, abs=0.3)
    assert red > max(bundle.card.ood.value, plain + 1)
    whole = find(redder)
    assert bundle.ood.of(prepare(whole, bundle.card), whole) > bundle.card.ood.value


def test_the_statistics_of_the_leukocytes_alone_are_those_of_their_features():
    known = np.random.default_rng(3).normal(0, 1, (500, LENGTH + 5)) @ np.diag(np.arange(1, LENGTH + 6))
    both, alone = Distribution.fit(known), Distribution.fit(known[:, :LENGTH])
    np.testing.assert_allclose(both.of_leukocytes().score(known), alone.score(known), rtol=1e-6)


def test_what_speaks_for_another_label_counts_by_its_weight(tmp_path):
    """Two labels of one spread, four apart along one number: the difference of two squares, by hand."""
    random = np.random.default_rng(4)
    targets = np.repeat([0, 2], 3000)
    known = random.normal(0, 1, (6000, 3))
    known[:, 0] += np.where(targets == 0, -2, 2)
    labels = ByLabel.fit(known, targets, 3, 8.0)
    assert np.isnan(labels.means[1]).all()  # of that label there was no picture
    at = np.array([[-2.0, 0, 0], [2, 0, 0], [0.5, 0, 0]])
    np.testing.assert_allclose(labels.against(at, np.array([0, 0, 0])), [0, 16 / 3, (2.5**2 - 1.5**2) / 3], atol=0.4)
    np.testing.assert_allclose(labels.against(at, np.array([2, 2, 2])), [16 / 3, 0, 0], atol=0.4)
    assert np.isinf(labels.against(at, np.array([1, 1, 1]))).all()
    both, alone = Distribution.fit(known, labels), Distribution.fit(known)
    named = np.array([2, 0, 2])
    expected = np.sqrt(alone.score(at) ** 2 + 8 * labels.against(at, named))
    np.testing.assert_allclose(both.score(at, named), expected)
    np.testing.assert_array_equal(both.score(at), alone.score(at))
    np.testing.assert_array_equal(alone.score(at, named), alone.score(at))
    assert both.finite
    assert not replace(both, by_label=replace(labels, weight=np.nan)).finite
    both.save(tmp_path / "ood.npz")
    np.testing.assert_array_equal(Distribution.load(tmp_path / "ood.npz").score(at, named), both.score(at, named))


def test_a_picture_that_is_foreign_to_its_label_alone_is_told_so():
    """Above the limit only for what speaks for another label; else for what is foreign whatever it is called."""
    random, targets = np.random.default_rng(5), np.repeat([0, 1], 400)
    known = random.normal(0, 1, (800, LENGTH))
    known[:, 0] += 6 * targets
    familiar = Distribution.fit(known, ByLabel.fit(known, targets, 2, 8.0))
    of_the_second = known[targets == 1].mean(axis=0)
    assert familiar.score(of_the_second[None], np.array([0]))[0] > 2 > familiar.score(of_the_second[None])[0]
    assert familiar.why(of_the_second, 2.0) == OTHER_LABEL
    assert familiar.why(of_the_second + 9, 2.0) == FOREIGN_CELLS
