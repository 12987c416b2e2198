"""Lines between boxes: a shortest path with prices for bends, crossings and touching, on a grid of lines between the boxes."""

from __future__ import annotations

import heapq
import itertools
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from .graph import Edge, Node

RIGHT, DOWN, LEFT, UP = range(4)
STEP = ((1, 0), (0, 1), (-1, 0), (0, -1))
BEND, CROSS, TOUCH, LABEL = 55, 130, 900, 90
CLEAR = 9  # no line comes nearer to a box that it does not touch


class Router:
    """`xs`, `ys`: coordinates lines may use; `boxes`: rectangles no line may enter; `soft`: rectangles it should not;
    `closed`: ys along which no line may run (the borders of lanes), though it may cross them."""

    def __init__(self, xs: Any, ys: Any, boxes: Any, soft: Any = (), closed: Any = ()) -> None:
        self.xs, self.ys = sorted(set(xs)), sorted(set(ys))
        self.nx, self.ny = len(self.xs), len(self.ys)
        self.wall, self.soft = set(), set()
        for left, top, right, bottom in boxes:
            self.wall.update(self._inside(left - CLEAR, top - CLEAR, right + CLEAR, bottom + CLEAR))
        for left, top, right, bottom in soft:
            self.soft.update(self._inside(left, top, right, bottom))
        self.closed = {j for j, y in enumerate(self.ys) if y in set(closed)}
        self.at, self.runs, self.ports, self.paths = {}, {}, {}, {}

    def _inside(self, left: Any, top: float, right: Any, bottom: float) -> Iterator[Any]:
        for i in range(bisect_left(self.xs, left), bisect_right(self.xs, right)):
            for j in range(bisect_left(self.ys, top), bisect_right(self.ys, bottom)):
                yield i, j

    def doors(self, node: Node, prices: Any) -> Any:
        """[(vertex just outside, direction outwards, price, side)] for the four sides."""
        left, top, right, bottom = node.rect
        i, j = _nearest(self.xs, node.cx), _nearest(self.ys, node.cy)
        found = [
            ((bisect_right(self.xs, right + 2), j), RIGHT),
            ((i, bisect_right(self.ys, bottom + 2)), DOWN),
            ((bisect_left(self.xs, left - 2) - 1, j), LEFT),
            ((i, bisect_left(self.ys, top - 2) - 1), UP),
        ]
        straight = (abs(self.xs[i] - node.cx) < 0.5, abs(self.ys[j] - node.cy) < 0.5)
        result = []
        for (a, b), side in found:
            if prices[side] is not None and straight[(side + 1) % 2] and 0 <= a < self.nx and 0 <= b < self.ny:
                while (a, b) in self.wall and 0 < a < self.nx - 1 and 0 < b < self.ny - 1 and self._own(node, a, b):
                    a, b = a + STEP[side][0], b + STEP[side][1]
                result.append(((a, b), side, prices[side]))
        return result

    def _own(self, node: Node, a: Any, b: Any) -> Any:
        left, top, right, bottom = node.rect
        return left - CLEAR <= self.xs[a] <= right + CLEAR and top - CLEAR <= self.ys[b] <= bottom + CLEAR

    def find(self, edge: Edge) -> Any:
        """The cheapest way of an edge past everything drawn so far: (price, vertices, source side, target side)."""
        goals = {}
        for vertex, side, price in self.doors(edge.target, target_prices(edge)):
            taken = self.ports.get((edge.target.id, side), {})
            price += sum(160 if way == "out" else 25 for other, way in taken.items() if other is not edge)
            goals.setdefault(vertex, []).append(((side + 2) % 4, price, side))
        heap, best, came, count = [], {}, {}, 0
        gx, gy = [self.xs[v[0]] for v in goals], [self.ys[v[1]] for v in goals]
        if not goals:
            return None
        lo_x, hi_x, lo_y, hi_y = min(gx), max(gx), min(gy), max(gy)

        def left_over(i: Any, j: Any) -> Any:
            x, y = self.xs[i], self.ys[j]
            return max(lo_x - x, 0, x - hi_x) + max(lo_y - y, 0, y - hi_y)

        for vertex, side, price in self.doors(edge.source, source_prices(edge)):
            taken = self.ports.get((edge.source.id, side), {})
            shared = 30 if edge.source.kind == "gateway" and not edge.name else 250
            price += sum(160 if way == "in" else shared for other, way in taken.items() if other is not edge)
            if vertex in self.wall:
                continue
            state = (vertex, side)
            best[state], came[state] = price, (None, side)
            heapq.heappush(heap, (price + left_over(*vertex), price, 0, vertex, side))
        xs, ys, runs, at, wall, soft = self.xs, self.ys, self.runs, self.at, self.wall, self.soft
        source, target = edge.source, edge.target
        while heap:
            _, price, _, vertex, way = heapq.heappop(heap)
            if way == -1:
                return self._trace(came, price, vertex)
            if price > best[vertex, way] + 1e-9:
                continue
            i, j = vertex
            here = at.get(vertex)
            for need, extra, side in goals.get(vertex, ()):
                if (need + 2) % 4 == way:
                    continue
                total = price + extra + (BEND + self._touch(here, edge, None) if need != way else self._touch(here, edge, way))
                if total < best.get((vertex, -1), 1e18):
                    best[vertex, -1] = total
                    came[vertex, -1] = ((vertex, way), side)
                    count += 1
                    heapq.heappush(heap, (total, total, count, vertex, -1))
            for turn in (way, (way + 1) % 4, (way + 3) % 4):
                a, b = i + STEP[turn][0], j + STEP[turn][1]
                if not (0 <= a < self.nx and 0 <= b < self.ny) or (a, b) in wall or (turn in (LEFT, RIGHT) and j in self.closed):
                    continue
                total = price + abs(xs[a] - xs[i]) + abs(ys[b] - ys[j]) + (LABEL if (a, b) in soft else 0)
                if here:
                    total += self._touch(here, edge, way if turn == way else None)
                if turn != way:
                    total += BEND
                run = runs.get((min(i, a), min(j, b), turn % 2))
                if run:
                    total += sum(
                        0 if heading == turn and (other.target is target or other.source is source) else TOUCH
                        for other, heading in run.items()
                        if other is not edge
                    )
                state = ((a, b), turn)
                if total < best.get(state, 1e18) - 1e-9:
                    best[state], came[state] = total, ((vertex, way), None)
                    count += 1
                    heapq.heappush(heap, (total + left_over(a, b), total, count, (a, b), turn))
        return None

    def _touch(self, here: Any, edge: Edge, way: int | None) -> Any:
        """What it costs to pass (`way`) or to bend (None) where other lines are."""
        if not here:
            return 0
        total = 0
        for other, shape in here.items():
            if other is edge or other.target is edge.target or other.source is edge.source:
                continue
            if way is None or shape == "bend":
                total += TOUCH / 2
            elif shape != ("h" if way in (LEFT, RIGHT) else "v"):
                total += CROSS
        return total

    @staticmethod
    def _trace(came: Any, price: float, vertex: Any) -> Any:
        (state, side), vertices = came[vertex, -1], []
        while state:
            vertices.append(state[0])
            state[1]
            state, note = came[state]
        return price, vertices[::-1], note, side

    def draw(self, edge: Edge) -> bool:
        found = self.find(edge)
        if not found:
            return False
        _, vertices, out, into = found
        self.paths[edge] = (vertices, out, into)
        self.ports.setdefault((edge.source.id, out), {})[edge] = "out"
        self.ports.setdefault((edge.target.id, into), {})[edge] = "in"
        ways = [out]
        for (a, b), (c, d) in itertools.pairwise(vertices):
            way = RIGHT if c > a else LEFT if c < a else DOWN if d > b else UP
            ways.append(way)
            self.runs.setdefault((min(a, c), min(b, d), way % 2), {})[edge] = way
        ways.append((into + 2) % 4)
        for vertex, before, after in zip(vertices, ways, ways[1:], strict=False):
            self.at.setdefault(vertex, {})[edge] = "bend" if before != after else "h" if after in (LEFT, RIGHT) else "v"
        return True

    def erase(self, edge: Edge) -> None:
        if edge in self.paths:
            del self.paths[edge]
            for table in (self.at, self.runs, self.ports):
                for found in table.values():
                    found.pop(edge, None)

    def occupy(self, edge: Edge) -> None:
        """Take note of a line that stays as it is."""
        for (x1, y1), (x2, y2) in pairwise(edge.points):
            if abs(x1 - x2) > 1 and abs(y1 - y2) > 1:
                continue
            flat = abs(y1 - y2) <= 1
            vertices = sorted(self._inside(min(x1, x2) - 3, min(y1, y2) - 3, max(x1, x2) + 3, max(y1, y2) + 3))
            for i, j in vertices:
                self.at.setdefault((i, j), {})[edge] = "h" if flat else "v"
                following = (i + 1, j) if flat else (i, j + 1)
                if following in vertices:
                    self.runs.setdefault((i, j, 0 if flat else 1), {})[edge] = (
                        (RIGHT if x2 > x1 else LEFT) if flat else (DOWN if y2 > y1 else UP)
                    )

    def draw_all(self, edges: list[Edge]) -> Any:
        """Draw near and straight lines first, loops last; then draw again, twice, what could be better now."""
        order = sorted(
            edges,
            key=lambda e: (
                e.back,
                e.tag != "sequenceFlow",
                min(abs(e.source.cy - e.target.cy), abs(e.source.cx - e.target.cx)) > 1,
                abs(e.source.cx - e.target.cx) + abs(e.source.cy - e.target.cy),
            ),
        )
        for edge in order:
            self.draw(edge)
        for _ in range(2):
            for edge in order:
                if self._troubled(edge):
                    self.erase(edge)
                    self.draw(edge)
        return [edge for edge in edges if edge not in self.paths]

    def _troubled(self, edge: Edge) -> Any:
        if edge not in self.paths:
            return True
        vertices, _out, _into = self.paths[edge]
        bends = sum(self.at[v].get(edge) == "bend" for v in vertices)
        return bends > 2 or (bends > 0 and any(len(self.at[v]) > 1 for v in vertices))

    def points(self, edge: Edge, x: float | None = None, y: float | None = None) -> Any:
        """The corners of an edge, in the coordinates of its boxes; `x`, `y` translate line numbers (default: as they are)."""
        vertices, out, into = self.paths[edge]
        middle = [((x or self.xs)[i], (y or self.ys)[j]) for i, j in vertices]
        return straighten([_port(edge.source, out), *middle, _port(edge.target, into)])


