"""How far a picture and its cells look from those that a model was trained on, whatever the model thinks of them.

Described is what the network is given, whatever the network is, in a few numbers: colour, spread of colour, fine and
coarse detail; and, for a model that reads fields, how the picture was taken (`smear.quality.acquisition`). The
network's own features answer another question: trained to tell a few classes apart, they put a granulocyte of another
laboratory where the nearest class lies. Colour and grain of the stained pixels do not know the classes and see that it
is foreign. The score is the Mahalanobis distance (1936) of these numbers from the training pictures'.
Mahalanobis distances on a network's own features (Lee et al., NeurIPS 2018) and k nearest neighbours there (Sun et al.,
ICML 2022) were measured beside it and lost: docs/out-of-distribution.md.
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


@dataclass(frozen=True)
class Distribution:
    """Statistics of the training pictures' features: mean (K,) and inverse covariance (K, K), float64."""

    mean: Array
    precision: Array

    @classmethod
    def fit(cls, features: Array) -> "Distribution":
        """Return the statistics of the `features` of training pictures, float (N, K), N at least 2."""
        covariance = np.cov(features, rowvar=False, dtype=np.float64)
        diagonal = np.diag(np.diag(covariance))
        shrunk = (1 - SHRINKAGE) * covariance + SHRINKAGE * diagonal + 1e-6 * np.eye(len(covariance))
        return cls(features.mean(axis=0, dtype=np.float64), np.linalg.inv(shrunk))

    def score(self, features: Array) -> Array:
        """Return the out-of-distribution score of `features` (N, K or more): float (N,), 0 or more; a training picture
        has about 1.

        It is the Mahalanobis distance over the square root of K, the root mean square that training pictures have. The
        statistics of an earlier version describe the leukocytes alone: the further features are not looked at then.
        """
        away = self._away(features)
        result: Array = np.sqrt(np.einsum("nk,kl,nl->n", away, self.precision, away) / len(self.mean))
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

        It is the leukocytes if they are beyond the limit by themselves, else the measure of the picture that is
        farthest from the training pictures' mean, in their standard deviations.
        """
        if len(self.mean) <= LENGTH or self.of_leukocytes().score(features[None])[0] > limit:
            return FOREIGN_CELLS
        deviations = np.abs(self._away(features[None])[0]) / np.sqrt(np.diag(np.linalg.inv(self.precision)))
        return FOREIGN_PICTURE.format(list(acquisition.MEASURES.values())[int(deviations[LENGTH:].argmax())])

    def _away(self, features: Array) -> Array:
        return np.asarray(features, np.float64)[:, : len(self.mean)] - self.mean

    def save(self, path: Path) -> None:
        """Write the statistics to `path` (.npz)."""
        np.savez_compressed(path, mean=self.mean, precision=self.precision)

    @classmethod
    def load(cls, path: Path) -> "Distribution":
        """Read what `save` wrote; arrays only, nothing in the file is executed."""
        with np.load(path, allow_pickle=False) as stored:
            return cls(stored["mean"], stored["precision"])


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
