"""now(), the virtual clock of scenarios, and how days are counted by law.

Nothing else in the house asks the machine for the time. Days are counted as the Civil Code says (article 201: the first
day is not counted; article 203: a last day that is a day of rest moves to the day after it, and a term ends at 24:00).
Which days are days of rest is the State Council's yearly notice; for a year not announced yet the result is provisional.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import chinese_calendar

from engine.errors import Sentence, say

MAX_DAYS = 36_500
"""The longest term that is counted: a hundred years."""

ZONE = ZoneInfo("Asia/Shanghai")

_virtual: ContextVar[VirtualClock | None] = ContextVar("virtual_clock", default=None)


class VirtualClock:
    """A clock that stands still until somebody moves it."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def move(self, to: datetime) -> None:
        """Moves forward to `to`; ValueError when that is in its past."""
        if to < self.at:
            raise ValueError("time does not run backwards")
        self.at = to

    def advance(self, by: timedelta) -> None:
        self.move(self.at + by)


@contextmanager
def virtual(at: datetime) -> Iterator[VirtualClock]:
    """Inside, `now()` is what the yielded clock says (in this thread or task only)."""
    clock = VirtualClock(at)
    token = _virtual.set(clock)
    try:
        yield clock
    finally:
        _virtual.reset(token)


def now() -> datetime:
    """-> this moment, in UTC. With YISHI_CLOCK set to a file, the moment (ISO 8601) which that file holds, so that a
    whole installation can be tried on another day."""
    clock = _virtual.get()
    if clock is not None:
        return clock.at.astimezone(UTC)
    file = os.environ.get("YISHI_CLOCK")
    if file:
        return datetime.fromisoformat(Path(file).read_text().strip()).astimezone(UTC)
    return datetime.now(UTC)


def today(zone: ZoneInfo = ZONE) -> date:
    """-> the day it is now in `zone`."""
    return now().astimezone(zone).date()


@dataclass(frozen=True)
class Year:
    """The days of one year that differ from plain weeks: days off, and weekend days which are worked."""

    holidays: frozenset[date]
    workdays: frozenset[date] = frozenset()


@dataclass(frozen=True)
class Calendar:
    """Which days are worked. `years` are lists of one's own, asked before the announced ones that the product carries."""

    years: Mapping[int, Year] = field(default_factory=dict)

    def is_working_day(self, day: date) -> bool:
        """-> is it worked? In a year not announced yet: not at weekends nor on the fixed holidays."""
        listed = self._listed(day)
        if day in listed.holidays:
            return False
        return day.weekday() < 5 or day in listed.workdays

    def is_announced(self, year: int) -> bool:
        """-> are the days off of that year known?"""
        return year in self.years or year in _ANNOUNCED

    def _listed(self, day: date) -> Year:
        return self.years.get(day.year) or _ANNOUNCED.get(day.year) or _unannounced(day.year)


@dataclass(frozen=True)
class Deadline:
    """The end of a term, and how it was counted, in sentences."""

    last_day: date
    sentences: tuple[Sentence, ...]
    provisional: bool = False

    @property
    def ends_at(self) -> datetime:
        """24:00 of the last day in ZONE, which is 0:00 of the next."""
        return datetime.combine(self.last_day + timedelta(days=1), time(), ZONE)


def deadline(start: date, days: int, calendar: Calendar | None = None) -> Deadline:
    """-> when a term of `days` calendar days which begins with `start` ends [民法典 §201, §203]. A datetime counts as its
    day in ZONE. ValueError for days below 0 or above MAX_DAYS."""
    calendar, start = calendar or CHINA, _day(start)
    last = start + timedelta(days=_checked(days))
    sentences = [
        say(
            "The day itself, {start}, is not counted; {days} days end on {last} (Civil Code, article 201).",
            start=start,
            days=days,
            last=last,
        )
    ]
    asked, end = {last.year}, last
    while not calendar.is_working_day(end):
        end += timedelta(days=1)
        asked.add(end.year)
    if end != last:
        sentences.append(
            say(
                "{last} is a day of rest, so the term ends on the first working day after it, {end} (Civil Code, article 203).",
                last=last,
                end=end,
            )
        )
    elif end.weekday() >= 5:
        sentences.append(say("{last} falls on a weekend but is worked, so the term is not prolonged.", last=last))
    return _deadline(end, sentences, asked, calendar)


