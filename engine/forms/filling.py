"""One filling-in of a form: which fields are there, what is in them, which are hidden, and what is wrong.

Conditions, computed fields and offered answers may depend on each other in any order. So the fields are gone through in
the order of the form again and again, until nothing changes any more.
"""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

from engine.errors import Incident, Sentence, say

from . import coercion
from .coercion import Wrong
from .components import MAX_ROWS, Choice, Component, Formula, Kind
from .names import is_reserved, pattern_of, rows_of
from .reading import Evaluator

MAX_TURNS = 10
MAX_UNKNOWN = 20
MAX_NAMES = 10_000
MAX_CHOICES = 2_000
_ROOT = re.compile(r"^[^.\[]+")


@dataclass(eq=False)
class Frame:
    """The values of the form, or of one row of a list. Names are looked for from the innermost row outwards."""

    outer: Frame | None
    context: Mapping[str, Any]
    values: dict[str, Any] = field(default_factory=dict)
    blank: bool = False  # a row into which nothing was put

    def scope(self) -> ChainMap[str, Any]:
        """-> the names that a formula here may read: fields nearest first, then what the matter knows; `this` is the
        row and `parent` what is around it."""
        maps: list[Any] = [self.values]
        if self.outer is not None:
            maps.append({"this": self.values, "parent": self.outer.values})
        frame = self.outer
        while frame is not None:
            maps.append(frame.values)
            frame = frame.outer
        return ChainMap(*maps, self.context)  # type: ignore[arg-type]

    def put(self, path: Sequence[str], value: Any) -> None:
        owner = self.values
        for depth, step in enumerate(path[:-1]):
            if not isinstance(owner.get(step), dict):
                # What the matter has under the same name goes on beside what this form asks.
                known = find(self.context, path[: depth + 1]) if self.outer is None else None
                owner[step] = dict(known) if isinstance(known, Mapping) else {}
            owner = owner[step]
        owner[path[-1]] = value


@dataclass(eq=False)
class Node:
    """One component where it stands: `name` is its name in the page, `frame` where its value goes."""

    component: Component
    name: str
    frame: Frame
    children: list[Node] = field(default_factory=list)  # of a group
    rows: list[tuple[int, Frame, list[Node]]] = field(default_factory=list)  # of a list
    value: Any = None
    hidden: bool = False
    locked: bool = False  # read-only here and now
    choices: Sequence[Choice] = ()
    problem: Sentence | None = None
    known: bool = False  # read-only, and the matter knows it already

    def all(self) -> Iterator[Node]:
        """-> this node and all below it, in the order of the form."""
        yield self
        for child in self.children:
            yield from child.all()
        for _, _, nodes in self.rows:
            for child in nodes:
                yield from child.all()


