"""Decision tables: inputs, rules, hit policies (DMN 1.5, chapter 8)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine import feel
from engine.errors import Sentence
from engine.feel import operators
from engine.feel.errors import Refused
from engine.feel.functions.lists import maximum, minimum, total
from engine.feel.sentences import say

from . import xml
from .hits import Hit, MatchedRule
from .items import ItemTypes, coerce
from .scope import Code, Scope, nothing
from .xml import Node

_POLICIES = {"UNIQUE": "U", "ANY": "A", "PRIORITY": "P", "FIRST": "F", "RULE ORDER": "R", "OUTPUT ORDER": "O",
             "COLLECT": "C"}
_AGGREGATORS: dict[str, Callable[[feel.Run, list[Any]], Any]] = {
    "SUM": total, "MIN": minimum, "MAX": maximum, "COUNT": lambda run, values: len(values)}


def compile_table(element: Node, scope: Scope, types: ItemTypes, where: Sentence, name: str) -> Code:
    """(run) -> value. Which rules matched is noted in the run's trace."""
    table = Table(element, scope, types, where, name)
    if not table.outputs:
        return nothing(say("the table has no output"), where)
    return table.evaluate


class Input:
    """A column of conditions."""

    def __init__(self, element: Node, scope: Scope, types: ItemTypes, where: Sentence) -> None:
        expression = xml.child(element, "inputExpression")
        self.label = element.get("label") or (xml.text(expression) or "").strip()
        self.where = say("{where}, input “{label}”", where=where, label=self.label)
        self.value = scope.expression(expression, self.where)
        self.kind = types.find(xml.type_ref(expression))
        allowed = xml.text(xml.child(element, "inputValues"))
        self.allowed = None
        if allowed is not None and allowed.strip():
            self.allowed = scope.tests(allowed, say("{where}, allowed values", where=self.where), element)

    def evaluate(self, run: feel.Run) -> Any:
        value = coerce(run, self.kind, self.value(run), self.where)
        if self.allowed is not None and value is not None and self.allowed.test_in(run, value) is False:
            run.null(say("{where}: {value} is not among the allowed values", where=self.where, value=feel.show(value)))
        return value


class Output:
    """A column of results."""

    def __init__(self, element: Node, scope: Scope, types: ItemTypes, where: Sentence, name: str) -> None:
        self.name = element.get("name") or name
        self.where = say("{where}, output “{name}”", where=where, name=self.name)
        self.kind = types.find(xml.type_ref(element))
        # Without values of its own the allowed ones of its type give the order of priorities.
        allowed = xml.text(xml.child(element, "outputValues")) or getattr(self.kind, "tests_text", None)
        self.priorities = self._priorities(allowed, scope, element)
        default = xml.child(element, "defaultOutputEntry")
        has_default = (xml.text(default) or "").strip() not in ("", "-")
        self.default = scope.expression(default, say("{where}, default", where=self.where)) if has_default else None

    def _priorities(self, allowed: str | None, scope: Scope, element: Node) -> list[feel.UnaryTests | None] | None:
        """One test for each value, in the order of the text; read as a list of tests."""
        if not allowed or not allowed.strip():
            return None
        whole = scope.tests(allowed, say("{where}, allowed values", where=self.where), element)
        return None if whole is None else [scope.tests(part, self.where, element) for part in _split(allowed)]

    def rank(self, run: feel.Run, value: Any) -> int:
        """0 is the highest priority."""
        if self.priorities is None:
            return 0
        for rank, test in enumerate(self.priorities):
            if test is not None and test.test_in(run, value) is True:
                return rank
        return len(self.priorities)


class Rule:
    """A row: one test for each input that it asks about, one value for each output."""

    def __init__(self, element: Node, number: int, scope: Scope, inputs: list[Input], outputs: list[Output],
                 where: Sentence) -> None:
        self.number, self.where = number, say("{where}, rule {number}", where=where, number=number)
        self.id, self.note = element.get("id"), _note(element)
        self.broken: Sentence | None = None
        self.tests: list[tuple[int, Callable[..., Any], Sentence, str]] = []
        self.values: tuple[Code, ...] = ()
        tests, values = xml.children(element, "inputEntry"), xml.children(element, "outputEntry")
        if len(tests) != len(inputs) or len(values) != len(outputs):
            message = say("expected {inputs} inputs and {outputs} outputs but found {tests} and {values}",
                          inputs=len(inputs), outputs=len(outputs), tests=len(tests), values=len(values))
            self.broken = say("{where}: {message}", where=self.where, message=message)
            scope.problems.report(self.where, message, element)
            return
        for index, (cell, column) in enumerate(zip(tests, inputs, strict=True)):
            place = say("{where}, input “{label}”", where=self.where, label=column.label)
            test = self._test(cell, scope, place)
            if test is not None:
                self.tests.append((index, test, place, (xml.text(cell) or "").strip()))
        self.values = tuple(
            scope.expression(cell, say("{where}, output “{name}”", where=self.where, name=output.name))
            for cell, output in zip(values, outputs, strict=True))

    def _test(self, cell: Node, scope: Scope, where: Sentence) -> Callable[..., Any] | None:
        """The code of a cell, or None where the cell takes every value."""
        written = xml.text(cell)
        if (written or "").strip() in ("", "-"):
            return None
        tests = scope.tests(written, where, cell)
        if tests is None:
            self.broken = say("{where}: the cell cannot be read", where=where)
            return None
        return tests.code

    def matches(self, run: feel.Run, values: list[Any]) -> bool:
        ledger = run.ledger
        for index, test, place, _ in self.tests:
            ledger.where = place
            value = values[index]
            if test(run, (value, None), value) is not True:
                return False
        return True

    def matched(self, inputs: list[Input], values: list[Any]) -> MatchedRule:
        """What this rule has asked, for the explanation."""
        asked = tuple((inputs[index].label, values[index], written) for index, _, _, written in self.tests)
        return MatchedRule(self.number, self.id, self.note, asked)


