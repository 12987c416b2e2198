"""Drafts 草稿 of packs: opened from a version that was in use, saved as people work, examined, and put into use or given up.

A draft never touches what is running. Every save names the version it was based on, so that two people on one draft are told.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import Lock

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session, joinedload

from . import access, clock, deployments, packs
from .access import Actor, Permission
from .errors import Conflict, NotFound, Sentence, say
from .models import Deployment, PackDraft, PackDraftFile, Rehearsal, Unit, table
from .packs.changes import Change, changes

_KEPT = 16
_findings: OrderedDict[str, list[packs.Finding]] = OrderedDict()  # by the content of the pack
_lock = Lock()


@dataclass(frozen=True)
class Told:
    """How a scenario of a draft went: the sentence of its failure (None: passed), and its dated story."""

    path: str
    title: str
    failure: Sentence | None
    story: Sequence[tuple[datetime, str]]


# --- the draft --------------------------------------------------------------------------------------------------------
def units(session: Session, actor: Actor) -> list[Unit]:
    """-> the units in which the actor may work on drafts, the widest first."""
    return list(session.scalars(select(Unit).where(access.sees_unit(actor, Unit.id, Permission.DEPLOY)).order_by(Unit.path)))


def listed(session: Session, actor: Actor) -> list[PackDraft]:
    """-> the drafts in the units in which the actor may deploy, the one saved last first."""
    return list(session.scalars(select(PackDraft).where(access.sees_unit(actor, PackDraft.unit_id, Permission.DEPLOY))
                                .options(joinedload(PackDraft.unit), joinedload(PackDraft.saver), joinedload(PackDraft.deployment))
                                .order_by(PackDraft.saved_at.desc(), PackDraft.id.desc())))


def get(session: Session, actor: Actor, draft_id: int) -> PackDraft:
    """-> the draft. NotFound unless the actor may deploy in its unit."""
    found = session.get(PackDraft, draft_id, populate_existing=True)
    if found is None or not access.may(actor, Permission.DEPLOY, found.unit):
        raise NotFound(say("There is no such draft that you may see. Perhaps it has been put into use or given up."))
    return found


def open_from(session: Session, deployment: Deployment, unit: Unit, actor: Actor) -> PackDraft:
    """Makes a draft in `unit` with the files of any version that was ever put into use. Forbidden."""
    access.require(actor, Permission.DEPLOY, unit)
    draft = PackDraft(unit_id=unit.id, deployment_id=deployment.id, pack=deployment.pack, title=deployment.title, version=1,
                      saved_at=clock.now(), saved_by=actor.person_id)
    session.add(draft)
    session.flush()
    session.add_all(PackDraftFile(draft_id=draft.id, path=path, content=content)
                    for path, content in deployments.files_of(session, deployment).items())
    session.flush()
    return draft


def files_of(session: Session, draft: PackDraft) -> dict[str, bytes]:
    """-> path → content, as saved last."""
    rows = session.execute(select(PackDraftFile.path, PackDraftFile.content)
                           .where(PackDraftFile.draft_id == draft.id).order_by(PackDraftFile.path))
    return {row.path: row.content for row in rows}


def pack_of(session: Session, draft: PackDraft) -> packs.Pack:
    """-> the draft as a pack. ModelRefused where its manifest cannot be read."""
    return packs.from_files(files_of(session, draft), name=draft.pack)


def save(session: Session, draft: PackDraft, actor: Actor, files: Mapping[str, bytes], based_on: int) -> PackDraft:
    """Keeps `files` as the draft's next version; saving what is there already changes nothing.

    Forbidden; ModelRefused where a pack may not have such files; Conflict, naming who and when, where somebody has saved since
    the version `based_on`.
    """
    access.require(actor, Permission.DEPLOY, draft.unit)
    packs.from_files(files, name=draft.pack)
    _require_version(session, draft, based_on)
    old = files_of(session, draft)
    if dict(files) == old:
        return draft
    session.execute(update(PackDraft).where(PackDraft.id == draft.id)
                    .values(version=based_on + 1, saved_at=clock.now(), saved_by=actor.person_id))
    gone = [path for path in old if path not in files]
    session.execute(delete(PackDraftFile).where(PackDraftFile.draft_id == draft.id, PackDraftFile.path.in_(gone)))
    for path, content in files.items():
        if path not in old:
            session.add(PackDraftFile(draft_id=draft.id, path=path, content=content))
        elif old[path] != content:
            session.execute(update(PackDraftFile).where(PackDraftFile.draft_id == draft.id, PackDraftFile.path == path)
                            .values(content=content))
    session.flush()
    session.refresh(draft)
    return draft


def discard(session: Session, draft: PackDraft, actor: Actor, based_on: int) -> None:
    """Gives the draft up: nothing of it is kept. Forbidden; Conflict as in `save`."""
    access.require(actor, Permission.DEPLOY, draft.unit)
    _require_version(session, draft, based_on)
    _delete(session, draft)


# --- what is to be known before it is put into use --------------------------------------------------------------------
def findings(pack: packs.Pack) -> list[packs.Finding]:
    """-> what lint finds in it, kept by content: people look at the same draft again and again."""
    key = pack.content_hash
    with _lock:
        if key in _findings:
            _findings.move_to_end(key)
            return _findings[key]
    found = packs.lint(pack)
    with _lock:
        _findings[key] = found
        while len(_findings) > _KEPT:
            _findings.popitem(last=False)
    return found


def in_use(session: Session, draft: PackDraft) -> Deployment | None:
    """-> the version of this pack that is in use in the draft's unit: its own, else the nearest one from above."""
    above = access.lineage(draft.unit)
    rows = session.scalars(select(Deployment).where(Deployment.pack == draft.pack, Deployment.unit_id.in_(above))
                           .options(joinedload(Deployment.unit)))
    return max(rows, key=lambda one: (one.unit.path.count("/"), one.id), default=None)


