"""Units, people, and the roles which people hold in units for a term."""

from __future__ import annotations

import unicodedata
from datetime import date, timedelta
from itertools import pairwise
from typing import NamedTuple

from sqlalchemy import and_, delete, or_, select, update
from sqlalchemy.orm import Session

from engine import access, clock
from engine.access import Actor, Permission, Role
from engine.errors import Conflict, Invalid, NotFound, Sentence, say
from engine.models import Account, Assignment, Login, Person, Unit

from .log import record
from .names import sort_key

KINDS = ("district", "street", "community")
"""The kinds of unit; each lies directly below one of the kind before it."""


# --- units ----------------------------------------------------------------------------------------------------------
def add_unit(
    session: Session,
    parent: Unit | None,
    kind: str,
    code: str,
    name: str,
    *,
    phone: str = "",
    actor: Actor | None = None,
) -> Unit:
    """-> the new unit below `parent`; a district has none. Forbidden; Invalid for a kind that does not belong there, a
    missing name, or a code that is taken."""
    if parent is None:
        _require_system(actor)
    else:
        _require(actor, parent)
    expected = KINDS[0] if parent is None else dict(pairwise(KINDS)).get(parent.kind)
    problems: dict[str, Sentence] = {}
    if kind != expected:
        problems["kind"] = say("A district stands alone, a street lies in a district, a community in a street.")
    if not name.strip():
        problems["name"] = say("Give the unit a name.")
    if not code.strip():
        problems["code"] = say("Give the unit a code.")
    elif session.scalar(select(Unit.id).where(Unit.code == code)) is not None:
        problems["code"] = say("The code {code} is taken by another unit. Choose another one.", code=code)
    if problems:
        raise Invalid(say("The unit has not been added."), problems)
    unit = Unit(parent_id=parent.id if parent else None, kind=kind, code=code, name=name.strip(), path="", phone=phone)
    session.add(unit)
    session.flush()
    unit.path = f"{parent.path if parent else '/'}{unit.id}/"
    session.flush()
    return unit


def unit_by_code(session: Session, code: str) -> Unit:
    """-> the unit; NotFound when there is none with this code."""
    unit = session.scalar(select(Unit).where(Unit.code == code))
    if unit is None:
        raise NotFound(say("There is no unit with the code {code}.", code=code))
    return unit


def topmost(session: Session) -> Unit:
    """-> the district; NotFound when none has been made yet. Conflict when there are several, so that one must be named."""
    districts = list(session.scalars(select(Unit).where(Unit.parent_id.is_(None)).order_by(Unit.id).limit(2)))
    if not districts:
        raise NotFound(say("There is no district yet. Make one first: yishi user add … --kind district."))
    if len(districts) > 1:
        raise Conflict(say("There are several districts. Name the unit by its code."))
    return districts[0]


def find_or_add_unit(session: Session, kind: str, code: str, name: str, parent: Unit | None) -> Unit:
    """-> the unit with this code, made below `parent` when there is none. Conflict when there is one of another kind or
    place; else as `add_unit`."""
    unit = session.scalar(select(Unit).where(Unit.code == code))
    if unit is None:
        return add_unit(session, parent, kind, code, name)
    if unit.kind != kind or (parent is not None and unit.parent_id != parent.id):
        raise Conflict(say("{code} is {unit} already, and not the unit described. Choose another code.", code=code, unit=unit.name))
    return unit


def subtree(session: Session, unit: Unit) -> list[Unit]:
    """-> the unit and all below it, each before those below it."""
    return list(session.scalars(select(Unit).where(Unit.path.like(unit.path + "%")).order_by(Unit.path)))


# --- people and their roles -----------------------------------------------------------------------------------------
def add_person(session: Session, unit: Unit, name: str, *, phone: str = "", actor: Actor | None = None) -> Person:
    """-> the new person, whose home is `unit`. Forbidden; Invalid with problems under `name` and `phone`."""
    _require(actor, unit)
    name, phone = _checked(say("The person has not been added."), name, phone)
    person = Person(unit_id=unit.id, name=name, sort_key=sort_key(name), phone=phone, active=True)
    session.add(person)
    session.flush()
    record(session, actor, unit, person, "added")
    return person


def amend(session: Session, person: Person, name: str, phone: str, *, actor: Actor | None = None) -> bool:
    """The person is called `name` and has the telephone `phone` from now on; what is written already keeps the old name.
    -> whether that is a change. Forbidden; Invalid with problems under `name` and `phone`."""
    _require(actor, person.unit)
    name, phone = _checked(say("Nothing has been changed."), name, phone)
    if (name, phone) == (person.name, person.phone):
        return False
    person.name, person.sort_key, person.phone = name, sort_key(name), phone
    record(session, actor, person.unit, person, "amended")
    session.flush()
    return True