class Filling:
    """What is in the form, from what a browser posted (`typed`), else from typed values (`given`) and beginnings."""

    def __init__(self, components: Sequence[Component], known: Mapping[str, Component], evaluator: Evaluator,
                 context: Mapping[str, Any], typed: Mapping[str, Sequence[str]] | None = None,
                 given: Mapping[str, Any] | None = None) -> None:
        self.evaluator, self.context = evaluator, context
        self.is_typed = typed is not None
        self.unknown: dict[str, Sentence] = {}
        self.raw: dict[str, Any] = {}
        self.told: set[str] = set()  # the names which a scenario gave itself
        self.count: dict[str, list[int]] = {}
        self.listed: set[str] = set()  # lists whose rows are told, even if there are none
        if typed is not None:
            self._take_typed(typed, known)
        else:
            self._take_given(components, given or {})
        self.root = Frame(None, context)
        self.nodes = self._nodes(components, self.root, "")
        self._settle()

    def all(self) -> Iterator[Node]:
        for node in self.nodes:
            yield from node.all()

    def problems(self) -> dict[str, Sentence]:
        """-> one sentence for each field that cannot be taken as it is, in the order of the form; unknown names last."""
        shown = [(node, self._refuse_hidden(node) if node.hidden else node.problem or self._limits(node)) for node in self.all()]
        # As long as a field is wrong, no condition that reads it says anything: the cause stands beside the field.
        wrong = [node for node, problem in shown if problem is not None]
        troubled = {step for node in wrong for step in (*_ROOT.findall(node.name), *node.component.path)}
        found: dict[str, Sentence] = {}
        for node, problem in shown:
            if problem is None and not node.hidden:
                problem = self._checks(node, troubled)
            if problem is not None:
                found[node.name] = problem
        return {**found, **self.unknown}

    def values(self) -> dict[str, Any]:
        """-> what the form writes: a value for each of its fields, null for those which are hidden or left empty."""
        made = Frame(None, self.context)
        for node in self.nodes:
            self._collect(node, made)
        return made.values

    # --- what came in -----------------------------------------------------------------------------------------------
    def _take_typed(self, typed: Mapping[str, Sequence[str]], known: Mapping[str, Component]) -> None:
        names: list[str] = []
        for name, strings in typed.items():
            if is_reserved(name):
                continue
            pattern = pattern_of(name)
            if pattern not in known and not _is_row(pattern, known):
                self._not_known(name)
            elif len(names) >= MAX_NAMES:
                self.unknown[""] = say("More fields were sent than a form can have.")
            else:
                names.append(name)
                if pattern in known:
                    self.raw[name] = strings
        self.count = rows_of(names)

    def _not_known(self, name: str) -> None:
        if len(self.unknown) < MAX_UNKNOWN:
            shown = "".join(c if c.isprintable() else "·" for c in name[:80])
            self.unknown[shown] = say("This form has no field “{name}”.", name=shown)

    def _take_given(self, components: Sequence[Component], given: Mapping[str, Any]) -> None:
        paths = {component.path: component for component in leaves(components)}
        self._flatten(given, paths, (), "", strict=True)
        for path, component in paths.items():
            name = ".".join(path)
            if component.kind is Kind.ROWS and name not in self.listed and component.prefill:
                before = find(self.context, path)
                if isinstance(before, list) and all(isinstance(row, Mapping) for row in before):
                    self._take_rows(component, name, before[:MAX_ROWS], strict=False)

    def _flatten(self, data: Mapping[str, Any], paths: Mapping[tuple[str, ...], Component], at: tuple[str, ...], prefix: str,
                 strict: bool) -> None:
        for key, value in data.items():
            path = (*at, str(key))
            component = paths.get(path)
            name = prefix + ".".join(path)
            if component is not None and component.kind is Kind.ROWS:
                self._take_rows(component, name, value, strict)
            elif component is not None:
                self.raw[name] = value
                if strict:
                    self.told.add(name)
            elif isinstance(value, Mapping) and any(other[: len(path)] == path for other in paths):
                self._flatten(value, paths, path, prefix, strict)
            elif strict:
                self._not_known(name)

    def _take_rows(self, component: Component, name: str, rows: Any, strict: bool) -> None:
        self.listed.add(name)
        if not isinstance(rows, list | tuple) or not all(isinstance(row, Mapping) for row in rows):
            self.raw[name] = rows
            self.count[name] = []
            return
        self.count[name] = list(range(len(rows)))
        paths = {child.path: child for child in leaves(component.children)}
        for index, row in enumerate(rows[: MAX_ROWS + 1]):
            self._flatten(row, paths, (), f"{name}[{index}].", strict)

    # --- the fields -------------------------------------------------------------------------------------------------
    def _nodes(self, components: Sequence[Component], frame: Frame, prefix: str) -> list[Node]:
        return [self._node(component, frame, prefix) for component in components]

    def _node(self, component: Component, frame: Frame, prefix: str) -> Node:
        node = Node(component, prefix + ".".join(component.path), frame)
        if component.kind is Kind.GROUP:
            node.children = self._nodes(component.children, frame, prefix)
        elif component.kind is Kind.ROWS:
            told = self.count.get(node.name, [])
            if not told and node.name not in self.listed:
                told = list(range(component.initial_rows))
            for index in told[: MAX_ROWS + 1]:
                self._add_row(node, index)
        return node

    def _add_row(self, node: Node, index: int) -> None:
        frame = Frame(node.frame, self.context)
        node.rows.append((index, frame, self._nodes(node.component.children, frame, f"{node.name}[{index}].")))

    def _settle(self) -> None:
        before: list[Any] = []
        for _ in range(MAX_TURNS):
            for node in self.nodes:
                self._turn(node, False)
            after = [(node.hidden, node.locked, node.value) for node in self.all() if node.component.kind is not Kind.ROWS]
            if after == before:
                return
            before = after

    def _turn(self, node: Node, hidden: bool) -> None:
        component = node.component
        node.hidden = hidden or (component.hide is not None and self.value_of(component.hide, node) is True)
        if component.has_value:
            node.problem, node.value, node.known = None, [] if component.many else None, False
            if not node.hidden:
                self._read(node)
            node.frame.put(component.path, node.value)
        for child in node.children:
            self._turn(child, node.hidden)
        for _, _, nodes in node.rows:
            for child in nodes:
                self._turn(child, node.hidden)

    def _read(self, node: Node) -> None:
        component = node.component
        if component.kind is Kind.ROWS:
            for _, frame, nodes in node.rows:
                frame.blank = self._is_blank(nodes)
            node.value = [frame.values for _, frame, _ in node.rows if not frame.blank]
            if self.raw.get(node.name) is not None:
                node.problem = say("Expected a list of rows.")
            return
        if component.kind is Kind.EXPRESSION:
            assert component.formula is not None
            node.value = self.value_of(component.formula, node)
            self._refuse_change(node)
            return
        node.locked = self.holds(component.readonly, node)
        node.choices = self._choices(node)
        try:
            if node.locked:
                node.value = self._beginning(node)
                self._refuse_change(node)
            elif self.is_typed:
                node.value = coercion.from_typed(component, self.raw.get(node.name, ()), node.choices)
            elif node.name in self.raw:
                node.value = coercion.from_given(component, self.raw[node.name], node.choices)
            else:
                node.value = self._beginning(node)
        except Wrong as error:
            node.problem = error.sentence
        node.value = coercion.stored(component, node.value)

    def _beginning(self, node: Node) -> Any:
        """What is in the field before anybody types: what the matter knows under its name, else the default."""
        component = node.component
        if node.frame.outer is None and (component.prefill or node.locked):
            known = find(self.context, component.path)
            value = self._taken(node, known)
            if known is not None and value is not None:
                node.known = node.locked
                return value
        default = component.default
        value = self._taken(node, self.value_of(default, node) if isinstance(default, Formula) else default)
        return [] if value is None and component.many else value

    def _taken(self, node: Node, value: Any) -> Any:
        """The value if it can be one of this field."""
        component = node.component
        if value is None:
            return False if component.kind is Kind.CHECKBOX and not node.locked else None
        try:
            if component.kind is Kind.NUMBER and isinstance(value, str):
                return coercion.from_typed(component, [value], node.choices)
            return coercion.from_given(component, value, node.choices)
        except Wrong:
            return None

    def _refuse_change(self, node: Node) -> None:
        if node.name not in self.raw:
            return
        sent, there = self.raw[node.name], node.value
        if self.is_typed:
            texts = [coercion.written(item) for item in there] if isinstance(there, list) else [coercion.written(there)]
            same = [text for text in sent if text] == [text for text in texts if text]
        else:
            same = coercion.comparable(sent) == coercion.comparable(there)
        if not same:
            node.problem = say("This is not asked: it is known already, and cannot be changed here.")

    def _choices(self, node: Node) -> Sequence[Choice]:
        formula = node.component.choices_from
        if formula is None:
            return node.component.choices
        offered = self.value_of(formula, node)
        made = []
        for item in offered[:MAX_CHOICES] if isinstance(offered, list) else ():
            if isinstance(item, dict):
                if item.get("value") is not None:
                    made.append(Choice(item["value"], coercion.written(item.get("label", item["value"]))))
            elif item is not None:
                made.append(Choice(item, coercion.written(item)))
        return made

    def _is_blank(self, nodes: Sequence[Node]) -> bool:
        """Whether nothing was put into the row but what stood there from the beginning."""
        for node in (below for top in nodes for below in top.all()):
            component, raw = node.component, self.raw.get(node.name)
            if not component.is_input or raw is None or node.locked:
                continue
            if not self.is_typed:
                return False
            default = component.default if not isinstance(component.default, Formula) else self.value_of(component.default, node)
            begun = default if isinstance(default, list) else [default]
            begun_texts = [coercion.written(item) for item in begun if item is not None]
            texts = [text for text in raw if text.strip()]
            if texts and texts != begun_texts:
                return False
        return True

    # --- what is wrong ----------------------------------------------------------------------------------------------
    def _refuse_hidden(self, node: Node) -> Sentence | None:
        """A browser may send what has just been hidden, and it is left out; a scenario that gives it is mistaken."""
        if node.name in self.told and self.raw.get(node.name) not in (None, "", []):
            return say("This field does not apply here: the form hides it.")
        return None

    def _limits(self, node: Node) -> Sentence | None:
        component = node.component
        if component.kind is Kind.ROWS:
            return self._row_limits(node)
        if not component.is_input or node.locked:
            return None
        if node.value in (None, "", []) or (component.kind is Kind.CHECKBOX and not node.value):
            if node.frame.blank or not self.holds(component.required, node):
                return None
            return _required(component)
        value = node.value
        if component.as_text and isinstance(value, str):
            value = coercion.from_typed(component, [value], ())
        return coercion.limits(component, value, lambda limit: self.bound(limit, node))

    def _row_limits(self, node: Node) -> Sentence | None:
        component, count = node.component, len(node.value)
        if len(node.rows) > MAX_ROWS:
            return say("At most {limit} rows are possible.", limit=MAX_ROWS)
        least, most = self.bound(component.min_length, node), self.bound(component.max_length, node)
        if self.holds(component.required, node) and count == 0:
            return say("Please fill in at least one row.")
        if type(least) is int and count < least:
            return say("Please fill in at least {limit} rows; there are {count}.", limit=least, count=count)
        if type(most) is int and count > most:
            return say("At most {limit} rows are possible.", limit=most)
        if not component.rows_change and len(node.rows) != component.initial_rows and self.is_typed:
            return say("Rows cannot be added or taken away here.")
        return None

    def _checks(self, node: Node, troubled: Set[str]) -> Sentence | None:
        """The first condition that does not hold. An empty field passes where it cannot be told without it."""
        for check in node.component.checks if not node.frame.blank else ():
            if check.reads & troubled:
                continue
            answer = self.value_of(check.condition, node)
            if answer is not True and not (answer is None and node.value in (None, "", [])):
                return coercion.told(check.message)
        return None

    def _collect(self, node: Node, made: Frame) -> None:
        component = node.component
        if component.kind is Kind.GROUP:
            for child in node.children:
                self._collect(child, made)
        elif component.kind is Kind.ROWS:
            rows = []
            for _, frame, nodes in node.rows:
                if node.hidden or frame.blank:
                    continue
                inner = Frame(made, {})
                for child in nodes:
                    self._collect(child, inner)
                rows.append(inner.values)
            made.put(component.path, rows)
        elif component.has_value and not (node.locked and (node.known or node.value is None)):
            made.put(component.path, node.value)

    # --- formulas ---------------------------------------------------------------------------------------------------
    def value_of(self, formula: Formula, node: Node) -> Any:
        """-> the value of a formula where the node stands. Incident, with the field, where the evaluator gives up."""
        try:
            return self.evaluator.evaluate(formula, node.frame.scope())
        except Incident as error:
            raise Incident(say("Field “{field}”: {sentence}", field=node.name or node.component.kind.value,
                               sentence=error.sentence), error.element, error.code) from error

    def holds(self, condition: bool | Formula, node: Node) -> bool:
        return self.value_of(condition, node) is True if isinstance(condition, Formula) else condition

    def bound(self, limit: Any, node: Node) -> Any:
        return self.value_of(limit, node) if isinstance(limit, Formula) else limit


