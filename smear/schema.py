"""Read plain data (parsed JSON or TOML) into typed structures, refusing what does not fit with the place named."""

import re
from typing import TypeVar

import msgspec

from smear.sentence import SentenceError

T = TypeVar("T")
_PLACE = re.compile(r"^(?P<what>.*?)(?: - at `(?P<key>key in )?\$?(?P<place>[^`]*)`)?$", re.DOTALL)


class MismatchError(SentenceError):
    """Data that does not fit its type; `text` is one sentence that names the entry."""


def read(kind: type[T], data: object, where: str) -> T:
    """Return `data` as `kind`: a msgspec Struct, a dataclass, or a type made of these and plain ones.

    where: what the data is called in the sentence of a refusal. Whole numbers are accepted where a float is asked for;
    nothing else is converted. Raises MismatchError, which names the entry.
    """
    try:
        return msgspec.convert(data, kind)
    except msgspec.ValidationError as error:
        match = _PLACE.match(str(error))
        what, place = (match["what"], match["place"] or "") if match else (str(error), "")
        raise MismatchError(f"{where}{place}: {what.replace('`', '')}.") from error
