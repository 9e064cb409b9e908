"""The records: labs, people, cases, images, readings, reviews, signatures, activations, sessions and what was done."""

from app.records.authenticator import Authenticator, PasswordTries
from app.records.base import Record, now, random_id
from app.records.blind_reading import BlindReading, BlindReview
from app.records.bundles import BundleActivation, FrozenPanel, HeldCard, PanelClosing, ShadowReading, ShadowTrial
from app.records.cases import (
    AGE_BANDS,
    ATTENTION,
    IMAGE_ORDER,
    OUTCOMES,
    SEXES,
    SPECIMENS,
    STATES,
    Case,
    Reading,
    SmearImage,
    places_of,
)
from app.records.cells import ANNOTATION_KINDS, REDRAWINGS, Annotation, CellReading, Detections, Redrawing
from app.records.computed import CachedResult, Explanation, LeukocyteEvidence
from app.records.jobs import ITEM_STATES, JOB_STATES, UNFINISHED, Job, JobItem
from app.records.ledger import AuditEvent
from app.records.notification import Notification
from app.records.people import UNNAMED_RULES, Lab, PasswordLink, Role, SavedFilter, ServerSession, TermList, User
from app.records.review import REVIEW_KINDS, Review
from app.records.signature import Amendment, Signature
from app.records.viewing import Viewing

__all__ = [
    "AGE_BANDS",
    "ANNOTATION_KINDS",
    "ATTENTION",
    "IMAGE_ORDER",
    "ITEM_STATES",
    "JOB_STATES",
    "OUTCOMES",
    "REDRAWINGS",
    "REVIEW_KINDS",
    "SEXES",
    "SPECIMENS",
    "STATES",
    "UNFINISHED",
    "UNNAMED_RULES",
    "Amendment",
    "Annotation",
    "AuditEvent",
    "Authenticator",
    "BlindReading",
    "BlindReview",
    "BundleActivation",
    "CachedResult",
    "Case",
    "CellReading",
    "Detections",
    "Explanation",
    "FrozenPanel",
    "HeldCard",
    "Job",
    "JobItem",
    "Lab",
    "LeukocyteEvidence",
    "Notification",
    "PanelClosing",
    "PasswordLink",
    "PasswordTries",
    "Reading",
    "Record",
    "Redrawing",
    "Review",
    "Role",
    "SavedFilter",
    "ServerSession",
    "ShadowReading",
    "ShadowTrial",
    "Signature",
    "SmearImage",
    "TermList",
    "User",
    "Viewing",
    "now",
    "places_of",
    "random_id",
]
