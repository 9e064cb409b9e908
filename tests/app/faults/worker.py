"""What a process of its own does to a lab, telling its parent whatever was acknowledged as soon as it was."""

from __future__ import annotations

from io import BytesIO
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from app import create_app, security
from app.inference.engine import Engine
from tests.app.steps import Someone

BUNDLE = "leukolens-field"


def person(settings: dict[str, str], name: str, reads: bool) -> Someone:
    """Return a signed-in person at a server of this process's own, whose steps are one request each."""
    security.HASHING.update(argon2__time_cost=1, argon2__memory_cost=64, argon2__parallelism=1)
    app = create_app(**settings)
    engine = Engine(Path(settings["MODELS_DIR"]), 16)
    app.extensions["engine"] = engine
    if reads:
        engine.start([BUNDLE], others=False)
        engine.load(BUNDLE)
    someone = Someone(app, name)
    token = someone.token()
    someone.token = lambda: token  # type: ignore[method-assign]
    return someone


def write(settings: dict[str, str], name: str, number: int, writes: int, told: Connection) -> None:
    """Open cases and correct their notes by turns; tell of each what it was answered, and the last notes of each."""
    someone = person(settings, name, reads=False)
    fields: dict[str, Any] = {}
    for turn in range(writes):
        if turn % 2 == 0:
            fields = {"accession": f"W-{number}-{turn}", "specimen": "PB", "stain": "", "notes": "", "confirmed": "yes"}
            answer = someone.post("/cases/new", fields, json=True)
            case, status = answer.json.get("id", ""), answer.status_code
        else:
            seen = {f"seen_{key}": fields[key] for key in ("accession", "specimen", "stain", "notes")}
            fields["notes"] = f"turn {turn}"
            status = someone.post(f"/cases/{case}/details", fields | seen).status_code
        told.send((status, case, fields["notes"]))
    told.close()


def read_in(settings: dict[str, str], name: str, number: int, picture: bytes, told: Connection) -> None:
    """Take in pictures and review them until somebody ends this; tell what was acknowledged."""
    someone = person(settings, name, reads=True)
    told.send(("ready", "", ""))
    turn = 0
    while True:
        fields = {"accession": f"K-{number}-{turn}", "specimen": "PB", "stain": "", "notes": "", "confirmed": "yes"}
        case = someone.post("/cases/new", fields, json=True).json["id"]
        told.send(("case", case, ""))
        file = picture + f"{number} {turn}".encode()
        sent = {"image": (BytesIO(file), "field.png")}
        answer = someone.post(f"/cases/{case}/images", sent, json=True)
        if answer.status_code == 201:
            image = answer.json["id"]
            told.send(("image", case, image))
            review = {"choice": "not_gradable", "seen": "0", "comment": ""}
            if someone.post(f"/cases/{case}/images/{image}/reviews", review).status_code == 302:
                told.send(("review", case, image))
        turn += 1
