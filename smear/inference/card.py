"""A bundle's card: what the model reads, what it was trained on, how well it does and where it fails. Data only."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from smear import schema
from smear.inference.tta import ALWAYS, Count, suits

SCHEMA = 2  # 1: novelty was measured on the features of the network
Json = dict[str, Any]


class CardError(ValueError):
    """A card that cannot be trusted; `text` says in one sentence which entry is wrong."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


@dataclass(frozen=True)
class Label:
    """One class. `id` is the folder name in the training data, `name` and `meaning` are for people."""

    id: str
    name: str
    meaning: str
    malignant: bool


@dataclass(frozen=True)
class Input:
    """The network's input size in pixels."""

    height: int
    width: int


@dataclass(frozen=True)
class Step:
    """One named preprocessing step (`smear.inference.preprocess.STEPS`) with its parameters."""

    name: str
    parameters: Json = field(default_factory=dict)


@dataclass(frozen=True)
class Threshold:
    """A limit and the share of unseen pictures of the model's own kind that it refuses."""

    value: float
    refusal_rate: float


@dataclass(frozen=True)
class Head:
    """A classifier that answers from the network's features in its place (`classifier_heads`); empty for none."""

    classifier: str = ""
    file: str = ""


@dataclass(frozen=True)
class Golden:
    """A drawn field (`smear.imaging.synthetic.field(seed, kind)`) and the logits that this bundle gives for it."""

    kind: str
    seed: int
    logits: tuple[float, ...]


@dataclass(frozen=True)
class Card:
    """`card.json`. Probabilities and rates are 0..1, sizes are pixels, `files` maps a name to its sha256."""

    schema: int
    name: str
    version: str
    created: str
    licence: str
    attribution: str
    labels: tuple[Label, ...]
    scope: Literal["field", "cell"]
    input: Input
    preprocess: tuple[Step, ...]
    explanation_layer: str
    batch_size: int
    temperature: float
    abstention: Threshold
    novelty: Threshold
    minimum_leukocytes: int
    metrics: Json
    controls: Json
    data: Json
    recipe: Json
    frameworks: Json
    files: dict[str, str]
    intended_use: str
    known_failures: tuple[str, ...]
    golden: tuple[Golden, ...]
    verdict: str
    head: Head = field(default_factory=Head)
    orientations: Count = 1  # in which the network is shown a picture (`smear.inference.tta`)
    sure_upright: float = ALWAYS  # the confidence above which it is shown none but the upright one

    def label(self, identifier: str) -> Label:
        """Return the label with this id; KeyError where the card has none."""
        for label in self.labels:
            if label.id == identifier:
                return label
        raise KeyError(identifier)

    def to_json(self) -> Json:
        """Return the card as JSON data, in the order of its fields."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: object) -> "Card":
        """Return the card that `data` (parsed JSON) describes; CardError where an entry is missing or wrong."""
        try:
            card: Card = schema.read(cls, data, "card")
        except schema.MismatchError as error:
            raise CardError(error.text) from error
        for broken, text in _RULES:
            if broken(card):
                raise CardError(f"card: {text}.")
        return card

    @classmethod
    def from_text(cls, text: str) -> "Card":
        """Return the card in a JSON document; CardError where it is none."""
        try:
            return cls.from_json(json.loads(text))
        except json.JSONDecodeError as error:
            raise CardError(f"card: not JSON, line {error.lineno}.") from error


_RULES: tuple[tuple[Callable[[Card], bool], str], ...] = (
    (lambda c: c.schema != SCHEMA, f"this application reads schema {SCHEMA}"),
    (lambda c: not c.name or not c.version, "name and version may not be empty"),
    (lambda c: len(c.labels) < 2, "a model needs two labels or more"),
    (lambda c: len({label.id for label in c.labels}) != len(c.labels), "two labels share one id"),
    (lambda c: min(c.input.height, c.input.width) < 16, "the input is smaller than 16 px"),
    (
        lambda c: not suits(c.orientations, c.input.height, c.input.width),
        "a picture that is not square cannot be read on its side",
    ),
    (lambda c: not 0 < c.sure_upright <= ALWAYS, "sure_upright has to be above 0 and at most 1"),
    (
        lambda c: c.sure_upright < ALWAYS and bool(c.head.classifier),
        "a classifier answers to the mean of all orientations, so sure_upright has to be 1",
    ),
    (lambda c: not c.temperature > 0, "the temperature has to be above 0"),
    (lambda c: not 0 <= c.abstention.value <= 1, "the abstention threshold has to be within 0..1"),
    (lambda c: not c.novelty.value > 0, "the novelty threshold has to be above 0"),
    (lambda c: c.batch_size < 1, "the batch size has to be 1 or more"),
    (
        lambda c: any(len(g.logits) != len(c.labels) for g in c.golden),
        "golden logits and labels differ in number",
    ),
)
