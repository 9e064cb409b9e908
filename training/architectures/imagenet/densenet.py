"""DenseNet121, 169 and 201 (Huang et al. 2017)."""

from training.architectures.blueprint import Blueprint, Order, architecture
from training.architectures.imagenet import applications
from training.architectures.inputs_and_heads import TORCH


@architecture("densenet121")
def densenet121(order: Order) -> Blueprint:
    """Return DenseNet121."""
    return applications.build(order, "DenseNet121", "densenet121", TORCH)


@architecture("densenet169")
def densenet169(order: Order) -> Blueprint:
    """Return DenseNet169."""
    return applications.build(order, "DenseNet169", "densenet169", TORCH)


@architecture("densenet201")
def densenet201(order: Order) -> Blueprint:
    """Return DenseNet201."""
    return applications.build(order, "DenseNet201", "densenet201", TORCH)
