"""The durable step: all or nothing, once, at a cost that does not grow."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import event, func, select

from engine import clock, definitions, deployments, instances, jobs, tasks, worker
from engine.access import Actor
from engine.errors import Conflict, Incident, NotFound
from engine.models import HistoryEvent, Instance, InstancePart, Job, Subscription, Task, TaskState

from .conftest import House

LOOP = """<process id="loop" isExecutable="true"><startEvent id="begin"/><sequenceFlow id="a" sourceRef="begin" targetRef="work"/>
<userTask id="work"/><sequenceFlow id="b" sourceRef="work" targetRef="choice"/><exclusiveGateway id="choice" default="again"/>
<sequenceFlow id="again" sourceRef="choice" targetRef="work"/><sequenceFlow id="c" sourceRef="choice" targetRef="done">
<conditionExpression xsi:type="tFormalExpression">enough = true</conditionExpression></sequenceFlow><endEvent id="done"/></process>"""

VOTES = """<process id="votes" isExecutable="true"><startEvent id="begin"/><sequenceFlow id="a" sourceRef="begin" targetRef="vote"/>
<userTask id="vote"><multiInstanceLoopCharacteristics><loopCardinality>voters</loopCardinality></multiInstanceLoopCharacteristics></userTask><sequenceFlow id="b" sourceRef="vote" targetRef="done"/><endEvent id="done"/></process>"""

REMIND = """<process id="remind" isExecutable="true"><startEvent id="begin"/><sequenceFlow id="a" sourceRef="begin" targetRef="work"/>
<userTask id="work"/><boundaryEvent id="late" attachedToRef="work" cancelActivity="false"><timerEventDefinition>
<timeCycle>R3/P1D</timeCycle></timerEventDefinition></boundaryEvent><sequenceFlow id="b" sourceRef="late" targetRef="call"/>
<userTask id="call"/><sequenceFlow id="c" sourceRef="work" targetRef="done"/><endEvent id="done"/></process>"""

FAILS = """<process id="fails" isExecutable="true"><startEvent id="begin"/><sequenceFlow id="a" sourceRef="begin" targetRef="work"/>
<userTask id="work"/><sequenceFlow id="b" sourceRef="work" targetRef="choice"/><exclusiveGateway id="choice"/>
<sequenceFlow id="c" sourceRef="choice" targetRef="done"><conditionExpression xsi:type="tFormalExpression">present &gt;= 41</conditionExpression>
</sequenceFlow><sequenceFlow id="d" sourceRef="choice" targetRef="done"><conditionExpression xsi:type="tFormalExpression">present &lt; 41
</conditionExpression></sequenceFlow><endEvent id="done"/></process>"""

ENDLESS = """<process id="endless" isExecutable="true"><startEvent id="begin"/><sequenceFlow id="a" sourceRef="begin" targetRef="work"/>
<userTask id="work"/><sequenceFlow id="b" sourceRef="work" targetRef="turn"/><scriptTask id="turn"><script>n = 1</script></scriptTask>
<sequenceFlow id="c" sourceRef="turn" targetRef="turn"/></process>"""


def test_a_matter_goes_from_start_to_end(any_house: House) -> None:
    matter = any_house.start(any_house.deploy(LOOP))
    assert any_house.open(matter) == ["work"]
    any_house.complete(matter, "work", enough=False)
    any_house.complete(matter, "work", enough=True, report="好")
    assert any_house.state(matter) == "completed" and any_house.open(matter) == []
    assert any_house.variables(matter)["report"] == "好"
    with any_house.database.sessions() as session:
        assert session.scalars(select(Task.state).order_by(Task.id)).all() == ["completed", "completed"]


def test_a_refused_step_leaves_nothing_behind(any_house: House) -> None:
    matter = any_house.start(any_house.deploy(FAILS))
    before = _rows(any_house)
    with pytest.raises(Incident) as failed:
        any_house.complete(matter, "work")
    assert failed.value.element == "choice"
    assert _rows(any_house) == before and any_house.open(matter) == ["work"]


def test_a_model_that_loops_for_ever_is_an_incident_and_the_matter_stays_where_it_was(house: House) -> None:
    matter = house.start(house.deploy(ENDLESS))
    with pytest.raises(Incident):
        house.complete(matter, "work")
    assert house.open(matter) == ["work"]


def test_two_sessions_that_act_on_one_version_cannot_both_win(any_house: House) -> None:
    matter = any_house.start(any_house.deploy(LOOP))
    with any_house.database.sessions() as session:
        with pytest.raises(Conflict), instances.step(session, matter, Actor.system()) as at:
            session.connection().exec_driver_sql("UPDATE instances SET version = version + 1")
            at.live.complete(any_house.task(session, matter, "work").token, {})
        session.rollback()
    assert any_house.open(matter) == ["work"]


def test_the_number_of_statements_of_a_step_does_not_depend_on_how_long_the_matter_has_run(house: House) -> None:
    matter = house.start(house.deploy(LOOP))
    counts = []
    for _ in range(60):
        statements: list[str] = []

        def note(conn: object, cursor: object, statement: str, *rest: object, seen: list[str] = statements) -> None:
            seen.append(statement)

        event.listen(house.database.connector, "before_cursor_execute", note)
        house.complete(matter, "work", enough=False)
        event.remove(house.database.connector, "before_cursor_execute", note)
        counts.append(len(statements))
    assert len(set(counts)) == 1, counts
    assert counts[0] <= 12


def test_one_of_a_thousand_open_votes_is_completed_by_as_few_statements_as_one_of_ten(house: House) -> None:
    key = house.deploy(VOTES)
    counts = []
    for size in (10, 1000):
        matter = house.start(key, voters=size)
        statements: list[tuple[str, int]] = []

        def note(conn: object, cursor: object, statement: str, parameters: object, context: object, many: bool,
                 seen: list[tuple[str, int]] = statements) -> None:
            seen.append((statement[:12], len(str(parameters))))

        with house.database.sessions() as session:
            task = house.task(session, matter, "vote")
            event.listen(house.database.connector, "before_cursor_execute", note)
            tasks.complete(session, task, Actor.system(), values={})
            session.commit()
            event.remove(house.database.connector, "before_cursor_execute", note)
        counts.append([kind for kind, _ in statements])
        assert max(length for _, length in statements) < 4000, "the step writes more than the one vote"
        assert len(house.open(matter)) == size - 1
    assert counts[0] == counts[1]


def test_all_votes_end_the_activity_and_no_part_is_left(any_house: House) -> None:
    matter = any_house.start(any_house.deploy(VOTES), voters=3)
    for _ in range(3):
        any_house.complete(matter, "vote")
    assert any_house.state(matter) == "completed"
    with any_house.database.sessions() as session:
        assert session.scalar(select(func.count()).select_from(InstancePart)) == 0


def test_a_cycle_timer_fires_again_and_again_and_goes_with_its_task(any_house: House) -> None:
    with clock.virtual(datetime(2026, 3, 2, 9, tzinfo=UTC)) as hands:
        matter = any_house.start(any_house.deploy(REMIND))
        for day in (1, 2):
            hands.move(datetime(2026, 3, 2 + day, 9, 0, 1, tzinfo=UTC))
            assert worker.work_off(any_house.database) == 1
            assert worker.work_off(any_house.database) == 0
            assert any_house.open(matter).count("call") == day
        any_house.complete(matter, "work")
        with any_house.database.sessions() as session:
            assert jobs.next_due(session) is None
        any_house.complete(matter, "call")
        any_house.complete(matter, "call")
        assert any_house.state(matter) == "completed"


def test_nothing_happens_in_a_suspended_matter_until_it_is_resumed(any_house: House) -> None:
    with clock.virtual(datetime(2026, 3, 2, 9, tzinfo=UTC)) as hands:
        matter = any_house.start(any_house.deploy(REMIND))
        _verb(any_house, matter, instances.suspend, "等上级答复")
        hands.move(datetime(2026, 3, 9, 9, tzinfo=UTC))
        assert worker.work_off(any_house.database) == 0
        with pytest.raises(Conflict, match="suspended"):
            any_house.complete(matter, "work")
        _verb(any_house, matter, instances.resume, "")
        assert worker.work_off(any_house.database) == 1
        assert any_house.open(matter) == ["work", "call"]


def test_a_cancelled_matter_closes_what_is_open_in_it(any_house: House) -> None:
    matter = any_house.start(any_house.deploy(REMIND))
    _verb(any_house, matter, instances.cancel, "重复提出")
    assert any_house.state(matter) == "cancelled" and any_house.open(matter) == []
    with any_house.database.sessions() as session:
        assert session.scalars(select(Task.state)).all() == [TaskState.CANCELLED]
        assert session.scalar(select(func.count()).select_from(Job)) == 0
    with pytest.raises(Conflict, match="ended"):
        _verb(any_house, matter, instances.resume, "")


def test_work_is_sent_back_to_an_earlier_step(house: House) -> None:
    key = house.deploy("""<process id="two" isExecutable="true"><startEvent id="begin"/>
        <sequenceFlow id="a" sourceRef="begin" targetRef="first"/><userTask id="first"/><sequenceFlow id="b" sourceRef="first" targetRef="second"/>
        <userTask id="second"/><sequenceFlow id="c" sourceRef="second" targetRef="done"/><endEvent id="done"/></process>""")
    matter = house.start(key)
    house.complete(matter, "first")
    with house.database.sessions() as session:
        instance = session.get_one(Instance, matter)
        token = house.task(session, matter, "second").token
        instances.modify(session, instance, Actor.system(), cancel=[token], start=[("first", None)], reason="填错了")
        session.commit()
    assert house.open(matter) == ["first"]
    house.complete(matter, "first")
    house.complete(matter, "second")
    assert house.state(matter) == "completed"


def test_an_instance_that_is_not_there_is_not_found(house: House) -> None:
    with house.database.sessions() as session, pytest.raises(NotFound), instances.step(session, 4711, Actor.system()):
        raise AssertionError("a step was made")


def test_matters_are_numbered_by_unit_and_year(house: House) -> None:
    key = house.deploy(LOOP.replace('id="loop"', 'id="loop" yishi:numbering="议"'))
    with clock.virtual(datetime(2026, 12, 31, 9, tzinfo=UTC)) as hands:
        first, second = house.start(key), house.start(key)
        hands.move(datetime(2027, 1, 4, 9, tzinfo=UTC))
        third = house.start(key)
    with house.database.sessions() as session:
        numbers = [session.get_one(Instance, i).number or "" for i in (first, second, third)]
    assert numbers == ["议〔2026〕001号", "议〔2026〕002号", "议〔2027〕001号"]


def test_a_running_matter_stays_on_the_version_under_which_it_began(house: House) -> None:
    old = house.start(house.deploy(LOOP))
    house.deploy(LOOP.replace('<userTask id="work"/>', '<userTask id="work" name="新名字"/>'))
    new = house.start("loop")
    house.complete(old, "work", enough=False)
    with house.database.sessions() as session:
        assert house.task(session, old, "work").name == "work"
        assert house.task(session, new, "work").name == "新名字"
        versions = [session.get_one(Instance, i).definition.version for i in (old, new)]
    assert versions == [1, 2]


def test_what_was_compiled_is_compiled_again_after_a_restart(house: House) -> None:
    matter = house.start(house.deploy(LOOP))
    definitions.forget()
    house.complete(matter, "work", enough=True)
    assert house.state(matter) == "completed"


def test_the_same_content_is_not_put_into_use_twice(house: House) -> None:
    house.deploy(LOOP)
    with pytest.raises(Conflict, match="already"):
        house.deploy(LOOP)


def test_subscriptions_of_a_new_version_replace_those_of_the_old(house: House) -> None:
    body = """<message id="m" name="complaint"/><process id="on_message" isExecutable="true"><startEvent id="begin">
        <messageEventDefinition messageRef="m"/></startEvent><sequenceFlow id="a" sourceRef="begin" targetRef="work"/><userTask id="work"/>
        </process>"""
    house.deploy(body)
    house.deploy(body.replace('<userTask id="work"/>', '<userTask id="work" name="办"/>'))
    with house.database.sessions() as session:
        assert session.scalar(select(func.count()).select_from(Subscription)) == 1
        assert not deployments.startable(session, house.unit(session))


def _verb(house: House, matter: int, verb: object, reason: str) -> None:
    with house.database.sessions() as session:
        verb(session, session.get_one(Instance, matter), Actor.system(), reason)  # type: ignore[operator]
        session.commit()


def _rows(house: House) -> tuple[int | None, ...]:
    with house.database.sessions() as session:
        return tuple(session.scalar(select(func.count()).select_from(table)) for table in (HistoryEvent, Task, Job))
