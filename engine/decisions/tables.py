"""Decision tables: inputs, rules, hit policies (chapter 8)."""

from dataclasses import dataclass

from engine import feel
from engine.feel import operators
from engine.feel.errors import Refused
from engine.feel.functions.lists import maximum, minimum, total
from engine.feel.sentences import say

from . import xml
from .items import coerce
from .scope import Scope, nothing

_POLICIES = {"UNIQUE": "U", "ANY": "A", "PRIORITY": "P", "FIRST": "F", "RULE ORDER": "R", "OUTPUT ORDER": "O",
             "COLLECT": "C"}
_AGGREGATORS = {"SUM": total, "MIN": minimum, "MAX": maximum, "COUNT": lambda run, values: len(values)}


@dataclass(frozen=True, slots=True)
class Hit:
    """One evaluation of a table: which rules matched."""

    where: str
    rules: tuple


class Input:
    def __init__(self, element, scope: Scope, types, where: str):
        expression = xml.child(element, "inputExpression")
        self.label = element.get("label") or (xml.text(expression) or "").strip()
        self.where = say("{0}, input “{1}”", where, self.label)
        self.value = scope.expression(xml.text(expression), self.where)
        self.kind = types.find(xml.type_ref(expression))
        allowed = xml.text(xml.child(element, "inputValues"))
        has_allowed = allowed is not None and allowed.strip() != ""
        self.allowed = scope.tests(allowed, say("{0}, allowed values", self.where)) if has_allowed else None

    def evaluate(self, run):
        value = coerce(run, self.kind, self.value(run), self.where)
        if self.allowed is not None and value is not None and self.allowed.test_in(run, value) is False:
            run.null(say("{0}: {1} is not among the allowed values", self.where, feel.write(value)))
        return value


class Output:
    def __init__(self, element, scope: Scope, types, where: str, name: str):
        self.name = element.get("name") or name
        self.where = say("{0}, output “{1}”", where, self.name)
        self.kind = types.find(xml.type_ref(element))
        # Without values of its own the allowed ones of its type give the order of priorities.
        allowed = xml.text(xml.child(element, "outputValues")) or getattr(self.kind, "tests_text", None)
        self.priorities = self._priorities(allowed, scope)
        default = xml.text(xml.child(element, "defaultOutputEntry"))
        has_default = default is not None and default.strip() not in ("", "-")
        self.default = scope.expression(default, say("{0}, default", self.where)) if has_default else None

    def _priorities(self, allowed, scope):
        """One test for each value, in the order of the text; read as a list of tests."""
        if not allowed or not allowed.strip():
            return None
        whole = scope.tests(allowed, say("{0}, allowed values", self.where))
        return None if whole is None else [scope.tests(part, self.where) for part in _split(allowed)]

    def rank(self, run, value) -> int:
        """0 is the highest priority."""
        if self.priorities is None:
            return 0
        for rank, test in enumerate(self.priorities):
            if test is not None and test.test_in(run, value) is True:
                return rank
        return len(self.priorities)


def _split(text: str) -> list:
    """The comma-separated parts, where commas in quotes and brackets do not count."""
    parts, depth, quoted, begin = [], 0, False, 0
    for position, character in enumerate(text):
        if character == '"' and text[position - 1:position] != "\\":
            quoted = not quoted
        elif not quoted and character in "([{":
            depth += 1
        elif not quoted and character in ")]}":
            depth -= 1
        elif character == "," and not quoted and depth == 0:
            parts.append(text[begin:position])
            begin = position + 1
    return parts + [text[begin:]]


class Rule:
    def __init__(self, element, number: int, scope: Scope, inputs, outputs, where: str):
        self.number, self.where = number, say("{0}, rule {1}", where, number)
        self.broken = None
        tests, values = xml.children(element, "inputEntry"), xml.children(element, "outputEntry")
        if len(tests) != len(inputs) or len(values) != len(outputs):
            self.broken = say("{0}: expected {1} inputs and {2} outputs but found {3} and {4}", self.where,
                              len(inputs), len(outputs), len(tests), len(values))
            scope.problems.append(self.broken)
            return
        self.tests = []
        for index, (cell, column) in enumerate(zip(tests, inputs)):
            place = say("{0}, input “{1}”", self.where, column.label)
            test = self._test(xml.text(cell), scope, place)
            if test is not None:
                self.tests.append((index, test, place))
        self.values = tuple(scope.expression(xml.text(cell), say("{0}, output “{1}”", self.where, output.name))
                            for cell, output in zip(values, outputs))

    def _test(self, text, scope, where: str):
        """The code of a cell, or None where the cell takes every value."""
        if (text or "").strip() in ("", "-"):
            return None
        tests = scope.tests(text, where)
        if tests is None:
            self.broken = say("{0}: the cell cannot be read", where)
            return None
        return tests.code

    def matches(self, run, values) -> bool:
        ledger = run.ledger
        for index, test, place in self.tests:
            ledger.where = place
            value = values[index]
            if test(run, (value, None), value) is not True:
                return False
        return True


