"""The matters 事项: the list, the whole story of one, and beginning one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask import Blueprint, Response, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from markupsafe import Markup
from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import joinedload

from engine import access, board, definitions, deployments, history, instances, organisation, papers, tasks
from engine.access import Permission
from engine.errors import Invalid, NotFound, Sentence, say
from engine.forms import Form
from engine.models import Instance, InstanceState, Person, ProcessDefinition, Task, Unit
from engine.packs import picture
from engine.packs.outline import steps

from . import errors, forms, progress, rendering
from .auth import actor
from .session import db, rollback

room = Blueprint("matters", __name__)
PAGE = 30
HISTORY = 12
IN_CHARGE = ("organizer", "service_officer", "supervisor")
OPEN = (InstanceState.RUNNING, InstanceState.SUSPENDED, InstanceState.INCIDENT)


# --- the list -------------------------------------------------------------------------------------------------------
@room.get("/matters")
def index() -> ResponseReturnValue:
    text, state, stage, unit = (request.args.get(name, "").strip() for name in ("q", "state", "stage", "unit"))
    number = min(max(1, request.args.get("page", 1, type=int)), 10_000)
    query = _listed(text, state, stage, unit)
    total = db().scalar(select(func.count()).select_from(query.order_by(None).subquery())) or 0
    found = db().scalars(query.options(joinedload(Instance.unit), joinedload(Instance.definition))
                         .limit(PAGE).offset(PAGE * (number - 1))).all()
    units = db().scalars(select(Unit).where(Unit.id.in_(select(Instance.unit_id).where(access.sees_instance(actor()))))
                         .order_by(Unit.code)).all()
    return render_template(
        "matters/index.html", matters=found, total=total, page=number, pages=-(-total // PAGE), text=text, state=state,
        stage=stage, unit=unit, units=units, stages=progress.stages_of(db(), actor()), states=list(InstanceState),
        state_word=progress.state_word, may_start=access.grants(actor(), Permission.START_MATTER),
        filtered=bool(text or state or stage or unit))


def _listed(text: str, state: str, stage: str, unit: str) -> Select[Instance]:
    query = select(Instance).where(access.sees_instance(actor())).order_by(Instance.started_at.desc(), Instance.id.desc())
    for word in text.split():
        like = f"%{word}%"
        people = select(Person.id).where(Person.name.like(like))
        query = query.where(or_(Instance.number.like(like), Instance.title.like(like), Instance.started_by.in_(people)))
    if state == "open":
        query = query.where(Instance.state.in_(OPEN))
    elif state in list(InstanceState):
        query = query.where(Instance.state == state)
    if stage:
        query = query.where(Instance.stage == stage)
    if unit:
        query = query.where(Instance.unit_id.in_(select(Unit.id).where(Unit.code == unit)))
    return query


# --- one matter -----------------------------------------------------------------------------------------------------
@room.get("/matters/<int:instance_id>")
def matter(instance_id: int) -> ResponseReturnValue:
    found = access.get_instance(db(), actor(), instance_id)
    at = progress.where(db(), found)
    everything = request.args.get("all") == "1"
    told = progress.told(db(), found, everything=everything, limit=None if everything else HISTORY)
    flaws = list(history.verify(db(), found.id)) if request.args.get("verify") == "1" else None
    objections = board.objections(db(), instance=found)
    return render_template(
        "matters/matter.html", matter=found, at=at, steps=progress.step_line(db(), found, at), sheets=_sheets(found, at),
        terms=progress.terms(db(), found),
        open_tasks=[(task, progress.title_of(db(), task), _mine(task)) for task in tasks.open_in(db(), found)],
        filed=papers.of_instance(db(), found), postings=progress.postings(db(), found), objections=objections,
        unanswered=progress.unanswered(objections), told=told, everything=everything, flaws=flaws,
        state=progress.state_word(found.state), in_charge=_in_charge(found), day_of=board.day_of,
        may={verb: access.may(actor(), permission, found.unit) for verb, permission in _VERBS.items()},
        sees_opinions=access.may(actor(), Permission.SEE_MATTERS, found.unit),
        ended=found.state not in OPEN, suspended=found.state == InstanceState.SUSPENDED)


@room.get("/matters/<int:instance_id>/outline")
def outline(instance_id: int) -> ResponseReturnValue:
    """The diagram in words, with the state of every step."""
    found = access.get_instance(db(), actor(), instance_id)
    return render_template("matters/outline.html", matter=found, at=progress.where(db(), found), sheets=_sheets(found, None))


@room.get("/matters/<int:instance_id>/<process>.bpmn")
def model(instance_id: int, process: str) -> ResponseReturnValue:
    """The model of this matter's version, for the viewer."""
    found = access.get_instance(db(), actor(), instance_id)
    compiled = definitions.compiled(db(), found.definition_id)
    if process not in compiled.definition.processes:
        raise NotFound(say("This version of the procedure has no part {part}.", part=process))
    return Response(compiled.pack.models[compiled.process(process).file], mimetype="application/xml")