def working_days_after(start: date, days: int, calendar: Calendar | None = None) -> Deadline:
    """-> when `days` working days after `start` end; `start` itself is not counted. A datetime counts as its day in ZONE.
    ValueError for days below 0 or above MAX_DAYS."""
    calendar, start = calendar or CHINA, _day(start)
    end, left, rest, asked = start, _checked(days), 0, {start.year}
    while left or not calendar.is_working_day(end):
        end += timedelta(days=1)
        asked.add(end.year)
        working = calendar.is_working_day(end)
        left -= working and left > 0
        rest += not working
    sentences = [say("The day itself, {start}, is not counted; {days} working days end on {end}.", start=start, days=days, end=end)]
    if rest:
        sentences.append(say("{rest} days of rest on the way are not counted.", rest=rest))
    return _deadline(end, sentences, asked, calendar)


def working_days_between(start: date, end: date, calendar: Calendar | None = None) -> int:
    """-> how many working days lie after `start` up to and with `end`; below 0 when `end` comes first."""
    calendar, start, end = calendar or CHINA, _day(start), _day(end)
    if end < start:
        return -working_days_between(end, start, calendar)
    days = (start + timedelta(days=n) for n in range(1, (end - start).days + 1))
    return sum(calendar.is_working_day(day) for day in days)


def feel_functions(calendar: Calendar | None = None) -> dict[str, Callable[[date, int], datetime]]:
    """-> what every model may call, by its name in FEEL, counted by `calendar`: a date or date and time, and a number of
    days, give the moment at which the term ends."""
    return {
        "deadline": lambda day, days: deadline(day, days, calendar).ends_at,
        "working day after": lambda day, days: working_days_after(day, days, calendar).ends_at,
    }


def _day(day: date) -> date:
    if isinstance(day, datetime):
        return (day.astimezone(ZONE) if day.tzinfo else day).date()
    return day


def _checked(days: int) -> int:
    if not 0 <= days <= MAX_DAYS:
        raise ValueError(f"a term has 0 to {MAX_DAYS} days, not {days}")
    return int(days)


def _deadline(end: date, sentences: list[Sentence], asked: set[int], calendar: Calendar) -> Deadline:
    sentences.append(say("It ends at 24:00 on {end}.", end=end))
    unknown = sorted(year for year in asked if not calendar.is_announced(year))
    if unknown:
        sentences.append(
            say("Provisional: the days off of {years} have not been announced yet.", years=", ".join(map(str, unknown)))
        )
    return Deadline(end, tuple(sentences), bool(unknown))


def _announced() -> dict[int, Year]:
    holidays, workdays = chinese_calendar.constants.holidays, chinese_calendar.constants.workdays
    return {
        year: Year(frozenset(day for day in holidays if day.year == year), frozenset(day for day in workdays if day.year == year))
        for year in {day.year for day in holidays}
    }


def _unannounced(year: int) -> Year:
    """The holidays which have a fixed day [全国年节及纪念日放假办法 2024 §2]; those of the moon's year are left to the notice."""
    fixed = ((1, 1), (5, 1), (5, 2), (10, 1), (10, 2), (10, 3))
    return Year(frozenset(date(year, month, day) for month, day in fixed))


CHINA = Calendar()
"""The announced years which the product carries."""
_ANNOUNCED = _announced()
FEEL_FUNCTIONS = feel_functions()
"""What every model may call, counted by the announced years."""