def _is_row(pattern: str, known: Mapping[str, Component]) -> bool:
    """Whether the name is a row's own mark, which a page sends so that an empty row is not forgotten."""
    owner = known.get(pattern.removesuffix("[]"))
    return owner is not None and owner.kind is Kind.ROWS and pattern.endswith("[]")


def leaves(components: Sequence[Component]) -> Iterator[Component]:
    """-> the components which have a value in the same frame: groups are opened, lists are not."""
    for component in components:
        if component.kind is Kind.GROUP:
            yield from leaves(component.children)
        elif component.has_value:
            yield component


def find(values: Mapping[str, Any], path: Sequence[str]) -> Any:
    """-> what lies at the path, or None."""
    found: Any = values
    for step in path:
        found = found.get(step) if isinstance(found, Mapping) else None
    return found


def _required(component: Component) -> Sentence:
    own = component.properties.get("requiredMessage")
    return coercion.told(own) if own else _REQUIRED.get(component.kind, say("Please fill this in."))


_REQUIRED: Mapping[Kind, Sentence] = {
    Kind.CHECKBOX: say("Please tick this."), Kind.CHECKLIST: say("Please choose at least one."),
    Kind.TAGLIST: say("Please choose at least one."), Kind.RADIO: say("Please choose one."),
    Kind.SELECT: say("Please choose one."), Kind.FILES: say("Please attach a paper."),
}  # fmt: skip

