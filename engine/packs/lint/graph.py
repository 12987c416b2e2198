"""Rules on the shape of a model: names, ids, ways that lead nowhere, and what is missing in the drawing."""

from __future__ import annotations

import re

from engine.errors import say

from ..model import SUB_PROCESSES, Model, Process, Step, drawing
from .case import Case, Severity

_WORD = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*\Z")
_SPLITS = ("exclusiveGateway", "inclusiveGateway", "complexGateway")
_TASKS = ("Task", "task", "callActivity")


def check(case: Case) -> None:
    for model, process in case.processes():
        _ids(case, model, process)
        _names(case, model, process)
        for scope in (process, *(step for step in process.walk() if step.kind in SUB_PROCESSES)):
            _ways(case, model, scope)
    for model in case.models:
        _drawing(case, model)


def _ids(case: Case, model: Model, process: Process) -> None:
    severity: Severity = "warning" if case.pack.version else "hint"  # models from elsewhere come with the ids of their tools
    things = [(process.id, process.line), *((step.id, step.line) for step in process.walk())]
    things += [(lane.id, lane.line) for lane in process.own_lanes]
    for name, line in things:
        if name and not _WORD.match(name):
            case.report(severity, say("The id {id} is not made of words in snake_case.", id=name), model.file, line, name)


def _names(case: Case, model: Model, process: Process) -> None:
    if not process.name:
        case.report("warning", say("The process {id} has no name.", id=process.id), model.file, process.line, process.id)
    seen: dict[str, Step] = {}
    for step in process.walk():
        task = step.kind.endswith(_TASKS)
        if task and not step.name:
            case.report("warning", say("The step {id} has no name.", id=step.id), model.file, step.line, step.id)
        elif task and step.name in seen:
            other = seen[step.name].id
            case.report(
                "hint",
                say("The steps {id} and {other} have the same name.", id=step.id, other=other),
                model.file,
                step.line,
                step.id,
            )
        elif task:
            seen[step.name] = step
        if step.kind in _SPLITS and len(step.outgoing) > 1:
            if not step.name:
                case.report(
                    "warning", say("The gateway {id} asks no question: give it a name.", id=step.id), model.file, step.line, step.id
                )
            for flow in step.outgoing:
                if not flow.name:
                    case.report(
                        "warning",
                        say("A way out of {id} has no name: say in which case it is taken.", id=step.id),
                        model.file,
                        flow.line,
                        flow.id,
                    )


def _ways(case: Case, model: Model, scope: Step) -> None:
    if scope.kind == "adHocSubProcess":
        return  # its steps are picked by people
    beginnings = [step for step in scope.inside.values() if step.kind == "startEvent" or _begins_by_itself(step)]
    if not any(step.kind == "startEvent" for step in beginnings):
        beginnings += [step for step in scope.inside.values() if not step.incoming]
    ahead = {
        step.id: [flow.target for flow in step.outgoing] + [guest.id for guest in step.boundary] for step in scope.inside.values()
    }
    back: dict[str, list[str]] = {}
    for source, targets in ahead.items():
        for target in targets:
            back.setdefault(target, []).append(source)
    reached = _reach(ahead, [step.id for step in beginnings])
    ends = [step.id for step in scope.inside.values() if not step.outgoing]
    leaving = _reach(back, ends)
    for step in scope.inside.values():
        if step.id not in reached:
            case.report("warning", say("No way leads to {id}.", id=step.id), model.file, step.line, step.id)
        elif step.id not in leaving:
            case.report("warning", say("From {id} no way leads to an end.", id=step.id), model.file, step.line, step.id)
        elif not step.outgoing and step.kind != "endEvent" and not _begins_by_itself(step) and not _ends_by_itself(step):
            case.report("warning", say("The way stops at {id} without an end event.", id=step.id), model.file, step.line, step.id)


def _begins_by_itself(step: Step) -> bool:
    return step.is_event_sub_process or step.compensates or (step.kind == "intermediateCatchEvent" and "link" in step.events)


def _ends_by_itself(step: Step) -> bool:
    return (step.kind == "intermediateThrowEvent" and "link" in step.events) or (
        step.kind == "boundaryEvent" and "compensate" in step.events
    )


def _reach(ahead: dict[str, list[str]], start: list[str]) -> set[str]:
    seen, stack = set(start), list(start)
    while stack:
        for following in ahead.get(stack.pop(), ()):
            if following not in seen:
                seen.add(following)
                stack.append(following)
    return seen


def _drawing(case: Case, model: Model) -> None:
    drawn = drawing(model.root)
    if not drawn.boxes:
        case.report("warning", say("The model has no diagram: lay it out."), model.file, 1)
        return
    for process in model.processes.values():
        hidden = {step.id for one in process.walk() if one.id in drawn.collapsed for step in one.walk()}
        missing = [(step.id, step.line) for step in process.walk() if step.id not in drawn.boxes and step.id not in hidden]
        missing += [(lane.id, lane.line) for lane in process.own_lanes if lane.id not in drawn.boxes]
        missing += [(flow.id, flow.line) for flow in process.flows if flow.id not in drawn.lines and flow.source not in hidden]
        for name, line in missing:
            case.report("warning", say("{id} is missing in the diagram.", id=name), model.file, line, name)
