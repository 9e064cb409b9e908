"""The report: what was signed, as a page and as a PDF, in any script, and never a patient's word in its name."""

from __future__ import annotations

import re
from io import BytesIO
from typing import Any

import pytest
from flask import Flask
from pypdf import PdfReader
from sqlalchemy import select, text

from app import __version__
from app.database import db, writing
from app.records import Reading, Signature
from tests.app.conftest import BUNDLE
from tests.app.steps import Someone, change, events, review_all, sign


def pdf_of(someone: Someone, case_id: str, version: int = 1) -> tuple[str, PdfReader]:
    """Return the text of a version's PDF, with single spaces, and the document."""
    answer = someone.get(f"/cases/{case_id}/versions/{version}/report.pdf")
    assert answer.status_code == 200, answer.text
    assert answer.mimetype == "application/pdf"
    reader = PdfReader(BytesIO(answer.data))
    return " ".join(" ".join(page.extract_text() for page in reader.pages).split()), reader


def test_the_pdf_says_what_was_signed(app: Flask, clinician: Someone, field: bytes, blank: bytes) -> None:
    """The person's diagnosis before the suggestion; bundle and version, findings, signature, page numbers."""
    case_id = clinician.open_case("A-2026-0412", notes="pancytopenia", stain="Giemsa")
    image = clinician.upload(case_id, field).json["id"]
    clinician.upload(case_id, blank)
    change(app, image, "suggested", "Pre")
    review_all(clinician, case_id)
    assert sign(clinician, case_id, remark="please repeat").status_code == 302
    with app.app_context():
        row = db.session.scalars(select(Signature)).one()
    words, reader = pdf_of(clinician, case_id)
    assert words.index("Material not sufficient") < words.index("Suggested by")
    reading = row.content["images"][0]["reading"]
    assert f"Suggested by {BUNDLE} {reading['version']}: {reading['label_name']} 0.94" in words
    for wanted in (
        "A-2026-0412",
        "pancytopenia",
        "please repeat",
        "Our laboratory",
        "Peripheral blood",
        "Signed by Clinician",
        row.sha256,
        reading["intended_use"].split(".")[0],
    ):
        assert wanted in words, wanted
    for number, page in enumerate(reader.pages, 1):
        assert f"Page {number} of {len(reader.pages)}" in page.extract_text()
        assert "Not for diagnostic use without review" in page.extract_text()
    assert sum(len(page.images) for page in reader.pages) == 3  # a field, its map, and a field without
    assert events(app)[-1].action == "report.sent"


def test_the_page_says_the_same(clinician: Someone, reviewed_case: str) -> None:
    """The page to print has the diagnosis, the reviews, the suggestions, the line and a link to the PDF."""
    sign(clinician, reviewed_case, remark="<b>please</b> repeat")
    page = clinician.get(f"/cases/{reviewed_case}/versions/1").text
    assert "Material not sufficient" in page
    assert "&lt;b&gt;please&lt;/b&gt; repeat" in page
    assert BUNDLE in page
    assert "Not for diagnostic use without review" in page
    assert f"/cases/{reviewed_case}/versions/1/report.pdf" in page
    assert f"/cases/{reviewed_case}/versions/1" in clinician.get(f"/cases/{reviewed_case}").text


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("Blåbær Žižka Ελένη Кровь", "Blåbær Žižka Ελένη Кровь"),
        ("血液学 🩸 पत्र", "□"),
        ("血液学 홍길동 さくら नमस्ते สวัสดี தமிழ் বাংলা አማርኛ", "血液学"),
        ("tab\tand \u202e control \x1b signs", "control"),
        ("עברית العربية", "report"),
        ("x" * 3000, "xxxx"),
        ("word " * 900, "word word"),
    ],
)
def test_any_script_is_printed(clinician: Someone, field: bytes, written: str, shown: str) -> None:
    """What a font has is drawn; what none has becomes a sign with a note, and nothing fails."""
    case_id = clinician.open_case("A-1", notes=written[:2000])
    clinician.upload(case_id, field)
    review_all(clinician, case_id)
    assert sign(clinician, case_id, remark=written).status_code == 302
    assert clinician.get(f"/cases/{case_id}/versions/1").status_code == 200
    words, _ = pdf_of(clinician, case_id)
    assert shown in words
    assert ("could not be printed" in words) == ("□" in words)


def test_what_could_not_be_printed_is_counted(clinician: Someone, field: bytes) -> None:
    """By field and only where something is missing; the page on the screen shows every sign of it."""
    case_id = clinician.open_case("𠮷-1", notes="\t🩸🩸🩸, □ is a sign like others", stain="Giemsa")
    clinician.upload(case_id, field)
    image = re.search(rf"/cases/{case_id}/images/(\w+)", clinician.get(f"/cases/{case_id}").text)
    assert image
    # 𝖠 is in the font but not in its bold, in which a diagnosis stands: there the other one stands in.
    review = {"choice": "other", "seen": "0", "comment": "🩸 and 𝖠"}
    assert clinician.post(f"{image[0]}/reviews", review).status_code == 302
    assert sign(clinician, case_id, diagnosis="other", other="𝖠 other", remark="plain").status_code == 302
    words, _ = pdf_of(clinician, case_id)
    assert "5 signs could not be printed" in words
    assert "has them: 1 in Accession, 3 in Notes, 1 in comment on image 1." in words
    page = clinician.get(f"/cases/{case_id}/versions/1").text
    assert all(sign_ in page for sign_ in ("𠮷-1", "🩸🩸🩸", "🩸 and 𝖠", "𝖠 other"))


