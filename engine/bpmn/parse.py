"""BPMN XML -> specs, on SpiffWorkflow's parser: which class reads and which class is, by its OVERRIDE_PARSER_CLASSES.

SpiffWorkflow reads the documents, messages, signals, errors, escalations, correlations, lanes, data objects and event
definitions. How nodes are connected is ours: flat over all nodes of a process (its own recursion along the flows overruns the
stack at some 300 nodes), with flows as objects, no inserted split, join and wrapper specs.
"""
from SpiffWorkflow.bpmn.parser import BpmnParser
from SpiffWorkflow.bpmn.parser.event_parsers import EventDefinitionParser
from SpiffWorkflow.bpmn.parser.ProcessParser import ProcessParser
from SpiffWorkflow.bpmn.parser.ValidationException import ValidationException
from SpiffWorkflow.bpmn.specs import event_definitions as events
from SpiffWorkflow.specs.base import TaskSpec

from . import nodes
from .elements import describe
from .errors import Flaw, Problem, Refused, say
from .nodes import CompensateEventDefinition, Flow, LinkEventDefinition, Mapping, MultiInstance, StandardLoop
from .normalise import kind, normalise, read, tag

EVENTS = {"message": "parse_message_event", "signal": "parse_signal_event", "timer": "parse_timer_event", "cancel": "parse_cancel_event",
          "error": "parse_error_event", "escalation": "parse_escalation_event", "terminate": "parse_terminate_event",
          "conditional": "parse_conditional_event", "compensate": "parse_compensate_event", "link": "parse_link_event"}
HARMLESS = {"documentation", "extensionElements", "laneSet", "dataObject", "dataObjectReference", "dataStoreReference", "sequenceFlow",
            "ioSpecification", "property", "association", "textAnnotation", "group", "incoming", "outgoing", "completionCondition",
            "auditing", "monitoring", "dataInputAssociation", "dataOutputAssociation", "multiInstanceLoopCharacteristics",
            "standardLoopCharacteristics", "resourceRole", "performer", "humanPerformer", "potentialOwner", "artifact",
            "correlationSubscription", "supportedInterfaceRef", "ioBinding", "category", "supports"}


def _text(node, path, ns):
    found = node.xpath(path, namespaces=ns)
    return (found[0].text or "").strip() or None if found else None


def _extension(node, *names):
    """Attributes and children of any vendor's namespace, by local name."""
    for key, value in node.attrib.items():
        if key.split("}")[-1] in names and key.startswith("{"):
            return value


