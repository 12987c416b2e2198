"""What a page shows of a form: records with everything a template needs, so that no rule stands in a template."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.errors import Sentence

from . import coercion
from .components import MAX_ROWS, Component, Formula, Kind, Template
from .filling import Filling, Node

_PICKED = {"date": re.compile(r"\d{4}-\d\d-\d\d"), "time": re.compile(r"\d\d:\d\d(:\d\d)?"),
           "datetime": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?")}
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>~&])")


@dataclass(frozen=True)
class Option:
    """One of the answers that are offered."""

    value: str
    label: str
    selected: bool


@dataclass(frozen=True)
class Row:
    """One row of a list. `name` is what its own marker and its remove button carry."""

    name: str
    number: int
    fields: tuple[Field, ...]


@dataclass(frozen=True)
class Field:
    """One field of a page, or an ornament between fields.

    `kind` is one of: text, separator, spacer, group, rows; textfield, textarea, number, checkbox, date, time, datetime,
    radio, select, checklist, taglist, files; fact (shown, not asked); kept (hidden now; what was typed is carried on).
    """

    kind: str
    name: str = ""
    id: str = ""
    label: str = ""
    hint: str = ""
    text: str = ""
    required: bool = False
    values: tuple[str, ...] = ()
    options: tuple[Option, ...] = ()
    problem: Sentence | None = None
    prefix: str = ""
    suffix: str = ""
    lines: int = 0
    longest: int | None = None
    decimal: bool = False
    least: str = ""
    most: str = ""
    accept: str = ""
    multiple: bool = False
    fields: tuple[Field, ...] = ()
    rows: tuple[Row, ...] = ()
    can_add: bool = False
    can_remove: bool = False
    fact: Fact | None = None

    @property
    def value(self) -> str:
        """The single value, as typed; empty where there is none."""
        return self.values[0] if self.values else ""

    @property
    def as_picker(self) -> bool:
        """Whether a browser's own picker of days and times can hold the value; any other text it would drop."""
        return not self.value or bool(_PICKED[self.kind].fullmatch(self.value))

    @property
    def ticked(self) -> bool:
        return self.value in ("true", "on", "1")


@dataclass(frozen=True)
class Fact:
    """Something that is known: shown with its origin, not asked. `texts` are its values as `Field.values` has them
    (labels for offered answers); `rows` those of a list."""

    label: str
    kind: str
    texts: tuple[str, ...] = ()
    origin: str = ""
    suffix: str = ""
    rows: tuple[tuple[Fact, ...], ...] = ()
    name: str = ""


def fields(filling: Filling, problems: Mapping[str, Sentence]) -> list[Field]:
    """-> the fields of a page in the order of the form, without those which are known already or hidden."""
    return list(_fields(filling, filling.nodes, problems))


def known(filling: Filling) -> list[Fact]:
    """-> what the matter knows already of what this form speaks of."""
    return [_fact(filling, node) for node in filling.all() if node.known and not node.hidden]


def facts(filling: Filling, nodes: Iterable[Node] | None = None) -> list[Fact]:
    """-> all that is filled in, for reading: fields with a value, computed ones too, in the order of the form."""
    made: list[Fact] = []
    for node in filling.nodes if nodes is None else nodes:
        if node.hidden:
            continue
        if node.component.kind is Kind.GROUP:
            made += facts(filling, node.children)
        elif node.component.has_value and node.value not in (None, "", []):
            made.append(_fact(filling, node))
    return made


def said(filling: Filling, template: Template, node: Node, *, markdown: bool = False) -> str:
    """-> a text of the form with its values filled in; in Markdown, values are never markup."""
    parts = []
    for part in template:
        if isinstance(part, Formula):
            value = filling.value_of(part, node)
            if len(template) == 1 and markdown:
                return value if isinstance(value, str) else coercion.written(value)
            text = coercion.written(value)
            parts.append(_MARKDOWN.sub(r"\\\1", " ".join(text.split())) if markdown else text)
        else:
            parts.append(part)
    return "".join(parts)


def id_of(name: str) -> str:
    """-> the HTML id of a field: `f-positions-0-unit`."""
    return "f-" + re.sub(r"[\[\].]+", "-", name).strip("-")


def _fields(filling: Filling, nodes: Sequence[Node], problems: Mapping[str, Sentence]) -> Iterable[Field]:
    for node in nodes:
        if node.hidden:
            yield from _kept(filling, node)
        elif not node.known and (field := _field(filling, node, problems)) is not None:
            yield field


