"""What of a lab's labels is wanted: of cells, of fields, since when, of signed cases alone, in which model's words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Any

import msgspec
from flask import current_app
from flask_babel import gettext as _

from app.differential.classes import class_of
from app.inference.loaded_bundles import published
from app.rules import RefusedError
from smear.inference.card import Card

KINDS = ("cells", "fields")


class Choice(msgspec.Struct, frozen=True):
    """The wanted labels.

    since: a day as year-month-day, "" for all; bundle: the model in whose words they have to be, "" for any; panels:
    those of patients in an open panel too, which teach no model.
    """

    cells: bool = True
    fields: bool = True
    since: str = ""
    signed_only: bool = False
    bundle: str = ""
    panels: bool = False

    @property
    def kinds(self) -> list[str]:
        """Return which of KINDS are wanted."""
        return [kind for kind in KINDS if getattr(self, kind)]

    @property
    def start(self) -> datetime | None:
        """Return the first moment of the day from which on labels count."""
        return datetime.combine(date.fromisoformat(self.since), time(), UTC) if self.since else None

    def text(self) -> str:
        """Return it as a job keeps it."""
        return msgspec.json.encode(self).decode()


def read(text: str) -> Choice:
    """Return what `Choice.text` wrote."""
    return msgspec.json.decode(text, type=Choice)


def checked(choice: Choice) -> Choice:
    """Return a choice of which something can be exported; RefusedError with the sentence for any other.

    Of a model that reads cells no fields are wanted, and the other way round; nothing chosen is both.
    """
    if not choice.kinds:
        choice = msgspec.structs.replace(choice, cells=True, fields=True)
    try:
        start = choice.start
    except ValueError:
        raise RefusedError(_("Write the day as year-month-day.")) from None
    if start is not None and start.year < 1990:
        raise RefusedError(_("Write a day of this laboratory's time."))
    if choice.bundle:
        card = card_of(choice.bundle)
        kind = f"{card.scope}s"
        if kind not in choice.kinds:
            raise RefusedError(_("%(name)s reads %(kind)s; choose them.", name=choice.bundle, kind=kind))
        choice = msgspec.structs.replace(choice, cells=kind == "cells", fields=kind == "fields")
    return choice


def from_form(form: Mapping[str, Any]) -> Choice:
    """Read a choice from a form; RefusedError where it is none."""
    return checked(
        Choice(
            cells=form.get("cells") == "yes",
            fields=form.get("fields") == "yes",
            since=str(form.get("since", "")).strip(),
            signed_only=form.get("signed_only") == "yes",
            bundle=str(form.get("bundle", "")),
        )
    )


def card_of(name: str) -> Card:
    """Return the card of a published bundle; RefusedError where there is none of that name."""
    for bundle_name, card, _text in published(current_app.config["MODELS_DIR"]):
        if bundle_name == name and card is not None:
            return card
    raise RefusedError(_("There is no model of that name here. Choose one from the list."))


def words_of(card: Card) -> dict[str, str]:
    """Return what a bundle calls each label that it knows, by the class that it is counted as and by its own id."""
    merged = [old for olds in card.recipe.get("merge", {}).values() for old in olds]
    ids = [*merged, *(label.id for label in card.labels)]
    return {class_of(label_id): label_id for label_id in ids} | {label_id: label_id for label_id in ids}
