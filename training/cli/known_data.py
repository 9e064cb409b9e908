"""Data that a bundle knows too well: what is measured on it says nothing about new pictures."""

from pathlib import Path
from typing import TYPE_CHECKING

from training import learnt_pictures
from training.cli.options import say

if TYPE_CHECKING:
    from smear.inference.card import Card
    from training.data.dataset import Dataset


def beware(folder: Path, card: "Card", *data: "Dataset") -> None:
    """Say where the bundle in `folder` knows data too well for what is measured on it to say how good it is.

    data: the data set that is read, and the one that it was drawn from.
    """
    if card.data.get("fingerprint") in {each.fingerprint for each in data}:
        say(f"Beware: {card.name} was trained on this very data. What follows is no measure of how good it is.")
        return
    learnt = learnt_pictures.read(folder)
    known = sum(digest in learnt for digest in data[0].digests)
    if known:
        say(
            f"Beware: {card.name} was trained on {known} of these {len(data[0])} pictures. What follows is no measure"
            " of how good it is. Leave them out."
        )
