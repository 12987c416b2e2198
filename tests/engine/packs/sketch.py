"""Write a process as a few lines of text, get BPMN without a diagram. For tests and drafts only.

process main 名称                 sub id 名称 … end        (expanded sub-process)
lane party 社区党组织             event-sub id 名称 … end  (event sub-process)
user draft 起草方案               (all that follows stands in the latest lane)
timer@draft late 逾期             boundary event; timer~draft: not interrupting
draft > check > ok : 通过         flows; after ':' the name of the last one
"""

import itertools
import re

from lxml import etree

BPMN = "http://www.omg.org/spec/BPMN/20100524/MODEL"
TAGS = {
    "start": "startEvent",
    "end": "endEvent",
    "user": "userTask",
    "service": "serviceTask",
    "script": "scriptTask",
    "rule": "businessRuleTask",
    "manual": "manualTask",
    "receive": "receiveTask",
    "send": "sendTask",
    "task": "task",
    "call": "callActivity",
    "xor": "exclusiveGateway",
    "and": "parallelGateway",
    "or": "inclusiveGateway",
    "choice": "eventBasedGateway",
    "catch": "intermediateCatchEvent",
    "throw": "intermediateThrowEvent",
    "sub": "subProcess",
    "event-sub": "subProcess",
    "note": "textAnnotation",
}


def q(tag):
    return f"{{{BPMN}}}{tag}"


def build(text):
    root = etree.Element(
        q("definitions"),
        nsmap={"bpmn": BPMN, "xsi": "http://www.w3.org/2001/XMLSchema-instance"},
        targetNamespace="https://yishi.example/sketch",
    )
    scope, stack, lane, lanes, flows = None, [], None, None, 0
    for line in text.splitlines():
        line = line.split("#")[0].strip()
        if not line:
            continue
        if ">" in line:
            chain, _, name = line.partition(" : ")
            ids = [part.strip() for part in chain.split(">")]
            for number, (source, target) in enumerate(itertools.pairwise(ids)):
                flow = etree.SubElement(scope, q("sequenceFlow"), id=f"{source}_to_{target}", sourceRef=source, targetRef=target)
                flows += 1
                if name and number == len(ids) - 2:
                    flow.set("name", name.strip())
            continue
        word, *rest = line.split(maxsplit=2)
        if word == "end" and not rest:
            scope = stack.pop()
            continue
        ident, name = rest[0], (rest[1] if len(rest) > 1 else None)
        if word == "process":
            collaboration = etree.SubElement(root, q("collaboration"), id=f"{ident}_collaboration")
            etree.SubElement(collaboration, q("participant"), id=f"{ident}_pool", processRef=ident, name=name)
            scope = etree.SubElement(root, q("process"), id=ident, name=name, isExecutable="true")
            continue
        if word == "bare":
            scope = etree.SubElement(root, q("process"), id=ident, name=name, isExecutable="true")
            continue
        if word == "lane":
            lanes = (
                scope.find(q("laneSet"))
                if scope.find(q("laneSet")) is not None
                else etree.SubElement(scope, q("laneSet"), id=f"{scope.get('id')}_lanes")
            )
            lane = next((found for found in lanes if found.get("id") == ident), None)
            if lane is None:
                lane = etree.SubElement(lanes, q("lane"), id=ident, name=name)
            continue
        attached = re.fullmatch(r"(\w+)([@~])(\w+)", word)
        kind, mark, host = attached.groups() if attached else (word, "", "")
        plain, _, definition = kind.partition(":")
        if mark:
            element = etree.SubElement(scope, q("boundaryEvent"), id=ident, attachedToRef=host)
            if mark == "~":
                element.set("cancelActivity", "false")
            definition = kind
        else:
            element = etree.SubElement(scope, q(TAGS[plain]), id=ident)
        if definition:
            if definition.endswith("~"):
                element.set("isInterrupting", "false")
            etree.SubElement(element, q(definition.rstrip("~") + "EventDefinition"), id=f"{ident}_definition")
        if name:
            element.set("name", name)
        if lane is not None and not stack:
            etree.SubElement(lane, q("flowNodeRef")).text = ident
        if plain in ("sub", "event-sub"):
            if plain == "event-sub":
                element.set("triggeredByEvent", "true")
            stack.append(scope)
            scope = element
    elements = {element.get("id"): element for element in root.iter() if element.get("id")}
    for flow in root.iter(q("sequenceFlow")):  # some tools read these, not sourceRef and targetRef
        for end, tag in (("targetRef", "incoming"), ("sourceRef", "outgoing")):
            element = elements[flow.get(end)]
            place = sum(1 for child in element if child.tag in (q("incoming"), q("outgoing")) and child.tag <= q(tag))
            mark = etree.Element(q(tag))
            mark.text = flow.get("id")
            element.insert(place, mark)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)
