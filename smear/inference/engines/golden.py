"""Golden inputs: drawn fields whose logits stand on a card, asked again of the network that was just loaded."""

from typing import TYPE_CHECKING

import numpy as np

from smear.arrays import Array
from smear.artifacts import BundleError
from smear.imaging import synthetic
from smear.inference import preprocess
from smear.inference.card import Card, Golden
from smear.segmentation import mask_network
from smear.segmentation.find import find

if TYPE_CHECKING:
    from smear.inference.bundle import Bundle

# Kernels differ between processors, and lower precision between accelerators; another network differs by much more.
ABSOLUTE, RELATIVE = 0.05, 0.005
WITHOUT = (Golden("leukemic", 1, ()),)  # what is asked of a bundle without any: that it answers in numbers


def insist(bundle: "Bundle") -> None:
    """Raise BundleError unless the network answers the golden inputs as its card says, and in finite numbers."""
    name = bundle.path.name
    if not bundle.ood.finite:
        raise BundleError(f"The statistics of '{name}' are no numbers (NaN): the file is not one that can be used.")
    for golden in bundle.card.golden or WITHOUT:
        answers = answered(bundle, golden)
        if not all(np.isfinite(logits).all() for logits in answers):
            raise BundleError(f"The model '{name}' answers with no numbers (NaN): its weights cannot be used.")
        if golden.logits and comparable(bundle.card) and not any(alike(logits, golden.logits) for logits in answers):
            raise BundleError(
                f"The model '{name}' does not answer as its card says (the drawn field {golden.kind} {golden.seed}): "
                "it is not the one that was published, or this machine does not compute it rightly."
            )


def shown(golden: Golden, card: Card) -> Array:
    """Return a golden input as the network of a card is given it, uint8 RGB (h, w, 3)."""
    return preprocess.prepare(find(synthetic.field(golden.seed, golden.kind)), card)


def answered(bundle: "Bundle", golden: Golden) -> tuple[Array, ...]:
    """Return the logits (C,) for a golden input: as a reading takes them, and as the mean of all orientations.

    The card tells the one or the other, and near the confidence that decides, machines may decide differently.
    """
    network = bundle.network
    batch = shown(golden, bundle.card)[None]
    reading = network.forward(batch, maps=False).logits[0]
    return (reading,) if network.tta == 1 else (reading, network.logits(batch, range(network.tta))[0])


def comparable(card: Card) -> bool:
    """Return whether the inputs are what they were when the card was written: found by this segmenter or one alike."""
    segmenter = mask_network.read_card()
    versions = segmenter.version, *segmenter.alike
    return card.frameworks.get("segmenter") in [f"{segmenter.name} {version}" for version in versions]


def alike(logits: Array, expected: tuple[float, ...]) -> bool:
    """Return whether logits are those of a card but for what processors differ by."""
    return bool(np.allclose(logits, expected, rtol=RELATIVE, atol=ABSOLUTE))
