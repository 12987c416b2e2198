"""How good is a diagram? Counts what a careful person would not draw."""

from __future__ import annotations

import itertools
from typing import Any

from lxml import etree

from engine.packs.xml import BPMN, BPMNDI, DC, DI, parse

from .graph import ACTIVITIES, label_size, local

COLUMNS = (
    "missing",
    "off_lane",
    "node_node",
    "edge_node",
    "edge_edge",
    "crossings",
    "bends",
    "slanted",
    "loose",
    "label_node",
    "label_label",
    "label_edge",
    "length",
    "width",
    "height",
)
FAULTS = (
    "missing",
    "off_lane",
    "node_node",
    "edge_node",
    "edge_edge",
    "slanted",
    "loose",
    "label_node",
    "label_label",
    "label_edge",
)  # must be 0


def measure(xml: bytes) -> Any:
    """{what: how much}; all of FAULTS are nought in a good diagram, the rest as small as possible."""
    root = parse(xml)
    elements = {e.get("id"): e for e in root.iter() if e.get("id") and isinstance(e.tag, str) and etree.QName(e).namespace == BPMN}
    shapes, lines, labels = {}, {}, {}
    for shape in root.iter(f"{{{BPMNDI}}}BPMNShape"):
        shapes[shape.get("bpmnElement")] = _box(shape.find(f"{{{DC}}}Bounds"))
    for edge in root.iter(f"{{{BPMNDI}}}BPMNEdge"):
        lines[edge.get("bpmnElement")] = [(float(p.get("x")), float(p.get("y"))) for p in edge.findall(f"{{{DI}}}waypoint")]
    for drawn in root.iter(f"{{{BPMNDI}}}BPMNShape", f"{{{BPMNDI}}}BPMNEdge"):
        bounds, ident = drawn.find(f"{{{BPMNDI}}}BPMNLabel/{{{DC}}}Bounds"), drawn.get("bpmnElement")
        element = elements.get(ident)
        if element is None or not element.get("name") or not (local(element).endswith(("Event", "Gateway")) or ident in lines):
            continue
        labels[ident] = (
            _box(bounds) if bounds is not None else _default_label(element.get("name"), shapes.get(ident), lines.get(ident))
        )

    def flow_tag(e: Any) -> Any:
        return local(e) in ACTIVITIES or local(e).endswith(("Event", "Gateway"))

    nodes = {i: e for i, e in elements.items() if flow_tag(e)}
    edges = {i: e for i, e in elements.items() if local(e) in ("sequenceFlow", "messageFlow")}
    result = dict.fromkeys(COLUMNS, 0)
    lanes = {ref.text: lane.get("id") for lane in root.iter(f"{{{BPMN}}}lane") for ref in lane.findall(f"{{{BPMN}}}flowNodeRef")}
    known_lanes = set(lanes.values())
    result["missing"] = (
        sum(i not in shapes for i in nodes)
        + sum(len(lines.get(i, ())) < 2 for i in edges)
        + sum(lane not in shapes for lane in known_lanes)
    )
    result["off_lane"] = sum(
        i in shapes and (lane not in shapes or not _inside(shapes[i], shapes[lane]))
        for i, lane in lanes.items()
        if nodes[i].get("attachedToRef") is None
    )
    solid = {i: shapes[i] for i in nodes if i in shapes}
    for (a, box), (b, other) in itertools.combinations(solid.items(), 2):
        related = (
            _ancestor(nodes[a], nodes[b])
            or _ancestor(nodes[b], nodes[a])
            or b == nodes[a].get("attachedToRef")
            or a == nodes[b].get("attachedToRef")
        )
        result["node_node"] += not related and _overlap(box, other)
    for i, points in lines.items():
        if i not in edges:
            continue
        ends = {edges[i].get("sourceRef"), edges[i].get("targetRef")}
        result["bends"] += max(0, len(points) - 2)
        for (x1, y1), (x2, y2) in itertools.pairwise(points):
            result["length"] += abs(x1 - x2) + abs(y1 - y2)
            result["slanted"] += abs(x1 - x2) > 1 and abs(y1 - y2) > 1
        for n, (x, y) in zip(
            (edges[i].get("sourceRef"), edges[i].get("targetRef")), (points[0], points[-1]) if len(points) > 1 else (), strict=False
        ):
            if n in solid:  # ends on the border of its box, neither off it nor within
                a, b, c, d = solid[n]
                result["loose"] += not (a - 6 <= x <= c + 6 and b - 6 <= y <= d + 6) or (a + 6 < x < c - 6 and b + 6 < y < d - 6)
        for n, box in solid.items():
            inside = n in ends or _ancestor(nodes[n], edges[i])
            shrunk = (box[0] + 2, box[1] + 2, box[2] - 2, box[3] - 2)
            if not inside and any(_hits(a, b, shrunk) for a, b in itertools.pairwise(points)):
                result["edge_node"] += 1
    for (i, one), (j, two) in itertools.combinations([(i, p) for i, p in lines.items() if i in edges], 2):
        same = edges[i].get("targetRef") == edges[j].get("targetRef") or edges[i].get("sourceRef") == edges[j].get("sourceRef")
        for a, b in itertools.pairwise(one):
            for c, d in itertools.pairwise(two):
                crossing, shared = _meet(a, b, c, d)
                result["crossings"] += crossing and not same
                result["edge_edge"] += shared and not same
    for i, box in labels.items():
        tight = (box[0] + 1, box[1] + 1, box[2] - 1, box[3] - 1)
        result["label_node"] += sum(
            _overlap(tight, _filled(other, nodes[n])) for n, other in solid.items() if not _ancestor(nodes[n], elements[i])
        )
        result["label_edge"] += sum(any(_hits(a, b, tight) for a, b in itertools.pairwise(points)) for points in lines.values())
        result["label_label"] += sum(_overlap(tight, other) for j, other in labels.items() if i < j)
    if shapes:
        result["width"] = max(b[2] for b in shapes.values()) - min(b[0] for b in shapes.values())
        result["height"] = max(b[3] for b in shapes.values()) - min(b[1] for b in shapes.values())
    return {key: round(value) for key, value in result.items()}


