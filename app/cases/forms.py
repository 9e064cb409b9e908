"""The forms of a case."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_security import current_user
from flask_wtf import FlaskForm
from wtforms import Field, HiddenField, RadioField, SelectChoice, SelectField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length, Regexp, ValidationError

from app import accession
from app.cases import privacy
from app.cases.details import Details, stored
from app.lab import patients
from app.lab.views import fits
from app.records import AGE_BANDS, SEXES, SPECIMENS, now
from app.terms import term_lists
from app.terms.term_lists import MICROSCOPE

NOTES_LENGTH = 2000
AGES = [SelectChoice(band, band or "–") for band in ("", *AGE_BANDS)]
SEX_CHOICES = [SelectChoice("", "–"), *(SelectChoice(code, _l(name)) for code, name in SEXES.items())]
STAINS = ("May-Grünwald-Giemsa", "Wright-Giemsa", "Wright", "Giemsa", "Leishman")


def written_as_here(form: CaseForm, field: Field) -> None:
    """Hold an accession to the lab's pattern; one that was there before the pattern may stay."""
    pattern = current_user.lab.accession_pattern
    if form.stands_already(field):
        return
    if not fits(accession.normal(field.data or ""), pattern):
        raise ValidationError(
            _("Accessions of your lab are written %(pattern)s (# a digit, @ a letter).", pattern=pattern)
        )


def seen_as_it_is(_form: FlaskForm, field: Field) -> None:
    """Refuse an accession that is too long or holds signs that nobody sees."""
    if accession.too_long(field.data or ""):
        raise ValidationError(_("An accession has at most %(n)s characters.", n=accession.LENGTH))
    if hidden := accession.hidden_signs(field.data or ""):
        raise ValidationError(
            _("This accession holds signs that nobody sees (%(which)s). Type it by hand.", which=", ".join(hidden))
        )


def a_number(_form: FlaskForm, field: Field) -> None:
    """Refuse a patient's number that is too long or holds signs that nobody sees: it would be another patient's."""
    if len(field.data or "") > patients.LENGTH:
        raise ValidationError(_("A patient's number has at most %(n)s characters.", n=patients.LENGTH))
    if hidden := accession.hidden_signs(field.data or ""):
        raise ValidationError(
            _("This number holds signs that nobody sees (%(which)s). Type it by hand.", which=", ".join(hidden))
        )


def real_day(_form: FlaskForm, field: Field) -> None:
    """Take a day of the calendar that is not to come."""
    if not field.data:
        return
    try:
        day = date.fromisoformat(field.data)
    except ValueError:
        raise ValidationError(_("Write the day as year-month-day.")) from None
    if not day.year >= 1990 or day > now().date() + timedelta(days=1):
        raise ValidationError(_("A specimen cannot have been received on that day."))


def not_too_long(_form: FlaskForm, field: Field) -> None:
    """Say by how much notes are too long; they stay in the form to be shortened."""
    length = len(stored("notes", field.data))  # as it is kept: a browser sends each line's end as two characters
    if length > NOTES_LENGTH:
        raise ValidationError(
            _(
                "The notes have %(n)s characters; they may have %(most)s. Nothing is lost: shorten them here.",
                n=length,
                most=NOTES_LENGTH,
            )
        )


class CaseForm(FlaskForm):
    """What is written down when a case is opened."""

    accession = StringField(
        _l("Accession"),
        validators=[
            InputRequired(_l("Write the accession of the specimen; it names the case.")),
            seen_as_it_is,
            written_as_here,
            Regexp(r".*\S", message=_l("Write the accession of the specimen; it names the case.")),
        ],
    )
    specimen = RadioField(
        _l("Specimen"),
        choices=[SelectChoice(code, _l(name)) for code, name in SPECIMENS.items()],
        default="PB",
        validators=[InputRequired(_l("Say what kind of specimen this is."))],
    )
    patient = StringField(_l("Patient's number (optional)"), validators=[a_number], default="")
    stain = StringField(_l("Stain"), validators=[Length(max=64)], default=STAINS[0])
    microscope = SelectField(_l("Microscope"), default="")
    received_on = StringField(_l("Received"), validators=[real_day], default="")
    age_band = SelectField(_l("Age"), choices=AGES, default="")
    sex = SelectField(
        _l("Sex"),
        choices=SEX_CHOICES,
        default="",
    )
    notes = TextAreaField(_l("Notes"), validators=[not_too_long])
    confirmed = HiddenField(default="")  # set once the person saw the warnings below

    def __init__(self, microscope: str = "", **kwargs: Any) -> None:
        """Offer the lab's microscopes; microscope: the one that the case names, which may be on the list no more."""
        super().__init__(**kwargs)
        own = [term.name for term in term_lists.terms(current_user.lab_id, MICROSCOPE)]
        self.microscope.choices = [SelectChoice(name, name or "–") for name in dict.fromkeys(("", *own, microscope))]

    def stands_already(self, _field: Field) -> bool:
        """Say whether a field's text was in the case before; there is no case yet."""
        return False

    def warn(self) -> bool:
        """Put a warning at each field that looks like what must not stand there, unless the person saw it before."""
        if self.confirmed.data:
            return False
        for field in (self.accession, self.notes):
            if self.stands_already(field):
                continue
            if sentence := privacy.warning(field.data or ""):
                field.errors = [sentence]
        scripts = accession.mixed_scripts(self.accession.data or "")
        if scripts and not self.accession.errors and not self.stands_already(self.accession):
            self.accession.errors = [
                _(
                    "This accession mixes letters of two alphabets that look alike (%(which)s). Type it by hand; or, if"
                    " it is meant so, press the button once more to keep it.",
                    which=", ".join(scripts),
                )
            ]
        # raw_data: a form shows what was sent, and this has to be sent with the next try.
        self.confirmed.raw_data, self.confirmed.data = ["yes"], "yes"
        return any(field.errors for field in (self.accession, self.notes))


class CorrectionForm(CaseForm):
    """The same of a case that is there; what it holds already is neither warned of nor held to a newer pattern."""

    def __init__(self, before: Details, **kwargs: Any) -> None:
        super().__init__(microscope=before.microscope, **kwargs)
        self.before = before

    def stands_already(self, field: Field) -> bool:
        """Say whether a field's text is what the case holds."""
        result: bool = stored(field.name, field.data) == getattr(self.before, field.name)
        return result
