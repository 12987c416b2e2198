"""People and roles: the register of a unit, and one person's name, terms, account and absences.

Everything here asks for `manage_people`; what may be done to whom is for `engine.organisation` to say.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import date
from urllib.parse import quote

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy import or_, select
from sqlalchemy.orm import joinedload

from engine import access, clock, organisation
from engine.access import Permission
from engine.errors import Conflict, EngineError, Invalid, NotFound, say
from engine.models import Absence, Account, Assignment, Person, Unit
from engine.organisation import intake, sheets

from . import errors, rendering
from .auth import actor
from .session import db, rollback

room = Blueprint("people", __name__, url_prefix="/people")
LINES = 50
LAST = 6
MEETING = ("representative", "party_member")
"""Roles of many, who are listed when asked for."""


@room.before_request
def managers_only() -> None:
    """Forbidden, with the sentence that names who may, for everybody else."""
    if actor().person_id is not None and not access.grants(actor(), Permission.MANAGE_PEOPLE):
        access.require(actor(), Permission.MANAGE_PEOPLE, db().get_one(Person, actor().person_id).unit)


# --- the register ---------------------------------------------------------------------------------------------------
@room.get("/")
def index() -> ResponseReturnValue:
    unit, units = _unit(), _managed()
    role, text = request.args.get("role", ""), request.args.get("q", "").strip()[:60]
    found = organisation.entries(db(), unit, role=role, text=text)
    of_meeting = [one for one in found if one.terms and all(term.role in MEETING for term in one.terms)]
    shown = found if role or text else [one for one in found if one not in of_meeting]
    return render_template(
        "people/index.html", unit=unit, units=units, roles=list(access.ROLES.values()), role_filter=role, text=text, entries=shown,
        hidden=len(found) - len(shown), may_change=_may_change, check=_check(unit),
        vacant=organisation.vacancies(db(), unit), to_come=organisation.vacancies_to_come(db(), unit),
        ending=organisation.ending(db(), unit), duties=organisation.duties(),
        lines=organisation.log(db(), unit, limit=LAST), deed=organisation.deed)


@room.get("/log")
def log() -> ResponseReturnValue:
    """Who changed whose rights, the latest first."""
    unit = _unit()
    found = organisation.log(db(), unit, limit=LINES + 1, before=request.args.get("before", type=int))
    older = found[LINES - 1].id if len(found) > LINES else None
    return render_template("people/log.html", unit=unit, lines=found[:LINES], older=older, deed=organisation.deed)


# --- as a file ------------------------------------------------------------------------------------------------------
@room.get("/register.xlsx")
def download() -> ResponseReturnValue:
    """The register of the unit and those below it; filled in, it can be taken over again."""
    unit = _unit()
    content = sheets.write(intake.rows_of(db(), unit))
    return Response(content, mimetype="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
                    headers={"Content-Disposition": f'attachment; filename="register-{quote(unit.code, safe="")}.xlsx"'})


@room.get("/import")
def choose_file() -> ResponseReturnValue:
    return render_template("people/import.html", unit=_unit(), rows=None, effects=[], refusal=None)


@room.post("/import")
def preview() -> ResponseReturnValue:
    """What the file would change: done, looked at, and undone."""
    unit, sent = _unit(), request.files.get("file")
    try:
        rows = sheets.read(sent.stream.read(sheets.LARGEST + 1) if sent else b"")
    except Invalid as refusal:
        return render_template("people/import.html", unit=unit, rows=None, effects=[], refusal=refusal), 422
    return _preview(rows)


@room.post("/import/apply")
def apply() -> ResponseReturnValue:
    """Writes what has been shown; when it would be something else by now, that is shown first."""
    unit, rows = _unit(), _sent_rows()
    effects = intake.take_over(db(), rows, actor())
    if intake.fingerprint(effects) != request.form.get("fingerprint"):
        rollback()
        return _preview(rows, changed=True), 409
    flash(_("The register has been taken over."), "ok")
    return redirect(url_for(".index", unit=unit.code), 303)


def _preview(rows: list[sheets.Row], changed: bool = False) -> str:
    effects = intake.take_over(db(), rows, actor())
    rollback()
    return render_template("people/import.html", unit=_unit(), rows=json.dumps(rows, ensure_ascii=False), effects=effects,
                           fingerprint=intake.fingerprint(effects), refusal=None, changed=changed)


def _sent_rows() -> list[sheets.Row]:
    """The rows as the preview's page sent them back; every one is asked about again, so they need no seal."""
    try:
        found = [sheets.Row(int(line), *(str(cell)[:200] for cell in cells)) for line, *cells in json.loads(request.form["rows"])]
    except (KeyError, TypeError, ValueError, RecursionError) as broken:
        again = say("The preview cannot be read. Send the file once more.")
        raise Invalid(again, {"file": again}) from broken
    return found[: sheets.MOST_ROWS]


