"""Reads BPMN XML safely and brings it into the form the parser relies on, refusing what cannot be meant."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from lxml import etree

from .errors import Flaw, Report, say

BPMN = "http://www.omg.org/spec/BPMN/20100524/MODEL"
MAX_BYTES, MAX_ELEMENTS = 5_000_000, 50_000
MAX_DEPTH = 80      # the parser recurses into sub-processes, some 8 frames a level
REFERENCES = ("sourceRef", "targetRef", "attachedToRef", "default", "messageRef", "signalRef", "errorRef", "escalationRef",
              "activityRef", "calledElement", "processRef", "dataObjectRef", "noneBehaviorEventRef", "oneBehaviorEventRef")
ROOT_REFERENCES = {"messageRef": "message", "signalRef": "signal", "errorRef": "error", "escalationRef": "escalation"}
TEXT_REFERENCES = ("flowNodeRef", "correlationPropertyRef", "dataInputRefs", "dataOutputRefs")
# What may stand inside a process: executed, or without an effect on what happens.
_WORDS = """
    activationCondition artifact assignment association auditing boundaryEvent businessRuleTask callActivity
    cancelEventDefinition category childLaneSet compensateEventDefinition completionCondition complexBehaviorDefinition
    complexGateway condition conditionExpression conditionalEventDefinition correlationPropertyBinding correlationPropertyRef
    correlationSubscription dataInput dataInputAssociation dataInputRefs dataObject dataObjectReference dataOutput
    dataOutputAssociation dataOutputRefs dataPath dataState dataStoreReference documentation endEvent error
    errorEventDefinition escalationEventDefinition event eventBasedGateway eventDefinitionRef exclusiveGateway
    extensionElements flowNodeRef formalExpression from group humanPerformer incoming inclusiveGateway inputDataItem inputSet
    inputSetRefs intermediateCatchEvent intermediateThrowEvent ioBinding ioSpecification lane laneSet linkEventDefinition
    loopCardinality loopCondition loopDataInputRef loopDataOutputRef manualTask messageEventDefinition messagePath monitoring
    multiInstanceLoopCharacteristics operationRef optionalInputRefs optionalOutputRefs outgoing outputDataItem outputSet
    outputSetRefs parallelGateway partitionElement performer potentialOwner property receiveTask rendering
    resourceAssignmentExpression resourceParameterBinding resourceRef resourceRole script scriptTask sendTask sequenceFlow
    serviceTask signalEventDefinition source sourceRef standardLoopCharacteristics startEvent subProcess
    supportedInterfaceRef supports target targetRef task terminateEventDefinition text textAnnotation timeCycle timeDate
    timeDuration timerEventDefinition to transaction transformation userTask whileExecutingInputRefs
    whileExecutingOutputRefs adHocSubProcess expression
