"""How far a picture and its cells look from those that a model was trained on, whatever the model thinks of them.

Described is what the network is given, whatever the network is, in a few numbers: colour, spread of colour, fine and
coarse detail; and, for a model that reads fields, how the picture was taken (`smear.quality.acquisition`). The
network's own features answer another question: trained to tell a few classes apart, they put a granulocyte of another
laboratory where the nearest class lies. Colour and grain of the stained pixels do not know the classes and see that it
is foreign. The score is the Mahalanobis distance (1936) of these numbers from the training pictures'.
Mahalanobis distances on a network's own features (Lee et al., NeurIPS 2018) and k nearest neighbours there (Sun et al.,
ICML 2022) were measured beside it and lost: docs/out-of-distribution.md.

What looks like the training pictures may still look like those of another label than the network names: a lamp, a
camera or a colour space has brought one stain to where another lies. A recipe can give that a weight (`ByLabel`).
"""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from smear.arrays import Array
from smear.inference.suggestion import TEXTS, UNFAMILIAR
from smear.quality import acquisition
from smear.segmentation.field import Field

SHRINKAGE = 0.01  # of the covariance towards its diagonal: a constant or copied number must not blow up the rest
BACKGROUND = 245  # from here on a pixel's darkest channel is background, painted or real
FEWEST = 20  # pixels that make a statement about cells; below, the whole input is described
SIDES = (3, 7, 15)  # of the squares that are averaged, in pixels of the input: fine to coarse detail
LEAST = 1e-3  # added before a logarithm is taken
CLOSEST = 0.9999  # correlation; Fisher's z of 1 is infinite
LENGTH = 6 + 3 + 3 * len(SIDES)  # of what describes the leukocytes; what describes the picture comes after it

FOREIGN_CELLS = TEXTS[UNFAMILIAR]
FOREIGN_PICTURE = (
    "This picture is not like those the model was trained on in {0}. Take the field again as your camera gives it, or"
    " judge this one yourself."
)
OTHER_LABEL = (
    "By its colours and its detail this picture looks more like those of another label that the model was trained on"
    " than like those of the one it would name. Judge this one yourself."
)


@dataclass(frozen=True)
class ByLabel:
    """Statistics of the training pictures' features by label: normal distributions of one covariance (Fisher 1936).

    means: float64 (C, K), NaN of a label without pictures; precision: the inverse of the covariance within the labels,
    float64 (K, K); weight: of what speaks for another label, above 0.
    """

    means: Array
    precision: Array
    weight: float

    @classmethod
    def fit(cls, features: Array, targets: Array, classes: int, weight: float) -> "ByLabel":
        """Return the statistics of `features`, float (N, K), of pictures of the labels `targets`, int64 (N,)."""
        means = np.full((classes, features.shape[1]), np.nan)
        for target in np.unique(targets):
            means[target] = features[targets == target].mean(axis=0, dtype=np.float64)
        return cls(means, _precision(features - means[targets]), weight)

    def against(self, features: Array, labels: Array) -> Array:
        """Return how much nearer another label's pictures are than those of `labels`, int64 (N,): float (N,), from 0.

        It is the difference of the squared Mahalanobis distances of `features`, float64 (N, K), over K: twice the
        logarithm of how much likelier they are under the likeliest other label.
        """
        away = features[:, None] - self.means
        distances = np.einsum("nck,kl,ncl->nc", away, self.precision, away) / self.means.shape[1]
        distances[:, np.isnan(self.means[:, 0])] = np.inf
        named = np.arange(len(labels)), labels
        own = distances[named]
        distances[named] = np.inf
        nearer: Array = np.maximum(own - distances.min(axis=1), 0)
        return nearer


