"""Accounts and logins: passwords, the throttle against guessing, and the rows that stand for signed-in browsers.

GB/T 22239-2019, level 2: everybody has an account of his own, passwords are not simple, failed logins are answered by a
wait, idle sessions end, no account outlives its use.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
import secrets
import unicodedata
from datetime import datetime, timedelta
from functools import cache
from typing import NamedTuple

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session, joinedload

from engine import clock
from engine.access import Actor
from engine.errors import Conflict, Invalid, Sentence, say
from engine.models import Account, Login, LoginAttempt, Person

from .log import record
from .people import require_over

IDLE = timedelta(minutes=60)
"""After so long without a request a browser is signed out. An hour, since a long form is typed without one."""
LONGEST = timedelta(hours=12)
"""A browser is signed out after a working day at the latest."""
NOTED_EVERY = timedelta(minutes=1)
WINDOW = timedelta(minutes=15)
FAILURES_BY_LOGIN = 5
FAILURES_BY_ADDRESS = 30
"""Higher than by login: a whole office shares one address."""

# 34 ms and 19 MiB a login; argon2's own defaults take 64 MiB, and a small office machine has other things to do.
_hasher = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)
_LOGIN = re.compile(r"[a-z0-9][a-z0-9._-]{1,59}")
_COMMON = ("12345678", "87654321", "password", "qwerty", "asdfgh", "1q2w3e", "abcdef", "woaini", "5201314", "iloveyou")


class SignedIn(NamedTuple):
    account: Account
    token: str


class TurnedAway(NamedTuple):
    """Not signed in; `wait` is how long no further attempt is looked at, or None."""

    sentence: Sentence
    wait: timedelta | None


# --- accounts -------------------------------------------------------------------------------------------------------
def add_account(
    session: Session,
    person: Person,
    login: str,
    password: str,
    *,
    must_change: bool = True,
    actor: Actor | None = None,
) -> Account:
    """-> the account of `person`. Whoever is given a password by somebody else must change it (`must_change`).

    Forbidden; Conflict when the person has an account or the login is taken; Invalid with problems under `login` and
    `password`.
    """
    require_over(session, actor, person)
    login = _plain(login)
    problems = {}
    if not _LOGIN.fullmatch(login):
        problems["login"] = say("A login has 2 to 60 letters a–z, digits, dots, hyphens or underscores.")
    problem = _weakness(password, login)
    if problem is not None:
        problems["password"] = problem
    if problems:
        raise Invalid(say("The account has not been added."), problems)
    for taken in session.scalars(select(Account).where((Account.person_id == person.id) | (Account.login == login))):
        if taken.person_id == person.id:
            raise Conflict(say("{name} has an account already: {login}.", name=person.name, login=taken.login))
        raise Conflict(say("The login {login} is taken. Choose another one.", login=login))
    account = Account(
        person_id=person.id,
        login=login,
        password_hash=_hasher.hash(_exact(password)),
        must_change=must_change,
        created_at=clock.now(),
    )
    session.add(account)
    record(session, actor, person.unit, person, "account_added", login=login)
    session.flush()
    return account


def one_time_password() -> str:
    """-> a password to be told to somebody, who must change it at the first login: no letters or digits that look alike."""
    while True:
        groups = ("".join(secrets.choice("abcdefghjkmnpqrstuvwxyz23456789") for _ in range(4)) for _ in range(4))
        password = "-".join(groups)
        if _weakness(password, "") is None:
            return password


def change_password(session: Session, account: Account, old: str, new: str, *, token: str | None = None) -> None:
    """Sets the new password and signs out every other browser; the one with `token` stays signed in.

    Invalid with a problem under `old` or `new`.
    """
    problems = {}
    if not _matches(account.password_hash, old):
        problems["old"] = say("This is not the present password.")
    weakness = _weakness(new, account.login)
    if weakness is not None:
        problems["new"] = weakness
    elif _exact(old) == _exact(new):
        problems["new"] = say("The new password is the present one. Choose another one.")
    if problems:
        raise Invalid(say("The password has not been changed."), problems)
    _set_password(session, account, new, must_change=False, keep=token)


def reset_password(session: Session, account: Account, password: str, *, actor: Actor | None = None) -> None:
    """Gives the account a password that must be changed at the next login, and signs out all its browsers.

    Forbidden; Invalid with a problem under `password`.
    """
    require_over(session, actor, account.person)
    weakness = _weakness(password, account.login)
    if weakness is not None:
        raise Invalid(say("The password has not been changed."), {"password": weakness})
    _set_password(session, account, password, must_change=True, keep=None)
    session.execute(delete(LoginAttempt).where(LoginAttempt.subject == _login_subject(account.login)))
    record(session, actor, account.person.unit, account.person, "password_reset", login=account.login)


def disable(session: Session, account: Account, *, actor: Actor | None = None) -> None:
    """Nobody signs in with the account any more; its browsers are signed out at once. Forbidden; Conflict when it is the
    actor's own."""
    require_over(session, actor, account.person)
    if actor is not None and actor.person_id == account.person_id:
        raise Conflict(say("You cannot take this from yourself. Ask another administrator."))
    account.disabled = True
    record(session, actor, account.person.unit, account.person, "disabled", login=account.login)
    session.execute(delete(Login).where(Login.account_id == account.id))
    session.flush()


