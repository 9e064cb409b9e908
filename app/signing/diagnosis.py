"""What a person concludes of a case: the choices, and reading one from a form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask_babel import gettext as _

from app.records import SmearImage
from app.rules import RefusedError, one_line_end
from app.terms import term_lists
from app.terms.term_lists import DIAGNOSIS
from smear.inference.card import Label

NAME_LENGTH = 200
TEXT_LENGTH = 5000


@dataclass(frozen=True)
class Diagnosis:
    """What a person concludes: a label's id, `insufficient` or `other`, its words, and a remark.

    list_version: of the lab's list that it was chosen from, 0 where the lab has none.
    """

    code: str
    name: str
    remark: str
    list_version: int = 0


def options(images: list[SmearImage], own: Sequence[Label] = ()) -> list[dict[str, str]]:
    """Return the diagnoses to choose from, and what none of them says.

    own: the lab's; a lab that has none chooses from the labels of the models that read the case.
    """
    labels = {label.id: label for label in own or (label for image in images for label in image.reading.labels)}
    return [
        *({"code": f"label:{key}", "name": label.name, "meaning": label.meaning} for key, label in labels.items()),
        {"code": "insufficient", "name": _("Material not sufficient for a diagnosis"), "meaning": ""},
        {"code": "other", "name": _("Another diagnosis"), "meaning": ""},
    ]


def parse(code: str, other: str, remark: str, images: list[SmearImage], lab_id: int) -> Diagnosis:
    """Read a diagnosis from a form; RefusedError where it is none."""
    remark = one_line_end(remark)
    terms = term_lists.newest(lab_id, DIAGNOSIS)
    own = [term.label for term in term_lists.terms_in(terms)]
    name = next((option["name"] for option in options(images, own) if option["code"] == code), None)
    if name is None:
        raise RefusedError(_("Choose the diagnosis. Nothing is chosen for you."))
    if code == "other":
        name = other.strip()
        if not name or len(name) > NAME_LENGTH:
            raise RefusedError(_("Write the other diagnosis, in up to %(n)s characters.", n=NAME_LENGTH))
    if len(remark) > TEXT_LENGTH:
        raise RefusedError(
            _(
                "The remark has %(n)s characters; it may have %(most)s. Nothing was signed: shorten it below.",
                n=len(remark),
                most=TEXT_LENGTH,
            )
        )
    return Diagnosis(code.removeprefix("label:"), name, remark.strip(), terms.version if terms else 0)
