"""The records: labs, people, cases, images, readings, reviews, signatures, activations, sessions and what was done."""

from .authenticator import Authenticator
from .base import Record, now, random_id
from .cases import AGE_BANDS, OUTCOMES, SEXES, SPECIMENS, STATES, BundleActivation, Case, Reading, SmearImage
from .cells import CELL_VERDICTS, CellReading, CellSurvey, CellVerdict
from .ledger import AuditEvent
from .people import Lab, PasswordLink, Role, SavedFilter, ServerSession, User
from .review import VERDICTS, Review
from .second import BlindVerdict, SecondReading
from .signature import Amendment, Signature

__all__ = [
    "AGE_BANDS",
    "CELL_VERDICTS",
    "OUTCOMES",
    "SEXES",
    "SPECIMENS",
    "STATES",
    "VERDICTS",
    "Amendment",
    "AuditEvent",
    "Authenticator",
    "BlindVerdict",
    "BundleActivation",
    "Case",
    "CellReading",
    "CellSurvey",
    "CellVerdict",
    "Lab",
    "PasswordLink",
    "Reading",
    "Record",
    "Review",
    "Role",
    "SavedFilter",
    "SecondReading",
    "ServerSession",
    "Signature",
    "SmearImage",
    "User",
    "now",
    "random_id",
]