class Table:
    """A decision table: its policy decides which of the rules that match give the value."""

    def __init__(self, element: Node, scope: Scope, types: ItemTypes, where: Sentence, name: str) -> None:
        self.where, self.scope = where, scope
        self.policy = self._policy(element)
        self.aggregate = _AGGREGATORS.get(element.get("aggregation") or "")
        self.inputs = [Input(each, scope, types, where) for each in xml.children(element, "input")]
        self.outputs = [Output(each, scope, types, where, name) for each in xml.children(element, "output")]
        self.rules = [Rule(each, number, scope, self.inputs, self.outputs, where)
                      for number, each in enumerate(xml.children(element, "rule"), 1)]
        self.broken = next((rule.broken for rule in self.rules if rule.broken), None)

    def _policy(self, element: Node) -> str:
        policy = element.get("hitPolicy") or "UNIQUE"
        if policy not in _POLICIES:
            message = say("there is no hit policy “{policy}”", policy=policy)
            self.scope.problems.report(self.where, message, element)
        return _POLICIES.get(policy, "U")

    def evaluate(self, run: feel.Run) -> Any:
        if self.broken:
            return run.null(self.broken)
        values = [each.evaluate(run) for each in self.inputs]
        run.step(1 + (len(self.rules) >> 2))
        outer = run.ledger.where
        rules = self._matching(run, values)
        run.ledger.where = outer
        run.ledger.trace.append(Hit(self.where, tuple(rule.matched(self.inputs, values) for rule in rules)))
        if not rules:
            return self._default(run)
        if self.policy == "U" and len(rules) > 1:
            numbers = ", ".join(str(rule.number) for rule in rules[:3])
            return run.null(say("{where}: the rules {numbers} match, but the table allows one only", where=self.where,
                                numbers=numbers))
        if self.policy in "UF":
            return self._result(run, rules[0])
        return self._many(run, rules)

    def _matching(self, run: feel.Run, values: list[Any]) -> list[Rule]:
        if self.policy == "F":
            first = next((rule for rule in self.rules if rule.matches(run, values)), None)
            return [] if first is None else [first]
        return [rule for rule in self.rules if rule.matches(run, values)]

    def _many(self, run: feel.Run, rules: list[Rule]) -> Any:
        results = [self._result(run, rule) for rule in rules]
        if self.policy == "A":
            if all(operators.same(run, results[0], other) for other in results[1:]):
                return results[0]
            return run.null(say("{where}: the rules that match have different outputs, but the policy is Any",
                                where=self.where))
        if self.policy in "PO":
            results = self._by_priority(run, results)
            return results[0] if self.policy == "P" else results
        if self.policy == "C" and self.aggregate is not None:
            return self._aggregated(run, results, self.aggregate)
        return results

    def _by_priority(self, run: feel.Run, results: list[Any]) -> list[Any]:
        def ranks(result: Any) -> list[int]:
            parts = [result] if len(self.outputs) == 1 else [result[output.name] for output in self.outputs]
            return [output.rank(run, part) for output, part in zip(self.outputs, parts, strict=True)]
        return sorted(results, key=ranks)

    def _aggregated(self, run: feel.Run, results: list[Any], aggregate: Callable[[feel.Run, list[Any]], Any]) -> Any:
        try:
            if len(self.outputs) == 1:
                return aggregate(run, results)
            return {output.name: aggregate(run, [result[output.name] for result in results])
                    for output in self.outputs}
        except Refused as refusal:
            return run.null(say("{where}: {reason}", where=self.where, reason=refusal.sentence))

    def _result(self, run: feel.Run, rule: Rule) -> Any:
        if len(self.outputs) == 1:
            return coerce(run, self.outputs[0].kind, rule.values[0](run), rule.where)
        return {output.name: coerce(run, output.kind, value(run), rule.where)
                for output, value in zip(self.outputs, rule.values, strict=True)}

    def _default(self, run: feel.Run) -> Any:
        """The default outputs; without them null, with the reason that no rule matches."""
        if all(output.default is None for output in self.outputs):
            return run.null(say("{where}: no rule matches", where=self.where))
        values = {output.name: output.default(run) if output.default else None for output in self.outputs}
        result = values if len(values) > 1 else next(iter(values.values()))
        many = self.policy in "ROC" and self.aggregate is None
        return [result] if many and type(result) is not list else result


def _note(element: Node) -> str:
    """What the author wrote beside the rule: its annotations, else its description."""
    notes = [xml.text(each) or "" for each in xml.children(element, "annotationEntry")]
    return "; ".join(note.strip() for note in notes if note.strip()) or (xml.text(element, "description") or "").strip()


def _split(text: str) -> list[str]:
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
    return [*parts, text[begin:]]
