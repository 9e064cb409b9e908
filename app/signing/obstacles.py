"""What has to be done before a case can be signed, and where."""

from __future__ import annotations

from dataclasses import dataclass

from flask import url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy import select

from app.database import db
from app.differential.cells import fields_of
from app.differential.count import differential
from app.differential.sources import counting_source
from app.records import BlindReading, Case, Lab, SmearImage


@dataclass(frozen=True)
class Obstacle:
    """Something to be done first: a sentence, and the page where it is done with the words that lead there.

    Without such a page it is done on that of the case, or by somebody else.
    """

    text: str
    url: str = ""
    words: str = ""


def obstacles(case: Case, images: list[SmearImage]) -> list[Obstacle]:
    """Return what has to be done before the case can be signed."""
    if case.state == "signed":
        return [Obstacle(_("This case is signed already. Amend it to make a new version."))]
    if not images:
        return [Obstacle(_("This case has no images. Add at least one before signing."))]
    unmet = []
    if reader := blind_reader(case.id):
        unmet.append(
            Obstacle(
                _(
                    "%(who)s is reading this case a second time. Wait for it, or withdraw it on the case page.",
                    who=reader,
                )
            )
        )
    missing = [place for place, image in enumerate(images, 1) if image.review is None]
    unsure = [place for place, image in enumerate(images, 1) if image.review and image.review.kind == "uncertain"]
    if missing:
        sentence = ngettext(
            "%(num)s image is not reviewed yet: %(which)s.",
            "%(num)s images are not reviewed yet: %(which)s.",
            len(missing),
            which=", ".join(map(str, missing)),
        )
        unmet.append(_at_image(sentence, images, missing[0]))
    if unsure:
        sentence = ngettext(
            "%(num)s image is still uncertain: %(which)s. Decide on a label, or mark it as not gradable.",
            "%(num)s images are still uncertain: %(which)s. Decide on a label, or mark them as not gradable.",
            len(unsure),
            which=", ".join(map(str, unsure)),
        )
        unmet.append(_at_image(sentence, images, unsure[0]))
    if sentence := unnamed(case):
        unmet.append(Obstacle(sentence, url_for("cells.show", case_id=case.id), _("Name the cells")))
    return unmet


def _at_image(sentence: str, images: list[SmearImage], place: int) -> Obstacle:
    """Return an obstacle that is removed at the image in `place`, counted from 1."""
    image = images[place - 1]
    url = url_for("reading.read", case_id=image.case_id, image_id=image.id)
    return Obstacle(sentence, url, _("Review image %(n)s", n=place))


def unnamed(case: Case) -> str:
    """Return what the lab's rule says of cells that nobody has named; "" where it lets the case be signed.

    A case without a whole cell that people have not named is signed under every rule. Whether anything suggested a name
    makes no difference: both rules ask for people's.
    """
    lab = db.session.get_one(Lab, case.lab_id)
    if lab.unnamed_rule == "sign":
        return ""
    _fields, cells = fields_of(case.id, counting_source(case.id, lab))
    table = differential(cells)
    if not table.unclassed:
        return ""
    if lab.unnamed_rule == "all":
        return ngettext(
            "%(num)s whole cell is not named by a person yet, and your lab signs only when all are.",
            "%(num)s whole cells are not named by a person yet, and your lab signs only when all are.",
            table.unclassed,
        )
    if table.people >= lab.count_target:
        return ""
    return _(
        "People have named %(n)s leukocytes, and your lab signs from %(target)s on. Name more on the cells page;"
        " %(left)s are left.",
        n=table.people,
        target=lab.count_target,
        left=table.unclassed,
    )


def blind_reader(case_id: str) -> str | None:
    """Return who is reading a case blind at present."""
    query = select(BlindReading).where(BlindReading.case_id == case_id, BlindReading.state == "open")
    reading = db.session.scalar(query)
    return reading.reader.shown_name if reading else None
