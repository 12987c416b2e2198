"""Work laid before people: who sees it, who may do it, and that it is done once."""

from __future__ import annotations

import json
import threading
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select

from engine import access, bpmn, clock, history, tasks
from engine.access import Actor
from engine.errors import Conflict, EngineError, Forbidden, Incident, Invalid, NotFound
from engine.models import Draft

from .conftest import House

REVIEW = """<process id="review" isExecutable="true" name="审"><laneSet id="lanes"><lane id="l" name="居委会" yishi:role="director">
<flowNodeRef>look</flowNodeRef><flowNodeRef>vote</flowNodeRef></lane></laneSet>
<startEvent id="begin"/><sequenceFlow id="a" sourceRef="begin" targetRef="look"/>
<userTask id="look" name="受理" yishi:role="clerk" yishi:stage="动议" yishi:due="=duration(&quot;P2D&quot;)"/>
<sequenceFlow id="b" sourceRef="look" targetRef="vote"/>
<userTask id="vote" name="表决" yishi:kind="resolution"/><sequenceFlow id="c" sourceRef="vote" targetRef="done"/><endEvent id="done"/>
</process>"""

FORM = json.dumps({"type": "default", "components": [
    {"type": "textfield", "key": "plan", "label": "方案", "validate": {"required": True, "maxLength": 50}},
    {"type": "number", "key": "households", "label": "影响户数", "validate": {"min": 1}},
]}).encode()


def test_the_lane_or_the_step_itself_says_whose_work_it_is(house: House) -> None:
    matter = house.start(house.deploy(REVIEW))
    clerk, director = house.person("sunsansi", "clerk"), house.person("qianshuangxi", "director")
    assert _inbox(house, clerk) == ([], ["look"])
    assert _inbox(house, director) == ([], [])
    house.complete(matter, "look", clerk)
    assert _inbox(house, director) == ([], ["vote"]) and _inbox(house, clerk) == ([], [])


def test_whoever_holds_no_role_here_is_told_so(house: House) -> None:
    matter = house.start(house.deploy(REVIEW))
    with pytest.raises(Forbidden):
        house.complete(matter, "look", house.person("zhaoyiming", "representative"))


def test_a_supervisor_never_votes_even_if_the_model_says_so(house: House) -> None:
    matter = house.start(house.deploy(REVIEW.replace('yishi:kind="resolution"', 'yishi:kind="resolution" yishi:role="supervisor"')))
    house.complete(matter, "look")
    with pytest.raises(Forbidden, match="does not decide"):
        house.complete(matter, "vote", house.person("zhengqixi", "supervisor", "representative"))


def test_somebody_of_another_community_does_not_even_learn_that_the_task_exists(house: House) -> None:
    matter = house.start(house.deploy(REVIEW))
    stranger = Actor(99, "外人", frozenset({("clerk", 4711)}), {4711: "/9/8/7/"})
    with house.database.sessions() as session, pytest.raises(NotFound):
        access.get_task(session, stranger, house.task(session, matter, "look").id)


def test_claimed_work_is_one_persons_until_it_is_given_back(house: House) -> None:
    matter = house.start(house.deploy(REVIEW))
    one, other = house.person("sunsansi", "clerk"), house.person("liwu", "clerk")
    with house.database.sessions() as session:
        task = house.task(session, matter, "look")
        tasks.claim(session, task, one)
        session.commit()
        with pytest.raises(Conflict, match="sunsansi"):
            tasks.claim(session, task, other)
        session.rollback()
        assert _inbox(house, one) == (["look"], []) and _inbox(house, other) == ([], [])
        with pytest.raises((Conflict, Forbidden)):
            tasks.complete(session, house.task(session, matter, "look"), other, values={})
        session.rollback()
        tasks.release(session, house.task(session, matter, "look"), one)
        session.commit()
    assert _inbox(house, other) == ([], ["look"])
    house.complete(matter, "look", other)
    with house.database.sessions() as session:
        told = [(line.what, line.actor) for line in history.lines(session, matter, what=("claimed", "released"))]
    assert told == [("claimed", "sunsansi"), ("released", "sunsansi")]


def test_a_closed_task_says_who_closed_it(house: House) -> None:
    matter = house.start(house.deploy(REVIEW))
    clerk = house.person("sunsansi", "clerk")
    with house.database.sessions() as session:
        number = house.task(session, matter, "look").id
    house.complete(matter, "look", clerk)
    with house.database.sessions() as session, pytest.raises(Conflict, match="sunsansi completed"):
        tasks.complete(session, access.get_task(session, clerk, number), clerk, values={})


