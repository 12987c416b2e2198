"""Process instances: start, step, suspend, resume, cancel, modify. The only writer of an instance's state.

Every verb that moves an instance is the same three lines around its own act:

    with instances.step(session, instance_id, actor) as step:
        step.live.complete(task, values)

A step loads the live tokens, lets the caller act, and stores what has changed: the instance's row, the rows of human tasks,
jobs and subscriptions that follow from it, and the lines of history. The number of statements does not depend on how long
the instance has been running. Nothing here commits.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, delete, insert, or_, select, update
from sqlalchemy.orm import Session

from . import bpmn, clock, definitions, feel, history
from .access import Actor
from .database import Prepared
from .errors import Conflict, EngineError, Incident, NotFound, say
from .models import (
    ENDED,
    Account,
    Counter,
    Instance,
    InstancePart,
    InstanceState,
    Job,
    ProcessDefinition,
    Subscription,
    Task,
    TaskState,
    Unit,
    table,
)

_INSTANCE, _DEFINITION, _PART = table(Instance), table(ProcessDefinition), table(InstancePart)
_TASK, _JOB, _SUBSCRIPTION = table(Task), table(Job), table(Subscription)

_ROW = (
    select(_INSTANCE.c.id, _INSTANCE.c.definition_id, _INSTANCE.c.unit_id, _INSTANCE.c.number, _INSTANCE.c.title,
           _INSTANCE.c.state, _INSTANCE.c.version, _INSTANCE.c.live, _INSTANCE.c.stage, _INSTANCE.c.history_length,
           _INSTANCE.c.history_hash, _DEFINITION.c.key)
    .select_from(_INSTANCE.join(_DEFINITION, _INSTANCE.c.definition_id == _DEFINITION.c.id))
)

_LOCKED_ROW = Prepared(_ROW.where(_INSTANCE.c.id == bindparam("instance")).with_for_update(of=_INSTANCE))
_STORE = Prepared(
    update(_INSTANCE).where(_INSTANCE.c.id == bindparam("instance"), _INSTANCE.c.version == bindparam("before"))
    .values({name: bindparam(f"new_{name}") for name in
             ("live", "version", "history_length", "history_hash", "stage", "state", "ended_at", "result_json")}))
_OF_TOKEN = (_TASK.c.instance_id == bindparam("instance"), _TASK.c.token == bindparam("of_token"),
             or_(_TASK.c.state == TaskState.OPEN, _TASK.c.state == TaskState.CLAIMED))
_COMPLETE_TASK = Prepared(update(_TASK).where(*_OF_TOKEN).values(
    state=TaskState.COMPLETED, ended_at=bindparam("now"), ended_by=bindparam("by")))
_CANCEL_TASK = Prepared(update(_TASK).where(*_OF_TOKEN).values(state=TaskState.CANCELLED, ended_at=bindparam("now")))
_DROP_JOBS, _DROP_SUBSCRIPTIONS = (
    Prepared(delete(one).where(one.c.instance_id == bindparam("instance"), one.c.token == bindparam("of_token")))
    for one in (_JOB, _SUBSCRIPTION))
_ADD_TASK, _ADD_JOB, _ADD_SUBSCRIPTION = (
    Prepared(insert(one).values({c.name: bindparam(c.name) for c in one.columns if c.name != "id"}))
    for one in (_TASK, _JOB, _SUBSCRIPTION))

MATTER, PARAMETERS = "matter", "parameters"


@dataclass
class Step:
    """What a verb acts on. `notes` are told by the verb: {(what of the event, token): who did it and with what}."""

    session: Session
    row: Any
    compiled: definitions.Compiled
    live: bpmn.Live
    actor: Actor
    before: dict[int, list[bpmn.Wait]]
    notes: dict[tuple[str, int | None], history.Line] = field(default_factory=dict)
    own_lines: list[history.Line] = field(default_factory=list)
    state: str | None = None

    def note(self, what: str, token: int, *, data: str = "", role: str = "", took_place: date | None = None) -> None:
        """The history event `what` of this token is told as the actor's, with `data`."""
        self.notes[what, token] = history.Line(what, "", token, data, self.actor.person_id, self.actor.name, role, took_place)

    def tell(self, what: str, *, element: str = "", token: int | None = None, data: str = "") -> None:
        """A line of history of its own: something that no token did."""
        self.own_lines.append(history.Line(what, element, token, data, self.actor.person_id, self.actor.name))


