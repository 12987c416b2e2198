"""Deployments: put a pack into use in a unit's scope, as new versions of its procedures. Running matters stay on theirs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session, joinedload

from . import access, bpmn, clock, definitions, packs
from .access import Actor, Permission
from .errors import Conflict, NotFound, say
from .models import Deployment, DeploymentFile, Job, ProcessDefinition, Subscription, Unit


def deploy(session: Session, pack: packs.Pack, unit: Unit, actor: Actor, note: str = "") -> Deployment:
    """Puts `pack` into use in `unit` and below: one deployment, and the next version of each of its processes.

    Forbidden; ModelRefused with file, line and element where anything in it is not lawful (nothing is written then);
    Conflict when the very same content is in use there already.
    """
    access.require(actor, Permission.DEPLOY, unit)
    compiled = definitions.compile_pack(pack)
    latest = session.scalar(select(Deployment).where(Deployment.pack == pack.key, Deployment.unit_id == unit.id)
                            .order_by(Deployment.id.desc()).limit(1))
    if latest is not None and latest.content_hash == pack.content_hash:
        raise Conflict(say("“{pack}” is in use in {unit} already, exactly as it is here.", pack=pack.title or pack.key,
                           unit=unit.name))
    deployment = Deployment(pack=pack.key, pack_version=pack.version, title=pack.title, unit_id=unit.id,
                            content_hash=pack.content_hash, actor_id=actor.person_id, at=clock.now(), note=note)
    session.add(deployment)
    session.flush()
    session.execute(insert(DeploymentFile), [{"deployment_id": deployment.id, "path": path, "content": content}
                                             for path, content in pack.files.items()])
    for key in compiled.definition.processes:
        _define(session, deployment, compiled, key)
    session.flush()
    return deployment


def versions(session: Session, actor: Actor) -> list[Deployment]:
    """-> the deployments in the units in which the actor sees procedures, the latest first."""
    return list(session.scalars(select(Deployment).where(_in_scope(actor, Deployment.unit_id))
                                .options(joinedload(Deployment.unit), joinedload(Deployment.actor)).order_by(Deployment.id.desc())))


def get(session: Session, actor: Actor, deployment_id: int) -> Deployment:
    """-> the deployment. NotFound unless it is in use for a unit of the actor."""
    found = session.scalar(select(Deployment).where(Deployment.id == deployment_id, _in_scope(actor, Deployment.unit_id))
                           .options(joinedload(Deployment.unit), joinedload(Deployment.actor)))
    if found is None:
        raise NotFound(say("There is no such deployment that you may see."))
    return found


def definitions_of(session: Session, deployment: Deployment) -> list[ProcessDefinition]:
    """-> the process definitions which a deployment made, by their order in the pack."""
    return list(session.scalars(select(ProcessDefinition).where(ProcessDefinition.deployment_id == deployment.id)
                                .order_by(ProcessDefinition.id)))


def files_of(session: Session, deployment: Deployment) -> dict[str, bytes]:
    """-> path → content, as deployed."""
    rows = session.execute(select(DeploymentFile.path, DeploymentFile.content)
                           .where(DeploymentFile.deployment_id == deployment.id).order_by(DeploymentFile.path))
    return {path: content for path, content in rows}


def in_use(session: Session, unit: Unit) -> list[ProcessDefinition]:
    """-> the latest version of each process that is in use in `unit`; the nearest unit's own comes before one from above."""
    above = [int(part) for part in unit.path.split("/") if part]
    rows = session.scalars(select(ProcessDefinition).where(ProcessDefinition.unit_id.in_(above))
                           .options(joinedload(ProcessDefinition.deployment)).order_by(ProcessDefinition.id))
    found: dict[str, ProcessDefinition] = {}
    for row in rows:
        best = found.get(row.key)
        if best is None or (above.index(row.unit_id), row.version) >= (above.index(best.unit_id), best.version):
            found[row.key] = row
    return list(found.values())


def startable(session: Session, unit: Unit) -> list[ProcessDefinition]:
    """-> the procedures which a person can start in `unit`."""
    return [d for d in in_use(session, unit) if d.startable]


def find(session: Session, key: str, unit: Unit) -> ProcessDefinition:
    """-> the version of process `key` in use in `unit`. NotFound."""
    for definition in in_use(session, unit):
        if definition.key == key:
            return definition
    raise NotFound(say("The procedure “{key}” is not in use in {unit}.", key=key, unit=unit.name))


def start_units(session: Session, actor: Actor) -> list[Unit]:
    """-> the units in which the actor may start matters and some procedure is in use."""
    units = session.scalars(select(Unit).where(access.sees_unit(actor, Unit.id, Permission.START_MATTER)).order_by(Unit.code))
    return [u for u in units if startable(session, u)]


def _in_scope(actor: Actor, unit_id: Any) -> Any:
    """In use for a unit that the actor sees, or for one above it."""
    seen = access.sees_unit(actor, unit_id)
    if actor.is_system:
        return seen
    above = {int(part) for path in actor.unit_paths.values() for part in path.split("/") if part}
    return seen | unit_id.in_(above)


def _define(session: Session, deployment: Deployment, compiled: definitions.Compiled, key: str) -> None:
    process = compiled.process(key)
    before = session.scalar(select(func.max(ProcessDefinition.version))
                            .where(ProcessDefinition.key == key, ProcessDefinition.unit_id == deployment.unit_id)) or 0
    starts = compiled.definition.start_events(key)
    part = str(process.extensions.get("part", "")).lower() == "true"
    waits = compiled.definition.start_waits(key)
    startable = not part and (not starts or len(waits) < len(starts))
    definition = ProcessDefinition(key=key, version=before + 1, unit_id=deployment.unit_id, deployment_id=deployment.id,
                                   name=process.name or key, file=process.file, startable=startable)
    session.add(definition)
    session.flush()
    _subscribe(session, deployment, definition, waits)


def _subscribe(session: Session, deployment: Deployment, definition: ProcessDefinition, waits: list[Any]) -> None:
    """What starts the process by itself: the new version takes over from the one before."""
    old = (select(ProcessDefinition.id)
           .where(ProcessDefinition.key == definition.key, ProcessDefinition.unit_id == definition.unit_id))
    session.execute(delete(Subscription).where(Subscription.definition_id.in_(old), Subscription.instance_id.is_(None)))
    session.execute(delete(Job).where(Job.definition_id.in_(old), Job.kind == "start"))
    for wait in waits:
        common: Mapping[str, Any] = {"definition_id": definition.id, "unit_id": deployment.unit_id, "element": wait.element}
        if wait.kind == "timer":
            session.add(Job(kind="start", due_at=datetime.fromisoformat(str(wait.due)), payload_json=bpmn.encode(dict(wait.data)), topic="",
                            key=f"start/{definition.id}/{wait.element}/0", **common))
        elif wait.kind in ("message", "signal"):
            session.add(Subscription(kind=wait.kind, name=wait.name, correlation_json="{}", **common))
