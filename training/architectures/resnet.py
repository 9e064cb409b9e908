"""ResNet50 and ResNet101 (He et al. 2016)."""

from training.architectures import applications
from training.architectures.ends import CAFFE
from training.architectures.order import Blueprint, Order


def resnet50(order: Order) -> Blueprint:
    """Return ResNet50."""
    return applications.build(order, "ResNet50", "resnet50", CAFFE, bgr="conv1_conv")


def resnet101(order: Order) -> Blueprint:
    """Return ResNet101."""
    return applications.build(order, "ResNet101", "resnet101", CAFFE, bgr="conv1_conv")