class Reader(EventDefinitionParser):
    """Reads one node. `parse_node` does not follow the flows: that is ProcessReader's."""

    def parse_node(self):
        self.task = self.create_task()
        self.task.extensions = {}
        for name in ("startQuantity", "completionQuantity"):
            if self.node.get(name, "1") != "1":
                raise Flaw(f"{name} other than 1 is not supported", self.bpmn_id)
        if self.xpath("./*[self::bpmn:dataInputAssociation or self::bpmn:dataOutputAssociation]/*[self::bpmn:assignment or self::bpmn:transformation]"):
            raise Flaw("assignments in data associations are not supported: use a script or a mapping", self.bpmn_id)
        if any(c is not None for c in self.xpath("./bpmn:multiInstanceLoopCharacteristics | ./bpmn:standardLoopCharacteristics")):
            self.task.loop = self.read_loop()
        self.task.is_handler = self.node.get("isForCompensation") == "true"
        return self.task

    def create_task(self):
        return self.spec_class(self.spec, self.bpmn_id, **self.bpmn_attributes)

    def raise_validation_exception(self, message, node=None):   # SpiffWorkflow calls it with a node it does not take
        raise Flaw(message, self.bpmn_id)

    # data associations: data objects are variables of their scope here, so nothing has to be copied
    # (and SpiffWorkflow's own look-up does not end for a data object two levels up)
    def parse_incoming_data_references(self):
        return []

    def parse_outgoing_data_references(self):
        return []

    def read_loop(self):
        ns = self.nsmap
        standard = self.xpath("./bpmn:standardLoopCharacteristics")
        if standard:
            node = standard[0]
            maximum, condition = node.get("loopMaximum"), _text(node, "./bpmn:loopCondition", ns)
            if maximum is None and condition is None:
                raise Flaw("a standard loop needs loopMaximum or loopCondition", self.bpmn_id)
            return StandardLoop(condition, int(maximum) if maximum else None, node.get("testBefore") == "true")
        node = self.xpath("./bpmn:multiInstanceLoopCharacteristics")[0]
        if node.get("behavior", "All") != "All":
            raise Flaw("a multi-instance activity that throws events (behavior) is not supported", self.bpmn_id)
        cardinality = _text(node, "./bpmn:loopCardinality", ns)
        collection = _text(node, "./bpmn:loopDataInputRef", ns) or _extension(node, "collection", "inputCollection")
        collection = self.io_name(collection)
        if (cardinality is None) == (collection is None):
            raise Flaw("multi-instance needs either loopCardinality or a collection", self.bpmn_id)

        def item(name, *vendor):
            found = node.xpath(f"./bpmn:{name}", namespaces=ns)
            return (found[0].get("name") or found[0].get("id")) if found else _extension(node, *vendor)
        output = self.io_name(_text(node, "./bpmn:loopDataOutputRef", ns) or _extension(node, "outputCollection"))
        return MultiInstance(node.get("isSequential") == "true", cardinality, collection, item("inputDataItem", "elementVariable", "inputElement"),
                             output, item("outputDataItem", "outputElement"), _text(node, "./bpmn:completionCondition", ns))

    def io_name(self, reference):
        """A loop may refer to a dataInput or dataOutput by id: what counts is the variable's name."""
        for found in self.xpath("./bpmn:ioSpecification/*[@id]"):
            if found.get("id") == reference:
                return found.get("name") or reference
        return reference

    # --- event definitions ---
    def definitions(self):
        found = [c for c in self.node if kind(c).endswith("EventDefinition")]
        for c in found:
            if kind(c)[:-15] not in EVENTS:
                raise Flaw(f"{kind(c)} is not supported", self.bpmn_id)
        self.event_nodes = found
        read = [getattr(self, EVENTS[kind(c)[:-15]])(c) for c in found]
        if not read:
            return events.NoneEventDefinition()
        if len(read) > 1:
            if self.node.get("parallelMultiple") == "true":
                raise Flaw("parallel multiple events are not supported", self.bpmn_id)
            return events.MultipleEventDefinition(read)
        return read[0]

    def parse_timer_event(self, event):
        definition = super().parse_timer_event(event)
        definition.expression = (definition.expression or "").strip()
        if not definition.expression:
            raise Flaw("the timer has no time", self.bpmn_id)
        return definition

    def parse_conditional_event(self, event):
        definition = super().parse_conditional_event(event)
        definition.expression = (definition.expression or "").strip()
        return definition

    def parse_compensate_event(self, event):
        if event.get("waitForCompletion") == "false":
            raise Flaw("compensation that is not waited for is not supported", self.bpmn_id)
        return CompensateEventDefinition(event.get("activityRef"))

    def parse_link_event(self, event):
        return LinkEventDefinition(event.get("name") or self.node.get("name"))


class EventReader(Reader):
    def create_task(self):
        definition = self.definitions()
        extra = {"cancel_activity": self.node.get("cancelActivity", "true") == "true"} if kind(self.node) == "boundaryEvent" else {}
        task = self.spec_class(self.spec, self.bpmn_id, event_definition=definition, **extra, **self.bpmn_attributes)
        if kind(self.node) == "startEvent":
            task.interrupting = self.node.get("isInterrupting", "true") == "true"
        return task


class MessageTaskReader(Reader):
    def create_task(self):
        definition = self.parse_message_event(self.node) if self.node.get("messageRef") else self.definitions()
        if kind(self.node) == "receiveTask" and isinstance(definition, events.NoneEventDefinition):
            definition = events.MessageEventDefinition(self.node.get("name") or self.bpmn_id)
        return self.spec_class(self.spec, self.bpmn_id, event_definition=definition, **self.bpmn_attributes)


