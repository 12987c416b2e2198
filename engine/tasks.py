"""Human tasks: the inbox, claim, release, complete, drafts, and why a task is somebody's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import bindparam, delete, or_, select, update
from sqlalchemy.orm import Session, joinedload

from . import access, board, bpmn, clock, definitions, forms, history, instances, opinions, papers
from .access import Actor
from .database import Prepared
from .errors import Conflict, Forbidden, Invalid, Sentence, say
from .models import Draft, Instance, InstanceState, Person, Task, TaskState, table

_DROP_DRAFTS = Prepared(delete(table(Draft)).where(table(Draft).c.task_id == bindparam("task")))
OPEN = (TaskState.OPEN, TaskState.CLAIMED)


@dataclass(frozen=True)
class Group:
    """One heap of the inbox: `mine`, `claimable` or `done`."""

    key: str
    tasks: Sequence[Task]


def inbox(session: Session, actor: Actor, *, text: str = "", stage: str = "") -> list[Group]:
    """-> what is laid before the actor, the earliest due first: his own, and what he may claim. `text` is looked for in
    number and title of the matter, in the step, and in the name of whoever proposed it; `stage` is a station of the step
    line."""
    query = _listed(actor).where(Task.state.in_(OPEN), Instance.state.in_((InstanceState.RUNNING, InstanceState.INCIDENT)))
    found = session.scalars(_narrowed(query, text, stage).order_by(Task.due_at.is_(None), Task.due_at, Task.id)).unique().all()
    mine = [t for t in found if t.assignee_id == actor.person_id and t.assignee_id is not None]
    free = [t for t in found if t.assignee_id is None or t.assignee_id in actor.stands_in]
    return [Group("mine", mine), Group("claimable", free)]


def done(session: Session, actor: Actor, *, text: str = "", stage: str = "", limit: int = 50) -> list[Task]:
    """-> what the actor has completed, the latest first."""
    query = (select(Task).join(Instance, Task.instance_id == Instance.id)
             .where(Task.state == TaskState.COMPLETED, Task.ended_by == actor.person_id)
             .options(joinedload(Task.instance), joinedload(Task.unit)))
    return list(session.scalars(_narrowed(query, text, stage).order_by(Task.ended_at.desc()).limit(limit)).unique())


def open_in(session: Session, instance: Instance) -> list[Task]:
    """-> the open tasks of an instance, in the order in which they came."""
    return list(session.scalars(select(Task).where(Task.instance_id == instance.id, Task.state.in_(OPEN))
                                .options(joinedload(Task.assignee), joinedload(Task.unit)).order_by(Task.id)))


def claim(session: Session, task: Task, actor: Actor) -> None:
    """The task is the actor's until he completes or releases it. Forbidden; Conflict when somebody was faster."""
    _refuse_closed(session, task)
    if task.assignee_id == actor.person_id and task.assignee_id is not None:
        return
    if in_other_hands(task, actor):
        raise Conflict(_claimed_by(session, task))
    access.require_act(actor, task, task.kind)
    before, as_whom = task.assignee_id, _as_whom(actor, task)
    unchanged = (Task.id == task.id, Task.state.in_(OPEN), Task.assignee_id.is_not_distinct_from(before))
    changed = session.execute(update(Task).where(*unchanged)
                              .values(state=TaskState.CLAIMED, assignee_id=actor.person_id, claimed_at=clock.now())
                              .execution_options(synchronize_session=False))
    if changed.rowcount != 1:  # type: ignore[attr-defined]
        raise Conflict(say("Somebody was faster: “{task}” has just been claimed.", task=task.name))
    _record(session, task, as_whom, "claimed")
    session.refresh(task)


def in_other_hands(task: Task, actor: Actor) -> bool:
    """-> whether somebody else has claimed the task, or it is assigned to him; not if the actor stands in for him."""
    return task.assignee_id is not None and task.assignee_id != actor.person_id and task.assignee_id not in actor.stands_in


def release(session: Session, task: Task, actor: Actor) -> None:
    """The claimed task is everybody's of its group again; drafts stay. Forbidden unless it is the actor's."""
    _refuse_closed(session, task)
    if task.assignee_id != actor.person_id and not actor.is_system:
        raise Forbidden(say("“{task}” is not yours to give back.", task=task.name))
    task.assignee_id, task.state, task.claimed_at = None, TaskState.OPEN, None
    _record(session, task, actor, "released")


