"""How a bundle did on a laboratory's test, and whether what was made of it is to be used."""

import numpy as np
from msgspec import Struct, structs

from smear.arrays import Array
from smear.inference.card import Card
from smear.statistics import exact_limits
from training.adaptation.parts import CALIBRATE
from training.evaluation.assessment import Assessment
from training.evaluation.bootstrap import GroupDraws
from training.evaluation.conclusion import percent
from training.fit.calibration import fewest_pictures
from training.recipes.of_cards import refusal_of
from training.recipes.recipe import Refusal

TARGET = (
    0.97  # of its suggestions, where the parent's recipe asks for more: a hundred labels cannot show more than that
)
# Refused for low confidence, where a recipe has more: that is for laboratories that nobody has seen, and this one was
# measured. Half of it is refused in any case: few labels do not show the rarest mistakes.
DOUBTED = 0.2
ANSWERED = 0.5  # of the test has to get a suggestion
FEWEST = 30  # suggestions that say something of how often they are right


class Judged(Struct, frozen=True):
    """How a bundle did on the test's `n` pictures, shares 0..1 with 95 % limits.

    These are the exact ones by picture (Clopper and Pearson 1934), or those of whole patients or slides drawn anew,
    where they lie farther out: pictures of one patient are no independent witnesses. accuracy_suggested: None without a
    suggestion.
    """

    n: int
    accuracy_all: float
    accuracy_all_limits: tuple[float, float]
    accuracy_suggested: float | None
    accuracy_suggested_limits: tuple[float, float]
    suggested: int
    coverage: float


def judged(assessment: Assessment, groups: Array) -> Judged:
    """Return how the bundle did that said this; groups: of the test's pictures, int64 (N,), patients or slides."""
    right, suggested = assessment.predictions.right(assessment.targets), assessment.predictions.suggested
    draws, everything = GroupDraws(groups), np.ones(len(right), bool)
    return Judged(
        n=len(right),
        accuracy_all=round(float(right.mean()), 5),
        accuracy_all_limits=_limits(right, everything, draws),
        accuracy_suggested=round(float(right[suggested].mean()), 5) if suggested.any() else None,
        accuracy_suggested_limits=_limits(right, suggested, draws),
        suggested=int(suggested.sum()),
        coverage=round(float(suggested.mean()), 5),
    )


def _limits(hits: Array, among: Array, draws: GroupDraws) -> tuple[float, float]:
    """Return the limits of the share of `hits` in `among`, both bool (N,)."""
    exact = exact_limits(int((hits & among).sum()), int(among.sum()))
    by_group = draws.interval(hits, among)
    return round(min(exact[0], by_group[0]), 5), round(max(exact[1], by_group[1]), 5)


def refusal(card: Card) -> Refusal:
    """Return what an adaptation of a bundle aims at and may refuse: its recipe's, but at most TARGET and DOUBTED.

    Of each label there are too few pictures to say what it looks like: what speaks for another one has no weight.
    """
    own = refusal_of(card.recipe)
    return structs.replace(
        own,
        target_accuracy=min(own.target_accuracy, TARGET),
        for_confidence=min(own.for_confidence, DOUBTED),
        other_label=0.0,
        worst_source=False,
    )


def too_few(calibrating: int, asked: Refusal) -> str:
    """Say so where so many labels set thresholds that none can be set, however right the answers are; "" else."""
    fewest = fewest_pictures(asked)
    if calibrating >= fewest:
        return ""
    return (
        f"{calibrating} labels set thresholds, and {fewest} are the least by which any can be set, so that nothing is"
        f" suggested. With about {CALIBRATE * fewest} labels something can be."
    )


def decide(before: Judged, after: Judged, target: float, chosen: str) -> tuple[bool, str]:
    """Return whether to use what was made, and why, in sentences; target: accuracy of suggestions, 0..1."""
    if after.suggested < FEWEST or after.accuracy_suggested is None:
        return False, (
            f"Too few events to say: the test's {after.n} pictures got {after.suggested} suggestions, and {FEWEST} are"
            " the least that say something. Label more."
        )
    right = (
        f"{percent(after.accuracy_suggested)} of {after.suggested} suggestions are right (at least"
        f" {percent(after.accuracy_suggested_limits[0])})"
    )
    if after.accuracy_suggested < target:
        return False, f"It misses its target of {percent(target)}: {right}. Label more, and of what it gets wrong."
    if after.coverage < ANSWERED:
        share = f"It makes a suggestion for {percent(after.coverage)} of the test, and {percent(ANSWERED)} is the least"
        return False, f"{share}: {right}. Label more."
    if after.accuracy_all < before.accuracy_all:
        return False, (
            f"Had it always answered it would be right less often than before, on {percent(after.accuracy_all)} and"
            f" not {percent(before.accuracy_all)}."
        )
    return True, (
        f"{chosen[0].upper()}{chosen[1:]}: {right}, for {percent(after.coverage)} of the test, which got"
        f" {percent(before.coverage)} before."
    )
