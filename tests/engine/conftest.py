"""A small house for the engine's own tests: a community with people, and procedures written in a few lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from engine import access, clock, definitions, deployments, instances, packs, tasks
from engine.access import Actor
from engine.database import Database
from engine.models import Account, Assignment, Instance, Person, Task, Unit

HEAD = """<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
 xmlns:yishi="http://yishi.org/schema/1.0" id="model" targetNamespace="http://yishi.org/test">"""


@dataclass
class House:
    """One community of one street of one district, and whoever is needed in it."""

    database: Database
    unit_id: int

    def deploy(self, body: str, *, files: Mapping[str, bytes] | None = None, actor: Actor | None = None) -> str:
        """Puts processes (BPMN without its frame) into use. -> the key of the first."""
        model = (HEAD + body + "</definitions>").encode()
        with self.database.sessions() as session:
            made = deployments.deploy(session, packs.from_files({"model.bpmn": model, **(files or {})}, name="model"),
                                      self.unit(session), actor or Actor.system())
            key = deployments.definitions_of(session, made)[0].key
            session.commit()
        return key

    def start(self, key: str, actor: Actor | None = None, **variables: Any) -> int:
        """-> the number of a new instance."""
        with self.database.sessions() as session:
            definition = deployments.find(session, key, self.unit(session))
            made = instances.start(session, definition, actor or Actor.system(), variables, unit=self.unit(session)).id
            session.commit()
        return made

    def complete(self, instance_id: int, element: str, actor: Actor | None = None, **values: Any) -> None:
        """The oldest open task of this element is completed."""
        with self.database.sessions() as session:
            tasks.complete(session, self.task(session, instance_id, element), actor or Actor.system(), values=values)
            session.commit()

    def task(self, session: Any, instance_id: int, element: str) -> Task:
        return next(t for t in tasks.open_in(session, session.get_one(Instance, instance_id)) if t.element == element)

    def open(self, instance_id: int) -> list[str]:
        """-> the elements of the open tasks."""
        with self.database.sessions() as session:
            return [t.element for t in tasks.open_in(session, session.get_one(Instance, instance_id))]

    def state(self, instance_id: int) -> str:
        with self.database.sessions() as session:
            return session.get_one(Instance, instance_id).state

    def variables(self, instance_id: int) -> dict[str, Any]:
        with self.database.sessions() as session:
            return instances.variables(session, session.get_one(Instance, instance_id))

    def unit(self, session: Any) -> Unit:
        found: Unit = session.get_one(Unit, self.unit_id)
        return found

    def person(self, name: str, *roles: str) -> Actor:
        """-> somebody who holds these roles in the community, can log in as `name`, and acts."""
        with self.database.sessions() as session:
            person = Person(unit_id=self.unit_id, name=name, sort_key=name)
            session.add(person)
            session.flush()
            account = Account(person_id=person.id, login=name, password_hash="", created_at=clock.now())
            session.add(account)
            session.add_all(Assignment(person_id=person.id, unit_id=self.unit_id, role=r, starts=clock.today()) for r in roles)
            session.flush()
            actor = access.actor_of(session, account)
            session.commit()
        return actor


def build(url: str) -> House:
    """-> the house on the database at `url`, which is empty."""
    database = Database(url)
    database.create_all()
    definitions.forget()
    with database.sessions() as session:
        above: Unit | None = None
        for kind, name in (("district", "示例区"), ("street", "示例街道"), ("community", "示例社区")):
            unit = Unit(kind=kind, name=name, code=kind, path="", parent_id=above.id if above else None)
            session.add(unit)
            session.flush()
            unit.path = f"{above.path if above else '/'}{unit.id}/"
            above = unit
        assert above is not None
        unit_id = above.id
        session.commit()
    return House(database, unit_id)


@pytest.fixture
def house(sqlite_url: str) -> Iterator[House]:
    """The house on SQLite."""
    made = build(sqlite_url)
    yield made
    made.database.close()


@pytest.fixture
def any_house(database_url: str) -> Iterator[House]:
    """The house on SQLite and on PostgreSQL."""
    made = build(database_url)
    yield made
    made.database.close()


@pytest.fixture
def build_house() -> Callable[[str], House]:
    return build
