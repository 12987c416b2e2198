"""Messages reach one instance, signals reach all who wait for them; each once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from . import bpmn, clock, definitions, instances
from .access import Actor
from .errors import Conflict, say
from .models import Instance, InstanceState, Job, ProcessDefinition, Subscription, Unit

_WAITING = (InstanceState.RUNNING, InstanceState.INCIDENT)


def correlate(session: Session, name: str, payload: Mapping[str, Any] | None, actor: Actor, *, unit: Unit | None = None,
              correlation: Mapping[str, Any] | None = None, instance: Instance | None = None,
              not_from: int | None = None) -> Instance | None:
    """Delivers a message to the one instance that waits for it, else starts the process which it starts.

    `instance` names the receiver; `correlation` must equal what the receiver's model computes for the same keys (or its
    variables of these names); `unit` narrows to instances of that unit. -> the receiver, or None if nobody waits.
    Conflict when more than one instance could be meant.
    """
    found = [s for s in _subscriptions(session, "message", name, unit, instance) if s.instance_id != not_from]
    brought, given = bpmn.decode(bpmn.encode(dict(payload or {}))), bpmn.decode(bpmn.encode(dict(correlation or {})))
    found = [s for s in found if _fits(session, s, brought, given)]
    if len({s.instance_id for s in found}) > 1:
        raise Conflict(say("The message “{name}” could be meant for {count} matters. Say which one.", name=name,
                           count=len({s.instance_id for s in found})))
    if found:
        return _deliver(session, found[0], payload, actor)
    if instance is not None:
        return None
    starts = starting(session, "message", name, unit)
    if not starts:
        return None
    definition, element = starts[0]
    return instances.start(session, definition, actor, payload, unit=unit or definition.unit, start_event=element)


def broadcast(session: Session, name: str, payload: Mapping[str, Any] | None, actor: Actor, *, unit: Unit | None = None,
              not_to: int | None = None) -> int:
    """A signal reaches every instance that waits for it and starts every process which it starts. What it does to each is
    a job of its own, owed in this transaction. -> how many."""
    del actor  # a signal acts in nobody's name; the verb's shape is kept
    receivers = {s.instance_id: s.unit_id for s in _subscriptions(session, "signal", name, unit, None) if s.instance_id != not_to}
    starts = starting(session, "signal", name, unit)
    text = bpmn.encode({"name": name, "values": dict(payload or {})})
    made = uuid4().hex  # two signals of one name in one moment are two
    common = {"kind": "signal_to", "token": None, "part": None, "event": 0, "topic": name[:120], "payload_json": text,
              "due_at": clock.now(), "state": "owed", "attempts": 0}
    rows = [{**common, "instance_id": i, "definition_id": None, "unit_id": u, "element": "",
             "key": f"signal/{made}/{i}"} for i, u in receivers.items()]
    rows += [{**common, "instance_id": None, "definition_id": d.id, "unit_id": (unit or d.unit).id, "element": e,
              "key": f"signal/{made}/start/{number}"} for number, (d, e) in enumerate(starts)]
    if rows:
        session.execute(insert(Job), rows)
    return len(rows)


def starting(session: Session, kind: str, name: str, unit: Unit | None) -> list[tuple[ProcessDefinition, str]]:
    """-> definitions in use, with the start event, which a message or signal of this name starts in the unit."""
    query = (select(ProcessDefinition, Subscription.element).join(Subscription, Subscription.definition_id == ProcessDefinition.id)
             .where(Subscription.kind == kind, Subscription.name == name, Subscription.instance_id.is_(None))
             .order_by(Subscription.id))
    if unit is not None:
        query = query.where(Subscription.unit_id.in_(_above(unit)))
    return [(definition, element) for definition, element in session.execute(query)]


def _above(unit: Unit) -> list[int]:
    return [int(part) for part in unit.path.split("/") if part]


def _subscriptions(session: Session, kind: str, name: str, unit: Unit | None, instance: Instance | None) -> Sequence[Subscription]:
    query = (select(Subscription).join(Instance, Subscription.instance_id == Instance.id)
             .where(Subscription.kind == kind, Subscription.name == name, Instance.state.in_(_WAITING)).order_by(Subscription.id))
    if instance is not None:
        query = query.where(Subscription.instance_id == instance.id)
    elif unit is not None:
        query = query.where(Subscription.unit_id == unit.id)
    return session.scalars(query).all()


def _fits(session: Session, subscription: Subscription, payload: Mapping[str, Any], given: Mapping[str, Any]) -> bool:
    """A message must bring along every value that its receiver wants, in its correlation or its payload; what the sender
    names beyond that must equal the receiver's variables (BPMN 2.0.2, 8.4.2)."""
    wanted = bpmn.decode(subscription.correlation_json)
    beyond = {key: value for key, value in given.items() if key not in wanted}
    if not wanted and not beyond:
        return True
    instance = session.get_one(Instance, subscription.instance_id)
    definition = definitions.compiled(session, instance.definition_id).definition
    brought = {**payload, **definition.correlation(subscription.name, payload), **given}
    if any(brought.get(key) != value for key, value in wanted.items()):
        return False
    if not beyond or subscription.token is None:
        return not beyond
    live = instances.load(session, instance)
    if subscription.part is not None:
        live.fetch(subscription.part)
    names = live.names(subscription.token)
    return all(names.get(key) == value for key, value in beyond.items())


def _deliver(session: Session, subscription: Subscription, payload: Mapping[str, Any] | None, actor: Actor) -> Instance:
    identity, token, element, part = subscription.instance_id, subscription.token, subscription.element, subscription.part
    event = subscription.event
    assert identity is not None and token is not None  # subscriptions of instances have both
    with instances.step(session, identity, actor, part=part) as at:
        at.tell("message", element=element, token=token, data=bpmn.encode(dict(payload or {})))
        at.live.deliver(token, element, dict(payload or {}), event=event)
    return session.get_one(Instance, identity)