def complete(session: Session, task: Task, actor: Actor, typed: Mapping[str, Sequence[str]] | None = None, *,
             values: Mapping[str, Any] | None = None, took_place: date | None = None, reason: str = "") -> int:
    """The work is done: what was `typed` into the form (or typed `values`) is checked and written into the matter, which
    goes on to its next waits. All or nothing. -> the number of the instance.

    `took_place` and `reason` make it a late entry 补录: recorded now, told as of that day.
    Forbidden; Conflict when the task is closed or claimed by another; Invalid with a sentence for each field; Incident
    where the model fails afterwards.
    """
    _refuse_closed(session, task)
    access.require_act(actor, task, task.kind)
    if in_other_hands(task, actor) and not actor.is_system:
        raise Conflict(_claimed_by(session, task))
    late, task_id, instance_id = _late(took_place, reason), task.id, task.instance_id
    with instances.step(session, task.instance_id, _as_whom(actor, task), part=task.part) as at:
        place = at.compiled.place(task.process, task.element)
        form = at.compiled.forms.get(place.form)
        data = _checked(form, typed, values, at.live.names(task.token), task)
        held = actor.roles_over(task.unit)
        role = min(held & set(place.roles) or held, default="")
        filed = papers.file_with(session, task) if form is not None and form.takes_papers else []
        sealed = {"papers_filed": [{"name": p.name, "sha256": p.sha256} for p in filed]} if filed else {}
        at.note("completed", task.token, data=bpmn.encode({**data, **late, **sealed}), role=role, took_place=took_place)
        on_board = dict(at.live.names(task.token)) if place.kind in board.KINDS else {}
        at.live.complete(task.token, data)
    _DROP_DRAFTS.run(session, {"task": task_id})
    if place.kind in board.KINDS:
        board.follow(session, session.get_one(Instance, instance_id), place, {**on_board, **data}, actor)
    elif place.kind == opinions.KIND:
        opinions.follow(session, session.get_one(Instance, instance_id), data, actor)
    return instance_id


def form_of(session: Session, task: Task) -> forms.Form | None:
    """-> the form that the task's step asks for, or None if it asks nothing."""
    compiled = definitions.compiled(session, task.instance.definition_id)
    return compiled.forms.get(place_of(session, task).form)


def place_of(session: Session, task: Task) -> definitions.Place:
    """-> what the deployed model says of the task's step."""
    return definitions.compiled(session, task.instance.definition_id).place(task.process, task.element)


def context_of(session: Session, task: Task) -> dict[str, Any]:
    """-> the variables which the task sees, nearest scope first; of a closed task, those of the matter. A step that works
    with opinions sees what the ledger has counted."""
    if task.state not in OPEN:
        return instances.variables(session, task.instance)
    live = instances.load(session, task.instance)
    if task.part is not None:
        live.fetch(task.part)
    names = dict(live.names(task.token))
    return {**names, **opinions.known(session, task.instance)} if task.kind == opinions.KIND else names


def save_draft(session: Session, task: Task, actor: Actor, typed: Mapping[str, Sequence[str]]) -> datetime:
    """Keeps what was typed, as typed, for this person. -> when. Conflict when the task is closed."""
    _refuse_closed(session, task)
    access.require_act(actor, task, task.kind)
    keep_draft(session, task.id, actor, typed)
    return clock.now()


def keep_draft(session: Session, task_id: int, actor: Actor, typed: Mapping[str, Sequence[str]]) -> None:
    """As `save_draft`, without asking whether the task can still be done: nothing that was typed is lost."""
    if actor.person_id is None:
        return
    text = bpmn.encode({name: list(strings) for name, strings in typed.items()})
    found = session.get(Draft, (task_id, actor.person_id))
    if found is None:
        session.add(Draft(task_id=task_id, person_id=actor.person_id, typed_json=text, saved_at=clock.now()))
    else:
        found.typed_json, found.saved_at = text, clock.now()
    session.flush()


def draft_of(session: Session, task: Task, actor: Actor) -> tuple[dict[str, list[str]], datetime] | None:
    """-> what this person had typed, and when it was kept."""
    found = session.get(Draft, (task.id, actor.person_id)) if actor.person_id is not None else None
    return (bpmn.decode(found.typed_json), found.saved_at) if found is not None else None


