"""The lab's rules for counting cells: what types them at upload, how many are counted, what calls a case up."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.datastructures import MultiDict

from app.differential.certainty import TARGETS
from app.differential.review_rules import RULES
from app.differential.sources import cell_bundles
from app.records import UNNAMED_RULES, Lab
from app.rules import RefusedError
from app.terms.term_lists import Term
from smear.inference import floors

DEFAULT, NONE = "default", "none"  # of the bundle, in the form
SCALES = 0.005, 5.0  # micrometres per pixel, at least and at most
# What signing does where cells are not named by a person.
UNNAMED_WORDS = {
    "sign": _l("signs; the report says how many nobody named"),
    "target": _l("waits until people have named as many as the target"),
    "all": _l("waits until people have named or excluded every whole cell"),
}


@dataclass(frozen=True)
class Counting:
    """The settings as a form has them; see `Lab` for each."""

    cell_bundle: str | None
    count_target: int
    blast_percent: float
    unnamed_rule: str
    review_rules: dict[str, Any]
    micrometres_per_pixel: float | None

    @property
    def rules(self) -> list[Term]:
        """Return the review rules as a version of their list keeps them."""
        return [
            Term(rule.code, f"{rule.words} {setting['percent']:g} %{', critical' * setting['critical']}")
            for rule in RULES
            if (setting := self.review_rules.get(rule.code))
        ]

    def keep(self, lab: Lab) -> None:
        """Write them into the lab."""
        for name in SAVED:
            setattr(lab, name, getattr(self, name))

    def recorded(self) -> dict[str, Any]:
        """Return all that is saved, as the ledger keeps it: text for a number with a fraction, and for each rule."""
        rules = [
            f"{code} {rule['percent']:g}{' critical' * rule['critical']}" for code, rule in self.review_rules.items()
        ]
        plain = {name: f"{value:.15g}" if isinstance(value := getattr(self, name), float) else value for name in SAVED}
        return {RECORDED.get(name, name): value for name, value in (plain | {"review_rules": rules}).items()}


SAVED = tuple(field.name for field in fields(Counting))  # into the lab, and into the event of it
RECORDED = {"count_target": "target", "unnamed_rule": "unnamed", "review_rules": "rules"}  # as events always had them


def parse(form: MultiDict[str, str], lab: Lab) -> Counting:
    """Read the settings from a form; RefusedError with the sentence where one cannot be kept."""
    return Counting(
        cell_bundle=_bundle(form, lab),
        count_target=_target(form),
        blast_percent=_percent(form, "blast_percent", _("The share of blasts that a count has to be clear of")),
        unnamed_rule=_unnamed(form),
        review_rules=_rules(form),
        micrometres_per_pixel=_scale(form),
    )


def _bundle(form: MultiDict[str, str], lab: Lab) -> str | None:
    """Return the bundle that is chosen; one that does not reach the floors is not, unless it was before."""
    name = form.get("cell_bundle", DEFAULT)
    if name in (DEFAULT, NONE):
        return None if name == DEFAULT else ""
    if name == lab.cell_bundle:
        return name
    card = next((card for card in cell_bundles() if card.name == name), None)
    if card is None:
        raise RefusedError(_("Choose a model that reads single cells. Nothing was saved."))
    if unmet := floors.unmet(card):
        raise RefusedError(
            _(
                "%(name)s was not found good enough to type cells by itself: %(why)s Ask it for single cases on their"
                " cells page. Nothing was saved.",
                name=name,
                why=" ".join(unmet),
            )
        )
    return name


def _target(form: MultiDict[str, str]) -> int:
    target = form.get("count_target", 0, type=int)
    if target not in TARGETS:
        raise RefusedError(_("Choose how many cells are counted. Nothing was saved."))
    return target


def _unnamed(form: MultiDict[str, str]) -> str:
    rule = form.get("unnamed_rule", "")
    if rule not in UNNAMED_RULES:
        raise RefusedError(_("Choose what signing does where cells are not named. Nothing was saved."))
    return rule


def _percent(form: MultiDict[str, str], name: str, what: str) -> float:
    value = form.get(name, -1.0, type=float)
    if not (math.isfinite(value) and 0 < value <= 100):
        raise RefusedError(_("%(what)s is a percentage above 0 and up to 100. Nothing was saved.", what=what))
    return value


def _rules(form: MultiDict[str, str]) -> dict[str, Any]:
    """Return the review rules that have a percentage."""
    return {
        rule.code: {
            "percent": _percent(form, f"rule-{rule.code}", str(rule.words)),
            "critical": form.get(f"critical-{rule.code}") == "yes",
        }
        for rule in RULES
        if form.get(f"rule-{rule.code}", "").strip()
    }


def _scale(form: MultiDict[str, str]) -> float | None:
    if not form.get("micrometres_per_pixel", "").strip():
        return None
    value = form.get("micrometres_per_pixel", -1.0, type=float)
    if not (math.isfinite(value) and SCALES[0] <= value <= SCALES[1]):
        raise RefusedError(
            _(
                "Micrometres per pixel lie between %(low)g and %(high)g; about 0.1 with a 100x objective. Nothing was"
                " saved.",
                low=SCALES[0],
                high=SCALES[1],
            )
        )
    return value