def enable(session: Session, account: Account, *, actor: Actor | None = None) -> None:
    """Undoes `disable`. Forbidden; Conflict when the person has left."""
    require_over(session, actor, account.person)
    if not account.person.active:
        raise Conflict(say("{name} has left. Add the person anew to let him or her in again.", name=account.person.name))
    account.disabled = False
    record(session, actor, account.person.unit, account.person, "enabled", login=account.login)
    session.flush()


# --- signing in -----------------------------------------------------------------------------------------------------
def log_in(session: Session, login: str, password: str, address: str) -> SignedIn | TurnedAway:
    """Signs in the browser at `address`: -> the account, and the token for its cookie.

    A failure is returned and not raised, since the failed attempt must be kept: **the caller commits either way**. After
    five failures for a login, or thirty from an address, within fifteen minutes nothing more is looked at until the
    earliest of them is fifteen minutes old. An unknown login, a wrong password and a disabled account read alike and
    take equally long.
    """
    login, now = _plain(login), clock.now()
    subjects = {_login_subject(login): FAILURES_BY_LOGIN, _address_subject(address): FAILURES_BY_ADDRESS}
    session.execute(delete(LoginAttempt).where(LoginAttempt.at <= now - WINDOW))
    until = _waits_until(session, subjects)
    if until is not None:
        return TurnedAway(_wait_sentence(until, now), until - now)
    account = session.scalar(select(Account).where(Account.login == login).options(joinedload(Account.person)))
    nobody = _nobodys_hash()
    matches = _matches(nobody if account is None else account.password_hash, password)
    if account is None or not matches or account.disabled or not account.person.active:
        session.add_all(LoginAttempt(subject=subject, at=now) for subject in subjects)
        session.flush()
        return TurnedAway(say("Login and password do not go together. Check both, and the capital letters."), None)
    if _hasher.check_needs_rehash(account.password_hash):
        account.password_hash = _hasher.hash(_exact(password))
    session.execute(delete(LoginAttempt).where(LoginAttempt.subject == _login_subject(login)))
    session.execute(delete(Login).where((Login.expires_at <= now) | (Login.seen_at <= now - IDLE)))
    token = secrets.token_urlsafe(32)
    session.add(Login(token_hash=_hash(token), account_id=account.id, created_at=now, seen_at=now, expires_at=now + LONGEST))
    session.flush()
    return SignedIn(account, token)


def account_of(session: Session, token: str) -> Account | None:
    """-> the account, with its person, that is signed in with `token`, in one statement; None when there is none, the
    login has ended, or the account or the person is no longer active. Writes nothing: see `seen`."""
    login = _login(session, token)
    return None if login is None else login.account


def wants_seen(session: Session, token: str) -> bool:
    """-> whether it is time to call `seen` for this login: at most once a minute, since it writes."""
    seen_at = session.scalar(select(Login.seen_at).where(Login.token_hash == _hash(token)))
    return seen_at is not None and seen_at <= clock.now() - NOTED_EVERY


def seen(session: Session, token: str) -> None:
    """Notes that the browser is in use, so that it is not signed out as idle. Needs a session that may write."""
    now = clock.now()
    session.execute(
        update(Login)
        .where(Login.token_hash == _hash(token), Login.seen_at <= now - NOTED_EVERY, Login.seen_at > now - IDLE)
        .values(seen_at=now)
    )


