"""Networks that recipes name. Each builder returns a flat functional model from RGB 0..255 to logits.

Only built-in layers, and the scaling inside the graph, so that a bundle's file is all that serving needs.
"""

from collections.abc import Callable, Mapping

from smear.sentence import SentenceError
from training.architectures import colour, odrnn, plain, xincept
from training.architectures.blueprint import Blueprint, Order
from training.architectures.imagenet import (
    alexnet,
    densenet,
    efficientnet,
    googlenet,
    inception,
    mobilenet,
    resnet,
    squeezenet,
    vgg,
)

Builder = Callable[[Order], Blueprint]

BUILDERS: Mapping[str, Builder] = {
    "mobilenet": mobilenet.v1,
    "mobilenet_v2": mobilenet.v2,
    "mobilenet_v2_texture": mobilenet.v2_texture,
    "vgg16": vgg.vgg16,
    "vgg19": vgg.vgg19,
    "resnet50": resnet.resnet50,
    "resnet101": resnet.resnet101,
    "inception_v3": inception.inception_v3,
    "xception": inception.xception,
    "densenet121": densenet.densenet121,
    "densenet169": densenet.densenet169,
    "densenet201": densenet.densenet201,
    **{f"efficientnet_b{number}": efficientnet.numbered(number) for number in range(8)},
    "efficientnet_lite0": efficientnet.lite0,
    "squeezenet": squeezenet.build,
    "alexnet": alexnet.build,
    "googlenet": googlenet.build,
    "abed_simple_cnn": plain.abed,
    "cml1": plain.cml1,
    "bushi_basic_cnn": plain.bushi,
    "cnn_lstm": plain.cnn_lstm,
    "odrnn": odrnn.build,
    "colour_statistics": colour.build,
    "xincept": xincept.build,
}


class UnknownArchitectureError(SentenceError):
    """A recipe names an architecture that is not in `BUILDERS`, or asks for an input that it cannot take."""


def build(name: str, order: Order) -> Blueprint:
    """Return the network `name`; UnknownArchitectureError where there is none, or the input is too small for it."""
    if name not in BUILDERS:
        raise UnknownArchitectureError(f"There is no architecture '{name}'. Known: {', '.join(BUILDERS)}.")
    try:
        return BUILDERS[name](order)
    except SentenceError:
        raise
    except ValueError as error:
        if "input" in str(error).lower() or "negative" in str(error).lower():
            raise UnknownArchitectureError(
                f"The architecture '{name}' does not take an input of {order.height} x {order.width} px."
            ) from error
        raise