def _sheets(found: Instance, at: progress.Where | None) -> list[dict[str, Any]]:
    """-> what is to be drawn: the procedure itself, and the parts it calls; of those, with `at`, only where it stands."""
    compiled = definitions.compiled(db(), found.definition_id)
    main = found.definition.key
    shown: list[dict[str, Any]] = []
    for key in [main, *sorted(key for key in compiled.definition.processes if key != main)]:
        inside = [element for element in compiled.places[key] if element != key]
        if key != main and at is not None and not any(element in at.now for element in inside):
            continue
        process = compiled.process(key)
        data = compiled.pack.models[process.file]
        sheet: dict[str, Any] = {"key": key, "name": process.name or key}
        if at is None:
            sheet["steps"] = steps(data, key)
        else:
            marks = _marks(inside, at)
            drawn = picture.svg(data, key, done=marks["done"], now=marks["now"], bad=marks["bad"])
            sheet |= {"state": marks, "picture": Markup(drawn)}
        shown.append(sheet)
    return shown


def _marks(elements: Sequence[str], at: progress.Where) -> dict[str, list[str]]:
    marks: dict[str, list[str]] = {"done": [], "now": [], "bad": []}
    for element in elements:
        state = at.state(element)
        if state:
            marks[state].append(element)
    return marks


def _mine(task: Task) -> bool:
    return not tasks.in_other_hands(task, actor()) and access.may_act(actor(), task, task.kind)


def _in_charge(found: Instance) -> list[tuple[str, list[Person]]]:
    """-> the three who answer for a matter, by role."""
    named = [(rendering.role(role), organisation.people_with(db(), role, found.unit)) for role in IN_CHARGE]
    return [(role, people) for role, people in named if people]


# --- verbs ----------------------------------------------------------------------------------------------------------
_VERBS = {"cancel": Permission.CANCEL_MATTER, "suspend": Permission.SUSPEND_MATTER, "resume": Permission.SUSPEND_MATTER}


@room.post("/matters/<int:instance_id>/cancel")
def cancel(instance_id: int) -> ResponseReturnValue:
    return _act(instance_id, "cancel", _("The matter has been cancelled."))


@room.post("/matters/<int:instance_id>/suspend")
def suspend(instance_id: int) -> ResponseReturnValue:
    return _act(instance_id, "suspend", _("The matter is suspended."))


@room.post("/matters/<int:instance_id>/resume")
def resume(instance_id: int) -> ResponseReturnValue:
    return _act(instance_id, "resume", _("The matter goes on."))


def _act(instance_id: int, verb: str, words: str) -> ResponseReturnValue:
    found = access.get_instance(db(), actor(), instance_id)
    access.require(actor(), _VERBS[verb], found.unit)
    reason = request.form.get("reason", "").strip()
    if not reason:
        raise Invalid(say("Write the reason: it goes into the history, where everybody who sees the matter reads it."),
                      {"reason": say("Write the reason.")})
    {"cancel": instances.cancel, "suspend": instances.suspend, "resume": instances.resume}[verb](db(), found, actor(), reason)
    flash(words, "ok")
    return redirect(url_for(".matter", instance_id=instance_id), 303)


