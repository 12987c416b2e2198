"""Names outside their shapes: of all usual places the one that touches least."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from .graph import Edge, Node, Scope, label_size


def put_labels(scope: Scope, borders: Any = (), nodes: list[Node] | None = None, edges: list[Edge] | None = None) -> None:
    """Place the names of the given nodes and edges (default: all) of a scope; others stay and are respected."""
    nodes = [n for n in scope.nodes.values() if n.outside] if nodes is None else nodes
    edges = [e for e in scope.edges if e.name and e.points] if edges is None else edges
    boxes = [solid(n) for n in scope.nodes.values() if n.x is not None]
    lines = [(*a, *b) for e in scope.edges for a, b in pairwise(e.points)] + [(-1e6, y, 1e6, y) for y in borders]
    for item in (*nodes, *edges):
        item.label = None
    placed = [_box(i.label) for i in (*scope.nodes.values(), *scope.edges) if i.label]
    for item in sorted(nodes, key=lambda n: -bool(n.host)):
        _best(item, _around(item), boxes, lines, placed)
    for again in (False, True):  # once more when all the others stand
        for item in edges:
            if again:
                placed.remove(_box(item.label))
            trunk = any(
                o is not item and o.source is item.source and len(o.points) > 1 and _same_way(o.points, item.points)
                for o in scope.edges
            )
            _best(item, _along(item, trunk), boxes, lines, placed)


def solid(node: Node) -> Any:
    """The box of a node; of a gateway only its middle, since its corners are empty."""
    inset = 12 if node.kind == "gateway" else 0
    left, top, right, bottom = node.rect
    return left + inset, top + inset, right - inset, bottom - inset


def _box(label: Any) -> Any:
    return label[0], label[1], label[0] + label[2], label[1] + label[3]


def _best(item: Any, places: Any, boxes: Any, lines: Any, placed: Any) -> None:
    def price(place: Any) -> Any:
        cost, (left, top, w, h) = place
        right, bottom = left + w, top + h
        for _number, (others, weight) in enumerate(((boxes, 40), (placed, 60))):
            for a, b, c, d in others:
                if a < right and c > left and b < bottom and d > top:
                    cost += weight + 0.2 * (min(c, right) - max(a, left)) * (min(d, bottom) - max(b, top))
        for x1, y1, x2, y2 in lines:
            if min(x1, x2) < right - 1 and max(x1, x2) > left + 1 and min(y1, y2) < bottom - 1 and max(y1, y2) > top + 1:
                cost += 45
        return cost

    item.label = min(places, key=price)[1]
    placed.append(_box(item.label))


def _around(node: Node) -> Any:
    """Places for the name of an event or gateway: below or above in the middle, then the four corners."""
    w, h = label_size(node.name)
    below, above = node.y + node.h + 4, node.y - h - 3
    if node.host:
        up = node.cy < node.host.cy
        places = []
        for limit, dear in ((92, 0), (59, 3), (37, 6)):
            w, h = label_size(node.name, limit)
            y = node.y - h + 4 if up else node.y + node.h - 4
            places += [
                (dear, (node.cx - w - 8, y, w, h)),
                (2 + dear, (node.cx + 10, y + 2, w, h)),
                (5 + dear, (node.x - w - 2, node.y + 20, w, h)),
                (5 + dear, (node.x + node.w + 3, node.y + 20, w, h)),
                (8 + dear, (node.cx + 6, y + 16, w, h)),
                (8 + dear, (node.cx - w - 6, y + 16, w, h)),
            ]
        return places
    first, second = (above, below) if node.kind == "gateway" else (below, above)
    places = [(0, (node.cx - w / 2, first, w, h)), (3, (node.cx - w / 2, second, w, h))]
    for limit, dear in ((92, 0), (59, 2), (37, 5)):
        w, h = label_size(node.name, limit)
        inward = 9 if node.kind == "gateway" and h < 20 else 0
        for number, y in enumerate((node.y - h - 3 + inward, node.y + node.h + 4 - inward)):
            number = number if node.kind == "gateway" else 1 - number
            places += [(5 + number + dear, (node.cx - w - 7, y, w, h)), (6 + number + dear, (node.cx + 7, y, w, h))]
    return [*places, (12, (node.x - w - 4, node.cy + 5, w, h)), (12, (node.x + node.w + 4, node.cy + 5, w, h))]


def _same_way(one: Any, two: Any) -> bool:
    """Do two lines leave their source at the same corner?"""
    return one[0] == two[0]


def _along(edge: Edge, trunk: bool) -> Any:
    """Places for the name of a flow: beside its first parts, near to the source; not on a trunk shared with others."""
    whole = label_size(edge.name, 200 if len(edge.name) <= 6 else 70)
    places, w, h = [], *whole
    cost = 0.0
    for number, ((x1, y1), (x2, y2)) in enumerate(list(pairwise(edge.points))[:4]):
        length = abs(x2 - x1) + abs(y2 - y1)
        if trunk and number == 0 and len(edge.points) > 2:
            continue
        if abs(y2 - y1) < 1:
            ahead = 1 if x2 > x1 else -1
            for share in (0, 0.5, 1):
                free = max(0, length - w - 12)
                start = x1 + ahead * (6 + share * free)
                left = start if ahead > 0 else start - w
                tight = max(0, w + 4 - length) * 0.8
                places += [
                    (cost + share * 6 + tight, (left, y1 - h - 2, w, h)),
                    (cost + share * 6 + tight + 1.5, (left, y1 + 3, w, h)),
                ]
        else:
            down = 1 if y2 > y1 else -1
            for share in (0, 0.5, 1):
                free = max(0, length - h - 12)
                start = y1 + down * (6 + share * free)
                top = start if down > 0 else start - h
                places += [(cost + share * 6, (x1 + 5, top, w, h)), (cost + share * 6 + 1, (x1 - w - 5, top, w, h))]
        cost += 9
    return places
