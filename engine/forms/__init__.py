"""Form files (form-js schema): read strictly, checked on the server, described for a page that needs no script."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from engine.errors import Invalid, Sentence, say

from . import fields as _fields
from . import names
from .components import Component, Formula, Kind
from .fields import Fact, Field, Option, Row
from .filling import Filling
from .reading import Evaluator, read

__all__ = ["Component", "Evaluator", "Fact", "Field", "Form", "Formula", "Kind", "Option", "Row", "load"]


def load(data: bytes, evaluator: Evaluator, file: str = "") -> Form:
    """-> the form that the bytes of a `.form` file describe.

    `evaluator` (see `engine.decisions.Evaluator`) reads the formulas. ModelRefused with `file`, `line` and `element` (the
    field's key) where the file is no form-js schema, has a component that we do not offer, a formula that is no FEEL, a
    pattern that cannot be read, or is too large.
    """
    return Form(read(data, evaluator, file), evaluator, file)


@dataclass(frozen=True)
class Form:
    """A form, read once; any number of threads may use it."""

    components: tuple[Component, ...]
    evaluator: Evaluator
    file: str = ""

    def check(self, typed: Mapping[str, Sequence[str]], context: Mapping[str, Any]) -> dict[str, Any]:
        """-> values of FEEL for what a browser posted: the name of each field (`title`, `positions[0].unit`) → strings.

        The values are nested as the keys are; a field left empty or hidden is null (or an empty list). `context` is what
        the matter knows. Invalid with a sentence for every field that cannot be taken: all at once, in the order of the
        form, unknown names last. Names of the page itself (`csrf_token`, `do`, `_…`) are passed over. What a condition
        hides is left out. Incident where a formula takes more than it may.
        """
        return self._checked(self._filling(context, typed=typed))

    def check_values(self, values: Mapping[str, Any], context: Mapping[str, Any]) -> dict[str, Any]:
        """As `check`, for values that have their types already (scenarios, API); days and times may be ISO texts.

        A field that is not given holds what a person would have found in it: what the matter knows, else its default.
        """
        return self._checked(self._filling(context, given=values))

    def describe(self, context: Mapping[str, Any], typed: Mapping[str, Sequence[str]] | None = None,
                 problems: Mapping[str, Sentence] | None = None, values: Mapping[str, Any] | None = None) -> list[Field]:
        """-> what a page shows: the form as `typed` (every character of it), else with `values`, else as it begins."""
        return _fields.fields(self._filling(context, typed, values), problems or {})

    def known(self, context: Mapping[str, Any]) -> list[Fact]:
        """-> what is shown and not asked: the read-only fields which the matter already knows."""
        return _fields.known(self._filling(context))

    def facts(self, values: Mapping[str, Any]) -> list[Fact]:
        """-> a form that has been filled in, for reading: labels and values in the order of the form."""
        return _fields.facts(self._filling(values, given=values))

    def rearranged(self, typed: Mapping[str, Sequence[str]]) -> dict[str, list[str]] | None:
        """-> what was typed after one of the buttons that only change the page: a row more (`_add`), a row less
        (`_remove`), or the fields that now apply (`_refresh`). None where none of them was pressed."""
        pressed = {name: typed[name][-1] if typed[name] else "" for name in ("_add", "_remove", "_refresh") if name in typed}
        if not pressed:
            return None
        kept = {name: list(strings) for name, strings in typed.items() if name not in pressed}
        grown = self._by_name.get(names.pattern_of(pressed.get("_add", "")))
        if grown is not None and grown.kind is Kind.ROWS:
            kept = names.with_row(kept, pressed["_add"])
        if pressed.get("_remove"):
            kept = names.without_row(kept, pressed["_remove"])
        return kept

    @property
    def changes_while_filling(self) -> bool:
        """Whether fields appear, or are computed, from what is typed into others; so that a page offers `_refresh`."""
        return any(component.hide or component.formula or component.choices_from or isinstance(component.readonly, Formula)
                   for component in self.all())

    @property
    def takes_papers(self) -> bool:
        return any(component.kind is Kind.FILES for component in self.all())

    @property
    def keys(self) -> tuple[str, ...]:
        """The variables which the form writes, in its order."""
        return tuple(dict.fromkeys(component.path[0] for component in _top(self.components)))

    def all(self) -> Iterator[Component]:
        """-> every component, in the order of the form."""
        yield from _all(self.components)

    def is_paper_field(self, name: str) -> bool:
        """Whether papers go into the field with this name (`scan`, `positions[0].scan`), and so not text."""
        found = self._by_name.get(names.pattern_of(name))
        return found is not None and found.kind is Kind.FILES

    def takes_many(self, name: str) -> bool:
        """Whether more than one answer, or paper, goes into the field with this name."""
        found = self._by_name.get(names.pattern_of(name))
        return found is not None and found.many

    @cached_property
    def _by_name(self) -> Mapping[str, Component]:
        return {component.pattern_name: component for component in self.all() if component.has_value}

    def _filling(self, context: Mapping[str, Any], typed: Mapping[str, Sequence[str]] | None = None,
                 given: Mapping[str, Any] | None = None) -> Filling:
        return Filling(self.components, self._by_name, self.evaluator, context, typed, given)

    def _checked(self, filling: Filling) -> dict[str, Any]:
        problems = filling.problems()
        if problems:
            raise Invalid(say("{count} places need attention; what you typed is kept.", count=len(problems)), problems)
        return filling.values()


def _all(components: Sequence[Component]) -> Iterator[Component]:
    for component in components:
        yield component
        yield from _all(component.children)


def _top(components: Sequence[Component]) -> Iterator[Component]:
    for component in components:
        if component.kind is Kind.GROUP:
            yield from _top(component.children)
        elif component.has_value:
            yield component
