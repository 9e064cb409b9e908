"""Two-factor sign-in by TOTP (RFC 6238): a secret shared with an app on the person's phone, and recovery codes.

Flask-Security has two-factor pages of its own. They keep recovery codes legible, take a code twice unless taught not
to, and bring ways by mail and SMS that nobody here wants; of it we use the place at which it asks for a second step.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta

import segno
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from flask import current_app
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from markupsafe import Markup
from passlib.exc import TokenError, UsedTokenError
from passlib.totp import TOTP
from sqlalchemy import select
from sqlalchemy.orm import Session

from app import ledger
from app.database import db, writing
from app.records import Authenticator, User, now
from app.rules import RefusedError

ISSUER = "LeukoLens"
WINDOW = 30  # seconds: the code before and the one after the present one are taken too, for clocks that are off
SETUP_MINUTES = 15
RECOVERY_CODES = 10
RECOVERY_BYTES = 10  # 80 bits each: a plain hash of so much chance cannot be searched
FREE_TRIES = 5  # wrong codes in a row before a person has to wait
LONGEST_WAIT = timedelta(hours=1)
ADMINS, EVERYBODY = "admins", "everybody"
ASKED = {  # whom a lab asks for it
    "": _l("Everybody chooses for themselves"),
    ADMINS: _l("Admins have to use it"),
    EVERYBODY: _l("Everybody has to use it"),
}
Totp = TOTP.using(issuer=ISSUER)


@dataclass(frozen=True)
class Answer:
    """What came of a code: by what it let the person in, or why not, and for how many seconds to wait."""

    by: str = ""
    problem: str = ""
    wait: int = 0


def cipher() -> Fernet:
    """Return what encrypts the secrets at rest, with a key made from the secret key of this server."""
    key = HKDF(SHA256(), 32, salt=None, info=b"leukolens authenticator").derive(
        current_app.config["SECRET_KEY"].encode()
    )
    return Fernet(base64.urlsafe_b64encode(key))


def of(user_id: int, session: Session | None = None) -> Authenticator | None:
    """Return a person's authenticator, confirmed or begun; read anew in a transaction that writes."""
    query = select(Authenticator).where(Authenticator.user_id == user_id)
    if session is not None:
        query = query.execution_options(populate_existing=True)
    return (session or db.session).scalar(query)


def is_on(user_id: int) -> bool:
    """Say whether a person is asked for a code at the sign-in."""
    row = of(user_id)
    return row is not None and row.confirmed_at is not None


def is_asked(user: User) -> bool:
    """Say whether the person's lab asks them for two-factor sign-in."""
    return user.lab.second_factor == EVERYBODY or (user.lab.second_factor == ADMINS and user.is_admin)


def those_on(lab_id: int) -> set[int]:
    """Return the people of a lab who are asked for a code."""
    query = select(Authenticator.user_id).join(User, User.id == Authenticator.user_id)
    return set(db.session.scalars(query.where(User.lab_id == lab_id, Authenticator.confirmed_at.is_not(None))))


def begun(user_id: int) -> Authenticator | None:
    """Return what waits for its first code, unless that took too long."""
    row = of(user_id)
    fresh = row and row.confirmed_at is None and row.begun_at > now() - timedelta(minutes=SETUP_MINUTES)
    return row if fresh else None


def begin(user: User) -> None:
    """Make a new secret, which means nothing until a code confirms it; RefusedError where one is in use."""
    user_id = user.id
    sealed = cipher().encrypt(Totp.new().base32_key.encode()).decode()
    with writing() as session:
        row = of(user_id, session)
        if row is None:
            session.add(Authenticator(user_id=user_id, secret=sealed, recovery=[]))
        elif row.confirmed_at is not None:
            raise RefusedError(_("Two-factor sign-in is on already."))
        else:
            row.secret, row.begun_at, row.last_counter = sealed, now(), 0


def shared(row: Authenticator) -> TOTP:
    """Return what the app and the server share; InvalidToken where this server's secret key is another one now."""
    return Totp(key=cipher().decrypt(row.secret.encode()).decode())


def square(row: Authenticator, user: User) -> Markup:
    """Return the QR code that an app reads, as SVG."""
    code = segno.make(shared(row).to_uri(user.email), error="m", micro=False)
    drawn = code.svg_inline(border=4, dark="#000", light="#fff", omitsize=True, svgclass="qr", lineclass=None)
    return Markup(drawn)  # noqa: S704 -- squares drawn from bits: no text of anybody is in it


def counter_of(row: Authenticator, code: str) -> int:
    """Return the time step to which a code belongs; TokenError where it is wrong, old or was taken before."""
    match = shared(row).match(code, time=now(), window=WINDOW, last_counter=row.last_counter)
    result: int = match.counter
    return result


