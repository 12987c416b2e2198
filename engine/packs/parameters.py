"""Parameters: the numbers of law and charter, each by date, with its source and the limit which a law sets to it.

    parameters:
      rep_meeting.quorum:
        title: 居民代表会议到会份额
        unit: 应到人数的份额
        values:
          - {from: 2026-01-01, value: 2/3, source: 居委会组织法 2025 第二十九条}
        floor: {value: 2/3, source: 居委会组织法 2025 第二十九条}      # may not be lower; `ceiling`: may not be higher
        basis: why this value, in words
    calendar:                                                       # optional: years that the product does not know yet
      2027: {holidays: [2027-01-01], workdays: [2027-02-06]}

A share such as `2/3` is a context {numerator: 2, denominator: 3}, since no decimal number is exactly two thirds; so a model
writes `present * parameters.rep_meeting.quorum.denominator >= parameters.rep_meeting.quorum.numerator * should`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any

from engine import clock
from engine.errors import ModelRefused, Sentence, say

from . import documents

_SHARE = re.compile(r"([1-9]\d{0,5})\s*/\s*([1-9]\d{0,5})\Z")
_KEY = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*){0,4}\Z")
_PARAMETER_KEYS = ("title", "unit", "values", "source", "floor", "ceiling", "basis")
_VALUE_KEYS = ("from", "value", "source")
_LIMIT_KEYS = ("value", "source", "from")
_MAX_PARAMETERS = 1_000

Value = int | Decimal | bool | str | date | dict[str, int]


@dataclass(frozen=True)
class Dated:
    """A value, since when it holds, and who says so."""

    since: date
    value: Value
    source: str
    line: int = 0


@dataclass(frozen=True)
class Limit:
    """A value which a law lets nobody fall below (or exceed), since when, and the law with its article."""

    value: Value
    source: str
    since: date
    highest: bool = False


@dataclass(frozen=True)
class Parameter:
    """One number of law or charter. `values` are in the order of their dates."""

    key: str
    title: str
    unit: str = ""
    values: tuple[Dated, ...] = ()
    limits: tuple[Limit, ...] = ()
    basis: str = ""
    line: int = 0

    def at(self, on: date) -> Dated | None:
        """-> the value which holds on that day; None before the first."""
        return next((one for one in reversed(self.values) if one.since <= on), None)


@dataclass(frozen=True)
class Parameters:
    """All parameters of a pack, by key, and the years of its own calendar."""

    file: str = ""
    by_key: Mapping[str, Parameter] = field(default_factory=dict)
    calendar: clock.Calendar = clock.CHINA

    def context(self, on: date) -> dict[str, Any]:
        """-> the values of that day as nested contexts: `rep_meeting.quorum` is found at ["rep_meeting"]["quorum"].
        A parameter which has no value yet on that day is null."""
        found: dict[str, Any] = {}
        for key, parameter in self.by_key.items():
            place = found
            *path, last = key.split(".")
            for part in path:
                place = place.setdefault(part, {})
            dated = parameter.at(on)
            value = dated.value if dated else None
            place[last] = dict(value) if isinstance(value, dict) else value
        return found

    def problems(self) -> list[ModelRefused]:
        """-> a refusal for every value that breaks a limit of law, naming the article, with file and line."""
        return [
            ModelRefused(sentence, where={"file": self.file, "line": dated.line, "element": parameter.key})
            for parameter in self.by_key.values()
            for dated, sentence in _broken(parameter)
        ]


def load(data: bytes, file: str = "parameters.yaml") -> Parameters:
    """-> the parameters of a file; empty for an empty file. ModelRefused with file and line for what cannot be read;
    values beyond a limit are read and left to `problems`."""
    content = documents.table(documents.load(data, file), file, 1, known=("parameters", "calendar"))
    listed = content.get("parameters") or documents.Table()
    if not isinstance(listed, documents.Table):
        raise documents.refused(say("parameters: expected a mapping from keys to parameters."), file, content.lines["parameters"])
    if len(listed) > _MAX_PARAMETERS:
        raise documents.refused(say("A pack may have {limit} parameters at most.", limit=_MAX_PARAMETERS), file, 1)
    found = {key: _parameter(key, value, listed.lines[key], file) for key, value in listed.items()}
    for key in found:
        for end in range(1, key.count(".") + 1):
            above = ".".join(key.split(".")[:-end])
            if above in found:
                raise documents.refused(
                    say("{key} cannot be a parameter beside {above}: one is inside the other.", key=key, above=above),
                    file,
                    found[key].line,
                )
    return Parameters(file, found, _calendar(content, file))


def number(value: Value) -> Fraction | None:
    """-> the exact number that a value is, for comparing; None for what is no number."""
    if isinstance(value, dict):
        return Fraction(value["numerator"], value["denominator"])
    return Fraction(value) if isinstance(value, int | Decimal) and not isinstance(value, bool) else None


def write(value: Value) -> str:
    """-> a value as a person reads it: `2/3`, `15`."""
    return f"{value['numerator']}/{value['denominator']}" if isinstance(value, dict) else str(value)


def _parameter(key: Any, value: Any, line: int, file: str) -> Parameter:
    if not isinstance(key, str) or not _KEY.match(key):
        raise documents.refused(say("{key}: expected words in snake_case, with points between them.", key=key), file, line)
    entry = documents.table(value, file, line, known=_PARAMETER_KEYS, needed=("title", "values"))
    source = str(entry.get("source") or "")
    rows = entry["values"]
    if not isinstance(rows, documents.Row) or not rows:
        raise documents.refused(
            say("{key}: values is a list of entries with `from` and `value`.", key=key), file, entry.lines["values"]
        )
    values = []
    for place, row in enumerate(rows):
        at = rows.lines[place]
        item = documents.table(row, file, at, known=_VALUE_KEYS, needed=("from", "value"))
        values.append(Dated(_day(item, "from", file), _read(item, file), str(item.get("source") or source), at))
        if not values[-1].source:
            raise documents.refused(say("{key}: every value needs a source.", key=key), file, at)
    values.sort(key=lambda one: one.since)
    for one, other in pairwise(values):
        if one.since == other.since:
            raise documents.refused(say("{key}: two values hold from the same day.", key=key), file, other.line)
    limits = tuple(
        _limit(entry[name], entry.lines[name], name == "ceiling", file) for name in ("floor", "ceiling") if entry.get(name)
    )
    for limit in limits:
        if any(number(dated.value) is None for dated in values) or number(limit.value) is None:
            raise documents.refused(say("{key}: a limit can be set to numbers and shares alone.", key=key), file, line)
    return Parameter(
        key, str(entry["title"]), str(entry.get("unit") or ""), tuple(values), limits, str(entry.get("basis") or ""), line
    )


def _limit(value: Any, line: int, highest: bool, file: str) -> Limit:
    entry = documents.table(value, file, line, known=_LIMIT_KEYS, needed=("value", "source"))
    since = _day(entry, "from", file) if "from" in entry else date.min
    return Limit(_read(entry, file), str(entry["source"]), since, highest)


def _day(entry: documents.Table, key: str, file: str) -> date:
    day = entry[key]
    if not isinstance(day, date):
        raise documents.refused(say("{key}: expected a date such as 2026-01-01.", key=key), file, entry.lines[key])
    return day


def _read(entry: documents.Table, file: str) -> Value:
    value = entry["value"]
    if isinstance(value, dict | list):
        raise documents.refused(say("value: expected a number, a share such as 2/3, a word or a date."), file, entry.lines["value"])
    share = _SHARE.match(value) if isinstance(value, str) else None
    if share:
        return {"numerator": int(share[1]), "denominator": int(share[2])}
    known: Value = value
    return known


def _broken(parameter: Parameter) -> list[tuple[Dated, Sentence]]:
    found = []
    for place, dated in enumerate(parameter.values):
        until = parameter.values[place + 1].since if place + 1 < len(parameter.values) else date.max
        for limit in parameter.limits:
            value, bound = number(dated.value), number(limit.value)
            if value is None or bound is None or until <= limit.since:
                continue
            words = {
                "title": parameter.title,
                "key": parameter.key,
                "value": write(dated.value),
                "limit": write(limit.value),
                "law": limit.source,
            }
            if value < bound and not limit.highest:
                found.append((dated, say("{title} ({key}) is {value}, but {law} does not let it fall below {limit}.", **words)))
            if value > bound and limit.highest:
                found.append((dated, say("{title} ({key}) is {value}, but {law} does not let it exceed {limit}.", **words)))
    return found


def _calendar(content: documents.Table, file: str) -> clock.Calendar:
    years = content.get("calendar") or documents.Table()
    if not isinstance(years, documents.Table):
        raise documents.refused(say("calendar: expected a mapping from years to their days."), file, content.lines["calendar"])
    found = {}
    for year, value in years.items():
        line = years.lines[year]
        if not isinstance(year, int):
            raise documents.refused(say("calendar: {year} is no year.", year=year), file, line)
        entry = documents.table(value, file, line, known=("holidays", "workdays", "source"), needed=("holidays",))
        days = []
        for name in ("holidays", "workdays"):
            listed = entry.get(name) or []
            if not isinstance(listed, list) or not all(isinstance(day, date) and day.year == year for day in listed):
                raise documents.refused(
                    say("{key}: expected a list of days of {year}.", key=name, year=year), file, entry.lines[name]
                )
            days.append(frozenset(listed))
        found[year] = clock.Year(*days)
    return clock.Calendar(found)
