"""From the grid of columns and rows to coordinates: draw the lines first, then make every gap as wide as its lines need."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from .graph import Node, Scope, label_size
from .labels import put_labels
from .place import place
from .route import RIGHT, Router

GAP_X, GAP_Y, STEP, EDGE = 46, 26, 12, 17  # least gaps between columns and rows; between lines; between line and box
TRACKS = 5  # lines that may run side by side in one gap
MARGIN, HEADER = 26, 30


class Axis:
    """One direction of the grid: bands (columns or rows) with gaps before, between and after them, each with tracks."""

    def __init__(self, bands: Any, least: Any, borders: Any = ()) -> None:
        self.bands, self.least, self.borders = bands, least, set(borders)  # bands: [(before, after)] around the middle line
        self.offsets = [[] for _ in bands]

    def keys(self) -> Iterator[Any]:
        for number in range(len(self.bands) + 1):
            yield from (("gap", number, track) for track in range(TRACKS))
            if number < len(self.bands):
                yield from sorted(
                    [("band", number, 0)] + [("band", number, offset) for offset in self.offsets[number]], key=lambda key: key[2]
                )

    def positions(self, used: Any = None) -> Any:
        """{key: coordinate}, the middle of each band, and the whole length; with `used` only those tracks take room."""
        place, middle, cursor = {}, [], 0.0
        for number in range(len(self.bands) + 1):
            tracks = [t for t in range(TRACKS) if used is None or ("gap", number, t) in used]
            room = max(self.least[number], 2 * EDGE + (len(tracks) - 1) * STEP if tracks else 0)
            start = cursor + (room - (len(tracks) - 1) * STEP) / 2
            for k, track in enumerate(tracks):
                place["gap", number, track] = start + k * STEP
            cursor += room
            if number < len(self.bands):
                before, after = self.bands[number]
                middle.append(cursor + before)
                for offset in [0, *self.offsets[number]]:
                    place["band", number, offset] = cursor + before + offset
                cursor += before + after
        return place, middle, cursor


def arrange(scope: Scope, frame: bool = True) -> None:
    """Give every node and flow of the scope its place, innermost sub-processes first; the corner of the scope is 0, 0."""
    for node in scope.nodes.values():
        if node.inner:
            arrange(node.inner, False)
            node.w, node.h = max(140, node.inner.w), max(100, node.inner.h)
    rows = place(scope)
    flow = [n for n in scope.nodes.values() if not n.event_sub and not n.host and n.kind != "data"]
    below = _event_subs(scope, rows)
    lanes = max(rows, default=0) + 1 if not scope.lanes else sum(1 for lane in scope.lanes if lane["leaf"])
    papers = _papers(scope)
    x_axis = _columns(flow, scope)
    y_axis, row_of, lane_edges = _bands(scope, flow, rows, below, lanes, papers)
    for node in flow:
        node.row = row_of[node.row]
    router, x_keys, y_keys = _route(scope, flow, x_axis, y_axis, [nodes[0].band for nodes in below.values() if nodes])
    used_x = {x_keys[i] for vertices, _, _ in router.paths.values() for i in _turns(vertices, 0)}
    used_y = {y_keys[j] for vertices, _, _ in router.paths.values() for j in _turns(vertices, 1)}
    _room_for_flow_names(scope, router, x_axis)
    x_place, x_mid, width = x_axis.positions(used_x)
    y_place, y_mid, height = y_axis.positions(used_y)
    _stand(scope, flow, x_mid, y_mid)
    x_lines, y_lines = _translated(x_keys, x_place), _translated(y_keys, y_place)
    for edge in router.paths:
        edge.points = router.points(edge, x_lines, y_lines)
    _stand_below(scope, below, y_mid)
    for node, near in papers.items():
        for number, paper in enumerate(near):
            paper.x, paper.y = node.cx + 12 + number * 60, node.y - 22 - paper.h
    for edge in scope.edges:
        if edge.tag == "association" and edge.source.x is not None and edge.target.x is not None:
            edge.points = _direct(edge.source, edge.target)
    for node in scope.nodes.values():
        if node.inner:
            node.inner.shift(node.x, node.y)
    right = max([n.rect[2] for n in scope.nodes.values()] + [width - 20])
    scope.w, scope.h = right + (MARGIN if right > width - 20 else 20), height
    scope.bands = [
        (top, bottom - top)
        for top, bottom in zip([0, *(y_mid[b] for b in lane_edges)], [*(y_mid[b] for b in lane_edges), height], strict=False)
    ]
    put_labels(scope, [y_mid[b] for b in lane_edges])
    if not frame:
        _room_for_title(scope)


def _papers(scope: Scope) -> Any:
    """Notes and data by the node they belong to; they stand above it, right of its middle."""
    found, done = defaultdict(list), set()
    first = next((n for n in scope.nodes.values() if n.kind != "data" and not n.host and not n.event_sub), None)
    for edge in scope.edges:
        for paper, node in ((edge.source, edge.target), (edge.target, edge.source)):
            if paper.kind == "data" and node.kind != "data" and paper not in done:
                done.add(paper)
                found[first if node.event_sub else node.host or node].append(paper)
    for paper in scope.nodes.values():
        if paper.kind == "data" and paper not in done and first:
            found[first].append(paper)
    return found


def _direct(one: Any, other: Any) -> Any:
    """A short straight line from a note or paper to its node."""
    paper, node = (one, other) if one.kind == "data" else (other, one)
    ends = [(paper.cx, paper.y + paper.h), (min(max(paper.cx, node.x), node.x + node.w), node.y)]
    return ends if paper is one else ends[::-1]


def _turns(vertices: Any, axis: int) -> Iterator[Any]:
    """The numbers of the lines a path runs along (crossing them needs no room)."""
    for a, b in itertools.pairwise(vertices):
        if a[axis] == b[axis]:
            yield a[axis]
    if len(vertices) == 1:
        yield vertices[0][axis]


def _translated(keys: Any, place: Any) -> Any:
    """Coordinates of all lines; a line that nobody runs along gets that of its neighbour (it is only crossed)."""
    lines, last = [], 0.0
    for key in keys:
        last = place.get(key, last)
        lines.append(last)
    return lines


def _columns(flow: list[Node], scope: Scope) -> Any:
    count = max([n.col for n in flow], default=0) + 1
    half = [18.0] * count
    for node in flow:
        label = label_size(node.name)[0] if node.outside else 0
        half[node.col] = max(half[node.col], node.w / 2, label / 2)
    axis = Axis([(h, h) for h in half], [MARGIN] + [GAP_X] * (count - 1) + [MARGIN])
    for node in scope.nodes.values():
        if node.host:
            axis.offsets[node.host.col].append(_boundary_offset(scope, node))
    for number, offsets in enumerate(axis.offsets):
        axis.offsets[number] = sorted(set(offsets) - {0})
    return axis


def _boundary_offset(scope: Scope, node: Node) -> Any:
    """Boundary events stand on the lower edge, 50 apart; what leads deepest stands leftmost."""
    depth = {e.source: e.target.row for e in scope.edges if e.source.host}
    same = sorted((n for n in scope.nodes.values() if n.host is node.host), key=lambda n: -depth.get(n, 0))
    return round(node.host.w / 2 - 24 - 50 * (len(same) - 1 - same.index(node)), 1)


def _event_subs(scope: Scope, rows: Any) -> Any:
    """Event sub-processes by lane; they stand in a row below what flows there."""
    found = defaultdict(list)
    for node in scope.nodes.values():
        if node.event_sub:
            found[node.lane].append(node)
    return found


def _bands(scope: Scope, flow: list[Node], rows: Any, below: Any, lanes: Any, papers: Any) -> Any:
    """Rows as bands, with a border of no height between two lanes and a band for event sub-processes at a lane's end."""
    bands, least, row_of, lane_edges = [], [], {}, []
    for lane in range(lanes):
        least.append(MARGIN if not lane or not scope.lanes else 16)
        for number in (n for n, owner in enumerate(rows) if owner == lane):
            row_of[number] = len(bands)
            here = [n for n in flow if n.row == number]
            up, down = 18.0, 18.0
            for node in here:
                label = label_size(node.name)[1] if node.outside else 0
                guests = [n for n in scope.nodes.values() if n.host is node]
                up = max([up] + [node.h / 2 + 34 + paper.h for paper in papers[node]])
                up = max(up, node.h / 2 + (label + 3 if node.kind == "gateway" else 0))
                down = max(
                    down,
                    node.h / 2
                    + (label + 5 if node.kind == "event" else 0)
                    + (18 + max(6, *(label_size(n.name)[1] for n in guests)) if guests else 0),
                )
            if not here:
                up = down = 30.0
            bands.append((up, down))
            least.append(GAP_Y)
        for node in below[lane][:1]:
            half = max(n.h for n in below[lane]) / 2
            bands.append((half, half))
            node.band = len(bands) - 1
            least.append(GAP_Y)
        if lane < lanes - 1:
            least[-1] = 16
            lane_edges.append(len(bands))
            bands.append((0, 0))
        else:
            least[-1] = MARGIN
    return Axis(bands, least), row_of, lane_edges


