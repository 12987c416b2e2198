"""The names of a posted form: `plan.budget`, `positions[0].unit`; and the rows which they speak of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from .reading import RESERVED

_ROW = re.compile(r"\[(0|[1-9]\d{0,2})\]")
MAX_INDEX = 999


def is_reserved(name: str) -> bool:
    """Whether the page, and no field, sent it: a token, a button."""
    return name.startswith("_") or name in RESERVED


def pattern_of(name: str) -> str:
    """-> `positions[].unit` for `positions[3].unit`: under which a form knows the field. Empty for what no page sends."""
    return "" if "[]" in name else _ROW.sub("[]", name) if "[" in name else name


def rows_in(name: str) -> Iterator[tuple[str, int]]:
    """-> the lists in which the name lies, with its row in each, from outside in."""
    for found in _ROW.finditer(name):
        yield name[: found.start()], int(found[1])


def rows_of(names: Iterable[str]) -> dict[str, list[int]]:
    """-> {name of a list: the numbers of its rows, in order} for all lists that the names speak of."""
    rows: dict[str, set[int]] = {}
    for name in names:
        for owner, index in rows_in(name):
            rows.setdefault(owner, set()).add(index)
    return {owner: sorted(found) for owner, found in rows.items()}


def with_row(typed: Mapping[str, Sequence[str]], owner: str) -> dict[str, list[str]]:
    """-> what was typed, with one more empty row at the end of the list `owner`."""
    made = {name: list(strings) for name, strings in typed.items()}
    rows = rows_of(made).get(owner, [])
    new = rows[-1] + 1 if rows else 0
    if new <= MAX_INDEX:
        made[f"{owner}[{new}]"] = [""]
    return made


def without_row(typed: Mapping[str, Sequence[str]], row: str) -> dict[str, list[str]]:
    """-> what was typed, without the row `positions[2]`. The numbers of other rows stay: gaps do no harm."""
    return {name: list(strings) for name, strings in typed.items() if name != row and not name.startswith(f"{row}.")}
