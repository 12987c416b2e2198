"""Messages reach one matter, signals all who wait; each once, also between matters."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import func, select

from engine import messages, worker
from engine.access import Actor
from engine.errors import Conflict
from engine.models import Instance, Job, Subscription

from .conftest import House

WAITS = """<message id="m" name="payment"/><signal id="s" name="emergency"/><process id="waits" isExecutable="true"><startEvent id="begin"/>
<sequenceFlow id="a" sourceRef="begin" targetRef="both"/><parallelGateway id="both"/>
<sequenceFlow id="b" sourceRef="both" targetRef="paid"/><sequenceFlow id="c" sourceRef="both" targetRef="alarm"/>
<intermediateCatchEvent id="paid"><messageEventDefinition messageRef="m"/></intermediateCatchEvent>
<intermediateCatchEvent id="alarm"><signalEventDefinition signalRef="s"/></intermediateCatchEvent>
<sequenceFlow id="e" sourceRef="paid" targetRef="book"/><userTask id="book"/>
<sequenceFlow id="f" sourceRef="alarm" targetRef="run"/><userTask id="run"/></process>"""

PAIR = """<message id="m" name="ask"/><message id="n" name="reply"/><signal id="s" name="all_clear"/>
<process id="asks" isExecutable="true"><startEvent id="begin"/><sequenceFlow id="a" sourceRef="begin" targetRef="ask"/>
<intermediateThrowEvent id="ask"><messageEventDefinition messageRef="m"/></intermediateThrowEvent><sequenceFlow id="b" sourceRef="ask" targetRef="hear"/>
<intermediateCatchEvent id="hear"><messageEventDefinition messageRef="n"/></intermediateCatchEvent><sequenceFlow id="c" sourceRef="hear" targetRef="tell"/>
<intermediateThrowEvent id="tell"><signalEventDefinition signalRef="s"/></intermediateThrowEvent><sequenceFlow id="e" sourceRef="tell" targetRef="done"/>
<endEvent id="done"/></process>
<process id="answers" isExecutable="true"><startEvent id="asked"><messageEventDefinition messageRef="m"/></startEvent>
<sequenceFlow id="g" sourceRef="asked" targetRef="think"/><userTask id="think"/><sequenceFlow id="h" sourceRef="think" targetRef="answer"/>
<endEvent id="answer"><messageEventDefinition messageRef="n"/></endEvent></process>
<process id="listens" isExecutable="true"><startEvent id="start_listening"/><sequenceFlow id="i" sourceRef="start_listening" targetRef="listen"/>
<intermediateCatchEvent id="listen"><signalEventDefinition signalRef="s"/></intermediateCatchEvent>
<sequenceFlow id="j" sourceRef="listen" targetRef="heard"/><endEvent id="heard"/></process>"""


def test_a_message_reaches_the_matter_it_names_and_brings_its_payload(any_house: House) -> None:
    key = any_house.deploy(WAITS)
    one, other = any_house.start(key, plot=1), any_house.start(key, plot=2)
    assert _send(any_house, correlation={"plot": 2}, amount=300) == other
    assert any_house.open(one) == [] and any_house.open(other) == ["book"]
    assert any_house.variables(other)["amount"] == 300


def test_a_message_that_could_be_meant_for_two_matters_is_refused(house: House) -> None:
    key = house.deploy(WAITS)
    house.start(key)
    house.start(key)
    with pytest.raises(Conflict, match="2 matters"):
        _send(house)


def test_a_message_that_nobody_waits_for_reaches_nobody(house: House) -> None:
    key = house.deploy(WAITS)
    house.start(key)
    assert _send(house, amount=1) is not None
    assert _send(house, amount=2) is None


def test_a_race_of_two_deliveries_has_one_effect(any_house: House) -> None:
    matter = any_house.start(any_house.deploy(WAITS))
    barrier, found = threading.Barrier(2), []

    def send() -> None:
        barrier.wait()
        try:
            found.append(_send(any_house))
        except Conflict:
            found.append(None)

    threads = [threading.Thread(target=send) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found, key=str) == [matter, None] and any_house.open(matter) == ["book"]


def test_a_signal_reaches_everybody_once(any_house: House) -> None:
    key = any_house.deploy(WAITS)
    matters = [any_house.start(key) for _ in range(3)]
    with any_house.database.sessions() as session:
        assert messages.broadcast(session, "emergency", {"level": 2}, Actor.system(), unit=any_house.unit(session)) == 3
        session.commit()
    assert _settle(any_house) == 3
    assert [any_house.open(m) for m in matters] == [["run"]] * 3
    assert any_house.variables(matters[0])["level"] == 2
    with any_house.database.sessions() as session:
        assert messages.broadcast(session, "emergency", {}, Actor.system()) == 0


def test_what_one_matter_throws_starts_and_answers_another_once(any_house: House) -> None:
    any_house.deploy(PAIR)
    listener, asker = any_house.start("listens"), any_house.start("asks")
    _settle(any_house)
    with any_house.database.sessions() as session:
        answers = [i.id for i in session.scalars(select(Instance)) if i.definition.key == "answers"]
    assert len(answers) == 1 and any_house.open(answers[0]) == ["think"]
    any_house.complete(answers[0], "think")
    _settle(any_house)
    assert [any_house.state(m) for m in (listener, asker, answers[0])] == ["completed"] * 3
    with any_house.database.sessions() as session:
        assert session.scalar(select(func.count()).select_from(Job)) == 0
        assert session.scalar(select(func.count()).select_from(Subscription).where(Subscription.instance_id.is_not(None))) == 0


def _send(house: House, correlation: dict[str, object] | None = None, **payload: object) -> int | None:
    with house.database.sessions() as session:
        found = messages.correlate(session, "payment", payload, Actor.system(), unit=house.unit(session), correlation=correlation)
        number = found.id if found is not None else None
        session.commit()
    return number


def _settle(house: House) -> int:
    done = 0
    while (now := worker.work_off(house.database)) > 0:
        done += now
    return done


KEYED = """<message id="m" name="paid"/><process id="keyed" isExecutable="true"><startEvent id="begin"/>
<sequenceFlow id="a" sourceRef="begin" targetRef="wait"/><receiveTask id="wait" messageRef="m" yishi:correlationKey="=plot"/>
<sequenceFlow id="b" sourceRef="wait" targetRef="book"/><userTask id="book"/></process>"""


def test_two_matters_never_get_each_others_message(any_house: House) -> None:
    key = any_house.deploy(KEYED)
    one, other = any_house.start(key, plot=1), any_house.start(key, plot=2)
    with any_house.database.sessions() as session:
        unit = any_house.unit(session)
        assert messages.correlate(session, "paid", {"amount": 5}, Actor.system(), unit=unit) is None
        assert messages.correlate(session, "paid", {"amount": 5}, Actor.system(), unit=unit, correlation={"plot": 3}) is None
        found = messages.correlate(session, "paid", {"amount": 5}, Actor.system(), unit=unit, correlation={"plot": 2})
        session.commit()
        assert found is not None and found.id == other
    assert any_house.open(one) == [] and any_house.open(other) == ["book"]


BOTH = """<message id="m" name="paid"/><signal id="s" name="clear"/><process id="both" isExecutable="true"><startEvent id="begin"/>
<sequenceFlow id="a" sourceRef="begin" targetRef="wait"/><intermediateCatchEvent id="wait" parallelMultiple="true">
<messageEventDefinition messageRef="m"/><signalEventDefinition signalRef="s"/></intermediateCatchEvent>
<sequenceFlow id="b" sourceRef="wait" targetRef="book"/><userTask id="book"/></process>"""


def test_a_parallel_multiple_event_waits_for_all_of_its_events(any_house: House) -> None:
    matter = any_house.start(any_house.deploy(BOTH))
    with any_house.database.sessions() as session:
        assert messages.correlate(session, "paid", {}, Actor.system(), unit=any_house.unit(session)) is not None
        session.commit()
        assert messages.correlate(session, "paid", {}, Actor.system(), unit=any_house.unit(session)) is None
        session.rollback()
        assert messages.broadcast(session, "clear", {}, Actor.system(), unit=any_house.unit(session)) == 1
        session.commit()
    _settle(any_house)
    assert any_house.open(matter) == ["book"]
