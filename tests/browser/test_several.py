"""Files of phones and microscopes, and files of several pictures, dropped into a real page."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import expect

from smear.imaging import synthetic
from smear.imaging.decode import encode
from tests.browser.conftest import Visit
from tests.smear.imaging.test_dicom import SIDE, dicom
from tests.smear.imaging.test_whole_files import heic

pytestmark = pytest.mark.browser

REFUSED = "failed to load resource: the server responded with a status of 422"  # what Chromium says of a refusal


def written(folder: Path, name: str, data: bytes) -> Path:
    """Return a file."""
    (folder / name).write_bytes(data)
    return folder / name


def drawn(seed: int) -> Image.Image:
    """Return a drawn field."""
    return Image.fromarray(synthetic.field(seed, "leukemic", 224))


def test_every_picture_of_a_file_is_a_row_and_an_image(inside: Visit, tmp_path: Path) -> None:
    """A ZIP, a TIFF of pages, a photo and a DICOM; what failed has its sentence, and can be taken off the list."""
    page, url = inside.page, inside.server.url
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("slide/a.png", encode(synthetic.field(1, "leukemic", 224)))
        archive.writestr("slide/b.png", encode(synthetic.field(2, "leukemic", 224)))
        archive.writestr("slide/letter.png", b"Dear laboratory")
        archive.writestr("__MACOSX/slide/._a.png", b"\0\5\x16\7")
    pages = io.BytesIO()
    drawn(3).save(pages, "TIFF", save_all=True, append_images=[drawn(4), drawn(5)])
    files = [
        written(tmp_path, "fields.zip", packed.getvalue()),
        written(tmp_path, "stack.tif", pages.getvalue()),
        written(tmp_path, "phone.heic", heic(synthetic.field(6, "leukemic", 224))),
        written(tmp_path, "IM0001.dcm", dicom(synthetic.field(7, "leukemic", SIDE).tobytes())),
    ]
    page.goto(f"{url}/cases/new")
    page.get_by_label("Accession").fill("A-2026-0500")
    page.locator("#image").set_input_files(files)
    expect(page.locator(".queue-row")).to_have_count(4)
    page.get_by_role("button", name="Create the case").click()
    expect(page.locator(".queue-row[data-state=done]")).to_have_count(7)
    names = page.locator(".queue-name").all_inner_texts()
    assert names == [
        "a.png", "b.png", "letter.png", "stack.tif, page 1", "stack.tif, page 2", "stack.tif, page 3", "phone.heic",
        "IM0001.dcm",
    ]  # fmt: skip
    failed = page.locator(".queue-row[data-state=failed]")
    expect(failed).to_have_count(1)
    expect(failed).to_contain_text("This file is not an image.")
    expect(failed.get_by_role("button", name="Retry")).to_be_hidden()
    expect(page.locator(".queue-summary")).to_have_text("7 of 8 read, 1 failed.")
    failed.get_by_role("button", name="Remove").click()
    page.locator(".queue-row", has_text="page 2").get_by_role("button", name="Remove").click()
    expect(page.locator(".queue-row")).to_have_count(6)
    page.screenshot(path=str(tmp_path / "rows.png"))
    page.get_by_role("link", name="Open the case").click()
    expect(page.locator(".tile")).to_have_count(6)
    assert "page 2" not in page.locator(".tiles, main").first.inner_text()


def test_a_file_that_holds_nothing_says_so(inside: Visit, tmp_path: Path) -> None:
    """An archive without a picture and one in which none can be read: the row stays, or each picture has its own."""
    page = inside.page
    packed = {}
    for name, member in (("empty.zip", "notes.txt"), ("bad.zip", "letter.png")):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr(member, b"Dear laboratory")
        packed[name] = written(tmp_path, name, buffer.getvalue())
    page.goto(f"{inside.server.url}/cases/new")
    page.get_by_label("Accession").fill("A-2026-0501")
    page.locator("#image").set_input_files(list(packed.values()))
    page.get_by_role("button", name="Create the case").click()
    expect(page.locator(".queue-row[data-state=failed]")).to_have_count(2)
    expect(page.locator(".queue-row", has_text="empty.zip")).to_contain_text("There is no picture in this ZIP archive.")
    expect(page.locator(".queue-row", has_text="letter.png")).to_contain_text("This file is not an image.")
    inside.problems[:] = [problem for problem in inside.problems if REFUSED not in problem.lower()]
