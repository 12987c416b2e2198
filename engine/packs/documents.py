"""YAML files that people write: plain data in which every value knows its line.

YAML 1.2; duplicate keys, aliases and tags are refused, so that a file means what it shows and stays as small as it is.
Numbers with a point are Decimal, `2026-01-01` is a date, everything else is what JSON has.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from decimal import Decimal
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
)
from ruamel.yaml.nodes import ScalarNode

from engine.errors import ModelRefused, Sentence, say

MAX_BYTES = 1_000_000
MAX_DEPTH = 50
_TAG = "tag:yaml.org,2002:"


class Table(dict[Any, Any]):
    """A mapping; `line` is where it begins, `lines[key]` where that key stands."""

    line: int
    lines: dict[Any, int]


class Row(list[Any]):
    """A list; `lines[i]` is where item i begins."""

    line: int
    lines: list[int]


def load(data: bytes, file: str) -> Any:
    """-> the one document of a YAML file: Table, Row or a scalar; an empty file is an empty Table.
    ModelRefused with file and line."""
    if len(data) > MAX_BYTES:
        raise refused(say("The file {file} is larger than {limit} bytes.", file=file, limit=MAX_BYTES), file, 0)
    try:
        text = data.decode("utf-8-sig")
        return _Reader(text, file).document()
    except UnicodeDecodeError as error:
        raise refused(say("The file {file} is not UTF-8 text.", file=file), file, 0) from error
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        reason = " ".join(str(error.problem or error.context).split())
        raise refused(
            say("The file {file} is not YAML: {reason}", file=file, reason=reason), file, mark.line + 1 if mark else 0
        ) from error
    except (YAMLError, ValueError) as error:
        raise refused(say("The file {file} is not YAML: {reason}", file=file, reason=error), file, 0) from error


def table(value: Any, file: str, line: int, *, known: Collection[str], needed: Collection[str] = ()) -> Table:
    """-> `value` if it is a Table with no keys but `known` and with all `needed`; else ModelRefused."""
    if not isinstance(value, Table):
        raise refused(say("Expected a mapping with the keys {keys}.", keys=", ".join(known)), file, line)
    for key in value:
        if key not in known:
            raise refused(
                say("The key {key} is not known here. Known are: {known}.", key=key, known=", ".join(known)),
                file,
                value.lines[key],
            )
    for key in needed:
        if value.get(key) is None:
            raise refused(say("The key {key} is missing.", key=key), file, value.line)
    return value


def refused(sentence: Sentence, file: str, line: int) -> ModelRefused:
    """-> the refusal of a file, to be raised."""
    return ModelRefused(sentence, where={"file": file, "line": line})


class _Reader:
    """Builds the document straight from the parser's events: in one pass, and nothing that was not asked for."""

    def __init__(self, text: str, file: str) -> None:
        yaml = YAML(typ="safe", pure=True)
        self.file, self.resolver, self.depth = file, yaml.resolver, 0
        self.events = iter(yaml.parse(text))

    def document(self) -> Any:
        found: list[Any] = []
        for event in self.events:
            if isinstance(event, DocumentStartEvent) and found:
                raise refused(say("The file {file} holds more than one document.", file=self.file), self.file, _line(event))
            if isinstance(event, NodeEvent):
                found.append(self.value(event))
        if found:
            return found[0]
        empty = Table()
        empty.line, empty.lines = 1, {}
        return empty

    def value(self, event: Any) -> Any:
        if isinstance(event, AliasEvent):  # a small file could mean a huge one
            raise refused(
                say("A file may not use aliases (*{name}): write the value out.", name=event.anchor), self.file, _line(event)
            )
        if isinstance(event, ScalarEvent):
            tag = str(event.ctag or self.resolver.resolve(ScalarNode, event.value, event.implicit))
            return _scalar(tag, str(event.value), self.file, _line(event))
        if event.ctag:
            raise refused(say("A file may not use tags ({tag}).", tag=event.ctag), self.file, _line(event))
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise refused(say("The file {file} is nested too deeply.", file=self.file), self.file, _line(event))
        made = self.table(event) if isinstance(event, MappingStartEvent) else self.row(event)
        self.depth -= 1
        return made

    def table(self, start: Any) -> Table:
        found = Table()
        found.line, found.lines = _line(start), {}
        for event in self.events:
            if isinstance(event, MappingEndEvent):
                break
            key, line = self.value(event), _line(event)
            if isinstance(key, dict | list):
                raise refused(say("A key must be a word, not a list or a mapping."), self.file, line)
            if key in found:
                raise refused(say("The key {key} is written twice.", key=key), self.file, line)
            found[key] = self.value(next(self.events))
            found.lines[key] = line
        return found

    def row(self, start: Any) -> Row:
        found = Row()
        found.line, found.lines = _line(start), []
        for event in self.events:
            if isinstance(event, SequenceEndEvent):
                break
            found.append(self.value(event))
            found.lines.append(_line(event))
        return found


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


def _scalar(tag: str, text: str, file: str, line: int) -> Any:
    kind = tag.removeprefix(_TAG)
    try:
        match kind:
            case "str" | "value":
                return text
            case "null":
                return None
            case "bool":
                return text.lower() == "true"
            case "int":
                return int(text.replace("_", ""), 0) if text[:2] in ("0x", "0o") else int(text.replace("_", ""))
            case "float":
                number = Decimal(text.replace("_", ""))
                return number if number.is_finite() else text
            case "timestamp":
                return date.fromisoformat(text) if len(text) == 10 else text
    except (ValueError, ArithmeticError) as error:
        raise refused(say("{text} is not a value that can be read.", text=text), file, line) from error
    raise refused(say("A file may not use tags ({tag}).", tag=tag), file, line)
