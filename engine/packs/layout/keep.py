"""A place for what is new in an existing diagram. What a person has drawn keeps its shape: either nothing moves, or all that
stands to the right of (below) the new step moves aside by one and the same distance, as with a space tool."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from lxml import etree

from engine.packs.xml import BPMN, BPMNDI, DC, DI

from .arrange import GAP_X, HEADER, MARGIN, arrange
from .diagram import change, line, shape
from .graph import Edge, Node, Scope, read_scope
from .labels import put_labels
from .route import Router

ROW = 110  # from row to row where the drawing itself gives no hint
NEAR = 18  # a new box keeps at least this distance from what is there


class Drawing:
    """An existing diagram, read into scopes; `frames` are the boxes of pools and lanes [x, y, w, h]."""

    def __init__(self, root: Any, moved: Iterable[str]) -> None:
        self.root, self.frames, self.parents = root, {}, {}
        self.plane = root.find(f"{{{BPMNDI}}}BPMNDiagram/{{{BPMNDI}}}BPMNPlane")
        shapes = {s.get("bpmnElement"): s for s in self.plane.findall(f"{{{BPMNDI}}}BPMNShape")}
        edges = {e.get("bpmnElement"): e for e in self.plane.findall(f"{{{BPMNDI}}}BPMNEdge")}
        pools = {p.get("processRef"): p.get("id") for p in root.iter(f"{{{BPMN}}}participant")}
        self.scopes = [read_scope(p) for p in root.findall(f"{{{BPMN}}}process")]
        for scope in self.scopes:
            scope.pool = pools.get(scope.id)
            for one in scope.all_scopes():
                for node in one.nodes.values():
                    if node.inner:
                        self.parents[node.inner] = (one, node)
                    if node.id in shapes and node.id not in moved:
                        node.x, node.y, node.w, node.h = _bounds(shapes[node.id])
                        node.label = _label(shapes[node.id])
                for edge in one.edges:
                    if edge.id in edges and not {edge.source.id, edge.target.id} & set(moved):
                        edge.points = [(float(p.get("x")), float(p.get("y"))) for p in edges[edge.id].findall(f"{{{DI}}}waypoint")]
                        edge.label = _label(edges[edge.id])
                    edge.slants = slants(edge.points)  # a person may have drawn slanted lines: they stay
        names = {lane["id"] for scope in self.scopes for lane in scope.lanes} | {
            p.get("id") for p in root.iter(f"{{{BPMN}}}participant")
        }
        self.frames = {name: list(_bounds(shapes[name])) for name in names if name in shapes}

    def lane_box(self, scope: Scope, node: Node) -> Any:
        """(top, bottom) of the lane of a node, or of all there is."""
        leaves = [lane for lane in scope.lanes if lane["leaf"]]
        frame = (
            self.frames.get(leaves[node.lane]["id"]) if leaves else self.frames.get(scope.pool) if scope in self.scopes else None
        )
        if frame:
            return frame[1], frame[1] + frame[3]
        if scope in self.parents:
            return self.parents[scope][1].y + 24, self.parents[scope][1].y + self.parents[scope][1].h
        return -1e6, 1e6

    def space(self, scope: Scope, axis: int, cut: float, by: float, also: Any = (), but: Any = None) -> None:
        """Move all of a scope that begins beyond `cut` on an axis (0: x, 1: y), `also` some more, `but` not one; frames grow."""
        for node in scope.nodes.values():
            lead = node.host or node
            node.goes = lead.x is not None and lead is not but and (lead in also or (lead.x, lead.y)[axis] >= cut)
        for edge in scope.edges:
            last = len(edge.points) - 1
            edge.points = [
                _pushed(p, axis, by, edge.source.goes if k == 0 else edge.target.goes if k == last else p[axis] >= cut)
                for k, p in enumerate(edge.points)
            ]
            if edge.label:
                edge.label = _pushed(edge.label, axis, by, edge.label[axis] >= cut)
        for node in scope.nodes.values():
            if node.goes and node.x is not None:
                node.x, node.y = _pushed((node.x, node.y), axis, by, True)
                node.label = node.label and _pushed(node.label, axis, by, True)
                if node.inner:
                    node.inner.shift(*((by, 0), (0, by))[axis])
        if scope in self.scopes:
            mine = {lane["id"] for lane in scope.lanes} | {scope.pool}
            end = self.frames.get(scope.pool, (0, 0, 0, 0))[1] + self.frames.get(scope.pool, (0, 0, 0, 0))[3]
            for name, frame in self.frames.items():
                if axis == 0 or (name in mine and frame[1] < cut <= frame[1] + frame[3] + 1):
                    frame[2 + axis] += by  # pools stay equally wide
                elif axis == 1 and (frame[1] >= cut if name in mine else frame[1] >= end):
                    frame[1] += by
            if axis == 1 and scope.pool:
                for other in self.scopes:
                    if other is not scope and self.frames.get(other.pool, (0, 0))[1] > end:
                        other.shift(0, by)
        else:
            parent, node = self.parents[scope]
            if node.event_sub and axis == 0:  # only its neighbours in the row below the flow move
                row = [
                    n
                    for n in parent.nodes.values()
                    if n.event_sub and n.x > node.x and n.y < node.y + node.h and n.y + n.h > node.y
                ]
                for other in row if any(n.x < node.x + node.w + by + NEAR for n in row) else ():
                    other.x += by
                    other.inner.shift(by, 0)
            else:
                self.space(parent, axis, (node.x + node.w, node.y + node.h)[axis] - 1, by)
            node.w, node.h = node.w + by * (axis == 0), node.h + by * (axis == 1)
            if parent in self.scopes or parent in self.parents:
                self.fit(parent, node)

    def take_in(self, scope: Scope, node: Node) -> None:
        """Find the place for one new node: on the row of its neighbour if it stands between two, else on the next free row."""
        before = [
            e.source for e in scope.edges if e.target is node and (e.source.host or e.source).x is not None and e.source is not node
        ]
        after = [e.target for e in scope.edges if e.source is node and e.target.x is not None and e.target is not node]
        old = next((n for n in before if n.lane == node.lane), before[0] if before else None)
        upright = next((n for n in after if old and not old.host and n.lane != old.lane and abs(n.cx - old.cx) < 30), None)
        new = upright or next((n for n in after if old is None or n.x > old.x), None)
        top, bottom = self.lane_box(scope, node)
        same = next((n for n in (old, new) if n and n.lane == node.lane and not n.host), None)
        near = [n for n in scope.nodes.values() if n.lane == node.lane and n.x is not None and not n.event_sub and not n.host]
        if old is None:
            node.x = new.x - GAP_X - node.w if new else self.left_edge(scope)
        elif upright and node.lane != old.lane:
            node.x = old.cx - node.w / 2
        else:
            node.x = (old.host or old).rect[2] + GAP_X
        close = same or min(near, key=lambda n: abs(n.x - node.x), default=None)
        level = close.cy if close else (top + bottom) / 2 if top > -1e6 else 200
        if old and old.host:
            level = max(level, old.host.rect[3] + 48 + node.h / 2)
        node.y = level - node.h / 2
        if upright:  # the one who was handed the work makes room, and all to the right
            self.space(scope, 0, old.rect[2] + 1, node.w + GAP_X, (upright,), node)
        elif new and same and not (old and old.host):
            node.x = node.x if old else new.x
            end = node.x + node.w + GAP_X
            hit = [
                n
                for n in scope.nodes.values()
                if n.x is not None
                and n not in (old, node)
                and not n.host
                and n.x < end
                and n.x + n.w > node.x - 1
                and n.y < node.y + node.h + NEAR
                and n.y + n.h > node.y - NEAR
            ]
            if any(n.x < node.x - GAP_X for n in hit):  # something wide stands there
                self.new_row(scope, node, near, bottom)
            else:
                cut = min(n.x for n in (*hit, new))
                self.space(scope, 0, cut, max(0, end - cut), (), node)
        elif not self.free_row(scope, node, level, top, bottom):
            self.new_row(scope, node, near, bottom)
        self.fit(scope, node)

    def new_row(self, scope: Scope, node: Node, near: Any, bottom: float) -> None:
        """A row at the end of the lane, which grows; there the first place that no line crosses."""
        end = max((n.y + n.h + (18 if n.outside else 0) for n in near), default=node.y)
        node.y = end + 30
        need = node.y + node.h + (38 if node.outside else 22) - bottom
        if need > 0 and bottom < 1e6:
            self.space(scope, 1, bottom - 1, need, (), node)
        start = node.x
        for away in range(0, 500, 20):
            node.x = start + away
            if not self.taken(scope, node, node.y + node.h / 2):
                return
        node.x = start

    def left_edge(self, scope: Scope) -> Any:
        return min(
            (n.x for n in scope.nodes.values() if n.x is not None),
            default=(self.frames.get(scope.pool) or [0])[0] + 2 * HEADER + MARGIN,
        )

    def free_row(self, scope: Scope, node: Node, level: float, top: float, bottom: float) -> bool:
        """Try rows from the wished one outwards, within the lane; True if the node found a free one."""
        for away in (0, 1, -1, 2, -2, 3, -3):
            y = level + away * ROW
            if y - node.h / 2 >= top + 12 and y + node.h / 2 <= bottom - 12 and not self.taken(scope, node, y):
                node.y = y - node.h / 2
                return True
        return False

    def taken(self, scope: Scope, node: Node, y: float) -> Any:
        left, right, up, down = node.x - NEAR, node.x + node.w + NEAR, y - node.h / 2 - NEAR, y + node.h / 2 + NEAR
        boxes = [n.rect for n in scope.nodes.values() if n.x is not None and n is not node]
        boxes += [
            (*map(min, a, b), *map(max, a, b))
            for e in scope.edges
            if node not in (e.source, e.target)
            for a, b in pairwise(e.points)
        ]
        return any(a < right and c > left and b < down and d > up for a, b, c, d in boxes)

    def fit(self, scope: Scope, node: Node) -> None:
        """Make lane, pool or sub-process large enough for a node."""
        _, bottom = self.lane_box(scope, node)
        need = node.y + node.h + (38 if node.outside else 22) - bottom
        if need > 0 and bottom < 1e6:
            self.space(scope, 1, bottom - 1 if scope in self.scopes else 1e6, need, (), node)
        frame = self.frames.get(scope.pool) if scope in self.scopes else None
        right = frame[0] + frame[2] if frame else self.parents[scope][1].rect[2] if scope in self.parents else 1e6
        if node.x + node.w + MARGIN > right:
            self.space(scope, 0, 1e6, node.x + node.w + MARGIN - right, (), node)

    def take_in_all(self) -> None:
        """Place every new node, then draw every line that is new, lost its ends or became slanted."""
        for scope in [one for top in self.scopes for one in top.all_scopes()]:
            fresh = [n for n in scope.nodes.values() if n.x is None]
            for node in fresh:
                if node.inner:
                    arrange(node.inner, False)
                    node.w, node.h = max(140, node.inner.w), max(100, node.inner.h)
            waiting = [n for n in fresh if not n.host]
            while waiting:
                known = [
                    n for n in waiting if any(e.target is n and (e.source.host or e.source).x is not None for e in scope.edges)
                ]
                node = (
                    known or [n for n in waiting if any(e.source is n and e.target.x is not None for e in scope.edges)] or waiting
                )[0]
                waiting.remove(node)
                self.take_in(scope, node)
                for guest in fresh:
                    if guest.host and guest.host.x is not None and guest.x is None:
                        self.attach(scope, guest)
                if node.inner:
                    node.inner.shift(node.x, node.y)
            for guest in fresh:
                if guest.host and guest.x is None:
                    self.attach(scope, guest)
            lost = [e for e in scope.edges if not _sound(e) or any(_through(e, n) for n in fresh)]
            for edge in lost:
                edge.points, edge.label = [], None
            if lost:
                draw_among(
                    [n for n in scope.nodes.values() if n.x is not None],
                    [e for e in scope.edges if e not in lost and e.points],
                    lost,
                    self.frames.values(),
                )
            put_labels(scope, [f[1] for f in self.frames.values()], [n for n in fresh if n.outside], [e for e in lost if e.name])

    def attach(self, scope: Scope, guest: Node) -> None:
        others = [n.cx for n in scope.nodes.values() if n.host is guest.host and n.x is not None]
        x = guest.host.x + guest.host.w - 24
        while any(abs(x - other) < 40 for other in others) and x > guest.host.x + 30:
            x -= 50
        guest.x, guest.y = x - guest.w / 2, guest.host.y + guest.host.h - guest.h / 2

    def save(self) -> None:
        """Change the diagram part: only what is new or has moved is touched, colours and the like stay."""
        drawn = {d.get("bpmnElement"): d for d in self.plane}
        alive = {e.get("id") for e in self.root.iter() if e.get("id") and etree.QName(e).namespace == BPMN}
        for name, element in drawn.items():
            if name not in alive:
                self.plane.remove(element)
        for name, frame in self.frames.items():
            change(drawn[name], frame)
        for scope in [one for top in self.scopes for one in top.all_scopes()]:
            for node in scope.nodes.values():
                box = (node.x, node.y, node.w, node.h)
                if node.id in drawn:
                    change(drawn[node.id], box, node.label)
                else:
                    extra = (
                        {"isMarkerVisible": "true"}
                        if node.tag == "exclusiveGateway"
                        else {"isExpanded": "true"}
                        if node.inner
                        else {}
                    )
                    shape(self.plane, node.id, *box, node.label, **extra)
            for edge in scope.edges:
                if edge.id in drawn:
                    change(drawn[edge.id], None, edge.label, edge.points)
                else:
                    line(self.plane, edge)


def draw_among(nodes: list[Node], kept: list[Edge], edges: list[Edge], frames: Any) -> None:
    """Draw the given edges among nodes, lines and frames that stay as they are."""
    borders = sorted({f[1] for f in frames} | {f[1] + f[3] for f in frames})
    xs = _thinned(
        [n.cx for n in nodes] + [p[0] for e in kept for p in e.points], [x for n in nodes for x in _beside(n.x, n.x + n.w)]
    )
    ys = _thinned(
        [n.cy for n in nodes] + [p[1] for e in kept for p in e.points] + borders,
        [y for n in nodes for y in _beside(n.y, n.y + n.h)],
    )
    soft = [(b[0], b[1], b[0] + b[2], b[1] + b[3]) for b in (i.label for i in (*nodes, *kept)) if b]
    router = Router(xs, ys, [n.rect for n in nodes], soft, borders)
    for edge in kept:
        router.occupy(edge)
    for edge in edges:
        edge.back = edge.tag == "sequenceFlow" and edge.target.cx < edge.source.cx
    router.draw_all([e for e in edges if e.tag != "association"])
    for edge in edges:
        ends = [(edge.source.cx, edge.source.cy), (edge.target.cx, edge.target.cy)]
        edge.points = router.points(edge) if edge in router.paths else ends


def _bounds(element: Any) -> Any:
    bounds = element.find(f"{{{DC}}}Bounds")
    return tuple(float(bounds.get(key)) for key in ("x", "y", "width", "height"))


def _label(element: Any) -> Any:
    label = element.find(f"{{{BPMNDI}}}BPMNLabel")
    return _bounds(label) if label is not None and label.find(f"{{{DC}}}Bounds") is not None else None


def _pushed(point: Any, axis: int, by: float, goes: bool) -> Any:
    return (point[0] + by * (axis == 0), point[1] + by * (axis == 1), *point[2:]) if goes else tuple(point)


def _beside(low: float, high: float) -> Any:
    return low - 15, low - 27, low - 39, high + 15, high + 27, high + 39


def _thinned(fixed: Any, wished: Any) -> Any:
    """All fixed coordinates, and the wished ones that are not too near to another."""
    result = sorted(set(fixed))
    for value in sorted(set(wished)):
        if all(abs(value - other) >= 9 for other in result):
            result.append(value)
    return result


def _through(edge: Edge, node: Node) -> Any:
    """Does a line run through a box that it does not belong to?"""
    left, top, right, bottom = node.rect
    return node not in (edge.source, edge.target, edge.source.host) and any(
        min(a[0], b[0]) < right + 6 and max(a[0], b[0]) > left - 6 and min(a[1], b[1]) < bottom + 6 and max(a[1], b[1]) > top - 6
        for a, b in pairwise(edge.points)
    )


def slants(points: Any) -> Any:
    return sum(abs(a[0] - b[0]) > 1 and abs(a[1] - b[1]) > 1 for a, b in itertools.pairwise(points))


def _sound(edge: Edge) -> bool:
    """Does a line begin at its source, end at its target, and run straight?"""
    if len(edge.points) < 2:
        return False
    for (x, y), node in ((edge.points[0], edge.source), (edge.points[-1], edge.target)):
        left, top, right, bottom = node.rect
        if not (left - 6 <= x <= right + 6 and top - 6 <= y <= bottom + 6):
            return False
        if node.kind == "activity" and left + 6 < x < right - 6 and top + 6 < y < bottom - 6:
            return False  # it ended at another node, in whose place this one stands
    return slants(edge.points) <= edge.slants
