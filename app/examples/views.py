"""The button that opens an example, and the guide on its pages."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, url_for
from flask_security import current_user

from app.access import member
from app.examples import example
from app.examples.blueprint import bp
from app.inference.loaded_bundles import BundleUnusableError
from app.inference.waiting import EngineBusyError
from app.rules import RefusedError


@bp.post("/examples")
@member
def begin() -> Any:
    """Open an example, or go on with the one that is open."""
    try:
        case = example.open_case(current_user)
    except (EngineBusyError, BundleUnusableError) as error:
        flash(error.text, "error")
        return redirect(url_for("worklist.show"))
    except RefusedError as refused:  # the button was pressed twice, and the other press goes on with it
        opened = example.going_on(current_user)
        if opened is None:
            flash(refused.text, "error")
            return redirect(url_for("worklist.show"))
        case = opened
    return redirect(url_for("cases.show", case_id=case.id))


@bp.app_context_processor
def guide() -> dict[str, Any]:
    """Give every page the steps of an example, for those that show one."""
    return {"example_steps": example.steps}
