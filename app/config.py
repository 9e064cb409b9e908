"""The settings as one table; each is read from the environment as LEUKOLENS_<NAME>."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import URL

from smear.sentence import SentenceError

PREFIX = "LEUKOLENS_"
ROOT = Path(__file__).resolve().parent.parent


class SettingError(SentenceError):
    """A setting that cannot be used, with a sentence for whoever started the program."""


@dataclass(frozen=True)
class Setting:
    """One thing an operator may change: its name, its default (whose type is its type) and what it does."""

    name: str
    default: bool | int | str
    help: str


SETTINGS = (
    Setting("INSTANCE_DIR", "instance", "Folder of the database, the image store and the secret key."),
    Setting(
        "DATABASE_URL",
        "",
        "Where the records are, as an SQLAlchemy URL. Empty: leukolens.sqlite3 in INSTANCE_DIR.",
    ),
    Setting(
        "IMAGE_STORE",
        "",
        "Where the pictures are: s3://BUCKET/FOLDER for a store that several machines share; keys, region and endpoint "
        "are read from the usual AWS_* variables. Empty: the folder images in INSTANCE_DIR.",
    ),
    Setting("MODELS_DIR", "models", "Folder of the published bundles, one folder each."),
    Setting(
        "DEFAULT_BUNDLE",
        "leukolens-field",
        "The bundle that reads for a lab whose admin has not chosen one yet.",
    ),
    Setting(
        "DEFAULT_CELL_BUNDLE",
        "leukolens-differential",
        "The bundle that types every leukocyte at upload for a lab whose admin has not chosen one yet. Empty: none.",
    ),
    Setting(
        "SECRET_KEY",
        "",
        "Key that signs the form tokens. Empty: the one that `init` wrote to secret_key in INSTANCE_DIR.",
    ),
    Setting(
        "AUDIT_KEY_FILE",
        "",
        "File of the key that seals the ledger; best where who can write the database cannot read. Empty: audit_key in "
        "INSTANCE_DIR.",
    ),
    Setting(
        "REPORT_KEY_FILE",
        "",
        "File of the key that signs the PDF of a report (PEM). Empty: report_key.pem in INSTANCE_DIR, which `init` "
        "makes.",
    ),
    Setting(
        "REPORT_CERTIFICATE_FILE",
        "",
        "File of that key's certificate (PEM), for whoever wants to check a report. Empty: report_certificate.pem in "
        "INSTANCE_DIR.",
    ),
    Setting(
        "PATIENT_KEY_FILE",
        "",
        "File of the key under which patients' numbers are hashed; best where who can write the database cannot read. "
        "Empty: patient_key in INSTANCE_DIR.",
    ),
    Setting("HOST", "127.0.0.1", "Address on which the server listens."),
    Setting("PORT", 8000, "Port on which the server listens."),
    Setting("THREADS", 16, "Requests served at the same time."),
    Setting("CONNECTIONS_PER_ADDRESS", 100, "Connections that one address may hold; behind a proxy, any number."),
    Setting(
        "QUEUE",
        64,
        "Uploads that may be at work or wait, and images for the model; more are answered 'busy, try again'.",
    ),
    Setting("ANSWER_SECONDS", 60, "Seconds for which a request waits for a model; then it is told to come back."),
    Setting("MAX_UPLOAD_BYTES", 64 * 2**20, "Largest request body in bytes; a larger one is refused."),
    Setting(
        "DISK_FLOOR_MB",
        200,
        "Megabytes of the disk that pictures leave free; below it uploads are refused, and signing in still works.",
    ),
    Setting("SESSION_HOURS", 12, "Hours without a request after which a person is signed out."),
    Setting("SESSION_MOST_HOURS", 24, "Hours after which a person signs in again, however busy they were."),
    Setting("VIEWING_DAYS", 730, "Days for which is kept who looked at which case, picture and report; 0: not at all."),
    Setting("LINK_HOURS", 24, "Hours for which a one-time link to choose a password works."),
    Setting(
        "BREACHED_PASSWORDS",
        "",
        "File of Have I Been Pwned's list of stolen passwords (SHA-1, sorted by hash); one that is on it cannot be "
        "chosen. Empty: the short list inside the program.",
    ),
    Setting("SECURE_COOKIES", False, "Send cookies over HTTPS only. Turn on wherever the site is served by HTTPS."),
    Setting(
        "TRUSTED_PROXIES",
        0,
        "Reverse proxies in front of the server whose X-Forwarded-* headers are believed.",
    ),
    Setting(
        "SITE_NAMES",
        "",
        "Names by which the site is reached, with commas between them; under any other no page is sent and no link "
        "made. Empty: any.",
    ),
    Setting("PAGE_SIZE", 25, "Cases on one page of the worklist."),
    Setting("LAB_NAME", "Our laboratory", "Name of the lab that `init` creates."),
    Setting("ADMIN_EMAIL", "admin@lab.example", "Sign-in address of the first admin that `init` creates."),
)

TRUE = {"1", "true", "yes", "on"}
FALSE = {"0", "false", "no", "off", ""}


def parse(setting: Setting, text: str) -> bool | int | str:
    """Turn the text of an environment variable into the type of the setting's default."""
    name = PREFIX + setting.name
    if isinstance(setting.default, bool):
        if text.lower() in TRUE | FALSE:
            return text.lower() in TRUE
        raise SettingError(f"{name} is {text!r}; it must be true or false.")
    if isinstance(setting.default, int):
        try:
            return int(text)
        except ValueError:
            raise SettingError(f"{name} is {text!r}; it must be a whole number.") from None
    return text


