"""now(), the virtual clock of scenarios, and how days are counted by law.

Nothing else in the house asks the machine for the time.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

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