def _check(unit: Unit) -> tuple[organisation.Representation, int] | None:
    """-> the representatives' meeting of a community and how many of it must come [居委会组织法 2025 §29]."""
    if unit.kind != "community":
        return None
    found = organisation.representatives_check(db(), unit)
    return found, -(-2 * found.members // 3)


def _may_change(person: Person) -> bool:
    return access.may(actor(), Permission.MANAGE_PEOPLE, person.unit)


def _managed() -> list[Unit]:
    query = select(Unit).where(access.sees_unit(actor(), Unit.id, Permission.MANAGE_PEOPLE))
    return list(db().scalars(query.order_by(Unit.path)))


def _unit() -> Unit:
    """-> the unit that was picked, else the topmost of the actor's."""
    units, code = _managed(), request.values.get("unit", "")
    found = next((unit for unit in units if unit.code == code), None) if code else units[0]
    if found is None:
        raise NotFound(say("There is no unit {unit} whose people you manage.", unit=code))
    return found


# --- somebody new ---------------------------------------------------------------------------------------------------
@room.get("/new")
def new() -> ResponseReturnValue:
    return _new_page({"role": request.args.get("role", ""), "starts": clock.today().isoformat()})


@room.post("/new")
def add() -> ResponseReturnValue:
    unit, sent = _unit(), request.form
    try:
        _refuse_namesake(unit)
        starts, ends = _day("starts"), _day("ends")
        person = organisation.add_person(db(), unit, sent.get("name", ""), phone=sent.get("phone", ""), actor=actor())
        if sent.get("role"):
            organisation.assign(db(), person, sent["role"], unit, starts, ends, actor=actor())
        if sent.get("login", "").strip():
            return _with_password(person, sent["login"])
    except (Invalid, Conflict) as refusal:
        rollback()
        return _new_page(sent, refusal), errors.status_of(refusal)
    flash(_("%(name)s has been added.", name=person.name), "ok")
    return redirect(url_for(".person", person_id=person.id), 303)


def _new_page(typed: Mapping[str, str], refusal: EngineError | None = None) -> str:
    unit = _unit()
    return render_template("people/new.html", unit=unit, role_choice=_roles_in({unit.kind}), typed=typed, refusal=refusal)


def _refuse_namesake(unit: Unit) -> None:
    name = " ".join(request.form.get("name", "").split())
    other = db().scalar(select(Person).where(Person.unit_id == unit.id, Person.name == name, Person.active).limit(1))
    if other is not None and not request.form.get("namesake"):
        raise Invalid(say("The person has not been added."),
                      {"name": say("There is a {name} in {unit} already. If it is another person, say so below.",
                                   name=name, unit=unit.name)})


# --- one person -----------------------------------------------------------------------------------------------------
@room.get("/<int:person_id>")
def person(person_id: int) -> ResponseReturnValue:
    return _person_page(person_id)


@room.post("/<int:person_id>")
def amend(person_id: int) -> ResponseReturnValue:
    sent = request.form
    return _try(person_id, "amend", _("It has been changed."), lambda someone: organisation.amend(
        db(), someone, sent.get("name", ""), sent.get("phone", ""), actor=actor()))


@room.post("/<int:person_id>/roles")
def give(person_id: int) -> ResponseReturnValue:
    return _try(person_id, "give", _("The role has been given."), lambda someone: organisation.assign(
        db(), someone, request.form.get("role", ""), _unit(), _day("starts"), _day("ends"), actor=actor()))


@room.post("/<int:person_id>/roles/<int:term_id>")
def end_term(person_id: int, term_id: int) -> ResponseReturnValue:
    def end(someone: Person) -> None:
        term = db().get(Assignment, term_id)
        if term is None or term.person_id != someone.id:
            raise NotFound(say("This term is not there any more."))
        organisation.end_term(db(), term, _required_day("ends"), actor=actor())

    return _try(person_id, f"end{term_id}", _("The last day of the term has been set."), end)


@room.post("/<int:person_id>/leave")
def leave(person_id: int) -> ResponseReturnValue:
    return _try(person_id, "leave", _("It has been entered. What was done stays under the name."),
                lambda someone: organisation.leave(db(), someone, actor=actor()))


@room.post("/<int:person_id>/account")
def account(person_id: int) -> ResponseReturnValue:
    """Makes an account; its password is shown in the answer and nowhere else."""
    try:
        return _with_password(_get(person_id), request.form.get("login", ""))
    except (Invalid, Conflict) as refusal:
        rollback()
        return _person_page(person_id, "account", refusal), errors.status_of(refusal)


@room.post("/<int:person_id>/account/password")
def reset(person_id: int) -> ResponseReturnValue:
    found, password = _account(person_id), organisation.one_time_password()
    organisation.reset_password(db(), found, password, actor=actor())
    return render_template("people/password.html", person=found.person, login=found.login, password=password)


@room.post("/<int:person_id>/account/close")
def close(person_id: int) -> ResponseReturnValue:
    return _try(person_id, "close", _("The account has been closed. Whoever was signed in with it is signed out."),
                lambda someone: organisation.disable(db(), _account(someone.id), actor=actor()))


@room.post("/<int:person_id>/account/open")
def reopen(person_id: int) -> ResponseReturnValue:
    return _try(person_id, "open", _("The account can be used again."),
                lambda someone: organisation.enable(db(), _account(someone.id), actor=actor()))


@room.post("/<int:person_id>/absences")
def set_absence(person_id: int) -> ResponseReturnValue:
    def enter(someone: Person) -> None:
        starts, ends = _required_day("starts"), _required_day("ends")
        number = request.form.get("substitute", type=int)
        choice = {one.id: one for one in organisation.possible_substitutes(db(), someone, actor())}
        if number not in choice:
            raise Invalid(say("The absence has not been entered."), {"substitute": say("Choose who stands in.")})
        organisation.set_absence(db(), someone, choice[number], starts, ends, actor=actor())

    return _try(person_id, "absence", _("The absence has been entered."), enter)


@room.post("/<int:person_id>/absences/<int:absence_id>")
def end_absence(person_id: int, absence_id: int) -> ResponseReturnValue:
    def end(someone: Person) -> None:
        absence = db().get(Absence, absence_id)
        if absence is None or absence.person_id != someone.id:
            raise NotFound(say("This absence is not there any more."))
        organisation.end_absence(db(), absence, _required_day("ends"), actor=actor())

    return _try(person_id, "back", _("The last day of the absence has been set."), end)


def _try(person_id: int, form: str, words: str, act: Callable[[Person], object]) -> ResponseReturnValue:
    """Does it and goes back to the person; a refusal is told at the form, where everything stays as typed."""
    try:
        act(_get(person_id))
    except (Invalid, Conflict) as refusal:
        rollback()
        return _person_page(person_id, form, refusal), errors.status_of(refusal)
    flash(words, "ok")
    return redirect(url_for(".person", person_id=person_id), 303)


def _person_page(person_id: int, form: str = "", refusal: EngineError | None = None) -> str:
    found = _get(person_id)
    entry, units = organisation.entries_of(db(), [found])[0], _managed()
    stands_in = db().scalars(select(Absence).where(Absence.substitute_id == found.id, Absence.ends >= clock.today(),
                                                   Absence.ends >= Absence.starts).options(joinedload(Absence.person))).all()
    home = next((unit for unit in units if unit.id == found.unit_id), units[0])
    return render_template(
        "people/person.html", person=found, entry=entry, stands_in=stands_in, form=form, refusal=refusal, units=units, home=home,
        typed=request.form, may_change=_may_change(found), substitutes=organisation.possible_substitutes(db(), found, actor()),
        role_choice=_roles_in({unit.kind for unit in units}), suggestion="".join(organisation.syllables(found.name)).lower(),
        in_charge=lambda term: access.may(actor(), Permission.MANAGE_PEOPLE, term.unit),
        myself=found.id == actor().person_id, deed=organisation.deed,
        lines=organisation.log(db(), units[0], person=found, limit=LINES) if units else [])


def _with_password(someone: Person, login: str) -> str:
    password = organisation.one_time_password()
    made = organisation.add_account(db(), someone, login, password, actor=actor())
    return render_template("people/password.html", person=someone, login=made.login, password=password)


def _get(person_id: int) -> Person:
    """-> a person at home, or with a role, in one of the actor's units."""
    here = access.sees_unit(actor(), Assignment.unit_id, Permission.MANAGE_PEOPLE)
    query = select(Person).where(Person.id == person_id, or_(
        access.sees_unit(actor(), Person.unit_id, Permission.MANAGE_PEOPLE),
        Person.id.in_(select(Assignment.person_id).where(here))))
    found = db().scalar(query.options(joinedload(Person.unit)))
    if found is None:
        raise NotFound(say("There is no person {id} in your units.", id=person_id))
    return found


def _account(person_id: int) -> Account:
    someone = _get(person_id)
    found = db().scalar(select(Account).where(Account.person_id == someone.id).options(joinedload(Account.person)))
    if found is None:
        raise NotFound(say("{name} has no account.", name=someone.name))
    return found


def _roles_in(kinds: set[str]) -> list[tuple[str, str]]:
    """-> key and name of the roles that are held in such units."""
    return [(role.key, rendering.role(role.key)) for role in access.ROLES.values() if kinds & set(role.units)]


def _day(name: str) -> date | None:
    text = request.form.get(name, "").strip()
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Invalid(say("The day cannot be read."),
                      {name: say("Write the day as year-month-day, for example 2026-04-13.")}) from None


def _required_day(name: str) -> date:
    found = _day(name)
    if found is None:
        raise Invalid(say("A day is missing."), {name: say("Write the day as year-month-day, for example 2026-04-13.")})
    return found