class ScriptReader(Reader):
    def create_task(self):
        script = _text(self.node, "./bpmn:script", self.nsmap)
        if script is None:
            raise Flaw("the script task has no script", self.bpmn_id)
        return self.spec_class(self.spec, self.bpmn_id, script=script, **self.bpmn_attributes)


class DecisionReader(Reader):
    def create_task(self):
        task = super().create_task()
        task.decision = _extension(self.node, "decisionRef", "decisionId")
        task.result = _extension(self.node, "resultVariable") or "result"
        if task.decision is None:
            raise Flaw("the business rule task names no decision", self.bpmn_id)
        return task


class EventGatewayReader(Reader):
    def create_task(self):
        if self.node.get("eventGatewayType", "Exclusive") != "Exclusive" or self.node.get("instantiate") == "true":
            raise Flaw("only exclusive, not instantiating event-based gateways are supported", self.bpmn_id)
        return self.spec_class(self.spec, self.bpmn_id, event_definition=events.MultipleEventDefinition(), **self.bpmn_attributes)


class ScopeReader(Reader):
    def create_task(self):
        event = self.node.get("triggeredByEvent") == "true"
        spec_class = nodes.EventSubProcess if event else self.spec_class
        task = spec_class(self.spec, self.bpmn_id, subworkflow_spec=self.bpmn_id, **self.bpmn_attributes)
        parser = self.process_parser.parser
        parser.create_parser(self.node, filename=self.filename, lane=self.lane)
        inner = task.inner = parser.get_spec(self.bpmn_id)
        inner.parent = self.spec
        starts = [s for s in inner.task_specs.values() if isinstance(s, nodes.StartEvent)]
        if event:
            if len(starts) != 1 or isinstance(starts[0].event_definition, events.NoneEventDefinition):
                raise Flaw("an event sub-process needs exactly one start event, with an event", self.bpmn_id)
            if isinstance(starts[0].event_definition, (CompensateEventDefinition, events.MultipleEventDefinition)):
                raise Flaw("this start of an event sub-process is not supported", self.bpmn_id)
            task.start_event = starts[0]
            self.spec.event_subprocesses.append(task)
        elif any(not isinstance(s.event_definition, events.NoneEventDefinition) for s in starts) or len(starts) > 1:
            raise Flaw("a sub-process has one start event, without an event", self.bpmn_id)
        if kind(self.node) == "adHocSubProcess":
            inner.ad_hoc = {"condition": _text(self.node, "./bpmn:completionCondition", self.nsmap), "sequential": self.node.get("ordering") == "Sequential",
                            "cancel": self.node.get("cancelRemainingInstances", "true") == "true"}
        return task


class CallReader(Reader):
    def create_task(self):
        called = self.node.get("calledElement")
        if not called:
            raise Flaw("the call activity calls nothing", self.bpmn_id)
        task = self.spec_class(self.spec, self.bpmn_id, subworkflow_spec=called, **self.bpmn_attributes)
        for end, name in (("into", "in"), ("out", "out")):
            found = [n for n in self.xpath("./bpmn:extensionElements/*") if isinstance(n.tag, str) and n.tag.split("}")[-1] == name]
            setattr(task, end, tuple(Mapping("*", None) if n.get("variables") == "all" else Mapping(n.get("source") or n.get("sourceExpression"), n.get("target"))
                                     for n in found if n.get("target") or n.get("variables")))
        return task


