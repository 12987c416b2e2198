"""Boxed expressions as closures of the run (chapter 10.2)."""

from engine.feel.access import item_at
from engine.feel.calls import call_named
from engine.feel.domains import range_values
from engine.feel.numbers import is_number
from engine.feel.sentences import say
from engine.feel.values import Function, Range, kind_of

from . import xml
from .items import coerce
from .scope import Scope, nothing
from .tables import compile_table

KINDS = ("literalExpression", "decisionTable", "context", "invocation", "functionDefinition", "list", "relation",
         "conditional", "filter", "for", "some", "every")


def boxed_child(element):
    """The boxed expression inside of an element, or None."""
    return None if element is None else xml.child(element, *KINDS)


class Boxed:
    """Compiles the boxed expressions of one element of a model."""

    def __init__(self, types, where: str, name: str):
        self.types, self.where, self.name = types, where, name

    def compile(self, element, scope: Scope, where: str | None = None):
        """(run) -> value, coerced to the type that the expression itself may name."""
        where = where or self.where
        if element is None:
            return nothing("there is no expression", where)
        code = getattr(self, "_" + xml.kind(element).lower())(element, scope, where)
        kind = self.types.find(element.get("typeRef"))
        if not element.get("typeRef") or xml.kind(element) in ("functionDefinition", "decisionTable"):
            return code
        return lambda run: coerce(run, kind, code(run), where)

    def _literalexpression(self, element, scope, where):
        return scope.expression(xml.text(element), where)

    def _decisiontable(self, element, scope, where):
        return compile_table(element, scope, self.types, where, self.name)

    def _context(self, element, scope, where):
        """Entries in order, each seeing those before it; an entry without a name is the result."""
        entries = []
        for number, entry in enumerate(xml.children(element, "contextEntry"), 1):
            variable = xml.child(entry, "variable")
            name = None if variable is None else variable.get("name")
            place = say("{0}, entry “{1}”", where, name or number)
            inner = boxed_child(entry)
            if name and inner is not None and xml.kind(inner) == "functionDefinition":
                scope = scope.with_names((name,))  # so that it can call itself
            entries.append((name, self.types.find(xml.type_ref(variable)), self.compile(inner, scope, place), place))
            if name:
                scope = scope.with_names((name,))

        def make(run):
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

    def _invocation(self, element, scope, where):
        function = self.compile(boxed_child(element), scope, where)
        names, codes = [], []
        for binding in xml.children(element, "binding"):
            parameter = xml.child(binding, "parameter")
            name = "" if parameter is None else parameter.get("name") or ""
            names.append(name)
            codes.append(self.compile(boxed_child(binding), scope, say("{0}, argument “{1}”", where, name)))
        return lambda run: call_named(run, function(run), names, [code(run) for code in codes])

    def _functiondefinition(self, element, scope, where):
        """A function that sees the variables of the place where it stands."""
        make = self.function(element, scope, where)
        return lambda run: make(run.vars)

    def function(self, element, scope, where, name=None):
        """(variables) -> Function, from a functionDefinition or encapsulatedLogic."""
        parameters = xml.children(element, "formalParameter")
        names = [each.get("name") for each in parameters]
        kinds = [self.types.find(xml.type_ref(each)) for each in parameters]
        if element.get("kind", "FEEL").upper() not in ("FEEL", "F"):
            body = nothing("functions in Java or PMML are not run here", where)
        else:
            body = self.compile(boxed_child(element), scope.with_names(names), where)
        result, place = self.types.find(element.get("typeRef")), say("{0}, result", where)

        def make(variables):
            def call(run, arguments):
                inner = run.with_variables({**variables, **dict(zip(names, arguments))})
                return coerce(run, result, body(inner), place)
            return Function(name, names, call, kinds if parameters else None)
        return make

    def _list(self, element, scope, where):
        codes = [self.compile(each, scope, say("{0}, item {1}", where, number))
                 for number, each in enumerate(xml.children(element, *KINDS), 1)]
        return lambda run: [code(run) for code in codes]

    def _relation(self, element, scope, where):
        columns = [column.get("name") for column in xml.children(element, "column")]
        kinds = [self.types.find(xml.type_ref(column)) for column in xml.children(element, "column")]
        rows = [[self.compile(cell, scope, say("{0}, row {1}, column “{2}”", where, number, column))
                 for cell, column in zip(xml.children(row, *KINDS), columns)]
                for number, row in enumerate(xml.children(element, "row"), 1)]
        return lambda run: [{column: coerce(run, kind, code(run), where)
                             for column, kind, code in zip(columns, kinds, row)} for row in rows]

    def _conditional(self, element, scope, where):
        condition, then, otherwise = (
            self.compile(boxed_child(xml.child(element, part)), scope, say("{0}, {1}", where, part))
            for part in ("if", "then", "else"))

        def choose(run):
            decided = condition(run)
            if decided is not None and type(decided) is not bool:
                return run.null(say("{0}: expected a condition but found a {1}", where, kind_of(decided)))
            return then(run) if decided is True else otherwise(run)
        return choose

    def _filter(self, element, scope, where):
        domain = self.compile(boxed_child(xml.child(element, "in")), scope, say("{0}, in", where))
        match = self.compile(boxed_child(xml.child(element, "match")),
                             scope.with_names(("item", *scope.entries)), say("{0}, match", where))

        def select(run):
            items = domain(run)
            if items is None:
                return run.null(say("{0}: null cannot be filtered", where))
            items = items if type(items) is list else [items]
            run.step(len(items))
            chosen = []
            for item in items:
                entries = item if type(item) is dict else {}
                answer = match(run.with_variables({**run.vars, "item": item, **entries}))
                if is_number(answer):
                    return item_at(run, items, answer)
                if answer is not None and type(answer) is not bool:
                    return run.null(say("{0}: expected a condition but found a {1}", where, kind_of(answer)))
                if answer is True:
                    chosen.append(item)
            return chosen
        return select

    def _for(self, element, scope, where):
        each = self._iterator(element, scope.with_names(("partial",)), where, "return")

        def collect(run):
            results = []
            for value in each(run, lambda: results[:]):
                if value is _NO_DOMAIN:
                    return None
                results.append(value)
                run.items(len(results))
            return results
        return collect

    def _some(self, element, scope, where):
        return self._quantified(element, scope, where, True)

    def _every(self, element, scope, where):
        return self._quantified(element, scope, where, False)

    def _quantified(self, element, scope, where, decisive):
        each = self._iterator(element, scope, where, "satisfies")

        def decide(run):
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

    def _iterator(self, element, scope, where, part):
        """(run, partial) -> the values of the body for each value of the domain."""
        name = element.get("iteratorVariable")
        domain = self.compile(boxed_child(xml.child(element, "in")), scope, say("{0}, in", where))
        place = say("{0}, {1}", where, part)
        body = self.compile(boxed_child(xml.child(element, part)), scope.with_names((name,)), place)

        def each(run, partial):
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


def _domain_values(run, found, where):
    if found is None:
        return run.null(say("{0}: null cannot be gone over", where))
    if type(found) is Range:
        return range_values(run, found, None)
    return found if type(found) is list else [found]
