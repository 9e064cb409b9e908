"""What a recipe says: one TOML file each (`training.recipes.loading`). A card carries its recipe whole."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct, structs

from smear.inference.card import Input, Label, Step
from smear.inference.tta import ALWAYS, Count
from training.architectures.blueprint import HiddenActivation, Recurrence
from training.augmentation.augment import Augmentation
from training.data.dataset import Dataset
from training.data.manifest import DataError

LABELS = Path(__file__).parents[1] / "data" / "labels.toml"

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


class LabelText(Struct, frozen=True, forbid_unknown_fields=True):
    """What a class is called and means."""

    name: str
    meaning: str
    malignant: bool


class Schedule(Struct, frozen=True, forbid_unknown_fields=True):
    """How the network is trained.

    First, for `head_epochs`, only the layers that are new; then, for `epochs`, all but the first `frozen` share of the
    backbone's layers. steps: the least of that second stage: a small data set is gone over more often. patience: epochs
    without a better held-out loss after which the second stage ends, at its best epoch; 0 for none. ema_momentum: the
    second stage ends with the running mean of its weights, of which every step leaves this share, corrected for its
    start; 0 for the weights of its last step. validation_split: whether a part of the training pictures is not learnt
    from, to say how every epoch fares and to set thresholds (`training.evaluation.splits.validation`); without it these
    come from the other folds' answers alone (`training.evaluation.cross_fit`). closed_form_epochs: so many epochs of
    pictures are looked at before any descent, to fit the last layer with `closed_form_penalty`
    (`training.fit.closed_form_head`); batch normalisation then keeps its statistics. balanced: rare classes weigh more,
    half-way to even. decay: of the rate in the second stage; "plateau" for a tenth of it after every epoch whose
    held-out loss is higher than that of the epoch before. copies: how often an epoch goes over every picture, augmented
    anew each time; evened: over those of rarer classes more often, until every class has as many as the largest. Both
    after the split: no copy of what is tested is learnt from. sampling: "every" picture once an epoch, or "even": as
    many are drawn, each label alike often, and within a label each source by the root of its count. label_smoothing:
    the share of a target that is spread over all labels. outlier_exposure: outliers (`training.data.outlier_exposure`)
    added to every batch of `batch_size` pictures.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    steps: int = 0
    optimiser: Literal["adamw", "adam", "sgd"] = "adamw"
    decay: Literal["cosine", "plateau", "none"] = "cosine"
    copies: int = 1
    evened: bool = False
    sampling: Literal["every", "even"] = "every"
    label_smoothing: float = 0.0
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


class Source(Struct, frozen=True, forbid_unknown_fields=True):
    """A laboratory whose pictures a recipe may meet, by what the manifest's column `source` says.

    ships: whether a published bundle may have learnt from it, as its licence says; where not it is an examination: no
    network sees its pictures but to be judged by them. held_out_with: another source, together with which it is held
    out by `--protocol source`, so that fewer networks have to be trained; "" for by itself.
    """

    licence: str
    ships: bool
    held_out_with: str = ""


class Head(Struct, frozen=True, forbid_unknown_fields=True):
    """What answers: dense layers of the network, with `hidden` before the last, or a classifier on its features.

    activation: of the hidden layers; l2: the penalty on the kernels of all of these layers.
    choices: classifiers that the recipe can be had with as well, under the name `<recipe>-<classifier>`.
    """

    hidden: tuple[int, ...] = ()
    activation: HiddenActivation = "relu"
    l2: float = 0.0
    classifier: Classifier = "dense"
    choices: tuple[Classifier, ...] = ()


class Published(Struct, frozen=True, forbid_unknown_fields=True):
    """The authors' own protocol, for `--protocol as-published`, what they reported with it, and why it flatters.

    split: "folds" (test and training by turns, `folds` of them) or "holdout" (`test` and `validation` shares, once).
    augmented_copies: how many augmented copies of every picture were made *before* the split; 0 for none. enlarged_to:
    or how many pictures every class had once its augmented copies were made, again before the split.
    """

    split: Literal["folds", "holdout"] = "folds"
    folds: int = 5
    test: float = 0.2
    validation: float = 0.1
    augmented_copies: int = 0
    enlarged_to: int = 0
    reported: str = ""
    flaw: str = ""


class Search(Struct, frozen=True, forbid_unknown_fields=True):
    """How the red deer algorithm chooses a recurrent network; population 0 for no search (`recurrence_search`).

    weight_generations: for how many generations the herd then moves the trained network's last weights
    (`weight_search`); 0 for none.
    """

    population: int = 0
    males: int = 2
    generations: int = 2
    epochs: int = 1
    pictures: int = 200
    weight_generations: int = 0


class Refusal(Struct, frozen=True, forbid_unknown_fields=True):
    """The accuracy that suggestions need, and the shares of its own kind that the model refuses.

    for_confidence: about this share of unseen pictures is refused for low confidence, half of it in any case, and more
    where the target accuracy needs it (`training.fit.calibration`); for_ood: is refused as unfamiliar. other_label: the
    weight, in what is unfamiliar, of looking like another label's pictures than the network names, 0 for none
    (`smear.inference.ood.ByLabel`). worst_source: whether the accuracy has to be reached in every laboratory that was
    held out, not in their mean.
    """

    target_accuracy: float = 0.99
    for_confidence: float = 0.05
    for_ood: float = 0.02
    other_label: float = 0.0
    worst_source: bool = False


class Recipe(Struct, frozen=True, forbid_unknown_fields=True):
    """Everything that decides what a training makes of a data set.

    merge: labels of the data that are one label here, such as {"ALL": ("Early", "Pre", "Pro")} for a binary task; those
    of it that the data does not have are passed over.
    sources: the laboratories that the recipe knows, by the manifest's `source`; where it names some, a bundle is judged
    by laboratories held out, and no picture of another is accepted.
    data_fingerprints: of the data sets that licence, attribution and known failures speak of. A bundle of other data is
    published with its maker's own (`training.publish`).
    """

    name: str
    version: str
    title: str
    scope: Literal["field", "cell"]
    architecture: str
    input: Input
    preprocess: tuple[Step, ...]
    augmentation: Augmentation
    schedule: Schedule
    labels: dict[str, LabelText] = {}
    merge: dict[str, tuple[str, ...]] = {}
    sources: dict[str, Source] = {}
    intended_use: str = "To compare published systems with each other. Not for readings, and not a medical device."
    licence: str = "For the use of who trained it, within the licences of the data and of the first weights."
    attribution: str = "Trained on the data that the card's fingerprint names."
    head: Head = Head()
    recurrence: Recurrence = Recurrence()
    search: Search = Search()
    mean_image: bool = False
    published: Published = Published()
    refusal: Refusal = Refusal()
    minimum_leukocytes: int = 1
    tta: Count = 1
    tta_confidence: float = ALWAYS
    known_failures: tuple[str, ...] = ()
    data_fingerprints: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the recipe as JSON data."""
        recipe: dict[str, Any] = msgspec.to_builtins(self)
        return recipe

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
        return tuple(Label(id=key, **structs.asdict(texts[key])) for key in dataset.classes)


@cache
def vocabulary() -> dict[str, LabelText]:
    """Return what the labels of the public data sets mean, by label."""
    return msgspec.convert(tomllib.loads(LABELS.read_text(encoding="utf-8")), dict[str, LabelText])