def start(session: Session, definition: ProcessDefinition, actor: Actor, variables: Mapping[str, Any] | None = None, *,
          unit: Unit, title: str = "", start_event: str | None = None) -> Instance:
    """Starts an instance in `unit` and runs it to its first waits.

    Its variables are `variables`, and `matter` (number, title, unit, unit_code, started_on) and `parameters` (the pack's
    numbers in force today: a matter keeps the numbers under which it began).
    Conflict where the start event must be named; Incident where the model fails.
    """
    compiled = definitions.compiled(session, definition.id)
    now = clock.now()
    process = compiled.process(definition.key)
    number = _number(session, process, unit, now)
    title = title or str((variables or {}).get("title") or definition.name)
    known = {
        MATTER: {"number": number, "title": title, "unit": unit.name, "unit_code": unit.code, "started_on": clock.today()},
        PARAMETERS: compiled.pack.parameters.context(clock.today()),
    }
    live = compiled.definition.start(definition.key, {**known, **(variables or {})}, start_event)
    instance = Instance(definition_id=definition.id, unit_id=unit.id, number=number, title=title[:200],
                        state=InstanceState.RUNNING, started_at=now, started_by=actor.person_id)
    session.add(instance)
    session.flush()
    row = session.execute(_ROW.where(_INSTANCE.c.id == instance.id)).one()
    step_ = Step(session, row, compiled, live, actor, {})
    step_.own_lines.append(history.Line("begun", definition.key, None, bpmn.encode(dict(variables or {})), actor.person_id,
                                        actor.name))
    _store(step_)
    session.refresh(instance)
    return instance


@contextmanager
def step(session: Session, instance_id: int, actor: Actor, *, part: int | None = None,
         while_suspended: bool = False) -> Iterator[Step]:
    """Loads the instance for one act and stores what came of it, unless the block raises.

    `part` is the instance of a parallel multi-instance activity in which the act takes place. NotFound; Conflict when the
    instance has ended, is suspended (unless `while_suspended`), or has been changed by somebody else meanwhile.
    """
    session.flush()
    row = _LOCKED_ROW.run(session, {"instance": instance_id}).one_or_none()
    if row is None:
        raise NotFound(say("There is no such matter."))
    refuse_ended(row.state)
    if row.state == InstanceState.SUSPENDED and not while_suspended:
        raise Conflict(say("This matter is suspended: nothing can be done in it until it is resumed."))
    compiled = definitions.compiled(session, row.definition_id)
    live = compiled.definition.load(row.live, apart=Parts(session, instance_id))
    if part is not None:
        live.fetch(part)
    before = {token: live.waits([token]) for token in list(live.tokens)}
    live.events.clear()
    made = Step(session, row, compiled, live, actor, before)
    yield made
    _store(made)


def refuse_ended(state: str) -> None:
    """Conflict if `state` is an end."""
    if state in ENDED:
        raise Conflict(say("This matter has ended: nothing more can be done in it."))


def cancel(session: Session, instance: Instance, actor: Actor, reason: str) -> None:
    """Ends the instance as cancelled, with all that is open in it. Conflict if it has ended."""
    with step(session, instance.id, actor, while_suspended=True) as at:
        at.tell("instance_cancelled", data=bpmn.encode({"reason": reason}))
        at.live.cancel()


def suspend(session: Session, instance: Instance, actor: Actor, reason: str) -> None:
    """Nothing can be done in it and no timer fires until it is resumed. Conflict if it has ended or is suspended."""
    with step(session, instance.id, actor) as at:
        at.tell("suspended", data=bpmn.encode({"reason": reason}))
        at.state = InstanceState.SUSPENDED


