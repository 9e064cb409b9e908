"""VGG16 and VGG19 (Simonyan and Zisserman 2015), without their three dense layers of 120 million parameters."""

from training.architectures.blueprint import Blueprint, Order, architecture
from training.architectures.imagenet import applications
from training.architectures.inputs_and_heads import CAFFE


@architecture("vgg16")
def vgg16(order: Order) -> Blueprint:
    """Return VGG16, explained at its last convolution: the pooling behind it would halve the map."""
    return applications.build(order, "VGG16", "vgg16", CAFFE, explain="block5_conv3", bgr="block1_conv1")


@architecture("vgg19")
def vgg19(order: Order) -> Blueprint:
    """Return VGG19, explained at its last convolution."""
    return applications.build(order, "VGG19", "vgg19", CAFFE, explain="block5_conv4", bgr="block1_conv1")
