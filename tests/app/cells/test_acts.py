"""Many acts in one request, undoing them, and confirming what is suggested."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.database import db
from app.records import Annotation
from tests.app.cells.conftest import keys
from tests.app.steps import Someone, recorded


def act(someone: Someone, case: str, acts: Any) -> Any:
    """Send acts as the page's script does."""
    data = {"acts": acts if isinstance(acts, str) else json.dumps(acts), "order": "field"}
    headers = {"X-CSRFToken": someone.token(), "X-Part": "changes"}
    return someone.client.post(f"/cases/{case}/cells/annotations", data=data, headers=headers, buffered=True)


def later(key: str, by: int = 1) -> str:
    """Return the key of a cell after so many further words."""
    name, _dot, version = key.rpartition(".")
    return f"{name}.{int(version) + by}"


def said(app: Flask) -> list[tuple[int, str, str | None]]:
    """Return version, kind and label of everything that was said, in order."""
    with app.app_context():
        query = select(Annotation).order_by(Annotation.image_id, Annotation.number, Annotation.version)
        return [(row.version, row.kind, row.label) for row in db.session.scalars(query)]


@pytest.fixture
def cells(clinician: Someone, case: str) -> list[str]:
    """Return the cells of the case in the order of their fields."""
    return keys(clinician.get(f"/cases/{case}/cells?order=field").text)


def test_acts_are_written_in_order(app: Flask, clinician: Someone, case: str, cells: list[str]) -> None:
    """Also two of one cell; the answer has the cells as they are and what stands beside them."""
    acts = [
        {"choice": "label:blast", "cells": cells[:2]},
        {"choice": "uncertain", "cells": cells[2:3]},
        {"choice": "label:monocyte", "cells": [later(cells[0])]},
    ]
    answer = act(clinician, case, acts)
    assert answer.status_code == 200
    assert said(app) == [(1, "label", "blast"), (2, "label", "monocyte"), (1, "label", "blast"), (1, "uncertain", None)]
    assert recorded(app).count("cells.annotated") == 3
    name = cells[0].rpartition(".")[0]
    assert answer.json["cells"][name] == {"key": later(cells[0], 2), "words": "Monocyte", "excluded": False}
    assert "2 of 100 counted" not in answer.json["progress"]
    assert "of 100 counted" in answer.json["progress"]
    assert "label:monocyte" in answer.json["count"]
    assert answer.json["history"].count("<li>") == 3


def test_all_of_a_request_or_nothing(app: Flask, clinician: Someone, case: str, cells: list[str]) -> None:
    """One act that cannot be taken down keeps the others out, so that the script can send them by themselves."""
    second = Someone(app, "second")
    assert act(second, case, [{"choice": "label:blast", "cells": cells[1:2]}]).status_code == 200
    acts = [{"choice": "label:monocyte", "cells": [key]} for key in cells[:2]]
    answer = act(clinician, case, acts)
    assert answer.status_code == 409
    assert "Somebody was quicker" in answer.json["problem"]
    assert said(app) == [(1, "label", "blast")]
    assert answer.json["cells"][cells[1].rpartition(".")[0]]["words"] == "Blast"


def test_what_was_done_is_undone(app: Flask, clinician: Someone, case: str, cells: list[str]) -> None:
    """The way back is a row of its own; the first word goes back to none, the second to the first."""
    act(clinician, case, [{"choice": "label:blast", "cells": cells[:2]}])
    act(clinician, case, [{"choice": "label:monocyte", "cells": [later(cells[0])]}])
    act(clinician, case, [{"choice": "restore", "cells": [f"{later(cells[0], 2)}.1"]}])
    act(clinician, case, [{"choice": "restore", "cells": [f"{later(cells[1])}.0"]}])
    assert said(app) == [
        (1, "label", "blast"),
        (2, "label", "monocyte"),
        (3, "label", "blast"),
        (1, "label", "blast"),
        (2, "cleared", None),
    ]


def test_the_history_offers_to_undo_ones_own_acts(app: Flask, clinician: Someone, case: str, cells: list[str]) -> None:
    """One line an act with who and when; not after somebody else spoke of one of its cells, and not another's."""
    act(clinician, case, [{"choice": "label:blast", "cells": cells[:3]}, {"choice": "other", "cells": cells[3:4]}])
    second = Someone(app, "second")
    page = second.get(f"/cases/{case}/cells").text
    assert 'value="restore"' not in page
    assert page.count("<strong>Blast</strong>") == 1
    act(second, case, [{"choice": "label:monocyte", "cells": [later(cells[0])]}])
    mine = clinician.get(f"/cases/{case}/cells").text
    assert mine.count('value="restore"') == 1  # of the other cell
    form = {"choice": "restore", "cell": [f"{later(cells[3])}.0"]}
    assert clinician.post(f"/cases/{case}/cells/annotations", form).status_code == 302
    assert said(app)[-1] == (2, "cleared", None)


@pytest.mark.parametrize(
    "acts",
    [
        "no json",
        "[" * 40_000,
        "{}",
        "[]",
        "[1]",
        '[{"choice": 1, "cells": []}]',
        '[{"choice": "other"}]',
        '[{"choice": "other", "cells": [7]}]',
        '[{"choice": "other", "cells": []}]',
        json.dumps([{"choice": "other", "cells": ["x"]}] * 201),
    ],
)
def test_acts_that_are_none_are_told(app: Flask, clinician: Someone, case: str, acts: str) -> None:
    """A sentence, and nothing is written."""
    answer = act(clinician, case, acts)
    assert answer.status_code == 400
    assert "othing was changed" in answer.json["problem"]
    assert said(app) == []


def test_nothing_is_confirmed_where_nothing_is_suggested(
    app: Flask, clinician: Someone, case: str, cells: list[str]
) -> None:
    """The sentence names the cell."""
    answer = act(clinician, case, [{"choice": "confirm", "cells": cells[:1]}])
    assert answer.status_code == 400
    assert f"Nothing is suggested for cell 1.{cells[0].split('.')[1]}" in answer.json["problem"]
    assert said(app) == []
