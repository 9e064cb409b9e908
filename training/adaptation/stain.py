"""Stain matching: a laboratory's cells made as dark in each colour as those that a bundle was trained on.

One gain of the optical density a channel (`smear.imaging.stain`) brings the mean colour of the laboratory's cells to
that which the bundle keeps of its training pictures. No label is needed for it.
"""

from dataclasses import replace

import cv2
import numpy as np
from scipy.optimize import least_squares

from smear.arrays import Array
from smear.imaging.stain import GAINS, denser
from smear.inference.bundle import Bundle
from smear.inference.card import Step
from smear.inference.ood import LENGTH, ood_features, stained
from smear.inference.preprocess import OPTICAL_DENSITY
from training.adaptation.looked_at import Looked, answered

PIXELS = 20_000  # of all cells, drawn: a mean colour wants no more


def gains(inputs: Array, wanted: Array, seed: int = 0) -> tuple[float, float, float]:
    """Return the gain of the optical density of red, green and blue that brings the mean colour of cells to `wanted`.

    inputs: uint8 (N, h, w, 3), as a network is given them; wanted: float (3,), mean CIE L*a*b* of what is stained.
    """
    drawn = np.random.default_rng(seed)
    share = max(1, PIXELS // len(inputs))
    pixels = []
    for shown in inputs:
        cells = shown.reshape(-1, 3)[stained(shown)]
        pixels.append(cells[drawn.integers(0, len(cells), share)])
    density = -np.log((np.concatenate(pixels).astype(np.float64) + 1) / 256)

    def difference(gain: Array) -> Array:
        rgb = np.exp(-density * gain).astype(np.float32)
        mean: Array = cv2.cvtColor(rgb[None], cv2.COLOR_RGB2LAB)[0].mean(axis=0, dtype=np.float64)
        return mean - wanted

    # OpenCV computes in single precision, in which the usual tiny step is none.
    red, green, blue = least_squares(difference, np.ones(3), bounds=GAINS, diff_step=[1e-3] * 3).x.round(4).tolist()
    return red, green, blue


def step(known: Looked, bundle: Bundle) -> Step:
    """Return the step of a card that matches a laboratory's pictures to those that a bundle was trained on."""
    inputs = known.inputs[known.gradable] if known.gradable.any() else known.inputs  # others may show no cell at all
    return Step(OPTICAL_DENSITY, {"gains": list(gains(inputs, bundle.ood.mean[:3]))})


def matched(known: Looked, step: Step, bundle: Bundle) -> Looked:
    """Return pictures after the step, with what the bundle's network makes of them."""
    inputs = np.stack([denser(shown, step.parameters["gains"]) for shown in known.inputs])
    features, logits = answered(bundle, inputs)
    looks = np.concatenate([np.stack([ood_features(shown) for shown in inputs]), known.looks[:, LENGTH:]], axis=1)
    return replace(known, inputs=inputs, features=features, logits=logits, looks=looks)
