"""The original beside the view: whichever of the two is zoomed or moved, the other follows."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit
from tests.browser.test_whole_way import add_drawing

pytestmark = pytest.mark.browser

DRAWN = re.compile(r"\d")

PINCH = """() => {
  const stage = document.getElementById("stage-original");
  const box = stage.getBoundingClientRect();
  const [x, y] = [box.left + box.width / 2, box.top + box.height / 2];
  stage.setPointerCapture = () => {};
  const at = (id, dx) => ({ pointerId: id, clientX: x + dx, clientY: y });
  const send = (kind, id, dx) => stage.dispatchEvent(new PointerEvent(kind, at(id, dx)));
  send("pointerdown", 1, -20); send("pointerdown", 2, 20); send("pointermove", 1, -60); send("pointermove", 2, 60);
  send("pointerup", 1, 0); send("pointerup", 2, 0);
}"""


def places(page: Page) -> tuple[list[float], list[float]]:
    """Return zoom and middle of both pictures, once both have been drawn."""
    stages = [page.locator(name) for name in ("#stage-original", "#stage")]
    for stage in stages:
        expect(stage).to_have_attribute("data-at", DRAWN)
    first, second = ([float(value) for value in (stage.get_attribute("data-at") or "").split()] for stage in stages)
    return first, second


def test_two_pictures_move_as_one(inside: Visit) -> None:
    """By wheel, dragging, pinch and keys, on either side; the choice is kept; a phone has one below the other."""
    page = inside.page
    add_drawing(inside, "leukemic")
    expect(page.locator("#stage-original")).to_be_hidden()
    page.keyboard.press("d")
    expect(page.locator("#stage-original")).to_be_visible()
    left, right = page.locator("#stage-original"), page.locator("#stage")
    expect(left).to_have_attribute("data-shown", "original")
    expect(right).not_to_have_attribute("data-shown", "original")
    one, two = left.bounding_box(), right.bounding_box()
    assert one
    assert two
    assert one["x"] + one["width"] <= two["x"]
    assert abs(one["width"] - two["width"]) < 1.5

    def changed_together() -> list[float]:
        first, second = places(page)
        assert first == second
        return second

    at = changed_together()
    assert at == [1, 0.5, 0.5]
    page.mouse.move(one["x"] + one["width"] * 0.6, one["y"] + one["height"] * 0.6)
    for _number in range(4):
        page.mouse.wheel(0, -100)
    expect(page.locator("#zoom")).to_have_text("244 %")
    assert (zoomed := changed_together()) != at
    assert zoomed[1] > 0.5
    page.mouse.move(two["x"] + two["width"] / 2, two["y"] + two["height"] / 2)
    page.mouse.down()
    page.mouse.move(two["x"] + two["width"] / 2 + 40, two["y"] + two["height"] / 2 + 25)
    page.mouse.up()
    moved = changed_together()
    assert moved[0] == zoomed[0]
    assert moved[1] < zoomed[1]
    page.keyboard.press("0")
    page.evaluate(PINCH)
    assert changed_together()[0] == pytest.approx(3, abs=0.01)
    left.focus()
    before = changed_together()
    page.keyboard.press("ArrowRight")
    assert changed_together()[1] > before[1]
    page.get_by_role("button", name="+").click()
    assert changed_together()[0] > before[0]

    page.reload()
    page.locator("#canvas").wait_for()
    expect(left).to_be_visible()
    page.set_viewport_size({"width": 390, "height": 844})
    one, two = left.bounding_box(), right.bounding_box()
    assert one
    assert two
    assert one["y"] + one["height"] <= two["y"]
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_label("Side by side").uncheck()
    expect(left).to_be_hidden()