def log_out(session: Session, token: str) -> None:
    """Signs the browser out at once; nothing happens when it was not signed in."""
    session.execute(delete(Login).where(Login.token_hash == _hash(token)))


def _login(session: Session, token: str) -> Login | None:
    now = clock.now()
    return session.scalar(
        select(Login)
        .join(Account, Account.id == Login.account_id)
        .join(Person, Person.id == Account.person_id)
        .where(
            Login.token_hash == _hash(token),
            Login.expires_at > now,
            Login.seen_at > now - IDLE,
            Account.disabled.is_(False),
            Person.active,
        )
        .options(joinedload(Login.account).joinedload(Account.person))
    )


def _waits_until(session: Session, subjects: dict[str, int]) -> datetime | None:
    """The moment until which attempts are refused: when so few failures are left that one more may follow."""
    failures: dict[str, list[datetime]] = {subject: [] for subject in subjects}
    rows = session.execute(
        select(LoginAttempt.subject, LoginAttempt.at).where(LoginAttempt.subject.in_(subjects)).order_by(LoginAttempt.at.desc())
    )
    for subject, at in rows:
        failures[subject].append(at)
    waits = [at[subjects[subject] - 1] + WINDOW for subject, at in failures.items() if len(at) >= subjects[subject]]
    return max(waits, default=None)


def _wait_sentence(until: datetime, now: datetime) -> Sentence:
    minutes = -(-(until - now) // timedelta(minutes=1))
    return say(
        "Too many failed attempts. Try again in {minutes} minutes, at {time}, or ask an administrator for a new password.",
        minutes=minutes,
        time=(now + timedelta(minutes=minutes)).astimezone(clock.ZONE).strftime("%H:%M"),
    )


# --- passwords ------------------------------------------------------------------------------------------------------
def _weakness(password: str, login: str) -> Sentence | None:
    """What is wrong with a password: length counts, and that it is not one which everybody tries first."""
    exact = _exact(password)
    low = exact.lower()
    if len(exact) < 10:
        return say("A password has at least 10 characters; a sentence that only you know is best.")
    if len(exact) > 200:
        return say("A password has at most 200 characters.")
    if len(set(low)) < 5 or any(common in low for common in _COMMON):
        return say("This password would be guessed at once. Choose another one.")
    if len(login) > 2 and login in low:
        return say("A password must not contain the login.")
    kinds = sum(any(test(c) for c in exact) for test in (str.isalpha, str.isdecimal, _is_other))
    if len(exact) < 16 and kinds < 2:
        return say("A password shorter than 16 characters mixes letters with digits or other signs.")
    return None


def _is_other(character: str) -> bool:
    return not (character.isalpha() or character.isdecimal())


def _set_password(session: Session, account: Account, password: str, *, must_change: bool, keep: str | None) -> None:
    account.password_hash = _hasher.hash(_exact(password))
    account.must_change = must_change
    others = delete(Login).where(Login.account_id == account.id)
    session.execute(others if keep is None else others.where(Login.token_hash != _hash(keep)))
    session.flush()


def _matches(password_hash: str, password: str) -> bool:
    if len(password) > 1000:
        return False  # nobody has such a password, and hashing it would take the time of ours
    try:
        return _hasher.verify(password_hash, _exact(password))
    except (VerifyMismatchError, InvalidHashError):
        return False


def _exact(password: str) -> str:
    """The same password, whether an input method typed it in full width, composed or not."""
    return unicodedata.normalize("NFKC", password)


def _plain(login: str) -> str:
    return unicodedata.normalize("NFKC", login).strip().lower()


@cache
def _nobodys_hash() -> str:
    """What the password of an unknown login is compared with, so that it takes as long as a known one."""
    return _hasher.hash(secrets.token_urlsafe(32))


def _login_subject(login: str) -> str:
    # Hashed, since people type their password into the wrong field.
    return f"login:{_hash(login)}"


def _address_subject(address: str) -> str:
    """An IPv6 customer has a whole /64 to try from."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return f"address:{_hash(address)}"
    if parsed.version == 6:
        parsed = ipaddress.ip_network((parsed, 64), strict=False).network_address
    return f"address:{_hash(str(parsed))}"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
