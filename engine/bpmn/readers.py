"""Readers of single elements, on SpiffWorkflow's: what each says, checked, and refused where it cannot be executed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from SpiffWorkflow.bpmn.parser.event_parsers import EventDefinitionParser
from SpiffWorkflow.bpmn.specs import event_definitions as events

from engine import feel
from engine.errors import EngineError

from . import dialects, nodes, timers
from .elements import extensions
from .errors import Flaw, say
from .loops import Behavior, MultiInstance, StandardLoop
from .nodes import AdHoc, CompensateEventDefinition, LinkEventDefinition, Mapping
from .normalise import kind

EVENTS = {"message": "parse_message_event", "signal": "parse_signal_event", "timer": "parse_timer_event",
          "cancel": "parse_cancel_event", "error": "parse_error_event", "escalation": "parse_escalation_event",
          "terminate": "parse_terminate_event", "conditional": "parse_conditional_event",
          "compensate": "parse_compensate_event", "link": "parse_link_event"}
_THROWN = {"messageEventDefinition", "signalEventDefinition", "escalationEventDefinition", "errorEventDefinition",
           "terminateEventDefinition", "cancelEventDefinition", "compensateEventDefinition", "linkEventDefinition"}
_CAUGHT = {"messageEventDefinition", "signalEventDefinition", "timerEventDefinition", "conditionalEventDefinition"}
ALLOWED = {
    "startEvent": _CAUGHT | {"errorEventDefinition", "escalationEventDefinition", "compensateEventDefinition"},
    "intermediateCatchEvent": _CAUGHT | {"linkEventDefinition"},
    "boundaryEvent": _CAUGHT | {"errorEventDefinition", "escalationEventDefinition", "compensateEventDefinition",
                                "cancelEventDefinition"},
    "intermediateThrowEvent": {"messageEventDefinition", "signalEventDefinition", "escalationEventDefinition",
                               "compensateEventDefinition", "linkEventDefinition"},
    "endEvent": _THROWN - {"linkEventDefinition"},
}


def checked(check: Callable[[str], Any], text: str) -> str:
    """-> the text, which `check` of the evaluator has read. Flaw with what it complains about."""
    try:
        check(text)
    except (feel.FeelError, EngineError) as error:
        raise Flaw(say("“{text}” cannot be read: {reason}.", text=text, reason=error.sentence)) from error
    return text


def text_of(node: Any, name: str) -> str | None:
    """-> the text of the first child of this name, None if there is none or it is empty."""
    found = next((child for child in node if kind(child) == name), None)
    return (found.text or "").strip() or None if found is not None else None


class Reader(EventDefinitionParser):
    """Reads one node. `parse_node` does not follow the flows: that is ProcessReader's."""

    def parse_node(self) -> nodes.Node:
        self.extensions = extensions(self.node)
        dialects.check_code(self.extensions)
        task = self.task = self.create_task()
        task.scope, task.process = self.spec, self.spec.key
        task.needs, task.gives = self.quantity("startQuantity"), self.quantity("completionQuantity")
        if any(kind(c).endswith("LoopCharacteristics") for c in self.node):
            task.loop = self.read_loop()
        task.is_handler = self.node.get("isForCompensation") == "true"
        self.read_mappings(task)
        task.correlation = self.read_correlation()
        return task     # type: ignore[no-any-return]

    def create_task(self) -> Any:
        return self.spec_class(self.spec, self.bpmn_id, **self.bpmn_attributes)

    def raise_validation_exception(self, message: str, node: Any = None) -> None:
        # SpiffWorkflow calls it with a node which its own version does not take.
        raise Flaw(say("{reason}.", reason=message), self.bpmn_id)

    # Data objects are variables of their scope here, so nothing has to be copied; and SpiffWorkflow's own look-up does not
    # end for a data object two levels up.
    def parse_incoming_data_references(self) -> list[Any]:
        return []

    def parse_outgoing_data_references(self) -> list[Any]:
        return []

    # --- expressions ---
    def feel(self, text: str | None) -> str | None:
        """-> the FEEL of an expression, checked; None if there is none."""
        if text is None or not text.strip():
            return None
        return checked(self.process_parser.parser.evaluator.check, dialects.expression(text))

    def child(self, node: Any, name: str) -> str | None:
        """-> the FEEL of the child of this name."""
        found = next((c for c in node if kind(c) == name), None)
        if found is None:
            return None
        dialects.check_language(found)
        return self.feel(found.text)

    def quantity(self, name: str) -> int:
        text = self.node.get(name, "1")
        if not text.isdigit() or not 0 < int(text) <= 1000:
            raise Flaw(say("{name} must be a whole number from 1 to 1000, and is {value}.", name=name, value=text))
        return int(text)

    # --- data that is handed in and out ---
    def read_mappings(self, task: nodes.Node) -> None:
        inputs, outputs = self.associations("dataInputAssociation"), self.associations("dataOutputAssociation")
        inputs += [Mapping("null", m.source) for m in outputs if m.source in self.own_names("dataOutput")]
        given = self.extensions.get("inputOutput")
        if isinstance(given, dict):
            inputs += [self.parameter(p) for p in _list(given.get("inputParameter"))]
            outputs += [self.parameter(p) for p in _list(given.get("outputParameter"))]
        given = self.extensions.get("ioMapping")
        if isinstance(given, dict):
            inputs += [self.mapping(p) for p in _list(given.get("input"))]
            zeebe = [self.mapping(p) for p in _list(given.get("output"))]
            outputs += zeebe
            task.keeps = bool(zeebe)
        task.inputs, task.outputs = tuple(inputs), tuple(outputs)

    def mapping(self, given: Any) -> Mapping:
        """Zeebe: `source` after `=` is FEEL, else text."""
        source, target = given.get("source") or "", given.get("target") or ""
        if not target or "." in target:
            raise Flaw(say("A mapping needs the name of a variable as its target, and has “{name}”.", name=target))
        value = self.feel(source) if source.startswith("=") else feel.write(source, inside=True)
        return Mapping(value or "null", target)

    def parameter(self, given: Any) -> Mapping:
        """Camunda: text, in which `${…}` is an expression."""
        name = given.get("name") if isinstance(given, dict) else None
        if not name or set(given) - {"name", "text"}:
            raise Flaw(say("An input or output parameter needs a name and a text; scripts, lists and maps are not supported: "
                           "write an expression."))
        text = given.get("text", "")
        value = self.feel(text) if dialects.is_expression(text) else feel.write(text, inside=True)
        return Mapping(value or "null", name)

    def associations(self, name: str) -> list[Mapping]:
        found = []
        for node in self.node:
            if kind(node) != name:
                continue
            target = self.variable(text_of(node, "targetRef"))
            for assignment in (c for c in node if kind(c) == "assignment"):
                to, value = text_of(assignment, "to"), self.child(assignment, "from")
                found.append(Mapping(value or "null", self.variable(dialects.expression(to) if to else None) or target or "result"))
            sources = [self.variable((c.text or "").strip()) for c in node if kind(c) == "sourceRef"]
            value = self.child(node, "transformation")
            if target and value:
                found.append(Mapping(value, target))
            elif target and sources and sources[0] and sources[0] != target and not any(kind(c) == "assignment" for c in node):
                found.append(Mapping(checked(self.process_parser.parser.evaluator.check, sources[0]), target))
        return found

    def own_names(self, what: str) -> set[str]:
        return {n.get("name") or n.get("id") for n in self.xpath(f"./bpmn:ioSpecification/bpmn:{what}")}

    def variable(self, reference: str | None) -> str | None:
        """-> the name of the variable which a data object, data input or data output stands for; data stores are pictures."""
        if not reference:
            return None
        node = self.process_parser.parser.ids.get(reference.split(":")[-1])
        if node is None:
            return reference
        if kind(node) == "dataStoreReference":
            return None
        if kind(node) == "dataObjectReference":
            node = self.process_parser.parser.ids.get(node.get("dataObjectRef"), node)
        return node.get("name") or node.get("id")   # type: ignore[no-any-return]

    # --- loops ---
    def read_loop(self) -> StandardLoop | MultiInstance:
        node = next(c for c in self.node if kind(c).endswith("LoopCharacteristics"))
        if kind(node) == "standardLoopCharacteristics":
            maximum, condition = node.get("loopMaximum"), self.child(node, "loopCondition")
            if maximum is None and condition is None:
                raise Flaw(say("A loop needs a loopCondition or a loopMaximum."))
            if maximum is not None and not maximum.isdigit():
                raise Flaw(say("loopMaximum must be a whole number, and is {value}.", value=maximum))
            return StandardLoop(condition, int(maximum) if maximum else None, node.get("testBefore") == "true")
        vendor = {**self.extensions, **_dict(self.extensions.get("loopCharacteristics"))}
        cardinality = self.child(node, "loopCardinality")
        collection = self.loop_input(text_of(node, "loopDataInputRef")) or \
            self.feel(_string(vendor.get("collection") or vendor.get("inputCollection")))
        if (cardinality is None) == (collection is None):
            raise Flaw(say("A multi-instance activity needs either a loopCardinality or a collection."))
        output_value = self.feel(_string(vendor.get("outputElement")))
        return MultiInstance(
            node.get("isSequential") == "true", cardinality, collection,
            self.item(node, "inputDataItem") or _string(vendor.get("elementVariable") or vendor.get("inputElement")),
            self.loop_output(text_of(node, "loopDataOutputRef")) or _string(vendor.get("outputCollection")),
            self.item(node, "outputDataItem"), self.child(node, "completionCondition"), self.read_behavior(node), output_value)

    def item(self, node: Any, name: str) -> str | None:
        found = next((c for c in node if kind(c) == name), None)
        return (found.get("name") or found.get("id")) if found is not None else None

    def loop_input(self, reference: str | None) -> str | None:
        """A loop refers to a data input; what counts is what is associated with it."""
        for node in self.xpath("./bpmn:dataInputAssociation"):
            if reference and text_of(node, "targetRef") == reference and text_of(node, "sourceRef"):
                reference = text_of(node, "sourceRef")
        return self.feel(self.variable(reference))

    def loop_output(self, reference: str | None) -> str | None:
        for node in self.xpath("./bpmn:dataOutputAssociation"):
            if reference and text_of(node, "sourceRef") == reference and text_of(node, "targetRef"):
                reference = text_of(node, "targetRef")
        return self.variable(reference)

    def read_behavior(self, node: Any) -> Behavior | None:
        behavior = node.get("behavior", "All")
        if behavior == "All":
            return None
        if behavior == "Complex":
            throws = []
            for part in (c for c in node if kind(c) == "complexBehaviorDefinition"):
                event = next((e for c in part if kind(c) == "event" for e in c if kind(e).endswith("EventDefinition")), None)
                throws.append((self.child(part, "condition"), self.thrown(event)))
            return Behavior(behavior, tuple(throws))
        name = {"None": "noneBehaviorEventRef", "One": "oneBehaviorEventRef"}.get(behavior)
        if name is None:
            raise Flaw(say("The behavior {value} of a multi-instance activity is not known.", value=behavior))
        return Behavior(behavior, ((None, self.thrown(self.process_parser.parser.ids.get(node.get(name)))),))

    def thrown(self, event: Any) -> Any:
        if event is None or kind(event) not in ("signalEventDefinition", "escalationEventDefinition", "messageEventDefinition",
                                                "errorEventDefinition"):
            raise Flaw(say("A multi-instance activity with a behavior needs a message, signal, error or escalation to throw."))
        return getattr(self, EVENTS[kind(event)[:-15]])(event)

    # --- events ---
    def definitions(self) -> Any:
        """-> what an event catches or throws."""
        found = [c for c in self.node if kind(c).endswith("EventDefinition")]
        for c in found:
            if kind(c) not in ALLOWED.get(kind(self.node), EVENTS):
                raise Flaw(say("A {event} cannot stand in a {kind}.", event=kind(c), kind=kind(self.node)))
        self.event_nodes = found
        read = [getattr(self, EVENTS[kind(c)[:-15]])(c) for c in found]
        if not read:
            return events.NoneEventDefinition()
        if len(read) == 1:
            return read[0]
        if sum(kind(c) in ("timerEventDefinition", "conditionalEventDefinition") for c in found) > 1:
            raise Flaw(say("A multiple event may have one timer or one condition: use an event-based gateway for more."))
        return events.MultipleEventDefinition(read, self.node.get("parallelMultiple") == "true")

    def parse_timer_event(self, event: Any) -> Any:
        definition = super().parse_timer_event(event)
        text = (definition.expression or "").strip()
        if not text:
            raise Flaw(say("The timer has no time."))
        if timers.LITERAL.match(text):
            try:
                timers.check(text)
            except (ValueError, TypeError, AttributeError, KeyError, OverflowError) as error:
                raise Flaw(say("“{text}” is no date, duration or cycle of ISO 8601.", text=text)) from error
            definition.expression = text
        else:
            definition.expression = self.feel(text)
        return definition

    def parse_conditional_event(self, event: Any) -> Any:
        condition = self.child(event, "condition")
        if condition is None:
            raise Flaw(say("The conditional event has no condition."))
        return events.ConditionalEventDefinition(condition)

    def parse_compensate_event(self, event: Any) -> Any:
        if event.get("waitForCompletion") == "false":
            raise Flaw(say("Compensation that is not waited for is not supported."))
        return CompensateEventDefinition(event.get("activityRef"))

    def parse_link_event(self, event: Any) -> Any:
        definition = LinkEventDefinition(event.get("name") or self.node.get("name"))
        return definition

    def parse_error_event(self, error_event: Any) -> Any:
        definition = super().parse_error_event(error_event)
        if error_event.get("errorRef") and not definition.code:
            definition.code = definition.name or error_event.get("errorRef")    # an error without a code is known by its name
        return definition

    def parse_escalation_event(self, escalation_event: Any) -> Any:
        definition = super().parse_escalation_event(escalation_event)
        if escalation_event.get("escalationRef") and not definition.code:
            definition.code = definition.name or escalation_event.get("escalationRef")
        return definition

    def parse_message_event(self, message_event: Any) -> Any:
        definition = super().parse_message_event(message_event)
        definition.name = definition.name or self.bpmn_id
        return definition

    def parse_signal_event(self, signal_event: Any) -> Any:
        definition = super().parse_signal_event(signal_event)
        definition.name = definition.name or self.bpmn_id
        return definition

    def read_correlation(self) -> str | None:
        """Ours on the event or task; Zeebe's on the message."""
        text = self.extensions.get("correlationKey")
        for node in (self.node, *self.event_nodes):
            message = self.process_parser.parser.ids.get(node.get("messageRef"))
            if text is None and message is not None:
                text = _dict(extensions(message).get("subscription")).get("correlationKey")
        return self.feel(_string(text))


