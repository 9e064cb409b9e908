"""Many processes write to one lab at once: every write is acknowledged, kept, and in the ledger."""

from __future__ import annotations

from multiprocessing.context import ForkServerContext

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.database import db
from app.records import AuditEvent, Case
from tests.app.faults import worker
from tests.app.faults.conftest import problems
from tests.sizes import SIZES

pytestmark = pytest.mark.faults
NAMES = ("clinician", "second", "admin", "stranger", "chief")


def test_no_write_of_many_processes_is_lost(app: Flask, settings: dict[str, str], processes: ForkServerContext) -> None:
    """Cases are opened and corrected from everywhere; none fails, and the last notes of each are there."""
    ends = [processes.Pipe(duplex=False) for _number in range(SIZES.processes)]
    workers = [
        processes.Process(
            target=worker.write, args=(settings, NAMES[number % len(NAMES)], number, SIZES.writes, sending)
        )
        for number, (_receiving, sending) in enumerate(ends)
    ]
    for process, (_receiving, sending) in zip(workers, ends, strict=True):
        process.start()
        sending.close()
    notes: dict[str, str] = {}
    statuses: list[int] = []
    for receiving, _sending in ends:
        while True:
            try:
                status, case, note = receiving.recv()
            except EOFError:
                break
            statuses.append(status)
            notes[case] = note
    for process in workers:
        process.join(60)
    assert [process.exitcode for process in workers] == [0] * SIZES.processes
    assert len(statuses) == SIZES.processes * SIZES.writes
    assert set(statuses) == {201, 302}
    with app.app_context():
        assert dict(db.session.execute(select(Case.id, Case.notes)).all()) == notes
        counted = select(AuditEvent.action, func.count()).group_by(AuditEvent.action)
        events = dict(db.session.execute(counted).all())
    assert events["case.opened"] + events["case.corrected"] == len(statuses)
    assert problems(app) == []
