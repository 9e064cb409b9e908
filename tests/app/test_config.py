"""The settings: each documented, each of its kind, none with a secret that a stranger could know."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from app import create_app
from app.config import ROOT, SETTINGS, SettingError, load, secret_path

DOCUMENT = (ROOT / "docs" / "settings.md").read_text()


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_every_setting_is_documented(setting) -> None:
    """Its row has its name, default and help, word for word."""
    shown = str(setting.default).lower() if isinstance(setting.default, bool) else str(setting.default)
    default = f"`{shown}`" if shown else ""
    assert f"| `{setting.name}` | {default} | {setting.help} |" in DOCUMENT


def test_nothing_else_is_documented() -> None:
    """The table has no setting that does not exist."""
    rows = [line.split("`")[1] for line in DOCUMENT.splitlines() if line.startswith("| `")]
    assert rows == [setting.name for setting in SETTINGS]


def test_the_environment_is_read_in_the_kind_of_the_default(tmp_path: Path) -> None:
    """Numbers become numbers, yes and no become truth, folders become whole paths."""
    environment = {
        "LEUKOLENS_PORT": "9001",
        "LEUKOLENS_SECURE_COOKIES": "Yes",
        "LEUKOLENS_INSTANCE_DIR": str(tmp_path),
        "LEUKOLENS_MODELS_DIR": "elsewhere",
    }
    values = load(environment)
    assert values["PORT"] == 9001
    assert values["SECURE_COOKIES"] is True
    assert values["DATABASE_URL"] == f"sqlite:///{tmp_path}/leukolens.sqlite3"
    assert values["MODELS_DIR"] == ROOT / "elsewhere"


def test_a_folder_may_have_any_name(tmp_path: Path) -> None:
    """Also one with what an address of a database takes for itself."""
    folder = tmp_path / "a?b=c#d %20"
    made = create_app(INSTANCE_DIR=folder).test_cli_runner().invoke(args=["init"])
    assert made.exit_code == 0, made.output
    assert sorted(path.name for path in tmp_path.iterdir()) == [folder.name]
    assert (folder / "leukolens.sqlite3").stat().st_size > 0


@pytest.mark.parametrize(("name", "text"), [("PORT", "http"), ("SECURE_COOKIES", "perhaps")])
def test_a_wrong_value_is_a_sentence(name: str, text: str) -> None:
    """The program does not start on a guess."""
    with pytest.raises(SettingError, match=f"LEUKOLENS_{name} is '{text}'"):
        load({f"LEUKOLENS_{name}": text})


def test_an_unknown_override_is_refused() -> None:
    """A misspelt setting is not ignored."""
    with pytest.raises(SettingError, match="TYPO"):
        load({}, TYPO=1)


def test_there_is_no_default_secret(tmp_path: Path) -> None:
    """Before `init` there is none; afterwards it is the file's."""
    assert load({}, INSTANCE_DIR=tmp_path)["SECRET_KEY"] is None
    secret_path(tmp_path).write_text("abc\n")
    assert load({}, INSTANCE_DIR=tmp_path)["SECRET_KEY"] == "abc"


def command(**settings: str) -> subprocess.CompletedProcess[str]:
    """Run `init` as an operator does."""
    environment = os.environ | {f"LEUKOLENS_{name}": value for name, value in settings.items()}
    words = (sys.executable, "-m", "flask", "--app", "wsgi", "init")
    return subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def test_an_unusable_setting_ends_the_program_with_a_sentence(tmp_path: Path) -> None:
    """Whoever starts it reads what is wrong, and no trace."""
    (tmp_path / "file").touch()
    for settings, sentence in (
        ({"PORT": "http"}, "LEUKOLENS_PORT is 'http'; it must be a whole number."),
        ({"INSTANCE_DIR": str(tmp_path / "file" / "instance")}, "Give it to that account"),
    ):
        done = command(**settings)
        assert done.returncode == 1
        assert sentence in done.stderr
        assert "Traceback" not in done.stderr


def test_a_key_that_the_account_may_not_read_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container that runs under another number than the one that made it."""
    secret_path(tmp_path).write_text("abc")

    def refuse(path: Path) -> str:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_text", refuse)
    with pytest.raises(SettingError, match=r"secret_key cannot be read or written.*number \d+"):
        load({}, INSTANCE_DIR=tmp_path)
