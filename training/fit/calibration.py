"""Temperature and thresholds, from pictures alone that the network had not seen: a validation part, or whole folds."""

import numpy as np
from msgspec import Struct, field
from scipy.optimize import minimize_scalar

from smear.arrays import Array
from smear.inference.card import Threshold
from smear.inference.suggestion import calibrated
from training.recipes.recipe import Refusal


class Calibration(Struct, frozen=True):
    """A temperature, and the thresholds below and above which nothing is suggested."""

    temperature: float
    abstention: Threshold
    ood: Threshold = field(name="novelty")  # its name in the results of runs and on cards


class Validation(Struct, frozen=True):
    """What a card says of `n` validation pictures: accuracy, negative log likelihood before and after temperature."""

    n: int
    accuracy: float
    nll_before: float
    nll_after: float


# Of a network that has answered to nothing yet: it is never so sure, nothing is so familiar, and nothing is suggested.
UNCALIBRATED = Calibration(1.0, Threshold(1.0, 1.0), Threshold(1e-6, 1.0))


def calibrate(logits: Array, targets: Array, ood_scores: Array, refusal: Refusal) -> Calibration:
    """Return what the answers to unseen pictures say: logits (N, C), targets int64 (N,), ood_scores (N,) or nan."""
    temperature = round(best_temperature(logits, targets), 6)
    probabilities = calibrated(logits, temperature)
    right = probabilities.argmax(axis=1) == targets
    return Calibration(
        temperature,
        abstention_threshold(probabilities.max(axis=1), right, refusal),
        ood_threshold(ood_scores[np.isfinite(ood_scores)], refusal),
    )


def validated(logits: Array, targets: Array, temperature: float) -> Validation:
    """Return what a card says of the answers to a validation part: logits (N, C), targets int64 (N,)."""
    before, after = (round(negative_log_likelihood(logits, targets, t), 5) for t in (1.0, temperature))
    right = round(float((logits.argmax(axis=1) == targets).mean()), 5)
    return Validation(len(targets), right, before, after)


def negative_log_likelihood(logits: Array, targets: Array, temperature: float) -> float:
    """Return the mean negative log likelihood of `targets` (N,) under softmax(logits (N, C) / temperature)."""
    chosen = calibrated(logits, temperature)[np.arange(len(targets)), targets]
    return float(-np.log(np.maximum(chosen, 1e-12)).mean())


def best_temperature(logits: Array, targets: Array) -> float:
    """Return the temperature that minimises the validation likelihood (Guo et al. 2017), within 0.25..8."""
    minimum = minimize_scalar(
        lambda log_t: negative_log_likelihood(logits, targets, float(np.exp(log_t))),
        bounds=(np.log(0.25), np.log(8.0)),
        method="bounded",
    )
    return float(np.exp(minimum.x))


def abstention_threshold(confidence: Array, right: Array, refusal: Refusal) -> Threshold:
    """Return the confidence below which the model abstains.

    It is the lowest one that reaches the target accuracy on what is left of validation, but refuses at most the share
    that the recipe allows, and at least half of that: validation is too small to show the rarest mistakes.
    """
    order = np.argsort(-confidence)
    accuracy = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    reaching = np.flatnonzero(accuracy >= refusal.target_accuracy)
    answered = int(reaching[-1]) + 1 if len(reaching) else 0
    count = len(order)
    most = round(count * (1 - refusal.most_for_confidence / 2))
    least = round(count * (1 - refusal.most_for_confidence))
    answered = min(max(answered, least), most)
    value = float(confidence[order[answered - 1]])
    return Threshold(round(value, 6), round(float((confidence < round(value, 6)).mean()), 6))


def ood_threshold(scores: Array, refusal: Refusal) -> Threshold:
    """Return the out-of-distribution score above which the recipe's share of unseen pictures lies and is refused."""
    value = round(float(np.quantile(scores, 1 - refusal.for_ood)), 6)
    return Threshold(value, round(float((scores > value).mean()), 6))
