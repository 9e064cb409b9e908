"""The cells page where it is refused: it says so until that is read, and sends nothing without end, nor for others."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, Request, Route, expect

from tests.browser.cells.test_cells import open_cells, settled
from tests.browser.conftest import Visit

pytestmark = pytest.mark.browser

ROLE_GONE = "Reviewing and signing is for the clinicians of your lab."


def cell_at(page: Page, place: int) -> Locator:
    """Return a cell by where it stands now, wherever it will stand."""
    return page.locator(f'.cell[data-cell="{page.locator(".cell").nth(place).get_attribute("data-cell")}"]')


def called(cell: Locator, words: str) -> None:
    """Wait until a cell is called by its number and a person's words, for who does not see it."""
    expect(cell.locator("input")).to_have_accessible_name(f"Cell {cell.locator('.cell-number').inner_text()}, {words}")


def keep_unsent(page: Page, person: str, cell: Locator) -> None:
    """Leave in the tab what a person named and the server has not heard of: the cell is a blast."""
    key = cell.locator("input").input_value()
    acts = json.dumps([{"choice": "label:blast", "cells": [key]}])
    address = page.locator("#cells").get_attribute("data-address")
    page.evaluate("([name, acts]) => sessionStorage.setItem(name, acts)", [f"unsaved {person} {address}", acts])


def test_a_refusal_stands_while_further_cells_are_named(inside: Visit, tmp_path: Path) -> None:
    """Other cells may be named after it; it goes when its own cell is named. The box is called what the cell is."""
    page = inside.page
    address = open_cells(inside, tmp_path)
    other = inside.elsewhere(address)
    expect(page.locator("#undo")).to_be_visible()  # the page's script is there
    other.locator(".cell input").nth(2).focus()
    other.keyboard.press("1")
    settled(other)

    cell, further = cell_at(page, 2), cell_at(page, 5)
    with page.expect_response(lambda answer: answer.status == 409):
        cell.locator("input").focus()
        page.keyboard.press("q")
    problem = page.locator("#problem")
    expect(problem).to_contain_text("Somebody was quicker")
    called(cell, "Blast")
    # Selected, the next key would name it, and not the cell with the focus.
    expect(page.locator("#selected")).to_have_text("0")
    further.locator("input").focus()
    page.keyboard.press("q")
    settled(page)
    called(further, "Lymphocyte")
    expect(problem).to_contain_text("Somebody was quicker")
    cell.locator("input").focus()
    page.keyboard.press("q")
    settled(page)
    expect(cell.locator(".cell-person")).to_have_text("Lymphocyte")
    expect(problem).to_have_count(0)
    inside.problems[:] = [problem for problem in inside.problems if "409" not in problem]


def test_what_may_not_be_sent_is_told_and_not_tried_without_end(inside: Visit, tmp_path: Path) -> None:
    """Without the role its sentence stands on the page; what another person left in the tab is not touched."""
    page = inside.page
    open_cells(inside, tmp_path)
    person = page.locator("#cells").get_attribute("data-person") or ""
    theirs, own = cell_at(page, 3), cell_at(page, 4)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.method) if matters(request) else None)

    def matters(request: Request) -> bool:
        return request.resource_type in ("document", "fetch")

    keep_unsent(page, f"not {person}", theirs)
    page.reload()
    expect(page.locator("#undo")).to_be_visible()
    page.wait_for_timeout(500)
    assert asked == ["GET"]
    keep_unsent(page, person, own)

    def refuse(route: Route) -> None:
        route.fulfill(status=403, content_type="application/json", body=json.dumps({"error": ROLE_GONE}))

    page.route("**/annotations", refuse)
    page.reload()
    expect(page.locator("#problem")).to_contain_text(ROLE_GONE)
    page.wait_for_timeout(2000)
    assert asked == ["GET", "GET", "POST", "GET"]  # the page, what waits, and the cells anew
    expect(page.locator("#saving")).to_contain_text("1 not saved yet")
    page.get_by_role("button", name="Close").click()
    expect(page.locator("#problem")).to_have_count(0)
    page.unroute("**/annotations")
    page.once("dialog", lambda dialog: dialog.accept())  # there is unsent work
    page.reload()
    settled(page)
    expect(own.locator(".cell-person")).to_have_text("Blast")
    expect(theirs.locator(".cell-person")).to_have_count(0)
    inside.problems[:] = [problem for problem in inside.problems if "403" not in problem]


def test_cells_of_many_pages_stand_on_one_for_who_may_not_name_them(inside: Visit, tmp_path: Path) -> None:
    """Without the buttons that name cells the page's script draws all of them, and takes the pager away."""
    page = inside.page
    address = open_cells(inside, tmp_path)

    def of_several_pages(route: Route) -> None:
        answer = route.fetch()
        if route.request.resource_type != "document":
            route.fulfill(response=answer)
            return
        body = answer.text().replace('data-whole="yes"', 'data-whole="no"').replace('id="arrange"', "")
        route.fulfill(
            response=answer, body=body.replace('<div class="cells-aside">', '<nav class="pager">1</nav><div>')
        )

    page.route(address, of_several_pages)
    page.goto(address)
    expect(page.locator("#cells .pager")).to_have_count(0)
    expect(page.locator("#arrange")).to_have_count(0)
