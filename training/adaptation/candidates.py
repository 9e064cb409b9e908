"""What may be done with a bundle for a laboratory, each compared by cross-validation within what it is adapted to."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from msgspec import structs

from smear.arrays import Array
from smear.inference.bundle import Bundle
from smear.inference.card import Card, Step
from smear.inference.engines.keras_engine import last_dense
from smear.inference.tta import Count, decided
from training.adaptation import stain
from training.adaptation.last_layer import PENALTIES, moved
from training.adaptation.looked_at import Looked, orientations
from training.adaptation.parts import folds
from training.architectures import BUILDERS
from training.architectures.blueprint import Weights
from training.data.dataset import Dataset
from training.fit.features import answers, last_layer
from training.fit.run import Material, Report, Run, TrainingSet
from training.fit.trainer import clear, train_network
from training.recipes.of_cards import recipe_of
from training.recipes.recipe import Recipe

THRESHOLDS, STAIN, LAST_LAYER = "thresholds only", "stain matching", "last layer"
FURTHER, FROM_IMAGENET = "fine-tuned from the bundle", "trained from ImageNet"
FOLDS = 3
EVEN = 1e-9  # differences of that size are of rounding
STEPS, BATCH, RATE = 80, 16, 1e-4  # of further training: minutes on two processors


@dataclass(frozen=True)
class Fitted:
    """A candidate fitted to some pictures: what gives the logits of others, and the whole network in Keras.

    shown: the orientations in which it is served, and the confidence that spares them; None for those of the bundle;
    steps: what comes after the bundle's own preprocessing; stepped: pictures as they are after these.
    """

    logits: Callable[[Looked], Array]
    network: Callable[[], Any]
    shown: tuple[Count, float] | None = None
    steps: tuple[Step, ...] = ()
    stepped: Callable[[Looked], Looked] = lambda known: known


@dataclass(frozen=True)
class Candidate:
    """A thing to try: its name, and how it is fitted."""

    name: str
    fit: Callable[[Looked], Fitted]


@dataclass(frozen=True)
class Compared:
    """How a candidate did in cross-validation: of `n` pictures `right` were right had it always answered."""

    name: str
    n: int
    right: int
    hits: Array  # bool (n,)


def candidates(
    bundle: Bundle, data: Dataset, scratch: Path, weights: Weights, report: Report, *, fine_tuning: bool = True
) -> list[Candidate]:
    """Return what may be tried with a bundle, the least change first; thresholds are set for each of them.

    fine_tuning: also what trains all weights, which takes minutes where the rest takes seconds.
    """
    model = bundle.network.model
    as_it_is = Fitted(lambda others: others.logits, lambda: model)
    nothing = Candidate(THRESHOLDS, lambda _: as_it_is)
    matching = _Matching(bundle)
    choices = [nothing, matching.before(nothing, STAIN)]
    if last_dense(model).units > 1 and not bundle.card.head.file:
        layers = [_last_layer(bundle, penalty) for penalty in PENALTIES]
        choices += [*layers, *(matching.before(layer, f"{STAIN}, then {layer.name}") for layer in layers)]
    if not fine_tuning:
        return choices
    try:
        recipe = _short(recipe_of(bundle.card))
    except msgspec.ValidationError:
        report(f"{bundle.card.name} {bundle.card.version} is of a recipe that is not known any more: not fine-tuned.")
        return choices
    if bundle.card.head.file:
        return choices
    if recipe.architecture not in BUILDERS:
        report(f"{bundle.card.name} {bundle.card.version} was built elsewhere, and how is unknown: not fine-tuned.")
        return choices
    starts: dict[str, Weights] = {FURTHER: bundle.path}
    if weights is not None:
        starts[FROM_IMAGENET] = weights
    for name, first in starts.items():
        run = Run(Material(recipe, data), first, scratch / name.replace(" ", "-"), report)
        choices.append(Candidate(name, _trained(run, bundle.card)))
    return choices


def compare(choices: list[Candidate], known: Looked, report: Report) -> list[Compared]:
    """Return how each did on the pictures of `known` that it had not been fitted to; none where no fold can be made."""
    pairs = folds(known.targets, known.groups, FOLDS)
    parts = [(known.some(train), known.some(test), test) for train, test in pairs]
    rows = []
    for candidate in choices:
        hits = np.zeros(len(known), bool)
        for own, others, test in parts:
            hits[test] = candidate.fit(own).logits(others).argmax(axis=1) == others.targets
        rows.append(Compared(candidate.name, len(known), int(hits.sum()), hits))
        report(f"{candidate.name}: {rows[-1].right} of {len(known)} right in cross-validation")
    return rows if pairs else []


def choose(rows: list[Compared]) -> int:
    """Return which candidate to take: the least change that is within a standard error of the best.

    So trees are pruned (Breiman et al. 1984). The error is that of the paired difference: what both got right or wrong
    says nothing of which is better.
    """
    if not rows:
        return 0
    best = max(rows, key=lambda row: row.right)
    for number, row in enumerate(rows):
        difference = best.hits.astype(float) - row.hits
        # Of a sample: with the deviation of a population, a single picture on which they differ would be too many.
        error = difference.std(ddof=1) / np.sqrt(len(difference)) if len(difference) > 1 else 0.0
        if difference.mean() <= error + EVEN:
            return number
    raise AssertionError("the best is within an error of itself")


def _last_layer(bundle: Bundle, penalty: float) -> Candidate:
    model, shown = bundle.network.model, orientations(bundle.card)

    def fit(known: Looked) -> Fitted:
        before, start = (weights.astype(np.float64) for weights in last_dense(model).get_weights())
        _pictures, views, length = known.features.shape
        targets = np.repeat(known.targets, views)
        kernel, bias = moved(before, start, known.features.reshape(-1, length), targets, penalty)

        def network() -> Any:
            import keras

            copy = keras.models.clone_model(model)
            copy.set_weights(model.get_weights())
            last_dense(copy).set_weights([kernel, bias])
            return copy

        return Fitted(lambda others: decided(others.features @ kernel + bias, shown[1]), network, shown)

    return Candidate(f"{LAST_LAYER} ({penalty:g} stiff)", fit)


class _Matching:
    """The laboratory's pictures with their stain matched to a bundle's, kept for all candidates that ask for them."""

    def __init__(self, bundle: Bundle) -> None:
        self._step = lru_cache(maxsize=FOLDS)(lambda known: stain.step(known, bundle))
        self._matched = lru_cache(maxsize=2 * FOLDS)(
            lambda known, others: stain.matched(others, self._step(known), bundle)
        )

    def before(self, then: Candidate, name: str) -> Candidate:
        """Return the candidate `then`, given pictures so matched."""

        def fit(known: Looked) -> Fitted:
            def matched(others: Looked) -> Looked:
                return self._matched(known, others)

            fitted = then.fit(matched(known))
            steps = (self._step(known),)
            return replace(fitted, logits=lambda others: fitted.logits(matched(others)), steps=steps, stepped=matched)

        return Candidate(name, fit)


def _trained(run: Run, card: Card) -> Callable[[Looked], Fitted]:
    def fit(known: Looked) -> Fitted:
        nobody = known.some(np.zeros(0, np.int64))
        pictures = TrainingSet(
            known.inputs, known.targets, nobody.inputs, nobody.inputs, nobody.targets, len(card.labels)
        )
        clear(run.folder)  # all folds train here: what a killed command has left may be of any of them
        model = train_network(run, pictures).blueprint.model
        clear(run.folder)
        shown = orientations(card)
        return Fitted(lambda others: answers(model, last_layer(model), others.inputs, *shown), lambda: model, shown)

    return fit


def _short(recipe: Recipe) -> Recipe:
    """Return the recipe for some minutes of further training on a hundred pictures."""
    schedule = structs.replace(
        recipe.schedule,
        epochs=1,
        steps=STEPS,
        batch_size=BATCH,
        learning_rate=RATE,
        head_epochs=0,
        closed_form_epochs=0,
        frozen=0.0,
        patience=0,
        ema_momentum=0.0,
        outlier_exposure=0,
        validation_split=False,
        copies=1,
        evened=False,
        sampling="every",
        balanced=True,
        decay="cosine",
    )
    return structs.replace(
        recipe, schedule=schedule, search=structs.replace(recipe.search, population=0, weight_generations=0)
    )
