"""The red deer algorithm (Fathollahi-Fard, Hajiaghaei-Keshteli and Tavakkoli-Moghaddam, Soft Computing 24, 2020).

A population of points in the unit cube. The best are males, the rest hinds. In the mating season males *roar* (look
around themselves), the strongest become commanders and *fight* the stags, hinds are shared out in *harems* by the
commanders' strength, and there is *mating*: a commander with most of his harem and with some of another one, a stag
with the hind nearest to him. The best males stay; of hinds and calves a tournament keeps as many as there were hinds.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from smear.arrays import Array

Objective = Callable[[Array], float]


@dataclass(frozen=True)
class Herd:
    """How many there are, and the shares that the authors call gamma, alpha and beta."""

    population: int = 20
    males: int = 5
    generations: int = 20
    commanders: float = 0.6  # of the males
    own_harem: float = 0.8  # of its hinds a commander mates with
    other_harem: float = 0.4  # and of the hinds of one other harem


def minimise(
    objective: Objective, dimensions: int, herd: Herd, seed: int, start: Array | None = None
) -> tuple[Array, float, list[float]]:
    """Return the best point, float (dimensions,) in 0..1, its value, and the best value after each generation.

    start: a point that one of the herd begins at; all are drawn where there is none.
    """
    random = np.random.default_rng(seed)
    points = random.random((herd.population, dimensions))
    if start is not None:
        points[0] = start
    values = np.array([objective(point) for point in points])
    history = []
    for _ in range(herd.generations):
        points, values = _ordered(points, values)
        males, hinds = (
            _Part(points[: herd.males], values[: herd.males]),
            _Part(points[herd.males :], values[herd.males :]),
        )
        _roar(males, objective, random)
        males = _Part(*_ordered(males.points, males.values))
        count = max(1, round(herd.commanders * herd.males))
        commanders = _Part(males.points[:count], males.values[:count])
        stags = _Part(males.points[count:], males.values[count:])
        _fight(commanders, stags, objective, random)
        harems = _harems(commanders.values, len(hinds.values), random)
        calves = _mate(commanders, stags, hinds, harems, herd, random)
        grown = np.array([objective(calf) for calf in calves])
        males = _Part(
            np.concatenate([commanders.points, stags.points]), np.concatenate([commanders.values, stags.values])
        )
        young = _Part(np.concatenate([hinds.points, calves]), np.concatenate([hinds.values, grown]))
        survivors = _tournament(young.values, len(hinds.values), random)
        points = np.concatenate([males.points, young.points[survivors]])
        values = np.concatenate([males.values, young.values[survivors]])
        history.append(float(values.min()))
    best = int(values.argmin())
    return points[best], float(values[best]), history


@dataclass
class _Part:
    """Some of the herd: points (N, D) and their values (N,)."""

    points: Array
    values: Array

    def better(self, index: int, point: Array, value: float) -> None:
        if value < self.values[index]:
            self.points[index], self.values[index] = point, value


def _ordered(points: Array, values: Array) -> tuple[Array, Array]:
    order = np.argsort(values, kind="stable")
    return points[order].copy(), values[order].copy()


def _roar(males: _Part, objective: Objective, random: np.random.Generator) -> None:
    """Let each male try a place near his own; he moves where it is better."""
    for index in range(len(males.values)):
        step = random.random() * random.random(males.points.shape[1])
        point = np.clip(males.points[index] + (step if random.random() >= 0.5 else -step), 0, 1)
        males.better(index, point, objective(point))


def _fight(commanders: _Part, stags: _Part, objective: Objective, random: np.random.Generator) -> None:
    """Let every commander fight a stag: he takes the best of two places around the middle between them, or stays."""
    for index in range(len(commanders.values)):
        if not len(stags.values):
            return
        stag = int(random.integers(len(stags.values)))
        middle = (commanders.points[index] + stags.points[stag]) / 2
        step = random.random() * random.random(middle.shape)
        for point in (np.clip(middle + step, 0, 1), np.clip(middle - step, 0, 1)):
            commanders.better(index, point, objective(point))
        if stags.values[stag] < commanders.values[index]:  # the stag was the stronger: they change places
            for mine, his in ((commanders.points, stags.points), (commanders.values, stags.values)):
                mine[index], his[stag] = his[stag].copy(), mine[index].copy()


def _harems(values: Array, hinds: int, random: np.random.Generator) -> list[Array]:
    """Share out `hinds` among commanders by their strength: how far each is better than the worst."""
    strength = values.max() - values + 1e-9 * (1 + abs(values.max()))
    shares = strength / strength.sum()
    owners = np.searchsorted(np.cumsum(shares), (np.arange(hinds) + 0.5) / hinds)
    order = random.permutation(hinds)
    return [order[owners == commander] for commander in range(len(values))]


def _mate(
    commanders: _Part, stags: _Part, hinds: _Part, harems: list[Array], herd: Herd, random: np.random.Generator
) -> Array:
    """Return the calves, (N, D): each in the middle between its parents, moved a little."""
    pairs: list[tuple[Array, Array]] = []
    for index, harem in enumerate(harems):
        neighbours = [members for i, members in enumerate(harems) if i != index and len(members)]
        chosen = list(harem[: round(herd.own_harem * len(harem))])
        if neighbours:
            harem_beside = neighbours[int(random.integers(len(neighbours)))]
            chosen += list(harem_beside[: round(herd.other_harem * len(harem_beside))])
        pairs += [(commanders.points[index], hinds.points[hind]) for hind in chosen]
    for stag in stags.points:
        nearest = int(np.linalg.norm(hinds.points - stag, axis=1).argmin())
        pairs.append((stag, hinds.points[nearest]))
    calves = [
        (father + mother) / 2 + random.uniform(-0.25, 0.25) * random.random(father.shape) for father, mother in pairs
    ]
    return np.clip(np.array(calves), 0, 1)


def _tournament(values: Array, count: int, random: np.random.Generator) -> Array:
    """Return `count` different indices, each the better of two drawn; the very best is always among them."""
    winners = [int(values.argmin())]
    left = [i for i in range(len(values)) if i != winners[0]]
    while len(winners) < count:
        drawn = random.choice(left, min(2, len(left)), replace=False)
        winner = int(drawn[values[drawn].argmin()])
        winners.append(winner)
        left.remove(winner)
    return np.array(winners)
