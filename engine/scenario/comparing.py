"""Compares what a scenario expects with what is seen: by FEEL's comparison of values, not by Python's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from engine import feel


def matches(key: str, wanted: Any, seen: Any) -> bool:
    """-> whether what is `seen` satisfies what is `wanted` under this key of an expectation."""
    if key in ("tasks", "ended", "incidents"):
        return Counter(wanted) == Counter(seen)
    if key in ("tasks_include", "waiting"):
        return not Counter(wanted) - Counter(seen)
    if key in ("tasks_exclude", "not_completed"):
        return not set(wanted) & set(seen)
    if key == "completed":
        rest = iter(seen)
        return all(any(element == other for other in rest) for element in wanted)
    if key in ("variables", "task_variables"):
        return seen is not None and all(
            matches("variables", v, seen.get(k)) if key == "task_variables" else equal(v, seen.get(k)) for k, v in wanted.items())
    if key == "ended_or_failed":
        return bool(bool(seen) == wanted)
    return bool(wanted == seen)


def equal(wanted: Any, seen: Any) -> bool:
    """FEEL's comparison of values: 1 = 1.0; dates and durations may be written as their text."""
    wanted, seen = feel.to_python(plain(wanted)), feel.to_python(seen)
    if isinstance(wanted, bool) or isinstance(seen, bool) or wanted is None or seen is None:
        return bool(wanted is seen or (wanted == seen and type(wanted) is type(seen)))
    if isinstance(wanted, int | float | Decimal) and isinstance(seen, int | float | Decimal):
        return Decimal(str(wanted)) == Decimal(str(seen))
    if isinstance(wanted, Mapping) and isinstance(seen, Mapping):
        return wanted.keys() == seen.keys() and all(equal(v, seen[k]) for k, v in wanted.items())
    if isinstance(wanted, list) and isinstance(seen, list):
        return len(wanted) == len(seen) and all(map(equal, wanted, seen))
    if isinstance(wanted, str) and not isinstance(seen, str):
        return bool(wanted == feel.show(seen))
    return bool(wanted == seen)


def plain(value: Any) -> Any:
    """YAML's tables and rows as plain dicts and lists."""
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    return value


def has_feel(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(map(has_feel, value.values()))
    if isinstance(value, list):
        return any(map(has_feel, value))
    return isinstance(value, str) and value.startswith("=")


def evaluated(value: Any, evaluate: Callable[[str], Any]) -> Any:
    if isinstance(value, Mapping):
        return {k: evaluated(v, evaluate) for k, v in value.items()}
    if isinstance(value, list):
        return [evaluated(v, evaluate) for v in value]
    return evaluate(value) if isinstance(value, str) and value.startswith("=") else value


def says(error: Exception, wanted: str) -> bool:
    return wanted in whole(error) or wanted == getattr(error, "code", None)


def whole(error: Exception) -> str:
    """The sentence with those of its fields, and the code."""
    parts = [str(error)]
    problems: Any = getattr(error, "problems", None)
    if isinstance(problems, Mapping):
        parts += [f"{name}: {sentence}" for name, sentence in problems.items()]
    code = getattr(error, "code", None)
    return " · ".join(parts) + (f" [{code}]" if code else "")


def show(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{k}: {show(v)}" for k, v in list(value.items())[:30]) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(show(v) for v in value[:30]) + "]"
    return feel.show(value) if not isinstance(value, str) else value
