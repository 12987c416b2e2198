"""The workshop 工坊: drafts of procedures, changed step by step and number by number, tried out, compared and put into use."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from markupsafe import Markup

from engine import access, clock, deployments, drafts, packs, scenario
from engine.access import Permission
from engine.drafts import Told
from engine.errors import Conflict, EngineError, Forbidden, Invalid, ModelRefused, NotFound, Sentence, say
from engine.models import PackDraft
from engine.packs import edit, picture
from engine.packs.edit import Details
from engine.packs.model import read
from engine.packs.outline import OutlineStep, steps
from engine.packs.parameters import Parameter, write

from . import rendering
from .auth import actor
from .session import db, end, rollback

room = Blueprint("workshop", __name__, url_prefix="/workshop")
PATIENCE = 20.0
"""For so many seconds at a press the stories are run; the next press runs the rest."""
_FIELDS = ("name", "form", "days", "formula", "law", "minutes")


@dataclass(frozen=True)
class Shown:
    """One step of the outline: what the model says of it, what was typed and is not saved, and what is wrong with that."""

    step: OutlineStep
    place: edit.Place
    typed: Details
    problems: Mapping[str, Sentence]
    adding: Details
    adding_problems: Mapping[str, Sentence]
    is_open: bool


@dataclass(frozen=True)
class Typed:
    """What was typed into the form of one step and could not be saved."""

    element: str = ""
    step: Details | None = None
    adding: Details | None = None
    problems: Mapping[str, Sentence] | None = None
    refusal: Sentence | None = None


# --- the list -------------------------------------------------------------------------------------------------------
@room.get("/")
def index() -> ResponseReturnValue:
    return render_template("workshop/index.html", drafts=drafts.listed(db(), actor()), units=_units(),
                           versions=deployments.versions(db(), actor()))


@room.post("/open")
def open_draft() -> ResponseReturnValue:
    """Any version that was ever put into use, opened as a draft."""
    found = deployments.get(db(), actor(), request.form.get("deployment", 0, type=int))
    unit = next((one for one in _units() if one.code == request.form.get("unit")), None)
    if unit is None:
        raise Forbidden(say("You may not work on procedures of this unit."))
    draft = drafts.open_from(db(), found, unit, actor())
    return redirect(url_for(".outline", draft_id=draft.id), 303)


@room.post("/<int:draft_id>/discard")
def discard(draft_id: int) -> ResponseReturnValue:
    draft = drafts.get(db(), actor(), draft_id)
    title = draft.title or draft.pack
    drafts.discard(db(), draft, actor(), _version())
    flash(_("The draft of “%(title)s” has been given up.", title=title), "ok")
    return redirect(url_for(".index"), 303)


def _units() -> list[Any]:
    found = drafts.units(db(), actor())
    if not found:
        raise Forbidden(say("You may not work on procedures. Administrators may."))
    return found


def _version() -> int:
    return request.form.get("version", 0, type=int)


# --- the outline ----------------------------------------------------------------------------------------------------
@room.get("/<int:draft_id>/")
def outline(draft_id: int) -> ResponseReturnValue:
    draft = drafts.get(db(), actor(), draft_id)
    return _outline(draft, request.args.get("part", ""), Typed(request.args.get("step", "")))


@room.post("/<int:draft_id>/step")
def step(draft_id: int) -> ResponseReturnValue:
    """Saves what is said of a step, adds one behind it, or takes it away."""
    draft = drafts.get(db(), actor(), draft_id)
    part, element, do = (request.form.get(name, "") for name in ("part", "element", "do"))
    typed, adding = _typed(""), _typed("new_")
    files = drafts.files_of(db(), draft)
    try:
        if do == "add":
            edited = edit.add_step(files, part, element, adding.name, adding.roles)
        elif do == "remove":
            edited = edit.remove_step(files, part, element)
        else:
            edited = edit.Edited(edit.change_step(files, part, element, typed), element)
        drafts.save(db(), draft, actor(), edited.files, _version())
    except (Invalid, ModelRefused, Conflict) as refusal:
        rollback()
        problems = refusal.problems if isinstance(refusal, Invalid) else {}
        kept = Typed(element, typed if do == "save" else None, adding if do == "add" else None, problems,
                     None if problems else refusal.sentence)
        return _outline(drafts.get(db(), actor(), draft_id), part, kept), 409 if isinstance(refusal, Conflict) else 422
    flash(_("Saved."), "ok")
    here = edited.element or None
    return redirect(url_for(".outline", draft_id=draft.id, part=part, step=here, crowded=1 if edited.crowded else None,
                            _anchor=f"s-{here}" if here else "main"), 303)


@room.post("/<int:draft_id>/redraw")
def redraw(draft_id: int) -> ResponseReturnValue:
    """Lays the drawing out anew, because somebody has asked for it."""
    draft = drafts.get(db(), actor(), draft_id)
    part = request.form.get("part", "")
    drafts.save(db(), draft, actor(), edit.redraw(drafts.files_of(db(), draft), part), _version())
    flash(_("The drawing has been laid out anew."), "ok")
    return redirect(url_for(".outline", draft_id=draft.id, part=part), 303)


def _typed(prefix: str) -> Details:
    said = {name: request.form.get(prefix + name, "").strip() for name in _FIELDS}
    return Details(roles=tuple(request.form.getlist(f"{prefix}roles")), **said)


def _outline(draft: PackDraft, part: str, typed: Typed) -> str:
    files = drafts.files_of(db(), draft)
    parts = edit.parts(files)
    shown = next((one for one in parts if one.path == part), None) or _first(draft, parts)
    places = edit.places(files, shown.path)
    names = _names(files)
    sections = []
    for one in parts:
        if one.path == shown.path:
            listed = [_shown(step, places[step.id], typed) for step in steps(files[one.path], one.process)]
            drawn = Markup(picture.svg(files[one.path], one.process))
            sections.append({"part": one, "steps": listed, "picture": drawn})
    forms = {path.rsplit("/", 1)[-1].removesuffix(".form") for path in files if path.endswith(".form")}
    numbers = packs.from_files(files, name=draft.pack).parameters.by_key
    return render_template(
        "workshop/outline.html", draft=draft, view="outline", outline_parts=parts, shown=shown, sections=sections,
        refusal=typed.refusal, roles=list(access.ROLES), forms=sorted((names.get(form, form), form) for form in forms),
        formula=lambda text: _formula(text, numbers),
        crowded=request.args.get("crowded") == "1")


def _first(draft: PackDraft, parts: list[edit.Part]) -> edit.Part:
    """The procedure that people start, by its key the pack's own."""
    if not parts:
        raise NotFound(say("There is no procedure in this draft."))
    return next((one for one in parts if one.process == draft.pack), parts[0])


