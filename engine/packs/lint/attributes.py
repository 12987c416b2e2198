"""Rules on what a model says to this system: its own attributes, roles of lanes, kinds and stages of steps."""

from __future__ import annotations

from typing import Any

from engine.access import ROLES
from engine.errors import say

from ..model import Model, Process, Step
from ..xml import YISHI, kind
from .case import Case

KINDS = frozenset(
    (
        "registration",
        "solicitation",
        "study",
        "proposal",
        "legality",
        "consultation",
        "members_meeting",
        "resolution",
        "vote",
        "posting",
        "answer",
        "works",
        "check",
        "appraisal",
        "archive",
        "enquiry",
        "correction",
    )
)
"""What a step may be for, beside what it is in BPMN."""
POSTINGS = frozenset(("resolution", "result", "solicitation", "reply"))

_ON_PROCESS = frozenset(("title", "numbering", "stages", "stage", "part"))
_ON_STEP = frozenset(
    (
        "stage",
        "law",
        "topic",
        "form",
        "due",
        "role",
        "assignee",
        "kind",
        "minutes",
        "posting",
        "priority",
        "decisionRef",
        "decisionId",
        "resultVariable",
        "collection",
        "inputCollection",
        "elementVariable",
        "inputElement",
        "outputCollection",
        "outputElement",
        "candidateGroups",
    )
)
_ON_LANE = frozenset(("role",))
_ELEMENTS = frozenset(("in", "out", "properties", "property"))


def check(case: Case) -> None:
    stages = {
        stage
        for model in (*case.models, *case.around)
        for process in model.processes.values()
        for stage in process.own("stages").split()
    }
    norms = tuple(norm.short for norm in case.pack.norms)
    for model, process in case.processes():
        _known(case, model, process, _ON_PROCESS)
        for lane in process.own_lanes:
            _only(case, model, lane.node, lane.id, _ON_LANE)
            _roles(case, model, lane.role, lane.line, lane.id)
        for step in process.walk():
            _known(case, model, step, _ON_STEP)
            _roles(case, model, step.own("role"), step.line, step.id)
            _step(case, model, step, stages, norms)
        _lanes_without_role(case, model, process)


def _known(case: Case, model: Model, step: Step, known: frozenset[str]) -> None:
    _only(case, model, step.node, step.id, known)
    for child in step.node:
        if kind(child).endswith(("LoopCharacteristics", "EventDefinition")):
            _only(case, model, child, step.id, known)
    for inner in step.extensions():
        name = inner.tag.split("}")[-1]
        if inner.tag.startswith(f"{{{YISHI}}}") and name not in _ELEMENTS | known:
            case.report(
                "error",
                say("The model's own element yishi:{name} is not known.", name=name),
                model.file,
                inner.sourceline or 0,
                step.id,
            )


def _only(case: Case, model: Model, node: Any, element: str, known: frozenset[str]) -> None:
    for key in node.attrib:
        name = key.removeprefix(f"{{{YISHI}}}")
        if name != key and name not in known:
            words = ", ".join(sorted(known))
            case.report(
                "error",
                say("The attribute yishi:{name} is not known here. Known are: {known}.", name=name, known=words),
                model.file,
                node.sourceline or 0,
                element,
            )


def _roles(case: Case, model: Model, roles: str, line: int, element: str) -> None:
    for role in roles.replace(",", " ").split():
        if role not in ROLES:
            case.report(
                "warning",
                say("The role {role} is none of this system's: it grants nothing until somebody holds it.", role=role),
                model.file,
                line,
                element,
            )


def _step(case: Case, model: Model, step: Step, stages: set[str], norms: tuple[str, ...]) -> None:
    place = (model.file, step.line, step.id)
    purpose, posting, minutes, law = step.own("kind"), step.own("posting"), step.own("minutes"), step.own("law")
    if purpose and purpose not in KINDS:
        case.report(
            "error", say("{kind} is no kind of step. Known are: {known}.", kind=purpose, known=", ".join(sorted(KINDS))), *place
        )
    if posting and posting not in POSTINGS:
        case.report(
            "error",
            say("{kind} is no kind of posting. Known are: {known}.", kind=posting, known=", ".join(sorted(POSTINGS))),
            *place,
        )
    if minutes and not minutes.isdigit():
        case.report("error", say("yishi:minutes is a whole number, but here it is {text}.", text=minutes), *place)
    if step.own("stage") and stages and step.own("stage") not in stages:
        case.report("warning", say("The stage {stage} is none of the step line of the procedure.", stage=step.own("stage")), *place)
    if law and norms and not any(norm in law for norm in norms):
        case.report("hint", say("{law} is not among the norms of the pack.", law=law), *place)


def _lanes_without_role(case: Case, model: Model, process: Process) -> None:
    """Only where somebody would have to be found by the lane."""
    wanting: dict[str, tuple[int, str]] = {}
    for step in process.walk():
        if step.kind != "userTask" or step.extension("role", "candidateGroups", "assignee"):
            continue
        if not step.lanes:
            case.report(
                "warning",
                say("Nobody is named for {id}: put it into a lane with a role, or give it a role.", id=step.id),
                model.file,
                step.line,
                step.id,
            )
        elif not any(lane.role for lane in step.lanes):
            lane = step.lanes[-1]
            wanting[lane.id] = (lane.line, lane.name or lane.id)
    for element, (line, name) in wanting.items():
        case.report(
            "warning",
            say("The lane {name} has no role, so that nobody is found for its tasks.", name=name),
            model.file,
            line,
            element,
        )
