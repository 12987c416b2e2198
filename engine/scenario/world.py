"""Where a scenario runs: a database, a unit and who acts; by default an invented one in memory."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine import clock, definitions
from engine.access import Actor
from engine.database import Database
from engine.models import Account, Person, Unit

from .reading import Scenario


class World:
    """Where a scenario runs: a database, the unit in which matters are started, and who acts for a role.

    The default is an empty one in memory, with one community in one street in one district, in which everybody exists
    who is named. `actors` finds who acts (`organizer`, `user:sunsansi`); None means rules off.
    """

    def __init__(self, database: Database | None = None, unit_id: int | None = None,
                 actors: Callable[[Session, str, Unit], Actor] | None = None) -> None:
        self.own = database is None
        self.database = database or _memory()
        self.unit_id = unit_id if unit_id is not None else _units(self.database)
        self._actors = actors or _invented

    def actor(self, session: Session, name: str | None) -> Actor:
        if not name:
            return Actor.system()
        return self._actors(session, str(name), session.get_one(Unit, self.unit_id))

    def close(self) -> None:
        if self.own:
            self.database.close()


def _memory() -> Database:
    database = Database("sqlite://")
    database.create_all()
    definitions.forget()
    return database


def _units(database: Database) -> int:
    with database.sessions() as session:
        above: Unit | None = None
        for kind, name in (("district", "示例区"), ("street", "示例街道"), ("community", "示例社区")):
            unit = Unit(kind=kind, name=name, code=f"scenario-{kind}", path="", parent_id=above.id if above else None)
            session.add(unit)
            session.flush()
            unit.path = f"{above.path if above else '/'}{unit.id}/"
            above = unit
        assert above is not None
        identity = above.id
        session.commit()
    return identity


def people_of(session: Session, scenario: Scenario, unit: Unit) -> None:
    """Whoever the story names as `user:NAME` exists."""
    names = {str(a.more["as"])[5:] for a in scenario.steps if str(a.more.get("as") or "").startswith("user:")}
    names |= {str(scenario.start["by"])[5:]} if str(scenario.start.get("by") or "").startswith("user:") else set()
    for name in sorted(names):
        if session.scalar(select(Account.id).where(Account.login == name)) is None:
            person = Person(unit_id=unit.id, name=name)
            session.add(person)
            session.flush()
            session.add(Account(person_id=person.id, login=name, password_hash="", disabled=True, created_at=clock.now()))
    session.flush()


def _invented(session: Session, name: str, unit: Unit) -> Actor:
    if name.startswith("user:"):
        person = session.scalars(select(Person).join(Account).where(Account.login == name[5:])).one_or_none()
        return Actor(person.id if person else None, name[5:], frozenset({("user", unit.id)}), {unit.id: unit.path})
    return Actor.holding(name, unit)
