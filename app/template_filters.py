"""What every template knows: who is signed in, how a time, a number and an outcome are written; its static files."""

from __future__ import annotations

import functools
import gzip
import hashlib
from datetime import datetime
from pathlib import Path
from typing import Any

from flask import Flask, Response, current_app, request, url_for
from flask_babel import gettext as _
from flask_security import current_user

from app.records import SEXES, SPECIMENS, BlindReview, Case, Reading, Review, now

# What a spreadsheet passes over before it looks for the sign of a formula: spaces, and marks that nobody sees.
INVISIBLE = "".join(
    map(chr, (0x20, 0xA0, 0xAD, 0x180E, *range(0x2000, 0x2010), *range(0x2028, 0x2070), 0x3000, 0xFEFF))
)
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # how a spreadsheet knows a formula
PACKED = ("text/css", "text/javascript", "image/svg+xml")  # of static files; what else there is is packed already
FALLBACK_INTENDED_USE = (
    "Decision support for trained haematology staff. A suggestion is not a diagnosis; "
    "a person looks at the cells and decides."
)


def init_app(app: Flask) -> None:
    """Give the templates their words."""
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.add_template_filter(moment)
    app.add_template_filter(iso)
    app.add_template_filter(chance)
    app.add_template_filter(percent)
    app.add_template_filter(outcome_words)
    app.add_template_filter(review_words)
    app.add_template_filter(kind_words)
    app.add_template_filter(state_words)
    app.add_template_global(asset)
    app.after_request(ask_again_for_modules)
    app.after_request(pack)
    app.context_processor(lambda: {"person": current_user, "specimens": SPECIMENS, "sexes": SEXES})


def moment(value: datetime) -> str:
    """Write a time briefly, in UTC: the clock today, the day otherwise. Scripts write it in the reader's zone."""
    today = now().date()
    if value.date() == today:
        return value.strftime("%H:%M UTC")
    if (today - value.date()).days == 1:
        return _("yesterday %(clock)s", clock=value.strftime("%H:%M UTC"))
    return value.strftime("%Y-%m-%d")


def iso(value: datetime | str) -> str:
    """Write a time in full, in UTC; text is one as it is written down for machines."""
    time = datetime.fromisoformat(value) if isinstance(value, str) else value
    return time.strftime("%Y-%m-%d %H:%M UTC")


def chance(value: float | None) -> str:
    """Write a probability with two digits, never as certainty: no model is certain."""
    if value is None:
        return ""
    if value > 0.99:
        return ">0.99"
    return "<0.01" if value < 0.01 else f"{value:.2f}"


def percent(value: float | None, digits: int = 1) -> str:
    """Write a share as a percentage."""
    return "" if value is None else f"{100 * value:.{digits}f} %"


def outcome_in_words(outcome: str, label_name: str, confidence: float | None) -> str:
    """Say what came of a reading, of a field or of a cell; only a suggestion names a label."""
    if outcome == "suggested":
        return f"{label_name} {chance(confidence)}"
    return {"unsure": _("Unsure"), "unfamiliar": _("Unfamiliar")}.get(outcome, _("Not gradable"))


def outcome_words(reading: Reading) -> str:
    """Say what came of a reading."""
    return outcome_in_words(reading.outcome, reading.label_name(), reading.confidence)


def review_words(review: Review | BlindReview) -> str:
    """Say what a person found in an image."""
    return kind_words(review.kind, review.label_name)


def kind_words(kind: str, label_name: str) -> str:
    """Say what a review of a kind says; label_name: of the label that it names, if it names one."""
    words = {"uncertain": _("Uncertain"), "not_gradable": _("Not gradable"), "other": _("Something else")}
    return words.get(kind) or label_name


def state_words(case: Case) -> str:
    """Say how far a case has come."""
    words = {"unreviewed": _("unreviewed"), "in_review": _("in review"), "signed": _("signed")}
    return words[case.state]


def harmless(value: Any) -> Any:
    """Keep a spreadsheet from taking what somebody typed for a formula."""
    if isinstance(value, str) and value.lstrip(INVISIBLE).startswith(FORMULA):
        return "'" + value
    return value


def wants_json() -> bool:
    """Say whether the page's own script is asking, and not a person's browser."""
    return request.accept_mimetypes.best_match(["text/html", "application/json"]) == "application/json"


@functools.lru_cache(maxsize=64)
def fingerprint(path: Path, _changed: float) -> str:
    """Return a short hash of a static file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:10]


def asset(name: str) -> str:
    """Return the address of a static file, which changes when the file does, so browsers may keep it.

    Scripts import each other by plain addresses, which do not change: `ask_again_for_modules` sees to those.
    """
    path = Path(str(current_app.static_folder)) / name
    return url_for("static", filename=name, v=fingerprint(path, path.stat().st_mtime))


def ask_again_for_modules(response: Response) -> Response:
    """Let browsers use a static file whose address has no fingerprint only after asking whether it is still the same.

    A page names its scripts with their fingerprints, and is itself never kept; what they import has none. Were it kept
    for days, an update would leave old modules beside new ones. So the browser asks for each of them anew, and gets a
    304 where it has not changed.
    """
    if request.endpoint == "static" and "v" not in request.args:
        response.cache_control.max_age = None
        response.cache_control.no_cache = True
    return response


def pack(response: Response) -> Response:
    """Send a static file, or a page, packed to a browser that unpacks it.

    Of pages those alone that this site or the person led to, as the browser says. Whoever could have a page asked for
    with words of their choice in it, as a search, would learn from its packed length what else stands in it (BREACH).
    """
    static = request.endpoint in ("static", "bootstrap.static") and response.mimetype in PACKED
    page = response.mimetype == "text/html" and not response.is_streamed
    if not (static or page):
        return response
    response.vary.update(("Accept-Encoding", "Sec-Fetch-Site") if page else ("Accept-Encoding",))
    own = static or request.headers.get("Sec-Fetch-Site") in ("same-origin", "none")
    if response.status_code == 200 and own and request.accept_encodings["gzip"]:
        response.direct_passthrough = False
        data = response.get_data()
        response.set_data(packed(data) if static else gzip.compress(data, 6, mtime=0))
        response.content_encoding = "gzip"
        tag, _weak = response.get_etag()
        if tag:  # the same file, but not the same bytes
            response.set_etag(tag, weak=True)
    return response


@functools.lru_cache(maxsize=64)
def packed(data: bytes) -> bytes:
    """Return a static file packed as small as gzip can."""
    return gzip.compress(data, mtime=0)