def _kept(filling: Filling, node: Node) -> Iterable[Field]:
    """What was typed into a field before a condition hid it is carried on, so that it is there when it shows again."""
    if not filling.is_typed:
        return
    for each in node.all():
        texts = tuple(text for text in filling.raw.get(each.name, ()) if text)
        if each.component.is_input and texts and sum(map(len, texts)) <= coercion.LONGEST:
            yield Field("kept", each.name, values=texts)


def _field(filling: Filling, node: Node, problems: Mapping[str, Sentence]) -> Field | None:
    component = node.component
    problem = problems.get(node.name) if component.has_value else None
    label, hint = said(filling, component.label, node), said(filling, component.description, node)
    if component.kind is Kind.TEXT:
        return Field("text", text=said(filling, component.text, node, markdown=True))
    if component.kind is Kind.GROUP:
        return Field("group", label=label, hint=hint, fields=tuple(_fields(filling, node.children, problems)))
    if component.kind is Kind.ROWS:
        return _list(filling, node, problems, label, hint)
    if not component.is_input:
        if component.kind is Kind.EXPRESSION:
            return Field("fact", node.name, id_of(node.name), label, hint, problem=problem, fact=_fact(filling, node))
        return Field(component.kind.value)
    if node.locked:
        if node.value in (None, "", []):
            return None
        return Field("fact", node.name, id_of(node.name), label, hint, problem=problem, fact=_fact(filling, node))
    values = _values(filling, node)
    return Field(
        _kind(component), node.name, id_of(node.name), label, hint, required=filling.holds(component.required, node), values=values,
        options=tuple(Option(text := coercion.written(choice.value), choice.label, text in values) for choice in node.choices),
        problem=problem, prefix=said(filling, component.prefix, node), suffix=said(filling, component.suffix, node),
        lines=_lines(component, values), longest=component.max_length if type(component.max_length) is int else None,
        decimal=component.kind is Kind.NUMBER and component.decimals != 0,
        least=coercion.written(filling.bound(component.minimum, node)),
        most=coercion.written(filling.bound(component.maximum, node)), accept=component.accept, multiple=component.multiple,
    )


def _list(filling: Filling, node: Node, problems: Mapping[str, Sentence], label: str, hint: str) -> Field:
    rows = tuple(Row(f"{node.name}[{index}]", number, tuple(_fields(filling, inner, problems)))
                 for number, (index, _, inner) in enumerate(node.rows, 1))
    change = node.component.rows_change
    return Field("rows", node.name, id_of(node.name), label, hint, problem=problems.get(node.name), rows=rows,
                 can_add=change and len(rows) < MAX_ROWS, can_remove=change and len(rows) > 1,
                 required=filling.holds(node.component.required, node))


def _kind(component: Component) -> str:
    if component.kind is Kind.DATETIME:
        return component.subtype
    return "files" if component.kind is Kind.FILES else component.kind.value


def _values(filling: Filling, node: Node) -> tuple[str, ...]:
    """As typed, however wrong; else the value in the words of the control."""
    if filling.is_typed:
        typed = filling.raw.get(node.name, ())
        # Beyond this no person typed it; a page that carried it along would only grow.
        return tuple(text[: coercion.LONGEST].encode("utf-8", "replace").decode() for text in typed)
    if node.problem is not None and isinstance(filling.raw.get(node.name), str):
        return (filling.raw[node.name],)
    value = node.value
    return tuple(coercion.written(item) for item in (value if isinstance(value, list) else [value]) if item is not None)


def _lines(component: Component, values: Sequence[str]) -> int:
    if component.kind is not Kind.TEXTAREA:
        return 0
    text = values[0] if values else ""
    wanted = sum(1 + len(line) // 40 for line in text[:4000].split("\n"))
    return max(int(component.properties.get("lines", "3")) if component.properties.get("lines", "3").isdigit() else 3,
               min(wanted + 1, 15))


def _fact(filling: Filling, node: Node) -> Fact:
    component = node.component
    label, suffix = said(filling, component.label, node), said(filling, component.suffix, node)
    if component.kind is Kind.ROWS:
        rows = tuple(tuple(facts(filling, inner)) for _, frame, inner in node.rows if not frame.blank)
        return Fact(label, "rows", origin=component.origin, rows=rows, name=node.name)
    labels = {coercion.written(choice.value): choice.label for choice in node.choices}
    value: Any = node.value
    texts = [coercion.written(item) for item in (value if isinstance(value, list) else [value]) if item is not None]
    return Fact(label, _fact_kind(node), tuple(labels.get(text, text) for text in texts), component.origin, suffix, name=node.name)


def _fact_kind(node: Node) -> str:
    """For a computed field, what its value is like."""
    if node.component.kind is not Kind.EXPRESSION:
        return _kind(node.component)
    return coercion.kind_word(node.value)

