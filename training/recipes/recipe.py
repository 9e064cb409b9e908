"""Recipes: one TOML file each, read into validated dataclasses. A card carries its recipe whole."""

import inspect
import tomllib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

from smear import schema
from smear.inference.card import Input, Label, Step
from smear.inference.preprocess import STEPS
from smear.inference.tta import ALWAYS, Count, suits
from training.architectures import BUILDERS
from training.architectures.blueprint import Recurrence
from training.augmentation.augment import Augmentation
from training.data.dataset import DataError, Dataset
from training.recipes.line_numbers import line_of

FOLDER = Path(__file__).parent
LABELS = FOLDER.parent / "data" / "labels.toml"

# Keys of tables that recipes of earlier versions have: refused with the name that they go by now.
RENAMED = {
    ("schedule", "strangers"): "outlier_exposure",
    ("schedule", "averaged"): "ema_momentum",
    ("schedule", "hold_back"): "validation_split",
    ("schedule", "solved_epochs"): "closed_form_epochs",
    ("schedule", "solved_penalty"): "closed_form_penalty",
    ("published", "copies"): "augmented_copies",
}

Classifier = Literal[
    "dense",
    "xgboost",
    "svm",
    "knn",
    "adaboost",
    "logistic",
    "random-forest",
    "lightgbm",
    "tree",
    "lda",
    "svm-linear",
    "svm-rbf",
    "svm-cubic",
    "knn1",
]


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
    """How the network is trained.

    First, for `head_epochs`, only the layers that are new; then, for `epochs`, all but the first `frozen` share of the
    backbone's layers. patience: epochs without a better held-out loss after which the second stage ends, at its best
    epoch; 0 for none. ema_momentum: the second stage ends with the running mean of its weights, of which every step leaves
    this share; 0 for the weights of its last step. validation_split: whether a part of the training pictures is not learnt
    from, to say how every epoch fares and to set thresholds (`training.evaluation.splits.validation`); without it these
    come from the other folds' answers alone (`training.evaluation.cross_fit`). closed_form_epochs: so many epochs of
    pictures are looked at before any descent, to fit the last layer with `closed_form_penalty`
    (`training.fit.closed_form_head`); batch normalisation then keeps its statistics. balanced: rare classes weigh more,
    half-way to even. `outlier_exposure` outliers (`training.data.outlier_exposure`) are added to every batch of `batch_size` pictures.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    optimiser: Literal["adamw", "adam", "sgd"] = "adamw"
    decay: Literal["cosine", "none"] = "cosine"
    closed_form_epochs: int = 0
    closed_form_penalty: float = 0.02
    head_epochs: int = 0
    head_learning_rate: float = 1e-3
    frozen: float = 0.0
    patience: int = 0
    ema_momentum: float = 0.0
    validation_split: bool = True
    balanced: bool = True
    outlier_exposure: int = 0
    weight_decay: float = 1e-4
    dropout: float = 0.2
    batch_norm_momentum: float = 0.9
    seed: int = 0


@dataclass(frozen=True)
class Head:
    """What answers: dense layers of the network, with `hidden` before the last, or a classifier on its features.

    choices: classifiers that the recipe can be had with as well, under the name `<recipe>-<classifier>`.
    """

    hidden: tuple[int, ...] = ()
    classifier: Classifier = "dense"
    choices: tuple[Classifier, ...] = ()


@dataclass(frozen=True)
class Published:
    """The authors' own protocol, for `--protocol as-published`, what they reported with it, and why it flatters.

    split: "folds" (test and training by turns, `folds` of them) or "holdout" (`test` and `validation` shares, once).
    augmented_copies: how many augmented copies of every picture were made *before* the split; 0 for none.
    """

    split: Literal["folds", "holdout"] = "folds"
    folds: int = 5
    test: float = 0.2
    validation: float = 0.1
    augmented_copies: int = 0
    reported: str = ""
    flaw: str = ""


@dataclass(frozen=True)
class Search:
    """How the red deer algorithm chooses a recurrent network; population 0 for no search (`recurrence_search`)."""

    population: int = 0
    males: int = 2
    generations: int = 2
    epochs: int = 1
    pictures: int = 200


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
    labels: dict[str, LabelText] = field(default_factory=dict)
    intended_use: str = "To compare published systems with each other. Not for readings, and not a medical device."
    licence: str = "For the use of who trained it, within the licences of the data and of the first weights."
    attribution: str = "Trained on the data that the card's fingerprint names."
    head: Head = field(default_factory=Head)
    recurrence: Recurrence = field(default_factory=Recurrence)
    search: Search = field(default_factory=Search)
    mean_image: bool = False
    published: Published = field(default_factory=Published)
    refusal: Refusal = field(default_factory=Refusal)
    minimum_leukocytes: int = 1
    orientations: Count = 1
    sure_upright: float = ALWAYS
    known_failures: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the recipe as JSON data."""
        return asdict(self)

    def label_names(self) -> dict[str, str]:
        """Return the names of the labels that the recipe or `labels.toml` knows, by their ids."""
        return {label: text.name for label, text in (vocabulary() | self.labels).items()}

    def described(self, dataset: Dataset) -> tuple[Label, ...]:
        """Return the labels of `dataset` in order; DataError where neither the recipe nor `labels.toml` knows one."""
        texts = vocabulary() | self.labels
        for identifier in dataset.classes:
            if identifier not in texts:
                raise DataError(
                    f"The recipe '{self.name}' does not say what the label '{identifier}' means."
                    f" It knows {', '.join(texts)}. Add a table [labels.{identifier}] to a copy of the recipe."
                )
        return tuple(Label(id=key, **asdict(texts[key])) for key in dataset.classes)


