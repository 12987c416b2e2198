"""Absence with a substitute 代办: somebody is away, and another does his work meanwhile.

The substitute is given, for the days of the absence, each role of the absent person that he does not hold himself, and so
belongs to the same candidate groups; what the absent person has claimed he may take over. Roles in which people sit and
vote in person are left out: the law knows no proxies in the representatives' meeting [居委会组织法 2025 §19, §29].
"""

from __future__ import annotations

from datetime import date

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session, joinedload

from engine import access, clock
from engine.access import Actor, Permission
from engine.errors import Conflict, Invalid, Sentence, say
from engine.models import Absence, Assignment, Person

from .log import record
from .people import assign, require_over


def set_absence(
    session: Session, person: Person, substitute: Person, starts: date, ends: date, *, actor: Actor | None = None
) -> Absence:
    """-> the absence of `person` from `starts` to `ends`, both included, in which `substitute` stands in.

    Forbidden; Invalid with problems under `substitute`, `starts` and `ends`; Conflict when there is another absence at that
    time, no role in which anybody may stand in, or a rule that keeps one of the roles from the substitute.
    """
    require_over(session, actor, person)
    problems: dict[str, Sentence] = {}
    if substitute.id == person.id:
        problems["substitute"] = say("Nobody stands in for himself. Choose somebody else.")
    elif not substitute.active:
        problems["substitute"] = say("{name} has left. Choose somebody else.", name=substitute.name)
    if ends < starts:
        problems["ends"] = say("The absence ends before it starts.")
    elif ends < clock.today():
        problems["ends"] = say("The absence is over already.")
    if problems:
        raise Invalid(say("The absence has not been entered."), problems)
    _refuse_overlap(session, person, substitute, starts, ends)
    terms = _lendable(session, person, starts, ends)
    if not terms:
        raise Conflict(
            say(
                "{name} holds no role in which somebody else may act. Whoever votes or supervises does so in person.",
                name=person.name,
            )
        )
    absence = Absence(person_id=person.id, substitute_id=substitute.id, starts=starts, ends=ends)
    session.add(absence)
    session.flush()
    for term in terms:
        first, last = max(starts, term.starts), min(ends, term.ends or ends)
        if not _holds(session, substitute, term, first, last):
            assign(session, substitute, term.role, term.unit, first, last, actor=actor).absence_id = absence.id
    record(session, actor, person.unit, person, "absent", starts=starts, ends=ends, substitute=substitute.name)
    session.flush()
    return absence


def end_absence(session: Session, absence: Absence, last_day: date, *, actor: Actor | None = None) -> None:
    """The person is away until `last_day` only, and so long the substitute acts; before the first day, it never began.
    Forbidden; Invalid for a day after the one that was entered."""
    require_over(session, actor, absence.person)
    if last_day > absence.ends:
        raise Invalid(say("The absence has not been changed."), {"ends": say("It ends earlier already. Enter a new absence.")})
    absence.ends = last_day
    for lent in session.scalars(select(Assignment).where(Assignment.absence_id == absence.id)):
        lent.ends = min(lent.ends or last_day, last_day)
    record(session, actor, absence.person.unit, absence.person, "back", ends=last_day)
    session.flush()


def possible_substitutes(session: Session, person: Person, actor: Actor) -> list[Person]:
    """-> the people who may be named as substitute of `person`: those at home or with a role where he is, by name."""
    held = select(Assignment.person_id).where(Assignment.unit_id.in_(access.lineage(person.unit)), access.in_term())
    query = select(Person).where(
        Person.active, Person.id != person.id, or_(Person.unit_id == person.unit_id, Person.id.in_(held))
    )
    found = session.scalars(query.options(joinedload(Person.unit)).order_by(Person.sort_key, Person.id))
    return [one for one in found if access.may(actor, Permission.MANAGE_PEOPLE, one.unit)]


def _lendable(session: Session, person: Person, starts: date, ends: date) -> list[Assignment]:
    """His own terms at that time, in roles that another may exercise."""
    own = [key for key, role in access.ROLES.items() if not role.in_person]
    query = select(Assignment).where(Assignment.person_id == person.id, Assignment.role.in_(own), _during(starts, ends))
    return list(session.scalars(query.where(Assignment.absence_id.is_(None)).order_by(Assignment.id)))


def _holds(session: Session, substitute: Person, term: Assignment, first: date, last: date) -> bool:
    query = select(Assignment.id).where(
        Assignment.person_id == substitute.id,
        Assignment.role == term.role,
        Assignment.unit_id.in_(access.lineage(term.unit)),
        Assignment.starts <= first,
        or_(Assignment.ends.is_(None), Assignment.ends >= last),
    )
    return session.scalar(query.limit(1)) is not None


def _during(starts: date, ends: date) -> ColumnElement[bool]:
    return and_(Assignment.starts <= ends, or_(Assignment.ends.is_(None), Assignment.ends >= starts))


def _refuse_overlap(session: Session, person: Person, substitute: Person, starts: date, ends: date) -> None:
    meanwhile = (Absence.starts <= ends, Absence.ends >= starts, Absence.ends >= Absence.starts)
    other = session.scalar(select(Absence).where(Absence.person_id == person.id, *meanwhile).limit(1))
    if other is not None:
        raise Conflict(
            say(
                "{name} is entered as away from {starts} to {ends} already.",
                name=person.name,
                starts=other.starts,
                ends=other.ends,
            )
        )
    away = session.scalar(select(Absence).where(Absence.person_id == substitute.id, *meanwhile).limit(1))
    if away is not None:
        raise Conflict(
            say(
                "{name} is away as well from {starts} to {ends}. Choose somebody else.",
                name=substitute.name,
                starts=away.starts,
                ends=away.ends,
            )
        )