def _shown(step: OutlineStep, place: edit.Place, typed: Typed) -> Shown:
    mine = typed.element == step.id
    problems = typed.problems or {} if mine else {}
    return Shown(step, place, typed.step if mine and typed.step else place.details, problems if mine and typed.step else {},
                 typed.adding if mine and typed.adding else Details(), problems if mine and typed.adding else {}, mine)


def _names(files: Mapping[str, bytes]) -> dict[str, str]:
    """-> what people call the things that models call by a key: steps, procedures."""
    found: dict[str, str] = {}
    for path in files:
        if path.endswith(".bpmn"):
            for process in read(files[path], path).processes.values():
                found |= {one.id: one.name for one in (process, *process.walk()) if one.name}
    return found


def _formula(text: str, known: Mapping[str, Parameter]) -> str:
    """A formula in words: the numbers on which it rests."""
    keys = [key for key in re.findall(r"parameters\.([a-z0-9_.]+[a-z0-9_])", text) if key in known]
    found = []
    for key in keys:
        dated = known[key].at(clock.today())
        found.append(f"{known[key].title} {write(dated.value)} {known[key].unit}".strip() if dated else known[key].title)
    return "; ".join(found) or str(_("by a formula"))


# --- numbers --------------------------------------------------------------------------------------------------------
@room.get("/<int:draft_id>/numbers")
def numbers(draft_id: int) -> ResponseReturnValue:
    draft = drafts.get(db(), actor(), draft_id)
    rows = [_number(one) for one in drafts.pack_of(db(), draft).parameters.by_key.values()]
    return render_template("workshop/numbers.html", draft=draft, view="numbers", rows=rows)