def why_me(session: Session, task: Task, actor: Actor) -> Sentence:
    """-> why this task is laid before the actor."""
    held = sorted(actor.roles_over(task.unit) & set((task.role or "").split()))
    roles = access.ROLES[held[0]].sentence if held and held[0] in access.ROLES else say("a member of {unit}", unit=task.unit.name)
    if task.assignee_id is not None and task.assignee_id == actor.person_id and task.claimed_at is not None:
        return say("You are {role}, and it is yours since {day}.", role=roles,
                   day=f"{task.claimed_at.astimezone(clock.ZONE):%Y-%m-%d %H:%M}")
    if task.assignee_id is not None and task.assignee_id in actor.stands_in:
        return say("{person} has it and is away; you stand in. Claim it, and the record will name you both.",
                   person=actor.stands_in[task.assignee_id])
    others = len(access.candidates(session, task))
    return say("Every {role} may claim it ({count} people). Whoever claims it does it and may give it back.",
               role=roles, count=others)


def who_ended(session: Session, task: Task) -> Sentence:
    """-> who completed a closed task and when."""
    when = f"{task.ended_at.astimezone(clock.ZONE):%Y-%m-%d %H:%M}" if task.ended_at else ""
    if task.state == TaskState.CANCELLED:
        return say("“{task}” is no longer needed: the matter went another way at {when}.", task=task.name, when=when)
    person = _name(session, task.ended_by) if task.ended_by is not None else "—"
    return say("{person} completed “{task}” at {when}. What you sent was not used; the matter has not been changed twice.",
               person=person, task=task.name, when=when)


def _checked(form: forms.Form | None, typed: Mapping[str, Sequence[str]] | None, values: Mapping[str, Any] | None,
             names: Mapping[str, Any], task: Task) -> dict[str, Any]:
    if form is None:
        if typed:
            raise Invalid(say("“{task}” asks for nothing, but something was sent.", task=task.name),
                          {name: say("This field is not part of the form.") for name in typed})
        return dict(values or {})
    if values is not None:
        return dict(form.check_values(values, names))
    return dict(form.check(typed or {}, names))


def _late(took_place: date | None, reason: str) -> dict[str, Any]:
    """A late entry says of itself what it is. Invalid without a reason, or for a day that is not past."""
    if took_place is None:
        return {}
    problems = {}
    if took_place > clock.today():
        problems["took_place"] = say("This day has not come yet.")
    if not reason.strip():
        problems["late_reason"] = say("A late entry needs its reason.")
    if problems:
        raise Invalid(say("The late entry is not complete."), problems)
    return {"late_entry": {"took_place": took_place, "reason": reason.strip()}}


def _claimed_by(session: Session, task: Task) -> Sentence:
    person = _name(session, task.assignee_id) if task.assignee_id is not None else "—"
    return say("{person} has claimed “{task}” already. Whoever has it can give it back.", person=person, task=task.name)


def _as_whom(actor: Actor, task: Task) -> Actor:
    """The actor under the name that the record shall bear: a substitute 代 with both names."""
    absent = actor.for_whom(task)
    return replace(actor, name=f"{actor.name} 代 {absent}") if absent is not None else actor


def _refuse_closed(session: Session, task: Task) -> None:
    if task.state not in OPEN:
        raise Conflict(who_ended(session, task), where={"task": task.id})


def _record(session: Session, task: Task, actor: Actor, what: str) -> None:
    instances.record(session, task.instance_id,
                     [history.Line(what, task.element, task.token, "", actor.person_id, actor.name)])


def _name(session: Session, person_id: int) -> str:
    return session.scalar(select(Person.name).where(Person.id == person_id)) or "—"


def _listed(actor: Actor) -> Any:
    return (select(Task).join(Instance, Task.instance_id == Instance.id).where(access.is_asked(actor))
            .options(joinedload(Task.instance), joinedload(Task.unit)))


def _narrowed(query: Any, text: str, stage: str) -> Any:
    for word in text.split():
        like = f"%{word}%"
        starter = select(Person.id).where(Person.name.like(like))
        query = query.where(or_(Instance.number.like(like), Instance.title.like(like), Task.name.like(like),
                                Instance.started_by.in_(starter)))
    return query.where(Task.stage == stage) if stage else query
