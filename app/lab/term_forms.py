"""Reading a lab's terms from the forms of their page: rows of diagnoses and cell classes, lines of everything else."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable
from itertools import chain, count

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.datastructures import MultiDict

from app.accession import hidden_signs, normal
from app.differential.classes import BY_ID, part_of
from app.inference.engine import engine
from app.inference.loaded_bundles import published
from app.lab.counting import SCALES
from app.rules import RefusedError
from app.terms.term_lists import (
    AMENDMENT,
    CELL_CLASS,
    DIAGNOSIS,
    EXCLUSION,
    MICROSCOPE,
    REMOVAL,
    REVIEW_RULE,
    SENTENCE,
    Term,
)
from smear.inference.card import Label

MOST = 60  # terms of a kind
CODE_LENGTH = 24
MOST_PIXELS = 8000  # of a scale bar: a picture's side
MEANING_LENGTH = 300
FIELDS = ("name", "meaning", "counted_as", "malignant", "micrometres", "pixels")  # of a row
# Characters of a name. A reason is kept as it is written, in a column of 32 where a cell is excluded for it.
LENGTHS = {DIAGNOSIS: 100, CELL_CLASS: 40, MICROSCOPE: 80, SENTENCE: 300, REMOVAL: 80, EXCLUSION: 32, AMENDMENT: 200}
TITLES = {
    DIAGNOSIS: _l("Diagnoses"),
    CELL_CLASS: _l("Cell classes"),
    MICROSCOPE: _l("Microscopes with their cameras"),
    SENTENCE: _l("Sentences for comments and remarks"),
    REMOVAL: _l("Reasons why an image leaves a case"),
    EXCLUSION: _l("Reasons why a cell is excluded"),
    AMENDMENT: _l("Reasons why a signed case is amended"),
    REVIEW_RULE: _l("Rules that mark a case for review"),
}


def parse(kind: str, form: MultiDict[str, str], before: list[Term]) -> list[Term]:
    """Read a list from a form; RefusedError with the sentence where it cannot be kept.

    before: every term that was ever on the list, the newest first: a name has the code that it had last, and no code
    stands for two.
    """
    rows = rows_in(form) if kind in TABLES else [{"name": line} for line in form.get("lines", "").splitlines()]
    rows = [row | {"name": normal(row["name"])} for row in rows]
    rows = [row for row in rows if row["name"]]
    _check(kind, [row["name"] for row in rows])
    if kind not in TABLES:
        return [Term(row["name"], row["name"]) for row in rows]
    known = {term.name.casefold(): term.code for term in reversed(before)}
    terms = []
    for row in rows:
        term = TABLES[kind](row, known)
        known[term.name.casefold()] = term.code
        terms.append(term)
    return terms


def rows_in(form: MultiDict[str, str]) -> list[dict[str, str]]:
    """Return the rows of a table of inputs, whose fields are numbered from 0, as they were typed."""
    numbers = sorted({int(match[1]) for name in form if (match := re.fullmatch(r"name-(\d{1,3})", name))})
    return [{field: form.get(f"{field}-{number}", "") for field in FIELDS} for number in numbers]


def row_of(term: Term) -> dict[str, str]:
    """Return a term as a row of a table of inputs."""
    micrometres, pixels = as_measured(term.micrometres_per_pixel) if term.micrometres_per_pixel else ("", "")
    return {
        "name": term.name,
        "meaning": term.meaning,
        "counted_as": term.counted_as,
        "malignant": "yes" * term.malignant,
        "micrometres": micrometres,
        "pixels": pixels,
    }


def as_measured(scale: float) -> tuple[str, str]:
    """Return micrometres, and the pixels that they lie on, which give a scale again to the last bit.

    They are the fewest pixels of which the length has no more than six digits: the numbers that somebody measured, or
    smaller ones in the same ratio.
    """
    for pixels in range(1, MOST_PIXELS + 1):
        length = f"{scale * pixels:.6g}"
        if float(length) / pixels == scale:
            return length, str(pixels)
    return repr(scale), "1"


def _check(kind: str, names: list[str]) -> None:
    """Refuse names that are too many, too long, or there twice."""
    if len(names) > MOST:
        raise RefusedError(_("A list has at most %(n)s terms. Nothing was saved.", n=MOST))
    for name in names:
        if len(name) > LENGTHS[kind]:
            raise RefusedError(
                _(
                    "“%(name)s …” has %(n)s characters; it may have %(most)s. Nothing was saved.",
                    name=name[:24],
                    n=len(name),
                    most=LENGTHS[kind],
                )
            )
        if hidden := hidden_signs(name):
            raise RefusedError(
                _(
                    "“%(name)s” holds signs that nobody sees (%(which)s). Type it by hand. Nothing was saved.",
                    name=name,
                    which=", ".join(hidden),
                )
            )
        if sum(term.casefold() == name.casefold() for term in names) > 1:
            raise RefusedError(_("“%(name)s” is there twice. Nothing was saved.", name=name[: LENGTHS[kind]]))


def _diagnosis(row: dict[str, str], known: dict[str, str]) -> Term:
    """Read a diagnosis; one that a model calls the same has the model's id, so that its word and ours are compared."""
    name, meaning = row["name"], normal(row["meaning"])
    if len(meaning) > MEANING_LENGTH:
        raise RefusedError(
            _("What “%(name)s” means has at most %(n)s characters. Nothing was saved.", name=name, n=MEANING_LENGTH)
        )
    if name.casefold() in known:
        return Term(known[name.casefold()], name, meaning)
    of_models = {text.casefold(): label.id for label in field_labels() for text in (label.id, label.name)}
    code = of_models.get(name.casefold(), "")
    if not code or code in known.values():  # a model's id and its name are two names of one label
        code = _code(name, {*known.values(), *of_models.values()})
    return Term(code, name, meaning)


