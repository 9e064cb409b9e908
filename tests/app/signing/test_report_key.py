"""The PDF of a report has a digital signature: not a byte of it is changed unseen, by anybody."""

from __future__ import annotations

import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from threading import Barrier

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificate
from flask import Flask
from pypdf import PdfReader, PdfWriter

from app.signing import report_key
from tests.app.steps import Someone, sign


@pytest.fixture
def report(clinician: Someone, reviewed_case: str) -> bytes:
    """Return the PDF of a signed case."""
    assert sign(clinician, reviewed_case).status_code == 302
    answer = clinician.get(f"/cases/{reviewed_case}/versions/1/report.pdf")
    assert answer.status_code == 200
    return answer.data


@pytest.fixture
def certificate(app: Flask) -> Path:
    """Return the server's own."""
    path: Path = app.config["REPORT_CERTIFICATE_FILE"]
    return path


def test_a_report_is_signed_and_whole(report: bytes, certificate: Path) -> None:
    """By the key that `init` made, over the whole file, and it allows no change."""
    assert report_key.problem(report, certificate) == ""
    field = PdfReader(BytesIO(report)).get_fields()["Report"]
    signed = field["/V"]
    begin, length, rest, last = signed["/ByteRange"]
    assert (begin, rest + last) == (0, len(report))
    assert length < rest
    assert signed["/SubFilter"] in ("/adbe.pkcs7.detached", "/ETSI.CAdES.detached")


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.85, 0.999])
def test_a_changed_byte_is_found(report: bytes, certificate: Path, share: float) -> None:
    """Wherever it is."""
    place = int(len(report) * share)
    changed = report[:place] + bytes([report[place] ^ 1]) + report[place + 1 :]
    assert report_key.problem(changed, certificate)


def test_what_is_added_is_found(report: bytes, certificate: Path) -> None:
    """A PDF may be added to at its end without a byte before being touched: a note, a page, or only some bytes."""
    writer = PdfWriter(BytesIO(report), incremental=True)
    writer.add_blank_page()
    added = BytesIO()
    writer.write(added)
    assert added.getvalue().startswith(report)
    assert report_key.problem(added.getvalue(), certificate)


def test_another_key_is_told(report: bytes, tmp_path: Path) -> None:
    """Whoever draws a report and signs it with a key of their own is not this server."""
    other = tmp_path / "other.pem", tmp_path / "other.crt"
    assert report_key.make(*other, "Our laboratory")
    assert report_key.problem(report, other[1]) == "It was signed with another key than the one of this certificate."


@pytest.mark.parametrize("document", [b"", b"%PDF-1.7\n%%EOF\n", b"\x00" * 1000])
def test_what_is_no_report_is_told(document: bytes, certificate: Path) -> None:
    """No trace, a sentence."""
    assert report_key.problem(document, certificate)


def test_the_key_is_for_the_server_alone_and_made_once(app: Flask, certificate: Path) -> None:
    """Nobody else on the machine reads it, and `init` leaves it as it is."""
    key: Path = app.config["REPORT_KEY_FILE"]
    before = key.read_bytes(), certificate.read_bytes()
    assert {stat.S_IMODE(path.stat().st_mode) for path in (key, certificate)} == {0o600}
    assert app.test_cli_runner().invoke(args=["init"]).exit_code == 0
    assert (key.read_bytes(), certificate.read_bytes()) == before


def test_without_a_key_a_report_is_a_sentence(app: Flask, clinician: Someone, reviewed_case: str) -> None:
    """It does not leave unsigned."""
    sign(clinician, reviewed_case)
    app.config["REPORT_KEY_FILE"].unlink()
    answer = clinician.get(f"/cases/{reviewed_case}/versions/1/report.pdf")
    assert answer.status_code == 503
    assert "no key that it could sign reports with" in answer.text


def test_the_command_says_of_each_file_what_it_is(
    make_app: Callable[..., Flask], report: bytes, tmp_path: Path
) -> None:
    """And ends with 1 where one is not as it was sent."""
    good, bad = tmp_path / "good.pdf", tmp_path / "bad.pdf"
    good.write_bytes(report)
    bad.write_bytes(report[:-40] + b" " * 40)
    runner = make_app().test_cli_runner()
    assert runner.invoke(args=["report", "verify", str(good)]).exit_code == 0
    both = runner.invoke(args=["report", "verify", str(good), str(bad)])
    assert both.exit_code == 1
    assert f"{good}: as it was sent." in both.output
    assert f"{bad}: It " in both.output


def test_of_many_that_begin_at_once_one_makes_the_pair(tmp_path: Path) -> None:
    """Whoever comes second finds both files whole, and the certificate is that of the key."""
    files = tmp_path / "key.pem", tmp_path / "certificate.pem"
    together = Barrier(8)

    def begin(_number: int) -> bool:
        together.wait()
        return report_key.make(*files, "A laboratory")

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(begin, range(8))) == 1
    key = load_pem_private_key(files[0].read_bytes(), None)
    assert key.public_key() == load_pem_x509_certificate(files[1].read_bytes()).public_key()
    assert [stat.S_IMODE(file.stat().st_mode) for file in files] == [0o600, 0o600]
    assert sorted(tmp_path.iterdir()) == sorted(files)
