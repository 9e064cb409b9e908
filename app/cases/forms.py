"""The forms of a case."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import RadioField, SelectChoice, StringField, TextAreaField
from wtforms.validators import InputRequired, Length, Regexp

from ..records import SPECIMENS

STAINS = ("May-Grünwald-Giemsa", "Wright-Giemsa", "Wright", "Giemsa", "Leishman")


class CaseForm(FlaskForm):
    """What is written down when a case is opened."""

    accession = StringField(
        _l("Accession"),
        validators=[
            InputRequired(_l("Write the accession of the specimen; it names the case.")),
            Length(max=64, message=_l("An accession has at most 64 characters.")),
            Regexp(r".*\S", message=_l("Write the accession of the specimen; it names the case.")),
        ],
    )
    specimen = RadioField(
        _l("Specimen"),
        choices=[SelectChoice(code, _l(name)) for code, name in SPECIMENS.items()],
        default="PB",
        validators=[InputRequired(_l("Say what kind of specimen this is."))],
    )
    stain = StringField(_l("Stain"), validators=[Length(max=64)], default=STAINS[0])
    notes = TextAreaField(_l("Notes"), validators=[Length(max=2000, message=_l("Notes have at most 2000 characters."))])