def _cell_class(row: dict[str, str], known: dict[str, str]) -> Term:
    """Read a cell class: a part of a built-in one, or one of its own."""
    name, whole = row["name"], row["counted_as"]
    if name.casefold() in {str(cell_class.name).casefold() for cell_class in BY_ID.values()}:
        raise RefusedError(_("“%(name)s” is built in; it needs no row. Nothing was saved.", name=name))
    if whole and whole not in BY_ID:
        raise RefusedError(_("Choose what “%(name)s” is counted as. Nothing was saved.", name=name))
    malignant = BY_ID[whole].malignant if whole else row["malignant"] == "yes"
    code = known.get(name.casefold(), "")
    if not code or part_of(code) != whole:
        slug = _code(name, {*known.values(), *BY_ID})
        code = f"{whole}.{slug}" if whole else slug
    return Term(code, name, counted_as=whole, malignant=malignant)


def _microscope(row: dict[str, str], _known: dict[str, str]) -> Term:
    """Read a microscope: how long something is, such as a scale bar, and on how many pixels of its camera."""
    name, length, pixels = (row[field].strip() for field in ("name", "micrometres", "pixels"))
    if not length and not pixels:
        return Term(name, name)
    low, high = SCALES
    try:
        long, wide = (float(text.replace(",", ".")) for text in (length, pixels))
        scale = long / wide if wide > 0 else math.nan
    except ValueError:
        scale = math.nan
    if not low <= scale <= high:
        raise RefusedError(
            _(
                "“%(name)s”: say how many micrometres something has, such as the scale bar, and on how many"
                " pixels; that is between %(low)g and %(high)g micrometres per pixel. Or leave both empty. Nothing was"
                " saved.",
                name=name,
                low=low,
                high=high,
            )
        )
    return Term(name, name, micrometres_per_pixel=scale)


def _code(name: str, codes: set[str]) -> str:
    """Return a code for a new term: its Latin letters, with a number where another has them already."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().casefold()
    stem = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")[:CODE_LENGTH] or "term"
    last = {code.rpartition(".")[2] for code in codes}
    return next(code for code in chain([stem], (f"{stem}_{n}" for n in count(2))) if code not in last)


def field_labels() -> list[Label]:
    """Return the labels of the published models that read whole fields, each once."""
    cards = (card for _name, card, _text in published(engine().folder))
    return list({label.id: label for card in cards if card and card.scope == "field" for label in card.labels}.values())


TABLES: dict[str, Callable[[dict[str, str], dict[str, str]], Term]] = {
    DIAGNOSIS: _diagnosis,
    CELL_CLASS: _cell_class,
    MICROSCOPE: _microscope,
}
