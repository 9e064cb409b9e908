"""How often a wrong password may be tried: counted in the database, before a password is compared.

Three counts. Of an account from one address: five tries are free, and then each wrong one makes that address wait
twice as long, up to a quarter of an hour. Of an account from everywhere, and of an address for all accounts: with much
more patience, and waits of seconds, so that neither a stranger who guesses nor a colleague behind the same address
keeps anybody out for good. A person who is signed in and gives the password again has a count of their own, which
nobody else reaches.

A try is counted as wrong first and taken back when it was right: of many at once no more get through than of many in
turn. Keys are hashes under the server's key, so that the table tells nobody who has an account.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from flask import current_app, request
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app import ledger
from app.database import add_missing, writing
from app.records import PasswordTries, User, now
from app.rules import WaitError

FORGOTTEN = timedelta(days=1)  # after the last wrong try, a count begins anew
HOST_BITS = 64  # of an IPv6 address: whoever has one has all of its network


@dataclass(frozen=True)
class Limit:
    """free: wrong passwords before anybody waits; longest: what the waits, which double, grow to."""

    free: int
    longest: timedelta

    def wait(self, wrong: int) -> timedelta | None:
        """Return how long to wait after so many wrong tries, the last of them just now."""
        over = wrong - self.free
        return min(self.longest, timedelta(seconds=2 ** min(over + 1, 20))) if over >= 0 else None


FROM_HERE = Limit(5, timedelta(minutes=15))
FROM_ANYWHERE = Limit(30, timedelta(seconds=10))
OF_AN_ADDRESS = Limit(50, timedelta(seconds=10))
SIGNED_IN = Limit(5, timedelta(minutes=15))


@dataclass(frozen=True)
class Try:
    """One password that is about to be compared: its counts, and whose account it is, where there is one."""

    limits: Mapping[str, Limit]
    user_id: int | None
    lab_id: int | None

    def begin(self) -> None:
        """Count it as a wrong one for now; WaitError where it comes too early, and then it does not count."""
        with writing() as session:
            rows = self.rows(session)
            waiting = [row for row in rows if row.wait_until and row.wait_until > now()]
            if not waiting:
                for row in rows:
                    row.wrong += 1
                    row.last_at, row.told = now(), False
                    wait = self.limits[row.key].wait(row.wrong)
                    row.wait_until = now() + wait if wait else None
                return
            if not all(row.told for row in waiting):  # once a wait: whoever hammers does not fill the ledger
                ledger.record(session, "person.throttled", lab=self.lab_id, actor=None, subject=self.user_id or "")
            for row in waiting:
                row.told = True
            seconds = max((row.wait_until - now()).total_seconds() for row in waiting if row.wait_until)
        raise WaitError(max(1, round(seconds)))

    def was_right(self) -> None:
        """Take it back; what was tried before at this account from here is forgotten, what others tried is not."""
        nearest = next(iter(self.limits))
        with writing() as session:
            for row in self.rows(session):
                row.wrong -= 1
                row.wait_until = None
                if row.key == nearest or row.wrong <= 0:
                    session.delete(row)

    def was_wrong(self) -> None:
        """Let it count, and record it: whose account it was, or that it was nobody's, never what was typed."""
        with writing() as session:
            ledger.record(
                session, "person.password_failed", lab=self.lab_id, actor=self.user_id, subject=self.user_id or ""
            )

    def rows(self, session: Session) -> list[PasswordTries]:
        """Return the counts, made where they are not there yet."""
        session.execute(delete(PasswordTries).where(PasswordTries.last_at < now() - FORGOTTEN))
        begun = [{"key": key, "wrong": 0, "last_at": now(), "told": False} for key in sorted(self.limits)]
        add_missing(session, PasswordTries, begun)
        query = select(PasswordTries).where(PasswordTries.key.in_(self.limits)).order_by(PasswordTries.key)
        return list(session.scalars(query.execution_options(populate_existing=True)))


def signing_in(user: User | None, typed: str) -> Try:
    """Return a try at the sign-in; `typed` is the address where it is nobody's, which is counted like an account."""
    account = f"user {user.id}" if user else f"typed {typed.strip().casefold()}"
    here = network(request.remote_addr or "")
    limits = {
        key("here", account, here): FROM_HERE,
        key("anywhere", account): FROM_ANYWHERE,
        key("address", here): OF_AN_ADDRESS,
    }
    return Try(limits, user.id if user else None, user.lab_id if user else None)


def giving_it_again(user: User) -> Try:
    """Return a try of somebody who is signed in, at a step that asks for the password again."""
    return Try({key("signed in", str(user.id)): SIGNED_IN}, user.id, user.lab_id)


def key(*parts: str) -> str:
    """Return under what a count is kept."""
    secret = str(current_app.config["SECRET_KEY"]).encode()
    return hmac.new(secret, "\n".join(("password tries", *parts)).encode(errors="replace"), hashlib.sha256).hexdigest()


def network(address: str) -> str:
    """Return what one person behind an address can choose from: the address, or the network of an IPv6 address."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4 or parsed.ipv4_mapped:
        return str(getattr(parsed, "ipv4_mapped", None) or parsed)
    return str(ipaddress.ip_network((parsed, HOST_BITS), strict=False))