def resume(session: Session, instance: Instance, actor: Actor, reason: str = "") -> None:
    """Goes on. Timers that came due meanwhile fire now. Conflict unless it is suspended."""
    with step(session, instance.id, actor, while_suspended=True) as at:
        if at.row.state != InstanceState.SUSPENDED:
            raise Conflict(say("This matter is not suspended."))
        at.tell("resumed", data=bpmn.encode({"reason": reason}))
        at.state = InstanceState.RUNNING


def modify(session: Session, instance: Instance, actor: Actor, *, cancel: Sequence[int] = (),
           start: Sequence[tuple[str, int | None]] = (), reason: str = "") -> None:
    """Takes tokens away (by number) and puts new ones before elements (id, number of the scope's token or None for the
    process): so work is sent back or moved on. Conflict where a token is gone or the scope has no such element."""
    with step(session, instance.id, actor) as at:
        at.tell("modified", data=bpmn.encode({"cancel": list(cancel), "start": [e for e, _ in start], "reason": reason}))
        at.live.modify(cancel=cancel, start=start)


def set_variables(session: Session, instance: Instance, actor: Actor, values: Mapping[str, Any]) -> None:
    """Changes variables from outside; conditional events look again."""
    with step(session, instance.id, actor) as at:
        at.tell("changed", data=bpmn.encode(dict(values)))
        at.live.set_data(dict(values))


def activate(session: Session, instance: Instance, actor: Actor, token: int, element: str) -> None:
    """A person picks an activity of an ad-hoc sub-process."""
    with step(session, instance.id, actor) as at:
        at.tell("activated", element=element)
        at.live.activate(token, element)


def variables(session: Session, instance: Instance) -> dict[str, Any]:
    """-> the variables of the process, now or at its end."""
    if instance.result_json is not None:
        return dict(bpmn.decode(instance.result_json))
    return dict(load(session, instance).variables)


def load(session: Session, instance: Instance) -> bpmn.Live:
    """-> the live tokens, to look at; what is done to them is not stored."""
    compiled = definitions.compiled(session, instance.definition_id)
    return compiled.definition.load(instance.live, apart=Parts(session, instance.id))


def record(session: Session, instance_id: int, lines: Iterable[history.Line]) -> None:
    """Adds lines to an instance's history without moving it."""
    session.flush()
    row = session.execute(select(_INSTANCE.c.history_length, _INSTANCE.c.history_hash).where(_INSTANCE.c.id == instance_id)
                          .with_for_update()).one()
    head = history.append(session, instance_id, history.Head(row.history_length, row.history_hash), lines)
    session.execute(update(_INSTANCE).where(_INSTANCE.c.id == instance_id)
                    .values(history_length=head.length, history_hash=head.hash))
    session.expire_all()


class Parts(Mapping[int, str]):
    """The open instances of parallel multi-instance activities, read from their rows only when an act needs them."""

    def __init__(self, session: Session, instance_id: int) -> None:
        self._session, self._instance_id, self._found = session, instance_id, {}  # type: ignore[var-annotated]
        self._all = False

    def __getitem__(self, key: int) -> str:
        if key not in self._found and not self._all:
            self._found[key] = self._session.scalar(
                select(_PART.c.text).where(_PART.c.instance_id == self._instance_id, _PART.c.key == str(key)))
        text = self._found.get(key)
        if text is None:
            raise KeyError(key)
        return text  # type: ignore[no-any-return]

    def __iter__(self) -> Iterator[int]:
        if not self._all:
            rows = self._session.execute(select(_PART.c.key, _PART.c.text).where(_PART.c.instance_id == self._instance_id))
            self._found = {int(key): text for key, text in rows}
            self._all = True
        return iter(sorted(k for k, text in self._found.items() if text is not None))

    def __len__(self) -> int:
        return sum(1 for _ in self)