def test_of_two_people_who_complete_at_once_one_wins_and_the_other_reads_why(any_house: House) -> None:
    matter = any_house.start(any_house.deploy(REVIEW))
    people = [any_house.person(name, "clerk") for name in ("sunsansi", "liwu", "zhouliu", "wujiu")]
    barrier, outcomes = threading.Barrier(len(people)), []
    with any_house.database.sessions() as session:
        number = any_house.task(session, matter, "look").id

    def act(actor: Actor) -> None:
        with any_house.database.sessions() as session:
            barrier.wait()
            try:
                task = access.get_task(session, actor, number)
                tasks.complete(session, task, actor, values={"by": actor.name})
                session.commit()
                outcomes.append("won")
            except EngineError as error:
                outcomes.append(error.code)

    threads = [threading.Thread(target=act, args=(person,)) for person in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["conflict"] * 3 + ["won"]
    assert any_house.open(matter) == ["vote"]


def test_a_form_is_checked_and_its_values_are_written(house: House) -> None:
    key = house.deploy(REVIEW, files={"forms/look.form": FORM})
    matter = house.start(key)
    clerk = house.person("sunsansi", "clerk")
    with house.database.sessions() as session:
        task = house.task(session, matter, "look")
        with pytest.raises(Invalid) as refused:
            tasks.complete(session, task, clerk, {"plan": [""], "households": ["0"], "passed": ["true"]})
        session.rollback()
        assert set(refused.value.problems) >= {"plan", "households", "passed"}
        tasks.complete(session, house.task(session, matter, "look"), clerk, {"plan": ["刷楼道"], "households": ["４６"]})
        session.commit()
    assert house.variables(matter)["plan"] == "刷楼道" and house.variables(matter)["households"] == 46


def test_what_was_typed_is_kept_as_a_draft_until_it_is_sent(house: House) -> None:
    matter = house.start(house.deploy(REVIEW, files={"forms/look.form": FORM}))
    clerk = house.person("sunsansi", "clerk")
    with house.database.sessions() as session:
        tasks.save_draft(session, house.task(session, matter, "look"), clerk, {"plan": ["半句"], "households": [""]})
        session.commit()
    with house.database.sessions() as session:
        kept = tasks.draft_of(session, house.task(session, matter, "look"), clerk)
        assert kept is not None and kept[0] == {"plan": ["半句"], "households": [""]}
    house.complete(matter, "look", clerk, plan="整句")
    with house.database.sessions() as session:
        assert session.scalars(select(Draft)).all() == []


def test_a_late_entry_needs_its_reason_and_never_takes_the_old_date(house: House) -> None:
    with clock.virtual(datetime(2026, 4, 14, 1, 40, tzinfo=UTC)):
        matter = house.start(house.deploy(REVIEW))
        with house.database.sessions() as session:
            task = house.task(session, matter, "look")
            with pytest.raises(Invalid) as refused:
                tasks.complete(session, task, Actor.system(), values={}, took_place=date(2026, 4, 15))
            assert set(refused.value.problems) == {"took_place", "late_reason"}
            tasks.complete(session, task, Actor.system(), values={}, took_place=date(2026, 4, 13), reason="当天相机没电")
            session.commit()
            line = next(ln for ln in history.lines(session, matter) if ln.element == "look" and ln.what == "completed")
            assert line.took_place == date(2026, 4, 13) and line.at.date() == date(2026, 4, 14)
            assert "当天相机没电" in line.data_json


def test_a_task_is_due_when_the_model_says(house: House) -> None:
    moment = datetime(2026, 4, 14, 1, 40, tzinfo=UTC)
    with clock.virtual(moment):
        matter = house.start(house.deploy(REVIEW))
        with house.database.sessions() as session:
            assert house.task(session, matter, "look").due_at == moment + timedelta(days=2)


def test_a_due_that_is_no_time_is_an_incident_with_its_step(house: House) -> None:
    key = house.deploy(REVIEW.replace("=duration(&quot;P2D&quot;)", "=matter"))
    with pytest.raises(Incident) as failed:
        house.start(key)
    assert failed.value.element == "look" and "受理" in str(failed.value)


def test_the_inbox_is_searched_by_title_number_step_and_person(house: House) -> None:
    key = house.deploy(REVIEW.replace('id="review"', 'id="review" yishi:numbering="议"'))
    clerk = house.person("sunsansi", "clerk")
    house.start(key, clerk, title="楼道粉刷")
    house.start(key, clerk, title="南门晾衣架")
    with house.database.sessions() as session:
        def found(text: str, stage: str = "") -> list[str]:
            return [t.instance.title for g in tasks.inbox(session, clerk, text=text, stage=stage) for t in g.tasks]

        assert found("粉刷") == ["楼道粉刷"] and len(found("受理")) == 2 and found("002号") == ["南门晾衣架"]
        assert found("受理 晾衣架") == ["南门晾衣架"] and len(found("sunsansi")) == 2 and found("没有") == []
        assert len(found("", "动议")) == 2 and found("", "三议") == []


def test_history_tells_the_role_in_which_somebody_acted(house: House) -> None:
    matter = house.start(house.deploy(REVIEW))
    house.complete(matter, "look", house.person("sunsansi", "clerk", "party_member"), note="好")
    with house.database.sessions() as session:
        line = next(ln for ln in history.lines(session, matter) if ln.element == "look" and ln.what == "completed")
        assert (line.actor, line.role, bpmn.decode(line.data_json)) == ("sunsansi", "clerk", {"note": "好"})


def _inbox(house: House, actor: Actor) -> tuple[list[str], list[str]]:
    with house.database.sessions() as session:
        groups = {g.key: [t.element for t in g.tasks] for g in tasks.inbox(session, actor)}
    return groups["mine"], groups["claimable"]

