"""The reading room in a real browser: two clinicians and an admin, from the one-time links to the amended report."""

from __future__ import annotations

import os
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from pypdf import PdfReader

from smear.imaging import synthetic
from smear.imaging.decode import encode
from smear.inference import bundle
from tests.browser.conftest import Visit, enter, serving, visiting
from tests.browser.driving import PASSWORD, press, sign_in
from tests.browser.inspection import faults
from tests.conftest import ROOT, copy_bundle

pytestmark = pytest.mark.browser

BUNDLE = "leukolens-field"
NEXT, NEXT_VERSION = "second-look", "9.9"  # the same network under another name
ALONE = "a separate violet evening"


def fields(folder: Path) -> list[Path]:
    """Return five real fields where there are any, and drawn ones otherwise."""
    data = os.environ.get("LEUKOLENS_DATA")
    real = sorted(Path(data, "taleghani").rglob("*.jpg")) if data else []
    if len(real) >= 5:
        return real[:: len(real) // 5][:5]
    made = []
    for seed in range(5):
        path = folder / f"field-{seed}.png"
        path.write_bytes(encode(synthetic.field(seed, "leukemic", 320), "PNG"))
        made.append(path)
    return made


def invite(visit: Visit, address: str, name: str) -> str:
    """Add a clinician and return the one-time link."""
    page = visit.page
    page.goto(f"{visit.server.url}/people/")
    page.get_by_label("E-mail address").fill(address)
    page.get_by_label("Name, as colleagues see it").fill(name)
    page.get_by_role("button", name="Add and make a one-time link").click()
    return page.get_by_role("textbox", name="One-time link").input_value()


def add_person(visit: Visit, address: str, name: str) -> Page:
    """Add a clinician by a one-time link, and return a page of theirs, signed in."""
    link = invite(visit, address, name)
    theirs = visit.another()
    theirs.goto(link)
    theirs.get_by_label("New password", exact=True).fill(ALONE)
    theirs.get_by_label("New password once more").fill(ALONE)
    theirs.get_by_role("button", name="Save the password").click()
    expect(theirs.get_by_role("heading", name="Sign in")).to_be_visible()
    sign_in(theirs, visit.server.url, address, ALONE)
    expect(theirs.get_by_role("heading", name="Worklist")).to_be_visible()
    return theirs


def sign(page: Page, case: str, diagnosis: str) -> None:
    """Sign a case with a diagnosis."""
    page.goto(f"{case}/sign")
    page.get_by_label(diagnosis).check()
    page.get_by_label("Your password").fill(ALONE)
    page.get_by_role("button", name="Sign as").click()


def pdf_text(page: Page, case: str, version: int) -> str:
    """Return the words of a version's PDF."""
    answer = page.request.get(f"{case}/versions/{version}/report.pdf")
    assert answer.ok
    return " ".join(" ".join(one.extract_text() for one in PdfReader(BytesIO(answer.body())).pages).split())


@pytest.fixture
def inside(browser: Browser, tmp_path: Path) -> Iterator[Visit]:
    """Return the page of the admin of a lab that can choose between two bundles."""
    models = tmp_path / "models"
    shipped = Path(os.environ.get("LEUKOLENS_MODELS_DIR", ROOT / "models")) / BUNDLE
    copy_bundle(shipped, models, BUNDLE)
    copy_bundle(shipped, models, NEXT, version=NEXT_VERSION)
    with serving(tmp_path, MODELS_DIR=str(models)) as server, visiting(browser, server) as visit:
        yield enter(visit)


def activate_the_next(admin: Page, url: str) -> None:
    """Let the other bundle read for the lab from now on."""
    admin.goto(f"{url}/models/")
    admin.get_by_text("Activate …").click()
    admin.get_by_label("Reason").fill("fewer refusals in our hands")
    admin.get_by_label("Your password").fill(PASSWORD)
    admin.get_by_role("button", name=f"Activate {NEXT}").click()
    expect(admin.get_by_role("cell", name="fewer refusals in our hands")).to_be_visible()


def test_the_whole_story(inside: Visit, tmp_path: Path) -> None:
    """Links, upload, keys, a blind second reader, signed, another bundle, amended, printed; and axe on the pages."""
    server = inside.server
    version = bundle.read_card(tmp_path / "models" / BUNDLE).version
    before, after = f"{BUNDLE} {version}", f"{NEXT} {NEXT_VERSION}"
    eva, jan = add_person(inside, "eva@lab.example", "Eva Kern"), add_person(inside, "jan@lab.example", "Jan Ost")

    eva.goto(f"{server.url}/cases/new")
    eva.get_by_label("Accession").fill("A-2026-0412")
    eva.locator("#image").set_input_files(fields(tmp_path))
    eva.get_by_role("button", name="Create the case").click()
    expect(eva.locator(".queue-row[data-state=done]")).to_have_count(5)
    for detail in ("#accession", "#notes", "#patient", "#received_on", "#age_band", "#sex"):
        expect(eva.locator(detail)).not_to_be_editable()  # the case has them: what is typed now would be sent nowhere
    eva.get_by_role("link", name="Open the case").click()
    expect(eva.locator(".tile")).to_have_count(5)
    case = eva.url

    eva.get_by_role("link", name="Review the next image").click()
    expect(eva.locator("[aria-pressed=true]")).to_have_count(0)
    for key in ("1", "3", "3", "n", "u"):
        press(eva, key)
    expect(eva.get_by_text("Every image of this case is reviewed.")).to_be_visible()

    eva.get_by_text("Ask for a blind second reading").click()
    eva.get_by_label("By", exact=True).select_option(label="Jan Ost")
    eva.get_by_role("button", name="Ask", exact=True).click()
    expect(eva.get_by_text("Jan Ost reads this case a second time")).to_be_visible()
    jan.goto(case)
    expect(jan.get_by_text("You read this case blind")).to_be_visible()
    assert "Pre-B ALL 0" not in jan.content()
    for key in ("1", "3", "2", "n", "n"):
        press(jan, key)
    expect(jan.get_by_text("agrees on 3 of 5 images")).to_be_visible()

    eva.goto(f"{case}/sign")
    expect(eva.get_by_text("1 image is still uncertain: 5.")).to_be_visible()
    eva.goto(case)
    eva.locator(".tile-link").nth(4).click()
    press(eva, "2")
    sign(eva, case, "Early pre-B ALL")
    expect(eva.get_by_text("Signed as version 1.")).to_be_visible()
    admin = inside.page
    activate_the_next(admin, server.url)
    first_link = eva.locator(".tile-link").first.get_attribute("href")
    eva.goto(f"{server.url}{first_link}")
    expect(eva.locator(".side-head a")).to_have_text(before)
    assert before in pdf_text(eva, case, 1)
    assert NEXT not in pdf_text(eva, case, 1)

    eva.goto(case)
    eva.get_by_text("Amend …").click()
    eva.get_by_label("Reason").fill("flow cytometry came")
    eva.get_by_role("button", name="Open version 2").click()
    sign(eva, case, "Pro-B ALL")
    expect(eva.get_by_text("Signed as version 2.")).to_be_visible()

    first, second = pdf_text(eva, case, 1), pdf_text(eva, case, 2)
    assert "Replaced by version 2." in first
    assert "Early pre-B ALL" in first
    assert second.index("Pro-B ALL") < second.index(before)
    for words in ("A-2026-0412", "Amended because flow cytometry came", "Signed by Eva Kern", "Page 1 of"):
        assert words in second
    assert "unbroken" in server.command("audit", "verify")

    addresses = [case, f"{server.url}{first_link}", f"{case}/versions/2", f"{server.url}/agreement"]
    addresses += [
        server.url + path
        for path in ("/", "/?state=signed", "/cases/new", "/models/", "/account/", "/people/", "/lab/", "/audit/")
    ]
    admin.goto(f"{server.url}/cases/new")
    admin.get_by_label("Accession").fill("A-2026-0413")
    admin.get_by_role("button", name="leukemic").click()
    admin.get_by_role("button", name="Create the case").click()
    admin.get_by_role("link", name="Open the case").click()
    addresses += [admin.url, f"{admin.url}/sign"]
    admin.locator(".tile-link").click()
    expect(admin.locator(".side-head a")).to_have_text(after)
    addresses.append(admin.url)
    press(admin, "n")
    addresses.append(admin.url.split("/images/")[0] + "/sign")
    wrong = {}
    for address in addresses:
        admin.goto(address)
        wrong |= faults(admin, address)
    assert wrong == {}
    assert PASSWORD not in server.log.read_text()


def test_another_model_is_asked_where_the_case_is_opened(inside: Visit, tmp_path: Path) -> None:
    """It is ticked beside the images; when they are there a job lets it read them, and the case shows both."""
    page = inside.page
    page.goto(f"{inside.server.url}/cases/new")
    page.get_by_label("Accession").fill("A-2")
    page.get_by_label(f"{NEXT} {NEXT_VERSION}").check()
    page.locator("#image").set_input_files(fields(tmp_path)[:2])
    page.get_by_role("button", name="Create the case").click()
    page.get_by_role("link", name="Open the case").click()
    expect(page.locator("[data-job]")).to_contain_text(f"{NEXT} reads this case")
    expect(page.locator("[data-job]")).to_contain_text("done")
    page.locator(".tile-link").first.click()
    expect(page.get_by_text("Readings of this image")).to_be_visible()
