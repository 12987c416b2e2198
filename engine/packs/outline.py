"""A procedure in words: its steps in reading order, numbered, with who does them and where they lead."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from engine.errors import Sentence, say

from .model import Model, Process, Step, read
from .xml import kind

_KINDS = {
    "userTask": say("a task for people"),
    "manualTask": say("a task outside the system"),
    "task": say("a task without a kind"),
    "serviceTask": say("done by the system"),
    "sendTask": say("a message is sent"),
    "receiveTask": say("waits for a message"),
    "scriptTask": say("computed by the system"),
    "businessRuleTask": say("decided by a table"),
    "callActivity": say("another procedure is run"),
    "subProcess": say("a part of the procedure"),
    "adHocSubProcess": say("a part whose steps are picked by people"),
    "transaction": say("a part that holds as a whole"),
    "startEvent": say("begin"),
    "endEvent": say("end"),
    "intermediateCatchEvent": say("wait"),
    "intermediateThrowEvent": say("tell"),
    "exclusiveGateway": say("one way is taken"),
    "inclusiveGateway": say("every way whose condition holds is taken"),
    "parallelGateway": say("all ways are taken at the same time"),
    "eventBasedGateway": say("what happens first decides"),
    "complexGateway": say("ways by a rule of their own"),
}
_EVENT_SUB_PROCESS = say("begins when something happens meanwhile")
_JOIN = say("waits until all ways have arrived")


@dataclass(frozen=True)
class Way:
    """A way out: on which condition (None: always), to which element, its number and its name."""

    condition: Sentence | None
    to: str
    number: str
    name: str

    def sentence(self) -> Sentence:
        """-> the way in words."""
        goal = f"→ {self.number} {self.name}".rstrip()
        return say("{condition} {goal}", condition=self.condition, goal=goal) if self.condition else Sentence(goal)


@dataclass(frozen=True)
class Boundary:
    """Something that may happen while a step is open: what, whether the step then ends, and where it leads."""

    id: str
    name: str
    event: Sentence
    interrupts: bool
    ways: tuple[Way, ...]


@dataclass(frozen=True)
class OutlineStep:
    """A step in words. `depth` is 0 for the steps of the process itself, one more inside each sub-process; `number` is as
    `3` or `3.2`; `kind` says what it is, `element_kind` is that in BPMN; `calls` the process or decision it calls."""

    id: str
    depth: int
    number: str
    name: str
    kind: Sentence
    element_kind: str
    lane: str
    stage: str
    calls: str
    event: Sentence | None
    ways: tuple[Way, ...]
    boundary: tuple[Boundary, ...]


def steps(data: bytes, process_id: str | None = None) -> list[OutlineStep]:
    """-> the steps of a process in reading order: what comes first stands first, joined ways after all that lead to them,
    event sub-processes last. Gateways that only join exclusive ways are left out. `process_id`: default the first process
    of the file; an unknown one gives nothing. ModelRefused for what is no BPMN."""
    model = read(data)
    process = model.processes.get(process_id) if process_id else next(iter(model.processes.values()), None)
    return _steps(model, process) if process else []


def outline(data: bytes, gettext: Callable[[str], str] = str) -> str:
    """-> all processes of a BPMN file as text, in the language of `gettext`; the same file gives the same text."""
    model = read(data)
    parts = []
    for process in model.processes.values():
        lines = [f"{process.name or process.id}" + (f" ({process.id})" if process.name else "")]
        for step in _steps(model, process):
            lines.extend(_text(step, gettext))
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def event_sentence(model: Model, step: Step) -> Sentence | None:
    """-> what an event waits for or tells; None for a plain one."""
    for child in step.node:
        what = kind(child).removesuffix("EventDefinition")
        if not kind(child).endswith("EventDefinition"):
            continue
        if what == "timer":
            when = next(((part.text or "").strip() for part in child if kind(part).startswith("time")), "")
            return say("time: {when}", when=when)
        if what == "conditional":
            condition = next(((part.text or "").strip() for part in child if kind(part) == "condition"), "")
            return say("as soon as {condition}", condition=condition)
        reference = child.get(f"{what}Ref") or child.get("activityRef") or child.get("name") or ""
        name = model.names.get(reference.split(":")[-1], reference)
        return {
            "message": say("message {name}", name=name),
            "signal": say("signal {name}", name=name),
            "error": say("error {name}", name=name),
            "escalation": say("escalation {name}", name=name),
            "compensate": say("undo {name}", name=name),
            "link": say("goes on at {name}", name=name),
            "cancel": say("given up as a whole"),
            "terminate": say("everything ends"),
        }.get(what)
    return None


def _steps(model: Model, process: Process) -> list[OutlineStep]:
    shown = [(step, number, depth) for step, number, depth in _numbered(process, "", 0)]
    numbers = {step.id: number for step, number, _ in shown}
    return [_step(model, step, number, depth, numbers, process) for step, number, depth in shown]


def _numbered(scope: Step, prefix: str, depth: int) -> Iterator[tuple[Step, str, int]]:
    listed = [step for step in _reading_order(scope) if not _only_joins(step) and step.kind != "boundaryEvent"]
    for place, step in enumerate(listed, 1):
        yield step, f"{prefix}{place}", depth
        yield from _numbered(step, f"{prefix}{place}.", depth + 1)


def _reading_order(scope: Step) -> list[Step]:
    """Topological, loops cut where they lead back (reverse postorder), the first way out before the second."""
    done: list[Step] = []
    seen: set[str] = set()
    flowing = [step for step in scope.inside.values() if not step.is_event_sub_process and step.attached_to not in scope.inside]
    roots = sorted((step for step in flowing if not step.incoming), key=lambda step: step.kind != "startEvent")
    reached = _reached(roots, scope)
    for step in flowing:  # circles that nothing leads into
        if step.id not in reached:
            roots.append(step)
            reached |= _reached([step], scope)
    roots += [step for step in scope.inside.values() if step.is_event_sub_process]
    for root in reversed(roots):
        seen.add(root.id)
        stack = [(root, iter(_following(root, scope)))]
        while stack:
            step, rest = stack[-1]
            following = next((one for one in rest if one.id not in seen), None)
            if following is None:
                done.append(step)
                stack.pop()
            else:
                seen.add(following.id)
                stack.append((following, iter(_following(following, scope))))
    return done[::-1]


def _reached(roots: list[Step], scope: Step) -> set[str]:
    seen: set[str] = set()
    stack = list(roots)
    while stack:
        step = stack.pop()
        if step.id not in seen:
            seen.add(step.id)
            stack.extend(_following(step, scope))
    return seen


def _following(step: Step, scope: Step) -> list[Step]:
    """Last first: what is visited first ends up last."""
    ahead = [scope.inside[flow.target] for flow in step.outgoing]
    aside = [scope.inside[flow.target] for guest in step.boundary for flow in guest.outgoing]
    return [*step.boundary, *aside[::-1], *ahead[::-1]]


def _only_joins(step: Step) -> bool:
    return step.kind == "exclusiveGateway" and len(step.outgoing) == 1 and len(step.incoming) > 1


def _step(model: Model, step: Step, number: str, depth: int, numbers: dict[str, str], process: Process) -> OutlineStep:
    join = step.kind in ("parallelGateway", "inclusiveGateway") and len(step.outgoing) <= 1
    what = _EVENT_SUB_PROCESS if step.is_event_sub_process else _JOIN if join else _KINDS.get(step.kind, Sentence(step.kind))
    return OutlineStep(
        id=step.id,
        depth=depth,
        number=number,
        name=_name(step),
        kind=what,
        element_kind=step.kind,
        lane=" / ".join(lane.name or lane.id for lane in step.lanes),
        stage=step.own("stage"),
        calls=step.calls,
        event=event_sentence(model, step),
        ways=_ways(step, numbers, process),
        boundary=tuple(
            Boundary(
                guest.id,
                guest.name or guest.id,
                event_sentence(model, guest) or say("something happens"),
                guest.node.get("cancelActivity") != "false",
                _ways(guest, numbers, process),
            )
            for guest in step.boundary
        ),
    )


def _ways(step: Step, numbers: dict[str, str], process: Process) -> tuple[Way, ...]:
    found = []
    everything = {one.id: one for one in process.walk()}
    for flow in step.outgoing:
        target = everything[flow.target]
        for _ in everything:  # through gateways that only join
            if target.id in numbers or not target.outgoing:
                break
            target = everything[target.outgoing[0].target]
        if flow.name:
            condition: Sentence | None = Sentence(flow.name)
        elif flow.id == step.default:
            condition = say("otherwise")
        else:
            condition = Sentence(flow.condition) if flow.condition else None
        found.append(Way(condition, target.id, numbers.get(target.id, ""), _name(target)))
    return tuple(found)


def _name(step: Step) -> str:
    """A gateway without a name is told by what it does, not by its id."""
    return step.name or ("" if step.kind.endswith("Gateway") else step.id)


def _text(step: OutlineStep, gettext: Callable[[str], str]) -> list[str]:
    indent = "    " * step.depth
    what = [step.kind.translated(gettext)]
    if step.event:
        what.append(step.event.translated(gettext))
    if step.calls:
        what.append(step.calls)
    if step.lane:
        what.append(step.lane)
    lines = [f"{indent}{step.number:>3}  {step.name}".rstrip() + f" [{' · '.join(what)}]"]
    inner = indent + "     "
    lines += [f"{inner}{way.sentence().translated(gettext)}" for way in step.ways]
    for guest in step.boundary:
        mark = "!" if guest.interrupts else "~"
        lines.append(f"{inner}{mark} {guest.name} ({guest.event.translated(gettext)})")
        lines += [f"{inner}  {way.sentence().translated(gettext)}" for way in guest.ways]
    return lines
