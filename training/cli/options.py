"""What several commands share: where bundles lie, where first weights come from, and how a command speaks."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from training.architectures.blueprint import Weights

MODELS = Path(__file__).resolve().parents[2] / "models"
PROTOCOLS = ("random", "grouped", "source", "as-published")
Commands = argparse._SubParsersAction  # argparse has no public name for what add_subparsers returns


def first_weights(command: argparse.ArgumentParser) -> None:
    """Add the options that say where a network's first weights come from."""
    command.add_argument(
        "--weights",
        help="folder of ImageNet backbones, or 'imagenet' to fetch them; without it training starts at random",
    )
    command.add_argument(
        "--network-cache",
        type=Path,
        help="folder of trained networks, for recipes that differ in their classifier only",
    )


def weights(arguments: argparse.Namespace) -> "Weights":
    """Return where first weights come from; what each network got is said when it is built."""
    if arguments.weights is None:
        say("No --weights: the network starts from random weights and will need far more pictures.")
        return None
    return "imagenet" if arguments.weights == "imagenet" else Path(arguments.weights)


def say(text: str) -> None:
    """Print a line of progress or complaint; standard output is for results alone."""
    print(text, file=sys.stderr, flush=True)
