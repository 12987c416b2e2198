"""How far a matter has come, in words: step line, what is done and where it stands, deadlines, what happened, what comes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from engine import access, board, bpmn, clock, definitions, feel, history, instances, tasks
from engine.access import Actor
from engine.definitions import Compiled, Place
from engine.errors import EngineError, Sentence, say
from engine.forms import Fact, Form
from engine.models import ENDED, HistoryEvent, Incident, Instance, InstanceState, Job, Objection, Posting, Task

from . import rendering

STEPS = ("userTask", "manualTask", "task", "serviceTask", "sendTask", "receiveTask", "businessRuleTask")
_TOLD: Mapping[str, Sentence] = {
    "begun": say("began the matter"),
    "suspended": say("suspended the matter"),
    "resumed": say("resumed the matter"),
    "instance_cancelled": say("cancelled the matter"),
    "modified": say("moved the matter to another step"),
    "changed": say("corrected what the matter knows"),
    "incident": say("a failure was recorded"),
    "failed": say("it could not be done"),
}
_QUIET: Mapping[str, Sentence] = {
    "claimed": say("claimed it"),
    "released": say("gave it back"),
    "started": say("began"),
    "cancelled": say("was called off"),
    "message": say("a message arrived"),
    "signal": say("a signal arrived"),
    "activated": say("was picked"),
    "flow": say("the way was taken"),
    "completed": say("went by"),
}


@dataclass(frozen=True)
class Station:
    """One station of the step line: done, now, or neither."""

    label: str
    state: str
    below: str = ""


@dataclass(frozen=True)
class Told:
    """One line of the history in words. `step` is the step's name, `deed` what was done with it besides doing it."""

    event: HistoryEvent
    step: str
    deed: Sentence | None
    role: str
    facts: Sequence[Fact]
    reason: str
    took_place: date | None


@dataclass(frozen=True)
class Where:
    """Where an instance stands: elements in which tokens are, elements that are done with the time of the last time, and
    those with an open incident."""

    now: frozenset[str] = frozenset()
    done: Mapping[str, datetime] = field(default_factory=dict)
    bad: frozenset[str] = frozenset()
    stage: str = ""

    def state(self, element: str) -> str:
        return "bad" if element in self.bad else "now" if element in self.now else "done" if element in self.done else ""


@dataclass(frozen=True)
class Outlook:
    """What a matter waits for: numbers of its open tasks, timers and postings."""

    tasks: frozenset[int]
    timers: frozenset[int]
    postings: frozenset[int]


@dataclass(frozen=True)
class Term:
    """A deadline of a matter: when, what for, whose, and how it was counted."""

    due: rendering.Due
    title: str
    who: str
    counted: Sequence[Sentence]


# --- where it stands ------------------------------------------------------------------------------------------------
def places(compiled: Compiled) -> dict[str, Place]:
    """-> every step of the procedure and of the parts it calls, by its id."""
    return {element: place for part in compiled.places.values() for element, place in part.items()}


def where(session: Session, instance: Instance) -> Where:
    """-> where the instance stands now."""
    compiled = definitions.compiled(session, instance.definition_id)
    known = places(compiled)
    last = (select(HistoryEvent.element, func.max(HistoryEvent.at))
            .where(HistoryEvent.instance_id == instance.id, HistoryEvent.what == "completed").group_by(HistoryEvent.element))
    done: dict[str, datetime] = dict(session.execute(last).all())
    if instance.state in ENDED:
        return Where(done=done, stage=instance.stage)
    live = instances.load(session, instance)
    now: set[str] = set()
    stages: list[str] = []
    for wait in live.waits(list(live.tokens)):
        if wait.kind == "join":
            continue
        # from the step outwards: the nearest one around it that has a stage says it
        chain = [wait.element, *(live.tokens[number].task_spec.name for number in reversed(wait.path) if number in live.tokens)]
        now.update(element for element in chain if element in known)
        if wait.kind in ("task", "job") and wait.element in known:
            stages += [known[element].stage for element in chain if element in known and known[element].stage][:1]
    bad = frozenset(_open_incidents(session, instance))
    return Where(frozenset(now), done, bad, _latest(compiled.stages(instance.definition.key), stages) or instance.stage)


def stages_of(session: Session, actor: Actor) -> list[str]:
    """-> the stations at which matters that the actor sees stand now."""
    query = select(Instance.stage).where(access.sees_instance(actor), Instance.stage != "").distinct().order_by(Instance.stage)
    return list(session.scalars(query))


