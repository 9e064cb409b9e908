"""What an address may hold, days and numbers; and what no page ever sends, a NUL or JSON, refused before any view.

A request under a name that is not the site's is refused before anything: links are made with the name that was asked
for, and whoever could choose it would choose where a one-time link leads.
"""

from __future__ import annotations

import string
from collections.abc import Iterable
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from flask import Flask, Request, Response, abort, request
from werkzeug.routing import IntegerConverter
from werkzeug.sansio.utils import host_is_trusted
from werkzeug.wsgi import get_host

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

LARGEST = 2**31 - 1  # of an integer column, and so of every number in an address
NUL = "\0"
OWN_NAMES = ("localhost", "127.0.0.1", "[::1]")  # under which health is asked for; no link of theirs leads elsewhere
UNKNOWN_NAME = (
    "This site is not reached by this name, so nothing was sent. Use its own address; whoever runs this server can add "
    "a name to LEUKOLENS_SITE_NAMES.\n"
)
YEARS = (1900, 9000)  # what a database can keep, with room for the day after


class RowNumber(IntegerConverter):
    """A number in an address; one that no column holds is no address."""

    def __init__(self, url_map: object, *args: object, **kwargs: object) -> None:
        super().__init__(url_map, *args, **({"max": LARGEST} | kwargs))  # type: ignore[arg-type]


class FormRequest(Request):
    """A request whose body is a form or nothing: no library that reads one looks for JSON in it.

    Bytes of an address's query that no browser sends as they are, and that may be no text, are read as if they had been
    written as such: `%ff`.
    """

    is_json = False

    def __init__(self, environ: WSGIEnvironment, *args: Any, **kwargs: Any) -> None:
        query = environ.get("QUERY_STRING", "")
        if not query.isascii():
            environ["QUERY_STRING"] = quote(query.encode("latin-1"), safe=string.printable)
        super().__init__(environ, *args, **kwargs)


def row_number(text: str) -> int:
    """Read a number from an address's query; what nobody wrote there is a 404."""
    # Its length first: Python itself reads no more than some thousand digits.
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(LARGEST)) and int(text) <= LARGEST):
        abort(404)
    return int(text)


def midnight(text: str) -> datetime:
    """Return the first moment of a day in an address, in UTC as all times here; what is no day is a 404."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        abort(404)
    if not YEARS[0] <= day.year <= YEARS[1]:
        abort(404)
    return datetime.combine(day, time(), UTC)


def refuse() -> None:
    """Refuse what no browser and no script of ours sends, in the same way for every view."""
    if request.mimetype.endswith("json"):
        abort(415)
    values = [*(request.view_args or {}).values(), *request.args.keys(), *request.args.values()]
    if request.method == "POST":
        values += [*request.form.keys(), *request.form.values()]
    if any(NUL in str(value) for value in values):
        abort(400)


class KnownNames:
    """Answers requests for the site's own names, and for this machine's, and refuses all others."""

    def __init__(self, application: WSGIApplication, names: list[str]) -> None:
        self.application, self.names = application, [*(name.lower() for name in names), *OWN_NAMES]

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Pass a request on, or answer it with a sentence."""
        if host_is_trusted(get_host(environ).lower(), self.names):
            return self.application(environ, start_response)
        return Response(UNKNOWN_NAME, 421, mimetype="text/plain")(environ, start_response)


def init_app(app: Flask) -> None:
    """Put the checks before every view."""
    if names := [name.strip() for name in app.config["SITE_NAMES"].split(",") if name.strip()]:
        app.wsgi_app = KnownNames(app.wsgi_app, names)  # type: ignore[method-assign]
    app.request_class = FormRequest
    app.url_map.converters["int"] = RowNumber
    app.before_request(refuse)
