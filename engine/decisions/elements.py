"""The elements of a decision requirements graph: input data, decisions, business knowledge, decision services."""

from engine.feel.sentences import say
from engine.feel.values import Function

from . import xml
from .boxed import Boxed, boxed_child
from .items import coerce
from .scope import Scope


class Evaluation:
    """One evaluation of a graph: its inputs, and the values that are known already."""

    def __init__(self, run, inputs: dict, given: dict | None = None):
        self.run, self.inputs = run, inputs
        self.known = {} if given is None else given


class Element:
    title = "element"
    is_function = False
    requires_values = True

    def __init__(self, element, file):
        self.element, self.file = element, file
        self.id, self.name = element.get("id"), element.get("name") or ""
        self.where = say("{0} “{1}”", say(self.title), self.name)
        self.variable = xml.child(element, "variable")
        self.requirements = []

    def link(self, model) -> None:
        """Find the required elements; each is seen by its name, behind the names of the imports on the way to it."""
        if self.requires_values:
            self._link_all(model, "informationRequirement", ("requiredInput", "requiredDecision"), False)
        self._link_all(model, "knowledgeRequirement", ("requiredKnowledge",), True)

    def _link_all(self, model, tag, kinds, functions: bool) -> None:
        for requirement in xml.children(self.element, tag):
            for reference in xml.children(requirement, *kinds):
                self._require(model, reference.get("href") or "", functions)

    def _require(self, model, href: str, function: bool) -> None:
        found = model.find(self.file, href)
        if found is None or found.is_function is not function:
            wanted = "function" if function else "input or decision"
            model.problems.report(self.where, say("the required element {0} does not exist or is no {1}", href, wanted))
            return
        self.requirements.append((self.file.way_to(found.file), found))

    def compile(self, scope: Scope) -> None:
        pass

    def bind(self) -> None:
        """After all elements have been compiled: take the functions of others."""

    def kind(self):
        return self.file.types.find(xml.type_ref(self.variable))

    def seen_names(self) -> set:
        return {way[0] if way else element.name for way, element in self.requirements}

    def variables(self, evaluation: Evaluation | None) -> dict:
        """The values of what is required."""
        values: dict = {}
        for way, element in self.requirements:
            place = values
            for name in way:
                place = place.setdefault(name, {})
            place[element.name] = element.value(evaluation)
        return values


class Input(Element):
    title = "input"

    def value(self, evaluation: Evaluation):
        if self in evaluation.known:
            return evaluation.known[self]
        given = evaluation.inputs.get((self.file.namespace, self.name), evaluation.inputs.get(self.name))
        value = coerce(evaluation.run, self.kind(), given, self.where)
        evaluation.known[self] = value
        return value


class Decision(Element):
    title = "decision"

    def compile(self, scope: Scope) -> None:
        boxed = Boxed(self.file.types, self.where, self.name)
        self.code = boxed.compile(boxed_child(self.element), scope.with_names(self.seen_names()))
        self.result = self.kind()

    def value(self, evaluation: Evaluation):
        """Evaluated once, with what it requires."""
        if self in evaluation.known:
            return evaluation.known[self]
        evaluation.known[self] = None  # a decision that requires itself gets null
        run = evaluation.run
        run.enter()
        inner = run.with_variables(self.variables(evaluation))
        value = coerce(inner, self.result, self.code(inner), self.where)
        run.ledger.depth -= 1
        evaluation.known[self] = value
        return value


class BusinessKnowledge(Element):
    title = "business knowledge model"
    is_function = True
    requires_values = False

    def compile(self, scope: Scope) -> None:
        logic = xml.child(self.element, "encapsulatedLogic")
        # It may call itself.
        inner = scope.with_names(self.seen_names() | {self.name})
        boxed = Boxed(self.file.types, self.where, self.name)
        make = boxed.function(logic if logic is not None else self.element, inner, self.where, self.name)
        self.seen: dict = {}
        function = make(self.seen)
        result, call = self._result(), function.call

        def checked(run, arguments):
            return coerce(run, result, call(run, arguments), self.where)
        self.function = Function(self.name, function.names, checked, function.types)

    def bind(self) -> None:
        self.seen.update(self.variables(None))
        self.seen[self.name] = self.function

    def _result(self):
        """Its variable's type is that of the result, or of the function."""
        kind = self.kind()
        base = getattr(kind, "base", kind)
        return getattr(base, "result", kind)

    def value(self, evaluation):
        return self.function


class DecisionService(Element):
    title = "decision service"
    is_function = True

    def link(self, model) -> None:
        def referenced(tag):
            found = [model.find(self.file, each.get("href") or "") for each in xml.children(self.element, tag)]
            if None in found:
                model.problems.report(self.where, say("an element given as {0} does not exist", tag))
            return [each for each in found if each is not None and not each.is_function]
        # The TCK passes input data before input decisions.
        self.parameters = referenced("inputData") + referenced("inputDecision")
        self.outputs = referenced("outputDecision")

    def compile(self, scope: Scope) -> None:
        names = [each.name for each in self.parameters]
        self.function = Function(self.name, names, self._call)

    def _call(self, run, arguments):
        given = {}
        for element, value in zip(self.parameters, arguments):
            fitted = coerce(run, element.kind(), value, element.where)
            if fitted is None and value is not None:
                return None
            given[element] = fitted
        evaluation = Evaluation(run.with_variables({}), {}, given)
        values = {each.name: each.value(evaluation) for each in self.outputs}
        value = values if len(values) != 1 else next(iter(values.values()))
        return coerce(run, self._result(), value, self.where)

    def _result(self):
        kind = self.kind()
        base = getattr(kind, "base", kind)
        return getattr(base, "result", kind)

    def answer(self, run, arguments: dict):
        """Called from outside, by names."""
        return self._call(run, [arguments.get((each.file.namespace, each.name), arguments.get(each.name))
                                for each in self.parameters])

    def value(self, evaluation):
        return self.function
