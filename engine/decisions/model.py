"""A model: the elements of its files, and what is evaluated of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine import feel
from engine.errors import ModelRefused, NotFound, Sentence
from engine.feel.run import DEFAULT, Budget, Clock, Ledger, Reason, Run, house_clock
from engine.feel.sentences import say

from . import xml
from .elements import BusinessKnowledge, Decision, DecisionService, Element, Evaluation, Input, Inputs
from .hits import Hit
from .items import ItemTypes
from .scope import Problems, Scope
from .xml import Node

_ELEMENTS: dict[str, type[Element]] = {
    "inputData": Input, "decision": Decision, "businessKnowledgeModel": BusinessKnowledge,
    "decisionService": DecisionService}


@dataclass(frozen=True, slots=True)
class Outcome:
    """A value, why values on the way to it became null, and which rules of which tables matched."""

    value: Any
    reasons: list[Reason] = field(default_factory=list)
    hits: list[Hit] = field(default_factory=list)


def load(source: bytes, *imported: bytes, file: str = "decisions.dmn", functions: Mapping[str, Callable[..., Any]] = {},
         lenient: bool = False) -> Model:
    """The model of one DMN file (1.1 to 1.5) and of the files that it imports.

    `functions` are the host's own, by the names under which expressions call them (see `feel.Library`). Raises
    ModelRefused, with `file`, `line` and `element`, where a file is no DMN, and where anything in it cannot be used:
    an expression that cannot be read, a reference to nothing, a rule with too few cells, an unknown hit policy.
    `lenient` lets the latter pass: they are listed in `model.problems`, and what they concern is null.
    """
    files = [file, *(f"{file}#import{number}" for number in range(1, len(imported) + 1))]
    roots = [xml.read(each, name) for each, name in zip((source, *imported), files, strict=True)]
    return _make(roots, feel.Library(functions), lenient)


def load_all(sources: Mapping[str, bytes], functions: Mapping[str, Callable[..., Any]] = {},
             lenient: bool = False) -> dict[str, Model]:
    """The models of the DMN files of a pack, by file name; imports are found among them by namespace.

    Raises ModelRefused as `load` does, and where two files have the same namespace and a third one imports it.
    """
    library = feel.Library(functions)
    roots = {file: xml.read(source, file) for file, source in sources.items()}
    return {file: _make([root, *_imported(root, roots)], library, lenient) for file, root in roots.items()}


class File:
    """One `definitions`: its namespace, imports, types and elements."""

    def __init__(self, root: Node, problems: Problems, library: feel.Library) -> None:
        self.root, self.problems, self.library = root, problems, library
        self.namespace: str = root.get("namespace") or ""
        self.name: str = root.get("name") or ""
        self.imports = {each.get("namespace"): each for each in xml.children(root, "import")}
        self.by_id: dict[str, Element] = {}
        self.by_name: dict[tuple[type[Element], str], Element] = {}
        self.prefixes: dict[str, File] = {}      # import name -> file
        self.types = ItemTypes(root, self._tests, {})
        for child in xml.children(root, *_ELEMENTS):
            self._add(_ELEMENTS[xml.kind(child)](child, self))

    def _add(self, element: Element) -> None:
        if element.id:
            self.by_id[element.id] = element
        self.by_name[(type(element), element.name)] = element

    def _tests(self, text: str, where: Sentence, element: Node) -> feel.UnaryTests | None:
        return Scope((), (), {}, self.problems, self.library).tests(text, where, element)

    def way_to(self, other: File) -> tuple[str, ...]:
        """The names of the imports from here to the other file: one for a direct import, none if it is not imported."""
        ways: list[tuple[tuple[str, ...], File]] = [((), self)]
        seen = {self.namespace}
        for way, file in ways:
            if file is other:
                return way
            for name, imported in file.prefixes.items():
                if imported.namespace not in seen:
                    seen.add(imported.namespace)
                    ways.append(((*way, name) if name else way, imported))
        return ()

    def entry_names(self) -> set[str]:
        """Names of context entries that may stand in expressions: components, and elements of imported files."""
        names, seen, waiting = self.types.component_names(), {self.namespace}, [self]
        while waiting:
            for name, other in waiting.pop().prefixes.items():
                if other.namespace not in seen:
                    seen.add(other.namespace)
                    waiting.append(other)
                    names |= other.types.component_names() | {name} | {element.name for element in other.elements()}
        return names

    def elements(self) -> Iterable[Element]:
        return self.by_name.values()


class Model:
    """Decisions and services, ready to be evaluated. `problems` says what in it cannot be used."""

    def __init__(self, roots: list[Node], library: feel.Library = feel.STANDARD) -> None:
        self.problems = Problems()
        self.library = library
        self.files = [File(root, self.problems, library) for root in roots]
        self.main = self.files[0]
        by_namespace = {file.namespace: file for file in reversed(self.files)}
        for file in self.files:
            self._link(file, by_namespace)
        for file in self.files:
            self._compile(file)
        for file in self.files:
            for element in file.elements():
                element.bind()

    def _link(self, file: File, by_namespace: dict[str, File]) -> None:
        for namespace, element in file.imports.items():
            other, name = by_namespace.get(namespace), element.get("name") or ""
            if other is None:
                missing = say("there is no model with the namespace {namespace}", namespace=namespace)
                self.problems.report(say("import “{name}”", name=name), missing, element)
            elif other is not file:
                file.prefixes[name] = other
                file.types.imported[name] = other.types

    def _compile(self, file: File) -> None:
        kinds, entries = file.types.named(), frozenset(file.entry_names())
        for element in list(file.elements()):
            element.link(self)
        for element in list(file.elements()):
            element.compile(Scope((), entries, kinds, self.problems, self.library))

    def find(self, file: File, href: str) -> Element | None:
        """The element that a reference means, or None."""
        namespace, _, element_id = href.rpartition("#")
        if not namespace or namespace == file.namespace:
            return file.by_id.get(element_id)
        return next((other.by_id[element_id] for other in self.files
                     if other.namespace == namespace and element_id in other.by_id), None)

    # --- asking -----------------------------------------------------------------------------------------------------

    def decisions(self) -> list[str]:
        """The names of the main file's decisions."""
        return [name for kind, name in self.main.by_name if kind is Decision]

    def services(self) -> list[str]:
        """The names of the main file's decision services."""
        return [name for kind, name in self.main.by_name if kind is DecisionService]

    def knows(self, reference: str) -> bool:
        """Whether the main file has a decision or service with this id or name."""
        element = self.main.by_id.get(reference)
        return isinstance(element, (Decision, DecisionService)) or any(
            (kind, reference) in self.main.by_name for kind in (Decision, DecisionService))

    def required_inputs(self, reference: str) -> dict[str, str]:
        """What a decision or service needs from outside, also by way of other decisions: name -> name of the type.

        Names that a table reads without requiring them are in it too, as Any. Raises NotFound.
        """
        start = self._element(reference)
        found: dict[str, str] = {}
        seen: set[Element] = set()
        waiting = [start] if isinstance(start, Decision) else list(start.parameters)
        while waiting:
            element = waiting.pop()
            if element in seen:
                continue
            seen.add(element)
            if isinstance(element, Input) or (element is not start and isinstance(start, DecisionService)):
                found[element.name] = element.kind().name
                continue
            if isinstance(element, Decision):
                found |= {name: "Any" for name in element.undeclared if name not in found}
            waiting += [required for _, required in element.requirements]
        return found

    def evaluate(self, reference: str, inputs: Inputs, budget: Budget = DEFAULT, clock: Clock = house_clock) -> Outcome:
        """The value of a decision, by id or name. `inputs` maps names, or (namespace, name), to values of FEEL.

        Raises NotFound and BudgetError.
        """
        decision = self._element(reference, Decision)
        return _within(budget, clock, lambda run: decision.value(Evaluation(run, inputs)))

    def call_service(self, reference: str, arguments: Inputs, budget: Budget = DEFAULT,
                     clock: Clock = house_clock) -> Outcome:
        """The value of a decision service: of several outputs a context. Missing arguments are null.

        Raises NotFound and BudgetError.
        """
        service = self._element(reference, DecisionService)
        return _within(budget, clock, lambda run: service.answer(run, arguments))

    def ask(self, reference: str, inputs: Inputs, budget: Budget = DEFAULT, clock: Clock = house_clock) -> Outcome:
        """The value of a decision or, where there is none of that name, of a service. Raises as these do."""
        if isinstance(self._element(reference), DecisionService):
            return self.call_service(reference, inputs, budget, clock)
        return self.evaluate(reference, inputs, budget, clock)

    def _element(self, reference: str, *kinds: type[Any]) -> Any:
        """By id in the main file, else by name in any file."""
        kinds = kinds or (Decision, DecisionService)
        known = self.main.by_id.get(reference)
        if isinstance(known, kinds):
            return known
        for kind in kinds:
            for file in self.files:
                if (kind, reference) in file.by_name:
                    return file.by_name[(kind, reference)]
        raise NotFound(say("the model has no {kind} “{name}”", kind=kinds[0].title, name=reference))