class ProcessReader(ProcessParser):
    """Reads all nodes of one process or sub-process, then connects them."""

    def create_spec(self):
        return nodes.Process(name=self.bpmn_id, description=self.get_name(), filename=self.filename)

    def add_tasks(self):
        spec = self.spec
        for node in self.node:
            if kind(node) and node.tag in self.parser.OVERRIDE_PARSER_CLASSES:
                self.parse_node(node)
            elif kind(node) and kind(node) not in HARMLESS:
                raise Flaw(f"{kind(node)} is not supported", node.get("id"))
        specs, flows = spec.task_specs, {}
        for node in self.node:
            if kind(node) == "sequenceFlow":
                source, target = specs.get(node.get("sourceRef")), specs.get(node.get("targetRef"))
                if source is None or target is None:
                    raise Flaw("a sequence flow may not leave its process or sub-process", node.get("id"))
                condition = self.condition(node)
                default = self.get_node_by_id(source.name).get("default") == node.get("id")
                flows.setdefault(source.name, []).append(Flow(node.get("id"), source.name, target.name, condition, default))
                target.incoming += 1
                TaskSpec.connect(source, target)
        for name, out in flows.items():
            specs[name].flows = tuple(out)
        self._links()
        self._boundaries()
        for s in specs.values():
            self._check(s)
            s.is_first = s.incoming == 0 and not s.is_handler and not isinstance(s, (nodes.BoundaryEvent, nodes.EventSubProcess, nodes.StartEvent)) \
                and not isinstance(getattr(s, "event_definition", None), LinkEventDefinition)
            if isinstance(s, nodes.InclusiveGateway) and s.incoming > 1:
                spec.reach[s.name] = self._reach(s)

    def condition(self, flow):
        return _text(flow, "./bpmn:conditionExpression", self.nsmap)

    def _links(self):
        """A link is a flow that is not drawn."""
        specs = self.spec.task_specs.values()
        links = [s for s in specs if isinstance(getattr(s, "event_definition", None), LinkEventDefinition)]
        for s in links:
            if isinstance(s, nodes.IntermediateThrowEvent):
                targets = [t for t in links if isinstance(t, nodes.IntermediateCatchEvent) and t.event_definition.name == s.event_definition.name]
                if len(targets) != 1:
                    raise Flaw(f"the link {s.event_definition.name} needs exactly one target, has {len(targets)}", s.name)
                s.flows = (Flow(f"link:{s.name}", s.name, targets[0].name),)
                targets[0].incoming += 1

    def _boundaries(self):
        specs = self.spec.task_specs
        targets = {a.get("sourceRef"): a.get("targetRef") for a in self.doc_xpath(".//bpmn:association")}
        for s in list(specs.values()):
            if not isinstance(s, nodes.BoundaryEvent):
                continue
            host = specs.get(self.get_node_by_id(s.name).get("attachedToRef"))
            if host is None:
                raise Flaw("a boundary event is attached to an activity of the same scope", s.name)
            what = s.event_definition
            if isinstance(what, CompensateEventDefinition):
                handler = specs.get(targets.get(s.name))
                if handler is None or not handler.is_handler:
                    raise Flaw("a compensation boundary event needs an association to an activity for compensation", s.name)
                host.handler = handler.name
            elif isinstance(what, events.NoneEventDefinition):
                raise Flaw("a boundary event needs an event", s.name)
            elif isinstance(what, events.CancelEventDefinition) and not isinstance(host, nodes.Transaction):
                raise Flaw("a cancel event belongs on a transaction", s.name)
            else:
                host.boundaries = (*host.boundaries, s)

    def _check(self, s):
        if s.incoming and isinstance(s, (nodes.StartEvent, nodes.BoundaryEvent, nodes.EventSubProcess)) or s.is_handler and (s.incoming or s.flows):
            raise Flaw("no sequence flow may lead here", s.name)
        if s.flows and isinstance(s, (nodes.EndEvent, nodes.EventSubProcess)):
            raise Flaw("no sequence flow may leave this", s.name)
        if isinstance(s, (nodes.ParallelGateway, nodes.EventBasedGateway)) and any(f.condition for f in s.flows):
            raise Flaw("conditions on the flows of this gateway would be ignored", s.name)
        conditional = [f for f in s.flows if f.condition is None and not f.default]
        if isinstance(s, nodes.ExclusiveGateway) and len(s.flows) > 1 and conditional:
            raise Flaw("this flow of an exclusive gateway has no condition and is not the default", conditional[0].id)
        if isinstance(s, nodes.EventBasedGateway):
            s.targets = tuple(self.spec.task_specs[f.target] for f in s.flows)
            if len(s.targets) < 2 or not all(isinstance(t, nodes.Catching) for t in s.targets):
                raise Flaw("an event-based gateway leads to at least two catching events or receive tasks", s.name)

    def _reach(self, join):
        """For each incoming flow of an inclusive join: the nodes from which it can be reached without passing the join."""
        before = {}
        for s in self.spec.task_specs.values():
            for f in s.flows:
                before.setdefault(f.target, []).append((f, s.name))
            for b in s.boundaries:
                before.setdefault(b.name, []).append((None, s.name))
        reach = {}
        for flow, source in before[join.name]:
            seen, stack = {source}, [source]
            while stack:
                for _, name in before.get(stack.pop(), ()):
                    if name != join.name and name not in seen:
                        seen.add(name)
                        stack.append(name)
            reach[flow.id] = frozenset(seen - {join.name})
        return reach