def load(environment: Mapping[str, str] | None = None, **overrides: Any) -> dict[str, Any]:
    """Read every setting from the environment; overrides win and must be settings too."""
    environment = os.environ if environment is None else environment
    unknown = set(overrides) - {setting.name for setting in SETTINGS}
    if unknown:
        raise SettingError(f"There is no setting named {', '.join(sorted(unknown))}.")
    values = {
        setting.name: parse(setting, environment[PREFIX + setting.name])
        if PREFIX + setting.name in environment
        else setting.default
        for setting in SETTINGS
    } | overrides
    for name in ("INSTANCE_DIR", "MODELS_DIR"):
        # Relative folders belong to the checkout, whatever folder the program was started from.
        values[name] = (ROOT / values[name]).resolve()
    if not values["DATABASE_URL"]:
        file = str(
            values["INSTANCE_DIR"] / "leukolens.sqlite3"
        )  # with a "?" or whatever else a URL would take for itself
        values["DATABASE_URL"] = URL.create("sqlite", database=file).render_as_string(hide_password=False)
    if not values["SECRET_KEY"]:
        values["SECRET_KEY"] = read_secret(secret_path(values["INSTANCE_DIR"]))
    for name in ("AUDIT_KEY", "PATIENT_KEY"):
        values[f"{name}_FILE"] = Path(values[f"{name}_FILE"] or values["INSTANCE_DIR"] / name.lower())
        values[name] = read_secret(values[f"{name}_FILE"])
    for name, file in (("REPORT_KEY_FILE", "report_key.pem"), ("REPORT_CERTIFICATE_FILE", "report_certificate.pem")):
        values[name] = Path(values[name] or values["INSTANCE_DIR"] / file)
    return values


def secret_path(instance: Path) -> Path:
    """Say where `init` keeps the secret key."""
    return instance / "secret_key"


def read_secret(path: Path) -> str | None:
    """Return the key in a file, or None before `init`: there is no default that a stranger could know.

    SettingError where this account may not read it, as in a container that runs under another number than before.
    """
    try:
        return path.read_text().strip() if path.is_file() else None
    except OSError as error:
        raise out_of_reach(error) from None


def out_of_reach(error: OSError) -> SettingError:
    """Say of a file or folder that the system refused which it is, to which account, and what to do."""
    return SettingError(
        f"{error.filename} cannot be read or written by the account that this program runs under (number"
        f" {os.getuid()}): {error.strerror}. Give it to that account, or start the program under the one that owns it."
    )