class EventReader(Reader):
    """Start, end, intermediate and boundary events."""

    def create_task(self) -> Any:
        definition, more = self.definitions(), {}
        if kind(self.node) == "boundaryEvent":
            more["cancel_activity"] = self.node.get("cancelActivity", "true") == "true"
        task = self.spec_class(self.spec, self.bpmn_id, event_definition=definition, **more, **self.bpmn_attributes)
        if kind(self.node) == "startEvent":
            always = isinstance(definition, events.ErrorEventDefinition | CompensateEventDefinition)
            task.interrupting = always or self.node.get("isInterrupting", "true") == "true"
        return task


class MessageTaskReader(Reader):
    """Send and receive tasks."""

    def create_task(self) -> Any:
        definition = self.parse_message_event(self.node) if self.node.get("messageRef") else self.definitions()
        receives = kind(self.node) == "receiveTask"
        if receives and isinstance(definition, events.NoneEventDefinition):
            definition = events.MessageEventDefinition(self.node.get("name") or self.bpmn_id)
        task = self.spec_class(self.spec, self.bpmn_id, event_definition=definition, **self.bpmn_attributes)
        task.job = isinstance(definition, events.NoneEventDefinition)
        task.instantiates = receives and self.node.get("instantiate") == "true"
        return task


class ScriptReader(Reader):
    def create_task(self) -> Any:
        dialects.check_script_format(self.node)
        script, result = text_of(self.node, "script"), _string(self.extensions.get("resultVariable"))
        given = self.extensions.get("script")
        if script is None and isinstance(given, dict):
            script, result = given.get("expression"), given.get("resultVariable")
        if script is None:
            raise Flaw(say("The script task has no script."))
        script = dialects.expression(script)
        if result:
            script = f"{result} = {script}"
        checked(self.process_parser.parser.evaluator.check_script, script)
        return self.spec_class(self.spec, self.bpmn_id, script=script, **self.bpmn_attributes)


