"""Whatever is sent to whichever address, nobody gets a 500: drawn from a seed, over all routes and parameters."""

from __future__ import annotations

import os
import random
import re
from io import BytesIO
from typing import Any

import pytest
from flask import Flask
from werkzeug.routing import Rule

from app.config import ROOT
from tests.app.steps import Someone
from tests.app.test_security import FILES, addresses
from tests.sizes import SIZES

pytestmark = pytest.mark.faults

GIVEN = addresses  # the fixture, under a name that this module uses
SEED = int(os.environ.get("LEUKOLENS_STRANGE_SEED", "26"))
TEXTS = (
    *("", " ", "0", "-1", "1", "1.5", "yes", "nan", "inf", "1e309", "٣", "²", "None", "null", "[]", "{}", "[[[[]]]]"),
    *(
        str(2**31),
        str(2**63 - 1),
        str(2**63),
        str(-(2**63) - 1),
        "9" * 400,
        "0x10",
        "1_0",
        "+5",
        "00000000000000000001",
    ),
    *(
        "2026-11-29",
        "0001-01-01",
        "9999-12-31",
        "10000-01-01",
        "2026-02-30",
        "2026-W01-1",
        "20261129",
        "1970-01-01T00:00",
    ),
    *("9999-12-31T23:59:59+00:00~x", "0001-01-01T00:00:00+14:00~x", "9999-12-31T23:59:59-14:00~x", "~", "x~", "nan~x"),
    *(
        "2026-11-29T12:00:00.1234567~x",
        "1e400~x",
        "\0",
        "a\0b",
        "\ud7ff",
        "\ufffe",
        "\u202e",
        "\u200b",
        "＝1+1",
        "=1+1",
    ),
    *(
        "%",
        "%00",
        "%s%n",
        "'",
        '"',
        "';--",
        "<script>",
        "../../etc/passwd",
        "..",
        ".",
        "/",
        "\\",
        "a" * 5000,
        "é" * 3000,
    ),
    *(
        "label:",
        "label:Benign",
        "label:\0",
        "other",
        "uncertain",
        "not_gradable",
        "insufficient",
        "newest",
        "uncertainty",
    ),
    *("case.opened", "signed", "PB", "leukemic", "leukolens-field", "grad-cam", "blast", "map", "mask", "yes", "admin"),
)
BODIES = (
    *(b"", b"{}", b"[]", b"null", b"1", b'"x"', b"{", b"\xff\xfe", b'{"email": {"a": 1}, "password": []}'),
    *(b'{"email": null, "password": null}', b'[["email", "x"]]', b'{"email": ["a", "b"]}', b'{"a": 1e999}'),
    *(b"[" * 3000, b'{"email": "\\ud800@lab.example", "password": "\\ud800"}', b'{"email": 5, "password": true}'),
)
# Names of parameters that the code asks for by a list or a class; the others are found in it.
FIELDS = {
    *("accession", "specimen", "stain", "notes", "received_on", "age_band", "sex", "confirmed", "email", "password"),
    *("new_password", "new_password_confirm", "next", "q", "state", "outcome", "reviewer", "since", "until", "differs"),
    *("sort", "after", "before", "action", "person", "subject", "diagnosis", "other", "remark", "seen", "choice"),
}


def parameters() -> list[str]:
    """Return the names of parameters that any view reads."""
    found = set(FIELDS)
    for path in (ROOT / "app").rglob("*views.py"):
        found |= set(re.findall(r"request\.(?:args|form|values)(?:\.get|\.getlist)?[\[(]\"(\w+)\"", path.read_text()))
    return sorted(found)


