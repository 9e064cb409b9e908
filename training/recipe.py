"""Recipes: one TOML file each, read into validated dataclasses. A card carries its recipe whole."""

import tomllib
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from smear import typed
from smear.card import Input, Label, Step
from training.augment import Augmentation
from training.dataset import DataError, Dataset

FOLDER = Path(__file__).with_name("recipes")


class RecipeError(ValueError):
    """A recipe that does not exist or cannot be read; one sentence."""


@dataclass(frozen=True)
class LabelText:
    """What a class is called and means."""

    name: str
    meaning: str
    malignant: bool


@dataclass(frozen=True)
class Schedule:
    """How the network is trained: AdamW with cosine decay to zero, all layers at once.

    `strangers` (`training.strangers`) are added to every batch of `batch_size` pictures.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    strangers: int = 0
    weight_decay: float = 1e-4
    dropout: float = 0.2
    batch_norm_momentum: float = 0.9
    seed: int = 0


@dataclass(frozen=True)
class Refusal:
    """How much of its own kind the model may refuse on validation, and the accuracy it aims at on the rest."""

    target_accuracy: float = 0.995
    most_for_confidence: float = 0.05
    for_novelty: float = 0.02


@dataclass(frozen=True)
class Recipe:
    """Everything that decides what a training makes of a data set."""

    name: str
    version: str
    title: str
    scope: Literal["field", "cell"]
    architecture: str
    input: Input
    preprocess: tuple[Step, ...]
    augmentation: Augmentation
    schedule: Schedule
    labels: dict[str, LabelText]
    intended_use: str
    licence: str
    attribution: str
    refusal: Refusal = field(default_factory=Refusal)
    minimum_leukocytes: int = 1
    known_failures: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the recipe as JSON data."""
        return asdict(self)

    def described(self, dataset: Dataset) -> tuple[Label, ...]:
        """Return the labels of `dataset` in order; DataError where the recipe does not say what one means."""
        for identifier in dataset.classes:
            if identifier not in self.labels:
                raise DataError(
                    f"The recipe '{self.name}' does not say what the label '{identifier}' means."
                    f" It knows {', '.join(self.labels)}. Add a table [labels.{identifier}] to a copy of the recipe."
                )
        return tuple(Label(id=key, **asdict(self.labels[key])) for key in dataset.classes)


def names() -> list[str]:
    """Return the names of the recipes that come with the project."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def load(name: str) -> Recipe:
    """Return the recipe of this name, or in this TOML file; RecipeError where there is none or it is wrong."""
    path = Path(name) if name.endswith(".toml") else FOLDER / f"{name}.toml"
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        recipe: Recipe = typed.read(Recipe, data, path.stem)
    except FileNotFoundError as error:
        raise RecipeError(f"There is no recipe '{name}'. Known: {', '.join(names())}.") from error
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"{path.name} is not TOML: {error}.") from error
    except typed.MismatchError as error:
        raise RecipeError(f"{path.name}: {error.text}") from error
    return recipe
