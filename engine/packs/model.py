"""A BPMN model as it is written, also one that cannot run: processes, steps, flows and lanes with their lines, and the drawing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from engine.errors import ModelRefused, say

from . import xml
from .xml import BPMNDI, DC, DI, YISHI, kind

_ENDINGS = ("Task", "task", "Event", "Gateway", "callActivity", "subProcess", "adHocSubProcess", "transaction")
SUB_PROCESSES = ("subProcess", "adHocSubProcess", "transaction")


@dataclass(frozen=True, eq=False)
class Flow:
    """A sequence flow; `condition` is its text as written."""

    id: str
    name: str
    source: str
    target: str
    condition: str
    line: int
    node: Any = field(repr=False)


@dataclass(frozen=True, eq=False)
class Lane:
    """A lane; `role` are the role keys it names."""

    id: str
    name: str
    role: str
    line: int
    node: Any = field(repr=False)


@dataclass(eq=False)
class Step:
    """A node of a process. `inside` are the steps of a sub-process; `events` the names of its event definitions."""

    id: str
    kind: str
    name: str
    line: int
    node: Any = field(repr=False)
    lanes: tuple[Lane, ...] = ()
    outgoing: list[Flow] = field(default_factory=list)
    incoming: list[Flow] = field(default_factory=list)
    boundary: list[Step] = field(default_factory=list)
    inside: dict[str, Step] = field(default_factory=dict)

    @property
    def default(self) -> str:
        """The id of the flow that is taken when no condition holds, or ""."""
        return str(self.node.get("default") or "")

    @property
    def attached_to(self) -> str:
        return str(self.node.get("attachedToRef") or "")

    @property
    def is_event_sub_process(self) -> bool:
        return self.kind == "subProcess" and self.node.get("triggeredByEvent") == "true"

    @property
    def events(self) -> list[str]:
        return [kind(child).removesuffix("EventDefinition") for child in self.node if kind(child).endswith("EventDefinition")]

    @property
    def calls(self) -> str:
        """What it calls: the id of a process, or the reference to a decision; "" if nothing."""
        if self.kind == "callActivity":
            return str(self.node.get("calledElement") or "")
        return self.extension("decisionRef", "decisionId") if self.kind == "businessRuleTask" else ""

    def extension(self, *names: str) -> str:
        """-> the first attribute with one of these names in any namespace but BPMN's, on the step or its extension elements."""
        for node in (self.node, *self.extensions()):
            for key, value in node.attrib.items():
                if key.split("}")[-1] in names and (key.startswith("{") or node is not self.node):
                    return str(value)
        return ""

    def extensions(self) -> list[Any]:
        """-> the content of its extension elements."""
        return [inner for child in self.node if kind(child) == "extensionElements" for inner in child if isinstance(inner.tag, str)]

    @property
    def compensates(self) -> bool:
        """Is it reached by an association alone: a compensation handler?"""
        return bool(self.node.get("isForCompensation") == "true")

    def own(self, name: str) -> str:
        """-> an attribute of the model's own namespace, "" if there is none."""
        return str(self.node.get(f"{{{YISHI}}}{name}") or "")

    def walk(self) -> Iterator[Step]:
        """-> the steps inside, at any depth, in the order of the file."""
        for step in self.inside.values():
            yield step
            yield from step.walk()


@dataclass(eq=False)
class Process(Step):
    """A process: a step that has no flows, with its lanes in the order of the file."""

    own_lanes: list[Lane] = field(default_factory=list)
    flows: list[Flow] = field(default_factory=list)

    @property
    def is_executable(self) -> bool:
        return bool(self.node.get("isExecutable") != "false")


@dataclass(frozen=True, eq=False)
class Model:
    """A model file. `names` are the names of messages, signals, errors and escalations by their id."""

    file: str
    root: Any
    processes: dict[str, Process]
    names: dict[str, str]


@dataclass(frozen=True, eq=False)
class Drawing:
    """The drawing: boxes (x, y, w, h) and lines by the id of what they show; labels have boxes of their own."""

    boxes: dict[str, tuple[float, float, float, float]]
    lines: dict[str, list[tuple[float, float]]]
    labels: dict[str, tuple[float, float, float, float]]
    collapsed: frozenset[str]