def assign(
    session: Session,
    person: Person,
    role: str,
    unit: Unit,
    starts: date | None = None,
    ends: date | None = None,
    *,
    actor: Actor | None = None,
) -> Assignment:
    """-> the assignment: `person` holds `role` in `unit`, and so over all units below it, from `starts` (else today) until
    the end of the day `ends`, or until somebody ends it.

    Forbidden; Invalid when the role is none of ours, is not held in such units, or ends before it starts; Conflict when
    the person holds it there already, or holds at that time a role that must be kept apart from it.
    """
    _require(actor, unit)
    starts = starts or clock.today()
    known = access.ROLES.get(role)
    problems: dict[str, Sentence] = {}
    if known is None:
        problems["role"] = say("There is no role {role}.", role=role)
    elif unit.kind not in known.units:
        problems["role"] = say("{role} is not a role in a unit such as {unit}.", role=known.sentence, unit=unit.name)
    if ends is not None and ends < starts:
        problems["ends"] = say("The term ends before it starts.")
    if known is None or problems:
        raise Invalid(say("The role has not been given to {name}.", name=person.name), problems)
    _refuse_clash(session, person, known, unit, starts, ends)
    assignment = Assignment(person_id=person.id, unit_id=unit.id, role=role, starts=starts, ends=ends)
    session.add(assignment)
    session.flush()
    _record_given(session, actor, person, assignment)
    return assignment


def end_term(session: Session, assignment: Assignment, last_day: date, *, actor: Actor | None = None) -> None:
    """Sets the last day of a term; it may lie before the first one, then the role was never held. Forbidden; Conflict when
    the actor would take his own right to manage people from himself."""
    _require(actor, assignment.unit)
    _refuse_oneself(actor, assignment.person, assignment.role)
    assignment.ends = last_day
    record(session, actor, assignment.unit, assignment.person, "ended", role=assignment.role, ends=last_day)
    session.flush()


def leave(session: Session, person: Person, *, actor: Actor | None = None) -> None:
    """The person holds no role from today on and can no longer sign in; what he did stays under his name. Forbidden also
    where he holds a role beyond the actor's units; Conflict when it is the actor himself.

    GB/T 22239-2019, level 2: no account outlives its use.
    """
    require_over(session, actor, person)
    _refuse_oneself(actor, person)
    today = clock.today()
    person.active = False
    open_terms = and_(Assignment.person_id == person.id, or_(Assignment.ends.is_(None), Assignment.ends >= today))
    session.execute(update(Assignment).where(open_terms).values(ends=today - timedelta(days=1)))
    accounts = select(Account.id).where(Account.person_id == person.id)
    session.execute(update(Account).where(Account.person_id == person.id).values(disabled=True))
    session.execute(delete(Login).where(Login.account_id.in_(accounts)))
    session.expire(person)
    record(session, actor, person.unit, person, "left")
    session.flush()


def require_over(session: Session, actor: Actor | None, person: Person) -> None:
    """Forbidden unless `actor` manages people in the person's home and wherever he holds a role: else whoever manages one
    community could sign in as an administrator of the district who lives there."""
    _require(actor, person.unit)
    places = select(Assignment.unit_id).where(
        Assignment.person_id == person.id, or_(Assignment.ends.is_(None), Assignment.ends >= clock.today())
    )
    for unit in session.scalars(select(Unit).where(Unit.id.in_(places)).order_by(Unit.path)):
        _require(actor, unit)


def people_with(session: Session, role: str, unit: Unit, on: date | None = None) -> list[Person]:
    """-> the people who hold `role` in `unit` or a unit above it on that day (else today), by name."""
    return access.holders(session, {role}, unit, on)


class Representation(NamedTuple):
    members: int
    representatives: int
    ok: bool
    sentence: Sentence


def representatives_check(session: Session, unit: Unit, on: date | None = None) -> Representation:
    """-> how the representatives' meeting of the community is made up, and whether representatives are at least four
    fifths of it [居委会组织法 2025 §28].

    Its members are the residents' committee and the representatives. The role `committee` covers both committees 两委, so
    somebody only in the Party's is counted as well: that can make the check stricter, never looser. Whoever is both
    representative and committee member counts as the latter.
    """
    rows = session.execute(
        select(Assignment.person_id, Assignment.role)
        .join(Person, Person.id == Assignment.person_id)
        .where(
            Person.active,
            Assignment.unit_id == unit.id,
            Assignment.role.in_(("representative", "committee", "director")),
            access.in_term(on),
        )
    ).all()
    committee = {person for person, role in rows if role != "representative"}
    representatives = len({person for person, _ in rows} - committee)
    members = representatives + len(committee)
    ok = members > 0 and 5 * representatives >= 4 * members
    values: dict[str, object] = {
        "unit": unit.name,
        "representatives": representatives,
        "members": members,
        "percent": 100 * representatives // members if members else 0,  # cut off, so that 79.9 does not read as 80
    }
    sentence = (
        say(
            "{unit}: {representatives} representatives of {members} members, {percent} %: at least four fifths, as the law asks.",
            **values,
        )
        if ok
        else say(
            "{unit}: {representatives} representatives of {members} members, {percent} %: the law asks for at least four "
            "fifths (80 %). Add representatives before a representatives' meeting is called.",
            **values,
        )
    )
    return Representation(members, representatives, ok, sentence)


