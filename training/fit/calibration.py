"""Temperature and thresholds, from pictures alone that the network had not seen: a validation part, or whole folds."""

import itertools

import numpy as np
from msgspec import Struct, field
from scipy.optimize import minimize_scalar

from smear.arrays import Array
from smear.inference.card import NEVER, Threshold
from smear.inference.ood import ByLabel, Distribution
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


# Of a network that has answered to nothing yet: nothing is suggested, and nothing is so familiar.
UNCALIBRATED = Calibration(1.0, Threshold(NEVER, 1.0), Threshold(1e-6, 1.0))
HIGHEST = 0.999999  # that a threshold is set to; NEVER says something else
# A threshold that is the best of many looks better on the pictures that chose it than on others, the more so the fewer
# these are.
LEAST_ANSWERED, LEAST_PICTURES = 0.2, 20


def calibrate(
    logits: Array, targets: Array, ood_scores: Array, refusal: Refusal, sources: Array | None = None
) -> Calibration:
    """Return what the answers to unseen pictures say: logits (N, C), targets int64 (N,), ood_scores (N,) or nan.

    Pictures without a score were not gradable, and no threshold is ever asked about such ones: they have no say.
    sources: int64 (N,), the laboratory of each picture. Where the recipe sets thresholds by the worst of them, the
    target accuracy has to be reached among the familiar pictures of each that has enough of them; where one does not
    reach it at all, nothing is suggested anywhere. Where none has enough, all pictures together decide; but where what
    speaks for another label counts as unfamiliar, only the familiar ones: most mistakes are refused for that already.
    """
    graded = np.isfinite(ood_scores)
    logits, targets, ood_scores = logits[graded], targets[graded], ood_scores[graded]
    temperature = round(best_temperature(logits, targets), 6)
    probabilities = calibrated(logits, temperature)
    right, confidence = probabilities.argmax(axis=1) == targets, probabilities.max(axis=1)
    ood = ood_threshold(ood_scores, refusal)
    laboratories = sources[graded] if refusal.worst_source and sources is not None else np.zeros(0, np.int64)
    familiar = ood_scores <= ood.value
    parts = [familiar & (laboratories == source) for source in np.unique(laboratories)]
    parts = [part for part in parts if most_answered(int(part.sum()), refusal) >= LEAST_PICTURES]
    together = familiar if refusal.other_label else np.full(len(familiar), fill_value=True)
    value = max(abstention_threshold(confidence[part], right[part], refusal).value for part in parts or [together])
    refused = 1.0 if value >= NEVER else round(float((confidence < value).mean()), 6)
    return Calibration(temperature, Threshold(value, refused), ood)


def familiar(features: Array, targets: Array, classes: int, refusal: Refusal) -> Distribution:
    """Return what is familiar to a network that learnt from pictures of these features (N, K), targets int64 (N,)."""
    weight = refusal.other_label
    return Distribution.fit(features, ByLabel.fit(features, targets, classes, weight) if weight else None)


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


def most_answered(count: int, refusal: Refusal) -> int:
    """Return how many of so many pictures a threshold may leave answered at most."""
    return round(count * (1 - refusal.for_confidence / 2))


def fewest_pictures(refusal: Refusal) -> int:
    """Return by how many pictures at least a threshold can be set at all."""
    return next(count for count in itertools.count(LEAST_PICTURES) if most_answered(count, refusal) >= LEAST_PICTURES)


def abstention_threshold(confidence: Array, right: Array, refusal: Refusal) -> Threshold:
    """Return the confidence below which the model abstains.

    It is the lowest one that reaches the target accuracy on what is left, and refuses at least half of the share that
    the recipe gives: unseen pictures are too few to show the rarest mistakes. Where the target asks for more refusals
    than the recipe's share, it gets them. Where even the surest LEAST_ANSWERED of the pictures, or LEAST_PICTURES,
    do not reach the target, the threshold is NEVER: what is right too seldom is not suggested.
    """
    order = np.argsort(-confidence, kind="stable")
    count = len(order)
    accuracy = np.cumsum(right[order]) / np.arange(1, count + 1)
    # A threshold answers all pictures of one confidence or none.
    ends = 1 + np.flatnonzero(np.append(np.diff(confidence[order]) != 0, True))
    most = ends[np.searchsorted(ends, most_answered(count, refusal))]
    # What reaches the target as a whole may miss it where it is cut off at `most`.
    reaching = ends[(accuracy[ends - 1] >= refusal.target_accuracy) & (ends <= most)]
    answered = int(reaching[-1]) if len(reaching) else 0
    if answered < max(LEAST_PICTURES, LEAST_ANSWERED * count):
        return Threshold(NEVER, 1.0)
    value = min(round(float(confidence[order[answered - 1]]), 6), HIGHEST)
    return Threshold(value, round(float((confidence < value).mean()), 6))


def ood_threshold(scores: Array, refusal: Refusal) -> Threshold:
    """Return the out-of-distribution score above which the recipe's share of unseen pictures lies and is refused."""
    value = round(float(np.quantile(scores, 1 - refusal.for_ood)), 6)
    return Threshold(value, round(float((scores > value).mean()), 6))
