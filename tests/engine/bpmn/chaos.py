"""Random processes full of events."""

from tests.engine.bpmn import models as M
from tests.engine.bpmn.oracle import Generator

EVENTS = ["timer:PT1H", "cycle:R2/PT1H", "msg:M", "sig:S", "cond:v1 = 2", "anyerr", "anyesc", "err:E1", "esc:X1"]


class Eventful(Generator):
    def block(self, depth):
        tree, a, b = super().block(depth)
        if tree[0] in ("task", "sub", "mi") and self.r.random() < 0.4:
            self.boundary(a)
        if self.r.random() < 0.15:
            throw, what = f"th{self.n}", self.r.choice(["sig:S", "esc:X1", "msg:M", "comp"])
            self.n += 1
            self.body.append(M.throw(throw, what))
            self.edge(b, throw)
            b = throw
        return tree, a, b

    def boundary(self, host):
        self.n += 1
        name, task = f"b{self.n}", self.id("bt", "u")
        what = self.r.choice(EVENTS)
        self.body.append(M.boundary(name, host, what, "err" in what or self.r.random() < 0.5))
        self.edge(name, task)
        if self.r.random() < 0.3:
            self.edge(task, self.end("err:E1" if self.r.random() < 0.3 else self.r.choice(["term", "esc:X1", "comp"])))
        if self.r.random() < 0.3:
            self.body.append(
                f'<boundaryEvent id="c{name}" attachedToRef="{host}"><compensateEventDefinition/></boundaryEvent>'
                f'<userTask id="undo{name}" isForCompensation="true"/><association id="a{name}" sourceRef="c{name}" targetRef="undo{name}"/>'
            )

    def end(self, what):
        self.n += 1
        self.body.append(M.end(f"x{self.n}", what))
        return f"x{self.n}"

    def subprocess(self, kind, depth):
        tree, a, b = super().subprocess(kind, depth)
        if self.r.random() < 0.5:  # an event sub-process inside the one just made
            self.n += 1
            n, what = self.n, self.r.choice(EVENTS)
            sub = M.esp(
                f"es{n}",
                M.start(f"ev{n}", what, "err" in what or self.r.random() < 0.5) + M.nodes(f"u:et{n} e:ee{n}"),
                f"ev{n} et{n} ee{n}",
            )
            tag = "</subProcess>"
            xml = self.body.pop()
            self.body.append(xml[: xml.rindex(tag)] + sub + tag)
        return tree, a, b
