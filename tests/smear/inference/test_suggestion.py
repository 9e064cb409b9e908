"""Never a bare softmax winner: temperature, out-of-distribution score and abstention stand before every label."""

import numpy as np
import pytest
from msgspec.structs import replace

from smear.inference.bundle import read_card
from smear.inference.card import Threshold
from smear.inference.suggestion import calibrated, not_gradable, suggest
from tests.conftest import ROOT


@pytest.fixture(scope="module")
def card():
    shipped = read_card(ROOT / "models" / "leukolens-field")
    return replace(shipped, temperature=2.0, abstention=Threshold(0.7, 0.05), ood=Threshold(0.5, 0.02))


def test_temperature_divides_the_logits():
    logits = np.array([[4.0, 0.0, -2.0]])
    expected = np.exp(logits / 2) / np.exp(logits / 2).sum()
    np.testing.assert_allclose(calibrated(logits, 2.0), expected, rtol=1e-12)
    assert calibrated(np.array([1e6, 0.0]), 1.0).tolist() == [1.0, 0.0]


def test_a_sure_and_familiar_picture_gets_its_label(card):
    suggestion = suggest(np.array([0.0, 9.0, 0.0, 0.0]), 0.1, card)
    assert (suggestion.outcome, suggestion.label, suggestion.reasons) == ("suggested", card.labels[1].id, ())
    assert sum(suggestion.probabilities.values()) == pytest.approx(1)
    assert suggestion.confidence == max(suggestion.probabilities.values())


def test_an_unsure_picture_gets_no_label(card):
    suggestion = suggest(np.array([1.0, 0.9, 0.0, 0.0]), 0.1, card)
    assert (suggestion.outcome, suggestion.label) == ("uncertain", None)
    assert [reason.code for reason in suggestion.reasons] == ["low_confidence"]
    assert "0.70" in suggestion.reasons[0].text


def test_an_unfamiliar_picture_gets_no_label_however_sure(card):
    suggestion = suggest(np.array([0.0, 90.0, 0.0, 0.0]), 0.51, card)
    assert (suggestion.outcome, suggestion.label) == ("uncertain", None)
    assert [reason.code for reason in suggestion.reasons] == ["unfamiliar"]


@pytest.mark.parametrize(("logits", "ood_score"), [([np.nan] * 4, 0.1), ([0.0, 9.0, 0.0, 0.0], np.nan)])
def test_numbers_that_are_none_never_become_a_suggestion(card, logits, ood_score):
    assert suggest(np.array(logits), ood_score, card).outcome == "uncertain"


def test_what_is_not_gradable_has_no_probabilities():
    suggestion = not_gradable(())
    assert (suggestion.outcome, suggestion.label, suggestion.probabilities) == ("not_gradable", None, {})