class DecisionReader(Reader):
    def create_task(self) -> Any:
        task, called = super().create_task(), _dict(self.extensions.get("calledDecision"))
        decision = self.extensions.get("decisionRef") or called.get("decisionId") or self.extensions.get("decisionId")
        result = self.extensions.get("resultVariable") or called.get("resultVariable")
        task.result = _string(result) or "result"
        if decision is not None:
            task.decision = checked(self.process_parser.parser.evaluator.check_decision, _string(decision) or "")
        elif "topic" not in self.extensions and "taskDefinition" not in self.extensions:
            raise Flaw(say("The business rule task names no decision: write its id into decisionRef."))
        task.job = decision is None
        return task


class ComplexGatewayReader(Reader):
    def create_task(self) -> Any:
        task = super().create_task()
        task.activation = self.child(self.node, "activationCondition")
        return task


class EventGatewayReader(Reader):
    def create_task(self) -> Any:
        task = self.spec_class(self.spec, self.bpmn_id, event_definition=events.MultipleEventDefinition(), **self.bpmn_attributes)
        task.instantiates = self.node.get("instantiate") == "true"
        task.parallel = self.node.get("eventGatewayType", "Exclusive") == "Parallel"
        if task.parallel and not task.instantiates:
            raise Flaw(say("A parallel event-based gateway begins an instance: it needs instantiate=\"true\"."))
        return task