@room.get("/<int:draft_id>/number")
def number(draft_id: int) -> ResponseReturnValue:
    draft = drafts.get(db(), actor(), draft_id)
    found = _parameter(draft, request.args.get("key", ""))
    dated = found.values[-1]
    typed = {"value": write(dated.value), "since": clock.today().isoformat(), "source": ""}
    return _number_page(draft, found, typed, {})


@room.post("/<int:draft_id>/number")
def set_number(draft_id: int) -> ResponseReturnValue:
    draft = drafts.get(db(), actor(), draft_id)
    key = request.form.get("key", "")
    found = _parameter(draft, key)
    typed = {name: request.form.get(name, "").strip() for name in ("value", "since", "source")}
    try:
        files = edit.set_parameter(drafts.files_of(db(), draft), key, **typed)
        drafts.save(db(), draft, actor(), files, _version())
    except Invalid as refusal:
        rollback()
        return _number_page(drafts.get(db(), actor(), draft_id), found, typed, refusal.problems), 422
    except Conflict as refusal:
        rollback()
        now = drafts.get(db(), actor(), draft_id)
        return _number_page(now, _parameter(now, key), typed, {}, refusal.sentence), 409
    flash(_("Saved."), "ok")
    return redirect(url_for(".numbers", draft_id=draft.id), 303)


def _number_page(draft: PackDraft, found: Parameter, typed: Mapping[str, str], problems: Mapping[str, Sentence],
                 refusal: Sentence | None = None) -> str:
    return render_template("workshop/number.html", draft=draft, view="numbers", row=_number(found), typed=typed, problems=problems,
                           refusal=refusal)


def _parameter(draft: PackDraft, key: str) -> Parameter:
    found = drafts.pack_of(db(), draft).parameters.by_key.get(key)
    if found is None:
        raise NotFound(say("There is no such number in this draft."))
    return found


def _number(parameter: Parameter) -> dict[str, Any]:
    """A parameter as the table shows it."""
    now = parameter.at(clock.today())
    limits = [(limit.highest, write(limit.value), limit.source) for limit in parameter.limits]
    return {"parameter": parameter, "value": write(now.value) if now else "", "now": now, "limits": limits,
            "values": [(one.since, write(one.value), one.source) for one in parameter.values],
            "later": [(one.since, write(one.value)) for one in parameter.values if one.since > clock.today()]}


# --- problems, stories, changes -------------------------------------------------------------------------------------
@room.get("/<int:draft_id>/problems")
def problems(draft_id: int) -> ResponseReturnValue:
    draft = drafts.get(db(), actor(), draft_id)
    pack = drafts.pack_of(db(), draft)
    names = _names(pack.files)
    rows = [{"severity": one.severity, "sentence": one.sentence, "name": names.get(one.element or "", ""),
             "address": _place_of(draft, one)} for one in drafts.findings(pack)]
    return render_template("workshop/problems.html", draft=draft, view="problems", rows=rows)


def _place_of(draft: PackDraft, finding: packs.Finding) -> str | None:
    """-> where the problem can be dealt with in the workshop, if it can."""
    if finding.file.endswith(".bpmn"):
        anchor = f"s-{finding.element}" if finding.element else "main"
        return url_for(".outline", draft_id=draft.id, part=finding.file, step=finding.element, _anchor=anchor)
    if finding.file == "parameters.yaml":
        if finding.element:
            return url_for(".number", draft_id=draft.id, key=finding.element)
        return url_for(".numbers", draft_id=draft.id)
    return None


