"""An admin makes a model the laboratory's: labels by keys, an archive, a candidate that reads along; on each width."""

from __future__ import annotations

import io
import zipfile

import pytest
from playwright.sync_api import Page, expect

from smear.imaging import synthetic
from smear.imaging.decode import encode
from tests.browser.conftest import Visit, enter
from tests.browser.driving import turn
from tests.browser.inspection import faults

pytestmark = pytest.mark.browser

PICTURES = 4


def add_case(page: Page, url: str, accession: str, patient: str) -> None:
    """Open a case of a patient with pictures that no program drew into it: they come as files."""
    page.goto(f"{url}/cases/new")
    page.get_by_label("Accession").fill(accession)
    page.get_by_label("Patient's number").fill(patient)
    files = [
        {"name": f"{k}.png", "mimeType": "image/png", "buffer": encode(synthetic.field(60 + k, "leukemic", 320), "PNG")}
        for k in range(PICTURES)
    ]
    page.set_input_files("input[type=file]", files)  # type: ignore[arg-type]
    page.get_by_role("button", name="Create the case").click()
    expect(page.locator(".queue-row[data-state=done]")).to_have_count(PICTURES)
    page.get_by_role("link", name="Open the case").click()
    expect(page.locator(".gallery .tile")).to_have_count(PICTURES)


def test_from_labels_to_an_archive_and_a_candidate(visit: Visit) -> None:
    """Nothing is typed but an accession and a patient's number; no page complains."""
    enter(visit)
    page, url = visit.page, visit.server.url
    wrong: dict[str, list[str]] = {}
    add_case(page, url, "A-1", "4711")
    add_case(page, url, "A-2", "4711")
    expect(page.get_by_text("Other cases of this patient:")).to_be_visible()
    wrong |= faults(page, "a patient's second case")

    page.goto(f"{url}/teaching/?model=leukolens-field")
    page.get_by_role("button", name="Pick the next 50 fields").click()
    page.get_by_role("link", name="Label the next").click()
    wrong |= faults(page, "a picture to label")
    for done in range(2 * PICTURES):
        expect(page.get_by_text(f"{done} of {2 * PICTURES} labelled")).to_be_visible()
        turn(page, "3")
    expect(page.get_by_text("Nothing is left to label.")).to_be_visible()
    expect(page.get_by_text("8 fields are labelled")).to_be_visible()
    wrong |= faults(page, "teaching")

    page.goto(f"{url}/reviewed/")
    page.get_by_role("button", name="Write the archive").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Fetch the archive").click()
    with zipfile.ZipFile(io.BytesIO(download.value.path().read_bytes())) as file:
        rows = file.read("fields/manifest.csv").decode().splitlines()
    assert len(rows) == 1 + 2 * PICTURES
    assert len({row.split(",")[2] for row in rows[1:]}) == 1
    wrong |= faults(page, "labels")

    page.goto(f"{url}/monitoring/")
    expect(page.get_by_text("No limits yet").first).to_be_visible()
    wrong |= faults(page, "monitoring")

    page.goto(f"{url}/comparison/")
    page.get_by_role("button", name="Let it read along").click()
    expect(page.get_by_text("reads every new image beside the active model")).to_be_visible()
    wrong |= faults(page, "a candidate reads along")
    page.get_by_role("button", name="End it now").click()
    expect(page.get_by_text("It reads along no more.")).to_be_visible()
    wrong |= faults(page, "comparison")
    assert wrong == {}