# --- storing a step -------------------------------------------------------------------------------------------------
def _store(at: Step) -> None:
    live, row, session = at.live, at.row, at.session
    events, live.events = list(live.events), []
    outbox, live.outbox = list(live.outbox), []
    gone, fresh, changed = _touched(at, events)
    waits = live.waits(fresh)
    rearmed = [w for w in live.waits(changed) if w.kind != "task"]
    text, parts = live.dump_apart()
    head = history.append(session, row.id, history.Head(row.history_length, row.history_hash), _lines(at, events))
    ended = live.state in ENDED
    done = _STORE.run(session, {
        "instance": row.id, "before": row.version, "new_version": row.version + 1, "new_live": "" if ended else text,
        "new_history_length": head.length, "new_history_hash": head.hash, "new_stage": _stage(at, waits),
        "new_state": live.state if ended else at.state or row.state, "new_ended_at": clock.now() if ended else None,
        "new_result_json": bpmn.encode(dict(live.variables)) if ended else None})
    if done.rowcount != 1:
        raise Conflict(say("Somebody else has just changed this matter. Look at it again."))
    _store_parts(session, row.id, parts)
    _rows_go(at, events, gone, changed)
    _rows_come(at, waits, rearmed)
    _owe(at, outbox)
    session.expire_all()


def _touched(at: Step, events: Sequence[bpmn.Event]) -> tuple[list[int], list[int], list[int]]:
    """-> tokens that are gone, that are new, and those of before that wait for something else now."""
    tokens = at.live.tokens
    seen = {e.task for e in events if e.task is not None}
    new = {e.task for e in events if e.what == "started" and e.task is not None}
    gone = sorted(t for t in (seen | at.before.keys()) if t not in tokens and t not in new)
    fresh = sorted(t for t in new if t in tokens)
    changed = [t for t, waits in at.before.items()
               if t in tokens and t not in new and _key(at.live.waits([t])) != _key(waits)]
    return gone, fresh, changed


def _key(waits: Iterable[bpmn.Wait]) -> list[tuple[Any, ...]]:
    return [(w.kind, w.element, w.event, w.name, w.due) for w in waits if w.kind != "join"]


def _lines(at: Step, events: Sequence[bpmn.Event]) -> Iterator[history.Line]:
    yield from at.own_lines
    notes = dict(at.notes)
    here = {e.task: e.element for e in events}
    for event in events:
        note = notes.pop((event.what, event.task), None)
        if note is None:
            what = "body_completed" if event.what == "completed" and _is_body(at, event, here) else event.what
            yield history.Line(what, event.element, event.task)
        else:
            yield note._replace(element=event.element)
    for note in notes.values():
        yield note


def _is_body(at: Step, event: bpmn.Event, here: Mapping[int | None, str]) -> bool:
    """Whether the token held the runs of a loop or multi-instance activity, and was none of them itself."""
    if not any(event.element in places and places[event.element].element.loop for places in at.compiled.places.values()):
        return False
    parent = at.live.tokens.get(event.parent) if event.parent is not None else None
    above = parent.task_spec.name if parent is not None else here.get(event.parent)
    return bool(above != event.element)


def _stage(at: Step, waits: Iterable[bpmn.Wait]) -> str:
    stages = [_stage_of(at, w) for w in waits if w.kind in ("task", "job", "timer", "message")]
    return next((s for s in reversed(stages) if s), at.row.stage)


def _stage_of(at: Step, wait: bpmn.Wait) -> str:
    """The stage of the step, or of the nearest one around it: a part that several stages call has none of its own."""
    own = at.compiled.places[wait.process or at.row.key].get(wait.element)
    around = [at.live.tokens[token].task_spec for token in reversed(wait.path[:-1])]
    places = (own, *(at.compiled.places.get(spec.process, {}).get(spec.name) for spec in around))
    return next((place.stage for place in places if place is not None and place.stage), "")


