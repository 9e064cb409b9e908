"""Networks that recipes name. Each builder returns a flat functional model from RGB 0..255 to logits.

Only built-in layers, and the scaling inside the graph, so that a bundle's file is all that serving needs.
"""

from dataclasses import replace
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

from smear.sentence import SentenceError
from training.architectures.blueprint import BUILDERS, Blueprint, Order
from training.architectures.from_bundle import begun, is_bundle

for _module in walk_packages(__path__, f"{__name__}."):
    import_module(_module.name)  # each puts what it builds into BUILDERS


__all__ = ["BUILDERS", "Blueprint", "Order", "UnknownArchitectureError", "build"]


class UnknownArchitectureError(SentenceError):
    """A recipe names an architecture that is not in `BUILDERS`, or asks for an input that it cannot take."""


def build(name: str, order: Order) -> Blueprint:
    """Return the network `name`; UnknownArchitectureError where there is none, or the input is too small for it."""
    if name not in BUILDERS:
        raise UnknownArchitectureError(f"There is no architecture '{name}'. Known: {', '.join(BUILDERS)}.")
    try:
        if is_bundle(order.weights):
            return begun(BUILDERS[name](replace(order, weights=None)), Path(str(order.weights)))
        return BUILDERS[name](order)
    except SentenceError:
        raise
    except ValueError as error:
        if "input" in str(error).lower() or "negative" in str(error).lower():
            raise UnknownArchitectureError(
                f"The architecture '{name}' does not take an input of {order.height} x {order.width} px."
            ) from error
        raise