class Table:
    def __init__(self, element, scope: Scope, types, where: str, name: str):
        self.where, self.scope = where, scope
        self.policy = self._policy(element)
        self.aggregate = _AGGREGATORS.get(element.get("aggregation") or "")
        self.inputs = [Input(each, scope, types, where) for each in xml.children(element, "input")]
        self.outputs = [Output(each, scope, types, where, name) for each in xml.children(element, "output")]
        self.rules = [Rule(each, number, scope, self.inputs, self.outputs, where)
                      for number, each in enumerate(xml.children(element, "rule"), 1)]
        self.broken = next((rule.broken for rule in self.rules if rule.broken), None)

    def _policy(self, element) -> str:
        policy = element.get("hitPolicy") or "UNIQUE"
        if policy not in _POLICIES:
            self.scope.problems.report(self.where, say("there is no hit policy “{0}”", policy))
        return _POLICIES.get(policy, "U")

    def evaluate(self, run):
        if self.broken:
            return run.null(self.broken)
        values = [each.evaluate(run) for each in self.inputs]
        run.step(1 + (len(self.rules) >> 2))
        outer = run.ledger.where
        hits = self._hits(run, values)
        run.ledger.where = outer
        run.ledger.trace.append(Hit(self.where, tuple(rule.number for rule in hits)))
        if not hits:
            return self._default(run)
        if self.policy == "U":
            if len(hits) > 1:
                numbers = ", ".join(str(rule.number) for rule in hits[:3])
                return run.null(say("{0}: the rules {1} match, but the table allows one only", self.where, numbers))
            return self._result(run, hits[0])
        if self.policy == "F":
            return self._result(run, hits[0])
        return self._many(run, hits)

    def _hits(self, run, values):
        if self.policy == "F":
            for rule in self.rules:
                if rule.matches(run, values):
                    return [rule]
            return []
        return [rule for rule in self.rules if rule.matches(run, values)]

    def _many(self, run, hits):
        results = [self._result(run, rule) for rule in hits]
        if self.policy == "A":
            if all(operators.same(run, results[0], other) for other in results[1:]):
                return results[0]
            return run.null(say("{0}: the rules that match have different outputs, but the policy is Any", self.where))
        if self.policy in "PO":
            results = self._by_priority(run, results)
            return results[0] if self.policy == "P" else results
        if self.policy == "C" and self.aggregate is not None:
            return self._aggregated(run, results)
        return results

    def _by_priority(self, run, results):
        def ranks(result):
            parts = [result] if len(self.outputs) == 1 else [result[output.name] for output in self.outputs]
            return [output.rank(run, part) for output, part in zip(self.outputs, parts)]
        keyed = [(ranks(result), result) for result in results]
        keyed.sort(key=lambda pair: pair[0])
        return [result for _, result in keyed]

    def _aggregated(self, run, results):
        try:
            if len(self.outputs) == 1:
                return self.aggregate(run, results)
            return {output.name: self.aggregate(run, [result[output.name] for result in results])
                    for output in self.outputs}
        except Refused as refusal:
            return run.null(say("{0}: {1}", self.where, refusal.reason))

    def _result(self, run, rule: Rule):
        if len(self.outputs) == 1:
            output = self.outputs[0]
            return coerce(run, output.kind, rule.values[0](run), rule.where)
        return {output.name: coerce(run, output.kind, value(run), rule.where)
                for output, value in zip(self.outputs, rule.values)}

    def _default(self, run):
        """The default outputs; without them null, with the reason that no rule matches."""
        if all(output.default is None for output in self.outputs):
            return run.null(say("{0}: no rule matches", self.where))
        values = {output.name: output.default(run) if output.default else None for output in self.outputs}
        result = values if len(values) > 1 else next(iter(values.values()))
        many = self.policy in "ROC" and self.aggregate is None
        return [result] if many and type(result) is not list else result


def compile_table(element, scope: Scope, types, where: str, name: str):
    """(run) -> value."""
    table = Table(element, scope, types, where, name)
    if not table.outputs:
        return nothing("the table has no output", where)
    return table.evaluate
