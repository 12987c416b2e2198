"""Reads BPMN XML safely and brings it into the form the parser relies on, refusing what cannot be meant."""
from copy import deepcopy

from lxml import etree

from .errors import Flaw

BPMN = "http://www.omg.org/spec/BPMN/20100524/MODEL"
MAX_BYTES, MAX_ELEMENTS = 5_000_000, 50_000
MAX_DEPTH = 80      # the parser recurses into sub-processes, some 8 frames a level
REFERENCES = ("sourceRef", "targetRef", "attachedToRef", "default", "messageRef", "signalRef", "errorRef", "escalationRef",
              "activityRef", "calledElement", "processRef", "dataObjectRef")
ROOT_REFERENCES = {"messageRef": "message", "signalRef": "signal", "errorRef": "error", "escalationRef": "escalation"}


def tag(name):
    return f"{{{BPMN}}}{name}"


def kind(node):
    """The local name of an element in the BPMN namespace, else ''."""
    return node.tag[len(BPMN) + 2:] if isinstance(node.tag, str) and node.tag.startswith("{" + BPMN + "}") else ""


def read(data, name):
    """No network, no DTD, no entities: a model is data from strangers."""
    if len(data) > MAX_BYTES:
        raise Flaw(f"{name} is larger than {MAX_BYTES} bytes")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False,
                             remove_comments=True, remove_pis=True)
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise Flaw(f"{name} is not well-formed XML: {error}") from error
    if root.getroottree().docinfo.doctype:
        raise Flaw(f"{name} has a DOCTYPE")
    if root.tag != tag("definitions"):
        raise Flaw(f"{name} is not a BPMN model")
    return root


def normalise(root):
    """In place. Afterwards every sequence flow has an id, no reference has a prefix, every reference has a target."""
    count = 0
    for node in root.iter():
        count += 1
        if count > MAX_ELEMENTS:
            raise Flaw(f"more than {MAX_ELEMENTS} elements")
    _depth(root)
    ids = _ids(root)
    definitions = {n.get("id"): n for n in root if kind(n).endswith("EventDefinition")}
    for node in list(root.iter()):
        if not kind(node):
            continue
        for name in REFERENCES:
            value = node.get(name)
            if value and ":" in value and "{" not in value and value not in ids:
                value = value.split(":", 1)[1]
                node.set(name, value)
            if value and name in ("sourceRef", "targetRef") and kind(node) == "sequenceFlow" and value not in ids:
                raise Flaw(f"{name} points to {value}, which does not exist", node.get("id"))
            if value and name in ROOT_REFERENCES and (value not in ids or kind(ids[value]) != ROOT_REFERENCES[name]):
                raise Flaw(f"{name} points to {value}, which is no {ROOT_REFERENCES[name]}", node.get("id") or node.getparent().get("id"))
            if value and name == "attachedToRef" and value not in ids:
                raise Flaw(f"attached to {value}, which does not exist", node.get("id"))
        if kind(node) in ("message", "signal") and not node.get("name") and node.get("id"):
            node.set("name", node.get("id"))        # they are matched by name
        if kind(node) == "sequenceFlow" and not (node.get("sourceRef") and node.get("targetRef")):
            raise Flaw("a sequence flow needs a source and a target", node.get("id"))
        if kind(node) == "eventDefinitionRef":      # shared definitions are put where they are used
            wanted = definitions.get((node.text or "").strip().split(":")[-1])
            if wanted is None:
                raise Flaw("eventDefinitionRef points nowhere", node.getparent().get("id"))
            node.getparent().replace(node, deepcopy(wanted))
    return root


def _depth(root):
    stack = [(root, 0)]
    while stack:
        node, depth = stack.pop()
        if depth > MAX_DEPTH:
            raise Flaw(f"nested deeper than {MAX_DEPTH}")
        stack.extend((child, depth + 1) for child in node)


def _ids(root):
    ids, missing = {}, []
    for node in root.iter():
        if not kind(node):
            continue
        name = node.get("id")
        if name is None:
            missing.append(node)
        elif name in ids:
            raise Flaw("this id is used twice", name)
        else:
            ids[name] = node
    number = 0
    for node in missing:
        # nodes and flows only: an id on every small element would be noise
        if kind(node).lower().endswith(("sequenceflow", "event", "gateway", "task", "activity", "subprocess", "transaction")):
            number += 1
            name = f"{kind(node)}_{number}"
            while name in ids:
                name += "_"
            node.set("id", name)
            ids[name] = node
    return ids
