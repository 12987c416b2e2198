"""The procedures 流程 in use: the list, one of them as drawing and in words with its numbers, and putting a pack into use."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from markupsafe import Markup
from sqlalchemy import func, select

from engine import access, clock, definitions, deployments, organisation, packs, scenario
from engine.access import Permission
from engine.errors import EngineError, ModelRefused, NotFound, Sentence, say
from engine.models import ENDED, Deployment, Instance, ProcessDefinition, Unit
from engine.packs import Finding, Pack, picture
from engine.packs.archive import MAX_ARCHIVE
from engine.packs.outline import steps

from .auth import actor
from .session import db, end, rollback

room = Blueprint("deployments", __name__, url_prefix="/procedures")
PATIENCE = 300.0
"""For so many seconds at most the stories of a pack are run before it is put into use; more are run by `yishi deploy`."""


@dataclass(frozen=True)
class Row:
    """One deployment as the list shows it. `is_latest`: new matters begin with it."""

    deployment: Deployment
    is_latest: bool
    open_matters: int

    @property
    def title(self) -> str:
        return self.deployment.title or self.deployment.pack


@dataclass(frozen=True)
class Limits:
    """A parameter as it holds today."""

    title: str
    value: str
    unit: str
    since: Any
    source: str
    limit: str
    basis: str


# --- looking --------------------------------------------------------------------------------------------------------
@room.get("/")
def index() -> ResponseReturnValue:
    return _list()


def _list(findings: Sequence[Finding] = (), *, refusal: Sentence | None = None, typed: dict[str, str] | None = None,
          pack: str = "") -> str:
    rows = _rows(deployments.versions(db(), actor()))
    return render_template(
        "deployments/index.html", rows=[row for row in rows if row.is_latest], older=[row for row in rows if not row.is_latest],
        units=_units(), findings=[one for one in findings if one.severity == "error"],
        others=[one for one in findings if one.severity != "error"], refusal=refusal, typed=typed or {}, pack=pack)


def _rows(found: Sequence[Deployment]) -> list[Row]:
    """`found`: the latest first."""
    query = (select(ProcessDefinition.deployment_id, func.count(Instance.id))
             .join(Instance, Instance.definition_id == ProcessDefinition.id)
             .where(Instance.state.not_in(ENDED), access.sees_instance(actor())).group_by(ProcessDefinition.deployment_id))
    running: dict[int, int] = dict(db().execute(query).all())
    seen: set[tuple[str, int]] = set()
    rows = []
    for one in found:
        rows.append(Row(one, (one.pack, one.unit_id) not in seen, running.get(one.id, 0)))
        seen.add((one.pack, one.unit_id))
    return rows


def _units() -> list[Unit]:
    """-> where the actor may put a procedure into use."""
    return list(db().scalars(select(Unit).where(access.sees_unit(actor(), Unit.id, Permission.DEPLOY)).order_by(Unit.path)))


@room.get("/<int:deployment_id>")
def procedure(deployment_id: int) -> ResponseReturnValue:
    """One deployment: one of its processes as drawing and in words, all its parameters, and its other versions."""
    found = deployments.get(db(), actor(), deployment_id)
    processes = deployments.definitions_of(db(), found)
    processes.sort(key=lambda one: not one.startable)
    shown = _one_of(processes, request.args.get("process") or processes[0].key)
    pack = _pack(found)
    data = pack.models[shown.file]
    same = [row for row in _rows(deployments.versions(db(), actor()))
            if row.deployment.pack == found.pack and row.deployment.unit_id == found.unit_id]
    compiled = definitions.compiled(db(), shown.id)
    return render_template(
        "deployments/procedure.html", deployment=found, processes=processes, shown=shown, steps=steps(data, shown.key),
        about=compiled.process(shown.key).documentation, sheet={"key": shown.key, "name": shown.name, "picture": Markup(
            picture.svg(data, shown.key)), "state": {"done": [], "now": [], "bad": []}},
        limits=_limits(pack), norms=pack.norms, pack=pack, versions=same)


@room.get("/<int:deployment_id>/<process>.bpmn")
def model(deployment_id: int, process: str) -> ResponseReturnValue:
    """The model, for the viewer."""
    found = deployments.get(db(), actor(), deployment_id)
    shown = _one_of(deployments.definitions_of(db(), found), process)
    return Response(_pack(found).models[shown.file], mimetype="application/xml")


def _one_of(processes: Sequence[ProcessDefinition], key: str) -> ProcessDefinition:
    for one in processes:
        if one.key == key:
            return one
    raise NotFound(say("This version of the procedure has no part {part}.", part=key))


def _pack(found: Deployment) -> Pack:
    return packs.from_files(deployments.files_of(db(), found), name=found.pack)


def _limits(pack: Pack) -> list[Limits]:
    rows = []
    for parameter in pack.parameters.by_key.values():
        dated = parameter.at(clock.today())
        bounds = [_bound(limit) for limit in parameter.limits]
        rows.append(Limits(parameter.title, _value(dated.value) if dated else "—", parameter.unit, dated.since if dated else None,
                           dated.source if dated else "", "; ".join(bounds), parameter.basis))
    return rows


def _bound(limit: Any) -> str:
    words = _("at most %(value)s (%(source)s)") if limit.highest else _("at least %(value)s (%(source)s)")
    return str(words) % {"value": _value(limit.value), "source": limit.source}


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return f"{value['numerator']}/{value['denominator']}"
    if isinstance(value, bool):
        return str(_("Yes") if value else _("No"))
    return str(value)


# --- putting into use -----------------------------------------------------------------------------------------------
@room.get("/new")
def reload() -> ResponseReturnValue:
    """A page that answered the form has been reloaded."""
    return redirect(url_for(".index"), 303)


@room.post("/new")
def deploy() -> ResponseReturnValue:
    """Reads, looks through, tries out and puts into use, in this order; whatever fails is told and nothing is put into use."""
    typed = {"unit": request.form.get("unit", ""), "note": request.form.get("note", "").strip()[:500]}
    unit = organisation.unit_by_code(db(), typed["unit"])
    access.require(actor(), Permission.DEPLOY, unit)
    sent = request.files.get("pack")
    if sent is None or not sent.filename:
        return _list(refusal=say("Choose the file of a pack first."), typed=typed), 422
    end()  # trying it out takes a while, and holds up nobody
    name = PurePosixPath(sent.filename.replace("\\", "/")).name
    try:
        pack = _read(name, sent.stream.read(MAX_ARCHIVE + 1))
        findings = packs.lint(pack)
    except ModelRefused as refusal:
        return _list(packs.findings_of(refusal), typed=typed, pack=name), 422
    if not any(one.severity == "error" for one in findings):
        findings += _stories_that_fail(pack)
    if any(one.severity == "error" for one in findings):
        return _list(findings, typed=typed, pack=pack.title or name), 422
    try:
        made = deployments.deploy(db(), pack, unit, actor(), typed["note"])
    except ModelRefused as refusal:
        rollback()
        return _list(packs.findings_of(refusal), typed=typed, pack=pack.title or name), 422
    except EngineError as refusal:
        rollback()
        return _list(refusal=refusal.sentence, typed=typed), 409
    flash(_("“%(pack)s” is in use in %(unit)s. Matters that have begun stay with their version.",
            pack=made.title or made.pack, unit=unit.name), "ok")
    return redirect(url_for(".procedure", deployment_id=made.id), 303)


def _read(name: str, data: bytes) -> Pack:
    """-> the pack in what was sent: an archive (also of the folder in which the pack lies), or one model. ModelRefused."""
    if name.endswith(".bpmn"):
        return packs.from_files({name: data}, name=name.removesuffix(".bpmn"))
    files = packs.unpack(data)
    folder = next(iter(files), "").split("/")[0] + "/"
    if "pack.yaml" not in files and all(path.startswith(folder) for path in files):
        files = {path.removeprefix(folder): content for path, content in files.items()}
    return packs.from_files(files, name=name.rsplit(".", 1)[0])


def _stories_that_fail(pack: Pack) -> list[Finding]:
    """-> what the pack's own scenarios, run in memory, say against it."""
    found: list[Finding] = []
    until = time.monotonic() + PATIENCE
    for path in pack.scenarios:
        if time.monotonic() > until:
            return [*found, Finding("error", say("The stories of this pack take too long to be run here. Put it into use with the "
                                                 "command yishi deploy."), path)]
        try:
            story, models = scenario.from_pack(pack, path)
            failure = scenario.run(story, models).failure
        except EngineError as refusal:
            found += packs.findings_of(refusal)
            continue
        if failure is not None:
            found.append(Finding("error", say("The story “{title}” fails: {reason}", title=story.title, reason=failure.sentence),
                                 path, failure.line))
    return found
