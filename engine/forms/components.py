"""The components of a form file, as the engine keeps them: parsed once, never changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from engine.feel.regex import Pattern

MAX_TEXTFIELD = 500
MAX_TEXTAREA = 20_000
MAX_ROWS = 200


class Kind(StrEnum):
    """The component types of form-js that a form may have, by the word of the file."""

    TEXT = "text"
    SEPARATOR = "separator"
    SPACER = "spacer"
    GROUP = "group"
    ROWS = "dynamiclist"
    EXPRESSION = "expression"
    TEXTFIELD = "textfield"
    TEXTAREA = "textarea"
    NUMBER = "number"
    CHECKBOX = "checkbox"
    CHECKLIST = "checklist"
    TAGLIST = "taglist"
    RADIO = "radio"
    SELECT = "select"
    DATETIME = "datetime"
    FILES = "filepicker"


ORNAMENTS = frozenset((Kind.TEXT, Kind.SEPARATOR, Kind.SPACER))
MANY = frozenset((Kind.CHECKLIST, Kind.TAGLIST))
CHOICES = frozenset((Kind.CHECKLIST, Kind.TAGLIST, Kind.RADIO, Kind.SELECT))
INPUTS = frozenset(Kind) - ORNAMENTS - {Kind.GROUP, Kind.ROWS, Kind.EXPRESSION}


class Formula(str):
    """The text of a FEEL expression, without the `=` that marks it in the file."""

    __slots__ = ()


Template = tuple[str, ...]
"""A text with values in it: plain pieces, and formulas which are shown as their values (`{{ … }}` in the file)."""


@dataclass(frozen=True)
class Choice:
    """One of the answers that are offered: what is stored, and what people read."""

    value: Any
    label: str


@dataclass(frozen=True)
class Check:
    """A condition that the whole answer must satisfy, and what is said where it does not. `reads` are names in it."""

    condition: Formula
    message: str
    reads: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Component:
    """One component. `path` leads to its value in the innermost list row (or in the form): `("plan", "budget")`.

    `pattern_name` is its name in a posted form with `[]` for any row: `positions[].unit`.
    """

    kind: Kind
    path: tuple[str, ...] = ()
    pattern_name: str = ""
    label: Template = ()
    description: Template = ()
    text: Template = ()
    default: Any = None
    formula: Formula | None = None
    hide: Formula | None = None
    readonly: bool | Formula = False
    required: bool | Formula = False
    minimum: Any = None
    maximum: Any = None
    min_length: int | Formula | None = None
    max_length: int | Formula | None = None
    pattern: Pattern | None = None
    shape: str = ""  # email | phone
    checks: tuple[Check, ...] = ()
    choices: tuple[Choice, ...] = ()
    choices_from: Formula | None = None
    decimals: int | None = None
    step: Decimal | None = None
    as_text: bool = False  # a number that is stored as text
    subtype: str = ""  # date | time | datetime
    not_past: bool = False
    multiple: bool = False
    accept: str = ""
    prefix: Template = ()
    suffix: Template = ()
    origin: str = ""
    prefill: bool = True
    initial_rows: int = 1
    rows_change: bool = True
    children: tuple[Component, ...] = ()
    properties: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def is_input(self) -> bool:
        """Whether people answer here (as long as it is not read-only)."""
        return self.kind in INPUTS

    @property
    def has_value(self) -> bool:
        return self.is_input or self.kind in (Kind.ROWS, Kind.EXPRESSION)

    @property
    def many(self) -> bool:
        """Whether the answer is a list."""
        return self.kind in MANY or self.kind is Kind.ROWS or (self.kind is Kind.FILES and self.multiple)
