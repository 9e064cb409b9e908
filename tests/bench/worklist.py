"""`python -m tests.bench.worklist [--cases N ...] [--database URL]`: the server time of the pages on so many cases.

Each case has an image. 100,000 without --cases, or one size after the other; the database is a new SQLite file, or one
that is empty, such as PostgreSQL's, and takes one size.

Prints p50 and p95 in milliseconds of the worklist (each filter and order), of searches and of case pages, one of them
with 200 images. Measured inside the process, from request to the last byte of the answer; `p95_processor` counts only
the time in which the processor worked for it, which a busy machine does not change much.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import insert, select

from app import create_app
from app.database import db, writing
from app.records import Case, Reading, ServerSession, SmearImage, User, now, random_id

CASES = 100_000  # where nobody says how many
BATCH = 5_000
LARGE = 200  # images of the largest case
ROUNDS = 25
PAGES = 20  # of cases
LABELS = [{"id": name, "name": name, "meaning": "", "malignant": name != "Benign"} for name in ("Benign", "Pre-B")]
ADDRESSES = {
    "worklist": ["/"],
    "filters": [
        "/?state=unreviewed",
        "/?state=signed",
        "/?outcome=not_gradable",
        "/?differs=yes",
        "/?sort=uncertainty",
        "/?sort=uncertainty&state=in_review&differs=yes",
        "/?reviewer=1&state=in_review",
        "/?since=2026-01-01&until=2026-12-31",
    ],
    "search": ["/?q=b-0000011", "/?q=complaints", "/?q=nothing+has+this"],
}


def fill(app: Flask, cases: int) -> tuple[list[str], str]:
    """Generate so many cases; return the numbers of some, and of the one with many images."""
    with app.app_context():
        user = db.session.scalars(select(User)).one()
        common = {"lab_id": user.lab_id, "specimen": "PB", "stain": "", "created_by_id": user.id}
        start = now() - timedelta(seconds=60 * cases)
        some: list[str] = []
        for first in range(0, cases, BATCH):
            rows = [
                common
                | {
                    "id": random_id(),
                    "accession": f"B-{number:07}",
                    "accession_key": f"b-{number:07}",
                    "notes": f"note {number} of a patient with a rather long history of complaints",
                    "search_text": f"b-{number:07} note {number} of a patient with a rather long history of complaints",
                    "created_at": start + timedelta(seconds=60 * number),
                    "image_count": 1,
                    "suggested_count": int(number % 10 > 0),
                    "unsure_count": int(number % 10 == 0),
                    "unfamiliar_count": int(number % 20 == 3),
                    "not_gradable_count": int(number % 1000 == 5),
                    "state": ("unreviewed", "in_review", "signed")[number % 3],
                    "reviewer_id": user.id if number % 3 else None,
                    "disagreement_count": int(number % 500 == 4),
                    "uncertainty": number % 997 / 997,
                }
                for number in range(first, min(first + BATCH, cases))
            ]
            add(rows, [row["id"] for row in rows], user.id)
            some.append(rows[0]["id"])
        add([], [some[0]] * LARGE, user.id)
    return some, some[0]


def add(cases: list[dict[str, Any]], places: list[str], user_id: int) -> None:
    """Write cases, and an image with its reading at each place."""
    images = [
        {
            "id": random_id(),
            "case_id": case_id,
            "position": 1,
            "display_name": "field.jpg",
            "source_sha256": random_id() * 2,
            "pixels_sha256": random_id() * 2,
            "thumbnail_sha256": random_id() * 2,
            "width": 2592,
            "height": 1944,
            "added_by_id": user_id,
        }
        for case_id in places
    ]
    readings = [
        {
            "image_id": image["id"],
            "bundle": "leukolens-field",
            "version": "1.1.0",
            "outcome": "suggested",
            "label": "Pre-B",
            "confidence": 0.94,
            "probabilities": {"Benign": 0.06, "Pre-B": 0.94},
            "result": {},
            "labels": LABELS,
            "intended_use": "Decision support.",
            "made_by_id": user_id,
        }
        for image in images
    ]
    with writing() as session:
        if cases:
            session.execute(insert(Case), cases)
        session.execute(insert(SmearImage), images)
        session.execute(insert(Reading), readings)


def signed_in(app: Flask) -> FlaskClient:
    """Return a browser of the first person, by a session written as signing in writes it."""
    client = app.test_client()
    with app.app_context():
        user = db.session.scalars(select(User)).one()
        user.must_change_password = False
        db.session.commit()
        identity = user.fs_uniquifier
    client.get("/sign-in")
    cookie = client.get_cookie("leukolens")
    assert cookie
    with app.app_context(), writing() as session:
        row = session.scalars(select(ServerSession)).one()
        row.data = dict(row.data) | {"_user_id": identity, "_fresh": True, "fs_cc": "set"}
    return client


def measure(client: FlaskClient, addresses: list[str]) -> dict[str, float]:
    """Return p50 and p95 in milliseconds of getting these pages in turn."""
    times, worked = [], []
    for round_ in range(ROUNDS + 1):
        for address in addresses:
            started, before = time.perf_counter(), time.thread_time()
            answer = client.get(address, buffered=True)
            took = 1000 * (time.perf_counter() - started)
            if answer.status_code != 200:
                raise RuntimeError(f"{address} answered {answer.status_code}.")
            if round_:
                times.append(took)
                worked.append(1000 * (time.thread_time() - before))
    return {
        "p50": round(statistics.median(times), 1),
        "p95": round(statistics.quantiles(times, n=20)[-1], 1),
        "p95_processor": round(statistics.quantiles(worked, n=20)[-1], 1),
    }


def measure_all(cases: int, database: str) -> dict[str, Any]:
    """Return the times of all pages on so many cases; database: its address, or "" for a file of its own."""
    with tempfile.TemporaryDirectory() as folder:
        app = create_app(INSTANCE_DIR=Path(folder) / "instance", **({"DATABASE_URL": database} if database else {}))
        result = app.test_cli_runner().invoke(args=["init"])
        if result.exit_code:
            raise RuntimeError(result.output)
        some, large = fill(app, cases)
        client = signed_in(app)
        gc.collect()
        gc.freeze()  # as the server does (`app.cli.serve`)
        pages = ADDRESSES | {
            "case": [f"/cases/{case}" for case in some[1 : 1 + PAGES] or some],
            f"case with {LARGE + 1} images": [f"/cases/{large}"],
        }
        told = {"cases": cases} | {name: measure(client, found) for name, found in pages.items()}
        with app.app_context():
            db.engine.dispose()
    return told


def main() -> None:
    """Generate, measure, and print an object for each size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, nargs="+", default=[CASES], metavar="N")
    parser.add_argument("--database", default="", metavar="URL")
    given = parser.parse_args()
    if given.database and len(given.cases) > 1:
        parser.error("a database of yours takes one size")
    for cases in given.cases:
        sys.stdout.write(json.dumps(measure_all(cases, given.database), indent=1) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