class ModelParser(BpmnParser):
    PROCESS_PARSER_CLASS = ProcessReader
    OVERRIDE_PARSER_CLASSES = {tag(name): pair for name, pair in {
        "startEvent": (EventReader, nodes.StartEvent), "endEvent": (EventReader, nodes.EndEvent),
        "intermediateCatchEvent": (EventReader, nodes.IntermediateCatchEvent), "intermediateThrowEvent": (EventReader, nodes.IntermediateThrowEvent),
        "boundaryEvent": (EventReader, nodes.BoundaryEvent),
        "task": (Reader, nodes.NoneTask), "userTask": (Reader, nodes.UserTask), "manualTask": (Reader, nodes.ManualTask),
        "serviceTask": (Reader, nodes.ServiceTask), "scriptTask": (ScriptReader, nodes.ScriptTask), "businessRuleTask": (DecisionReader, nodes.BusinessRuleTask),
        "sendTask": (MessageTaskReader, nodes.SendTask), "receiveTask": (MessageTaskReader, nodes.ReceiveTask),
        "exclusiveGateway": (Reader, nodes.ExclusiveGateway), "parallelGateway": (Reader, nodes.ParallelGateway),
        "inclusiveGateway": (Reader, nodes.InclusiveGateway), "eventBasedGateway": (EventGatewayReader, nodes.EventBasedGateway),
        "subProcess": (ScopeReader, nodes.SubProcess), "adHocSubProcess": (ScopeReader, nodes.AdHocSubProcess), "transaction": (ScopeReader, nodes.Transaction),
        "callActivity": (CallReader, nodes.CallActivity)}.items()}


def parse(models):
    """-> ({process id: Process}, {process id: {element id: Element}}) of all executable processes in the files."""
    found, elements = {}, {}
    for name, data in models.items():
        try:
            root = normalise(read(data, name))
            parser = ModelParser()      # one a file: it would take equal ids of sub-processes in two files for a clash
            for store in root.xpath(".//bpmn:dataStore", namespaces=parser.namespaces):
                store.getparent().remove(store)         # a data store is a picture here; SpiffWorkflow wants a class for it
            parser.add_bpmn_xml(root.getroottree(), name)
            processes = {key: parser.get_spec(key) for key in parser.get_process_ids()}
            for key in processes.keys() & found.keys():
                raise Flaw(f"{name} and another file both have this process", key)
        except ValidationException as error:
            raise Refused([Problem(say(str(error)), name, error.line_number or 0, error.id or None)]) from error
        except Flaw as flaw:
            raise Refused([Problem(flaw.sentence, name, flaw.line, flaw.element)]) from flaw
        found.update(processes)
        for node in root:
            if kind(node) == "process" and node.get("id") in processes:
                elements[node.get("id")] = describe(node, name)
    if not found:
        raise Refused([Problem(say("There is no executable process."), next(iter(models), ""))])
    return found, elements
