"""InceptionV3 (Szegedy et al. 2016) and Xception (Chollet 2017)."""

from training.architectures.blueprint import Blueprint, Order, architecture
from training.architectures.imagenet import applications


@architecture("inception_v3")
def inception_v3(order: Order) -> Blueprint:
    """Return InceptionV3; its input is 75 px or more."""
    return applications.build(order, "InceptionV3", "inception_v3")


@architecture("xception")
def xception(order: Order) -> Blueprint:
    """Return Xception; its input is 71 px or more."""
    return applications.build(order, "Xception", "xception")