def read(data: bytes, file: str = "") -> Model:
    """-> the model in a BPMN file, as it is written. ModelRefused for what is no XML or no BPMN."""
    root = xml.parse(data, file)
    if kind(root) != "definitions":
        raise ModelRefused(say("The file {file} is not a BPMN model.", file=file), where={"file": file, "line": 1})
    names = {
        node.get("id"): node.get("name") or node.get("errorCode") or node.get("escalationCode") or node.get("id")
        for node in root
        if kind(node) in ("message", "signal", "error", "escalation")
    }
    processes = {node.get("id") or "": _process(node) for node in root if kind(node) == "process"}
    return Model(file, root, processes, names)


def drawing(root: Any) -> Drawing:
    """-> what the diagram part of a model draws; empty where there is none. Numbers that are none count as absent."""
    boxes, lines, labels, collapsed = {}, {}, {}, set()
    for shape in root.iter(f"{{{BPMNDI}}}BPMNShape", f"{{{BPMNDI}}}BPMNEdge"):
        name = str(shape.get("bpmnElement") or "").split(":")[-1]
        box = _box(shape.find(f"{{{DC}}}Bounds"))
        if box:
            boxes[name] = box
        points = [_numbers(point, ("x", "y")) for point in shape.findall(f"{{{DI}}}waypoint")]
        if len(points) > 1 and all(points):
            lines[name] = [(point[0], point[1]) for point in points if point]
        label = _box(shape.find(f"{{{BPMNDI}}}BPMNLabel/{{{DC}}}Bounds"))
        if label:
            labels[name] = label
        if shape.get("isExpanded") == "false":
            collapsed.add(name)
    return Drawing(boxes, lines, labels, frozenset(collapsed))


def _process(node: Any) -> Process:
    process = Process(node.get("id") or "", "process", node.get("name") or "", node.sourceline or 0, node)
    _fill(process, (), process)
    return process


def _fill(scope: Step, above: tuple[Lane, ...], process: Process) -> None:
    lanes: dict[str, tuple[Lane, ...]] = {}
    for child in scope.node:
        if kind(child) == "laneSet":
            _lanes(child, above, lanes, process)
    for child in scope.node:
        if kind(child).endswith(_ENDINGS):
            name = child.get("id") or ""
            step = Step(name, kind(child), child.get("name") or "", child.sourceline or 0, child, lanes.get(name, above))
            scope.inside[name] = step
            if step.kind in SUB_PROCESSES:
                _fill(step, step.lanes, process)
    for child in scope.node:
        if kind(child) == "sequenceFlow":
            flow = _flow(child)
            process.flows.append(flow)
            if flow.source in scope.inside and flow.target in scope.inside:
                scope.inside[flow.source].outgoing.append(flow)
                scope.inside[flow.target].incoming.append(flow)
    for step in scope.inside.values():
        if step.attached_to in scope.inside:
            scope.inside[step.attached_to].boundary.append(step)


def _flow(node: Any) -> Flow:
    condition = next((child.text or "" for child in node if kind(child) == "conditionExpression"), "").strip()
    return Flow(
        node.get("id") or "",
        node.get("name") or "",
        node.get("sourceRef") or "",
        node.get("targetRef") or "",
        condition,
        node.sourceline or 0,
        node,
    )


def _lanes(lane_set: Any, above: tuple[Lane, ...], found: dict[str, tuple[Lane, ...]], process: Process) -> None:
    for node in lane_set:
        if kind(node) != "lane":
            continue
        lane = Lane(node.get("id") or "", node.get("name") or "", node.get(f"{{{YISHI}}}role") or "", node.sourceline or 0, node)
        process.own_lanes.append(lane)
        path = (*above, lane)
        for child in node:
            if kind(child) == "flowNodeRef" and child.text:
                name = child.text.strip().split(":")[-1]
                if len(path) > len(found.get(name, ())):  # nested lanes may both list it: the innermost counts
                    found[name] = path
            elif kind(child) == "childLaneSet":
                _lanes(child, path, found, process)


def _box(bounds: Any) -> tuple[float, float, float, float] | None:
    numbers = _numbers(bounds, ("x", "y", "width", "height")) if bounds is not None else None
    return (numbers[0], numbers[1], numbers[2], numbers[3]) if numbers else None


def _numbers(node: Any, names: tuple[str, ...]) -> tuple[float, ...] | None:
    try:
        numbers = tuple(float(node.get(name)) for name in names)
    except (TypeError, ValueError):
        return None
    return numbers if all(abs(number) < 1e6 for number in numbers) else None
