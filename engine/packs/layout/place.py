"""Where the boxes stand: columns from the order of work, rows within the lanes from a search for few bends and crossings."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from typing import Any

from .graph import Node, Scope

FORKS = ("parallelGateway", "inclusiveGateway", "eventBasedGateway")


def place(scope: Scope) -> Any:
    """Set `col` and `row` (counted over all lanes) of every node in the grid; returns the lane of each row."""
    nodes = [n for n in scope.nodes.values() if not n.host and not n.event_sub and n.kind != "data"]
    links = _links(scope)
    _mark_loops(scope, nodes, links)
    forward = [(u, v, e) for u, v, e in links if not e.back]
    apart = set()  # pairs that cannot stand above each other: something is between
    while True:
        handed = _columns(nodes, forward, apart)
        rows, cells = _rows(scope, nodes, links, *_runs(nodes, forward))
        blocked = {
            (u, v)
            for u, v in handed
            if u.col == v.col and any((u.col, row) in cells for row in range(min(u.row, v.row) + 1, max(u.row, v.row)))
        }
        if not blocked:
            return rows
        apart |= blocked


def _links(scope: Scope) -> Any:
    """(from, to, edge) with a boundary event standing for its host."""
    return [(e.source.host or e.source, e.target.host or e.target, e) for e in scope.edges if e.tag == "sequenceFlow"]


def _mark_loops(scope: Scope, nodes: list[Node], links: Any) -> None:
    """An edge to a node that is still open in a depth-first walk from the starts leads back."""
    out, into = defaultdict(list), Counter()
    for u, v, e in links:
        e.back = u is v
        if not e.back:
            out[u].append((v, e))
            into[v] += 1
    for u in out:
        out[u].sort(key=lambda item: item[1].source.host is not None)
    state = {}
    for root in sorted(nodes, key=lambda n: (n.tag != "startEvent", into[n] > 0)):
        stack = [] if root in state else [(root, iter(out[root]))]
        state.setdefault(root, "open")
        while stack:
            node, rest = stack[-1]
            for v, e in rest:
                if v not in state:
                    state[v] = "open"
                    stack.append((v, iter(out[v])))
                    break
                e.back = state[v] == "open"
            else:
                state[node] = "done"
                stack.pop()


def _order(nodes: list[Node], forward: Any) -> Any:
    into, out, order = Counter(v for _, v, _ in forward), defaultdict(list), []
    for u, v, _ in forward:
        out[u].append(v)
    ready = [n for n in nodes if not into[n]]
    while ready:
        node = ready.pop(0)
        order.append(node)
        for v in out[node]:
            into[v] -= 1
            if not into[v]:
                ready.append(v)
    return order, out


def _columns(nodes: list[Node], forward: Any, apart: Any) -> Any:
    """Longest path from the start; work handed to another lane stands straight above or below the one who hands it on,
    but never twice in a row. What has no predecessor stands just before its successor."""
    order, out = _order(nodes, forward)
    has_before = {v for _, v, _ in forward}
    handed = {}
    for u, v, e in forward:
        only = (
            (u, v) not in apart
            and sum(w is v for _, w, _ in forward) == 1
            and not e.source.host
            and not v.inner
            and not u.inner
            and not (v.kind == "gateway" and len(out[v]) > 1)
            and not (u.tag in FORKS and len(out[u]) > 1)
        )
        way = (v.lane > u.lane) - (v.lane < u.lane)
        if (
            only
            and way
            and u not in handed.values()
            and (u, way) not in handed
            and not any(n in handed.values() for n in out[v] if n.lane != v.lane)
        ):
            handed[u, way] = v
    handed = {(u, v) for (u, _), v in handed.items()}
    for node in nodes:
        node.col = 0
    for node in order:
        for v in out[node]:
            v.col = max(v.col, node.col + ((node, v) not in handed))
    for node in reversed(order):
        if out[node] and node not in has_before:
            node.col = min(v.col for v in out[node]) - 1
    for number, node in enumerate(n for n in nodes if not out[n] and n not in has_before):
        node.col = number % 4  # what stands alone stands in a block
    first = min((n.col for n in nodes), default=0)
    for node in nodes:
        node.col -= first
    return handed


def _runs(nodes: list[Node], forward: Any) -> Any:
    """Cut the graph into paths, longest first (the first is the main path), and the paths where the lane changes."""
    order, _ = _order(nodes, forward)
    out, free, runs, main = defaultdict(list), set(nodes), [], set()
    for u, v, e in forward:
        if not e.source.host:
            out[u].append(v)
    while free:
        best, then = {}, {}
        for node in reversed(order):
            if node in free:
                options = [v for v in out[node] if v in free]
                then[node] = max(options, key=best.get, default=None)
                best[node] = 1 + best[then[node]] if options else 0
        node = max(
            (n for n in nodes if n in free), key=lambda n: (len(free) == len(nodes) and n.tag == "startEvent", best[n], -n.col)
        )
        lane = None
        while node:
            if lane != node.lane:
                runs.append([])
                lane = node.lane
            runs[-1].append(node)
            free.discard(node)
            node = then[node]
        main = main or {n for run in runs for n in run}
    return runs, main


class _Rows:
    """A trial arrangement: a row for every run, and what it costs."""

    def __init__(self, scope: Scope, links: Any, runs: Any, main: Any) -> None:
        self.links, self.runs, self.main = links, runs, main
        self.lanes = max([n.lane for n in scope.nodes.values()], default=0) + 1
        self.at = [0.0] * len(runs)

    def free_row(self, number: int) -> Any:
        """The nearest row to the middle where the run's columns are empty."""
        taken = [
            (self.at[k], {n.col for n in run})
            for k, run in enumerate(self.runs[:number])
            if run[0].lane == self.runs[number][0].lane
        ]
        mine = {n.col for n in self.runs[number]}
        for row in (0, 1, -1, 2, -2, 3, -3, *range(4, 60)):
            if all(row != other or not (cols & mine) for other, cols in taken):
                return row

    def settle(self) -> Any:
        """Number the rows from top to bottom; returns the lane of each row or None where two nodes collide."""
        used = sorted({(run[0].lane, self.at[k]) for k, run in enumerate(self.runs)})
        for lane in range(self.lanes):
            if not any(lane == found for found, _ in used):
                used.append((lane, 0.0))
        used.sort()
        index = {key: number for number, key in enumerate(used)}
        self.cells = {}
        for k, run in enumerate(self.runs):
            row = index[(run[0].lane, self.at[k])]
            for node in run:
                node.row = row
                if (node.col, row) in self.cells:
                    return None
                self.cells[node.col, row] = node
        return [lane for lane, _ in used]

    def cost(self) -> Any:
        rows = self.settle()
        if rows is None:
            return float("inf")
        total, across, down = 1.3 * len(rows), Counter(), Counter()
        doors = Counter()
        for u, v, e in self.links:
            total += self.edge_cost(u, v, e, across, down)
            if u.kind == "gateway" and not e.back:
                doors[u, (v.row > u.row) - (v.row < u.row)] += 1
            if v.kind == "gateway" and not e.back and u.col == v.col:
                doors[v, (u.row > v.row) - (u.row < v.row)] += 1
        for u, v, e in self.links:  # what leads back takes the corner that looks there, or another one
            if u.kind == "gateway" and e.back:
                way = 1 if v.row > u.row or (v.row == u.row and doors[u, -1]) else -1
                total += 0.8 * bool(doors[u, way])
                doors[u, next((w for w in (way, -way, 0) if not doors[u, w]), way)] += 1
        total += sum(1.5 * (count - 1) for count in doors.values() if count > 1)  # two flows through one corner of a gateway
        total += 5.0 * len({(n.lane, n.row) for n in self.main})  # the main path keeps to one row in each lane
        return total + 1.6 * sum(min(count, down[cell]) for cell, count in across.items() if down[cell])

    def blocked(self, fixed: Any, a: Any, b: Any, vertical: bool) -> Any:
        a, b = min(a, b), max(a, b)
        return sum(((fixed, k) if vertical else (k, fixed)) in self.cells for k in range(a + 1, b))

    def edge_cost(self, u: Node, v: Node, e: Any, across: Any, down: Any) -> Any:
        weight = 1.6 if u in self.main and v in self.main else 1.0
        distance = abs(u.row - v.row)
        if e.back:
            return 0.25 * distance + 0.03 * abs(u.col - v.col)
        if u.col == v.col:
            for row in range(min(u.row, v.row), max(u.row, v.row) + 1):
                down[2 * u.col, row] += 1
            return weight * 3 * self.blocked(u.col, u.row, v.row, True) + 0.1 * distance
        if u.row == v.row:
            walls = self.blocked(u.row, u.col, v.col, False)
            if not walls and not e.source.host:
                for k in range(u.col, v.col):
                    across[2 * k + 1, u.row] += 1
            return weight * (2.6 if walls else 0) + (1.2 if e.source.host else 0)
        turn_first = (
            1
            + (0.6 if u.kind != "gateway" and not e.source.host else 0)
            + 2.4 * (self.blocked(u.col, u.row, v.row, True) + self.blocked(v.row, u.col - 1, v.col, False))
        )
        turn_last = (
            1
            + (0.6 if v.kind != "gateway" else 0)
            + (2 if e.source.host else 0)
            + 2.4 * (self.blocked(u.row, u.col, v.col + 1, False) + self.blocked(v.col, u.row, v.row, True))
        )
        near, far = (2 + (1 if e.source.host else 0) + 2.4 * self.blocked(row, u.col, v.col, False) for row in (v.row, u.row))
        if e.source.host and v.row < u.row:
            turn_first += 1.5
        best = min(turn_first, turn_last, near, far)
        column = (
            2 * u.col
            if best == turn_first
            else 2 * v.col
            if best == turn_last
            else 2 * u.col + 1
            if best == near
            else 2 * v.col - 1
        )
        for row in range(min(u.row, v.row), max(u.row, v.row) + 1):
            down[column, row] += 1
        for k in range(2 * u.col + 1, 2 * v.col):
            across[k, u.row if k < column else v.row] += 1
        return weight * best + 0.18 * distance