def test_one_sign_is_told_as_one(clinician: Someone, field: bytes) -> None:
    """In the accession, which stands on every page and is counted once."""
    case_id = clinician.open_case("𠮷-1", notes="line\n" * 300)
    clinician.upload(case_id, field)
    review_all(clinician, case_id)
    sign(clinician, case_id)
    words, reader = pdf_of(clinician, case_id)
    assert len(reader.pages) > 1
    assert "1 sign could not be printed, as no font of this document has it: 1 in Accession. □ stands" in words


def test_the_log_keeps_no_character_of_it(clinician: Someone, field: bytes, caplog: Any) -> None:
    """A font library that misses a sign must not write it to the log."""
    case_id = clinician.open_case("𠮷-1", notes="𠮷𠮷")
    clinician.upload(case_id, field)
    review_all(clinician, case_id)
    sign(clinician, case_id)
    pdf_of(clinician, case_id)
    assert "𠮷" not in caplog.text


def test_the_name_of_the_file_is_not_the_accession(clinician: Someone, field: bytes) -> None:
    """A download folder shows nothing of a patient."""
    case_id = clinician.open_case("SECRET-77")
    clinician.upload(case_id, field)
    review_all(clinician, case_id)
    sign(clinician, case_id)
    answer = clinician.get(f"/cases/{case_id}/versions/1/report.pdf")
    assert "SECRET" not in str(answer.headers)
    assert case_id[:8] in answer.headers["Content-Disposition"]


def test_an_old_version_stays_and_says_that_it_is_old(clinician: Someone, reviewed_case: str) -> None:
    """After an amendment both can be read; the older names the newer."""
    sign(clinician, reviewed_case)
    clinician.post(f"/cases/{reviewed_case}/amend", {"reason": "flow cytometry came"})
    assert "Replaced" not in pdf_of(clinician, reviewed_case)[0]
    review_all(clinician, reviewed_case, "other")
    sign(clinician, reviewed_case, diagnosis="other", other="Hairy cell leukemia")
    old, new = pdf_of(clinician, reviewed_case)[0], pdf_of(clinician, reviewed_case, 2)[0]
    assert "Replaced by version 2." in old
    assert "Hairy cell" not in old
    assert "Hairy cell leukemia" in new
    assert "Amended because flow cytometry came" in new
    assert clinician.get(f"/cases/{reviewed_case}/versions/3").status_code == 404
    assert clinician.get(f"/cases/{reviewed_case}/versions/0/report.pdf").status_code == 404


def test_a_damaged_version_is_told(app: Flask, clinician: Someone, reviewed_case: str) -> None:
    """Where what was signed does not fit its hash any more, the page says so and no PDF leaves."""
    sign(clinician, reviewed_case)
    app.config["PROPAGATE_EXCEPTIONS"] = False
    with app.app_context(), writing() as session:
        session.execute(text("DROP TRIGGER signature_no_update"))
        session.execute(text("UPDATE signature SET content = replace(content, 'insufficient', 'Benign')"))
    assert "does not fit" in clinician.get(f"/cases/{reviewed_case}/versions/1").text
    assert clinician.get(f"/cases/{reviewed_case}/versions/1/report.pdf").status_code == 500


def test_the_report_outlives_its_images_on_disk(app: Flask, clinician: Someone, reviewed_case: str) -> None:
    """Where the pictures are gone, the words are still printed."""
    sign(clinician, reviewed_case)
    for path in (app.config["INSTANCE_DIR"] / "images").rglob("*.png"):
        path.unlink()
    words, reader = pdf_of(clinician, reviewed_case)
    assert "Material not sufficient" in words
    assert not any(page.images for page in reader.pages)


def test_the_program_is_named(app: Flask, clinician: Someone, reviewed_case: str) -> None:
    """Which version of LeukoLens read, signed, drew and runs stands wherever somebody would look for it."""
    sign(clinician, reviewed_case)
    with app.app_context():
        assert set(db.session.scalars(select(Reading.program))) == {__version__}
        assert db.session.scalars(select(Signature)).one().content["program"] == __version__
    assert f"LeukoLens {__version__}" in clinician.get(f"/cases/{reviewed_case}/versions/1").text
    words, _document = pdf_of(clinician, reviewed_case)
    assert f"LeukoLens {__version__}" in words
    assert clinician.get("/health").json["program"] == __version__
