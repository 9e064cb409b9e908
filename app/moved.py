"""Addresses that older versions had: whoever kept one is sent on, for good."""

from __future__ import annotations

from typing import Any

from flask import Flask, redirect, request

MOVED = (
    ("/cases/<case_id>/second", "/cases/{case_id}/blind"),
    ("/cases/<case_id>/second/<rest>", "/cases/{case_id}/blind/{rest}"),
    ("/cases/<case_id>/cells/verdicts", "/cases/{case_id}/cells/annotations"),
)


def init_app(app: Flask) -> None:
    """Send on from each moved address; 308, so that a form that was open keeps its method and what was typed."""
    for number, (before, after) in enumerate(MOVED):

        def send_on(after: str = after, **parts: str) -> Any:
            query = f"?{request.query_string.decode()}" if request.query_string else ""
            return redirect(after.format(**parts) + query, 308)

        app.add_url_rule(before, f"moved_{number}", send_on, methods=["GET", "POST"])
