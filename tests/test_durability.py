"""Nothing acknowledged is lost and nothing happens twice: whoever is killed, whoever is faster, whatever is gone for a while."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from engine import clock, feel, packs, scenario
from engine.models import HistoryEvent, Instance, Job, Posting, Task
from tests.server import PACK, Answer, Client, Gone, Installation, typed, until

STORY = "scenarios/passes.scenario.yaml"
KILLS = 14
# Who does what is for a role in the story: people of 槐安里社区, and the officer of its street.
LOGINS = {"clerk": "sunsansi", "organizer": "zhaoyiming", "representative": "renyihuai", "committee": "chushiquan",
          "service_officer": "wuliuhe", "supervision_committee": "zhouwuchang", "archivist": "lisiwei"}
FIRST = {"title": ["东巷口人车分流"], "request": ["把“东巷口人车分流”这件事办好。"], "origin": ["residents"], "category": ["public_works"],
         "households": ["412"]}


@pytest.fixture
def installation(tmp_path: Path, database_url: str) -> Iterator[Installation]:
    """The invented district on either database, served, on the morning on which the story begins."""
    with _installed(tmp_path, database_url) as made:
        made.start()
        yield made


@contextmanager
def _installed(folder: Path, database_url: str) -> Iterator[Installation]:
    made = Installation(folder, _story().at, database_url)
    try:
        made.settle()
        yield made
    finally:
        made.close()


# --- killed at random moments -----------------------------------------------------------------------------------------
def test_a_matter_goes_all_the_way_although_the_server_is_killed_at_random_moments(installation: Installation) -> None:
    journey = Journey(installation, random.Random(20260302))
    journey.begin()
    for act in _story().steps:
        if act.verb == "advance":
            installation.clock.move(_later(installation, act.what))
        elif act.verb == "complete":
            journey.complete(act.what, LOGINS[act.more["as"]], act.more.get("with") or {})
    until(lambda: journey.state() == "completed", "the file to be sealed")
    assert journey.kills >= 12
    assert journey.unanswered, "some requests were cut off in the middle"
    steps = sum(act.verb == "complete" for act in _story().steps)
    with installation.database.readers() as session:
        assert [i.title for i in session.scalars(select(Instance).where(Instance.number.is_not(None)))] == ["东巷口人车分流"]
        done = Counter((line.instance_id, line.token) for line in session.scalars(
            select(HistoryEvent).where(HistoryEvent.what == "completed", HistoryEvent.actor_id.is_not(None))))
        for task_id in journey.acknowledged:
            task = session.get_one(Task, task_id)
            assert (task.state, done[task.instance_id, task.token]) == ("completed", 1), task.name
        assert len(journey.acknowledged) == len(set(journey.acknowledged))
        assert set(done.values()) == {1}
        assert done.total() == steps == session.scalar(select(func.count()).select_from(Task).where(Task.state == "completed"))
        assert session.scalar(select(func.count()).select_from(Task).where(Task.state.in_(("open", "claimed")))) == 0
        assert session.scalar(select(func.count()).select_from(Job)) == 0
        numbers = list(session.scalars(select(Posting.number).order_by(Posting.id)))
        assert numbers == [f"公告〔2026〕{number}号" for number in (1, 2, 3)]
        for instance in session.scalars(select(Instance)):
            lines = list(session.scalars(select(HistoryEvent.line).where(HistoryEvent.instance_id == instance.id)
                                         .order_by(HistoryEvent.line)))
            assert lines == list(range(1, instance.history_length + 1))
    assert installation.verify() == (0, "yishi: nothing has been changed\n")


@dataclass
class Journey:
    """The people of the story at their machines: they send, the server may die under it, they look and go on."""

    installation: Installation
    chance: random.Random
    acknowledged: list[int] = field(default_factory=list)
    unanswered: list[int] = field(default_factory=list)
    kills: int = 0
    clients: dict[str, Client] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=lambda: _names())

    def begin(self) -> None:
        """The organizer starts the matter; where no answer came, he looks into the list before he does it again."""
        organizer = self.client("zhaoyiming")
        while "东巷口人车分流" not in organizer.get("/matters").words:
            form = organizer.form(organizer.get("/matters/start"), "/matters/start")
            self.send(organizer, "/matters/start", {**form, "_title": ["东巷口人车分流"], "title": ["东巷口人车分流"],
                                                    "request": ["人车分流"]} if "title" in form else {**form, "_title": ["东巷口人车分流"]}, 0.5)

    def complete(self, element: str, login: str, values: dict[str, Any]) -> None:
        """The step is done by this person, however often it has to be tried."""
        client = self.client(login)
        task_id = until(lambda: self.find(client, self.names[element]), f"{login} to find {self.names[element]}")
        while True:
            page = client.get(f"/tasks/{task_id}")
            if page.status == 409:
                assert task_id in self.unanswered, "only what got no answer may have been done already"
                return
            assert page.status == 200, page.words
            form = client.form(page, f"/tasks/{task_id}/complete")
            if form.get("posting_text") == [""]:
                form["posting_text"] = ["请大家看一看。"]  # the story leaves to the form what here a person writes
            answer = self.send(client, f"/tasks/{task_id}/complete", {**form, **typed(_evaluated(self.installation, values))}, 0.35)
            if answer is None:
                self.unanswered.append(task_id)
                continue
            assert answer.status == 303, f"{element}: {answer.status} {answer.words}"
            self.acknowledged.append(task_id)
            if self.chance.random() < 0.1:
                self.die()
            return

    def send(self, client: Client, path: str, form: dict[str, list[str]], danger: float) -> Answer | None:
        """-> the answer, or None where the server was killed before it came."""
        if self.kills >= KILLS or self.chance.random() >= danger:
            return client.ask("POST", path, form)
        answers: list[Answer] = []

        def ask() -> None:
            try:
                answers.append(client.ask("POST", path, form))
            except Gone:
                pass

        asking = threading.Thread(target=ask)
        asking.start()
        asking.join(self.chance.uniform(0, 0.06))  # the moment at which it strikes
        self.die()
        asking.join()
        return answers[0] if answers else None

    def die(self) -> None:
        self.installation.kill()
        self.kills += 1
        self.installation.start()

    def find(self, client: Client, name: str) -> int | None:
        """-> the task of this name which the person's inbox shows."""
        links = client.get("/").page.xpath("//h3/a[starts-with(@href, '/tasks/')]")
        return next((int(link.get("href").rsplit("/", 1)[1]) for link in links if link.text_content() == name), None)

    def client(self, login: str) -> Client:
        return self.clients.setdefault(login, Client(self.installation, login))

    def state(self) -> str:
        with self.installation.database.readers() as session:
            return session.scalars(select(Instance.state).where(Instance.number.is_not(None))).one()


def _story() -> scenario.Scenario:
    return scenario.read(_pack().files[STORY], STORY)


def _pack() -> packs.Pack:
    return next(pack for pack in packs.shipped() if pack.key == PACK)


def _names() -> dict[str, str]:
    """-> the name of each step of the procedure."""
    from lxml import etree

    found = [element for data in _pack().models.values() for element in etree.fromstring(data).iter("{*}userTask")]
    return {element.get("id"): element.get("name") for element in found}


def _evaluated(installation: Installation, values: Any) -> Any:
    """What the story says in FEEL is what it says at this moment."""
    if isinstance(values, dict):
        return {key: _evaluated(installation, value) for key, value in values.items()}
    if isinstance(values, list):
        return [_evaluated(installation, value) for value in values]
    if isinstance(values, str) and values.startswith("="):
        with clock.virtual(installation.clock.at):
            return feel.to_python(feel.compile(values[1:], [])({}))
    return values


def _later(installation: Installation, duration: str) -> Any:
    return installation.clock.at + timedelta(days=int(duration.removeprefix("P").removesuffix("D")))
