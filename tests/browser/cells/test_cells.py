"""The cells page in a real browser: keys, dragging, reasons, the panel beside it; by keyboard, without script."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from smear.imaging import synthetic
from smear.imaging.decode import encode
from tests.browser.conftest import Visit, enter, serving, visiting
from tests.browser.driving import PASSWORD, Server, open_page, sign_in
from tests.browser.inspection import faults
from tests.conftest import CELL_BUNDLE

pytestmark = pytest.mark.browser


def crowded(size: tuple[int, int] = (1296, 972)) -> np.ndarray:
    """A field with thirty leukocytes or more, RGB of width and height, laid together from drawn ones."""
    parts = [synthetic.field(seed, "leukemic", 432) for seed in (4, 9, 14, 19, 24, 29)]
    rows = [np.concatenate(parts[:3], axis=1), np.concatenate(parts[3:], axis=1)]
    return cv2.resize(np.concatenate(rows), size, interpolation=cv2.INTER_AREA)


@pytest.fixture(scope="module")
def reading_server(tmp_path_factory: pytest.TempPathFactory, cell_models: Path) -> Iterator[Server]:
    """Return a server on which a bundle reads single cells."""
    with serving(tmp_path_factory.mktemp("reading"), MODELS_DIR=str(cell_models)) as server:
        yield server


@pytest.fixture
def reads(browser: Browser, reading_server: Server) -> Iterator[Visit]:
    """Return the signed-in page of someone whose server has a bundle that reads single cells."""
    with visiting(browser, reading_server) as visit:
        yield enter(visit)


def open_cells(visit: Visit, folder: Path) -> str:
    """Enter a case with a crowded field and open its cells page; return its address."""
    page = visit.page
    path = folder / "crowded.png"
    path.write_bytes(encode(crowded(), "PNG"))
    page.goto(f"{visit.server.url}/cases/new")
    page.get_by_label("Accession").fill("C-1")
    page.locator("#image").set_input_files(path)
    page.get_by_role("button", name="Create the case").click()
    page.get_by_role("link", name="Open the case").click()
    page.get_by_role("link", name="Cells", exact=True).click()
    expect(page.locator(".cell").first).to_be_visible()
    return page.url


def group(page: Page, code: str) -> int:
    """Return how many cells stand in a group, as its head says."""
    head = page.locator(f'[data-group="{code}"] [data-count]')
    return int(head.inner_text()) if head.count() else 0


def settled(page: Page) -> None:
    """Wait until the answer to what was sent stands on the page."""
    expect(page.locator("#cell-groups:not([aria-busy])")).to_be_visible()


def test_reclass_by_key_and_by_drag_and_exclude(reads: Visit, tmp_path: Path) -> None:
    """Of thirty, two by key, one by drag, one excluded; counts follow, a reload keeps all; panel, map and axe."""
    page = reads.page
    address = open_cells(reads, tmp_path)
    cells = page.locator(".cell")
    total = cells.count()
    assert total >= 30
    page.get_by_role("button", name=re.compile(f"Let {CELL_BUNDLE}")).click()
    # A job reads them; the page hears when it is done and loads itself again.
    expect(page.locator(".cell-suggested").first).to_be_visible()
    expect(page.locator(".job-done")).to_contain_text("Reading the cells")
    assert page.locator(".cell input:checked").count() == 0
    assert page.locator(".cell-person").count() == 0

    first, second = cells.nth(0).get_attribute("data-cell"), cells.nth(1).get_attribute("data-cell")
    for name in (first, second):
        page.locator(f'[data-cell="{name}"] input').check()
    expect(page.locator("#selected")).to_have_text("2")
    page.keyboard.press("9")  # one key a class, whatever model read
    expect(page.locator('[data-row="label:monocyte"] td').first).to_contain_text("2 100.0 %")
    expect(page.locator(".cell-person")).to_have_text(["Monocyte", "Monocyte"])

    third = page.locator(".cell:not(.cell-named)").nth(0).get_attribute("data-cell")
    before = group(page, "label:monocyte")
    page.drag_and_drop(f'[data-cell="{third}"]', '[data-drop="label:monocyte"] >> nth=0')
    expect(page.locator('[data-row="label:monocyte"] td').first).to_contain_text("3 100.0 %")
    assert group(page, "label:monocyte") in (before, before + 1)

    fourth = page.locator(".cell:not(.cell-named)").nth(0).get_attribute("data-cell")
    page.locator(f'[data-cell="{fourth}"] input').check()
    page.keyboard.press("x")
    page.get_by_role("button", name="smudged or torn").click()
    expect(page.locator(f'[data-cell="{fourth}"]')).to_have_class(re.compile("cell-excluded"))
    expect(page.locator(f'[data-cell="{fourth}"]')).to_contain_text("Excluded: smudged or torn")
    settled(page)
    page.goto(address)
    expect(page.locator('[data-row="label:monocyte"] td').first).to_contain_text("3 100.0 %")
    expect(page.locator(f'[data-cell="{fourth}"]')).to_contain_text("Excluded: smudged or torn")
    expect(page.locator(f'[data-cell="{third}"] .cell-person')).to_have_text("Monocyte")
    assert cells.count() == total

    page.locator(f'[data-cell="{first}"]').hover()
    expect(page.locator("#beside .in-field-box")).to_have_count(1)
    link = page.locator("#beside .map-link").first
    link.click()
    picture = page.locator("#beside .cell-map img")
    expect(picture).to_be_visible()
    expect(picture).to_have_js_property("naturalWidth", 384)

    single = page.locator(".cell-number").first.get_attribute("href")
    wrong = {}
    for place in (address, f"{reads.server.url}{single}", address.removesuffix("/cells")):
        page.goto(place)
        wrong |= faults(page, place)
    assert wrong == {}
    assert "unbroken" in reads.server.command("audit", "verify")


def test_the_second_of_two_is_told(reads: Visit, tmp_path: Path, browser: Browser) -> None:
    """What the first wrote stays; the second reads it on the page, and may name the cell once more after it."""
    page = reads.page
    address = open_cells(reads, tmp_path)
    other = reads.elsewhere(address)
    name = page.locator(".cell").first.get_attribute("data-cell")
    for one in (page, other):
        one.locator(f'[data-cell="{name}"] input').check()
    page.keyboard.press("1")
    expect(page.locator(f'[data-cell="{name}"] .cell-person')).to_have_text("Blast")
    settled(page)  # the page shows a name before the server has it, and the first there is the quicker one
    with other.expect_response(lambda answer: answer.status == 409):
        other.keyboard.press("2")
    expect(other.locator("#problem")).to_contain_text("Somebody was quicker")
    expect(other.locator(f'[data-cell="{name}"] .cell-person')).to_have_text("Blast")
    expect(other.locator(f'[data-cell="{name}"] input')).not_to_be_checked()
    other.get_by_role("button", name="Select these cells").click()
    expect(other.locator(f'[data-cell="{name}"] input')).to_be_checked()
    other.keyboard.press("2")
    expect(other.locator(f'[data-cell="{name}"] .cell-person')).to_have_text("Promyelocyte")
    reads.problems[:] = [one for one in reads.problems if "409" not in one]  # the browser tells every refusal


def test_by_keyboard_alone(inside: Visit, tmp_path: Path) -> None:
    """With the lab's own list: Tab to a cell, arrows, Space, a key to name, x and Enter to exclude, z to take back."""
    page = inside.page
    open_cells(inside, tmp_path)
    expect(page.get_by_role("button", name="Let leukolens-blast")).to_be_visible()
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("!!document.activeElement.closest('.cell')"):
            break
    start = page.evaluate("document.activeElement.closest('.cell').dataset.cell")
    page.keyboard.press("ArrowRight")
    name = page.evaluate("document.activeElement.closest('.cell').dataset.cell")
    assert name != start
    expect(page.locator("#beside .in-field-box")).to_have_count(1)
    page.keyboard.press("Enter")  # names nothing: no class is meant where nobody says which
    page.wait_for_timeout(500)
    expect(page.locator(".cell-person")).to_have_count(0)
    page.keyboard.press("1")
    expect(page.locator(f'[data-cell="{name}"] .cell-person')).to_have_text("Blast")
    settled(page)
    page.locator(f'[data-cell="{name}"] input').focus()
    page.keyboard.press("Space")
    expect(page.locator("#selected")).to_have_text("1")
    page.keyboard.press("x")
    page.keyboard.press("Enter")
    expect(page.locator(f'[data-cell="{name}"] .cell-person')).to_contain_text("Excluded: no leukocyte")
    settled(page)
    page.locator(f'[data-cell="{name}"] input').focus()
    page.keyboard.press("z")
    expect(page.locator(f'[data-cell="{name}"] .cell-person')).to_have_count(0)


