"""Random block-structured processes, and an interpreter of the block tree that knows no tokens, joins or flows."""

import itertools

from tests.engine.bpmn import models as M


class Generator:
    """Builds a block tree and the BPMN for it. Gateways decide on variables v0..v4, which every completion changes."""

    def __init__(self, rnd):
        self.r, self.n, self.body, self.flow = rnd, 0, [], []

    def model(self, depth):
        tree, entry, leave = self.block(depth)
        self.body.append(M.nodes("s:S0 e:E0"))
        self.edge("S0", entry)
        self.edge(leave, "E0")
        return tree, M.one("".join(self.body), ";".join(self.flow))

    def id(self, prefix, kind):
        self.n += 1
        name = f"{prefix}{self.n}"
        self.body.append(M.nodes(f"{kind}:{name}"))
        return name

    def edge(self, a, b, condition=None, default=False):
        self.flow.append(f"{a} {b}" + (f" [{condition}]" if condition else "") + (" *" if default else ""))

    def block(self, depth):
        """-> (tree, first node, last node)"""
        inner = ["seq", "xor", "and", "or", "and-or", "loop", "sub", "mi"] if depth else []
        kind = self.r.choice(["task", "task", *inner])
        if kind == "task":
            name = self.id("t", "u")
            return ("task", name), name, name
        if kind == "seq":
            parts = [self.block(depth - 1) for _ in range(self.r.randint(2, 3))]
            for (_, _, a), (_, b, _) in itertools.pairwise(parts):
                self.edge(a, b)
            return ("seq", [p[0] for p in parts]), parts[0][1], parts[-1][2]
        if kind in ("xor", "and", "or", "and-or"):
            return self.gateways(kind, depth)
        if kind == "loop":
            return self.loop(depth)
        return self.subprocess(kind, depth)

    def gateways(self, kind, depth):
        split, join = {"xor": "xx", "and": "pp", "or": "ii", "and-or": "pi"}[kind]
        g, j = self.id("g", split), self.id("j", join)
        branches = []
        for i in range(self.r.randint(2, 3)):
            tree, a, b = self.block(depth - 1)
            name, value = f"v{self.r.randint(0, 4)}", self.r.randint(0, 2)
            default = kind in ("xor", "or") and i == 0
            self.edge(g, a, None if default or split == "p" else f"{name} = {value}", default)
            self.edge(b, j)
            branches.append((name, value, tree))
        return ("and" if kind == "and-or" else kind, branches), g, j

    def loop(self, depth):
        merge, g, out, first = self.id("m", "x"), self.id("g", "x"), self.id("j", "x"), self.id("t", "u")
        tree, a, b = self.block(depth - 1)
        name = f"v{self.r.randint(0, 4)}"
        for edge in ((merge, first), (first, a), (b, g), (g, merge, f"{name} = 1"), (g, out, None, True)):
            self.edge(*edge)
        # `first`: a turn without work would turn for ever
        return ("loop", name, ("seq", [("task", first), tree])), merge, out

    def subprocess(self, kind, depth):
        self.n += 1
        name, outside = f"s{self.n}", (self.body, self.flow)
        self.body, self.flow = [], []
        tree, a, b = self.block(depth - 1)
        self.edge(self.id("st", "s"), a)
        self.edge(b, self.id("e", "e"))
        count, sequential = self.r.randint(0, 3), self.r.random() < 0.5
        chars = M.mi("seq" if sequential else "par", count) if kind == "mi" else ""
        xml = M.sub(name, "".join(self.body), ";".join(self.flow), loop=chars)
        self.body, self.flow = outside
        self.body.append(xml)
        return ("mi", count, sequential, tree) if kind == "mi" else ("sub", tree), name, name


class Block:
    """A running block: which tasks are open, complete one, done?"""

    def __init__(self, tree, data):
        self.kind, self.tree, self.data, self.done, self.kids = tree[0], tree, data, False, []
        self.kids = [Block(t, data) for t in self.first()]
        self.settle()

    def first(self):
        kind, tree = self.kind, self.tree
        if kind == "seq":
            self.rest = list(tree[1][1:])
            return tree[1][:1]
        if kind == "mi":
            self.rest = [tree[3]] * (tree[1] - 1) if tree[2] else []
            return [tree[3]] * (min(tree[1], 1) if tree[2] else tree[1])
        if kind in ("loop", "sub"):
            return [tree[-1]]
        if kind == "and":
            return [t for _, _, t in tree[1]]
        if kind in ("xor", "or"):
            true = [t for name, value, t in tree[1][1:] if self.data[name] == value] or [tree[1][0][2]]
            return true[:1] if kind == "xor" else true
        return []

    def settle(self):
        while self.kind != "task" and not self.done and all(k.done for k in self.kids):
            if self.kind in ("seq", "mi") and self.rest:
                self.kids = [Block(self.rest.pop(0), self.data)]
            elif self.kind == "loop" and self.data[self.tree[1]] == 1:
                self.kids = [Block(self.tree[2], self.data)]
            else:
                self.done = True

    def open(self):
        if self.kind == "task":
            return [] if self.done else [self.tree[1]]
        return [t for k in self.kids for t in k.open()]

    def complete(self, task):
        if self.kind == "task":
            hit = not self.done and self.tree[1] == task
            self.done = self.done or hit
            return hit
        for k in self.kids:
            if not k.done and k.complete(task):
                self.settle()
                return True
        return False