class Vacancy(NamedTuple):
    role: Role
    unit: Unit
    sentence: Sentence


def vacant_roles(session: Session, unit: Unit, on: date | None = None) -> list[Vacancy]:
    """-> the roles which nobody holds over `unit` or in a unit below it, each with the unit in which it is usually held: a
    step for such a role waits for nobody."""
    lineage = access.lineage(unit)
    units = {kin.kind: kin for kin in session.scalars(select(Unit).where(Unit.id.in_(lineage)))}
    held = set(
        session.scalars(
            select(Assignment.role)
            .join(Person, Person.id == Assignment.person_id)
            .join(Unit, Unit.id == Assignment.unit_id)
            .where(Person.active, or_(Unit.id.in_(lineage), Unit.path.like(unit.path + "%")), access.in_term(on))
            .distinct()
        )
    )
    found = []
    for role in access.ROLES.values():
        place = next((units[kind] for kind in role.units if kind in units), None)
        if place is not None and role.key not in held:
            sentence = say("Nobody is {role} in {unit}. Give the role to somebody.", role=role.sentence, unit=place.name)
            found.append(Vacancy(role, place, sentence))
    return found


def _refuse_clash(session: Session, person: Person, role: Role, unit: Unit, starts: date, ends: date | None) -> None:
    apart = role.apart | {other.key for other in access.ROLES.values() if role.key in other.apart}
    meanwhile = session.execute(
        select(Assignment.role, Assignment.unit_id, Unit.path)
        .join(Unit, Unit.id == Assignment.unit_id)
        .where(
            Assignment.person_id == person.id,
            or_(Assignment.ends.is_(None), Assignment.ends >= starts),
            Assignment.starts <= (ends or date.max),
        )
    ).all()
    for other, at, path in meanwhile:
        if other == role.key and at == unit.id:
            raise Conflict(
                say("{name} is {role} of {unit} already at that time.", name=person.name, role=role.sentence, unit=unit.name)
            )
        if other in apart and (path.startswith(unit.path) or unit.path.startswith(path)):
            raise Conflict(
                say(
                    "{name} cannot be {role}: at that time he or she is {other}, and the law keeps the two apart.",
                    name=person.name,
                    role=role.sentence,
                    other=access.ROLES[other].sentence,
                )
            )


def _checked(refusal: Sentence, name: str, phone: str) -> tuple[str, str]:
    name, phone = " ".join(unicodedata.normalize("NFC", name).split()), " ".join(phone.split())
    problems: dict[str, Sentence] = {}
    if not name:
        problems["name"] = say("Write the name.")
    elif len(name) > 60:
        problems["name"] = say("A name has at most 60 characters; this one has {count}.", count=len(name))
    elif not all(unicodedata.category(character)[0] in "LMNPZ" for character in name):
        problems["name"] = say("A name has letters, digits and dots only, no signs.")
    if len(phone) > 40:
        problems["phone"] = say("A telephone number has at most 40 characters.")
    elif not all(character.isascii() and character in "0123456789 +-()/," for character in phone):
        problems["phone"] = say("Write the telephone number with digits, for example 0000-1234567.")
    if problems:
        raise Invalid(refusal, problems)
    return name, phone


def _record_given(session: Session, actor: Actor | None, person: Person, given: Assignment) -> None:
    data = {"role": given.role, "starts": given.starts}
    if given.ends is None:
        record(session, actor, given.unit, person, "given", **data)
    else:
        record(session, actor, given.unit, person, "given_until", **data, ends=given.ends)


def _refuse_oneself(actor: Actor | None, person: Person, role: str | None = None) -> None:
    """Nobody shuts himself out: then nobody might be left to let him in again."""
    known = access.ROLES.get(role or "")
    harmless = role is not None and (known is None or Permission.MANAGE_PEOPLE not in known.permissions)
    if actor is not None and actor.person_id == person.id and not harmless:
        raise Conflict(say("You cannot take this from yourself. Ask another administrator."))


def _require(actor: Actor | None, unit: Unit) -> None:
    access.require(actor or Actor.system(), Permission.MANAGE_PEOPLE, unit)


def _require_system(actor: Actor | None) -> None:
    if actor is not None and not actor.is_system:
        raise Invalid(
            say("The unit has not been added."),
            {"parent": say("A new district is made on the command line. Choose the unit above the new one.")},
        )
