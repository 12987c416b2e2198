"""What is due and owed by no person: timers, service tasks, messages and signals on their way.

`due` finds jobs, `run` does one inside the caller's transaction: the job's row goes in the same transaction in which its
effect is stored, so each is done once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import Session

from . import bpmn, clock, instances, messages, papers
from .access import Actor
from .errors import Conflict, Incident, NotFound, say
from .models import Instance, InstanceState, Job, JobState, ProcessDefinition, Unit

Handler = Callable[[Session, Instance, Mapping[str, Any]], Mapping[str, Any]]
SERVICES: dict[str, Handler] = {}
"""topic → what is done for service tasks of that topic: (session, instance, variables) → values for the matter. A service
here touches only our own database, so that it happens in the job's transaction."""

_RETRY_AFTER = timedelta(minutes=1)
MAX_ATTEMPTS = 5


def service(topic: str) -> Callable[[Handler], Handler]:
    """Registers a handler for service tasks with `yishi:topic`."""

    def register(handler: Handler) -> Handler:
        SERVICES[topic] = handler
        return handler

    return register


@service("archive")
def archive(session: Session, instance: Instance, variables: Mapping[str, Any]) -> Mapping[str, Any]:
    """The file of a matter is closed: what lies in it, each paper with the hash of its content, and the seal of its history
    up to here [档案法 §36-37]."""
    del variables  # every service is given them; what lies in the file does not depend on them
    filed = [{"name": paper.name, "sha256": paper.sha256, "size": paper.size} for paper in papers.of_instance(session, instance)]
    return {"case_file": {"papers": filed, "records": instance.history_length, "seal": instance.history_hash}}


def due(session: Session, *, limit: int = 50, until: datetime | None = None, services: bool = True) -> list[int]:
    """-> numbers of the jobs due by `until` (default now) in the order of their due times. Those of suspended matters wait;
    with `services` false, so does the work of service tasks. A signal that finds its matter ended is due like any other:
    worked off, it tells nobody."""
    now = clock.now()
    query = (select(Job.id).outerjoin(Instance, Job.instance_id == Instance.id)
             .where(Job.state == JobState.OWED, Job.due_at <= (until or now),
                    or_(Job.leased_until.is_(None), Job.leased_until < now),
                    or_(Job.instance_id.is_(None), Instance.state != InstanceState.SUSPENDED))
             .order_by(Job.due_at, Job.id).limit(limit))
    if not services:
        query = query.where(Job.kind != "service")
    return list(session.scalars(query))


def next_due(session: Session) -> datetime | None:
    """-> when the next timer is due, or None."""
    return session.scalar(select(Job.due_at).outerjoin(Instance, Job.instance_id == Instance.id)
                          .where(Job.state == JobState.OWED, Job.kind != "service",
                                 or_(Job.instance_id.is_(None), Instance.state != InstanceState.SUSPENDED))
                          .order_by(Job.due_at).limit(1))


def run(session: Session, job_id: int) -> bool:
    """Does one job. -> False if somebody else has it or has done it. Incident where the model or the service fails."""
    job = session.scalar(select(Job).where(Job.id == job_id, Job.state == JobState.OWED).with_for_update(skip_locked=True))
    if job is None:
        return False
    session.expunge(job)  # the step deletes its row; the object is only read here
    _KINDS[job.kind](session, job)
    session.execute(delete(Job).where(Job.id == job_id, Job.attempts == job.attempts, Job.key == job.key))
    return True


def finish(session: Session, job: Job, actor: Actor, *, result: Mapping[str, Any] | None = None, error: str | None = None) -> None:
    """Tells the outcome of a service task's job: a result, or the code of a BPMN error."""
    assert job.instance_id is not None and job.token is not None  # service jobs belong to a token
    identity, token, element = job.instance_id, job.token, job.element
    with instances.step(session, identity, actor, part=job.part) as at:
        if error is not None:
            at.tell("failed", element=element, token=token, data=bpmn.encode({"error": error}))
            at.live.job_failed(token, error, dict(result or {}))
        else:
            at.note("completed", token, data=bpmn.encode(dict(result or {})))
            at.live.job_done(token, dict(result or {}))


