"""Stolen passwords: found in a sorted file wherever they stand, and refused where one is chosen."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

from app.auth.breached import is_breached
from app.config import SettingError
from tests.app.steps import NEW, PASSWORD, Someone, recorded

STOLEN = [f"stolen password {n}" for n in range(300)]


def written(file: Path, passwords: list[str], end: str = "\r\n") -> Path:
    """Write a list as the downloader of Have I Been Pwned does."""
    hashes = sorted(hashlib.sha1(one.encode(), usedforsecurity=False).hexdigest().upper() for one in passwords)
    file.write_text("".join(f"{one}:{place * 7919 % 100_000 + 1}{end}" for place, one in enumerate(hashes)), newline="")
    return file


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("count", [1, 2, 3, 300])
def test_each_is_found_and_no_other(tmp_path: Path, count: int, end: str) -> None:
    """The first, the last, every one between, whatever the length of the numbers; nothing else is."""
    file = written(tmp_path / "list.txt", STOLEN[:count], end)
    assert all(is_breached(one, file) for one in STOLEN[:count])
    assert not any(is_breached(f"another password {n}", file) for n in range(300))


def test_a_list_without_a_last_line_end(tmp_path: Path) -> None:
    """Its last line is found too."""
    file = written(tmp_path / "list.txt", STOLEN)
    file.write_bytes(file.read_bytes().rstrip())
    assert all(is_breached(one, file) for one in STOLEN)


def test_it_cannot_be_chosen(make_app: Callable[..., Flask], tmp_path: Path) -> None:
    """One sentence says why, and the old one goes on working; without the list it can."""
    file = written(tmp_path / "list.txt", [*STOLEN, NEW])
    someone = Someone(make_app(BREACHED_PASSWORDS=str(file)), "clinician")
    typed = {"password": PASSWORD, "new_password": NEW, "new_password_confirm": NEW}
    answer = someone.post("/account/password", typed)
    assert answer.status_code == 400
    assert "was stolen elsewhere" in answer.text
    file.unlink()
    answer = someone.post("/account/password", typed)
    assert (answer.status_code, "cannot be read" in answer.text) == (400, True)
    app = make_app()
    assert Someone(app, "clinician").post("/account/password", typed).status_code == 302
    assert recorded(app).count("person.password_changed") == 1


@pytest.mark.parametrize(
    ("content", "told"),
    [(None, "cannot be read"), (b"", "is no list"), (b"123456\npassword\n", "is no list"), (b"\0" * 500, "is no list")],
)
def test_a_file_that_is_no_list_ends_the_start(
    make_app: Callable[..., Flask], tmp_path: Path, content: bytes | None, told: str
) -> None:
    """With a sentence that names the setting, and not at the first new password."""
    file = tmp_path / "list.txt"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SettingError, match=told) as error:
        make_app(BREACHED_PASSWORDS=str(file))
    assert "LEUKOLENS_BREACHED_PASSWORDS" in str(error.value)
