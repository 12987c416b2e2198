"""What every template may use: dates and deadlines in words, sentences of the engine, icons and the navigation."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from flask import Flask, current_app, g, request, url_for
from flask_babel import format_date, get_locale, gettext, ngettext
from markupsafe import Markup

from engine import access, clock
from engine.access import Permission
from engine.errors import Sentence

from . import preferences

VENDOR = Path(__file__).parent / "static" / "vendor"

_ROLE_KEYS = {known.english: key for key, known in access.ROLES.items()}


@dataclass(frozen=True)
class Entry:
    """One place of the main navigation; shown to whoever holds `permission` somewhere, or to everybody. `count` gives
    the number of things that wait there."""

    endpoint: str
    label: Any
    icon: str
    permission: Permission | None = None
    count: Callable[[], int] | None = None


def register(app: Flask, navigation: Sequence[Entry]) -> None:
    app.extensions["navigation"] = navigation
    preferences.register(app)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters.update(said=said, day=day, moment=moment, time_of_day=time_of_day, due=due, iso=iso, role=role)
    app.jinja_env.globals.update(icon=icon, words=words, today=clock.today)
    app.context_processor(_page)


# --- sentences ------------------------------------------------------------------------------------------------------
def said(sentence: Sentence | str | None) -> str:
    """A sentence of the engine in the reader's language."""
    if sentence is None:
        return ""
    return sentence.translated(_in_words) if isinstance(sentence, Sentence) else str(sentence)


def _in_words(template: str) -> str:
    """Names of roles inside a sentence are data of roles.toml, in both languages there; all else is in the catalogue."""
    return role(_ROLE_KEYS[template]) if template in _ROLE_KEYS else str(gettext(template))


def role(key: str) -> str:
    """The name of a role; a key that a model made up stays as it is."""
    known = access.ROLES.get(key)
    if known is None:
        return key
    return known.english if str(get_locale()) == "en" else known.name


# --- time -----------------------------------------------------------------------------------------------------------
def day(value: date | datetime | None, *, year: bool = False) -> str:
    """4月21日 周二; with the year on paper and where it is another year."""
    if value is None:
        return ""
    plain = value.astimezone(clock.ZONE).date() if isinstance(value, datetime) else value
    if year or plain.year != clock.today().year:
        return str(format_date(plain, gettext("EEE, d MMM y")))
    return str(format_date(plain, gettext("EEE, d MMM")))


def short_day(value: datetime) -> str:
    """4月21日"""
    local = value.astimezone(clock.ZONE).date()
    return str(format_date(local, gettext("d MMM") if local.year == clock.today().year else gettext("d MMM y")))


def time_of_day(value: datetime) -> str:
    return value.astimezone(clock.ZONE).strftime("%H:%M")


def moment(value: datetime | None, *, last: bool = False) -> str:
    """4月21日 周二 16:20. With `last`, midnight is the end of the day before: 4月20日 周一 24:00."""
    if value is None:
        return ""
    local = value.astimezone(clock.ZONE)
    if last and local.time() == datetime.min.time():
        return f"{day(local - timedelta(seconds=1))} 24:00"
    return f"{day(local)} {time_of_day(local)}"


def iso(value: date | datetime) -> str:
    """For <time datetime>."""
    return value.astimezone(clock.ZONE).isoformat(timespec="seconds") if isinstance(value, datetime) else value.isoformat()


@dataclass(frozen=True)
class Due:
    """A deadline in words. `kind` is late, soon or empty; `group` says where it stands in the inbox."""

    kind: str
    group: str
    words: str
    until: str
    at: datetime


def due(at: datetime | None) -> Due | None:
    """-> the deadline `at` as people say it, counted in working days; None stays None."""
    if at is None:
        return None
    today, last = clock.today(), (at - timedelta(microseconds=1)).astimezone(clock.ZONE).date()
    until = moment(at, last=True)
    if at <= clock.now():
        days = clock.working_days_between(last, today)
        words = (ngettext("%(num)d working day late", "%(num)d working days late", days) if days
                 else gettext("Was due at %(time)s", time=time_of_day(at)) if last == today else gettext("Late"))
        return Due("late", "late", words, gettext("was due %(when)s", when=until), at)
    if last == today:
        return Due("soon", "today", gettext("Due today"), until, at)
    days = clock.working_days_between(today, last)
    words = (ngettext("%(num)d working day left", "%(num)d working days left", days) if days
             else gettext("No working day left"))
    return Due("", "soon" if days <= 3 else "later", words, until, at)


# --- page -----------------------------------------------------------------------------------------------------------
def icon(name: str) -> Markup:
    """One icon of the sprite; decoration only, so the words beside it must say all."""
    address = url_for("static", filename="vendor/icons.svg", _anchor=name)
    return Markup('<svg class="y-i" aria-hidden="true"><use href="{}"></use></svg>').format(address)


def words() -> dict[str, str]:
    """The sentences which scripts say, in the reader's language; nothing for English, which they speak themselves."""
    if str(get_locale()) == "en":
        return {}
    return {sentence: gettext(sentence) for sentence in _sentences_of_scripts()}


@lru_cache(maxsize=1)
def _sentences_of_scripts() -> Iterable[str]:
    file = VENDOR / "words.json"
    return tuple(json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else ()


def _page() -> dict[str, Any]:
    return {"demo": current_app.config["SETTINGS"].demo, "now": clock.now().astimezone(UTC),
            "signed_in": g.get("account"), "actor": g.get("actor"), "navigation": _navigation}


def _navigation() -> list[tuple[Entry, bool]]:
    """-> the entries that exist and that the actor may see, and whether this page belongs to them."""
    actor, endpoint = g.get("actor"), request.endpoint or ""
    entries: Sequence[Entry] = current_app.extensions["navigation"]
    return [(entry, endpoint.split(".")[0] == entry.endpoint.split(".")[0]) for entry in entries
            if entry.permission is None or (actor is not None and access.grants(actor, entry.permission))]