def fail(session: Session, job_id: int) -> Job | None:
    """Marks a job as failed until an incident is resolved. -> it, or None if it is gone."""
    job = session.get(Job, job_id)
    if job is not None:
        job.state, job.attempts = JobState.FAILED, job.attempts + 1
        session.flush()
    return job


def postpone(session: Session, job_id: int) -> bool:
    """Something went wrong that may pass: the job is tried again later. -> False when it was tried too often."""
    job = session.get(Job, job_id)
    if job is None:
        return True
    job.attempts += 1
    job.leased_until = clock.now() + _RETRY_AFTER * job.attempts
    return job.attempts < MAX_ATTEMPTS


def owe_again(session: Session, job_id: int) -> None:
    """A failed job is owed again. Conflict if it is gone."""
    changed = session.execute(update(Job).where(Job.id == job_id, Job.state == JobState.FAILED).values(state=JobState.OWED))
    if changed.rowcount != 1:  # type: ignore[attr-defined]
        raise Conflict(say("What was to be tried again is no longer owed."))


def _timer(session: Session, job: Job) -> None:
    assert job.instance_id is not None and job.token is not None  # timers belong to a token
    with instances.step(session, job.instance_id, Actor.system(), part=job.part) as at:
        at.live.deliver(job.token, job.element, event=job.event)


def _service(session: Session, job: Job) -> None:
    handler = SERVICES.get(job.topic)
    if handler is None:
        raise Incident(say("No service does “{topic}”. Name another topic in the procedure, or take this step out.",
                           topic=job.topic), job.element)
    instance = session.get_one(Instance, job.instance_id)
    values = handler(session, instance, instances.variables(session, instance))
    finish(session, job, Actor.system(), result=values)


def _message(session: Session, job: Job) -> None:
    payload = bpmn.decode(job.payload_json)
    unit = session.get_one(Unit, job.unit_id)
    messages.correlate(session, payload["name"], payload["values"], Actor.system(), unit=unit,
                       correlation=payload["correlation"], not_from=payload["from"])


def _signal(session: Session, job: Job) -> None:
    payload = bpmn.decode(job.payload_json)
    messages.broadcast(session, payload["name"], payload["values"], Actor.system(), unit=session.get_one(Unit, job.unit_id),
                       not_to=payload["from"])


def _signal_to(session: Session, job: Job) -> None:
    payload = bpmn.decode(job.payload_json)
    if job.instance_id is None:
        _start(session, job)
        return
    try:
        with instances.step(session, job.instance_id, Actor.system()) as at:
            at.tell("signal", data=bpmn.encode(payload["values"]))
            at.live.signal(payload["name"], payload["values"])
    except (Conflict, NotFound):
        return  # it has ended meanwhile: nobody is there to be told


def _start(session: Session, job: Job) -> None:
    definition = session.get_one(ProcessDefinition, job.definition_id)
    payload = bpmn.decode(job.payload_json)
    instances.start(session, definition, Actor.system(), payload.get("values"), unit=session.get_one(Unit, job.unit_id),
                    start_event=job.element)
    again = bpmn.next_due(payload["timer"]) if payload.get("timer") else None
    if again is not None:
        turn = int(job.key.rsplit("/", 1)[-1]) + 1
        session.add(Job(kind="start", definition_id=job.definition_id, unit_id=job.unit_id, element=job.element, topic="",
                        payload_json=bpmn.encode({"timer": again}), due_at=datetime.fromisoformat(again[0]),
                        key=f"start/{job.definition_id}/{job.element}/{turn}"))


_KINDS: Mapping[str, Callable[[Session, Job], None]] = {
    "timer": _timer, "service": _service, "message": _message, "signal": _signal, "signal_to": _signal_to, "start": _start,
}