def _stand(scope: Scope, flow: list[Node], x_mid: Any, y_mid: Any) -> None:
    for node in flow:
        node.x, node.y = x_mid[node.col] - node.w / 2, y_mid[node.row] - node.h / 2
    for node in scope.nodes.values():
        if node.host:
            node.x = node.host.cx + _boundary_offset(scope, node) - node.w / 2
            node.y = node.host.y + node.host.h - node.h / 2


def _stand_below(scope: Scope, below: Any, y_mid: Any) -> None:
    """Event sub-processes from left to right, between the lines that cross their row."""
    for nodes in filter(None, below.values()):
        middle, half = y_mid[nodes[0].band], max(n.h for n in nodes) / 2
        lines = sorted(
            a[0]
            for e in scope.edges
            for a, b in pairwise(e.points)
            if a[0] == b[0] and min(a[1], b[1]) < middle + half + 5 and max(a[1], b[1]) > middle - half - 5
        )
        left = MARGIN
        for node in nodes:
            for x in lines:
                if left - 20 < x < left + node.w + 20:
                    left = x + 20
            node.x, node.y = left, middle - node.h / 2
            left += node.w + 40


def _route(scope: Scope, flow: list[Node], x_axis: Axis, y_axis: Axis, rows_below: Any) -> Any:
    x_place, x_mid, _ = x_axis.positions()
    y_place, y_mid, _ = y_axis.positions()
    _stand(scope, flow, x_mid, y_mid)
    x_keys, y_keys = list(x_axis.keys()), list(y_axis.keys())
    xs, ys = [x_place[key] for key in x_keys], [y_place[key] for key in y_keys]
    nodes = [n for n in scope.nodes.values() if n.x is not None]
    soft = [_usual_label(n) for n in nodes if n.outside]
    closed = [y_mid[k] for k, band in enumerate(y_axis.bands) if band == (0, 0) or k in rows_below]
    router = Router(xs, ys, [n.rect for n in nodes], soft, closed)
    router.draw_all([e for e in scope.edges if e.tag != "association"])
    return router, x_keys, y_keys


def _usual_label(node: Node) -> Any:
    w, h = label_size(node.name)
    if node.kind == "gateway":
        return node.cx - w / 2, node.y - h - 2, node.cx + w / 2, node.y - 2
    left = node.cx - w - 4 if node.host else node.cx - w / 2
    return left, node.y + node.h + 3, left + w, node.y + node.h + 3 + h


def _room_for_flow_names(scope: Scope, router: Router, x_axis: Axis) -> None:
    """A named flow that leaves to the right needs a gap as wide as its name."""
    for edge, (_, out, _) in router.paths.items():
        if edge.name and out == RIGHT and not edge.source.host:
            need = label_size(edge.name, 70)[0] + 22 - (x_axis.bands[edge.source.col][1] - edge.source.w / 2)
            x_axis.least[edge.source.col + 1] = max(x_axis.least[edge.source.col + 1], need)


def _room_for_title(scope: Scope) -> None:
    """The name of a sub-process stands inside at its top."""
    scope.shift(0, 14)
    scope.h += 14
