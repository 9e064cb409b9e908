"""A bundle's card: what the model reads, what it was trained on, how well it does and where it fails. Data only."""

import json
from collections.abc import Callable
from typing import Any, Literal

import msgspec

from smear import measured, schema
from smear.inference.tta import ALWAYS, Count, suits
from smear.sentence import SentenceError

NEVER = 1.0  # as an abstention threshold: nothing is suggested, however sure the network is
SCHEMA = 3  # 1: what is unfamiliar was measured on the features of the network; 2: other names, see `_upgraded`
Json = dict[str, Any]
# What an entry of schema 2 is called now.
RENAMED = {"novelty": "ood", "orientations": "tta", "sure_upright": "tta_confidence", "verdict": "conclusion"}


class CardError(SentenceError):
    """A card that cannot be trusted; `text` says in one sentence which entry is wrong."""


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A part of a card: never changed, and nothing in it that is not known."""


class Label(Entry, frozen=True):
    """One class. `id` is the folder name in the training data, `name` and `meaning` are for people."""

    id: str
    name: str
    meaning: str
    malignant: bool


class Input(Entry, frozen=True):
    """The network's input size in pixels."""

    height: int
    width: int


class Scale(Entry, frozen=True):
    """How large cells are in the pictures that a model was trained on, in pixels of these pictures.

    side: their median longer side; nucleus: the median diameter (square root of the area) of a nucleus; least, most:
    the diameters that 1 % of the pictures stay below and exceed.
    """

    side: float
    nucleus: float
    least: float
    most: float


class Step(Entry, frozen=True):
    """One named preprocessing step (`smear.inference.preprocess.STEPS`) with its parameters."""

    name: str
    parameters: Json = msgspec.field(default_factory=dict)


class Threshold(Entry, frozen=True):
    """A limit and the share of unseen pictures of the model's own kind that it refuses."""

    value: float
    refusal_rate: float


class Head(Entry, frozen=True):
    """A classifier that answers from the network's features in its place (`classifier_heads`); empty for none."""

    classifier: str = ""
    file: str = ""


class Golden(Entry, frozen=True):
    """A drawn field (`smear.imaging.synthetic.field(seed, kind)`) and the logits that this bundle gives for it."""

    kind: str
    seed: int
    logits: tuple[float, ...]


class Card(Entry, frozen=True):
    """`card.json`. Probabilities and rates are 0..1, sizes are pixels, `files` maps a name to its sha256.

    abstention: the calibrated confidence that a suggestion needs, NEVER where there are none; ood: the
    out-of-distribution score up to which cells look like those that the model was trained on; tta: in how many
    orientations the network is shown a picture (`smear.inference.tta`); tta_confidence: the confidence above which it
    is shown none but the upright one;
    conclusion: what the numbers say, in a paragraph.
    """

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
    ood: Threshold
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
    conclusion: str
    head: Head = msgspec.field(default_factory=Head)
    tta: Count = 1
    tta_confidence: float = ALWAYS
    scale: Scale | None = None

    @property
    def suggests(self) -> bool:
        """Whether the bundle makes suggestions at all: not where its target accuracy was not reached."""
        return self.abstention.value < NEVER

    def label(self, identifier: str) -> Label:
        """Return the label with this id; KeyError where the card has none."""
        for label in self.labels:
            if label.id == identifier:
                return label
        raise KeyError(identifier)

    def to_json(self) -> Json:
        """Return the card as JSON data, in the order of its fields."""
        data: Json = msgspec.to_builtins(self)
        return data

    @classmethod
    def from_json(cls, data: object) -> "Card":
        """Return the card that `data` (parsed JSON) describes; CardError where an entry is missing or wrong."""
        try:
            card = schema.read(cls, _upgraded(data), "card")
            measured.check(card.metrics, card.controls)
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


def _upgraded(data: object) -> object:
    """Return the card of schema 2 under the names of today; any other as it is. Bundles outlive the names in them."""
    if not isinstance(data, dict) or data.get("schema") != 2:
        return data
    upgraded = {RENAMED.get(key, key): value for key, value in data.items()} | {"schema": SCHEMA}
    if isinstance(steps := upgraded.get("preprocess"), list):
        upgraded["preprocess"] = [_upgraded_step(step) for step in steps]
    if isinstance(frameworks := upgraded.get("frameworks"), dict):
        upgraded["frameworks"] = {("segmenter" if k == "finder" else k): v for k, v in frameworks.items()}
    return upgraded


def _upgraded_step(step: object) -> object:
    """Return a preprocessing step under today's names."""
    if not isinstance(step, dict) or not isinstance(step.get("parameters"), dict):
        return step
    parameters = {("segmenter" if key == "finder" else key): value for key, value in step["parameters"].items()}
    return step | {"parameters": parameters}


_RULES: tuple[tuple[Callable[[Card], bool], str], ...] = (
    (lambda c: c.schema != SCHEMA, f"this application reads schema {SCHEMA}"),
    (lambda c: not c.name or not c.version, "name and version may not be empty"),
    (lambda c: len(c.labels) < 2, "a model needs two labels or more"),
    (lambda c: len({label.id for label in c.labels}) != len(c.labels), "two labels share one id"),
    (lambda c: min(c.input.height, c.input.width) < 16, "the input is smaller than 16 px"),
    (
        lambda c: not suits(c.tta, c.input.height, c.input.width),
        "a picture that is not square cannot be read on its side",
    ),
    (lambda c: not 0 < c.tta_confidence <= ALWAYS, "tta_confidence has to be above 0 and at most 1"),
    (
        lambda c: c.tta_confidence < ALWAYS and bool(c.head.classifier),
        "a classifier answers to the mean of all orientations, so tta_confidence has to be 1",
    ),
    (lambda c: not c.temperature > 0, "the temperature has to be above 0"),
    (lambda c: not 0 <= c.abstention.value <= 1, "the abstention threshold has to be within 0..1"),
    (lambda c: not c.ood.value > 0, "the out-of-distribution threshold has to be above 0"),
    (lambda c: c.batch_size < 1, "the batch size has to be 1 or more"),
    (
        lambda c: any(len(g.logits) != len(c.labels) for g in c.golden),
        "golden logits and labels differ in number",
    ),
)
