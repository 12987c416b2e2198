"""What residents say to a solicitation: receipts, changes, the ledger with its groups, and no opinion without an answer."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Any

import pytest

from engine import board, clock, opinions, tasks
from engine.access import Actor
from engine.errors import Conflict, Forbidden, Invalid, NotFound
from engine.models import Instance, Objection, Opinion, OpinionGroup, Posting
from engine.opinions import Said

from .conftest import House

ASKING = """<message id="m" name="objection_raised"/><process id="asks" isExecutable="true" yishi:numbering="议">
<startEvent id="begin"/>
<sequenceFlow id="a" sourceRef="begin" targetRef="announce"/>
<userTask id="announce" name="公告" yishi:kind="posting" yishi:posting="solicitation"/>
<sequenceFlow id="b" sourceRef="announce" targetRef="sum_up"/><userTask id="sum_up" name="汇总" yishi:kind="solicitation"/>
<sequenceFlow id="c" sourceRef="sum_up" targetRef="done"/><endEvent id="done"/></process>"""
DURING, AFTER = datetime(2026, 4, 15, 9, tzinfo=UTC), datetime(2026, 4, 20, 16, tzinfo=UTC)


@pytest.fixture
def matter(any_house: House) -> int:
    """A matter about which the residents are asked for a week, from 13 April 2026."""
    with clock.virtual(datetime(2026, 4, 13, 9, tzinfo=UTC)):
        number = any_house.start(any_house.deploy(ASKING), title="活动室夜间开放")
        any_house.complete(number, "announce", posted_on=date(2026, 4, 13), posting_days=7, posting_title="征求意见",
                           posting_text="晚上开到八点半，好不好？")
    return number


def test_a_resident_answers_with_one_tick_and_gets_eight_digits(any_house: House, matter: int) -> None:
    with clock.virtual(DURING):
        first = _give(any_house, Said("support"))
        second = _give(any_house, Said("conditional", ["noise", "money"], " 八点以后别打麻将 ", "1号楼", "王五", "0000-0000"))
    assert re.fullmatch(r"\d{8}", first.receipt) and first.receipt != second.receipt
    assert (first.number, second.number, first.channel, first.assisted_by) == (1, 2, "web", None)
    assert (second.text, opinions.worries(second)) == ("八点以后别打麻将", ["money", "noise"])
    assert second.received_on == date(2026, 4, 15)
    with any_house.database.sessions() as session:
        found = opinions.by_receipt(session, f"{second.receipt[:4]} {second.receipt[4:]}")
        assert isinstance(found, Opinion) and found.id == second.id
        with pytest.raises(NotFound, match="eight digits"):
            opinions.by_receipt(session, "12")
        counted = opinions.summary(session, session.get_one(Instance, matter))
    assert counted.attitudes == {"support": 1, "conditional": 1, "oppose": 0, "undecided": 0}
    assert (counted.total, counted.ungrouped, counted.buildings, counted.worries) == (2, 2, {"1号楼": 1}, {"money": 1, "noise": 1})


def test_one_look_up_finds_opinions_and_objections(any_house: House, matter: int) -> None:
    with any_house.database.sessions() as session:
        asked = _asked(any_house, session)
        objection = Objection(posting_id=asked.id, instance_id=matter, number=1, receipt=board.new_receipt(session), text="不",
                              received_at=clock.now())
        session.add(objection)
        session.flush()
        assert opinions.by_receipt(session, objection.receipt) is objection


def test_with_the_receipt_it_is_said_otherwise_until_the_time_is_over(any_house: House, matter: int) -> None:
    clerk = any_house.person("孙三思", "clerk")
    with clock.virtual(DURING) as hands:
        receipt = _give(any_house, Said("oppose", ["noise"], "吵")).receipt
        with any_house.database.sessions() as session:
            asked = _asked(any_house, session)
            found = opinions.by_receipt(session, receipt)
            assert isinstance(found, Opinion)
            opinions.assign(session, asked, clerk, [found.id], opinions.add_group(session, asked, clerk, "怕吵"))
            opinions.change(session, found, Said("conditional", text="八点半就行"))
            session.commit()
            assert (found.attitude, found.text, opinions.worries(found), found.group_id) == ("conditional", "八点半就行", [], None)
            assert found.changed_at == DURING
            hands.move(AFTER)
            with pytest.raises(Conflict, match="over"):
                opinions.change(session, found, Said("support"))
            assert found.attitude == "conditional"


def test_what_cannot_be_is_refused_field_by_field(any_house: House, matter: int) -> None:
    with clock.virtual(DURING) as hands:
        with pytest.raises(Invalid) as refused:
            _give(any_house, Said("", ["<script>"], "长" * 2001, "楼" * 41, "名" * 61, "1" * 101, "帮" * 61))
        assert list(refused.value.problems) == ["attitude", "worries", "text", "building", "name", "contact", "helper"]
        hands.move(AFTER)
        with pytest.raises(Conflict, match="over"):
            _give(any_house, Said("support"))


def test_signs_that_cannot_be_read_are_not_kept(any_house: House, matter: int) -> None:
    with clock.virtual(DURING):
        made = _give(any_house, Said("support", text="一\x00行\r\n两行\x1b 🙂<b>"))
    assert made.text == "一行\n两行 🙂<b>"


def test_a_notice_that_does_not_ask_takes_no_opinion_and_an_ended_matter_neither(any_house: House, matter: int) -> None:
    with clock.virtual(DURING), any_house.database.sessions() as session:
        asked = _asked(any_house, session)
        asked.kind = "resolution"
        with pytest.raises(Conflict, match="asks for no opinions"):
            opinions.give(session, asked, Actor.public(), Said("support"))
        asked.kind = "solicitation"
        asked.instance.state = "cancelled"
        with pytest.raises(Conflict, match="over"):
            opinions.give(session, asked, Actor.public(), Said("support"))


# --- entered by a cadre ---------------------------------------------------------------------------------------------
def test_whoever_enters_for_a_resident_stands_beside_his_name(any_house: House, matter: int) -> None:
    clerk, organizer = any_house.person("孙三思", "clerk"), any_house.person("赵一鸣", "organizer")
    with clock.virtual(DURING):
        with pytest.raises(Forbidden):
            _give(any_house, Said("support", name="王五"), organizer, "assisted")
        with pytest.raises(Invalid) as refused:
            _give(any_house, Said("support"), clerk, "assisted")
        assert list(refused.value.problems) == ["name"]
        made = _give(any_house, Said("support", name="王五"), clerk, "assisted")
    assert (made.name, made.assisted_by, made.channel) == ("王五", clerk.person_id, "assisted")
    with any_house.database.sessions() as session:
        (entry,) = opinions.ledger(session, _asked(any_house, session), clerk)
    assert (entry.name, entry.entered_by) == ("王五", "孙三思")


def test_paper_from_the_box_is_entered_after_the_time_but_dated_within_it(any_house: House, matter: int) -> None:
    clerk = any_house.person("孙三思", "clerk")
    with clock.virtual(datetime(2026, 4, 22, 9, tzinfo=UTC)):
        made = _give(any_house, Said("oppose", received_on=date(2026, 4, 20)), clerk, "paper")
        assert (made.received_on, made.channel, made.name) == (date(2026, 4, 20), "paper", "")
        for day in (date(2026, 4, 12), date(2026, 4, 21), None):
            with pytest.raises(Invalid) as refused:
                _give(any_house, Said("oppose", received_on=day), clerk, "paper")
            assert list(refused.value.problems) == ["received_on"]
        any_house.complete(matter, "sum_up", opinion_groups=[{"group": "都不要", "adopted": "no", "reason": "多数人要"}])
        with pytest.raises(Conflict):
            _give(any_house, Said("oppose", received_on=date(2026, 4, 20)), clerk, "paper")


# --- the ledger -----------------------------------------------------------------------------------------------------
def test_names_are_for_those_who_see_the_matter_and_contacts_for_those_who_act(any_house: House, matter: int) -> None:
    with clock.virtual(DURING):
        _give(any_house, Said("undecided", name="王五", contact="0000-0000", helper="女儿"))
    clerk, supervisor = any_house.person("孙三思", "clerk"), any_house.person("郑七夕", "supervisor")
    representative = any_house.person("周代表", "representative")
    with any_house.database.sessions() as session:
        asked = _asked(any_house, session)
        seen = [(e.name, e.contact, e.entered_by) for who in (clerk, supervisor) for e in opinions.ledger(session, asked, who)]
        assert seen == [("王五", "0000-0000", "女儿"), ("王五", "", "女儿")]
        for stranger in (Actor.public(), representative):
            with pytest.raises(Forbidden):
                opinions.ledger(session, asked, stranger)
        with pytest.raises(Forbidden):
            opinions.add_group(session, asked, supervisor, "怕吵")


def test_opinions_are_grouped_and_every_group_is_answered_with_a_reason(any_house: House, matter: int) -> None:
    clerk = any_house.person("孙三思", "clerk")
    with clock.virtual(DURING):
        ids = [_give(any_house, Said("oppose", ["noise"])).id, _give(any_house, Said("support")).id]
        with any_house.database.sessions() as session:
            asked = _asked(any_house, session)
            group = opinions.add_group(session, asked, clerk, "怕吵")
            for title in ("", " 怕吵 ", "长" * 201):
                with pytest.raises(Invalid) as refused:
                    opinions.add_group(session, asked, clerk, title)
                assert list(refused.value.problems) == ["title"]
            with pytest.raises(Invalid):
                opinions.assign(session, asked, clerk, [], group)
            opinions.assign(session, asked, clerk, [ids[0]], group)
            assert opinions.summary(session, session.get_one(Instance, matter)).ungrouped == 1
            with pytest.raises(Invalid) as refused:
                opinions.answer(session, asked, group, clerk, "perhaps", " ")
            assert list(refused.value.problems) == ["adopted", "reason"]
            opinions.answer(session, asked, group, clerk, "partly", "八点以后不放音乐。")
            spare = opinions.add_group(session, asked, clerk, "写错了")
            opinions.assign(session, asked, clerk, [ids[1]], spare)
            opinions.remove_group(session, asked, spare, clerk)
            session.commit()
            first = session.get_one(Opinion, ids[0])
            assert first.group is not None and (first.group.adopted, first.group.reason) == ("partly", "八点以后不放音乐。")
            assert session.get_one(Opinion, ids[1]).group_id is None


def test_the_summary_begins_with_what_the_ledger_counted(any_house: House, matter: int) -> None:
    clerk = any_house.person("孙三思", "clerk")
    assert "support" not in _context(any_house, matter)
    with clock.virtual(DURING):
        for attitude in ("support", "support", "oppose"):
            _give(any_house, Said(attitude))
        with any_house.database.sessions() as session:
            opinions.add_group(session, _asked(any_house, session), clerk, "怕吵")
            session.commit()
    context = _context(any_house, matter)
    assert {key: context[key] for key in ("households_answered", "support", "conditional", "oppose", "undecided")} == {
        "households_answered": 3, "support": 2, "conditional": 0, "oppose": 1, "undecided": 0}
    assert context["opinion_groups"] == [{"group": "怕吵", "adopted": None, "reason": ""}]


def test_no_group_is_left_without_answer_and_what_was_submitted_stands(any_house: House, matter: int) -> None:
    clerk = any_house.person("孙三思", "clerk")
    with any_house.database.sessions() as session:
        opinions.add_group(session, _asked(any_house, session), clerk, "怕吵")
        session.commit()
    with pytest.raises(Invalid) as refused:
        any_house.complete(matter, "sum_up", opinion_groups=[{"group": "别的", "adopted": "yes", "reason": "好"}])
    assert list(refused.value.problems) == ["opinion_groups"] and any_house.open(matter) == ["sum_up"]
    any_house.complete(matter, "sum_up", opinion_groups=[
        {"group": "怕吵", "adopted": "partly", "reason": "八点以后不放音乐。"},
        {"group": "别的", "adopted": "yes", "reason": "好"}])
    with any_house.database.sessions() as session:
        asked = _asked(any_house, session)
        found = opinions.groups(session, asked)
        assert [(g.title, g.adopted, g.settled) for g in found] == [("怕吵", "partly", True), ("别的", "yes", True)]
        for verb in (lambda g: opinions.answer(session, asked, g, clerk, "no", "不"),
                     lambda g: opinions.remove_group(session, asked, g, clerk)):
            with pytest.raises(Conflict, match="record"):
                verb(found[0])
        assert session.get_one(OpinionGroup, found[0].id).adopted == "partly"


def _context(house: House, matter: int) -> dict[str, Any]:
    with house.database.sessions() as session:
        return tasks.context_of(session, house.task(session, matter, "sum_up"))


def _asked(house: House, session: Any) -> Posting:
    (found,) = board.postings(session, house.unit(session))
    return found


def _give(house: House, said: Said, actor: Actor | None = None, channel: str = "web") -> Opinion:
    with house.database.sessions() as session:
        made = opinions.give(session, _asked(house, session), actor or Actor.public(), said, channel=channel)
        session.commit()
        session.refresh(made)
        return made
