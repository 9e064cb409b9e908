"""A bundle's card: what the model reads, what it was trained on, how well it does and where it fails. Data only."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from types import UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints

SCHEMA = 1
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
    """One named preprocessing step (`smear.preprocess.STEPS`) with its parameters."""

    name: str
    parameters: Json = field(default_factory=dict)


@dataclass(frozen=True)
class Threshold:
    """A limit and the share of validation pictures of the model's own kind that it refuses."""

    value: float
    refusal_rate: float


@dataclass(frozen=True)
class Golden:
    """A drawn field (`smear.drawing.field(seed, kind)`) and the logits that this bundle gives for it."""

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
        card: Card = _read(cls, data, "card")
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
    (lambda c: not c.temperature > 0, "the temperature has to be above 0"),
    (lambda c: not 0 <= c.abstention.value <= 1, "the abstention threshold has to be within 0..1"),
    (lambda c: not c.novelty.value > 0, "the novelty threshold has to be above 0"),
    (lambda c: c.batch_size < 1, "the batch size has to be 1 or more"),
    (
        lambda c: any(len(g.logits) != len(c.labels) for g in c.golden),
        "golden logits and labels differ in number",
    ),
)


def _read(kind: Any, value: Any, where: str) -> Any:
    """Return `value` as `kind`, a type of the ones used above, or raise CardError naming `where`."""
    if is_dataclass(kind):
        return _read_dataclass(kind, value, where)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is tuple:
        if not isinstance(value, (list, tuple)):
            raise CardError(f"{where}: a list was expected.")
        return tuple(_read(arguments[0], item, f"{where}[{i}]") for i, item in enumerate(value))
    if origin is dict:
        if not isinstance(value, dict):
            raise CardError(f"{where}: an object was expected.")
        return {str(key): _read(arguments[1], item, f"{where}.{key}") for key, item in value.items()}
    if origin is Literal:
        if value not in arguments:
            raise CardError(f"{where}: one of {', '.join(map(repr, arguments))} was expected.")
        return value
    if kind is Any or isinstance(kind, UnionType):
        return value
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, kind) or (kind is not bool and isinstance(value, bool)):
        raise CardError(f"{where}: {kind.__name__} was expected.")
    return value


def _read_dataclass(kind: Any, value: Any, where: str) -> Any:
    if not isinstance(value, dict):
        raise CardError(f"{where}: an object was expected.")
    hints = get_type_hints(kind)
    known = [one.name for one in fields(kind)]
    for key in value:
        if key not in known:
            raise CardError(f"{where}.{key}: unknown entry.")
    missing = [name for name in known if name not in value]
    if missing:
        raise CardError(f"{where}.{missing[0]}: missing.")
    return kind(**{name: _read(hints[name], value[name], f"{where}.{name}") for name in known})
