"""Boxed expressions as closures of the run (DMN 1.5, chapter 10.2)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from engine import feel
from engine.errors import Sentence
from engine.feel.access import item_at
from engine.feel.calls import call_named
from engine.feel.domains import range_values
from engine.feel.numbers import is_number
from engine.feel.range import Range
from engine.feel.sentences import say
from engine.feel.types import Type
from engine.feel.values import Function, kind_of

from . import xml
from .items import ItemTypes, coerce
from .scope import Code, Scope, nothing
from .tables import compile_table
from .xml import Node

KINDS = ("literalExpression", "decisionTable", "context", "invocation", "functionDefinition", "list", "relation",
         "conditional", "filter", "for", "some", "every")


def boxed_child(element: Node | None) -> Node | None:
    """The boxed expression inside of an element, or None."""
    return None if element is None else xml.child(element, *KINDS)


class Boxed:
    """Compiles the boxed expressions of one element of a model."""

    def __init__(self, types: ItemTypes, where: Sentence, name: str) -> None:
        self.types, self.where, self.name = types, where, name

    def compile(self, element: Node | None, scope: Scope, where: Sentence | None = None) -> Code:
        """(run) -> value, coerced to the type that the expression itself may name."""
        where = where or self.where
        if element is None:
            return nothing(say("there is no expression"), where)
        code: Code = getattr(self, "_" + xml.kind(element).lower())(element, scope, where)
        kind = self.types.find(element.get("typeRef"))
        if not element.get("typeRef") or xml.kind(element) in ("functionDefinition", "decisionTable"):
            return code
        return lambda run: coerce(run, kind, code(run), where)

    def _literalexpression(self, element: Node, scope: Scope, where: Sentence) -> Code:
        return scope.expression(element, where)

    def _decisiontable(self, element: Node, scope: Scope, where: Sentence) -> Code:
        return compile_table(element, scope, self.types, where, self.name)

    def _context(self, element: Node, scope: Scope, where: Sentence) -> Code:
        """Entries in order, each seeing those before it; an entry without a name is the result."""
        entries: list[tuple[str | None, Type, Code, Sentence]] = []
        for number, entry in enumerate(xml.children(element, "contextEntry"), 1):
            variable = xml.child(entry, "variable")
            name = None if variable is None else variable.get("name")
            place = say("{where}, entry “{name}”", where=where, name=name or number)
            inner = boxed_child(entry)
            if name and inner is not None and xml.kind(inner) == "functionDefinition":
                scope = scope.with_names((name,))  # so that it can call itself
            entries.append((name, self.types.find(xml.type_ref(variable)), self.compile(inner, scope, place), place))
            if name:
                scope = scope.with_names((name,))

        def make(run: feel.Run) -> Any:
            run.step(len(entries))
            variables, made = dict(run.vars), {}
            inner = run.with_variables(variables)
            for name, kind, code, place in entries:
                value = coerce(run, kind, code(inner), place)
                if name is None:
                    return value
                made[name] = variables[name] = value
            return made
        return make

    def _invocation(self, element: Node, scope: Scope, where: Sentence) -> Code:
        function = self.compile(boxed_child(element), scope, where)
        names, codes = [], []
        for binding in xml.children(element, "binding"):
            parameter = xml.child(binding, "parameter")
            name = "" if parameter is None else parameter.get("name") or ""
            names.append(name)
            place = say("{where}, argument “{name}”", where=where, name=name)
            codes.append(self.compile(boxed_child(binding), scope, place))
        return lambda run: call_named(run, function(run), names, [code(run) for code in codes])

    def _functiondefinition(self, element: Node, scope: Scope, where: Sentence) -> Code:
        """A function that sees the variables of the place where it stands."""
        make = self.function(element, scope, where)
        return lambda run: make(run.vars)

    def function(self, element: Node, scope: Scope, where: Sentence, name: str | None = None,
                 ) -> Callable[[Mapping[str, Any]], Function]:
        """(variables) -> Function, from a functionDefinition or encapsulatedLogic."""
        parameters = xml.children(element, "formalParameter")
        names = [each.get("name") for each in parameters]
        kinds = [self.types.find(xml.type_ref(each)) for each in parameters]
        if element.get("kind", "FEEL").upper() not in ("FEEL", "F"):
            body = nothing(say("functions in Java or PMML are not run here"), where)
        else:
            body = self.compile(boxed_child(element), scope.with_names(names), where)
        result, place = self.types.find(element.get("typeRef")), say("{where}, result", where=where)

        def make(variables: Mapping[str, Any]) -> Function:
            def call(run: feel.Run, arguments: Sequence[Any]) -> Any:
                inner = run.with_variables({**variables, **dict(zip(names, arguments, strict=True))})
                return coerce(run, result, body(inner), place)
            return Function(name, names, call, kinds if parameters else None)
        return make

    def _list(self, element: Node, scope: Scope, where: Sentence) -> Code:
        codes = [self.compile(each, scope, say("{where}, item {number}", where=where, number=number))
                 for number, each in enumerate(xml.children(element, *KINDS), 1)]
        return lambda run: [code(run) for code in codes]

    def _relation(self, element: Node, scope: Scope, where: Sentence) -> Code:
        columns = [column.get("name") for column in xml.children(element, "column")]
        kinds = [self.types.find(xml.type_ref(column)) for column in xml.children(element, "column")]
        rows = [[self.compile(cell, scope, say("{where}, row {number}, column “{column}”", where=where, number=number,
                                               column=column))
                 for cell, column in zip(xml.children(row, *KINDS), columns, strict=False)]
                for number, row in enumerate(xml.children(element, "row"), 1)]
        return lambda run: [{column: coerce(run, kind, code(run), where)
                             for column, kind, code in zip(columns, kinds, row, strict=False)} for row in rows]

    def _conditional(self, element: Node, scope: Scope, where: Sentence) -> Code:
        condition, then, otherwise = (
            self.compile(boxed_child(xml.child(element, part)), scope, say("{where}, {part}", where=where, part=part))
            for part in ("if", "then", "else"))

        def choose(run: feel.Run) -> Any:
            decided = condition(run)
            if decided is not None and type(decided) is not bool:
                return run.null(say("{where}: expected a condition but found a {kind}", where=where,
                                    kind=kind_of(decided)))
            return then(run) if decided is True else otherwise(run)
        return choose

    def _filter(self, element: Node, scope: Scope, where: Sentence) -> Code:
        domain = self.compile(boxed_child(xml.child(element, "in")), scope, say("{where}, in", where=where))
        match = self.compile(boxed_child(xml.child(element, "match")),
                             scope.with_names(("item", *scope.entries)), say("{where}, match", where=where))

        def select(run: feel.Run) -> Any:
            items = domain(run)
            if items is None:
                return run.null(say("{where}: null cannot be filtered", where=where))
            items = items if type(items) is list else [items]
            run.step(len(items))
            chosen = []
            for item in items:
                entries = item if type(item) is dict else {}
                answer = match(run.with_variables({**run.vars, "item": item, **entries}))
                if is_number(answer):
                    return item_at(run, items, answer)
                if answer is not None and type(answer) is not bool:
                    return run.null(say("{where}: expected a condition but found a {kind}", where=where,
                                        kind=kind_of(answer)))
                if answer is True:
                    chosen.append(item)
            return chosen
        return select

    def _for(self, element: Node, scope: Scope, where: Sentence) -> Code:
        each = self._iterator(element, scope.with_names(("partial",)), where, "return")

        def collect(run: feel.Run) -> Any:
            results: list[Any] = []
            for value in each(run, lambda: results[:]):
                if value is _NO_DOMAIN:
                    return None
                results.append(value)
                run.items(len(results))
            return results
        return collect

    def _some(self, element: Node, scope: Scope, where: Sentence) -> Code:
        return self._quantified(element, scope, where, True)

    def _every(self, element: Node, scope: Scope, where: Sentence) -> Code:
        return self._quantified(element, scope, where, False)

    def _quantified(self, element: Node, scope: Scope, where: Sentence, decisive: bool) -> Code:
        each = self._iterator(element, scope, where, "satisfies")

        def decide(run: feel.Run) -> Any:
            unknown = False
            for value in each(run, None):
                if value is _NO_DOMAIN:
                    return None
                if value is decisive:
                    return decisive
                if type(value) is not bool:
                    unknown = True
            return None if unknown else not decisive
        return decide

    def _iterator(self, element: Node, scope: Scope, where: Sentence, part: str,
                  ) -> Callable[[feel.Run, Callable[[], Any] | None], Iterator[Any]]:
        """(run, partial) -> the values of the body for each value of the domain."""
        name = element.get("iteratorVariable")
        domain = self.compile(boxed_child(xml.child(element, "in")), scope, say("{where}, in", where=where))
        place = say("{where}, {part}", where=where, part=part)
        body = self.compile(boxed_child(xml.child(element, part)), scope.with_names((name,)), place)

        def each(run: feel.Run, partial: Callable[[], Any] | None) -> Iterator[Any]:
            values = _domain_values(run, domain(run), where)
            if values is None:
                yield _NO_DOMAIN
                return
            for value in values:
                run.step()
                variables = {**run.vars, name: value}
                if partial is not None:
                    variables["partial"] = partial()
                yield body(run.with_variables(variables))
        return each


_NO_DOMAIN = object()


def _domain_values(run: feel.Run, found: Any, where: Sentence) -> Any:
    if found is None:
        return run.null(say("{where}: null cannot be gone over", where=where))
    if type(found) is Range:
        return range_values(run, found, None)
    return found if type(found) is list else [found]