def _box(bounds: Any) -> Any:
    x, y, w, h = (float(bounds.get(k)) for k in ("x", "y", "width", "height"))
    return x, y, x + w, y + h


def _default_label(name: str, shape: Any, points: Any) -> Any:
    """Where a viewer puts a name that has no box of its own."""
    w, h = label_size(name)
    if shape:
        x, y = (shape[0] + shape[2]) / 2, shape[3] + 4
    else:
        middle = len(points) // 2
        x, y = (points[middle - 1][0] + points[middle][0]) / 2, (points[middle - 1][1] + points[middle][1]) / 2 - h / 2
    return x - w / 2, y, x + w / 2, y + h


def _filled(box: Any, element: Any) -> Any:
    """Of a gateway only the middle: its corners are empty."""
    inset = 12 if local(element).endswith("Gateway") else 0
    return box[0] + inset, box[1] + inset, box[2] - inset, box[3] - inset


def _ancestor(one: Any, other: Any) -> Any:
    return any(parent is one for parent in other.iterancestors())


def _inside(box: Any, frame: bool) -> Any:
    return box[0] >= frame[0] - 1 and box[1] >= frame[1] - 1 and box[2] <= frame[2] + 1 and box[3] <= frame[3] + 1


def _overlap(a: Any, b: Any) -> Any:
    return a[0] < b[2] - 1 and b[0] < a[2] - 1 and a[1] < b[3] - 1 and b[1] < a[3] - 1


def _hits(p: Any, q: Any, box: Any) -> Any:
    """Does a line from p to q pass through the box? (Slanted lines are cut by halving.)"""
    if max(p[0], q[0]) <= box[0] or min(p[0], q[0]) >= box[2] or max(p[1], q[1]) <= box[1] or min(p[1], q[1]) >= box[3]:
        return False
    if abs(p[0] - q[0]) < 1 or abs(p[1] - q[1]) < 1:
        return True
    middle = ((p[0] + q[0]) / 2, (p[1] + q[1]) / 2)
    return _hits(p, middle, box) or _hits(middle, q, box)


def _meet(a: Any, b: Any, c: Any, d: Any) -> Any:
    """(do they cross, do they run upon each other for more than 4 px)"""

    def cross(o: Any, p: Any, q: Any) -> Any:
        return (p[0] - o[0]) * (q[1] - o[1]) - (p[1] - o[1]) * (q[0] - o[0])

    if cross(a, b, c) * cross(a, b, d) < 0 and cross(c, d, a) * cross(c, d, b) < 0:
        return True, False
    for k in (0, 1):
        if all(abs(p[k] - a[k]) < 1 for p in (b, c, d)):
            low, high = max(min(a[1 - k], b[1 - k]), min(c[1 - k], d[1 - k])), min(max(a[1 - k], b[1 - k]), max(c[1 - k], d[1 - k]))
            return False, high - low > 4
    return False, False