def confirm(user: User, typed: str) -> list[str]:
    """Switch it on with the app's first code and return the recovery codes; RefusedError where the code is wrong."""
    user_id, lab_id = user.id, user.lab_id
    with writing() as session:
        row = of(user_id, session)
        if row is None or row.begun_at <= now() - timedelta(minutes=SETUP_MINUTES):
            raise RefusedError(_("This took too long. Begin again; nothing was switched on."))
        if row.confirmed_at is not None:
            raise RefusedError(_("Two-factor sign-in is on already."))
        try:
            row.last_counter = counter_of(row, bare(typed))
        except (TokenError, InvalidToken):
            raise RefusedError(
                _("This code is not right. Type the one that the app shows now, and check the clock of the phone.")
            ) from None
        row.confirmed_at = now()
        codes = new_codes(row)
        ledger.record(session, "person.factor_on", lab=lab_id, actor=user_id, subject=user_id)
    return codes


def bare(typed: str) -> str:
    """Return a code without what people put between its characters."""
    return "".join(typed.split()).replace("-", "").casefold()


def new_codes(row: Authenticator) -> list[str]:
    """Give a person new recovery codes, of which only hashes are kept; those before stop working."""
    codes = [
        base64.b32encode(secrets.token_bytes(RECOVERY_BYTES)).decode().lower() for _number in range(RECOVERY_CODES)
    ]
    row.recovery = [hashed(row.user_id, code) for code in codes]
    return ["-".join(code[at : at + 4] for at in range(0, len(code), 4)) for code in codes]


def hashed(user_id: int, code: str) -> str:
    """Return under what a recovery code is kept."""
    return hashlib.sha256(f"{user_id}:{code}".encode()).hexdigest()


def renew_codes(user: User) -> list[str]:
    """Return new recovery codes; RefusedError where two-factor sign-in is off."""
    user_id, lab_id = user.id, user.lab_id
    with writing() as session:
        row = of(user_id, session)
        if row is None or row.confirmed_at is None:
            raise RefusedError(_("Two-factor sign-in is off."))
        codes = new_codes(row)
        ledger.record(session, "person.recovery_codes_made", lab=lab_id, actor=user_id, subject=user_id)
    return codes


def check(user: User, typed: str) -> Answer:
    """Judge a code at the sign-in; one that was right is worthless afterwards, and each that was wrong is recorded."""
    user_id, lab_id = user.id, user.lab_id
    code = bare(typed)
    with writing() as session:
        row = of(user_id, session)
        if row is None or row.confirmed_at is None:
            return Answer(problem=_("Two-factor sign-in was switched off meanwhile. Sign in again."))
        if row.wait_until and row.wait_until > now():
            return waiting(row)
        if (digest := hashed(user_id, code)) in row.recovery:
            row.recovery = [stored for stored in row.recovery if stored != digest]
            answer = Answer(by="recovery code")
            ledger.record(session, "person.recovery_code_used", lab=lab_id, actor=user_id, subject=user_id)
        else:
            answer = judge(row, code)
        if answer.by:
            row.wrong, row.wait_until = 0, None
            return answer
        row.wrong += 1
        if row.wrong >= FREE_TRIES:
            row.wait_until = now() + min(LONGEST_WAIT, timedelta(minutes=2 ** min(row.wrong - FREE_TRIES, 10)))
        ledger.record(session, "person.code_failed", lab=lab_id, actor=user_id, subject=user_id)
        return waiting(row) if row.wait_until else answer


def judge(row: Authenticator, code: str) -> Answer:
    """Compare a code with those of the app."""
    try:
        row.last_counter = counter_of(row, code)
    except UsedTokenError:
        return Answer(problem=_("This code was used already. Wait until the app shows the next one."))
    except TokenError:
        return Answer(problem=_("This code is not right. Type the one that the app shows now."))
    except InvalidToken:
        return Answer(
            problem=_(
                "This server's key was replaced, so that it cannot check codes of the app any more. "
                "Use a recovery code, or ask an admin of your lab for a one-time link."
            )
        )
    return Answer(by="code")


def waiting(row: Authenticator) -> Answer:
    """Say how long a person has to wait after so many wrong codes, whatever address they come from."""
    seconds = max(1, round((row.wait_until - now()).total_seconds())) if row.wait_until else 0
    minutes = -(-seconds // 60)
    return Answer(problem=_("Too many wrong codes. Wait %(n)s min, then try again.", n=minutes), wait=seconds)


def remove(session: Session, user: User, actor: int | None, by: str) -> None:
    """Take a person's second step away, in the transaction of whoever decides it, and record how."""
    row = of(user.id, session)
    if row is None:
        return
    confirmed = row.confirmed_at is not None
    session.delete(row)
    session.flush()
    if confirmed:
        ledger.record(session, "person.factor_off", lab=user.lab_id, actor=actor, subject=user.id, by=by)


def switch_off(user: User) -> None:
    """Do without the second step; the person's password was checked just before."""
    user_id = user.id
    with writing() as session:
        remove(session, session.get_one(User, user_id), user_id, "password")
