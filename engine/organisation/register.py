"""The register of a unit as people read it: who holds what until when, who can do what, what is vacant or soon will be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session, joinedload

from engine import access, clock
from engine.access import Permission, Role
from engine.errors import Sentence, say
from engine.models import Absence, Account, Assignment, Person, Unit

from .people import Vacancy

SOON = timedelta(days=60)
"""So long before the end of a term somebody new must be looked for: a by-election takes about that (i)."""


@dataclass(frozen=True)
class Entry:
    """One person of the register. `terms` are those that last today or begin later, `absence` the present or next one."""

    person: Person
    terms: list[Assignment] = field(default_factory=list)
    account: Account | None = None
    absence: Absence | None = None


class Duty(NamedTuple):
    """What a role may do, what it may never do whatever a procedure says, and the source of that."""

    role: Role
    can: list[Sentence]
    cannot: list[Sentence]


def entries(session: Session, unit: Unit, *, role: str = "", text: str = "") -> list[Entry]:
    """-> the people at home in `unit` or with a role over it, in the order of the roles and then by name; only those who
    hold `role` or whose name holds `text`, if given. Five statements, however many there are."""
    held = select(Assignment.person_id).where(Assignment.unit_id.in_(access.lineage(unit)), _lasting())
    holding = Person.id.in_(held.where(Assignment.role == role) if role else held)
    chosen = holding if role else or_(Person.unit_id == unit.id, holding)
    query = select(Person).where(Person.active, chosen).options(joinedload(Person.unit))
    if text:
        query = query.where(Person.name.contains(text, autoescape=True))
    found = entries_of(session, session.scalars(query.order_by(Person.sort_key, Person.id)))
    order = {key: place for place, key in enumerate(access.ROLES)}
    return sorted(found, key=lambda one: min((order.get(term.role, len(order)) for term in one.terms), default=len(order)))


def entries_of(session: Session, people: Iterable[Person]) -> list[Entry]:
    """-> what the register says of these people, in their order."""
    listed = list(people)
    numbers = [person.id for person in listed]
    terms: dict[int, list[Assignment]] = {}
    query = select(Assignment).where(Assignment.person_id.in_(numbers), _lasting()).order_by(Assignment.starts, Assignment.id)
    order = {key: place for place, key in enumerate(access.ROLES)}
    whose = joinedload(Assignment.absence).joinedload(Absence.person)
    for term in session.scalars(query.options(joinedload(Assignment.unit), whose)):
        terms.setdefault(term.person_id, []).append(term)
    accounts = {account.person_id: account for account in session.scalars(select(Account).where(Account.person_id.in_(numbers)))}
    away = select(Absence).where(Absence.person_id.in_(numbers), Absence.ends >= clock.today(), Absence.ends >= Absence.starts)
    absences: dict[int, Absence] = {}
    for absence in session.scalars(away.options(joinedload(Absence.substitute)).order_by(Absence.starts)):
        absences.setdefault(absence.person_id, absence)
    return [
        Entry(
            person,
            sorted(terms.get(person.id, []), key=lambda term: order.get(term.role, len(order))),
            accounts.get(person.id),
            absences.get(person.id),
        )
        for person in listed
    ]


def duties() -> list[Duty]:
    """-> for every role what it can and cannot do, derived from the rules that `access` applies."""
    return [
        Duty(
            role,
            [permission.sentence for permission in Permission if permission in role.permissions],
            [sentence for kind, sentence in _KINDS.items() if kind in role.never]
            + [say("be {role} at the same time", role=access.ROLES[key].sentence) for key in sorted(role.apart)],
        )
        for role in access.ROLES.values()
    ]


def ending(session: Session, unit: Unit, within: timedelta = SOON) -> list[Assignment]:
    """-> the terms in the unit and below it that end in that time, the earliest first. Those of substitutes are meant to
    end, and nobody is looked for."""
    today = clock.today()
    query = (
        select(Assignment)
        .join(Person, Person.id == Assignment.person_id)
        .join(Unit, Unit.id == Assignment.unit_id)
        .where(
            Person.active,
            Unit.path.like(unit.path + "%"),
            Assignment.starts <= today,
            Assignment.ends >= today,
            Assignment.ends <= today + within,
            Assignment.absence_id.is_(None),
        )
        .options(joinedload(Assignment.person), joinedload(Assignment.unit))
    )
    return list(session.scalars(query.order_by(Assignment.ends, Person.sort_key, Assignment.id)))


def vacancies(session: Session, unit: Unit, on: date | None = None) -> list[Vacancy]:
    """-> the roles that nobody holds on that day (else today), for the unit and each one below it. Two statements."""
    kin = or_(Unit.id.in_(access.lineage(unit)), Unit.path.like(unit.path + "%"))
    units = list(session.scalars(select(Unit).where(kin).order_by(Unit.path)))
    rows = session.execute(
        select(Assignment.role, Unit.path)
        .join(Person, Person.id == Assignment.person_id)
        .join(Unit, Unit.id == Assignment.unit_id)
        .where(Person.active, Unit.id.in_([one.id for one in units]), access.in_term(on))
        .distinct()
    )
    paths: dict[str, set[str]] = {}
    for key, path in rows:
        paths.setdefault(key, set()).add(path)
    found: dict[tuple[str, int], Vacancy] = {}
    for place in (one for one in units if one.path.startswith(unit.path)):
        above = {one.kind: one for one in units if place.path.startswith(one.path)}
        for role in access.ROLES.values():
            usual = next((above[kind] for kind in role.units if kind in above), None)
            held = any(place.path.startswith(path) or path.startswith(place.path) for path in paths.get(role.key, ()))
            if usual is not None and not held:
                sentence = say("Nobody is {role} in {unit}. Give the role to somebody.", role=role.sentence, unit=usual.name)
                found.setdefault((role.key, usual.id), Vacancy(role, usual, sentence))
    return list(found.values())


def vacancies_to_come(session: Session, unit: Unit, within: timedelta = SOON) -> list[Vacancy]:
    """-> the roles that somebody holds today and nobody will hold when that time is over."""
    day = clock.today() + within
    now = {(one.role.key, one.unit.id) for one in vacancies(session, unit)}
    return [
        Vacancy(
            one.role,
            one.unit,
            say(
                "By {day} nobody will be {role} in {unit} any more. Look for somebody now.",
                day=day,
                role=one.role.sentence,
                unit=one.unit.name,
            ),
        )
        for one in vacancies(session, unit, day)
        if (one.role.key, one.unit.id) not in now
    ]


_KINDS: Mapping[str, Sentence] = {
    "registration": say("register a matter"),
    "solicitation": say("collect opinions"),
    "study": say("study and discuss a plan"),
    "proposal": say("propose a plan"),
    "legality": say("write the note on lawfulness"),
    "consultation": say("hold a consultation"),
    "members_meeting": say("count in the Party members' meeting"),
    "resolution": say("resolve"),
    "vote": say("vote"),
    "posting": say("post a notice"),
    "answer": say("answer an objection"),
    "works": say("carry out the works"),
    "appraisal": say("appraise the result"),
    "archive": say("file the papers"),
}


def _lasting() -> ColumnElement[bool]:
    return and_(
        or_(Assignment.ends.is_(None), Assignment.ends >= clock.today()),
        or_(Assignment.ends.is_(None), Assignment.ends >= Assignment.starts),
    )
