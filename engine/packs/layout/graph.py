"""The model as boxes and lines: what must be drawn, how large it is, and what it says."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from lxml import etree

from engine.packs.xml import BPMN

TASK, EVENT, GATEWAY, DATA = (100, 80), (36, 36), (50, 50), (36, 50)  # the sizes of bpmn-js: people go on drawing there
LABEL_FONT, LABEL_LINE, LABEL_WIDTH = 11, 14, 92  # eight Chinese characters a line
ACTIVITIES = {
    "task",
    "userTask",
    "serviceTask",
    "scriptTask",
    "businessRuleTask",
    "manualTask",
    "receiveTask",
    "sendTask",
    "callActivity",
    "subProcess",
    "adHocSubProcess",
    "transaction",
}
ARTIFACTS = {"textAnnotation", "dataObjectReference", "dataStoreReference"}


@dataclass(eq=False)
class Node:
    """One shape. `x`, `y` is its upper left corner; `label` the box of its name if that stands outside."""

    id: str
    tag: str
    name: str = ""
    w: float = 100
    h: float = 80
    lane: int = 0
    host: Any = None  # the activity of a boundary event
    inner: Scope | None = None
    event_sub: bool = False
    x: Any = None  # None until it has a place
    y: Any = None
    label: Any = None
    col: int = 0
    row: int = 0
    band: int = 0  # of an event sub-process
    goes: bool = False  # does it move aside

    @property
    def kind(self) -> Any:
        return (
            "gateway"
            if self.tag.endswith("Gateway")
            else "event"
            if self.tag.endswith("Event")
            else "data"
            if self.tag in ARTIFACTS
            else "activity"
        )

    @property
    def rect(self) -> Any:
        return self.x, self.y, self.x + self.w, self.y + self.h

    @property
    def cx(self) -> Any:
        return self.x + self.w / 2

    @property
    def cy(self) -> Any:
        return self.y + self.h / 2

    @property
    def outside(self) -> Any:
        """Is the name written beside the shape?"""
        return bool(self.name) and self.kind != "activity" and self.tag != "textAnnotation"


@dataclass(eq=False)
class Edge:
    id: str
    source: Node
    target: Node
    name: str = ""
    tag: str = "sequenceFlow"
    points: list[Any] = field(default_factory=list)
    label: Any = None
    back: bool = False
    into_split: bool = False  # does it lead to a gateway that shares out more flows than it gathers?
    slants: int = 0  # slanted parts which a person drew


@dataclass(eq=False)
class Scope:
    """A process or a sub-process: its nodes, its flows, its lanes from top to bottom as (id, name, depth, first, last)."""

    id: str
    name: str = ""
    nodes: dict[str, Node] = field(default_factory=dict)
    edges: list[Edge] = field(default_factory=list)
    lanes: list[Any] = field(default_factory=list)
    w: float = 0
    h: float = 0
    bands: list[Any] = field(default_factory=list)  # (y, height) of each innermost lane
    pool: str | None = None

    def all_scopes(self) -> Iterator[Any]:
        yield self
        for node in self.nodes.values():
            if node.inner:
                yield from node.inner.all_scopes()

    def shift(self, dx: float, dy: float) -> None:
        """Move everything inside, also what is inside sub-processes."""
        for node in self.nodes.values():
            node.x, node.y = node.x + dx, node.y + dy
            if node.label:
                node.label = (node.label[0] + dx, node.label[1] + dy, *node.label[2:])
            if node.inner:
                node.inner.shift(dx, dy)
        for edge in self.edges:
            edge.points = [(x + dx, y + dy) for x, y in edge.points]
            if edge.label:
                edge.label = (edge.label[0] + dx, edge.label[1] + dy, *edge.label[2:])


def text_width(text: str, size: float) -> Any:
    return sum(size if unicodedata.east_asian_width(char) in "WFA" else size * 0.56 for char in text)


def label_size(text: str, limit: float = LABEL_WIDTH) -> Any:
    """Width and height of a name outside its shape; lines of even length, so that no line holds one lonely character."""
    whole = text_width(text, LABEL_FONT)
    lines = max(1, -(-int(whole) // (limit - 4)))
    return min(limit, whole / lines + (LABEL_FONT if lines > 1 else 0) + 4), lines * LABEL_LINE


def task_size(name: str, marked: bool) -> Any:
    """Tasks are 100 × 80; a name that would need a third line (it would touch the mark in the corner) makes them larger."""
    for w in (100, 120, 140):
        lines = -(-text_width(name, 12) // (12 * ((w - 20) // 12)))
        if lines <= 2:
            return w, 80
    return w, max(80, 15 * lines + (60 if marked else 40))


def local(element: Any) -> Any:
    return etree.QName(element).localname if isinstance(element.tag, str) else ""


def read_scope(element: Any) -> Any:
    """The graph of one process or sub-process element, with its sub-processes inside."""
    scope = Scope(element.get("id"), element.get("name") or "")
    lanes = {}
    for lane_set in element.findall(f"{{{BPMN}}}laneSet"):
        _read_lanes(lane_set, scope, lanes, 0)
    for child in element:
        tag = local(child)
        if not child.get("id") or not (tag in ACTIVITIES or tag in ARTIFACTS or tag.endswith("Event") or tag.endswith("Gateway")):
            continue
        size = EVENT if tag.endswith("Event") else GATEWAY if tag.endswith("Gateway") else DATA if tag in ARTIFACTS else TASK
        node = Node(child.get("id"), tag, child.get("name") or "", *size, lane=lanes.get(child.get("id"), -1))
        if tag == "textAnnotation":
            node.name = child.findtext(f"{{{BPMN}}}text") or ""
            node.w, node.h = 130, 12 + 15 * -(-int(text_width(node.name, 12)) // 96)
        if tag in ACTIVITIES:
            node.w, node.h = task_size(
                node.name, tag == "callActivity" or len(child.findall("{*}multiInstanceLoopCharacteristics")) > 0
            )
        if tag in ("subProcess", "adHocSubProcess", "transaction"):
            inner = read_scope(child)
            node.inner = inner if inner.nodes else None
            node.event_sub = child.get("triggeredByEvent") == "true"
        scope.nodes[node.id] = node
    for child in element:
        if local(child) == "boundaryEvent" and child.get("attachedToRef") in scope.nodes:
            scope.nodes[child.get("id")].host = scope.nodes[child.get("attachedToRef")]
        if local(child) in ("sequenceFlow", "association"):
            source, target = scope.nodes.get(child.get("sourceRef")), scope.nodes.get(child.get("targetRef"))
            if source and target:
                scope.edges.append(Edge(child.get("id"), source, target, child.get("name") or "", local(child)))
        for data in child.findall(f"{{{BPMN}}}dataInputAssociation") + child.findall(f"{{{BPMN}}}dataOutputAssociation"):
            other = scope.nodes.get(data.findtext(f"{{{BPMN}}}sourceRef") or "") or scope.nodes.get(
                data.findtext(f"{{{BPMN}}}targetRef") or ""
            )
            if other and child.get("id") in scope.nodes:
                ends = (other, scope.nodes[child.get("id")])
                scope.edges.append(Edge(data.get("id"), *(ends if "Input" in local(data) else ends[::-1]), tag="association"))
    for edge in scope.edges:
        edge.into_split = sum(e.source is edge.target for e in scope.edges) > sum(e.target is edge.target for e in scope.edges)
    _lanes_for_the_rest(scope)
    return scope


def _read_lanes(lane_set: Any, scope: Scope, lanes: Any, depth: int) -> None:
    for lane in lane_set.findall(f"{{{BPMN}}}lane"):
        number, first = len(scope.lanes), sum(1 for found in scope.lanes if found["leaf"])
        scope.lanes.append({"id": lane.get("id"), "name": lane.get("name") or "", "depth": depth, "first": first, "leaf": True})
        nested = lane.find(f"{{{BPMN}}}childLaneSet")
        if nested is not None and len(nested):
            scope.lanes[number]["leaf"] = False
            _read_lanes(nested, scope, lanes, depth + 1)
        scope.lanes[number]["last"] = max(first, sum(1 for found in scope.lanes if found["leaf"]) - 1)
        for ref in lane.findall(f"{{{BPMN}}}flowNodeRef"):
            lanes[(ref.text or "").strip()] = first


def _lanes_for_the_rest(scope: Scope) -> None:
    """A node that no lane names stands with its neighbour; a boundary event with its host; an event sub-process below all."""
    last = max(0, sum(1 for lane in scope.lanes if lane["leaf"]) - 1)
    for node in scope.nodes.values():
        if node.host:
            node.lane = node.host.lane
    for _ in scope.nodes:
        for edge in scope.edges:
            if edge.source.lane < 0 <= edge.target.lane:
                edge.source.lane = edge.target.lane
            elif edge.target.lane < 0 <= edge.source.lane:
                edge.target.lane = edge.source.lane
        if all(node.lane >= 0 for node in scope.nodes.values()):
            break
    for node in scope.nodes.values():
        node.lane = last if node.lane < 0 and node.event_sub else max(0, node.lane)
