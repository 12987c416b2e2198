"""The register out as rows and in again: what a file would change is found by changing it, in a transaction that its
caller ends or undoes. So a preview is what then happens."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from engine import access
from engine.access import Actor, Permission
from engine.errors import Conflict, Forbidden, Invalid, NotFound, Sentence, say
from engine.models import Assignment, Person, Unit

from .log import deed, log
from .people import add_person, amend, assign, end_term
from .register import entries_of
from .sheets import Row


class Effect(NamedTuple):
    """What one row does. `kind` is added, changed, ended or refused."""

    line: int
    kind: str
    sentence: Sentence


def rows_of(session: Session, unit: Unit) -> list[tuple[str, ...]]:
    """-> the register of the people at home in the unit and below it, in the columns of `sheets.HEADINGS`: a row for each
    term, and one for whoever holds no role. What a substitute holds for another is left out."""
    people = session.scalars(
        select(Person)
        .join(Unit, Unit.id == Person.unit_id)
        .where(Person.active, Unit.path.like(unit.path + "%"))
        .options(joinedload(Person.unit))
        .order_by(Unit.path, Person.sort_key, Person.id)
    )
    rows: list[tuple[str, ...]] = []
    for entry in entries_of(session, people):
        person = entry.person
        who = (str(person.id), person.name, person.phone, person.unit.code)
        terms = [term for term in entry.terms if term.absence_id is None]
        rows += [
            (*who, access.ROLES[term.role].name, term.unit.code, str(term.starts), str(term.ends or ""))
            for term in terms
            if term.role in access.ROLES
        ]
        if not terms:
            rows.append((*who, "", "", "", ""))
    return rows


def take_over(session: Session, rows: Sequence[Row], actor: Actor) -> list[Effect]:
    """Does what each row says and -> what that was, in the order of the file; a row that is refused changes nothing, and
    the others go on. Who or what is not in the file stays as it is."""
    newcomers: dict[tuple[str, str], Person] = {}
    effects: list[Effect] = []
    for row in rows:
        try:
            with session.begin_nested():
                effects += _take_row(session, row, actor, newcomers)
        except (Invalid, Conflict, Forbidden, NotFound) as refusal:
            problems = list(refusal.problems.values()) if isinstance(refusal, Invalid) else []
            effects.append(Effect(row.line, "refused", problems[0] if problems else refusal.sentence))
    return effects


def fingerprint(effects: Sequence[Effect]) -> str:
    """-> what tells one list of effects from another: nothing is written that has not been shown."""
    return hashlib.sha256("\n".join(f"{one.line} {one.kind} {one.sentence}" for one in effects).encode()).hexdigest()


def _take_row(session: Session, row: Row, actor: Actor, newcomers: dict[tuple[str, str], Person]) -> list[Effect]:
    home = _unit(session, row.unit, actor)
    effects: list[Effect] = []
    added = None
    if row.number:
        person = _known(session, row.number, actor)
        if person.unit_id != home.id:
            raise Conflict(say("{name} is at home in another unit than this row says.", name=person.name))
        if amend(session, person, row.name, row.phone, actor=actor):
            effects.append(Effect(row.line, "changed", deed(log(session, home, person=person, limit=1)[0])))
    elif (row.unit, row.name) in newcomers:
        person = newcomers[row.unit, row.name]
    else:
        _refuse_namesake(session, row.name, home)
        person = added = add_person(session, home, row.name, phone=row.phone, actor=actor)
        effects.append(Effect(row.line, "added", say("added {person}", person=person.name)))
    if row.role:
        effects += _take_term(session, row, person, _unit(session, row.place, actor) if row.place else home, actor)
    if added is not None:
        newcomers[row.unit, row.name] = added
    return effects


def _take_term(session: Session, row: Row, person: Person, place: Unit, actor: Actor) -> list[Effect]:
    role = next((one for one in access.ROLES.values() if row.role in (one.name, one.english, one.key)), None)
    if role is None:
        raise Invalid(say("The role is unknown."), {"role": say("There is no role {role}.", role=row.role)})
    starts, ends = _day(row.starts), _day(row.ends)
    own = (Assignment.person_id == person.id, Assignment.unit_id == place.id, Assignment.absence_id.is_(None))
    held = select(Assignment).where(*own, Assignment.role == role.key)
    term = session.scalar(held.where(Assignment.starts == starts).limit(1)) if starts is not None else None
    if term is None:
        assign(session, person, role.key, place, starts, ends, actor=actor)
        kind = "added"
    elif term.ends == ends:
        return []
    elif ends is None:
        raise Conflict(say("{name}: a term that has a last day is not reopened by a file. Give the role anew.", name=person.name))
    else:
        kind = "ended" if term.ends is None or ends < term.ends else "changed"
        end_term(session, term, ends, actor=actor)
    session.flush()
    return [Effect(row.line, kind, deed(log(session, place, person=person, limit=1)[0]))]


def _known(session: Session, number: str, actor: Actor) -> Person:
    found = session.get(Person, int(number)) if number.isascii() and number.isdecimal() and len(number) < 10 else None
    if found is None or not found.active or not access.may(actor, Permission.MANAGE_PEOPLE, found.unit):
        raise NotFound(say("There is no person {id} in your units.", id=number))
    return found


def _unit(session: Session, code: str, actor: Actor) -> Unit:
    found = session.scalar(select(Unit).where(Unit.code == code))
    if found is None or not access.may(actor, Permission.MANAGE_PEOPLE, found):
        raise NotFound(say("There is no unit {unit} whose people you manage.", unit=code or "—"))
    return found


def _refuse_namesake(session: Session, name: str, home: Unit) -> None:
    other = session.scalar(select(Person.id).where(Person.unit_id == home.id, Person.name == name, Person.active).limit(1))
    if other is not None:
        raise Conflict(say("There is a {name} in {unit} already, with the number {number}. Write that number if it is the same "
                           "person; add another one by hand.", name=name, unit=home.name, number=other))


def _day(text: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        sentence = say("“{text}” is no day. Write it as year-month-day, for example 2026-04-13.", text=text)
        raise Invalid(say("The day cannot be read."), {"day": sentence}) from None
