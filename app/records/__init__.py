"""The records: labs, people, cases, images, readings, activations, sessions and what was done."""

from .base import Record, now, random_id
from .cases import OUTCOMES, SPECIMENS, BundleActivation, Case, Reading, SmearImage
from .ledger import AuditEvent
from .people import Lab, Role, ServerSession, User

__all__ = [
    "OUTCOMES",
    "SPECIMENS",
    "AuditEvent",
    "BundleActivation",
    "Case",
    "Lab",
    "Reading",
    "Record",
    "Role",
    "ServerSession",
    "SmearImage",
    "User",
    "now",
    "random_id",
]