def step_line(session: Session, instance: Instance, at: Where | None = None) -> list[Station]:
    """-> the stations of the procedure's step line; empty if it has none."""
    compiled = definitions.compiled(session, instance.definition_id)
    labels = compiled.stages(instance.definition.key)
    if not labels:
        return []
    at = at or where(session, instance)
    known = places(compiled)
    reached: dict[str, datetime] = {}
    for element, when in at.done.items():
        stage = known[element].stage if element in known else ""
        if stage:
            reached[stage] = max(when, reached.get(stage, when))
    over = instance.state in ENDED
    here = labels.index(at.stage) if at.stage in labels else -1
    return [_station(label, number, here, over, reached) for number, label in enumerate(labels)]


def _station(label: str, number: int, here: int, over: bool, reached: Mapping[str, datetime]) -> Station:
    if number == here and not over:
        return Station(label, "now")
    if label in reached and (over or number < here):
        return Station(label, "done", rendering.short_day(reached[label]))
    return Station(label, "done" if number < here or (over and number == here) else "")


def _latest(order: Sequence[str], found: Iterable[str]) -> str:
    inside = [stage for stage in found if stage in order]
    return max(inside, key=order.index, default="")


def _open_incidents(session: Session, instance: Instance) -> list[str]:
    unresolved = select(Incident.element).where(Incident.instance_id == instance.id, Incident.resolved_at.is_(None))
    return list(session.scalars(unresolved))


# --- deadlines ------------------------------------------------------------------------------------------------------
def terms(session: Session, instance: Instance) -> list[Term]:
    """-> the deadlines of a matter, the earliest first: of open tasks, of postings, and of what happens by itself."""
    found = []
    for task in tasks.open_in(session, instance):
        due = rendering.due(task.due_at)
        if due is not None:
            who = task.assignee.name if task.assignee else roles_of(task)
            found.append(Term(due, title_of(session, task), who, counted(session, task)))
    for posting in postings(session, instance):
        due = rendering.due(posting.until)
        if due is not None and due.kind != "late":
            found.append(Term(due, posting.title, "", board.counting(posting)))
    known = places(definitions.compiled(session, instance.definition_id))
    told = {term.due.at for term in found}  # a timer that watches over one of these says nothing new
    for job in _timers(session, instance):
        due, name = rendering.due(job.due_at), _name(known, job.element)
        if due is not None and name and due.kind != "late" and due.at not in told:
            found.append(Term(due, name, "", ()))
    return sorted(found, key=lambda term: term.due.at)


def postings(session: Session, instance: Instance) -> list[Posting]:
    """-> the notices of a matter, in the order in which they were hung up."""
    return list(session.scalars(select(Posting).where(Posting.instance_id == instance.id).order_by(Posting.id)))


def counted(session: Session, task: Task) -> Sequence[Sentence]:
    """-> how the due time of a task was counted, where it is a number of working days."""
    place = tasks.place_of(session, task)
    if place.due is None:
        return ()
    try:
        value = feel.to_python(definitions.compiled(session, task.instance.definition_id).evaluator.evaluate(
            place.due, tasks.context_of(session, task)))
    except EngineError:
        return ()
    if not isinstance(value, int) or isinstance(value, bool):
        return ()
    return clock.working_days_after(task.created_at, value).sentences


def title_of(session: Session, task: Task) -> str:
    """-> the name of a task, with the number of the objection where it answers one: several may be open at once."""
    if task.kind != "answer":
        return task.name
    context = tasks.context_of(session, task)
    objection = context.get("objection")
    number = context.get("objection_number") or (objection.get("number") if isinstance(objection, Mapping) else None)
    return _("%(task)s (no. %(number)s)", task=task.name, number=number) if number else task.name


def roles_of(task: Task) -> str:
    """-> the roles before which a task is laid, in words."""
    return " / ".join(rendering.role(key) for key in (task.role or "").split()) or task.unit.name


def _timers(session: Session, instance: Instance) -> list[Job]:
    return list(session.scalars(select(Job).where(Job.instance_id == instance.id, Job.kind == "timer").order_by(Job.due_at)))


# --- what comes of it -----------------------------------------------------------------------------------------------
def outlook(session: Session, instance: Instance) -> Outlook:
    """-> what the matter waits for now, to compare with later."""
    return Outlook(
        frozenset(task.id for task in tasks.open_in(session, instance)),
        frozenset(job.id for job in _timers(session, instance)),
        frozenset(posting.id for posting in postings(session, instance)))


