"""Two models on the same labelled fields or cells, in pairs: how often each is right, and who was where they differ.

Of pairs only those count in which one is right and the other is not (McNemar 1947, exactly: a binomial test with one
half). Pictures of one patient are alike, so that the test is by patient too: a patient is won by who is right on more
of their pictures, and a sign test (Dixon and Mood 1946) counts patients. Shares have exact limits (Clopper and Pearson
1934).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from smear.statistics import Share, exact_share

RIGHT, WRONG, NONE = "right", "wrong", "none"
FEWEST = 30  # labelled pictures that both read, before anything is said
CLEAR = 0.05  # of the tests' probability


@dataclass(frozen=True)
class Pair:
    """One labelled picture that both read. first, second: what they suggested, None for no suggestion."""

    key: tuple[str, int]
    group: str
    reference: str
    first: str | None
    second: str | None

    @property
    def results(self) -> tuple[str, str]:
        """Return what became of both answers."""
        return result(self.first, self.reference), result(self.second, self.reference)


@dataclass(frozen=True)
class Of:
    """How one model did: its suggestions of all, those of them that are right, and right ones of all pictures."""

    suggested: Share
    right: Share
    useful: Share


@dataclass(frozen=True)
class Compared:
    """Both models. table: how often which pair of results; patients: won by the first, by the second, by neither.

    by_picture, by_patient: how probably chance alone gives such a difference, 0..1.
    """

    n: int
    groups: int
    first: Of
    second: Of
    same: Share
    table: Counter[tuple[str, str]]
    only_first: int
    only_second: int
    by_picture: float
    patients: tuple[int, int, int]
    by_patient: float
    classes: list[tuple[str, int, Share, Share]]

    @property
    def conclusion(self) -> str:
        """Return `few`, `better`, `worse` or `equal`: of the second against the first, by patient and by picture.

        Both have to be clear and to point the same way: one patient with many pictures may outweigh all others.
        """
        if self.n < FEWEST:
            return "few"
        if self.by_picture >= CLEAR or self.by_patient >= CLEAR:
            return "equal"
        by_picture, by_patient = self.only_second > self.only_first, self.patients[1] > self.patients[0]
        if by_picture != by_patient:
            return "equal"
        return "better" if by_picture else "worse"


def result(answer: str | None, reference: str) -> str:
    """Return what became of an answer."""
    return NONE if answer is None else RIGHT if answer == reference else WRONG


def compare(pairs: Sequence[Pair]) -> Compared | None:
    """Return how two models did on the same pictures; None where there are none."""
    if not pairs:
        return None
    table = Counter(pair.results for pair in pairs)
    only_first = sum(n for (first, second), n in table.items() if first == RIGHT != second)
    only_second = sum(n for (first, second), n in table.items() if second == RIGHT != first)
    leads: defaultdict[str, int] = defaultdict(int)
    for pair in pairs:
        first, second = pair.results
        leads[pair.group] += (second == RIGHT) - (first == RIGHT)
    won = sum(lead < 0 for lead in leads.values()), sum(lead > 0 for lead in leads.values())
    return Compared(
        n=len(pairs),
        groups=len(leads),
        first=of([pair.results[0] for pair in pairs]),
        second=of([pair.results[1] for pair in pairs]),
        same=exact_share(sum(pair.first == pair.second for pair in pairs), len(pairs)),
        table=table,
        only_first=only_first,
        only_second=only_second,
        by_picture=sign_test(only_first, only_second),
        patients=(*won, len(leads) - sum(won)),
        by_patient=sign_test(*won),
        classes=by_class(pairs),
    )


def of(results: Sequence[str]) -> Of:
    """Return how a model did with these results."""
    counts = Counter(results)
    suggested = counts[RIGHT] + counts[WRONG]
    return Of(
        exact_share(suggested, len(results)),
        exact_share(counts[RIGHT], suggested),
        exact_share(counts[RIGHT], len(results)),
    )


def by_class(pairs: Sequence[Pair]) -> list[tuple[str, int, Share, Share]]:
    """Return each label with how many pictures have it, and of how many each model was right."""
    rows = []
    for reference in sorted({pair.reference for pair in pairs}):
        own = [pair.results for pair in pairs if pair.reference == reference]
        shares = (exact_share(sum(both[k] == RIGHT for both in own), len(own)) for k in (0, 1))
        rows.append((reference, len(own), *shares))
    return rows  # type: ignore[return-value]


def sign_test(first: int, second: int) -> float:
    """Return how probably chance alone parts `first + second` so unevenly or more, two-sided; 1 of nothing."""
    from scipy.special import bdtr  # not when the application starts

    n = first + second
    return min(1.0, 2 * float(bdtr(min(first, second), n, 0.5))) if n else 1.0
