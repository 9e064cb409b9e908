"""Read plain data (parsed JSON or TOML) into frozen dataclasses, refusing what does not fit with the place named."""

from dataclasses import MISSING, fields, is_dataclass
from typing import Any, Literal, get_args, get_origin, get_type_hints


class MismatchError(ValueError):
    """Data that does not fit its type; `text` is one sentence that names the entry."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


def read(kind: Any, value: Any, where: str) -> Any:
    """Return `value` as `kind`: a dataclass, a tuple, dict[str, T], Literal, Any or a plain type.

    Whole numbers are accepted where a float is asked for; nothing else is converted. Raises MismatchError.
    """
    if is_dataclass(kind):
        return _read_dataclass(kind, value, where)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is tuple:
        if not isinstance(value, (list, tuple)):
            raise MismatchError(f"{where}: a list was expected.")
        kinds = [arguments[0]] * len(value) if arguments[-1] is Ellipsis else list(arguments)
        if len(kinds) != len(value):
            raise MismatchError(f"{where}: {len(kinds)} entries were expected.")
        return tuple(read(one, item, f"{where}[{i}]") for i, (one, item) in enumerate(zip(kinds, value, strict=True)))
    if origin is dict:
        if not isinstance(value, dict):
            raise MismatchError(f"{where}: a table of names was expected.")
        return {str(key): read(arguments[1], item, f"{where}.{key}") for key, item in value.items()}
    if origin is Literal:
        if value not in arguments:
            raise MismatchError(f"{where}: one of {', '.join(map(repr, arguments))} was expected.")
        return value
    if kind is Any:
        return value
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, kind) or (kind is not bool and isinstance(value, bool)):
        raise MismatchError(f"{where}: {kind.__name__} was expected.")
    return value


def _read_dataclass(kind: Any, value: Any, where: str) -> Any:
    if not isinstance(value, dict):
        raise MismatchError(f"{where}: a table of names was expected.")
    hints = get_type_hints(kind)
    known = {one.name: one for one in fields(kind)}
    for key in value:
        if key not in known:
            raise MismatchError(f"{where}.{key}: unknown entry. Known: {', '.join(known)}.")
    for name, one in known.items():
        if name not in value and one.default is MISSING and one.default_factory is MISSING:
            raise MismatchError(f"{where}.{name}: missing.")
    return kind(**{name: read(hints[name], value[name], f"{where}.{name}") for name in known if name in value})
