"""A model: the elements of its files, and what is evaluated of them."""

from dataclasses import dataclass

from engine.feel.errors import BudgetError
from engine.feel.run import DEFAULT, Budget, Ledger, Run, system_clock
from engine.feel.sentences import say, sentence_of

from . import xml
from .elements import BusinessKnowledge, Decision, DecisionService, Element, Evaluation, Input
from .errors import ModelError, UnknownElement
from .items import ItemTypes
from .scope import Problems, Scope
from .tables import Hit

_ELEMENTS = {"inputData": Input, "decision": Decision, "businessKnowledgeModel": BusinessKnowledge,
             "decisionService": DecisionService}


@dataclass(frozen=True, slots=True)
class Outcome:
    """A value, why values on the way to it became null, and which rules of which tables matched."""

    value: object
    reasons: list
    hits: list[Hit]


class File:
    """One `definitions`: its namespace, imports, types and elements."""

    def __init__(self, root, problems: Problems):
        self.root, self.problems = root, problems
        self.namespace = root.get("namespace") or ""
        self.name = root.get("name") or ""
        self.imports = {each.get("namespace"): each.get("name") or "" for each in xml.children(root, "import")}
        self.by_id: dict[str, Element] = {}
        self.by_name: dict[tuple, Element] = {}
        self.prefixes: dict[str, File] = {}      # import name -> file
        self.types = ItemTypes(root, self._tests, {})
        for element in root:
            make = _ELEMENTS.get(xml.kind(element)) if isinstance(element.tag, str) else None
            if make:
                self._add(make(element, self))

    def _add(self, element) -> None:
        if element.id:
            self.by_id[element.id] = element
        self.by_name[(type(element), element.name)] = element

    def _tests(self, text: str, where: str):
        return Scope((), (), {}, self.problems).tests(text, where)

    def way_to(self, other: "File") -> tuple:
        """The names of the imports from here to the other file: one for a direct import, none if it is not imported."""
        ways: list[tuple] = [((), self)]
        seen = {self.namespace}
        for way, file in ways:
            if file is other:
                return way
            for name, imported in file.prefixes.items():
                if imported.namespace not in seen:
                    seen.add(imported.namespace)
                    ways.append(((*way, name) if name else way, imported))
        return ()

    def entry_names(self) -> set:
        """Names of context entries that may stand in expressions: components, and elements of imported files."""
        names, seen, waiting = self.types.component_names(), {self.namespace}, [self]
        while waiting:
            for name, other in waiting.pop().prefixes.items():
                if other.namespace not in seen:
                    seen.add(other.namespace)
                    waiting.append(other)
                    names |= other.types.component_names() | {name} | {element.name for element in other.elements()}
        return names

    def elements(self):
        return self.by_name.values()


class Model:
    """Decisions and services, ready to be evaluated. `problems` are sentences about what cannot be compiled."""

    def __init__(self, roots: list):
        self.problems = Problems()
        self.files = [File(root, self.problems) for root in roots]
        self.main = self.files[0]
        by_namespace = {file.namespace: file for file in reversed(self.files)}
        for file in self.files:
            self._link(file, by_namespace)
        for file in self.files:
            self._compile(file)
        for file in self.files:
            for element in file.elements():
                element.bind()

    def _link(self, file: File, by_namespace: dict) -> None:
        for namespace, name in file.imports.items():
            other = by_namespace.get(namespace)
            if other is None:
                missing = say("there is no model with the namespace {0}", namespace)
                self.problems.report(say("import “{0}”", name), missing)
            elif other is not file:
                file.prefixes[name] = other
                file.types.imported[name] = other.types

    def _compile(self, file: File) -> None:
        kinds, entries = file.types.named(), frozenset(file.entry_names())
        for element in list(file.by_name.values()):
            element.link(self)
        for element in list(file.by_name.values()):
            element.compile(Scope((), entries, kinds, self.problems))

    def find(self, file: File, href: str):
        """The element that a reference means, or None."""
        namespace, _, element_id = href.rpartition("#")
        if not namespace or namespace == file.namespace:
            return file.by_id.get(element_id)
        return next((other.by_id[element_id] for other in self.files
                     if other.namespace == namespace and element_id in other.by_id), None)

    # --- asking -----------------------------------------------------------------------------------------------------

    def decisions(self) -> list[str]:
        return [name for kind, name in self.main.by_name if kind is Decision]

    def services(self) -> list[str]:
        return [name for kind, name in self.main.by_name if kind is DecisionService]

    def required_inputs(self, name: str) -> dict:
        """The input data that a decision needs, also by way of other decisions: name -> name of the type."""
        found, seen, waiting = {}, set(), [self._named(Decision, name)]
        while waiting:
            element = waiting.pop()
            if element in seen:
                continue
            seen.add(element)
            if isinstance(element, Input):
                found[element.name] = element.kind().name
            waiting += [required for _, required in element.requirements]
        return found

    def evaluate(self, name: str, inputs: dict, budget: Budget = DEFAULT, clock=system_clock) -> Outcome:
        """The value of a decision. `inputs` maps names, or (namespace, name), to values of FEEL.

        Raises UnknownElement and BudgetError.
        """
        decision = self._named(Decision, name)
        return _within(budget, clock, lambda run: decision.value(Evaluation(run, inputs)))

    def call_service(self, name: str, arguments: dict, budget: Budget = DEFAULT, clock=system_clock) -> Outcome:
        """The value of a decision service: of several outputs a context. Missing arguments are null."""
        service = self._named(DecisionService, name)
        return _within(budget, clock, lambda run: service.answer(run, arguments))

    def _named(self, kind, name: str):
        found = next((file.by_name[(kind, name)] for file in self.files if (kind, name) in file.by_name), None)
        if found is None:
            raise UnknownElement(say("the model has no {0} “{1}”", kind.title, name))
        return found


def _within(budget, clock, evaluate) -> Outcome:
    run = Run({}, Ledger(budget, clock))
    try:
        value = evaluate(run)
    except BudgetError as error:
        raise BudgetError(say("{0}: {1}", run.ledger.where, sentence_of(error))) from None
    except RecursionError:
        raise BudgetError(say("{0}: the model is nested too deeply", run.ledger.where)) from None
    return Outcome(value, run.ledger.reasons or [], run.ledger.trace)


def load(source: bytes, *imported: bytes) -> Model:
    """The model of a DMN file and of the files that it imports. Raises ModelError where one is no DMN."""
    try:
        return Model([xml.read(each) for each in (source, *imported)])
    except RecursionError:
        raise ModelError("the model is nested too deeply") from None


__all__ = ["Model", "ModelError", "Outcome", "UnknownElement", "load"]