def _store_parts(session: Session, instance_id: int, parts: Mapping[int, str | None]) -> None:
    if not parts:
        return
    session.execute(delete(_PART).where(_PART.c.instance_id == instance_id, _PART.c.key.in_([str(k) for k in parts])))
    rows = [{"instance_id": instance_id, "key": str(k), "text": text} for k, text in parts.items() if text is not None]
    if rows:
        session.execute(insert(_PART), rows)


def _rows_go(at: Step, events: Sequence[bpmn.Event], gone: list[int], changed: list[int]) -> None:
    where = {"instance": at.row.id, "now": clock.now(), "by": at.actor.person_id}
    cancelled = {e.task for e in events if e.what == "cancelled"}
    finished = [t for t in gone if t not in cancelled]
    if finished:
        _COMPLETE_TASK.run(at.session, [{**where, "of_token": token} for token in finished])
    stopped = [t for t in gone if t in cancelled]
    if stopped:
        _CANCEL_TASK.run(at.session, [{**where, "of_token": token} for token in stopped])
    quiet = {t for t, waits in at.before.items() if all(w.kind in ("task", "join") for w in waits)}
    over = [t for t in (*gone, *changed) if t not in quiet and t in at.before]
    if over:
        _DROP_JOBS.run(at.session, [{**where, "of_token": token} for token in over])
        _DROP_SUBSCRIPTIONS.run(at.session, [{**where, "of_token": token} for token in over])


def _rows_come(at: Step, waits: Sequence[bpmn.Wait], rearmed: Sequence[bpmn.Wait]) -> None:
    tasks = [_task_row(at, w) for w in waits if w.kind == "task"]
    if tasks:
        _ADD_TASK.run(at.session, tasks)
    jobs = [_job_row(at, w) for w in (*waits, *rearmed) if w.kind in ("timer", "job")]
    if jobs:
        _ADD_JOB.run(at.session, jobs)
    subscriptions = [_subscription_row(at, w) for w in (*waits, *rearmed) if w.kind in ("message", "signal")]
    if subscriptions:
        _ADD_SUBSCRIPTION.run(at.session, subscriptions)


def _task_row(at: Step, wait: bpmn.Wait) -> dict[str, Any]:
    place = at.compiled.places[wait.process or at.row.key][wait.element]
    names = at.live.names(wait.task)
    assignee = _assignee(at, place, names)
    now = clock.now()
    return {
        "instance_id": at.row.id, "unit_id": at.row.unit_id, "token": wait.task, "part": at.live.part_of(wait.task),
        "element": wait.element, "process": place.process, "name": place.name[:200], "stage": _stage_of(at, wait) or at.row.stage,
        "kind": place.kind, "role": " ".join(place.roles) or None, "assignee_id": assignee,
        "state": TaskState.CLAIMED if assignee else TaskState.OPEN,
        "priority": _priority(at, place, names), "due_at": _due(at, place, names), "created_at": now,
        "claimed_at": now if assignee else None,
    }


def _job_row(at: Step, wait: bpmn.Wait) -> dict[str, Any]:
    place = at.compiled.places[wait.process or at.row.key][wait.element]
    timer = wait.kind == "timer"
    due = datetime.fromisoformat(str(wait.due)) if timer else clock.now()
    return {
        "kind": "timer" if timer else "service", "instance_id": at.row.id, "definition_id": None, "unit_id": at.row.unit_id,
        "token": wait.task, "part": at.live.part_of(wait.task), "event": wait.event, "element": wait.element,
        "topic": "" if timer else place.topic, "payload_json": "{}", "due_at": due, "state": "owed", "attempts": 0,
        "key": f"{at.row.id}/{at.row.version + 1}/{wait.task}/{wait.element}/{wait.event}",
    }


def _subscription_row(at: Step, wait: bpmn.Wait) -> dict[str, Any]:
    return {
        "kind": wait.kind, "name": str(wait.name)[:200], "instance_id": at.row.id, "definition_id": None,
        "unit_id": at.row.unit_id, "token": wait.task, "part": at.live.part_of(wait.task), "event": wait.event,
        "element": wait.element, "correlation_json": bpmn.encode(wait.correlation or {}),
    }