@cache
def vocabulary() -> dict[str, LabelText]:
    """Return what the labels of the public data sets mean, by label."""
    data = tomllib.loads(LABELS.read_text(encoding="utf-8"))
    texts: dict[str, LabelText] = schema.read(dict[str, LabelText], data, LABELS.stem)
    return texts


def names() -> list[str]:
    """Return the names of the recipes that come with the project, each with every classifier it can be had with."""
    found = []
    for path in sorted(FOLDER.glob("*.toml")):
        found += [path.stem, *(f"{path.stem}-{choice}" for choice in _read(path).head.choices)]
    return found


def load(name: str) -> Recipe:
    """Return the recipe of this name, or in this TOML file; RecipeError where there is none or it is wrong."""
    path = Path(name) if name.endswith(".toml") else FOLDER / f"{name}.toml"
    if path.is_file():
        return _read(path)
    for base in sorted(FOLDER.glob("*.toml")):
        if name.startswith(f"{base.stem}-"):
            recipe, choice = _read(base), name.removeprefix(f"{base.stem}-")
            if choice in recipe.head.choices:
                head = replace(recipe.head, classifier=choice)
                return replace(recipe, name=name, title=f"{recipe.title}; {choice} on its features", head=head)
    raise RecipeError(f"There is no recipe '{name}'. Known: {', '.join(names())}.")


def _read(path: Path) -> Recipe:
    """Return the recipe in a TOML file; RecipeError with the line where it is wrong."""
    text = path.read_text(encoding="utf-8")
    try:
        data = tomllib.loads(text)
        for entry, name in _renamed(data):
            raise _wrong(path, text, entry, f"is called {name} now. Write {name} in its place.")
        recipe: Recipe = schema.read(Recipe, data, path.stem)
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"{path.name} is not TOML: {error}.") from error
    except schema.MismatchError as error:
        where, _, what = error.text.partition(": ")
        raise _wrong(path, text, where.removeprefix(f"{path.stem}."), what) from error
    for entry, wrong, what in _rules(recipe):
        if wrong:
            raise _wrong(path, text, entry, what)
    return recipe


def _renamed(data: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the entries that have another name by now, each with that name."""
    for (table, old), new in RENAMED.items():
        if isinstance(entries := data.get(table, {}), dict) and old in entries:
            yield f"{table}.{old}", new


def _wrong(path: Path, text: str, where: str, what: str) -> RecipeError:
    line = line_of(text, where)
    return RecipeError(f"{path.name}{'' if line is None else f', line {line}'}: {where}: {what}")


def _rules(recipe: Recipe) -> Iterator[tuple[str, bool, str]]:
    """Give what types cannot say: the entry, whether it is wrong, and the sentence."""
    schedule, published = recipe.schedule, recipe.published
    known = ", ".join(BUILDERS)
    yield "architecture", recipe.architecture not in BUILDERS, f"there is no such architecture. Known: {known}."
    for number, step in enumerate(recipe.preprocess):
        yield f"preprocess[{number}].name", step.name not in STEPS, f"no such step. Known: {', '.join(STEPS)}."
        strange = set(step.parameters) - set(inspect.signature(STEPS[step.name]).parameters)
        yield f"preprocess[{number}].parameters", bool(strange), f"'{step.name}' does not take {', '.join(strange)}."
    sideways = not suits(recipe.orientations, recipe.input.height, recipe.input.width)
    yield "orientations", sideways, "a picture that is not square cannot be read on its side."
    yield "sure_upright", not 0 < recipe.sure_upright <= ALWAYS, "has to be above 0 and at most 1."
    classified = recipe.sure_upright < ALWAYS and (recipe.head.classifier != "dense" or bool(recipe.head.choices))
    yield "sure_upright", classified, "a classifier answers to the mean of all orientations: it has to be 1."
    for entry in ("epochs", "batch_size", "learning_rate", "closed_form_penalty"):
        yield f"schedule.{entry}", not getattr(schedule, entry) > 0, "has to be above 0."
    for entry in ("closed_form_epochs", "head_epochs", "patience", "outlier_exposure"):
        yield f"schedule.{entry}", getattr(schedule, entry) < 0, "may not be negative."
    torn = bool(schedule.ema_momentum and schedule.patience)
    yield "schedule.ema_momentum", torn, "patience goes back to one epoch's weights, which are no mean: it has to be 0."
    blind = not schedule.validation_split and bool(schedule.patience or recipe.search.population)
    yield (
        "schedule.validation_split",
        blind,
        "patience and the search go by the part that is held back: it has to be true.",
    )
    for entry in ("frozen", "dropout", "ema_momentum"):
        yield f"schedule.{entry}", not 0 <= getattr(schedule, entry) < 1, "has to be within 0 and 1."
    yield "published.folds", published.folds < 2, "two folds are the least."
    yield "published.test", not 0 < published.test + published.validation < 1, "nothing is left to train on."
    yield "search.males", 0 < recipe.search.population <= recipe.search.males, "fewer than the population."
