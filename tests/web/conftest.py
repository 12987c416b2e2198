"""A district with people in it, one small procedure in use, and visitors who open pages as a browser would."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from engine import definitions, demo, deployments, instances, packs, settings, tasks
from engine.access import Actor
from engine.database import Database
from engine.models import Account, Instance, Task, Unit
from web import create_app

ERRAND = Path(__file__).parent / "errand"
COMMUNITY, OTHER_COMMUNITY = "yunxi-huaianli", "yunxi-liuyin"
CLERK, OTHER_CLERK, DIRECTOR, COMMITTEE, SUPERVISION, SUPERVISOR, ADMINISTRATOR, ORGANIZER = (
    "sunsansi", "weishiyi", "qianshuangxi", "chushiquan", "zhouwuchang", "zhengqixi", "fengbada", "zhaoyiming")


class Visitor:
    """One browser. It sends the CSRF token of the page it has seen last, as the forms do."""

    def __init__(self, app: Flask) -> None:
        self.client: FlaskClient = app.test_client()
        self.token = ""

    def get(self, path: str, **options: Any) -> TestResponse:
        answer = self.client.get(path, **options)
        found = re.search(r'name="csrf_token" value="([^"]+)"', answer.get_data(as_text=True))
        self.token = found[1] if found else self.token
        return answer

    def post(self, path: str, data: dict[str, Any] | None = None, **options: Any) -> TestResponse:
        if not self.token:
            self.get("/login")
        return self.client.post(path, data={"csrf_token": self.token, **(data or {})}, **options)

    def sign_in(self, login: str, password: str = demo.PASSWORD) -> TestResponse:
        self.get("/login")
        answer = self.post("/login", {"login": login, "password": password})
        self.get("/password")
        return answer


@dataclass
class Site:
    """The application on a database of its own."""

    app: Flask
    database: Database

    def visitor(self, login: str | None = None) -> Visitor:
        """-> a browser; signed in as `login` if given."""
        made = Visitor(self.app)
        if login is not None:
            made.sign_in(login)
        return made

    def start(self, title: str = "修一盏楼道灯", community: str = COMMUNITY) -> int:
        """-> the number of a new matter of the small procedure."""
        with self.database.sessions() as session:
            unit = session.scalars(select(Unit).where(Unit.code == community)).one()
            definition = deployments.find(session, "errand", unit)
            made = instances.start(session, definition, Actor.system(), {"title": title}, unit=unit, title=title).id
            session.commit()
        return made

    def complete(self, matter: int, element: str, **values: Any) -> None:
        """The open task of this step is completed by nobody in particular."""
        with self.database.sessions() as session:
            tasks.complete(session, self._task(session, matter, element), Actor.system(), values=values)
            session.commit()

    def decided(self, verdict: str = "yes") -> int:
        """-> a matter which is registered and decided."""
        matter = self.registered()
        self.complete(matter, "decide", verdict=verdict)
        return matter

    def registered(self, title: str = "修一盏楼道灯") -> int:
        matter = self.start(title)
        self.complete(matter, "register", title=title, households=40, category="facility")
        return matter

    def task(self, matter: int, element: str) -> int:
        """-> the number of the latest task of this step."""
        with self.database.readers() as session:
            return self._task(session, matter, element).id

    def row(self, kind: type[Any], number: int) -> Any:
        """-> a row as it is now."""
        with self.database.readers() as session:
            return session.get_one(kind, number)

    def person(self, login: str) -> int:
        with self.database.readers() as session:
            return session.scalars(select(Account.person_id).where(Account.login == login)).one()

    def open(self, matter: int) -> list[str]:
        with self.database.readers() as session:
            return [task.element for task in tasks.open_in(session, session.get_one(Instance, matter))]

    def _task(self, session: Any, matter: int, element: str) -> Task:
        found: Task = session.scalars(select(Task).where(Task.instance_id == matter, Task.element == element)
                                      .order_by(Task.id.desc()).limit(1)).one()
        return found


@pytest.fixture(scope="session")
def district(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file with the invented district in which the small procedure is in use."""
    file = tmp_path_factory.mktemp("district") / "yishi.sqlite"
    database = Database(f"sqlite:///{file}")
    database.create_all()
    with database.sessions() as session:
        demo.build_district(session)
        top = session.scalars(select(Unit).where(Unit.kind == "district")).one()
        deployments.deploy(session, packs.read(ERRAND), top, Actor.system())
        session.commit()
    database.close()
    return file


@pytest.fixture
def open_site(district: Path, tmp_path: Path) -> Iterator[Callable[..., Site]]:
    """A function that opens the application; it takes environment variables."""
    file = tmp_path / "yishi.sqlite"
    with sqlite3.connect(district) as source, sqlite3.connect(file) as target:
        source.backup(target)
    opened: list[Database] = []

    def open_with(**environment: str) -> Site:
        definitions.forget()
        setup = settings.load({"YISHI_HOME": str(tmp_path), "YISHI_DATABASE": f"sqlite:///{file}", **environment})
        database = Database(setup.database_url)
        opened.append(database)
        return Site(create_app(setup, database), database)

    yield open_with
    for database in opened:
        database.close()


@pytest.fixture
def site(open_site: Callable[..., Site]) -> Site:
    return open_site()