"""
KNOWN = frozenset(_WORDS.split())
_NAMED = ("sequenceflow", "event", "gateway", "task", "activity", "subprocess", "transaction")


def tag(name: str) -> str:
    """-> the full name of a BPMN element."""
    return f"{{{BPMN}}}{name}"


def kind(node: Any) -> str:
    """-> the local name of an element in the BPMN namespace, else ''."""
    return node.tag[len(BPMN) + 2:] if isinstance(node.tag, str) and node.tag.startswith("{" + BPMN + "}") else ""


def read(data: bytes) -> Any:
    """-> the root of a BPMN file. Flaw where it is none, or unsafe: no network, no DTD, no entities, since a model is data
    from strangers."""
    if len(data) > MAX_BYTES:
        raise Flaw(say("The file is larger than {count} MB.", count=MAX_BYTES // 1_000_000))
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False,
                             remove_comments=True, remove_pis=True)
    try:
        root: Any = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        line = getattr(error, "lineno", 0) or 0
        if "depth" in str(error).lower():
            raise Flaw(say("Elements are nested deeper than {count}.", count=MAX_DEPTH), line=line) from error
        raise Flaw(say("This is no well-formed XML: {reason}.", reason=error), line=line) from error
    if root.getroottree().docinfo.doctype:
        raise Flaw(say("A document type (DOCTYPE) is not allowed in a model: remove it."), line=1)
    if root.tag != tag("definitions"):
        raise Flaw(say("This is no BPMN 2.0 model: its root is {name}.", name=etree.QName(root).localname),
                   line=root.sourceline or 0)
    _limit(root)
    return root


def normalise(root: Any, report: Report) -> None:
    """In place. Afterwards every sequence flow has an id, no reference has a prefix, every reference has a target; what
    cannot be mended is in the report."""
    ids = _ids(root, report)
    definitions = {n.get("id"): n for n in root if kind(n).endswith("EventDefinition")}
    for node in list(root.iter()):
        if not kind(node):
            continue
        with report.collecting(_owner(node)):
            _references(node, ids)
            if kind(node) in ("message", "signal") and not node.get("name") and node.get("id"):
                node.set("name", node.get("id"))        # they are matched by name
            if kind(node) == "eventDefinitionRef":      # shared definitions are put where they are used
                wanted = definitions.get(_plain(node.text))
                if wanted is None:
                    raise Flaw(say("{name} points to {target}, which does not exist.", name="eventDefinitionRef",
                                   target=_plain(node.text)))
                node.getparent().replace(node, deepcopy(wanted))
    for process in root:
        if kind(process) == "process":
            _known(process, report)


def _limit(root: Any) -> None:
    stack, count = [(root, 0)], 0
    while stack:
        node, depth = stack.pop()
        count += 1
        if depth > MAX_DEPTH:
            raise Flaw(say("Elements are nested deeper than {count}.", count=MAX_DEPTH), line=node.sourceline or 0)
        if count > MAX_ELEMENTS:
            raise Flaw(say("The file has more than {count} elements.", count=MAX_ELEMENTS))
        if isinstance(node.tag, str):
            stack.extend((child, depth + 1) for child in node)
        else:
            raise Flaw(say("An entity is not allowed in a model."), line=node.sourceline or 0)


def _ids(root: Any, report: Report) -> dict[str, Any]:
    ids: dict[str, Any] = {}
    missing = []
    for node in root.iter():
        if not kind(node):
            continue
        name = node.get("id")
        if name is None:
            if kind(node).lower().endswith(_NAMED):     # an id on every small element would be noise
                missing.append(node)
        elif name in ids:
            report.add(Flaw(say("This id is used twice: also in line {line}.", line=ids[name].sourceline), name,
                            node.sourceline or 0))
        else:
            ids[name] = node
    for number, node in enumerate(missing, 1):
        name = f"{kind(node)}_{number}"
        while name in ids:
            name += "_"
        node.set("id", name)
        ids[name] = node
    report.lines.update((name, node.sourceline or 0) for name, node in ids.items())
    return ids


def _references(node: Any, ids: dict[str, Any]) -> None:
    if kind(node) in TEXT_REFERENCES and node.text:
        node.text = _plain(node.text)
    for name in REFERENCES:
        value = node.get(name)
        if value and ":" in value and "{" not in value and value not in ids:
            value = value.split(":", 1)[1]
            node.set(name, value)
        if not value:
            continue
        wanted = ROOT_REFERENCES.get(name)
        if wanted and (value not in ids or kind(ids[value]) != wanted):
            raise Flaw(say("{name} points to {target}, which is no {kind}.", name=name, target=value, kind=wanted))
        needed = name in ("attachedToRef", "activityRef", "default") or kind(node) == "sequenceFlow"
        if needed and value not in ids:
            raise Flaw(say("{name} points to {target}, which does not exist.", name=name, target=value))
        if name == "default" and (kind(ids[value]) != "sequenceFlow" or ids[value].get("sourceRef") != node.get("id")):
            raise Flaw(say("The default flow {target} does not leave this element.", target=value))
    if kind(node) == "sequenceFlow" and not (node.get("sourceRef") and node.get("targetRef")):
        raise Flaw(say("A sequence flow needs a source and a target."))


def _known(process: Any, report: Report) -> None:
    stack = list(process)
    while stack:
        node = stack.pop()
        name = etree.QName(node).localname
        if kind(node) not in KNOWN:
            report.add(Flaw(say("{name} is not known here: remove it, or put it into extensionElements.", name=name),
                            node.get("id") or _owner(node), node.sourceline or 0))
        elif kind(node) != "extensionElements":
            stack.extend(node)


def _owner(node: Any) -> str | None:
    """-> the id of the nearest element that people know: a node, a flow, a process."""
    while node is not None:
        if node.get("id") and (kind(node).lower().endswith((*_NAMED, "process")) or node.getparent() is None):
            return str(node.get("id"))
        node = node.getparent()
    return None


def _plain(text: str | None) -> str:
    return (text or "").strip().split(":")[-1]
