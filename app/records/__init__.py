"""The records: labs, people, cases, images, readings, reviews, signatures, activations, sessions and what was done."""

from app.records.authenticator import Authenticator
from app.records.base import Record, now, random_id
from app.records.cases import AGE_BANDS, OUTCOMES, SEXES, SPECIMENS, STATES, BundleActivation, Case, Reading, SmearImage
from app.records.cells import CELL_VERDICTS, CellReading, CellSurvey, CellVerdict
from app.records.ledger import AuditEvent
from app.records.people import Lab, PasswordLink, Role, SavedFilter, ServerSession, User
from app.records.review import VERDICTS, Review
from app.records.second import BlindVerdict, SecondReading
from app.records.signature import Amendment, Signature

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