def _make(roots: list[Node], library: feel.Library, lenient: bool) -> Model:
    try:
        model = Model(roots, library)
    except RecursionError:
        raise ModelRefused(say("the model is nested too deeply"), where=xml.place(roots[0])) from None
    if model.problems and not lenient:
        raise model.problems[0].refusal()
    return model


def _imported(root: Node, roots: Mapping[str, Node]) -> list[Node]:
    """The files that `root` imports, directly or by way of others."""
    found: list[Node] = []
    waiting = [root]
    while waiting:
        for element in xml.children(waiting.pop(), "import"):
            matching = [each for each in roots.values() if each.get("namespace") == element.get("namespace")]
            if len(matching) > 1:
                raise ModelRefused(say("two files have the namespace {namespace}", namespace=element.get("namespace")),
                                   where=xml.place(element))
            new = [each for each in matching if each is not root and not any(each is other for other in found)]
            found += new
            waiting += new
    return found


def _within(budget: Budget, clock: Clock, evaluate: Callable[[Run], Any]) -> Outcome:
    run = Run({}, Ledger(budget, clock))
    try:
        value = evaluate(run)
    except feel.BudgetError as error:
        raise feel.BudgetError(say("{where}: {message}", where=_place(run), message=error.sentence)) from None
    except RecursionError:
        message = say("the model is nested too deeply")
        raise feel.BudgetError(say("{where}: {message}", where=_place(run), message=message)) from None
    return Outcome(value, run.ledger.reasons or [], run.ledger.trace)


def _place(run: Run) -> Sentence:
    return run.ledger.where or say("the model")