def _owe(at: Step, outbox: Sequence[Any]) -> None:
    """What the instance has thrown reaches others in transactions of their own, once: it is a job."""
    rows = []
    for number, thrown in enumerate(outbox):
        kind, name, element, values, *more = thrown
        payload = {"name": name, "values": {k: v for k, v in values.items() if k not in (MATTER, PARAMETERS)},
                   "correlation": (more[0] if more else None) or {}, "from": at.row.id}
        rows.append({
            "kind": kind, "instance_id": None, "definition_id": None, "unit_id": at.row.unit_id, "token": None, "part": None,
            "event": 0, "element": element, "topic": str(name)[:120], "payload_json": bpmn.encode(payload), "due_at": clock.now(),
            "state": "owed", "attempts": 0, "key": f"{at.row.id}/{at.row.version + 1}/{kind}/{number}",
        })
    if rows:
        at.session.execute(insert(_JOB), rows)


# --- what the model says of a task ----------------------------------------------------------------------------------
def _due(at: Step, place: definitions.Place, names: Mapping[str, Any]) -> datetime | None:
    if place.due is None:
        return None
    return _due_moment(_evaluate(at, place.due, names, place), place, at.compiled.pack.parameters.calendar)


def _due_moment(value: Any, place: definitions.Place, calendar: clock.Calendar) -> datetime | None:
    """-> when work is due: a date means the end of that day, a duration is added to now, a number means working days.
    Incident if the value is none of these."""
    value = feel.to_python(value)
    if value is None or isinstance(value, datetime):
        return value.replace(tzinfo=clock.ZONE) if value is not None and value.tzinfo is None else value
    if isinstance(value, date):
        return datetime.combine(value + timedelta(days=1), datetime.min.time(), clock.ZONE)
    if isinstance(value, timedelta):
        return clock.now() + value
    if isinstance(value, int):
        return clock.working_days_after(clock.today(), value, calendar).ends_at
    raise Incident(say("“{step}” is due by “{expression}”, which gives {value}: a date, a duration or a number of working "
                       "days is needed.", step=place.name, expression=place.due, value=value), place.element.id)


def _assignee(at: Step, place: definitions.Place, names: Mapping[str, Any]) -> int | None:
    if place.assignee is None:
        return None
    value = _evaluate(at, place.assignee, names, place) if place.assignee.startswith(("=", "${", "#{")) else place.assignee
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if value is None:
        return None
    return at.session.scalar(select(Account.person_id).where(Account.login == str(value)))


def _priority(at: Step, place: definitions.Place, names: Mapping[str, Any]) -> int:
    if place.priority is None:
        return 0
    value = place.priority if place.priority.isdigit() else _evaluate(at, place.priority, names, place)
    try:
        return int(value)
    except (TypeError, ValueError):
        raise Incident(say("The priority of “{step}” is no number: {value}.", step=place.name, value=value),
                       place.element.id) from None


def _evaluate(at: Step, text: str, names: Mapping[str, Any], place: definitions.Place) -> Any:
    try:
        return at.compiled.evaluator.evaluate(text, names)
    except EngineError as error:
        raise Incident(error.sentence, place.element.id) from error


def _number(session: Session, process: bpmn.Element, unit: Unit, now: datetime) -> str | None:
    """-> the matter's number in its unit, such as 议〔2026〕004号, or None if the process numbers nothing."""
    prefix = str(process.extensions.get("numbering") or "")
    if not prefix:
        return None
    year = now.astimezone(clock.ZONE).year
    value = next_number(session, unit.id, prefix, year)
    return f"{prefix}〔{year}〕{value:03d}号"


def next_number(session: Session, unit_id: int, kind: str, year: int) -> int:
    """-> the next number of this kind in the unit and year; numbers of transactions that fail are not used up."""
    found = session.get(Counter, (unit_id, kind, year), with_for_update=True)
    if found is None:
        found = Counter(unit_id=unit_id, kind=kind, year=year, value=0)
        session.add(found)
    found.value += 1
    session.flush()
    return found.value

