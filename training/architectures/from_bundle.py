"""A network that begins with the weights of a published bundle in place of ImageNet's."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from smear.artifacts import CARD, MODEL
from smear.inference import bundle
from smear.inference.engines.keras_engine import read_model
from training.architectures.blueprint import Blueprint
from training.architectures.pretrained import WeightsError

LEAST = 0.5  # of a network's weights: below, the bundle's is another network, and nothing sensible begins there


def is_bundle(weights: object) -> bool:
    """Return whether first weights are to come from a bundle's folder."""
    return isinstance(weights, Path) and (weights / CARD).is_file()


def begun(blueprint: Blueprint, folder: Path) -> Blueprint:
    """Return the network with the weights of the bundle in `folder`, layer by layer of the same name and shape.

    The last layer is taken too where it has as many outputs. WeightsError where the bundle's network is another.
    """
    card = bundle.verify(folder)
    layers = {layer.name: layer for layer in read_model(folder / MODEL).layers}
    fitting = whole = 0
    for layer in blueprint.model.layers:
        own = layer.get_weights()
        size = sum(weights.size for weights in own)
        whole += size
        twin = layers.get(layer.name)
        if own and twin is not None and _shapes(twin.get_weights()) == _shapes(own):
            layer.set_weights(twin.get_weights())
            fitting += size
    if fitting < LEAST * whole:
        raise WeightsError(
            f"{folder} holds another network ({card.recipe.get('architecture', 'unknown')}): only"
            f" {100 * fitting / max(1, whole):.0f} % of its weights fit. Choose a recipe of the same architecture."
        )
    return replace(blueprint, weights=f"{card.name} {card.version}")


def _shapes(weights: list[Any]) -> list[tuple[int, ...]]:
    return [array.shape for array in weights]
