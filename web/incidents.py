"""Failures 故障: which are open, what happened and became of what was typed, and putting them right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from engine import access, bpmn, definitions, feel, incidents
from engine import errors as refusals
from engine.access import Permission
from engine.errors import EngineError, Invalid, Sentence, say
from engine.models import Incident, Person, ProcessDefinition, Task, Unit

from . import errors, progress
from .auth import actor
from .session import db, rollback

room = Blueprint("incidents", __name__, url_prefix="/incidents")
ROWS = 3
"""How many names and values may be given at once."""
MAX_VALUE = 2000


def count() -> int:
    """-> how many are open that the actor may see, for the navigation."""
    return len(incidents.open_incidents(db(), actor()))


@room.get("/")
def index() -> ResponseReturnValue:
    if not access.grants(actor(), Permission.SEE_OPERATIONS):
        raise refusals.Forbidden(say("Only administrators see the failures. What happened to you is on its own page."))
    rows = [(one, incidents.sentence_of(one), _step(one)) for one in incidents.open_incidents(db(), actor())]
    return render_template("incidents/index.html", rows=rows)


@room.get("/<int:incident_id>")
def incident(incident_id: int) -> ResponseReturnValue:
    return _page(incidents.get(db(), actor(), incident_id))


@room.post("/<int:incident_id>/retry")
def retry(incident_id: int) -> ResponseReturnValue:
    """Does once more what had failed, after what is missing has been filled in. If it fails again, this one stays open."""
    found = incidents.get(db(), actor(), incident_id)
    typed = list(zip(request.form.getlist("name")[:ROWS], request.form.getlist("value")[:ROWS], strict=False))
    try:
        incidents.retry(db(), found, actor(), values=_values(typed))
    except refusals.Incident as failure:
        rollback()
        again = say("It failed again: {reason}", reason=failure.sentence)
        return _page(incidents.get(db(), actor(), incident_id), typed, again), 422
    except Invalid as refusal:
        rollback()
        problems = list(refusal.problems.values()) or [refusal.sentence]
        return _page(incidents.get(db(), actor(), incident_id), typed, *problems), 422
    except EngineError as refusal:
        rollback()
        return _page(incidents.get(db(), actor(), incident_id), typed, refusal.sentence), errors.status_of(refusal)
    flash(_("Failure no. %(number)d is put right: it has gone on.", number=incident_id), "ok")
    return redirect(url_for(".index"), 303)


@room.post("/<int:incident_id>/dismiss")
def dismiss(incident_id: int) -> ResponseReturnValue:
    found = incidents.get(db(), actor(), incident_id)
    incidents.dismiss(db(), found, actor())
    flash(_("Failure no. %(number)d is closed. What had been tried stays undone.", number=incident_id), "ok")
    return redirect(url_for(".index"), 303)


def _page(found: Incident, typed: Sequence[tuple[str, str]] = (), *problems: Sentence) -> str:
    act = bpmn.decode(found.act_json)
    unit = db().get_one(Unit, found.unit_id)
    mine = found.person_id is not None and found.person_id == actor().person_id
    return render_template(
        "incidents/incident.html", incident=found, sentence=incidents.sentence_of(found), step=_step(found), unit=unit, mine=mine,
        verb=act.get("verb"), task=db().get(Task, found.task_id) if found.task_id else None, problems=problems,
        procedure=db().get(ProcessDefinition, found.definition_id) if found.definition_id else None,
        tried_by=db().get(Person, found.person_id) if found.person_id else None,
        sees=access.may(actor(), Permission.SEE_OPERATIONS, unit),
        solved_by=db().get(Person, found.resolved_by) if found.resolved_by else None,
        may_resolve=access.may(actor(), Permission.RESOLVE_INCIDENT, unit), rows=[*typed, *[("", "")] * ROWS][:ROWS])


def _step(found: Incident) -> str:
    """-> the name of the step at which it failed, as people know it."""
    definition_id = found.instance.definition_id if found.instance else found.definition_id
    if definition_id is None or not found.element:
        return found.element
    place = progress.places(definitions.compiled(db(), definition_id)).get(found.element)
    return place.name if place else found.element


def _values(typed: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """-> what was typed as values: numbers, dates, lists and so on as FEEL writes them, all else as text. Invalid."""
    found = {}
    for name, text in ((name.strip(), text.strip()) for name, text in typed):
        if not name and not text:
            continue
        if not name or len(name) > 100:
            raise Invalid(say("The values are not complete."), {"name": say("Say which value “{value}” is.", value=text)})
        if len(text) > MAX_VALUE:
            too_long = say("At most {limit} characters fit here.", limit=MAX_VALUE)
            raise Invalid(say("The values are not complete."), {"value": too_long})
        found[name] = _value(text)
    return found


def _value(text: str) -> Any:
    """-> a FEEL literal's value, else the text as it is: `12`, `true`, `"12"`, `date("2026-04-13")`, but also 南门."""
    try:
        result = feel.compile(text).evaluate({})
    except feel.FeelError:
        return text
    unknown = result.value is None and text != "null"
    return text if unknown or isinstance(result.value, feel.Function) else result.value