def announced(session: Session, before: Outlook, instance: Instance) -> list[str]:
    """-> in sentences, what has come since `before`."""
    known = places(definitions.compiled(session, instance.definition_id))
    told = []
    for posting in postings(session, instance):
        if posting.id not in before.postings:
            told.append(_("“%(title)s” hangs on the public board until %(until)s.", title=posting.title,
                          until=rendering.moment(posting.until, last=True)) if posting.until
                        else _("“%(title)s” hangs on the public board.", title=posting.title))
    for task in tasks.open_in(session, instance):
        if task.id not in before.tasks:
            who = task.assignee.name if task.assignee else roles_of(task)
            due = rendering.due(task.due_at)
            told.append(_("%(who)s: “%(task)s”, until %(until)s.", who=who, task=task.name, until=due.until) if due
                        else _("%(who)s: “%(task)s”.", who=who, task=task.name))
    for job in _timers(session, instance):
        if job.id not in before.timers and _name(known, job.element):
            told.append(_("At %(when)s by itself: %(what)s.", when=rendering.moment(job.due_at, last=True),
                          what=_name(known, job.element)))
    if instance.state in ENDED:
        told.append(_("The matter ends here."))
    return told


# --- what happened --------------------------------------------------------------------------------------------------
def told(session: Session, instance: Instance, *, limit: int | None = None, everything: bool = False) -> list[Told]:
    """-> the history in words, the latest first: what people did and what the procedure waited for; with `everything`
    every line there is."""
    compiled = definitions.compiled(session, instance.definition_id)
    known = places(compiled)
    query = select(HistoryEvent).where(HistoryEvent.instance_id == instance.id)
    if not everything:
        worth = [element for element, place in known.items() if _is_worth_telling(place)]
        query = query.where(or_(HistoryEvent.what.in_(list(_TOLD)),
                                and_(HistoryEvent.what == "completed", HistoryEvent.element.in_(worth))))
    lines = session.scalars(query.order_by(HistoryEvent.line.desc()).limit(limit))
    return [_told(line, compiled, known) for line in lines]


def sent_with(session: Session, task: Task) -> Mapping[str, Any]:
    """-> the values with which a task was completed."""
    for line in history.lines(session, task.instance_id, what=("completed",), newest_first=True):
        if line.token == task.token and line.element == task.element and line.data_json:
            found: Mapping[str, Any] = bpmn.decode(line.data_json)
            return found
    return {}


def _told(line: HistoryEvent, compiled: Compiled, known: Mapping[str, Place]) -> Told:
    place = known.get(line.element)
    data: Mapping[str, Any] = bpmn.decode(line.data_json) if line.data_json else {}
    is_step = line.what == "completed" and place is not None and _is_worth_telling(place)
    form = compiled.forms.get(place.form) if place is not None and is_step else None
    if line.what == "begun" and place is not None:
        form = _start_form(compiled, place.process)
    late = data.get("late_entry") or {}
    return Told(
        line, place.name if place is not None and line.what != "begun" else "",
        None if is_step else _TOLD.get(line.what) or _QUIET.get(line.what) or Sentence(line.what),
        rendering.role(line.role) if line.role else "", form.facts(data) if form is not None else (),
        str(late.get("reason") or data.get("reason") or data.get("sentence") or ""), line.took_place)


def _start_form(compiled: Compiled, process: str) -> Form | None:
    """-> the form with which people begin the process, if it asks for anything."""
    for event in compiled.definition.start_events(process):
        form = compiled.forms.get(compiled.places[process][event.name].form)
        if form is not None:
            return form
    return None


def _is_worth_telling(place: Place) -> bool:
    element = place.element
    return element.kind in STEPS or (element.kind in ("intermediateCatchEvent", "boundaryEvent", "endEvent") and bool(element.name))


def _name(known: Mapping[str, Place], element: str) -> str:
    place = known.get(element)
    return (place.element.name or "") if place is not None else ""


# --- lists ----------------------------------------------------------------------------------------------------------
def state_word(state: str) -> tuple[str, str]:
    """-> the kind of frame and the word for a matter's state."""
    return {
        InstanceState.RUNNING: ("now", _("in progress")),
        InstanceState.SUSPENDED: ("warn", _("suspended")),
        InstanceState.INCIDENT: ("bad", _("failure")),
        InstanceState.COMPLETED: ("done", _("closed")),
        InstanceState.TERMINATED: ("", _("terminated")),
        InstanceState.CANCELLED: ("", _("cancelled")),
    }[InstanceState(state)]


def unanswered(objections: Sequence[Objection]) -> int:
    return sum(objection.answered_at is None for objection in objections)