def test_without_script(inside: Visit, tmp_path: Path, browser: Browser) -> None:
    """Boxes to tick and buttons to press do the same, and a cell's number opens its page."""
    address = open_cells(inside, tmp_path)
    page = open_page(browser, java_script_enabled=False)
    sign_in(page, inside.server.url, inside.address, PASSWORD)
    page.goto(address)
    name = page.locator(".cell").nth(2).get_attribute("data-cell")
    page.locator(f'[data-cell="{name}"] input').check()
    page.keyboard.press("Enter")  # names nothing, and is told; the cell stays selected
    expect(page.locator("#problem")).to_contain_text("Choose what the cells are")
    expect(page.locator(".cell-person")).to_have_count(0)
    expect(page.locator(f'[data-cell="{name}"] input')).to_be_checked()
    page.get_by_role("button", name=re.compile("Monocyte")).click()
    expect(page.locator(f'[data-cell="{name}"] .cell-person')).to_have_text("Monocyte")
    page.locator(f'[data-cell="{name}"] .cell-number').click()
    expect(page.locator(".in-field-box")).to_have_count(1)
    expect(page.locator(".cell-history")).to_contain_text("Monocyte")
    page.context.close()


def names_of(page: Page) -> list[str]:
    """Return what people say of each cell, in the order of the page; "" of one that nobody has named."""
    return page.eval_on_selector_all(
        ".cell", "cells => cells.map((cell) => (cell.querySelector('.cell-person') || {}).textContent || '')"
    )


