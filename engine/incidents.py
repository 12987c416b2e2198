"""Incidents: recorded failures of a model or of the world, which wait for a person. Nothing is lost meanwhile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from . import access, board, bpmn, clock, errors, history, instances, jobs, tasks
from .access import Actor, Permission
from .errors import Conflict, NotFound, Sentence, say
from .models import Account, Incident, Instance, InstanceState, Job, Person, Posting, ProcessDefinition, Task, Unit


def record(session: Session, error: errors.Incident, act: Mapping[str, Any], actor: Actor, *, instance_id: int | None = None,
           unit_id: int, definition_id: int | None = None, task_id: int | None = None, job_id: int | None = None) -> Incident:
    """Records what failed and what was tried, in a transaction of its own after the failed one has been rolled back.

    `act` is what `retry` does again: {"verb": "complete", "typed" | "values": …} for a task, {"verb": "job"},
    {"verb": "start", "variables": …, "title": …}, {"verb": "object", "posting": …, "text": …} for an objection. What a person typed becomes a draft.
    """
    found = Incident(
        instance_id=instance_id, unit_id=unit_id, definition_id=definition_id, task_id=task_id, job_id=job_id,
        element=error.element or "", code=error.code, template=error.sentence.template,
        values_json=bpmn.encode({k: str(v) for k, v in error.sentence.values.items()}), act_json=bpmn.encode(dict(act)),
        person_id=actor.person_id, at=clock.now())
    session.add(found)
    if task_id is not None and act.get("typed"):
        tasks.keep_draft(session, task_id, actor, act["typed"])
    if job_id is not None:
        jobs.fail(session, job_id)
    session.flush()
    if instance_id is not None:
        instance = session.get_one(Instance, instance_id)
        if instance.state == InstanceState.RUNNING:
            instance.state = InstanceState.INCIDENT
        instances.record(session, instance_id, [history.Line(
            "incident", error.element or "", None, bpmn.encode({"incident": found.id, "sentence": str(error.sentence)}),
            actor.person_id, actor.name)])
    return found


def retry(session: Session, incident: Incident, actor: Actor, *, values: Mapping[str, Any] | None = None,
          typed: Mapping[str, Sequence[str]] | None = None) -> None:
    """Does what had failed once more, after `values` have been written into the matter; `typed` replaces what was sent.

    Forbidden; Conflict when it is resolved already or what it was about is gone; Incident if it fails again: the caller
    rolls back, and this incident stays open.
    """
    _refuse_resolved(session, incident, actor)
    act = bpmn.decode(incident.act_json)
    if values and incident.instance_id is not None:
        instances.set_variables(session, session.get_one(Instance, incident.instance_id), actor, values)
    _VERBS[act["verb"]](session, incident, act, typed)
    _resolve(session, incident, actor, "retried")


def dismiss(session: Session, incident: Incident, actor: Actor) -> None:
    """It needs nothing more: what had been tried stays undone. Forbidden; Conflict when it is resolved already."""
    _refuse_resolved(session, incident, actor)
    _resolve(session, incident, actor, "dismissed")


def open_incidents(session: Session, actor: Actor) -> list[Incident]:
    """-> the open incidents of the units whose incidents the actor may see, the oldest first."""
    return list(session.scalars(
        select(Incident).where(Incident.resolved_at.is_(None), access.sees_unit(actor, Incident.unit_id, Permission.SEE_OPERATIONS))
        .options(joinedload(Incident.instance)).order_by(Incident.id)))


def get(session: Session, actor: Actor, incident_id: int) -> Incident:
    """-> the incident. NotFound unless the actor may see it: as an administrator, or because it happened to him."""
    seen = access.sees_unit(actor, Incident.unit_id, Permission.SEE_OPERATIONS)
    found = session.scalar(select(Incident).where(Incident.id == incident_id, seen | (Incident.person_id == actor.person_id))
                           .options(joinedload(Incident.instance)))
    if found is None:
        raise NotFound(say("There is no incident {id} that you may see.", id=incident_id))
    return found


def sentence_of(incident: Incident) -> Sentence:
    """-> what happened, to be said in any language."""
    return Sentence(incident.template, bpmn.decode(incident.values_json))


def of_instance(session: Session, instance_id: int) -> list[Incident]:
    """-> the open incidents of one instance."""
    return list(session.scalars(select(Incident).where(Incident.instance_id == instance_id, Incident.resolved_at.is_(None))
                                .order_by(Incident.id)))


def _refuse_resolved(session: Session, incident: Incident, actor: Actor) -> None:
    access.require(actor, Permission.RESOLVE_INCIDENT, session.get_one(Unit, incident.unit_id))
    if incident.resolved_at is not None:
        raise Conflict(say("Incident {id} has been resolved already.", id=incident.id))


def _resolve(session: Session, incident: Incident, actor: Actor, how: str) -> None:
    incident.resolved_at, incident.resolved_by, incident.resolution = clock.now(), actor.person_id, how
    session.flush()
    if incident.instance_id is None:
        return
    left = session.scalar(select(func.count()).select_from(Incident)
                          .where(Incident.instance_id == incident.instance_id, Incident.resolved_at.is_(None)))
    instance = session.get_one(Instance, incident.instance_id)
    if not left and instance.state == InstanceState.INCIDENT:
        instance.state = InstanceState.RUNNING
    instances.record(session, instance.id, [history.Line(
        "incident_resolved", incident.element, None, bpmn.encode({"incident": incident.id, "how": how}),
        actor.person_id, actor.name)])


def _whoever(session: Session, person_id: int | None) -> Actor:
    """-> the one in whose name the act was tried."""
    if person_id is None:
        return Actor.system()
    account = session.scalar(select(Account).where(Account.person_id == person_id).options(joinedload(Account.person)))
    if account is not None:
        return access.actor_of(session, account)
    return Actor(person_id, session.get_one(Person, person_id).name)


def _complete(session: Session, incident: Incident, act: Mapping[str, Any], typed: Mapping[str, Sequence[str]] | None) -> None:
    task = session.get_one(Task, incident.task_id)
    by = _whoever(session, incident.person_id)
    if typed is not None or act.get("typed") is not None:
        tasks.complete(session, task, by, typed if typed is not None else act["typed"])
    else:
        tasks.complete(session, task, by, values=act.get("values") or {})


def _job(session: Session, incident: Incident, act: Mapping[str, Any], typed: Any) -> None:
    assert incident.job_id is not None  # recorded with it
    if session.get(Job, incident.job_id) is None:
        raise Conflict(say("What was to be tried again is no longer owed."))
    jobs.owe_again(session, incident.job_id)
    jobs.run(session, incident.job_id)


def _start(session: Session, incident: Incident, act: Mapping[str, Any], typed: Any) -> None:
    definition = session.get_one(ProcessDefinition, incident.definition_id)
    instances.start(session, definition, _whoever(session, incident.person_id), act["variables"],
                    unit=session.get_one(Unit, incident.unit_id), title=act.get("title", ""), start_event=act.get("start_event"))


def _object(session: Session, incident: Incident, act: Mapping[str, Any], typed: Any) -> None:
    board.object_to(session, session.get_one(Posting, act["posting"]), _whoever(session, incident.person_id), text=act["text"],
                    name=act["name"], contact=act["contact"], channel=act["channel"], at=incident.at)


_VERBS: Mapping[str, Any] = {"complete": _complete, "job": _job, "start": _start, "object": _object}
