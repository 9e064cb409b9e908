"""The records: labs, people, cases, images, readings, reviews, signatures, activations, sessions and what was done."""

from .base import Record, now, random_id
from .cases import OUTCOMES, SPECIMENS, STATES, BundleActivation, Case, Reading, SmearImage
from .ledger import AuditEvent
from .people import Lab, PasswordLink, Role, SavedFilter, ServerSession, User
from .review import VERDICTS, Review
from .signature import Amendment, Signature

__all__ = [
    "OUTCOMES",
    "SPECIMENS",
    "STATES",
    "VERDICTS",
    "Amendment",
    "AuditEvent",
    "BundleActivation",
    "Case",
    "Lab",
    "PasswordLink",
    "Reading",
    "Record",
    "Review",
    "Role",
    "SavedFilter",
    "ServerSession",
    "Signature",
    "SmearImage",
    "User",
    "now",
    "random_id",
]
