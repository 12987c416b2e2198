"""Who may see and do what: the roles and their permissions, the actor, candidate groups, and how queries are scoped.

A right comes from a role held over a unit today: in the unit itself or in one above it. Whatever lies outside the
units an actor sees does not exist for that actor: it is `NotFound`, never `Forbidden`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from importlib.resources import files
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, false, not_, or_, select, true
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased, joinedload

from engine import clock
from engine.errors import Forbidden, NotFound, Sentence, say
from engine.models import Absence, Account, Assignment, Instance, Person, Task, Unit


class Permission(StrEnum):
    """What a role may do in its unit and below. Grammar: a verb, then the noun it is done to."""

    SEE_MATTERS = "see_matters"
    START_MATTER = "start_matter"
    ACT = "act"
    ASSIGN_TASK = "assign_task"
    SUSPEND_MATTER = "suspend_matter"
    CANCEL_MATTER = "cancel_matter"
    MODIFY_MATTER = "modify_matter"
    ENQUIRE = "enquire"
    ASSIST_RESIDENTS = "assist_residents"
    SEE_OPERATIONS = "see_operations"
    DEPLOY = "deploy"
    RESOLVE_INCIDENT = "resolve_incident"
    MANAGE_PEOPLE = "manage_people"

    @property
    def sentence(self) -> Sentence:
        return _DEEDS[self]


_DEEDS: Mapping[Permission, Sentence] = {
    Permission.SEE_MATTERS: say("see matters"),
    Permission.START_MATTER: say("start a matter"),
    Permission.ACT: say("do tasks"),
    Permission.ASSIGN_TASK: say("assign tasks"),
    Permission.SUSPEND_MATTER: say("suspend or resume a matter"),
    Permission.CANCEL_MATTER: say("cancel a matter"),
    Permission.MODIFY_MATTER: say("move a matter to another step"),
    Permission.ENQUIRE: say("open an enquiry"),
    Permission.ASSIST_RESIDENTS: say("enter something for a resident"),
    Permission.SEE_OPERATIONS: say("see how the system runs"),
    Permission.DEPLOY: say("put a procedure into use"),
    Permission.RESOLVE_INCIDENT: say("resolve an incident"),
    Permission.MANAGE_PEOPLE: say("manage people and roles"),
}


@dataclass(frozen=True)
class Role:
    """A role of `roles.toml`, whose head explains the fields."""

    key: str
    name: str
    english: str
    units: tuple[str, ...]
    permissions: frozenset[Permission]
    never: frozenset[str]
    apart: frozenset[str]
    in_person: bool
    source: str

    @property
    def sentence(self) -> Sentence:
        return Sentence(self.english)


def _read_roles() -> dict[str, Role]:
    data = tomllib.loads(files("engine").joinpath("roles.toml").read_text(encoding="utf-8"))
    return {
        key: Role(
            key=key,
            name=entry["name"],
            english=entry["english"],
            units=tuple(entry["unit"]),
            permissions=frozenset(Permission(p) for p in entry["may"]),
            never=frozenset(entry.get("never", ())),
            apart=frozenset(entry.get("apart", ())),
            in_person=entry.get("in_person", False),
            source=entry["source"],
        )
        for key, entry in data.items()
    }


ROLES: Mapping[str, Role] = _read_roles()
"""Every role by its key, in the order of the file. A model may name roles beyond these: they grant no permission."""


class Standing(StrEnum):
    PERSON = "person"
    SYSTEM = "system"
    PUBLIC = "public"


@dataclass(frozen=True)
class Actor:
    """In whose name a verb is called, with the roles held at the moment it was made: make one for each request.

    `roles` are pairs (role key, unit id); `unit_paths` has the path of each of those units. `stands_in` names, by number,
    the people who are away and for whom he acts 代办; `lent` are those of his roles that he holds only for one of them.
    """

    person_id: int | None
    name: str
    roles: frozenset[tuple[str, int]] = frozenset()
    unit_paths: Mapping[int, str] = field(default_factory=dict, hash=False)
    language: str | None = None
    standing: Standing = Standing.PERSON
    stands_in: Mapping[int, str] = field(default_factory=dict, hash=False)
    lent: Mapping[tuple[str, int], str] = field(default_factory=dict, hash=False)

    @staticmethod
    def system() -> Actor:
        """The product itself: no permission rule holds for it."""
        return Actor(None, "系统", standing=Standing.SYSTEM)

    @staticmethod
    def public() -> Actor:
        """A resident who has not signed in: sees what is posted and nothing else."""
        return Actor(None, "居民", standing=Standing.PUBLIC)

    @staticmethod
    def holding(role: str, unit: Unit, name: str = "") -> Actor:
        """Somebody, no matter who, that holds `role` in `unit`: who acts in a scenario."""
        return Actor(None, name or role, frozenset({(role, unit.id)}), {unit.id: unit.path})

    @property
    def is_system(self) -> bool:
        return self.standing is Standing.SYSTEM

    def roles_over(self, unit: Unit) -> frozenset[str]:
        """-> the keys of the roles held in `unit` or a unit above it."""
        return frozenset(role for role, at in self.roles if unit.path.startswith(self.unit_paths[at]))

    def for_whom(self, task: Task) -> str | None:
        """-> the name of the person who is away and for whom this actor does `task`; None when he does it in his own right."""
        if task.assignee_id is not None and task.assignee_id in self.stands_in:
            return self.stands_in[task.assignee_id]
        over = [pair for pair in sorted(self.roles) if task.unit.path.startswith(self.unit_paths[pair[1]])]
        fitting = [pair for pair in over if pair[0] in _group(task)]
        return self.lent[fitting[0]] if fitting and all(pair in self.lent for pair in fitting) else None


def actor_of(session: Session, account: Account) -> Actor:
    """-> the actor behind `account`, with the roles whose term includes today. A person who has left holds none."""
    person = account.person
    own: set[tuple[str, int]] = set()
    lent: dict[tuple[str, int], str] = {}
    paths: dict[int, str] = {}
    stands_in: dict[int, str] = {}
    if person.active:
        day, absent = clock.today(), aliased(Person)
        rows = session.execute(
            select(Assignment.role, Assignment.unit_id, Unit.path, Assignment.absence_id, Absence.id, absent.id, absent.name)
            .join(Unit, Unit.id == Assignment.unit_id)
            .outerjoin(Absence, and_(Absence.substitute_id == Assignment.person_id, Absence.starts <= day, Absence.ends >= day))
            .outerjoin(absent, absent.id == Absence.person_id)
            .where(Assignment.person_id == person.id, in_term())
        )
        for role, unit_id, path, lent_for, absence_id, absent_id, name in rows:
            paths[unit_id] = path
            if absent_id is not None:
                stands_in[absent_id] = name
            if lent_for is None:
                own.add((role, unit_id))
            elif lent_for == absence_id:
                lent[role, unit_id] = name
    lent = {pair: name for pair, name in lent.items() if pair not in own}
    return Actor(person.id, person.name, frozenset(own | set(lent)), paths, account.language, stands_in=stands_in, lent=lent)


def in_term(on: date | None = None) -> ColumnElement[bool]:
    """-> the condition that an `Assignment` is in its term on that day, else today; `ends` is its last day."""
    day = on or clock.today()
    return and_(Assignment.starts <= day, or_(Assignment.ends.is_(None), Assignment.ends >= day))


# --- permissions ----------------------------------------------------------------------------------------------------
def may(actor: Actor, permission: Permission, unit: Unit) -> bool:
    """-> whether `actor` holds, over `unit`, a role with `permission`."""
    if actor.is_system:
        return True
    return any(permission in ROLES[role].permissions for role in actor.roles_over(unit) if role in ROLES)


def require(actor: Actor, permission: Permission, unit: Unit) -> None:
    """Forbidden unless `may`; the sentence names the roles that could."""
    if not may(actor, permission, unit):
        able = [role.sentence for role in ROLES.values() if permission in role.permissions]
        raise Forbidden(
            say(
                "You may not {deed} in {unit}. That takes the role {roles} there or above; ask whoever holds it.",
                deed=permission.sentence,
                unit=unit.name,
                roles=_either(able),
            )
        )


def grants(actor: Actor, permission: Permission) -> bool:
    """-> whether `actor` has `permission` anywhere: decides about showing a way, never about going it."""
    return actor.is_system or any(role in ROLES and permission in ROLES[role].permissions for role, _ in actor.roles)


# --- what is visible ------------------------------------------------------------------------------------------------
def sees_unit(
    actor: Actor, unit_id: InstrumentedAttribute[int], permission: Permission = Permission.SEE_MATTERS
) -> ColumnElement[bool]:
    """-> the condition, for `select().where(…)`, that `unit_id` is a unit over which `actor` has `permission`."""
    if actor.is_system:
        return true()
    able = {role.key for role in ROLES.values() if permission in role.permissions}
    return _below(unit_id, {actor.unit_paths[at] for role, at in actor.roles if role in able})


def sees_instance(actor: Actor) -> ColumnElement[bool]:
    """-> the condition that `actor` sees an `Instance`: of a unit whose matters he sees, or with a task for him."""
    if actor.is_system:
        return true()
    asked = select(Task.instance_id).where(is_asked(actor))
    return or_(sees_unit(actor, Instance.unit_id), Instance.id.in_(asked))


def sees_task(actor: Actor) -> ColumnElement[bool]:
    """-> the condition that `actor` sees a `Task`: of a unit whose matters he sees, or laid before him."""
    return or_(sees_unit(actor, Task.unit_id), is_asked(actor))


def is_asked(actor: Actor) -> ColumnElement[bool]:
    """-> the condition that a `Task` is laid before `actor`: assigned to him, or to a group he belongs to.

    Whoever holds no role over the unit any more is asked nothing there, whatever is still assigned to him.
    """
    if actor.is_system:
        return true()
    conditions: list[ColumnElement[bool]] = []
    by_path: dict[str, set[str]] = {}
    for role, at in actor.roles:
        by_path.setdefault(actor.unit_paths[at], set()).add(role)
    padded = " " + Task.role + " "
    for path, roles in sorted(by_path.items()):
        groups: list[ColumnElement[bool]] = [padded.contains(f" {role} ", autoescape=True) for role in sorted(roles)]
        if roles & ACTING:
            groups.append(Task.role.is_(None))
        if actor.person_id is not None:
            groups.append(Task.assignee_id == actor.person_id)
        conditions.append(and_(_below(Task.unit_id, {path}), or_(*groups)))
    refused = [
        and_(Task.kind.in_(sorted(ROLES[role].never)), _below(Task.unit_id, {actor.unit_paths[at]}))
        for role, at in sorted(actor.roles)
        if role in ROLES and ROLES[role].never
    ]
    return and_(or_(false(), *conditions), not_(or_(false(), *refused)))


def get_instance(session: Session, actor: Actor, instance_id: int) -> Instance:
    """-> the instance. NotFound when there is none, or none that `actor` sees."""
    found = session.scalar(
        select(Instance)
        .where(Instance.id == instance_id, sees_instance(actor))
        .options(joinedload(Instance.unit), joinedload(Instance.definition))
    )
    if found is None:
        raise NotFound(say("There is no matter {id} that you may see. Look in the list of matters.", id=instance_id))
    return found


# Built once, and who sees it is asked in Python: every click on a task comes through here.
_TASK = select(Task).where(Task.id == bindparam("id")).options(joinedload(Task.unit), joinedload(Task.instance))


def get_task(session: Session, actor: Actor, task_id: int) -> Task:
    """-> the human task. NotFound when there is none, or none that `actor` sees; `require_act` is the next question."""
    found = session.scalar(_TASK, {"id": task_id})
    if found is None or not _sees(actor, found):
        raise NotFound(say("There is no task {id} that you may see. Look in your inbox.", id=task_id))
    return found


# --- tasks ----------------------------------------------------------------------------------------------------------
ACTING: frozenset[str] = frozenset(role.key for role in ROLES.values() if Permission.ACT in role.permissions)
"""The roles which may take a task that is laid before no role in particular."""


def is_candidate(session: Session, actor: Actor, task: Task) -> bool:
    """-> whether `actor` belongs to the candidate group of `task`: holds one of its roles in its unit or one above, and
    none that is refused steps of its kind."""
    return actor.is_system or _group_refusal(actor, task, task.kind) is None


def candidates(session: Session, task: Task) -> list[Person]:
    """-> the people of the candidate group of `task` today, by name."""
    refused = {person.id for person in holders(session, _refused(task.kind), task.unit)}
    return [person for person in holders(session, _group(task), task.unit) if person.id not in refused]


def holders(session: Session, roles: Collection[str], unit: Unit, on: date | None = None) -> list[Person]:
    """-> the people who hold any of `roles` over `unit` on that day (else today), by name."""
    held = select(Assignment.person_id).where(Assignment.unit_id.in_(lineage(unit)), Assignment.role.in_(roles), in_term(on))
    return list(session.scalars(select(Person).where(Person.active, Person.id.in_(held)).order_by(Person.sort_key, Person.id)))


def lineage(unit: Unit) -> list[int]:
    """-> the ids of the units above `unit`, from the district down, and its own."""
    return [int(part) for part in unit.path.split("/") if part]


def may_act(actor: Actor, task: Task, kind: str | None = None) -> bool:
    """-> whether `actor` may do `task`: it is assigned to him or he is a candidate, and none of his roles is refused steps
    of this `kind` (else the kind of the task). Whether somebody else has it in hand is for `tasks` to say."""
    return _why_not(actor, task, kind) is None


def require_act(actor: Actor, task: Task, kind: str | None = None) -> None:
    """Forbidden unless `may_act`; the sentence says which rule refuses."""
    refusal = _why_not(actor, task, kind)
    if refusal is not None:
        raise Forbidden(refusal, where={"task": task.id, "element": task.element})


def _sees(actor: Actor, task: Task) -> bool:
    """What `sees_task` is in SQL."""
    if may(actor, Permission.SEE_MATTERS, task.unit):
        return True
    held = actor.roles_over(task.unit)
    mine = task.assignee_id is not None and task.assignee_id == actor.person_id
    return bool(held) and (mine or bool(_group(task) & held))


def _why_not(actor: Actor, task: Task, kind: str | None) -> Sentence | None:
    if actor.is_system:
        return None
    kind = task.kind if kind is None else kind
    if task.assignee_id is not None and task.assignee_id == actor.person_id:
        held = actor.roles_over(task.unit)
        return _role_refusal(held, task, kind) if held else _not_in_group(task)
    return _group_refusal(actor, task, kind)


def _group_refusal(actor: Actor, task: Task, kind: str) -> Sentence | None:
    held = actor.roles_over(task.unit)
    refusal = _role_refusal(held, task, kind)
    return refusal if refusal is not None or _group(task) & held else _not_in_group(task)


def _role_refusal(held: frozenset[str], task: Task, kind: str) -> Sentence | None:
    refused = [role for role in _refused(kind) if role in held]
    if not refused:
        return None
    return say(
        "“{task}” is not for the role {role}, which sees the matter and may ask, but does not decide in it.",
        task=task.name,
        role=ROLES[refused[0]].sentence,
    )


def _not_in_group(task: Task) -> Sentence:
    return say(
        "“{task}” is for {roles} of {unit}, and you hold no such role there today.",
        task=task.name,
        roles=_either([ROLES[key].sentence if key in ROLES else Sentence(key) for key in sorted(_group(task))]),
        unit=task.unit.name,
    )


def _refused(kind: str) -> list[str]:
    """The roles that are refused steps of this kind."""
    return [key for key, role in ROLES.items() if kind in role.never]


def _group(task: Task) -> frozenset[str]:
    return ACTING if task.role is None else frozenset(task.role.split())


def _below(unit_id: InstrumentedAttribute[int], paths: set[str]) -> ColumnElement[bool]:
    if not paths:
        return false()
    # Paths are digits and slashes, so LIKE needs no escaping; the slash at the end keeps /1/4/ from matching /1/41/.
    return unit_id.in_(select(Unit.id).where(or_(*(Unit.path.like(path + "%") for path in sorted(paths)))))


def _either(words: list[Sentence]) -> Sentence:
    """Joins names into “a / b / c”, each translated by itself."""
    values: dict[str, Any] = {f"word{place}": word for place, word in enumerate(words)}
    return Sentence(" / ".join("{" + name + "}" for name in values), values)
