"""The records of a case: its images, what models said of them, and which model a lab chose to read."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import cached_property
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, false, func, select, text
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from app.records.base import Labels, Record, now, random_id
from app.records.cells import Annotation, CellReading, Detections
from app.records.people import User
from app.records.review import Review
from app.records.signature import Amendment, Signature
from app.version import __version__
from smear.inference.card import Label
from smear.inference.reading import Reading as SmearReading
from smear.inference.suggestion import uncertainty

OUTCOMES = ("suggested", "unsure", "unfamiliar", "not_gradable")
AGE_BANDS = ("0-1", "2-5", "6-12", "13-17", "18-39", "40-59", "60-79", "80+")
SEXES = {"f": "female", "m": "male", "x": "other"}
STATES = ("unreviewed", "in_review", "signed")
ATTENTION = ("review", "critical")  # of a case whose count meets a rule of the lab
SPECIMENS = {"PB": "Peripheral blood", "BM": "Bone marrow"}


class Case(Record):
    """One specimen of one patient under its accession, with the counts the worklist filters by."""

    __tablename__ = "case"
    __table_args__ = (
        UniqueConstraint("lab_id", "accession_key", name="uq_case_accession"),
        Index("ix_case_newest", "lab_id", "created_at", "id"),
        Index("ix_case_uncertainty", "lab_id", "uncertainty", "id"),
        Index("ix_case_state", "lab_id", "state", "created_at", "id"),
        Index("ix_case_reviewer", "lab_id", "reviewer_id", "created_at", "id"),
        # SQLite reads a search from this index alone. PostgreSQL could not put long notes into one.
        Index("ix_case_search", "lab_id", "created_at", "id", "search_text").ddl_if(dialect="sqlite"),
        Index(
            "ix_case_disputed",
            "lab_id",
            "uncertainty",
            "id",
            sqlite_where=text("disagreement_count > 0"),
            postgresql_where=text("disagreement_count > 0"),
        ),
        *(
            Index(
                f"ix_case_{outcome}",
                "lab_id",
                "created_at",
                "id",
                sqlite_where=text(f"{outcome}_count > 0"),
                postgresql_where=text(f"{outcome}_count > 0"),
            )
            for outcome in (*OUTCOMES, "disagreement")
        ),
        Index(
            "ix_case_attention",
            "lab_id",
            "created_at",
            "id",
            sqlite_where=text("attention <> ''"),
            postgresql_where=text("attention <> ''"),
        ),
        Index(
            "ix_case_patient",
            "lab_id",
            "patient_key",
            sqlite_where=text("patient_key <> ''"),
            postgresql_where=text("patient_key <> ''"),
        ),
        # Unsure or unfamiliar: an outcome by which lists were filtered before the two were told apart.
        Index(
            "ix_case_uncertain",
            "lab_id",
            "created_at",
            "id",
            sqlite_where=text("unsure_count + unfamiliar_count > 0"),
            postgresql_where=text("unsure_count + unfamiliar_count > 0"),
        ),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=random_id)
    lab_id: Mapped[int] = mapped_column(ForeignKey("lab.id"))
    accession: Mapped[str] = mapped_column(String(64))
    accession_key: Mapped[str] = mapped_column(String(128))  # `app.accession`: what looks the same is one
    specimen: Mapped[str] = mapped_column(String(2))
    stain: Mapped[str] = mapped_column(String(64), default="")
    microscope: Mapped[str] = mapped_column(String(80), default="", server_default="")  # and camera; one of the lab's
    notes: Mapped[str] = mapped_column(Text, default="")
    search_text: Mapped[str] = mapped_column(Text, default="")  # accession and notes, as `app.accession` searches them
    received_on: Mapped[str] = mapped_column(String(10), default="", server_default="")  # a day, or unknown
    age_band: Mapped[str] = mapped_column(String(8), default="", server_default="")
    sex: Mapped[str] = mapped_column(String(8), default="", server_default="")
    patient_key: Mapped[str] = mapped_column(String(64), default="", server_default="")  # `app.lab.patients`
    example: Mapped[bool] = mapped_column(default=False, server_default=false())  # no patient; in no statistics
    created_at: Mapped[datetime] = mapped_column(default=now)
    created_by_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    image_count: Mapped[int] = mapped_column(default=0)
    suggested_count: Mapped[int] = mapped_column(default=0)
    unsure_count: Mapped[int] = mapped_column(default=0, server_default="0")
    unfamiliar_count: Mapped[int] = mapped_column(default=0, server_default="0")
    not_gradable_count: Mapped[int] = mapped_column(default=0)
    version: Mapped[int] = mapped_column(default=1, server_default="1")  # that is being worked on, or was signed
    state: Mapped[str] = mapped_column(String(16), default="unreviewed", server_default="unreviewed")
    reviewed_count: Mapped[int] = mapped_column(default=0, server_default="0")
    unresolved_count: Mapped[int] = mapped_column(default=0, server_default="0")  # reviewed as uncertain
    disagreement_count: Mapped[int] = mapped_column(default=0, server_default="0")  # not what was suggested
    uncertainty: Mapped[float] = mapped_column(default=0.0, server_default="0")  # of its most uncertain image
    reviewer_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))  # who last reviewed an image of it
    attention: Mapped[str] = mapped_column(String(10), default="", server_default="")  # ATTENTION: what rules ask for
    attention_rules: Mapped[list[Any]] = mapped_column(default=list, server_default="[]")  # which of the lab's say so
    told_at: Mapped[datetime | None]  # when somebody was last told of it (`Notification`)

    created_by: Mapped[User] = relationship(foreign_keys=created_by_id)
    reviewer: Mapped[User | None] = relationship(foreign_keys=reviewer_id)
    signatures: Mapped[list[Signature]] = relationship(back_populates="case", order_by="Signature.version")
    amendments: Mapped[list[Amendment]] = relationship(back_populates="case", order_by="Amendment.version")
    images: Mapped[list[SmearImage]] = relationship(
        back_populates="case", order_by="SmearImage.position", cascade="all, delete-orphan"
    )

    @hybrid_property
    def uncertain_count(self) -> int:
        """Return how many images are unsure or unfamiliar; as an expression, that of `ix_case_uncertain`."""
        return self.unsure_count + self.unfamiliar_count


class SmearImage(Record):
    """One picture of a case; its pixels are in the store under their hash."""

    __tablename__ = "smear_image"
    __table_args__ = (UniqueConstraint("case_id", "source_sha256", name="uq_smear_image_source"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=random_id)
    case_id: Mapped[str] = mapped_column(ForeignKey("case.id"))
    position: Mapped[int]
    display_name: Mapped[str] = mapped_column(String(120))
    source_sha256: Mapped[str] = mapped_column(String(64))  # of the file as it came, to notice it twice
    pixels_sha256: Mapped[str] = mapped_column(String(64), index=True)  # of the stored picture
    thumbnail_sha256: Mapped[str] = mapped_column(String(64), index=True)
    width: Mapped[int]
    height: Mapped[int]
    drawn: Mapped[bool] = mapped_column(default=False)  # made by our own code, no patient behind it
    added_at: Mapped[datetime] = mapped_column(default=now)
    added_by_id: Mapped[int] = mapped_column(ForeignKey("user.id"))

    case: Mapped[Case] = relationship(back_populates="images")
    readings: Mapped[list[Reading]] = relationship(
        back_populates="image", order_by="Reading.made_at", cascade="all, delete-orphan"
    )

    reviews: Mapped[list[Review]] = relationship(back_populates="image", order_by="Review.version")
    detections: Mapped[Detections | None] = relationship(back_populates="image", cascade="all, delete-orphan")
    cell_readings: Mapped[list[CellReading]] = relationship(
        back_populates="image", order_by="CellReading.made_at", cascade="all, delete-orphan"
    )
    annotations: Mapped[list[Annotation]] = relationship(back_populates="image", order_by="Annotation.version")

    @property
    def review(self) -> Review | None:
        """Return the review that holds, or None before the first."""
        return self.reviews[-1] if self.reviews else None

    @property
    def pixel_count(self) -> int:
        """Return how many pixels there are, by which work on it is shared out."""
        return self.width * self.height

    @property
    def reading(self) -> Reading:
        """Return the first reading, by the bundle that was active when the image came."""
        return self.readings[0]


# How a query sorts the images of a case.
IMAGE_ORDER = (SmearImage.position, SmearImage.added_at)


def places_of(session: Session, image_ids: Iterable[str]) -> dict[str, int]:
    """Return each image's place in its case, from 1, by its id: what people call it by.

    The place is counted; `position` is what they are sorted by, and pictures of one archive share it.
    """
    wanted = set(image_ids)
    cases = select(SmearImage.case_id).where(SmearImage.id.in_(wanted))
    place = func.row_number().over(partition_by=SmearImage.case_id, order_by=IMAGE_ORDER)
    placed = select(SmearImage.id, place.label("place")).where(SmearImage.case_id.in_(cases)).subquery()
    query = select(placed.c.id, placed.c.place).where(placed.c.id.in_(wanted))
    return {row.id: row.place for row in session.execute(query)}


class Reading(Record):
    """What one bundle said of one image; never changed afterwards, and legible without the bundle.

    `result` keeps all that was computed, for audits, and only `detail` reads it. Everything else here is what may be
    shown: where no label is suggested there are no numbers (`smear.inference.field_reader.Reading.shown`).
    """

    __tablename__ = "reading"
    __table_args__ = (Index("ix_reading_image", "image_id", "made_at"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=random_id)
    image_id: Mapped[str] = mapped_column(ForeignKey("smear_image.id"))
    bundle: Mapped[str] = mapped_column(String(120))
    version: Mapped[str] = mapped_column(String(40))
    outcome: Mapped[str] = mapped_column(String(16))
    label: Mapped[str | None] = mapped_column(String(64))
    confidence: Mapped[float | None]
    # By label, calibrated, empty where none is suggested; a case's summary wants those of two hundred images at once.
    probabilities: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default="{}")
    result: Mapped[dict[str, Any]] = mapped_column(deferred=True)  # smear's Reading, whole
    labels: Mapped[tuple[Label, ...]] = mapped_column(Labels)  # the card's then
    program: Mapped[str] = mapped_column(String(40), default=__version__, server_default="")  # version of LeukoLens
    intended_use: Mapped[str] = mapped_column(Text)
    made_at: Mapped[datetime] = mapped_column(default=now)
    made_by_id: Mapped[int] = mapped_column(ForeignKey("user.id"))

    image: Mapped[SmearImage] = relationship(back_populates="readings")
    made_by: Mapped[User] = relationship()

    @property
    def uncertainty(self) -> float:
        """Return by how much it calls for a person."""
        return uncertainty(self.outcome, self.confidence)

    @cached_property
    def detail(self) -> SmearReading:
        """Return what may be shown of the reading that smear wrote, of whatever version."""
        return SmearReading.from_json(self.result).shown

    def label_name(self, label: str | None = None) -> str:
        """Return the printed name of a label of this reading, its own by default."""
        wanted = label or self.label
        return next((known.name for known in self.labels if known.id == wanted), wanted or "")
