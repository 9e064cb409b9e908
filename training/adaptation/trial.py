"""What is tried with a bundle on a laboratory's labels, and how what was chosen does on the test."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from smear.inference.bundle import Bundle
from smear.inference.card import Card
from smear.inference.field_reader import Reader
from smear.inference.network import Network
from smear.inference.tta import Count
from training.adaptation import candidates
from training.adaptation.adapted_bundle import Adapted, changed_card
from training.adaptation.candidates import Candidate, Compared
from training.adaptation.decision import refusal
from training.adaptation.looked_at import Looked, look
from training.adaptation.parts import Parts, parts, separate_groups
from training.architectures.blueprint import Weights
from training.data.dataset import Dataset
from training.data.duplicates import agreed, duplicates_of, families
from training.data.manifest import DataError
from training.evaluation.assessment import Assessment, assess
from training.fit.calibration import calibrate
from training.fit.run import Report, groups_of

FEWEST_FAMILIAR = 2  # pictures of which there is a spread: what is familiar is told by it


@dataclass(frozen=True)
class Tried:
    """What one drawing of labels came to: how each candidate did, what the chosen one made, and before and after it.

    calibrating: how many pictures set thresholds; those that cannot be graded, of which no threshold is asked, do not.
    """

    rows: list[Compared]
    chosen: str
    adapted: Adapted
    before: Assessment
    after: Assessment
    calibrating: int


class Laboratory:
    """A laboratory's labelled pictures, and what a bundle makes of them, computed once for every drawing of labels.

    fine_tuning: whether training all weights further is tried too. DataError where the labels are not the bundle's.
    """

    def __init__(
        self,
        parent: Bundle,
        data: Dataset,
        weights: Weights,
        scratch: Path,
        report: Report,
        *,
        fine_tuning: bool = True,
    ) -> None:
        self.parent, self.data, self.report = parent, agreed(data, report), report
        self.names = tuple(label.id for label in parent.card.labels)
        self.targets = self.data.targets(self.names)
        copies = families(len(self.data), duplicates_of(self.data).pairs)
        self.groups, self.alone = separate_groups(self.targets, groups_of(self.data), self.names, copies)
        self._weights, self._scratch, self._fine_tuning = weights, scratch, fine_tuning
        self._before = lru_cache(maxsize=1)(self._assess_parent)  # one test for all numbers of labels of a drawing
        if self.alone:
            report(
                f"Of {', '.join(self.alone)} there are pictures of too few patients or slides: split by picture, which"
                " flatters."
            )

    def parts(self, labels: int | None, seed: int) -> Parts:
        """Return so many labels in parts that do not meet; DataError where there are too few."""
        return parts(self.targets, self.groups, self.names, labels, seed)

    @cached_property
    def known(self) -> Looked:
        """What the bundle makes of every picture."""
        return look(self.parent, self.data, self.targets, self.groups)

    @cached_property
    def candidates(self) -> list[Candidate]:
        """What may be tried with the bundle."""
        return candidates.candidates(
            self.parent, self.data, self._scratch, self._weights, self.report, fine_tuning=self._fine_tuning
        )

    def tried(self, three: Parts, controls: Sequence[str]) -> Tried:
        """Return what comes of these labels; controls: those that what was made is asked about too.

        DataError where next to none of the pictures can be graded.
        """
        gradable = self.known.gradable
        familiar, calibrating = (int(gradable[part].sum()) for part in (three.adapt, three.calibrate))
        if missing := len(three.adapt) + len(three.calibrate) - familiar - calibrating:
            self.report(f"{missing} of the labelled pictures cannot be graded: they set no threshold.")
        if familiar < FEWEST_FAMILIAR or not calibrating:
            raise DataError(
                f"{familiar} of the pictures to adapt with and {calibrating} of those that set thresholds can be"
                f" graded, and {FEWEST_FAMILIAR} and 1 are the least. Label others."
            )
        rows = candidates.compare(self.candidates, self.known.some(three.adapt), self.report)
        chosen = self.candidates[candidates.choose(rows)]
        adapted = self._adapted(chosen, three)
        test = self.data.only(three.release)
        before = self._before(tuple(three.release.tolist()))
        changed = replace(self.parent, card=changed_card(self.parent.card, adapted), **adapted.bundle_parts())
        return Tried(rows, chosen.name, adapted, before, assess(Reader(changed), test, controls), calibrating)

    def _assess_parent(self, release: tuple[int, ...]) -> Assessment:
        return assess(Reader(self.parent), self.data.only(np.array(release)), ())

    def _adapted(self, chosen: Candidate, three: Parts) -> Adapted:
        """Return the chosen change, its thresholds set by the part that it was not fitted to."""
        own, apart = self.known.some(three.adapt), self.known.some(three.calibrate)
        fitted, card = chosen.fit(own), self.parent.card
        own, logits = fitted.stepped(own), fitted.logits(apart)
        apart = fitted.stepped(apart)
        distribution = type(self.parent.ood).fit(own.looks[own.gradable, : len(self.parent.ood.mean)])
        scores = np.where(apart.gradable, distribution.score(apart.looks), np.nan)
        calibration = calibrate(logits, apart.targets, scores, refusal(card))
        changed, shown = fitted.network(), fitted.shown or (card.tta, card.tta_confidence)
        network = self.parent.network if changed is self.parent.network.model else _served(changed, card, shown)
        learnt = tuple(self.data.digests[i] for i in (*three.adapt, *three.calibrate))
        return Adapted(changed, network, distribution, calibration, fitted.steps, learnt)


def _served(model: Any, card: Card, shown: tuple[Count, float]) -> Network:
    from smear.inference.engines.keras_engine import KerasEngine

    return Network(KerasEngine(model, card.explanation_layer), *shown)
