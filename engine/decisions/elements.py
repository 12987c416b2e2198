"""The elements of a decision requirements graph: input data, decisions, business knowledge, decision services."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from engine import feel
from engine.errors import Sentence
from engine.feel.sentences import say
from engine.feel.types import Type
from engine.feel.values import Function

from . import xml
from .boxed import Boxed, boxed_child
from .items import coerce
from .scope import Code, Scope
from .xml import Node

if TYPE_CHECKING:
    from .model import File, Model

# Values given from outside: by name, or by (namespace, name) where two files use the same name.
Inputs = Mapping[Any, Any]


class Evaluation:
    """One evaluation of a graph: its inputs, and the values that are known already."""

    def __init__(self, run: feel.Run, inputs: Inputs, given: dict[Element, Any] | None = None) -> None:
        self.run, self.inputs = run, inputs
        self.known: dict[Element, Any] = {} if given is None else given


class Element:
    """What all elements have: id, name, place, and the elements that it requires."""

    title: ClassVar[Sentence] = say("element")
    is_function = False
    requires_values = True

    def __init__(self, element: Node, file: File) -> None:
        self.element, self.file = element, file
        self.id, self.name = element.get("id"), element.get("name") or ""
        self.where = say("{kind} “{name}”", kind=self.title, name=self.name)
        self.variable = xml.child(element, "variable")
        self.requirements: list[tuple[tuple[str, ...], Element]] = []

    def link(self, model: Model) -> None:
        """Find the required elements; each is seen by its name, behind the names of the imports on the way to it."""
        if self.requires_values:
            self._link_all(model, "informationRequirement", ("requiredInput", "requiredDecision"), False)
        self._link_all(model, "knowledgeRequirement", ("requiredKnowledge",), True)

    def _link_all(self, model: Model, tag: str, kinds: tuple[str, ...], functions: bool) -> None:
        for requirement in xml.children(self.element, tag):
            for reference in xml.children(requirement, *kinds):
                self._require(model, reference, functions)

    def _require(self, model: Model, reference: Node, function: bool) -> None:
        href = reference.get("href") or ""
        found = model.find(self.file, href)
        if found is None or found.is_function is not function:
            wanted = say("function") if function else say("input or decision")
            message = say("the required element {href} does not exist or is no {wanted}", href=href, wanted=wanted)
            model.problems.report(self.where, message, reference)
            return
        self.requirements.append((self.file.way_to(found.file), found))

    def compile(self, scope: Scope) -> None:
        """Make the closures. Input data has none."""

    def bind(self) -> None:
        """After all elements have been compiled: take the functions of others."""

    def value(self, evaluation: Evaluation | None) -> Any:
        raise NotImplementedError

    def kind(self) -> Type:
        return self.file.types.find(xml.type_ref(self.variable))

    def result(self) -> Type:
        """The type of what a function gives: its variable's type is that of the result, or of the function."""
        kind = self.kind()
        base = getattr(kind, "base", kind)
        result: Type = getattr(base, "result", kind)
        return result

    def seen_names(self) -> set[str]:
        return {way[0] if way else element.name for way, element in self.requirements}

    def variables(self, evaluation: Evaluation | None) -> dict[str, Any]:
        """The values of what is required."""
        values: dict[str, Any] = {}
        for way, element in self.requirements:
            place = values
            for name in way:
                place = place.setdefault(name, {})
            place[element.name] = element.value(evaluation)
        return values


class Input(Element):
    """Input data: given from outside."""

    title = say("input")

    def value(self, evaluation: Evaluation | None) -> Any:
        assert evaluation is not None
        if self in evaluation.known:
            return evaluation.known[self]
        value = coerce(evaluation.run, self.kind(), self._given(evaluation), self.where)
        evaluation.known[self] = value
        return value

    def _given(self, evaluation: Evaluation) -> Any:
        for key in ((self.file.namespace, self.name), self.name):
            if key in evaluation.inputs:
                return evaluation.inputs[key]
        return evaluation.run.null(say("there is no “{name}”", name=self.name), None, self.name)


