"""Who changed whose rights, and when: a line for each act, which nothing changes or removes.

GB/T 22239-2019, level 2: changes of accounts and rights are recorded with time, actor and subject.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from engine import access, clock
from engine.access import Actor
from engine.errors import Sentence, say
from engine.models import PeopleLine, Person, Unit

_DEEDS: Mapping[str, Sentence] = {
    "added": say("added {person}"),
    "amended": say("changed name or telephone of {person}"),
    "left": say("entered that {person} has left: all terms end, nobody signs in with the account"),
    "given": say("gave {person} the role {role} from {starts}"),
    "given_until": say("gave {person} the role {role} from {starts} to {ends}"),
    "ended": say("ended the role {role} of {person} with {ends}"),
    "account_added": say("made the account {login} for {person}"),
    "password_reset": say("gave {person} a new password for the account {login}"),
    "disabled": say("closed the account {login} of {person}"),
    "enabled": say("opened the account {login} of {person} again"),
    "absent": say("entered that {person} is away from {starts} to {ends} and that {substitute} stands in"),
    "back": say("entered that {person} is back on {ends}"),
}


def record(session: Session, actor: Actor | None, unit: Unit, person: Person, what: str, **data: object) -> None:
    """Adds a line: `actor` (else the product itself) did `what`, one of the verbs above, to `person` in `unit`."""
    by = actor or Actor.system()
    text = json.dumps({key: str(value) for key, value in data.items()}, ensure_ascii=False)
    session.add(
        PeopleLine(
            at=clock.now(), actor_id=by.person_id, actor=by.name, unit_id=unit.id, person_id=person.id, what=what, data=text
        )
    )


def log(
    session: Session, unit: Unit, *, person: Person | None = None, limit: int | None = None, before: int | None = None
) -> list[PeopleLine]:
    """-> what was done in the unit and those below it, the latest first; to `person` only, if given; with `before`, only
    lines older than the one of that number."""
    query = select(PeopleLine).join(Unit, Unit.id == PeopleLine.unit_id).where(Unit.path.like(unit.path + "%"))
    if person is not None:
        query = query.where(PeopleLine.person_id == person.id)
    if before is not None:
        query = query.where(PeopleLine.id < before)
    query = query.options(joinedload(PeopleLine.person), joinedload(PeopleLine.unit)).order_by(PeopleLine.id.desc())
    return list(session.scalars(query.limit(limit)))


def deed(line: PeopleLine) -> Sentence:
    """-> what the line tells, in words: “gave 孙三思 the role Clerk from 2026-04-21”."""
    values: dict[str, object] = dict(json.loads(line.data))
    role = access.ROLES.get(str(values.get("role")))
    if role is not None:
        values["role"] = role.sentence
    return Sentence(_DEEDS[line.what].template, {**values, "person": line.person.name})
