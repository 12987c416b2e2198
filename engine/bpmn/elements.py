"""What a model says about its elements, for whoever lays work before people: names, lanes, documentation, extensions, flows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from .dialects import expression
from .normalise import kind

_OTHER = frozenset(("http://www.omg.org/spec/BPMN/20100524/DI", "http://www.w3.org/2001/XMLSchema-instance"))
_NODES = ("Task", "task", "Event", "Gateway", "callActivity", "subProcess", "adHocSubProcess", "transaction")


class _Lane(NamedTuple):
    names: tuple[str, ...]
    role: str | None


_NO_LANE = _Lane((), None)


@dataclass(frozen=True)
class SequenceFlow:
    """A sequence flow as it is drawn; `condition` is FEEL."""

    id: str
    name: str | None
    source: str
    target: str
    condition: str | None
    default: bool


@dataclass(frozen=True)
class Element:
    """A flow node, or the process itself: `kind` is its name in BPMN (userTask, startEvent, process …).

    `lane` are the names of the lanes around it, outermost first; inside a sub-process those of the sub-process. `extensions` is
    everything in other namespaces than BPMN's own, attributes and children, by local name (see the function of this name). `scope`
    is the id of the process or sub-process around it, None for the process. `lane_role` is the attribute `role` of the innermost
    lane that has one. `attached_to` is the activity of a boundary event; `loop` tells an activity that runs several times
    (multi-instance, standard loop).
    """

    id: str
    kind: str
    name: str | None
    documentation: str | None
    lane: tuple[str, ...] = ()
    lane_role: str | None = None
    extensions: Mapping[str, Any] = field(default_factory=dict)
    scope: str | None = None
    attached_to: str | None = None
    loop: bool = False
    incoming: tuple[SequenceFlow, ...] = ()
    outgoing: tuple[SequenceFlow, ...] = ()
    line: int = 0
    file: str = ""


def describe(process: Any, file: str) -> dict[str, Element]:
    """-> the elements of a process (an lxml node) by id, itself first, then all nodes at any depth in the order of the file."""
    found = {process.get("id"): _element(process, file, None, _NO_LANE, ())}
    _inside(process, file, _NO_LANE, found)
    return found


def extensions(node: Any) -> dict[str, Any]:
    """-> foreign attributes of the element, of its loop and event definitions, and the content of extensionElements, by local name.

    A child element is a dict of its attributes and children, or its text if it has neither; several of one name are a list.
    """
    found: dict[str, Any] = {}
    for part in (node, *(n for n in node if kind(n).endswith(("LoopCharacteristics", "EventDefinition")))):
        for key, value in part.attrib.items():
            if key.startswith("{") and key[1:].split("}")[0] not in _OTHER:
                found[key.split("}")[1]] = value
        for child in part:
            if kind(child) == "extensionElements":
                for inner in child:
                    _add(found, inner)
    return found


def _inside(scope: Any, file: str, lane: _Lane, found: dict[str, Element]) -> None:
    lanes: dict[str, _Lane] = {}
    for lane_set in scope:
        if kind(lane_set) == "laneSet":
            _lanes(lane_set, lane, lanes)
    flows = [_flow(n, scope) for n in scope if kind(n) == "sequenceFlow"]
    for node in scope:
        if kind(node).endswith(_NODES):
            name = node.get("id")
            path = lanes.get(name, lane)
            found[name] = _element(node, file, scope.get("id"), path, flows)
            if any(kind(n).endswith(_NODES) for n in node):
                _inside(node, file, path, found)


def _lanes(lane_set: Any, above: _Lane, found: dict[str, _Lane]) -> None:
    for lane in lane_set:
        if kind(lane) != "lane":
            continue
        role = next((value for key, value in lane.attrib.items() if key.startswith("{") and key.endswith("}role")), above.role)
        here = _Lane((*above.names, lane.get("name") or lane.get("id")), role)
        for child in lane:
            if kind(child) == "flowNodeRef" and child.text:
                name = child.text.strip().split(":")[-1]
                if len(found.get(name, _NO_LANE).names) < len(here.names):
                    found[name] = here      # nested lanes may both list it: the innermost counts
            elif kind(child) == "childLaneSet":
                _lanes(child, here, found)


def _flow(node: Any, scope: Any) -> SequenceFlow:
    text = next((n.text.strip() for n in node if kind(n) == "conditionExpression" and n.text), None)
    condition = expression(text) if text else None
    source = node.get("sourceRef")
    default = any(n.get("id") == source and n.get("default") == node.get("id") for n in scope)
    return SequenceFlow(node.get("id"), node.get("name"), source, node.get("targetRef"), condition, default)


def _element(node: Any, file: str, scope: str | None, lane: _Lane, flows: Any) -> Element:
    name = node.get("id")
    texts = [n.text.strip() for n in node if kind(n) == "documentation" and n.text]
    return Element(
        name, kind(node), node.get("name") or None, "\n".join(texts) or None, lane.names, lane.role, extensions(node), scope,
        node.get("attachedToRef"), any(kind(n).endswith("LoopCharacteristics") for n in node),
        tuple(f for f in flows if f.target == name), tuple(f for f in flows if f.source == name), node.sourceline or 0, file)


def _add(found: dict[str, Any], node: Any) -> None:
    name, value = node.tag.split("}")[-1], _content(node)
    if name not in found:
        found[name] = value
    elif isinstance(found[name], list):
        found[name].append(value)
    else:
        found[name] = [found[name], value]


def _content(node: Any) -> Any:
    found: dict[str, Any] = {key.split("}")[-1]: value for key, value in node.attrib.items()}
    for child in node:
        _add(found, child)
    text = (node.text or "").strip()
    if not found:
        return text
    if text:
        found["text"] = text
    return found
