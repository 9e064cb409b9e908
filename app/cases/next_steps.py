"""What a person can do where no label is suggested: a refusal never ends the way."""

from __future__ import annotations

from dataclasses import dataclass

from flask import url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app.records import Case, Reading

# What helps against a reason for not grading a field, by its code.
ANOTHER_FIELD = {
    "no_leukocytes": _l("Go to a part of the slide that has leukocytes, and add that field."),
    "no_whole_leukocyte": _l("Move the stage until some leukocytes lie whole in the picture, and add that field."),
    "blank": _l("Go to a part of the slide that has cells, and add that field."),
    "out_of_focus": _l("Focus on the nuclei, and photograph the field once more."),
    "too_dark": _l("Turn the light up, and photograph the field once more."),
    "too_bright": _l("Turn the light down, and photograph the field once more."),
    "not_a_stained_smear": _l("Add a photograph of a stained smear, without frame, text or other pictures."),
}


@dataclass(frozen=True)
class Step:
    """Something that helps, and the page on which it is done; an empty address where that is none of ours."""

    words: str
    address: str = ""


def next_steps(reading: Reading, case: Case, teaches: bool, place: int | None = None) -> list[Step]:
    """Return what a person can do about a refusal, what helps most first; nothing where a label is suggested.

    teaches: whether the person may teach this laboratory's models, as its admins may.
    place: of the field in its case, from 1, where that is known.
    """
    if reading.outcome == "suggested":
        return []
    detail = reading.detail
    steps = []
    if reading.outcome == "not_gradable":
        helping = [
            str(ANOTHER_FIELD[reason.code]) for reason in detail.suggestion.reasons if reason.code in ANOTHER_FIELD
        ]
        steps += another_field(case, helping or [_("Photograph another field of this slide.")])
    if detail.leukocytes:
        cells = url_for("cells.show", case_id=case.id, field=place)
        steps.append(Step(_("Look at the cells one by one; that works for any stain."), cells))
    if reading.outcome == "unsure":
        steps += another_field(case, [_("Photograph another field of this slide: it may be clearer.")])
    if reading.outcome == "unfamiliar":
        steps += another_field(case, [_("Photograph another field, if this one is badly stained, lit or focused.")])
        knows = url_for("registry.show", name=reading.bundle)
        steps.append(Step(_("See on what slides %(model)s was trained.", model=reading.bundle), knows))
        if teaches:
            steps.append(Step(_("Teach a model this laboratory."), url_for("teaching.show", model=reading.bundle)))
        else:
            steps.append(Step(_("Ask an admin of your lab to teach a model this laboratory.")))
    return steps


def another_field(case: Case, words: list[str]) -> list[Step]:
    """Return the steps that need a further picture; none for a signed case, which takes none."""
    if case.state == "signed":
        return []
    return [Step(text, url_for("cases.show", case_id=case.id, _anchor="add-title")) for text in dict.fromkeys(words)]
