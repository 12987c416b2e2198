"""Read and write the diagram part (BPMN DI) of a model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lxml import etree

from engine.packs.xml import BPMN, BPMNDI, DC, DI

from .graph import Edge, Scope


def write(root: Any, pools: Any, messages: Any) -> None:
    """Replace the diagram by the given pools: [(participant id or None, scope or None, x, y, w, h)] and message flows."""
    for old in root.findall(f"{{{BPMNDI}}}BPMNDiagram"):
        root.remove(old)
    collaboration = root.find(f"{{{BPMN}}}collaboration")
    owner = collaboration.get("id") if collaboration is not None else pools[0][1].id
    diagram = etree.SubElement(root, f"{{{BPMNDI}}}BPMNDiagram", nsmap={"bpmndi": BPMNDI, "dc": DC, "di": DI}, id="diagram")
    plane = etree.SubElement(diagram, f"{{{BPMNDI}}}BPMNPlane", id="plane", bpmnElement=owner)
    for participant, scope, x, y, w, h in pools:
        if participant:
            shape(plane, participant, x, y, w, h, isHorizontal="true")
        if scope:
            for lane, box in lane_boxes(scope, x, w):
                shape(plane, lane["id"], *box, isHorizontal="true")
    for _, scope, *_ in pools:
        if scope:
            _write_scope(plane, scope)
    for edge in messages:
        line(plane, edge)


def lane_boxes(scope: Scope, x: float, w: float) -> Iterator[Any]:
    for lane in scope.lanes:
        first, last = scope.bands[lane["first"]], scope.bands[lane["last"]]
        indent = 30 * (lane["depth"] + 1)
        yield lane, (x + indent, first[0], w - indent, last[0] + last[1] - first[0])


def _write_scope(plane: Any, scope: Scope) -> None:
    for node in sorted(scope.nodes.values(), key=lambda n: bool(n.host)):
        extra = {"isMarkerVisible": "true"} if node.tag == "exclusiveGateway" else {"isExpanded": "true"} if node.inner else {}
        shape(plane, node.id, node.x, node.y, node.w, node.h, node.label, **extra)
        if node.inner:
            _write_scope(plane, node.inner)
    for edge in scope.edges:
        line(plane, edge)


def shape(plane: Any, ident: str, x: float, y: float, w: float, h: float, label: Any = None, **extra: Any) -> None:
    element = etree.SubElement(plane, f"{{{BPMNDI}}}BPMNShape", id=f"{ident}_di", bpmnElement=ident, **extra)
    _bounds(element, x, y, w, h)
    if label:
        _bounds(etree.SubElement(element, f"{{{BPMNDI}}}BPMNLabel"), *label)


def line(plane: Any, edge: Edge) -> None:
    element = etree.SubElement(plane, f"{{{BPMNDI}}}BPMNEdge", id=f"{edge.id}_di", bpmnElement=edge.id)
    for x, y in edge.points:
        etree.SubElement(element, f"{{{DI}}}waypoint", x=_number(x), y=_number(y))
    if edge.label:
        _bounds(etree.SubElement(element, f"{{{BPMNDI}}}BPMNLabel"), *edge.label)


def _bounds(element: Any, x: float, y: float, w: float, h: float) -> None:
    etree.SubElement(element, f"{{{DC}}}Bounds", x=_number(x), y=_number(y), width=_number(w), height=_number(h))


def _number(value: float) -> Any:
    return f"{round(value, 1):g}"


def change(element: Any, box: Any = None, label: Any = None, points: Any = None) -> None:
    """Put new numbers into an existing shape or edge."""
    if box:
        _set(element.find(f"{{{DC}}}Bounds"), box)
    if points:
        for old in element.findall(f"{{{DI}}}waypoint"):
            element.remove(old)
        for number, (x, y) in enumerate(points):
            element.insert(number, etree.Element(f"{{{DI}}}waypoint", x=_number(x), y=_number(y)))
    if label:
        found = element.find(f"{{{BPMNDI}}}BPMNLabel")
        found = etree.SubElement(element, f"{{{BPMNDI}}}BPMNLabel") if found is None else found
        bounds = found.find(f"{{{DC}}}Bounds")
        _set(etree.SubElement(found, f"{{{DC}}}Bounds") if bounds is None else bounds, label)


def _set(bounds: Any, box: Any) -> None:
    for key, value in zip(("x", "y", "width", "height"), box, strict=False):
        bounds.set(key, _number(value))
