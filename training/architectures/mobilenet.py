"""MobileNet (Howard et al. 2017) and MobileNetV2 (Sandler et al. 2018)."""

from training.architectures import applications
from training.architectures.order import Blueprint, Order


def v1(order: Order) -> Blueprint:
    """Return MobileNet with depthwise separable convolutions, 3.2 million parameters before its head."""
    return applications.build(order, "MobileNet", "mobilenet")


def v2(order: Order) -> Blueprint:
    """Return MobileNetV2 with inverted residuals, 2.3 million parameters before its head."""
    return applications.build(order, "MobileNetV2", "mobilenet_v2")
