"""At which line of a TOML file an entry stands, so that a refusal can point at it."""

import re

_HEADER = re.compile(r"^\s*(\[\[?)\s*([^\]]+?)\s*\]\]?")
_ENTRY = re.compile(r"""^\s*("[^"]*"|'[^']*'|[\w.-]+)\s*=""")
_STRING = re.compile(r'''"""|\'\'\'|"(?:\\.|[^"\\])*"|'[^']*'|#.*''')


def line_of(text: str, where: str) -> int | None:
    """Return the line (from 1) of the entry `where`, such as "schedule.epochs" or "preprocess[1].name".

    An entry inside an inline table has the line of the table; None for what the file does not hold at all.
    """
    known = _places(text)
    while where:
        if where in known:
            return known[where]
        where = re.sub(r"(\.[^.\[\]]+|\[\d+\]|^[^.\[\]]+)$", "", where)
    return None


def _places(text: str) -> dict[str, int]:
    places: dict[str, int] = {}
    table, depth, quote = "", 0, ""
    counts: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not depth and not quote:
            if header := _HEADER.match(line):
                table = header[2].replace('"', "")
                if header[1] == "[[":
                    counts[table] = counts.get(table, -1) + 1
                    table = f"{table}[{counts[table]}]"
                places.setdefault(table, number)
                continue
            if entry := _ENTRY.match(line):
                name = entry[1].strip("\"'")
                places.setdefault(f"{table}.{name}" if table else name, number)
        depth, quote = _after(line, depth, quote)
    return places


def _after(line: str, depth: int, quote: str) -> tuple[int, str]:
    """Return how many brackets are open behind `line`, and which long quote."""
    if quote:
        _, closed, line = line.partition(quote)
        if not closed:
            return depth, quote
        quote = ""
    rest = line
    for piece in _STRING.finditer(line):
        if piece[0] in ('"""', "'''"):
            before, inside = line[: piece.start()], line[piece.end() :]
            if piece[0] not in inside:
                return depth + _open(before), piece[0]
    rest = _STRING.sub("", rest)
    return depth + _open(rest), ""


def _open(text: str) -> int:
    return sum(text.count(bracket) for bracket in "[{") - sum(text.count(bracket) for bracket in "]}")