def changes_of(session: Session, draft: PackDraft) -> list[Change]:
    """-> what differs from the version in use. ModelRefused where a model of the draft cannot be read."""
    base = in_use(session, draft)
    return changes(deployments.files_of(session, base) if base else {}, files_of(session, draft))


def record(session: Session, draft: PackDraft, content_hash: str, told: Told) -> None:
    """Keeps how a scenario went on the content of that hash, in place of what was known of it."""
    failure = None if told.failure is None else json.dumps(_packed(told.failure), ensure_ascii=False)
    story = json.dumps([[at.isoformat(), words] for at, words in told.story], ensure_ascii=False)
    session.merge(Rehearsal(draft_id=draft.id, path=told.path, content_hash=content_hash, title=told.title[:200],
                            failure_json=failure, story_json=story))
    session.flush()


def rehearsals(session: Session, draft: PackDraft, content_hash: str) -> dict[str, Told]:
    """-> by the path of the scenario: how it went on exactly this content."""
    rows = session.scalars(select(Rehearsal).where(Rehearsal.draft_id == draft.id, Rehearsal.content_hash == content_hash))
    return {row.path: Told(row.path, row.title, None if row.failure_json is None else _unpacked(json.loads(row.failure_json)),
                           [(datetime.fromisoformat(at), words) for at, words in json.loads(row.story_json)]) for row in rows}


def why_not(session: Session, draft: PackDraft) -> list[Sentence]:
    """-> the reasons for which the draft cannot be put into use yet; none: it can."""
    pack = pack_of(session, draft)
    reasons = []
    errors = sum(finding.severity == "error" for finding in findings(pack))
    if errors:
        reasons.append(say("{count} problems forbid it.", count=errors))
    told = rehearsals(session, draft, pack.content_hash)
    waiting = [path for path in pack.scenarios if path not in told]
    failed = [path for path in pack.scenarios if path in told and told[path].failure is not None]
    if failed:
        reasons.append(say("{count} scenarios failed.", count=len(failed)))
    if waiting:
        reasons.append(say("{count} scenarios have not been run since the last change.", count=len(waiting)))
    base = in_use(session, draft)
    if base is not None and base.content_hash == pack.content_hash:
        reasons.append(say("Nothing differs from the version in use."))
    return reasons


def deploy(session: Session, draft: PackDraft, actor: Actor, based_on: int, note: str = "") -> Deployment:
    """Puts the draft into use in its unit as a new version, and closes it. What is running stays on its version.

    Forbidden; Conflict where somebody has saved since `based_on`, or with the reasons of `why_not`; ModelRefused.
    """
    access.require(actor, Permission.DEPLOY, draft.unit)
    _require_version(session, draft, based_on)
    reasons = why_not(session, draft)
    if reasons:
        raise Conflict(say("This cannot be put into use yet: {reason}", reason=reasons[0]))
    made = deployments.deploy(session, pack_of(session, draft), draft.unit, actor, note)
    _delete(session, draft)
    return made


# --- how it is done ---------------------------------------------------------------------------------------------------
def _require_version(session: Session, draft: PackDraft, based_on: int) -> None:
    """Locks the row: of two who save at once the second one reads what the first has written."""
    known = session.scalar(select(PackDraft).where(PackDraft.id == draft.id).with_for_update()
                           .execution_options(populate_existing=True))
    if known is None:
        raise NotFound(say("There is no such draft that you may see. Perhaps it has been put into use or given up."))
    if known.version != based_on:
        who = known.saver.name if known.saver else say("the system")
        raise Conflict(say("{who} has saved this draft at {when}, after you opened it.", who=who,
                           when=known.saved_at.astimezone(clock.ZONE).strftime("%Y-%m-%d %H:%M")))


def _delete(session: Session, draft: PackDraft) -> None:
    for of in (Rehearsal, PackDraftFile):
        rows = table(of)
        session.execute(delete(rows).where(rows.c.draft_id == draft.id))
    session.delete(draft)
    session.flush()


def _packed(sentence: Sentence) -> list[object]:
    values = {key: _packed(value) if isinstance(value, Sentence) else str(value) for key, value in sentence.values.items()}
    return [sentence.template, values]


def _unpacked(packed: list[object]) -> Sentence:
    template, values = packed
    assert isinstance(template, str) and isinstance(values, dict)  # as _packed has written it
    return Sentence(template, {key: _unpacked(value) if isinstance(value, list) else value for key, value in values.items()})