@dataclass(frozen=True)
class Distribution:
    """Statistics of the training pictures' features: mean (K,) and inverse covariance (K, K), float64.

    by_label: those of each label, where the recipe gives them a weight.
    """

    mean: Array
    precision: Array
    by_label: ByLabel | None = None

    @property
    def finite(self) -> bool:
        """Whether all of it can be reckoned with; of a label without pictures there is nothing."""
        numbers = [self.mean, self.precision]
        if self.by_label is not None:
            numbers += [self.by_label.precision, np.array(self.by_label.weight)]
        return all(np.isfinite(entry).all() for entry in numbers)

    @classmethod
    def fit(cls, features: Array, by_label: ByLabel | None = None) -> "Distribution":
        """Return the statistics of the `features` of training pictures, float (N, K), N at least 2."""
        return cls(features.mean(axis=0, dtype=np.float64), _precision(features), by_label)

    def score(self, features: Array, labels: Array | None = None) -> Array:
        """Return the out-of-distribution score of `features` (N, K or more): float (N,), 0 or more; a training picture
        has about 1.

        It is the Mahalanobis distance over the square root of K, the root mean square that training pictures have. The
        statistics of an earlier version describe the leukocytes alone: the further features are not looked at then.
        labels: int64 (N,), what the network names, where what speaks for another label counts too: its weight times
        `ByLabel.against` is added to the square.
        """
        away = self._away(features)
        squares = np.einsum("nk,kl,nl->n", away, self.precision, away) / len(self.mean)
        if self.by_label is not None and labels is not None:
            squares = squares + self.by_label.weight * self.by_label.against(self.mean + away, labels)
        result: Array = np.sqrt(squares)
        return result

    def of(self, shown: Array, field: Field | None = None) -> float:
        """Return the score of one prepared input, uint8 RGB (h, w, 3), of `field` for a model that reads fields."""
        return float(self.score(looks(shown, field)[None])[0])

    def of_leukocytes(self) -> "Distribution":
        """Return the statistics of what describes the leukocytes alone: the marginal distribution."""
        covariance = np.linalg.inv(self.precision)[:LENGTH, :LENGTH]
        return Distribution(self.mean[:LENGTH], np.linalg.inv(covariance))

    def why(self, features: Array, limit: float) -> str:
        """Return in a sentence what is foreign about a picture with these `features` (K or more,), above the limit.

        It is that another label's pictures are nearer, if nothing else puts it there; the leukocytes if they are beyond
        the limit by themselves; else the measure of the picture that is farthest from the training pictures' mean, in
        their standard deviations.
        """
        if self.by_label is not None and self.score(features[None])[0] <= limit:
            return OTHER_LABEL
        if len(self.mean) <= LENGTH or self.of_leukocytes().score(features[None])[0] > limit:
            return FOREIGN_CELLS
        deviations = np.abs(self._away(features[None])[0]) / np.sqrt(np.diag(np.linalg.inv(self.precision)))
        return FOREIGN_PICTURE.format(list(acquisition.MEASURES.values())[int(deviations[LENGTH:].argmax())])

    def _away(self, features: Array) -> Array:
        return np.asarray(features, np.float64)[:, : len(self.mean)] - self.mean

    def save(self, path: Path) -> None:
        """Write the statistics to `path` (.npz)."""
        further = {f"label_{entry}": value for entry, value in vars(self.by_label).items()} if self.by_label else {}
        np.savez_compressed(path, mean=self.mean, precision=self.precision, **further)

    @classmethod
    def load(cls, path: Path) -> "Distribution":
        """Read what `save` wrote; arrays only, nothing in the file is executed."""
        with np.load(path, allow_pickle=False) as stored:
            by_label = None
            if "label_means" in stored:
                by_label = ByLabel(stored["label_means"], stored["label_precision"], float(stored["label_weight"]))
            return cls(stored["mean"], stored["precision"], by_label)


def _precision(features: Array) -> Array:
    """Return the inverse covariance of features, float64 (K, K), shrunk a little towards its diagonal."""
    covariance = np.cov(features, rowvar=False, dtype=np.float64)
    diagonal = np.diag(np.diag(covariance))
    return np.linalg.inv((1 - SHRINKAGE) * covariance + SHRINKAGE * diagonal + 1e-6 * np.eye(len(covariance)))


def looks(shown: Array, field: Field | None = None) -> Array:
    """Return what a prepared input, uint8 RGB (h, w, 3), looks like; and its field, where the model reads fields.

    float64 (LENGTH + len(acquisition.MEASURES),), or (LENGTH,) without a field.
    """
    leukocytes = ood_features(shown)
    return leukocytes if field is None else np.concatenate([leukocytes, acquisition.measure(field, max(shown.shape))])


def stained(shown: Array) -> Array:
    """Return the flat indices of the pixels of a prepared input that are not background; all where next to none are."""
    places: Array = np.flatnonzero(cv2.inRange(shown, (BACKGROUND,) * 3, (255,) * 3) == 0)
    return places if len(places) >= FEWEST else np.arange(shown.shape[0] * shown.shape[1])


def ood_features(shown: Array) -> Array:
    """Return what describes the leukocytes of a prepared input, uint8 RGB (h, w, 3): float64 (LENGTH,).

    In CIE L*a*b* over the pixels that are not background: mean and standard deviation of each channel, the correlation
    of each pair of channels, and for each side the mean absolute difference between the picture averaged over the
    square before (at first: itself) and over this one. Only stained pixels are averaged (normalised convolution:
    Knutsson and Westin 1993), so that what stands around a cell, and how much of it, does not count. Deviations and
    differences are given as logarithms and correlations as Fisher's z (1915), which brings them closer to the normal
    distribution that a Mahalanobis distance takes for granted.
    """
    places = stained(shown)
    values = cv2.cvtColor(_at(shown, places)[None].astype(np.float32) / 255, cv2.COLOR_RGB2LAB)[0]
    mean, covariance = values.mean(axis=0, dtype=np.float64), np.cov(values.T, dtype=np.float64)
    spread = np.sqrt(np.diag(covariance))
    pairs = np.triu_indices(3, 1)
    correlation = covariance[pairs] / np.maximum(np.outer(spread, spread)[pairs], 1e-9)
    parts = [mean, np.log(spread + LEAST), np.arctanh(np.clip(correlation, -CLOSEST, CLOSEST))]
    weighted = np.zeros((*shown.shape[:2], 4), np.float32)  # the values, and their weight
    weighted.reshape(-1, 4)[places] = np.column_stack([values, np.ones(len(places), np.float32)])
    sharper = values
    for side in SIDES:
        around = _at(cv2.blur(weighted, (side, side)), places)
        averaged = around[:, :3] / around[:, 3:]
        parts.append(np.log(np.abs(sharper - averaged).mean(axis=0, dtype=np.float64) + LEAST))
        sharper = averaged
    return np.concatenate(parts)


def _at(picture: Array, places: Array) -> Array:
    """Return the pixels at flat indices, (N, channels): several times faster than a mask of them."""
    return picture.reshape(picture.shape[0] * picture.shape[1], -1)[places]
