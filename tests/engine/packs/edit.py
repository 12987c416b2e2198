"""Edits of a model as the outline makes them, for the tests of `extend`: insert a step, add a branch, move a step."""

from lxml import etree

from engine.packs.xml import BPMN


def q(tag):
    return f"{{{BPMN}}}{tag}"


def parse(xml):
    return etree.fromstring(xml)


def find(root, ident):
    return next(e for e in root.iter() if e.get("id") == ident)


def node(root, beside, tag, ident, name, lane_of=None):
    """A new node in the scope of `beside`, in the lane of `lane_of`."""
    element = etree.SubElement(find(root, beside).getparent(), q(tag), id=ident, name=name)
    for ref in list(root.iter(q("flowNodeRef"))):
        if ref.text == (lane_of or beside):
            etree.SubElement(ref.getparent(), q("flowNodeRef")).text = ident
    return element


def flow(root, source, target, name=None):
    element = etree.SubElement(
        find(root, source).getparent(), q("sequenceFlow"), id=f"{source}_to_{target}", sourceRef=source, targetRef=target
    )
    if name:
        element.set("name", name)


def insert(root, flow_id, tag, ident, name, lane_of=None):
    """A new step on a flow."""
    old = find(root, flow_id)
    source, target = old.get("sourceRef"), old.get("targetRef")
    node(root, source, tag, ident, name, lane_of or source)
    old.set("targetRef", ident)
    flow(root, ident, target)


def text(root):
    return etree.tostring(root)
