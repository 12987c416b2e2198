"""BPMN XML → specs, on SpiffWorkflow's parser: which class reads and which class is, by its OVERRIDE_PARSER_CLASSES.

SpiffWorkflow reads the documents, messages, signals, errors, escalations, data objects and event definitions. How nodes are
connected is ours: flat over all nodes of a process (its own recursion along the flows overruns the stack at some 300 nodes),
with flows as objects, no inserted split, join and wrapper specs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from SpiffWorkflow.bpmn.parser import BpmnParser
from SpiffWorkflow.bpmn.parser.ProcessParser import ProcessParser
from SpiffWorkflow.bpmn.parser.ValidationException import ValidationException
from SpiffWorkflow.bpmn.specs import event_definitions as events
from SpiffWorkflow.specs.base import TaskSpec

from . import nodes, readers
from .correlation import Correlations
from .dialects import check_code
from .elements import Element, describe, extensions
from .errors import Flaw, Problem, Refused, Report, say
from .nodes import CompensateEventDefinition, Flow, LinkEventDefinition
from .normalise import kind, normalise, read, tag

PARTS = {"documentation", "extensionElements", "laneSet", "dataObject", "dataObjectReference", "dataStoreReference", "sequenceFlow",
         "ioSpecification", "property", "association", "textAnnotation", "group", "incoming", "outgoing", "completionCondition",
         "auditing", "monitoring", "dataInputAssociation", "dataOutputAssociation", "multiInstanceLoopCharacteristics",
         "standardLoopCharacteristics", "resourceRole", "performer", "humanPerformer", "potentialOwner", "artifact",
         "correlationSubscription", "supportedInterfaceRef", "ioBinding", "category", "supports"}


def parse(models: Mapping[str, bytes], evaluator: Any) -> tuple[dict[str, nodes.Process], dict[str, dict[str, Element]]]:
    """-> ({process id: Process}, {process id: {element id: Element}}) of all executable processes in the files. Refused with
    all problems of all files."""
    found: dict[str, nodes.Process] = {}
    elements: dict[str, dict[str, Element]] = {}
    problems: list[Problem] = []
    for name, data in models.items():
        report = Report(name)
        with report.collecting():
            _file(name, data, evaluator, report, found, elements)
        problems += report.problems
    if not found and not problems:
        problems.append(Problem(say("There is no executable process: set isExecutable=\"true\" on the one that is meant."),
                                next(iter(models), "")))
    if problems:
        raise Refused(problems)
    for process in found.values():
        for inner in nodes.inside(process):
            inner.siblings = found
    return found, elements


def _file(name: str, data: bytes, evaluator: Any, report: Report, found: dict[str, nodes.Process],
          elements: dict[str, dict[str, Element]]) -> None:
    root = read(data)
    normalise(root, report)
    if report.problems:
        return                      # what the parser would say of references that lead nowhere helps nobody
    parser = ModelParser(root, evaluator, report)
    try:
        parser.add_bpmn_xml(root.getroottree(), name)
        processes = {key: parser.inside(key, None) for key in parser.get_process_ids()}
    except ValidationException as error:
        raise Flaw(say("{reason}.", reason=str(error).rstrip(".")), error.id or None, error.line_number or 0) from error
    correlations = _correlations(root, parser)
    for process in (p for outer in processes.values() for p in nodes.inside(outer)):
        process.correlations = correlations
    for node in root:
        key = node.get("id")
        if kind(node) == "process" and key in processes:
            with report.collecting(key):
                if key in found:
                    raise Flaw(say("Another file has a process of this id, too."))
                check_code(extensions(node))
                if not report.problems:
                    elements[key] = processes[key].elements = describe(node, name)
                    found[key] = processes[key]


def _correlations(root: Any, parser: ModelParser) -> Correlations:
    paths: dict[str, dict[str, str]] = {}
    bindings: dict[str, str] = {}
    for node in root.iter():
        with parser.report.collecting(node.get("id")):
            if kind(node) == "correlationProperty":
                for expression in (c for c in node if kind(c) == "correlationPropertyRetrievalExpression"):
                    message = parser.messages.get((expression.get("messageRef") or "").split(":")[-1])
                    path = next((c.text for c in expression if kind(c) in ("messagePath", "formalExpression")), None)
                    if message and path:
                        paths.setdefault(message, {})[node.get("id")] = readers.checked(parser.evaluator.check, path.strip())
            elif kind(node) == "correlationPropertyBinding":
                path, name = readers.text_of(node, "dataPath"), (node.get("correlationPropertyRef") or "").split(":")[-1]
                if path:
                    bindings[name] = readers.checked(parser.evaluator.check, path)
    return Correlations(paths, bindings)


class ProcessReader(ProcessParser):
    """Reads all nodes of one process or sub-process, then connects them."""

    around: nodes.Process | None = None

    def create_spec(self) -> nodes.Process:
        spec = nodes.Process(name=self.bpmn_id, description=self.get_name(), filename=self.filename)
        spec.parent, spec.evaluator = self.around, self.parser.evaluator
        spec.start.process = spec.key
        return spec

    def add_tasks(self) -> None:
        report, specs = self.parser.report, self.spec.task_specs
        for node in self.node:
            with report.collecting(node.get("id") or self.bpmn_id):
                if node.tag in self.parser.OVERRIDE_PARSER_CLASSES:
                    self.parse_node(node)
                elif kind(node) not in PARTS and kind(node):
                    raise Flaw(say("{name} is not supported.", name=kind(node)))
        for node in self.node:
            if kind(node) == "sequenceFlow":
                with report.collecting(node.get("id")):
                    self._flow(node)
        with report.collecting():
            self._links()
        for s in list(specs.values()):
            with report.collecting(s.name):
                if isinstance(s, nodes.BoundaryEvent):
                    self._boundary(s)
        for s in specs.values():
            with report.collecting(s.name):
                self._check(s)
        self.spec.counts = frozenset(s.name for s in specs.values() if s.needs > 1 or (s.incoming > 1 and isinstance(
            s, nodes.ParallelGateway | nodes.InclusiveGateway | nodes.ComplexGateway)))
        for s in specs.values():
            s.is_first = s.incoming == 0 and not s.is_handler and not s.instantiates and not isinstance(
                s, nodes.BoundaryEvent | nodes.EventSubProcess | nodes.StartEvent) and not isinstance(
                s.event_definition, LinkEventDefinition)
            if s.name in self.spec.counts and isinstance(s, nodes.InclusiveGateway | nodes.ComplexGateway):
                self.spec.reach[s.name] = self.spec.reach_of(s.name)

    def _flow(self, node: Any) -> None:
        specs, broken = self.spec.task_specs, self.parser.report.broken
        source, target = specs.get(node.get("sourceRef")), specs.get(node.get("targetRef"))
        if source is None or target is None:
            if broken & {node.get("sourceRef"), node.get("targetRef")}:
                return
            raise Flaw(say("A sequence flow joins two elements of the same process or sub-process."))
        reader = readers.Reader(self, None, node, self.nsmap, lane=self.lane)
        default = self.get_node_by_id(source.name).get("default") == node.get("id")
        flow = Flow(node.get("id"), source.name, target.name, reader.child(node, "conditionExpression"), default)
        source.flows = (*source.flows, flow)
        target.incoming += 1
        TaskSpec.connect(source, target)

    def _links(self) -> None:
        """A link is a flow that is not drawn."""
        links = [s for s in self.spec.task_specs.values() if isinstance(s.event_definition, LinkEventDefinition)]
        for s in links:
            name = s.event_definition.name
            to = [t for t in links if isinstance(t, nodes.IntermediateCatchEvent) and t.event_definition.name == name]
            if not isinstance(s, nodes.IntermediateThrowEvent):
                if not any(isinstance(t, nodes.IntermediateThrowEvent) and t.event_definition.name == name for t in links):
                    raise Flaw(say("Nothing leads to the link “{name}”.", name=name), s.name)
                continue
            if len(to) != 1:
                raise Flaw(say("The link “{name}” needs exactly one target and has {count}.", name=name, count=len(to)), s.name)
            s.flows = (Flow(f"link:{s.name}", s.name, to[0].name),)
            to[0].incoming += 1

    def _boundary(self, s: nodes.BoundaryEvent) -> None:
        specs, what = self.spec.task_specs, s.event_definition
        name = self.get_node_by_id(s.name).get("attachedToRef")
        host = specs.get(name)
        if host is None and name in self.parser.report.broken:
            return
        if host is None or isinstance(host, nodes.StartEvent | nodes.EventSubProcess | nodes.BoundaryEvent):
            raise Flaw(say("A boundary event is attached to an activity of the same process or sub-process."))
        if host.is_handler:
            raise Flaw(say("Boundary events on an activity that compensates are not supported."))
        if isinstance(what, CompensateEventDefinition):
            to = [a.get("targetRef") for a in self.node if kind(a) == "association" and a.get("sourceRef") == s.name]
            handler = specs.get(to[0]) if to else None
            if handler is None or not handler.is_handler:
                raise Flaw(say("A compensation event needs an association to an activity with isForCompensation=\"true\"."))
            host.handler = handler.name
        elif isinstance(what, events.NoneEventDefinition):
            raise Flaw(say("A boundary event needs an event."))
        elif isinstance(what, events.CancelEventDefinition) and not isinstance(host, nodes.Transaction):
            raise Flaw(say("A cancel event belongs on a transaction."))
        else:
            host.boundaries = (*host.boundaries, s)

    def _check(self, s: nodes.Node) -> None:
        fixed = isinstance(s, nodes.StartEvent | nodes.BoundaryEvent | nodes.EventSubProcess)
        if (s.incoming and fixed) or (s.is_handler and (s.incoming or s.flows)):
            raise Flaw(say("No sequence flow may lead here."))
        if s.flows and isinstance(s, nodes.EndEvent | nodes.EventSubProcess):
            raise Flaw(say("No sequence flow may leave this."))
        if isinstance(s, nodes.ParallelGateway | nodes.EventBasedGateway) and any(f.condition for f in s.flows):
            raise Flaw(say("The conditions on the flows of this gateway would be ignored: remove them, or use another gateway."))
        bare = [f for f in s.flows if f.condition is None and not f.default]
        if isinstance(s, nodes.ExclusiveGateway) and len(s.flows) > 1 and bare:
            raise Flaw(say("This flow of an exclusive gateway has no condition and is not the default flow."), bare[0].id)
        ends = isinstance(s, nodes.EndEvent) and isinstance(s.event_definition, events.CancelEventDefinition)
        if ends and not self._in_transaction():
            raise Flaw(say("A cancel end event belongs into a transaction."))
        if isinstance(s, nodes.ComplexGateway) and s.incoming > 1 and s.activation is None:
            raise Flaw(say("A complex gateway that joins flows needs an activationCondition."))
        if s.instantiates:
            self._check_instantiates(s)
        if isinstance(s, nodes.EventBasedGateway):
            s.targets = tuple(self.spec.task_specs[f.target] for f in s.flows)
            if len(s.targets) < 2 or not all(isinstance(t, nodes.Catching) for t in s.targets):
                raise Flaw(say("An event-based gateway leads to at least two catching events or receive tasks."))
            for target in s.targets:
                target.instantiates = target.instantiates or s.instantiates
        activity = getattr(s.event_definition, "activity", None)
        lost = activity is not None and activity not in self.spec.task_specs and isinstance(s, nodes.Throwing)
        if lost and not self._in_event_subprocess():
            raise Flaw(say("{element} is not in the scope whose work is undone here.", element=activity))

    def _check_instantiates(self, s: nodes.Node) -> None:
        if self.spec.parent is not None or (s.incoming and not all(
                isinstance(self.spec.task_specs[name], nodes.StartEvent | nodes.EventBasedGateway) for name in self._before(s))):
            raise Flaw(say("What begins an instance has no flow that leads to it, and lies in the process itself."))

    def _before(self, s: nodes.Node) -> list[str]:
        return [f.source for other in self.spec.task_specs.values() for f in other.flows if f.target == s.name]

    def _in_transaction(self) -> bool:
        return bool(kind(self.node) == "transaction")

    def _in_event_subprocess(self) -> bool:
        return bool(self.node.get("triggeredByEvent") == "true")


class ModelParser(BpmnParser):
    """One a file: it would take equal ids of sub-processes in two files for a clash."""

    PROCESS_PARSER_CLASS = ProcessReader
    OVERRIDE_PARSER_CLASSES: ClassVar[dict[str, Any]] = {tag(name): pair for name, pair in {
        "startEvent": (readers.EventReader, nodes.StartEvent),
        "endEvent": (readers.EventReader, nodes.EndEvent),
        "intermediateCatchEvent": (readers.EventReader, nodes.IntermediateCatchEvent),
        "intermediateThrowEvent": (readers.EventReader, nodes.IntermediateThrowEvent),
        "boundaryEvent": (readers.EventReader, nodes.BoundaryEvent),
        "task": (readers.Reader, nodes.NoneTask),
        "userTask": (readers.Reader, nodes.UserTask),
        "manualTask": (readers.Reader, nodes.ManualTask),
        "serviceTask": (readers.Reader, nodes.ServiceTask),
        "scriptTask": (readers.ScriptReader, nodes.ScriptTask),
        "businessRuleTask": (readers.DecisionReader, nodes.BusinessRuleTask),
        "sendTask": (readers.MessageTaskReader, nodes.SendTask),
        "receiveTask": (readers.MessageTaskReader, nodes.ReceiveTask),
        "exclusiveGateway": (readers.Reader, nodes.ExclusiveGateway),
        "parallelGateway": (readers.Reader, nodes.ParallelGateway),
        "inclusiveGateway": (readers.Reader, nodes.InclusiveGateway),
        "complexGateway": (readers.ComplexGatewayReader, nodes.ComplexGateway),
        "eventBasedGateway": (readers.EventGatewayReader, nodes.EventBasedGateway),
        "subProcess": (readers.ScopeReader, nodes.SubProcess),
        "adHocSubProcess": (readers.ScopeReader, nodes.AdHocSubProcess),
        "transaction": (readers.ScopeReader, nodes.Transaction),
        "callActivity": (readers.CallReader, nodes.CallActivity)}.items()}

    def __init__(self, root: Any, evaluator: Any, report: Report) -> None:
        super().__init__()
        self.evaluator, self.report = evaluator, report
        self.ids = {node.get("id"): node for node in root.iter() if kind(node) and node.get("id")}

    def _add_data_stores(self, bpmn: Any) -> None:
        # A data store is a picture here; SpiffWorkflow wants a class for it.
        pass

    def _add_diagram_indexes(self, bpmn: Any) -> None:
        # Drawings and lanes are read by others; here a coordinate that is no number would be a crash.
        pass

    def inside(self, process_id: str, around: nodes.Process | None) -> nodes.Process:
        """-> the spec of a process, or of a sub-process inside of `around`."""
        self.get_process_parser(process_id).around = around
        spec: nodes.Process = self.get_spec(process_id)
        return spec