def _rows(scope: Scope, nodes: list[Node], links: Any, runs: Any, main: Any) -> Any:
    """A row for every run, bettered by moving one run or changing two as long as that makes the picture cheaper."""
    trial = _Rows(scope, links, runs, main)
    for number in range(len(runs)):
        trial.at[number] = float(trial.free_row(number))
    best = trial.cost()
    for _ in range(8):
        before = best
        for number, run in enumerate(runs):
            kept = trial.at[number]
            rows = sorted({trial.at[k] for k, other in enumerate(runs) if other[0].lane == run[0].lane})
            options = rows + [rows[0] - 1, rows[-1] + 1] + [(a + b) / 2 for a, b in itertools.pairwise(rows)]
            for row in options:
                trial.at[number] = row
                cost = trial.cost()
                if cost < best - 1e-9:
                    best, kept = cost, row
            trial.at[number] = kept
            for other in range(number):  # two runs change places
                if runs[other][0].lane == run[0].lane and trial.at[other] != trial.at[number]:
                    trial.at[other], trial.at[number] = trial.at[number], trial.at[other]
                    cost = trial.cost()
                    if cost < best - 1e-9:
                        best = cost
                    else:
                        trial.at[other], trial.at[number] = trial.at[number], trial.at[other]
        if best > before - 1e-9:
            break
    return trial.settle(), trial.cells
