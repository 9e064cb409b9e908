"""What the headers of the published recipes say, in four parts, and the part of a document that is made of them.

A header is the comment on top of a recipe: a line with its title and source, then the parts by `PARTS`.
"""

import re
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from smear.sentence import SentenceError
from training.recipes.loading import FOLDER, load

PARTS = ("As published", "Ours", "Differs", "Reported")
BEGIN, END = "<!-- recipes -->", "<!-- end of recipes -->"
_PART = re.compile(rf"^({'|'.join(PARTS)}): ", re.MULTILINE)
_SENTENCE_END = re.compile(r"(?<=[.]) (?=[A-Z])")


class Header(NamedTuple):
    """The header of a published recipe, in its own words, each part in one line."""

    title: str
    published: str
    ours: str
    differs: str
    reported: str


class HeaderError(SentenceError):
    """A published recipe whose header lacks a part, or a document without a place for them."""


def published() -> list[str]:
    """Return the names of the recipes of published works."""
    return [path.stem for path in sorted(FOLDER.glob("*.toml")) if load(path.stem).published.reported]


def described(name: str) -> Header:
    """Return the header of the recipe `name`; HeaderError where it has not the four parts in their order."""
    text = (FOLDER / f"{name}.toml").read_text(encoding="utf-8")
    comment = [line.removeprefix("#").removeprefix(" ") for line in text.partition("\n\n")[0].splitlines()]
    title, *rest = _PART.split("\n".join(comment))
    if tuple(rest[::2]) != PARTS:
        raise HeaderError(f"{name}.toml: its header has not the parts {', '.join(PARTS)}, in this order.")
    return Header(*(" ".join(part.split()) for part in (title, *rest[1::2])))


def section() -> str:
    """Return what all headers say, in Markdown: a heading for every work, and what several recipes say once."""
    lines: list[str] = []
    for _, group in groupby(published(), key=lambda name: name.partition("-")[0]):
        headers = {name: described(name) for name in group}
        source = next(iter(headers.values())).title.rpartition("Source: ")[2].rstrip(".")
        lines += [f"### {source}", "", "| recipe | version | what it is | reported |", "|---|---|---|---|"]
        for name, header in headers.items():
            recipe = load(name)
            title = header.title.partition(". Source: ")[0]
            lines.append(f"| `{name}` | {recipe.version} | {title} | {recipe.published.reported} |")
        lines.append("")
        for part, texts in (
            ("As published", {name: header.published for name, header in headers.items()}),
            ("Ours, where nothing is published", {name: header.ours for name, header in headers.items()}),
            ("What differs, and why", {name: header.differs for name, header in headers.items()}),
            ("The flaw", {name: load(name).published.flaw for name in headers}),
        ):
            lines += [f"*{part}*", "", *_once(texts), ""]
    return "\n".join(lines)


def _once(texts: dict[str, str]) -> list[str]:
    """Return a list in Markdown: what all recipes say, then every other sentence once, behind those that say it."""
    saying: dict[str, list[str]] = {}
    for name, text in texts.items():
        for sentence in _SENTENCE_END.split(text):
            saying.setdefault(sentence, []).append(f"`{name}`")
    of_all = [sentence for sentence, names in saying.items() if len(names) == len(texts)]
    by_names: dict[str, list[str]] = {}
    for sentence, names in saying.items():
        if len(names) < len(texts):
            by_names.setdefault(", ".join(names), []).append(sentence)
    lines = [f"- {' '.join(of_all)}"] if of_all else []
    return lines + [f"- {names}: {' '.join(sentences)}" for names, sentences in by_names.items()]


def written_into(text: str) -> str:
    """Return a document with the section between its two marks; HeaderError where it has no such place."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise HeaderError(f"The document has no lines '{BEGIN}' and '{END}' for the recipes to stand between.")
    return f"{before}{BEGIN}\n\n{section()}{END}{after}"


def write(document: Path) -> None:
    """Bring the recipes of a document up to date."""
    document.write_text(written_into(document.read_text(encoding="utf-8")), encoding="utf-8")