class ScopeReader(Reader):
    """Sub-processes of all kinds."""

    def create_task(self) -> Any:
        event = self.node.get("triggeredByEvent") == "true"
        spec_class = nodes.EventSubProcess if event else self.spec_class
        task = spec_class(self.spec, self.bpmn_id, subworkflow_spec=self.bpmn_id, **self.bpmn_attributes)
        parser = self.process_parser.parser
        parser.create_parser(self.node, filename=self.filename, lane=self.lane)
        inner = task.inner = parser.inside(self.bpmn_id, self.spec)
        starts = [s for s in inner.task_specs.values() if isinstance(s, nodes.StartEvent)]
        if event:
            self.read_start(task, starts)
        elif len(starts) > 1 or any(not isinstance(s.event_definition, events.NoneEventDefinition) for s in starts):
            raise Flaw(say("A sub-process has one start event, without an event."))
        if kind(self.node) == "adHocSubProcess":
            inner.ad_hoc = AdHoc(self.child(self.node, "completionCondition"), self.node.get("ordering") == "Sequential",
                                 self.node.get("cancelRemainingInstances", "true") == "true")
        return task

    def read_start(self, task: Any, starts: list[Any]) -> None:
        if len(starts) != 1 or isinstance(starts[0].event_definition, events.NoneEventDefinition):
            raise Flaw(say("An event sub-process needs exactly one start event, with an event."))
        if isinstance(starts[0].event_definition, CompensateEventDefinition) and self.spec.parent is None:
            raise Flaw(say("Compensation can begin an event sub-process only inside of a sub-process."))
        task.start_event = starts[0]
        self.spec.event_subprocesses.append(task)


class CallReader(Reader):
    def create_task(self) -> Any:
        given = _dict(self.extensions.get("calledElement"))
        called = self.node.get("calledElement") or given.get("processId")
        if not called:
            raise Flaw(say("The call activity calls nothing: it needs a calledElement."))
        dynamic = dialects.is_expression(called)
        task = self.spec_class(self.spec, self.bpmn_id, subworkflow_spec=self.feel(called) if dynamic else called,
                               **self.bpmn_attributes)
        task.dynamic = dynamic
        into = [self.passed(m) for m in _list(self.extensions.get("in")) if isinstance(m, dict)]
        out = [self.passed(m) for m in _list(self.extensions.get("out")) if isinstance(m, dict)]
        if any(into) or any(out):
            task.into, task.back = tuple(filter(None, into)), tuple(filter(None, out))
        elif given.get("propagateAllChildVariables") == "false":
            task.back = ()
        return task

    def passed(self, given: dict[str, Any]) -> Mapping | None:
        if given.get("variables") == "all":
            return Mapping("*", "")
        source, target = given.get("source") or given.get("sourceExpression"), given.get("target")
        return Mapping(self.feel(source) or "null", target) if target and source else None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _string(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