# --- beginning one --------------------------------------------------------------------------------------------------
@room.get("/matters/start")
def start() -> ResponseReturnValue:
    """First where and which procedure, if there is a choice; then what the procedure asks at its start."""
    unit, definition = _chosen()
    if unit is None or definition is None:
        units = deployments.start_units(db(), actor())
        offered = [(place, deployments.startable(db(), place)) for place in units]
        return render_template("matters/choose.html", offered=[(place, found) for place, found in offered if found],
                               describe=_description)
    return _start_page(unit, definition)


@room.post("/matters/start")
def begin() -> ResponseReturnValue:
    unit, definition = _chosen()
    if unit is None or definition is None:
        raise NotFound(say("Choose the unit and the procedure first."))
    access.require(actor(), Permission.START_MATTER, unit)
    event, form = _start_form(definition)
    typed = forms.typed_in(request)
    rearranged = form.rearranged(typed) if form else None
    if rearranged is not None:
        return _start_page(unit, definition, rearranged)
    title = request.form.get("_title", "").strip()
    try:
        values = form.check(typed, {}) if form else {}
        if not title and not (form and "title" in form.keys):
            raise Invalid(say("Give the matter a title."), {"title": say("Give the matter a title.")})
    except Invalid as refusal:
        rollback()
        return _start_page(unit, definition, typed, refusal.problems, title), 422
    variables = {"title": title, **values} if title else values
    errors.attempt({"verb": "start", "variables": variables, "title": title, "start_event": event},
                   unit_id=unit.id, definition_id=definition.id)
    begun = instances.start(db(), definition, actor(), variables, unit=unit, title=title, start_event=event)
    flash(_("The matter has begun: %(number)s.", number=begun.number or begun.title), "ok")
    following = next((task for task in tasks.open_in(db(), begun) if _mine(task)), None)
    if following is not None:
        return redirect(url_for("inbox.task", task_id=following.id), 303)
    return redirect(url_for(".matter", instance_id=begun.id), 303)


def _start_page(unit: Unit, definition: ProcessDefinition, typed: Mapping[str, Sequence[str]] | None = None,
                problems: Mapping[str, Sentence] | None = None, title: str = "") -> str:
    form = _start_form(definition)[1]
    own_title = form is None or "title" not in form.keys
    page = forms.page(form, {}, typed, problems) if form else None
    summary = list(page.summary) if page else [("f-title", "", sentence) for sentence in (problems or {}).values()]
    return render_template("matters/start.html", unit=unit, definition=definition, page=page, own_title=own_title, title=title,
                           problem=(problems or {}).get("title"), summary=summary, description=_description(definition))


def _chosen() -> tuple[Unit | None, ProcessDefinition | None]:
    """-> the unit and procedure that were picked; the only ones there are need no picking."""
    units = {unit.code: unit for unit in deployments.start_units(db(), actor())}
    wanted = request.args.get("unit") or request.form.get("_unit", "")
    if wanted and wanted not in units:
        raise NotFound(say("There is no unit {unit} in which you may start matters.", unit=wanted))
    unit = units[wanted] if wanted else next(iter(units.values())) if len(units) == 1 else None
    if unit is None:
        return None, None
    offered = {definition.key: definition for definition in deployments.startable(db(), unit)}
    key = request.args.get("procedure") or request.form.get("_procedure", "")
    if key and key not in offered:
        raise NotFound(say("The procedure “{key}” is not in use in {unit}.", key=key, unit=unit.name))
    return unit, offered[key] if key else next(iter(offered.values())) if len(offered) == 1 else None


def _start_form(definition: ProcessDefinition) -> tuple[str | None, Form | None]:
    """-> the start event at which people begin, and its form."""
    compiled = definitions.compiled(db(), definition.id)
    waiting = {wait.element for wait in compiled.definition.start_waits(definition.key)}
    events = [event.name for event in compiled.definition.start_events(definition.key) if event.name not in waiting]
    if not events:
        return None, None
    return events[0], compiled.forms.get(compiled.places[definition.key][events[0]].form)


def _description(definition: ProcessDefinition) -> str:
    return definitions.compiled(db(), definition.id).process(definition.key).documentation or ""


# --- papers ---------------------------------------------------------------------------------------------------------
@room.get("/papers/<int:paper_id>")
def paper(paper_id: int) -> ResponseReturnValue:
    found = papers.get(db(), actor(), paper_id)
    return forms.send(found, papers.store(current_app.config["SETTINGS"]).get(found.sha256))