def test_keys_at_eighty_milliseconds_are_neither_lost_nor_shifted(inside: Visit, tmp_path: Path) -> None:
    """Thirty keys for thirty cells on a server that answers late; undone by keys; a reload has the same."""
    page = inside.page
    address = f"{open_cells(inside, tmp_path)}?order=field"
    page.goto(address)

    delayed = """() => {
        const real = fetch;
        window.fetch = async (...given) => {
            await new Promise((done) => { setTimeout(done, 400); });
            return real(...given);
        };
    }"""
    page.evaluate(delayed)
    names = {"1": "Blast", "q": "Lymphocyte", "6": "Neutrophil", "9": "Monocyte"}
    typed = "1q69" * 7
    page.locator(".cell input").first.focus()
    for key in typed:
        page.keyboard.press(key)
        page.wait_for_timeout(80)
    expected = [names[key] for key in typed]
    assert names_of(page)[: len(typed)] == expected
    page.keyboard.press("Backspace")
    page.keyboard.press("Control+z")
    settled(page)
    expected[-2:] = ["", ""]
    assert names_of(page)[: len(typed)] == expected
    expect(page.locator("#progress")).to_contain_text("26 of 100 counted")
    expect(page.locator("#history li").first).to_contain_text("Taken back")
    page.goto(address)
    assert names_of(page)[: len(typed)] == expected


def test_what_was_typed_waits_for_the_network(inside: Visit, tmp_path: Path) -> None:
    """Without a connection the page says so and keeps it; with one it is saved, also after the page was left."""
    page = inside.page
    address = open_cells(inside, tmp_path)
    name = page.locator(".cell").first.get_attribute("data-cell")
    expect(page.locator("#undo")).to_be_visible()  # the page's script is there
    page.context.set_offline(True)
    page.locator(".cell input").first.focus()
    page.keyboard.press("1")
    expect(page.locator(f'[data-cell="{name}"] .cell-person')).to_have_text("Blast")
    expect(page.locator("#saving")).to_contain_text("No connection; trying again.")
    page.context.set_offline(False)
    expect(page.locator("#saving")).to_have_text("")
    page.goto(address)
    expect(page.locator(f'[data-cell="{name}"] .cell-person')).to_have_text("Blast")
    inside.problems[:] = [one for one in inside.problems if "ERR_INTERNET_DISCONNECTED" not in one]


def test_outlines_are_corrected_by_keys_alone(inside: Visit, tmp_path: Path) -> None:
    """s splits the cell that has the focus, m makes one of the parts again, n draws one that was not found."""
    page = inside.page
    address = open_cells(inside, tmp_path)
    total = page.locator(".cell").count()
    expect(page.locator("#undo")).to_be_visible()  # the page's script is there
    page.locator('.cell:not(:has-text("cut")) input').first.focus()
    page.keyboard.press("s")
    expect(page.locator(".cell")).to_have_count(total + 2)
    expect(page.locator(".cell-excluded")).to_contain_text("outlined anew")
    focused = page.evaluate("document.activeElement.closest('.cell').dataset.cell")
    field, number = focused.split(".")
    assert int(number) == total + 1
    for one in (total + 1, total + 2):
        page.locator(f'[data-cell="{field}.{one}"] input').check()
    page.keyboard.press("m")
    expect(page.locator(".cell")).to_have_count(total + 3)
    page.locator(f'[data-cell="{field}.{total + 3}"] input').focus()
    page.keyboard.press("n")
    expect(page.locator("#field")).to_be_focused()
    for key in ("ArrowLeft", "Shift+ArrowUp", "+", "-"):
        page.keyboard.press(key)
    for _try in range(12):  # until it is somewhere between the cells
        with page.expect_navigation(wait_until="domcontentloaded"):
            page.keyboard.press("Enter")
        if not page.locator("#drawing").count():
            break
        page.keyboard.press("Shift+ArrowUp")
    page.goto(address)
    expect(page.locator(".cell")).to_have_count(total + 4)
    inside.problems[:] = [one for one in inside.problems if "400" not in one]
