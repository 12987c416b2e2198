"""Diagrams for BPMN models: a whole one from nothing, or a place for what is new in an existing one."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain, count
from typing import Any

from lxml import etree

from engine.packs.xml import BPMN, BPMNDI, parse

from .arrange import arrange
from .diagram import write
from .graph import Edge, Node, Scope, read_scope
from .keep import Drawing, draw_among
from .labels import put_labels
from .measure import FAULTS, measure

__all__ = ["FAULTS", "extend", "layout", "measure"]

POOL_GAP = 60
LINES = ("sequenceFlow", "messageFlow", "association", "dataInputAssociation", "dataOutputAssociation")


def _named(root: Any) -> Any:
    """A drawing speaks of lines by their ids: those which have none get one."""
    known = {element.get("id") for element in root.iter()}
    for element in root.iter(*(f"{{{BPMN}}}{tag}" for tag in LINES)):
        if not element.get("id"):
            base = f"{element.get('sourceRef') or element.getparent().get('id')}_to_{element.get('targetRef') or 'data'}"
            element.set("id", next(name for name in chain((base,), (f"{base}_{n}" for n in count(2))) if name not in known))
            known.add(element.get("id"))
    return root


def _text(root: Any) -> bytes:
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)


def layout(xml: bytes) -> bytes:
    """The model with a new diagram; an old one is thrown away."""
    root = _named(parse(xml, blank_text=False))
    collaboration = root.find(f"{{{BPMN}}}collaboration")
    processes = {p.get("id"): p for p in root.findall(f"{{{BPMN}}}process")}
    if collaboration is not None:
        parts = [(p, processes.get(p.get("processRef"))) for p in collaboration.findall(f"{{{BPMN}}}participant")]
    else:
        parts = [(None, p) for p in processes.values()][:1]
    pools, top = [], 80
    for participant, process in parts:
        scope = read_scope(process) if process is not None else None
        if scope and scope.nodes:
            arrange(scope)
            headers = 30 * (participant is not None) + 30 * max([lane["depth"] + 1 for lane in scope.lanes], default=0)
            scope.shift(160 + headers, top)
            scope.bands = [(y + top, h) for y, h in scope.bands]
            width, height = scope.w + headers, scope.h
        else:
            scope, width, height = None, 0, 60
        pools.append([participant.get("id") if participant is not None else None, scope, 160, top, width, height])
        top += height + POOL_GAP
    for pool in pools:
        pool[4] = max([p[4] for p in pools] + [600 if collaboration is not None else 0])
    write(root, pools, _messages(collaboration, pools))
    return _text(root)


def _messages(collaboration: Any, pools: Any) -> Any:
    """Message flows, drawn between the pools when all else stands; a pool without content is met straight below or above."""
    if collaboration is None:
        return []
    nodes = {n.id: n for _, scope, *_ in pools if scope for one in scope.all_scopes() for n in one.nodes.values()}
    lines = [e for _, scope, *_ in pools if scope for one in scope.all_scopes() for e in one.edges if e.points]
    boxes = {pool[0]: pool[2:] for pool in pools}
    flows = []
    for flow in collaboration.findall(f"{{{BPMN}}}messageFlow"):
        ends = [nodes.get(flow.get(key)) or flow.get(key) for key in ("sourceRef", "targetRef")]
        for k in (0, 1):
            if isinstance(ends[k], str) and ends[k] in boxes:
                x, y, w, h = boxes[ends[k]]
                other = ends[1 - k] if not isinstance(ends[1 - k], str) else None
                middle = other.cx if other else x + w / 2
                ends[k] = Node(ends[k], "pool", "", 20, h, x=middle - 10, y=y)
        if not any(isinstance(end, str) for end in ends):
            flows.append(Edge(flow.get("id"), *ends, flow.get("name") or "", "messageFlow"))
    solid = [n for n in nodes.values() if not n.inner] + [n for f in flows for n in (f.source, f.target) if n.tag == "pool"]
    if flows:
        draw_among(solid, lines, flows, [pool[2:] for pool in pools])
        everything = Scope("all", nodes={n.id: n for n in solid}, edges=lines + flows)
        put_labels(everything, [], [], [f for f in flows if f.name])
    return flows


def extend(xml: bytes, moved: Iterable[str] = ()) -> bytes:
    """The model with its diagram kept: what has no shape yet, and the nodes named in `moved`, get a place in it."""
    root = _named(parse(xml, blank_text=False))
    if root.find(f".//{{{BPMNDI}}}BPMNShape") is None:
        return layout(xml)
    drawing = Drawing(root, set(moved))
    drawing.take_in_all()
    drawing.save()
    return _text(root)