class Decision(Element):
    """A decision: its logic, seen with the values that it requires."""

    title = say("decision")
    code: Code
    undeclared: frozenset[str]

    def compile(self, scope: Scope) -> None:
        inner = scope.with_names(self.seen_names())
        self.code = Boxed(self.file.types, self.where, self.name).compile(boxed_child(self.element), inner)
        # A table drawn alone, without input data in a diagram, reads its inputs by name, as other tools have it too.
        # What the file declares must be required to be seen, as the standard has it.
        declared = {element.name for element in self.file.elements()}
        self.undeclared = frozenset(scope.free - self.seen_names() - declared)

    def value(self, evaluation: Evaluation | None) -> Any:
        """Evaluated once, with what it requires."""
        assert evaluation is not None
        if self in evaluation.known:
            return evaluation.known[self]
        evaluation.known[self] = None  # a decision that requires itself gets null
        run = evaluation.run
        run.enter()
        variables = self.variables(evaluation)
        for name in self.undeclared:
            if name in evaluation.inputs:
                variables[name] = evaluation.inputs[name]
        inner = run.with_variables(variables)
        value = coerce(inner, self.kind(), self.code(inner), self.where)
        run.ledger.depth -= 1
        evaluation.known[self] = value
        return value


class BusinessKnowledge(Element):
    """A business knowledge model: a function that decisions may call."""

    title = say("business knowledge model")
    is_function = True
    requires_values = False
    function: Function

    def compile(self, scope: Scope) -> None:
        logic = xml.child(self.element, "encapsulatedLogic")
        # It may call itself.
        inner = scope.with_names(self.seen_names() | {self.name})
        boxed = Boxed(self.file.types, self.where, self.name)
        make = boxed.function(logic if logic is not None else self.element, inner, self.where, self.name)
        self.seen: dict[str, Any] = {}
        function = make(self.seen)
        result, call = self.result(), function.call

        def checked(run: feel.Run, arguments: Sequence[Any]) -> Any:
            return coerce(run, result, call(run, arguments), self.where)
        self.function = Function(self.name, function.names, checked, function.types)

    def bind(self) -> None:
        self.seen.update(self.variables(None))
        self.seen[self.name] = self.function

    def value(self, evaluation: Evaluation | None) -> Any:
        return self.function


class DecisionService(Element):
    """Decisions offered as one function, whose parameters are their inputs."""

    title = say("decision service")
    is_function = True
    function: Function

    def link(self, model: Model) -> None:
        # The TCK passes input data before input decisions.
        self.parameters = self._referenced(model, "inputData") + self._referenced(model, "inputDecision")
        self.outputs = self._referenced(model, "outputDecision")

    def _referenced(self, model: Model, tag: str) -> list[Element]:
        found = [model.find(self.file, each.get("href") or "") for each in xml.children(self.element, tag)]
        if None in found:
            message = say("an element given as {tag} does not exist", tag=tag)
            model.problems.report(self.where, message, self.element)
        return [each for each in found if each is not None and not each.is_function]

    def compile(self, scope: Scope) -> None:
        self.function = Function(self.name, [each.name for each in self.parameters], self._call)

    def _call(self, run: feel.Run, arguments: Sequence[Any]) -> Any:
        given: dict[Element, Any] = {}
        for element, value in zip(self.parameters, arguments, strict=True):
            fitted = coerce(run, element.kind(), value, element.where)
            if fitted is None and value is not None:
                return None
            given[element] = fitted
        evaluation = Evaluation(run.with_variables({}), {}, given)
        values = {each.name: each.value(evaluation) for each in self.outputs}
        value = values if len(values) != 1 else next(iter(values.values()))
        return coerce(run, self.result(), value, self.where)

    def answer(self, run: feel.Run, arguments: Inputs) -> Any:
        """Called from outside, by names."""
        return self._call(run, [arguments.get((each.file.namespace, each.name), arguments.get(each.name))
                                for each in self.parameters])

    def value(self, evaluation: Evaluation | None) -> Any:
        return self.function
