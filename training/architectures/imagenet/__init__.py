"""Backbones with published ImageNet weights."""
