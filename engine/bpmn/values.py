"""Values of variables as text and back: JSON, with an escaped tag for what JSON lacks.

A value of a kind that JSON has no word for is an object with the one key `$date`, `$time`, `$dateTime`, `$duration`, `$decimal`
or `$range`. Where people's own data look like that (an object with one key which begins with `$`), the key gets one `$` more;
so everything that goes in comes out, and nothing that a person typed is ever taken for a value of ours.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from engine import feel
from engine.errors import Incident, say
from engine.feel.text import read_date, read_date_time, read_duration, read_time

_MARK = '"$'


def encode(value: Any) -> str:
    """-> the JSON text of a value of FEEL, or of Python, which is taken as FEEL's. Incident for what cannot be kept (functions)."""
    try:
        text = _dumps(value)
        return text if _MARK not in text else _dumps(_tagged(value))
    except (TypeError, ValueError, RecursionError):
        return _dumps(_tagged(plain(value)))


def decode(text: str) -> Any:
    """-> the value whose text `encode` made. ValueError where the text is none of it."""
    value = json.loads(text)
    return _untagged(value) if _MARK in text else value


def plain(value: Any) -> Any:
    """-> the value of FEEL for a value of Python: what variables hold. Incident where FEEL has no such kind."""
    try:
        return feel.to_feel(value)
    except (TypeError, RecursionError) as error:
        raise Incident(say("A variable cannot hold this value: {reason}.", reason=error)) from error


def _dumps(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=_tag)


def _tagged(value: Any) -> Any:
    kind = type(value)
    if kind is list or kind is tuple:
        return [_tagged(item) for item in value]
    if kind is dict:
        if len(value) == 1:
            (key,) = value
            if isinstance(key, str) and key.startswith("$"):
                return {"$" + key: _tagged(value[key])}
        return {key: _tagged(item) for key, item in value.items()}
    return value if kind in _JSON else _tag(value)


def _tag(value: Any) -> Any:
    name = _NAMES.get(type(value))
    if name is not None:
        return {name: str(value) if name == "$decimal" else feel.write(value)}
    if type(value) is feel.Range:
        return {"$range": [_tagged(value.start), _tagged(value.end), value.start_included, value.end_included]}
    if callable(value) or isinstance(value, feel.Function):
        raise Incident(say("A variable cannot hold a function."))
    return _tagged(plain(value))


def _untagged(value: Any) -> Any:
    if type(value) is list:
        return [_untagged(item) for item in value]
    if type(value) is not dict:
        return value
    if len(value) == 1:
        ((key, item),) = value.items()
        if key.startswith("$$"):
            return {key[1:]: _untagged(item)}
        if key.startswith("$"):
            if key not in _READERS:
                raise ValueError(f"the text has a value of the unknown kind {key}")
            return _READERS[key](item)
    return {key: _untagged(item) for key, item in value.items()}


def _range(parts: list[Any]) -> feel.Range:
    start, end, start_included, end_included = parts
    return feel.Range(_untagged(start), _untagged(end), start_included, end_included)


_JSON = frozenset((str, int, bool, type(None)))
_NAMES: Mapping[type, str] = {feel.Date: "$date", feel.Time: "$time", feel.DateTime: "$dateTime", feel.DaysTime: "$duration",
                              feel.YearsMonths: "$duration", Decimal: "$decimal"}
_READERS: Mapping[str, Callable[[Any], Any]] = {"$date": read_date, "$time": read_time, "$dateTime": read_date_time,
                                                "$duration": read_duration, "$decimal": Decimal, "$range": _range}
