"""ResNet50 and ResNet101 (He et al. 2016)."""

from training.architectures.blueprint import Blueprint, Order, architecture
from training.architectures.imagenet import applications
from training.architectures.inputs_and_heads import CAFFE


@architecture("resnet50")
def resnet50(order: Order) -> Blueprint:
    """Return ResNet50."""
    return applications.build(order, "ResNet50", "resnet50", CAFFE, bgr="conv1_conv")


@architecture("resnet101")
def resnet101(order: Order) -> Blueprint:
    """Return ResNet101."""
    return applications.build(order, "ResNet101", "resnet101", CAFFE, bgr="conv1_conv")