class Stranger:
    """Sends what nobody meant, the same for the same seed."""

    def __init__(self, app: Flask, addresses: dict[str, Any], person: str | None) -> None:
        self.app, self.addresses = app, addresses
        self.someone = Someone(app, person)
        self.token = self.someone.token()
        self.random = random.Random(f"{SEED} {person}")  # noqa: S311 -- to be drawn again, not to be secret
        self.names = parameters()

    def path(self, rule: Rule) -> str:
        """Return a rule's address with true values, strange ones, or some of each."""
        parts = []
        for piece in re.split(r"(<[^>]+>)", rule.rule):
            if not piece.startswith("<"):
                parts.append(piece)
                continue
            name = piece.strip("<>").rpartition(":")[2]
            given = FILES.get(rule.endpoint, self.addresses[name]) if name == "filename" else self.addresses[name]
            value = str(given) if self.random.random() < 0.7 else self.random.choice(TEXTS)
            parts.append(re.sub(r"[^\w.~-]", lambda sign: "".join(f"%{byte:02X}" for byte in sign[0].encode()), value))
        return "".join(parts)

    def fields(self) -> dict[str, Any]:
        """Return a few parameters with strange values."""
        return {name: self.random.choice(TEXTS) for name in self.random.sample(self.names, self.random.randrange(9))}

    def send(self, rule: Rule) -> tuple[str, int, str]:
        """Send one request; return what it was, its status and the start of what came back."""
        method = self.random.choice(sorted({"GET", "POST"} & (rule.methods or set())))
        path, query = self.path(rule), self.fields() if self.random.random() < 0.5 else {}
        headers = {"X-CSRFToken": self.token, "Accept": self.random.choice(["text/html", "application/json", "", "x/"])}
        if self.random.random() < 0.1:
            odd = ("If-None-Match", "Range", "Referer", "Accept-Language", "If-Modified-Since", "X-Part", "Cookie2")
            headers[self.random.choice(odd)] = self.random.choice(
                [text for text in TEXTS if text.isascii() and text.isprintable()]
            )
        kind = self.random.choice(("form", "form", "files", "json", "none")) if method == "POST" else "none"
        sent: dict[str, Any] = {}
        if kind == "form":
            sent = {"data": self.fields()}
        elif kind == "files":
            content = self.random.choice(BODIES)
            sent = {
                "data": self.fields()
                | {"image": (BytesIO(content), self.random.choice(TEXTS).replace("\0", "") or "x")}
            }
        elif kind == "json":
            sent = {"data": self.random.choice(BODIES), "content_type": "application/json"}
        answer = self.someone.client.open(
            path, method=method, query_string=query, headers=headers, buffered=True, **sent
        )
        what = f"{method} {path[:200]} {rule.endpoint} query={query} {kind}={str(sent)[:300]} headers={headers}"
        return what, answer.status_code, answer.text[:300] if answer.status_code >= 500 else ""


@pytest.mark.parametrize("person", ["admin", None])
def test_nothing_that_is_sent_is_a_fault_of_ours(app: Flask, addresses: dict[str, Any], person: str | None) -> None:
    """Every answer is a page, a refusal with a sentence, or a redirect."""
    rules = [rule for rule in app.url_map.iter_rules() if rule.endpoint != "security.logout"]
    stranger = Stranger(app, addresses, person)
    failed = []
    for number in range(SIZES.requests if person else SIZES.requests // 4):
        rule = rules[number % len(rules)]
        what, status, text = stranger.send(rule)
        if status >= 500 and status != 503:
            failed.append(f"{status} {what}\n{text}")
    assert not failed, f"{len(failed)} of {SIZES.requests}:\n" + "\n".join(failed[:40])


@pytest.mark.parametrize(
    ("path", "status"),
    [("/", 200), ("/sign-in", 302), ("/static/base.css", 200), ("/nowhere", 404), ("/cases/x/second", 308)],
)
def test_a_query_that_is_no_text_is_read_all_the_same(clinician: Someone, path: str, status: int) -> None:
    """Bytes that no browser sends as they are are those that it would have written as %ff."""
    answer = clinician.client.open(path, environ_overrides={"QUERY_STRING": "q=\xff\xc3\xa9"}, buffered=True)
    assert answer.status_code == status
    if path == "/":
        assert 'value="%FF\u00e9"' in answer.text
