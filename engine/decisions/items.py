"""Item definitions as types, with their allowed values (DMN 1.5, 7.3.2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine import feel
from engine.errors import Sentence
from engine.feel import types
from engine.feel.sentences import say
from engine.feel.types import ANY, BUILT_IN, ContextOf, FunctionOf, ListOf, Type

from . import xml
from .xml import Node

_FEEL_PREFIXES = ("feel:", "xsd:")
MAX_DEPTH = 30


class Named(Type):
    """An item definition. `instance of` asks for its structure only (as in the TCK), coercion for allowed values."""

    def __init__(self, name: str, base: Type, tests: feel.UnaryTests | None = None, tests_text: str = "",
                 of_items: bool = False) -> None:
        self.name, self.base = name, base
        self.tests, self.tests_text, self.of_items = tests, tests_text, of_items

    def has(self, value: Any, run: feel.Run) -> bool:
        return self.base.has(value, run)

    def coerce(self, run: feel.Run, value: Any, what: Sentence) -> Any:
        return coerce(run, self, value, what)

    def allows(self, value: Any, run: feel.Run) -> bool:
        """Whether the value and its parts are among the allowed ones."""
        if value is None:
            return True
        if self.tests is not None:
            values = value if self.of_items and type(value) is list else [value]
            if not all(self.tests.test_in(run, each) is True for each in values):
                return False
        return allows(self.base, value, run)


def allows(kind: Type, value: Any, run: feel.Run) -> bool:
    if isinstance(kind, Named):
        return kind.allows(value, run)
    if isinstance(kind, ListOf) and type(value) is list:
        return all(allows(kind.item, each, run) for each in value)
    if isinstance(kind, ContextOf) and type(value) is dict:
        return all(allows(each, value.get(name), run) for name, each in kind.entries.items())
    return True


def coerce(run: feel.Run, kind: Type, value: Any, what: Sentence) -> Any:
    """The value as one of the type and among its allowed values, else null with a reason."""
    if value is None or kind is ANY:
        return value
    fitted = types.coerce(run, _plain(kind), value, what)
    if fitted is not None and not allows(kind, fitted, run):
        return run.null(say("{what} is not one of the allowed values of {name}", what=what, name=kind.name))
    return fitted


def _plain(kind: Type) -> Type:
    """Without the name, so that coercion sees lists; the name is kept for the reason."""
    while isinstance(kind, Named):
        kind = kind.base
    return kind


class ItemTypes:
    """The types of one file, made when first asked for, in any order of their definitions."""

    def __init__(self, root: Node, compile_tests: Callable[[str, Sentence, Node], feel.UnaryTests | None],
                 imported: dict[str, ItemTypes]) -> None:
        self.definitions = {item.get("name"): item for item in xml.children(root, "itemDefinition")}
        self.compile_tests = compile_tests
        self.imported = imported      # prefix -> ItemTypes
        self.made: dict[str, Type] = {}
        self.depth = 0

    def component_names(self) -> set[str]:
        return {part.get("name") for item in self.definitions.values() for part in item.iter("{*}itemComponent")
                if part.get("name")}

    def named(self) -> dict[str, Type]:
        """All types that FEEL may name."""
        table = dict(BUILT_IN)
        for name in self.definitions:
            table[name] = self.find(name)
        for prefix, other in self.imported.items():
            table |= {f"{prefix}.{name}" if prefix else name: other.find(name) for name in other.definitions}
        return table

    def find(self, name: str | None) -> Type:
        """The type of a typeRef; an unknown one is Any."""
        if not name:
            return ANY
        if name in self.made:
            return self.made[name]
        if name not in self.definitions:
            return self._elsewhere(name)
        self.depth += 1
        self.made[name] = ANY  # a definition that contains itself
        self.made[name] = ANY if self.depth > MAX_DEPTH else self._make(self.definitions[name], name)
        self.depth -= 1
        return self.made[name]

    def _elsewhere(self, name: str) -> Type:
        for prefix in _FEEL_PREFIXES:
            name = name.removeprefix(prefix)
        if name in BUILT_IN:
            return BUILT_IN[name]
        prefix, _, rest = name.partition(".")
        if rest and prefix in self.imported:
            return self.imported[prefix].find(rest)
        local = name.rpartition(":")[2]
        if local in self.definitions:
            return self.find(local)
        if "" in self.imported:
            return self.imported[""].find(name)
        return next((other.find(local) for other in self.imported.values() if local in other.definitions), ANY)

    def _make(self, item: Node, name: str) -> Type:
        components = xml.children(item, "itemComponent")
        function = xml.child(item, "functionItem")
        if components:
            base: Type = ContextOf({part.get("name"): self._make(part, part.get("name")) for part in components}, name)
        elif function is not None:
            base = FunctionOf([self.find(xml.type_ref(part)) for part in xml.children(function, "parameters")],
                              self.find(function.get("outputTypeRef")))
        else:
            base = self.find(xml.type_ref(item))
        many = item.get("isCollection") == "true"
        if many:
            base = ListOf(base)
        base = self._restricted(item, "allowedValues", name, base, many)
        return self._restricted(item, "typeConstraint", name, base, False)

    def _restricted(self, item: Node, tag: str, name: str, base: Type, of_items: bool) -> Type:
        tests = xml.text(xml.child(item, tag)) if xml.child(item, tag) is not None else None
        if not tests or not tests.strip():
            return base if isinstance(base, Named) and base.name == name else Named(name, base)
        compiled = self.compile_tests(tests, say("{tag} of “{name}”", tag=tag, name=name), item)
        return Named(name, base, compiled, tests, of_items)