@room.get("/<int:draft_id>/stories")
def stories(draft_id: int) -> ResponseReturnValue:
    draft = drafts.get(db(), actor(), draft_id)
    pack = drafts.pack_of(db(), draft)
    told = drafts.rehearsals(db(), draft, pack.content_hash)
    names = _names(pack.files)
    listed = [(path, told.get(path)) for path in pack.scenarios]
    order = sorted(listed, key=lambda one: (one[1] is None, one[1] is None or one[1].failure is None))
    return render_template(
        "workshop/stories.html", draft=draft, view="stories", total=len(listed), stories=order, known=len(told),
        failed=sum(one.failure is not None for one in told.values()), words=lambda line: _in_words(line, names),
        title=lambda path: path.rsplit("/", 1)[-1].removesuffix(".scenario.yaml").replace("_", " "))


@room.post("/<int:draft_id>/stories")
def run_stories(draft_id: int) -> ResponseReturnValue:
    """Runs what has not been run on this content; `again` runs everything. The database is not held meanwhile."""
    draft = drafts.get(db(), actor(), draft_id)
    pack = drafts.pack_of(db(), draft)
    known = {} if request.form.get("again") else drafts.rehearsals(db(), draft, pack.content_hash)
    end()
    found, until = [], time.monotonic() + PATIENCE
    for path in pack.scenarios:
        if path not in known and time.monotonic() < until:
            found.append(_run(pack, path))
    draft = drafts.get(db(), actor(), draft_id)
    for told in found:
        drafts.record(db(), draft, pack.content_hash, told)
    return redirect(url_for(".stories", draft_id=draft.id), 303)


def _run(pack: packs.Pack, path: str) -> Told:
    title = path.rsplit("/", 1)[-1]
    try:
        story, models = scenario.from_pack(pack, path)
        title = story.title
        outcome = scenario.run(story, models)
    except EngineError as refusal:
        return Told(path, title, refusal.sentence, [])
    return Told(path, title, outcome.failure.sentence if outcome.failure else None, outcome.story)


def _in_words(line: str, names: Mapping[str, str]) -> str:
    """`complete clerk: take_down` as people say it."""
    head, _colon, what = line.partition(": ")
    verb, _blank, who = head.partition(" ")
    verbs = {"complete": _("completes"), "reject": _("is refused"), "advance": _("time passes"), "until": _("time passes"),
             "message": _("a message comes:"), "signal": _("a signal comes:"), "start": _("a matter begins"),
             "job": _("done by the system:"), "set": _("facts are set"), "activate": _("begins")}
    if verb in ("advance", "until", "start", "set"):
        return str(verbs[verb])
    people = ", ".join(rendering.role(key) for key in re.findall(r"[a-z_]+", who))
    return " ".join(word for word in (people, verbs.get(verb, verb), names.get(what, what)) if word)


@room.get("/<int:draft_id>/changes")
def changes(draft_id: int) -> ResponseReturnValue:
    draft = drafts.get(db(), actor(), draft_id)
    return _changes(draft)


@room.post("/<int:draft_id>/deploy")
def deploy(draft_id: int) -> ResponseReturnValue:
    """Puts the draft into use as a new version."""
    draft = drafts.get(db(), actor(), draft_id)
    note = request.form.get("note", "").strip()[:500]
    unit = draft.unit.name
    try:
        made = drafts.deploy(db(), draft, actor(), _version(), note)
    except (Conflict, ModelRefused) as refusal:
        rollback()
        return _changes(drafts.get(db(), actor(), draft_id), note, refusal.sentence), 409
    flash(_("“%(pack)s” is in use in %(unit)s. Matters that have begun stay with their version.",
            pack=made.title or made.pack, unit=unit), "ok")
    return redirect(url_for(".index"), 303)


def _changes(draft: PackDraft, note: str = "", refusal: Sentence | None = None) -> str:
    may = access.may(actor(), Permission.DEPLOY, draft.unit)
    found = drafts.changes_of(db(), draft)
    names = _names(drafts.files_of(db(), draft))
    return render_template(
        "workshop/changes.html", draft=draft, view="changes", base=drafts.in_use(db(), draft), refusal=refusal, note=note, may=may,
        changes=[(one, names.get(one.name, one.name)) for one in found], reasons=drafts.why_not(db(), draft))