def _port(node: Node, side: int) -> Any:
    left, top, right, bottom = node.rect
    return ((right, node.cy), (node.cx, bottom), (left, node.cy), (node.cx, top))[side]


def _nearest(lines: Any, value: float) -> Any:
    k = bisect_left(lines, value)
    return min((n for n in (k - 1, k) if 0 <= n < len(lines)), key=lambda n: abs(lines[n] - value))


def straighten(points: Any) -> Any:
    """Leave out the points between two which lie on one line."""
    result = []
    for point in points:
        if result and abs(result[-1][0] - point[0]) < 0.01 and abs(result[-1][1] - point[1]) < 0.01:
            continue
        while len(result) > 1 and (result[-2][0] == result[-1][0] == point[0] or result[-2][1] == result[-1][1] == point[1]):
            result.pop()
        result.append(point)
    return result


def source_prices(edge: Edge) -> Any:
    node = edge.source
    if node.host:
        up = node.cy < node.host.cy
        return (30, None if up else 0, 120, 0 if up else None)
    if edge.tag == "association":
        return (0, 0, 0, 0)
    if edge.back:
        return (40, 0, 60, 0) if node.kind == "gateway" else (45, 5, 45, 5)
    if edge.tag == "messageFlow":
        down = edge.target.cy > edge.source.cy
        return (200, 0 if down else 300, 200, 300 if down else 0)
    if abs(edge.source.cx - edge.target.cx) < 1:
        return (20, 0, 260, 0)
    return (0, 8, 260, 8) if node.kind == "gateway" else (0, 60, 260, 60)


def target_prices(edge: Edge) -> Any:
    node = edge.target
    if edge.tag == "association":
        return (0, 0, 0, 0)
    if edge.back:
        return (90, 5, 30, 0)
    if edge.tag == "messageFlow":
        down = edge.target.cy > edge.source.cy
        return (200, 300 if down else 0, 200, 0 if down else 300)
    if abs(edge.source.cx - edge.target.cx) < 1:
        return (260, 0, 20, 0)
    return (
        (260, 8, 0, 8)
        if node.kind == "gateway" and not edge.into_split
        else (260, 90, 0, 90)
        if node.kind == "gateway"
        else (260, 40, 0, 40)
    )
