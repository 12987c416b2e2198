"""Somebody is away and another stands in 代办: what is laid before the substitute, for how long, and what the record says."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import select

from engine import access, clock, history, organisation, tasks
from engine.access import Actor
from engine.clock import VirtualClock
from engine.errors import Conflict, Forbidden, Invalid
from engine.models import Absence, Account, Assignment, Instance, Person, Task
from tests.engine.conftest import House, build

LEAVES, RETURNS = date(2026, 4, 20), date(2026, 4, 24)
PROCEDURE = """<process id="lamp" isExecutable="true">
  <startEvent id="start"/><sequenceFlow id="a" sourceRef="start" targetRef="look"/>
  <userTask id="look" name="看现场" yishi:role="organizer"/><sequenceFlow id="b" sourceRef="look" targetRef="decide"/>
  <userTask id="decide" name="表决" yishi:role="committee" yishi:kind="vote"/>
  <sequenceFlow id="c" sourceRef="decide" targetRef="end"/><endEvent id="end"/></process>"""


@pytest.fixture
def time() -> Iterator[VirtualClock]:
    with clock.virtual(datetime(2026, 4, 17, 9, tzinfo=clock.ZONE)) as moving:
        yield moving


@pytest.fixture
def house(database_url: str, time: VirtualClock) -> Iterator[House]:
    made = build(database_url)
    made.person("钱双喜", "organizer", "committee")
    made.person("孙三思", "clerk")
    made.deploy(PROCEDURE)
    yield made
    made.database.close()


def now(house: House, name: str) -> Actor:
    """-> the actor that this person is at this moment."""
    with house.database.readers() as session:
        account = session.scalars(select(Account).where(Account.login == name)).one()
        return access.actor_of(session, account)


def someone(session: object, name: str) -> Person:
    return session.scalars(select(Person).where(Person.name == name)).one()  # type: ignore[attr-defined, no-any-return]


def away(house: House, person: str = "钱双喜", substitute: str = "孙三思", starts: date = LEAVES, ends: date = RETURNS) -> None:
    with house.database.sessions() as session:
        organisation.set_absence(session, someone(session, person), someone(session, substitute), starts, ends)
        session.commit()


def inbox(house: House, name: str) -> dict[str, list[str]]:
    with house.database.readers() as session:
        return {heap.key: [task.element for task in heap.tasks] for heap in tasks.inbox(session, now(house, name))}


def claim(house: House, matter: int, element: str, name: str) -> None:
    with house.database.sessions() as session:
        tasks.claim(session, house.task(session, matter, element), now(house, name))
        session.commit()


def who(house: House, matter: int, what: str) -> list[str]:
    with house.database.readers() as session:
        assert list(history.verify(session, matter)) == []
        return [line.actor for line in history.lines(session, matter, what=[what])]


def test_a_substitute_is_asked_from_the_first_to_the_last_day_of_the_absence(house: House, time: VirtualClock) -> None:
    away(house)
    house.start("lamp")
    asked = {}
    for day in range(17, 27):
        time.move(datetime(2026, 4, day, 23, 59, tzinfo=clock.ZONE))
        asked[day] = inbox(house, "孙三思")["claimable"] == ["look"]
        assert inbox(house, "钱双喜")["claimable"] == ["look"]  # the absent person may still act
    assert [day for day, laid in asked.items() if laid] == [20, 21, 22, 23, 24]


def test_the_record_bears_both_names(house: House, time: VirtualClock) -> None:
    away(house)
    matter = house.start("lamp")
    time.move(datetime(2026, 4, 21, 9, tzinfo=clock.ZONE))
    claim(house, matter, "look", "孙三思")
    house.complete(matter, "look", now(house, "孙三思"))
    assert who(house, matter, "claimed") == ["孙三思 代 钱双喜"]
    assert "孙三思 代 钱双喜" in who(house, matter, "completed")
    with house.database.readers() as session:
        ended = session.scalars(select(Task).where(Task.element == "look")).one()
        assert ended.ended_by == someone(session, "孙三思").id  # he answers for it


def test_what_the_absent_person_had_claimed_is_taken_over(house: House, time: VirtualClock) -> None:
    matter = house.start("lamp")
    claim(house, matter, "look", "钱双喜")
    away(house)
    with pytest.raises(Conflict, match="钱双喜 has claimed"):
        claim(house, matter, "look", "孙三思")  # not yet
    time.move(datetime(2026, 4, 21, 9, tzinfo=clock.ZONE))
    assert inbox(house, "孙三思") == {"mine": [], "claimable": ["look"]}
    with house.database.readers() as session:
        laid = house.task(session, matter, "look")
        assert "钱双喜 has it and is away" in str(tasks.why_me(session, laid, now(house, "孙三思")))
    claim(house, matter, "look", "孙三思")
    assert inbox(house, "孙三思") == {"mine": ["look"], "claimable": []}
    with pytest.raises(Conflict, match="孙三思 has claimed"), house.database.sessions() as session:
        tasks.complete(session, house.task(session, matter, "look"), now(house, "钱双喜"), values={})


def test_somebody_else_of_the_group_does_not_get_what_the_absent_person_has_claimed(house: House, time: VirtualClock) -> None:
    house.person("赵一鸣", "organizer")
    matter = house.start("lamp")
    claim(house, matter, "look", "钱双喜")
    away(house)
    time.move(datetime(2026, 4, 21, 9, tzinfo=clock.ZONE))
    assert inbox(house, "赵一鸣")["claimable"] == []
    with pytest.raises(Conflict, match="钱双喜 has claimed"):
        claim(house, matter, "look", "赵一鸣")


def test_whoever_holds_the_role_himself_takes_over_and_completes_in_his_own_name(house: House, time: VirtualClock) -> None:
    house.person("赵一鸣", "organizer")
    away(house, substitute="赵一鸣")
    with house.database.readers() as session:
        assert session.scalars(select(Assignment).where(Assignment.absence_id.is_not(None))).all() == []
    time.move(datetime(2026, 4, 21, 9, tzinfo=clock.ZONE))
    taken, own = house.start("lamp"), house.start("lamp")
    claim(house, taken, "look", "钱双喜")
    claim(house, taken, "look", "赵一鸣")
    claim(house, own, "look", "赵一鸣")
    assert who(house, taken, "claimed") == ["钱双喜", "赵一鸣 代 钱双喜"]
    assert who(house, own, "claimed") == ["赵一鸣"]


def test_nobody_votes_for_another(house: House, time: VirtualClock) -> None:
    away(house)
    time.move(datetime(2026, 4, 21, 9, tzinfo=clock.ZONE))
    matter = house.start("lamp")
    house.complete(matter, "look")
    assert house.open(matter) == ["decide"]
    assert inbox(house, "孙三思")["claimable"] == []
    claim(house, matter, "decide", "钱双喜")
    with pytest.raises(Forbidden):
        house.complete(matter, "decide", now(house, "孙三思"))


def test_the_list_and_the_door_agree_for_a_substitute(house: House, time: VirtualClock) -> None:
    """The condition in SQL and the check in Python, and the people of the group, for every state of a task."""
    away(house)
    time.move(datetime(2026, 4, 21, 9, tzinfo=clock.ZONE))
    free, claimed, voted = house.start("lamp"), house.start("lamp"), house.start("lamp")
    claim(house, claimed, "look", "钱双喜")
    house.complete(voted, "look")
    with house.database.readers() as session:
        for name in ("孙三思", "钱双喜"):
            actor = now(house, name)
            listed = set(session.scalars(select(Task.id).where(access.is_asked(actor))))
            for task in session.scalars(select(Task)):
                assert (task.id in listed) == access.may_act(actor, task), (name, task.element)
                group = [person.id for person in access.candidates(session, task)]
                assert access.is_candidate(session, actor, task) == (actor.person_id in group), (name, task.element)
        assert session.get_one(Instance, free).state == "running"


def test_an_absence_ends_early_and_with_it_what_was_lent(house: House, time: VirtualClock) -> None:
    away(house)
    time.move(datetime(2026, 4, 21, 9, tzinfo=clock.ZONE))
    assert now(house, "孙三思").lent
    with house.database.sessions() as session:
        absence = session.scalars(select(Absence)).one()
        with pytest.raises(Invalid):
            organisation.end_absence(session, absence, RETURNS + timedelta(days=1))
        organisation.end_absence(session, absence, date(2026, 4, 21))
        session.commit()
    assert now(house, "孙三思").lent
    time.move(datetime(2026, 4, 22, 9, tzinfo=clock.ZONE))
    assert not now(house, "孙三思").lent and not now(house, "孙三思").stands_in
    with house.database.readers() as session:
        told = [str(organisation.deed(line)) for line in organisation.log(session, house.unit(session))]
    assert told[0] == "entered that 钱双喜 is back on 2026-04-21"
    assert told[1] == "entered that 钱双喜 is away from 2026-04-20 to 2026-04-24 and that 孙三思 stands in"


@pytest.mark.parametrize(
    ("substitute", "starts", "ends", "field"),
    [
        ("钱双喜", LEAVES, RETURNS, "substitute"),
        ("孙三思", RETURNS, LEAVES, "ends"),
        ("孙三思", date(2026, 4, 1), date(2026, 4, 2), "ends"),
    ],
)
def test_an_absence_that_makes_no_sense_is_refused(house: House, substitute: str, starts: date, ends: date, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        away(house, substitute=substitute, starts=starts, ends=ends)
    assert list(refused.value.problems) == [field]


def test_nobody_is_away_twice_nor_stands_in_while_away(house: House) -> None:
    house.person("赵一鸣", "organizer")
    away(house)
    with pytest.raises(Conflict, match="钱双喜 is entered as away from 2026-04-20"):
        away(house, starts=RETURNS, ends=RETURNS)
    with pytest.raises(Conflict, match="钱双喜 is away as well"):
        away(house, person="赵一鸣", substitute="钱双喜")


def test_who_only_votes_has_no_substitute(house: House) -> None:
    house.person("褚十全", "committee", "party_member")
    with pytest.raises(Conflict, match="holds no role in which somebody else may act"):
        away(house, person="褚十全")


def test_a_member_of_the_supervision_committee_does_not_stand_in_for_the_director(house: House) -> None:
    house.person("曹七步", "director")
    house.person("周五常", "supervision_committee")
    with pytest.raises(Conflict, match="the law keeps the two apart"):
        away(house, person="曹七步", substitute="周五常")
    with house.database.readers() as session:
        assert session.scalars(select(Absence)).all() == []
