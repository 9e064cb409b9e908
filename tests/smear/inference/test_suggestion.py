"""Never a bare softmax winner: temperature, out-of-distribution score and abstention stand before every label."""

import numpy as np
import pytest
from msgspec.structs import replace

from smear import schema
from smear.inference.bundle import read_card
from smear.inference.card import Threshold
from smear.inference.suggestion import (
    Suggestion,
    as_printed,
    calibrated,
    not_gradable,
    suggest,
    uncertainty,
    upgraded,
)
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
    assert (suggestion.outcome, suggestion.label) == ("unsure", None)
    assert [reason.code for reason in suggestion.reasons] == ["low_confidence"]


def test_an_unfamiliar_picture_gets_no_label_however_sure(card):
    suggestion = suggest(np.array([0.0, 90.0, 0.0, 0.0]), 0.51, card)
    assert (suggestion.outcome, suggestion.label) == ("unfamiliar", None)
    assert [reason.code for reason in suggestion.reasons] == ["unfamiliar"]


@pytest.mark.parametrize(
    ("logits", "score", "outcome"),
    [([1.0, 0.9, 0.0, 0.0], 0.1, "unsure"), ([0.0, 90.0, 0.0, 0.0], 0.51, "unfamiliar"),
     ([1.0, 0.9, 0.0, 0.0], 9.0, "unfamiliar")],
)  # fmt: skip
def test_a_refusal_shows_one_reason_and_no_number(card, logits, score, outcome):
    suggestion = suggest(np.array(logits), score, card)
    assert len(suggestion.probabilities) == len(card.labels)  # kept, for audits
    shown = suggestion.shown
    assert (shown.outcome, shown.label, shown.probabilities) == (outcome, None, {})
    assert shown.confidence is shown.ood_score is None
    assert len(shown.reasons) == 1
    assert not any(sign.isdigit() for sign in shown.reasons[0].text)
    assert as_printed(shown.outcome) == "uncertain"


def test_a_suggestion_is_shown_whole(card):
    suggestion = suggest(np.array([0.0, 9.0, 0.0, 0.0]), 0.1, card)
    assert suggestion.shown is suggestion
    assert as_printed(suggestion.outcome) == "suggested"


@pytest.mark.parametrize(
    ("codes", "outcome"),
    [(["low_confidence"], "unsure"), (["novel"], "unfamiliar"), (["unfamiliar", "low_confidence"], "unfamiliar")],
)
def test_what_older_versions_called_uncertain_is_told_apart_by_its_reasons(codes, outcome):
    texts = {"low_confidence": "its best answer has 0.62"}
    stored = {
        "outcome": "uncertain",
        "label": None,
        "reasons": [{"code": code, "text": texts.get(code, "Unlike its training.")} for code in codes],
        "probabilities": {"Benign": 0.62},
        "confidence": 0.62,
        "ood_score": 1.2,
    }
    read = schema.read(Suggestion, upgraded(stored), "suggestion")
    assert (read.outcome, read.shown.outcome) == (outcome, outcome)
    assert "0.62" not in str(read.shown)


def test_a_person_is_called_for_by_kind_and_not_by_a_refused_confidence():
    order = [
        uncertainty(*one) for one in (("not_gradable", None), ("suggested", 0.9), ("unsure", 0.6), ("unfamiliar", 1))
    ]
    assert order == pytest.approx([0, 0.1, 2, 3])


@pytest.mark.parametrize(("logits", "ood_score"), [([np.nan] * 4, 0.1), ([0.0, 9.0, 0.0, 0.0], np.nan)])
def test_numbers_that_are_none_never_become_a_suggestion(card, logits, ood_score):
    assert suggest(np.array(logits), ood_score, card).outcome in ("unsure", "unfamiliar")


def test_what_is_not_gradable_has_no_probabilities():
    suggestion = not_gradable(())
    assert (suggestion.outcome, suggestion.label, suggestion.probabilities) == ("not_gradable", None, {})
