"""What fails is kept, told, and done again: nothing that was typed is lost."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from engine import clock, errors, incidents, jobs, tasks, worker
from engine.access import Actor
from engine.errors import Conflict, Forbidden, NotFound
from engine.models import Instance

from .conftest import House
from .test_instances import FAILS

SERVICE = """<process id="service" isExecutable="true"><startEvent id="begin"/><sequenceFlow id="a" sourceRef="begin" targetRef="file"/>
<serviceTask id="file" yishi:topic="test_filing"/><sequenceFlow id="b" sourceRef="file" targetRef="done"/><endEvent id="done"/></process>"""


def test_a_failed_completion_keeps_what_was_typed_and_is_done_again_when_the_matter_is_mended(any_house: House) -> None:
    matter = any_house.start(any_house.deploy(FAILS))
    clerk, admin = any_house.person("sunsansi", "clerk"), any_house.person("fengbada", "administrator")
    number = _fail(any_house, matter, clerk, {"report": ["开过了"]})
    assert any_house.state(matter) == "incident"
    with any_house.database.sessions() as session:
        found = incidents.get(session, admin, number)
        assert "present" in str(incidents.sentence_of(found)) and found.element == "choice"
        kept = tasks.draft_of(session, any_house.task(session, matter, "work"), clerk)
        assert kept is not None and kept[0] == {"report": ["开过了"]}
        incidents.retry(session, found, admin, values={"present": 45}, typed={})
        session.commit()
    assert any_house.state(matter) == "completed"


def test_what_fails_again_leaves_the_incident_open(house: House) -> None:
    matter = house.start(house.deploy(FAILS))
    admin = house.person("fengbada", "administrator")
    number = _fail(house, matter, house.person("sunsansi", "clerk"), {})
    with house.database.sessions() as session:
        with pytest.raises(errors.Incident):
            incidents.retry(session, incidents.get(session, admin, number), admin)
        session.rollback()
        assert [i.id for i in incidents.open_incidents(session, admin)] == [number]


def test_only_an_administrator_resolves_an_incident_and_only_once(house: House) -> None:
    matter = house.start(house.deploy(FAILS))
    clerk, admin = house.person("sunsansi", "clerk"), house.person("fengbada", "administrator")
    number = _fail(house, matter, clerk, {})
    with house.database.sessions() as session:
        found = incidents.get(session, clerk, number)  # it happened to him, so he may read it
        with pytest.raises(Forbidden):
            incidents.retry(session, found, clerk, values={"present": 45})
        with pytest.raises(NotFound):
            incidents.get(session, Actor(4711, "外人"), number)
        incidents.dismiss(session, found, admin)
        session.commit()
        with pytest.raises(Conflict):
            incidents.dismiss(session, found, admin)
    assert house.state(matter) == "running"


def test_a_service_that_fails_is_an_incident_and_is_done_once_when_tried_again(any_house: House) -> None:
    calls: list[int] = []

    @jobs.service("test_filing")
    def filing(session: object, instance: Instance, variables: object) -> dict[str, int]:
        calls.append(instance.id)
        if len(calls) == 1:
            raise errors.Incident("The archive cannot be reached.", "file")
        return {"filed": len(calls)}

    try:
        matter = any_house.start(any_house.deploy(SERVICE))
        assert worker.work_off(any_house.database) == 0 and any_house.state(matter) == "incident"
        assert worker.work_off(any_house.database) == 0 and calls == [matter], "a failed job waits for a person"
        with any_house.database.sessions() as session:
            incidents.retry(session, incidents.of_instance(session, matter)[0], Actor.system())
            session.commit()
        assert any_house.state(matter) == "completed" and any_house.variables(matter)["filed"] == 2
    finally:
        del jobs.SERVICES["test_filing"]


def test_a_topic_that_no_service_knows_is_an_incident_that_says_so(house: House) -> None:
    matter = house.start(house.deploy(SERVICE))
    worker.work_off(house.database)
    with house.database.sessions() as session:
        assert "test_filing" in str(incidents.sentence_of(incidents.of_instance(session, matter)[0]))


def test_a_bug_is_tried_again_later_and_then_becomes_an_incident(house: House) -> None:
    @jobs.service("test_filing")
    def filing(session: object, instance: Instance, variables: object) -> dict[str, int]:
        raise ZeroDivisionError

    try:
        with clock.virtual(datetime(2026, 3, 2, 9, tzinfo=UTC)) as hands:
            matter = house.start(house.deploy(SERVICE))
            for minutes in range(40):
                hands.move(datetime(2026, 3, 2, 9, minutes, 1, tzinfo=UTC))
                worker.work_off(house.database)
            assert house.state(matter) == "incident"
    finally:
        del jobs.SERVICES["test_filing"]


def _fail(house: House, matter: int, actor: Actor, typed: dict[str, list[str]]) -> int:
    """As an entry point does: the act is rolled back, then the incident is recorded by itself."""
    with house.database.sessions() as session:
        task = house.task(session, matter, "work")
        with pytest.raises(errors.Incident) as failed:
            tasks.complete(session, task, actor, values={})
        session.rollback()
        task = house.task(session, matter, "work")
        made = incidents.record(session, failed.value, {"verb": "complete", "typed": typed}, actor, instance_id=matter,
                                unit_id=house.unit_id, task_id=task.id)
        session.commit()
        return made.id
