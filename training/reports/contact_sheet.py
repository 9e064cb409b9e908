"""A contact sheet: what the augmentation of a recipe makes of some pictures, as its network is shown them."""

from pathlib import Path

import cv2
import numpy as np

from smear.arrays import Array
from smear.imaging.decode import encode
from smear.inference import preprocess
from smear.segmentation.find import find
from training.augmentation.augment import augment
from training.data.dataset import Dataset
from training.recipes.recipe import Recipe

TILE, GAP, CAPTION = 144, 6, 22  # px
INK, PAPER = (40, 40, 48), 255


def sheet(recipes: list[Recipe], dataset: Dataset, pictures: int, copies: int, seed: int) -> Array:
    """Return the sheet, uint8 RGB: a strip for every recipe, a row for every picture, first as it is, then changed.

    The pictures are drawn by `seed`, as many of every label as fit; all recipes are shown the same.
    """
    chosen = _chosen(dataset, pictures, seed)
    strips = [_strip(recipe, dataset, chosen, copies, seed) for recipe in recipes]
    return np.concatenate(strips)


def write(sheet: Array, path: Path) -> Path:
    """Write a sheet as PNG and return where."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode(sheet, "PNG"))
    return path


def _chosen(dataset: Dataset, count: int, seed: int) -> list[int]:
    order = np.random.default_rng(seed).permutation(len(dataset))
    turns: dict[str, list[int]] = {label: [] for label in dataset.classes}
    for index in order:
        turns[dataset.labels[index]].append(int(index))
    ranked = [(place, label, index) for label, own in turns.items() for place, index in enumerate(own)]
    return [index for _, _, index in sorted(ranked)[:count]]


def _strip(recipe: Recipe, dataset: Dataset, chosen: list[int], copies: int, seed: int) -> Array:
    width = (copies + 1) * (TILE + GAP) + GAP
    caption = np.full((CAPTION, width, 3), PAPER, np.uint8)
    text = f"{recipe.name}: {recipe.augmentation.pipeline}"
    cv2.putText(caption, text, (GAP, CAPTION - 7), cv2.FONT_HERSHEY_SIMPLEX, 0.45, INK, 1, cv2.LINE_AA)
    steps = preprocess.chain(recipe.preprocess, recipe.input)
    rows = [caption]
    for index in chosen:
        prepared = preprocess.run(steps, preprocess.begin(find(dataset.picture(index)))).rgb
        seeds = range(seed * 1000 + index * copies, seed * 1000 + (index + 1) * copies)
        versions = [prepared, *(augment(prepared, recipe.augmentation, number) for number in seeds)]
        rows.append(_row(versions, width))
    return np.concatenate(rows)


def _row(versions: list[Array], width: int) -> Array:
    row = np.full((TILE + GAP, width, 3), PAPER, np.uint8)
    for place, picture in enumerate(versions):
        factor = TILE / max(picture.shape[:2])
        size = tuple(max(1, round(side * factor)) for side in picture.shape[1::-1])
        tile = cv2.resize(picture, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC)
        left = GAP + place * (TILE + GAP)
        row[: tile.shape[0], left : left + tile.shape[1]] = tile
    return row
