"""The public board: notices with their days, and objections that the matter must answer."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from engine import board, clock
from engine.access import Actor
from engine.errors import Conflict, Incident, Invalid, NotFound
from engine.models import Instance, Objection, Posting

from .conftest import House

POSTING = """<message id="m" name="objection_raised"/><process id="posts" isExecutable="true" yishi:numbering="议"><startEvent id="begin"/>
<sequenceFlow id="a" sourceRef="begin" targetRef="post"/><userTask id="post" name="张贴" yishi:kind="posting" yishi:posting="resolution"/>
<sequenceFlow id="b" sourceRef="post" targetRef="hang"/><subProcess id="hang"><startEvent id="hung"/>
<sequenceFlow id="h1" sourceRef="hung" targetRef="over"/><intermediateCatchEvent id="over"><timerEventDefinition>
<timeDate>=deadline(posted_on, 15)</timeDate></timerEventDefinition></intermediateCatchEvent>
<sequenceFlow id="h2" sourceRef="over" targetRef="down"/><endEvent id="down"/>
<subProcess id="objections" triggeredByEvent="true"><startEvent id="raised" isInterrupting="false"><messageEventDefinition messageRef="m"/>
</startEvent><sequenceFlow id="o1" sourceRef="raised" targetRef="reply"/><userTask id="reply" name="答复" yishi:kind="answer"/>
<sequenceFlow id="o2" sourceRef="reply" targetRef="replied"/><endEvent id="replied"/></subProcess></subProcess>
<sequenceFlow id="c" sourceRef="hang" targetRef="done"/><endEvent id="done"/></process>"""


@pytest.fixture
def matter(any_house: House) -> int:
    """A matter whose resolution was posted on Monday, 2026-04-13, on the second of April's weeks."""
    with clock.virtual(datetime(2026, 4, 13, 9, tzinfo=UTC)):
        number = any_house.start(any_house.deploy(POSTING), title="东巷口人车分流")
        any_house.complete(number, "post", posted_on=date(2026, 4, 13), posting_days=15, posting_title="决议公告",
                           posting_text="代表会议通过。", places="南门公开栏")
    return number


def test_a_notice_hangs_fifteen_days_and_the_first_is_not_counted(any_house: House, matter: int) -> None:
    found = _posting(any_house)
    assert (found.number, found.kind, found.places, found.days) == ("公告〔2026〕1号", "resolution", "南门公开栏", 15)
    assert found.until is not None and found.until.astimezone(clock.ZONE) == datetime(2026, 4, 29, 0, 0, tzinfo=clock.ZONE)
    assert [board.day_of(found, date(2026, 4, d)) for d in (13, 14, 28, 30)] == [0, 1, 15, 15]
    assert board.facts(found)["text"] == "代表会议通过。" and board.counting(found)


def test_a_resident_objects_and_the_matter_must_answer(any_house: House, matter: int) -> None:
    with clock.virtual(datetime(2026, 4, 15, 9, tzinfo=UTC)):
        receipt = _object(any_house, "施工期间轮椅怎么出入").receipt
        second = _object(any_house, "雨水箅会不会夹车轮", name="王五", contact="0000-0000")
        assert second.number == 2 and len(receipt) == 8 and receipt != second.receipt
        assert any_house.open(matter) == ["reply", "reply"]
        any_house.complete(matter, "reply", objection_number=1, answer="留一米五通道。", satisfied="yes")
    with any_house.database.sessions() as session:
        found = board.by_receipt(session, f"{receipt[:4]} {receipt[4:]}")
        assert (found.answer, found.satisfied) == ("留一米五通道。", True)
        assert [o.answered_at is not None for o in board.objections(session, instance=session.get_one(Instance, matter))] == [True, False]


def test_an_objection_out_of_time_or_without_words_is_refused_and_nothing_is_lost(any_house: House, matter: int) -> None:
    with clock.virtual(datetime(2026, 4, 28, 15, 59, tzinfo=UTC)) as hands:
        with pytest.raises(Invalid) as refused:
            _object(any_house, "  ", contact="1" * 101)
        assert set(refused.value.problems) == {"text", "contact"}
        with pytest.raises(Invalid):
            _object(any_house, "长" * 2001)
        _object(any_house, "最后一分钟")
        hands.move(datetime(2026, 4, 28, 16, 0, tzinfo=UTC))
        with pytest.raises(Conflict, match="over"):
            _object(any_house, "晚了")


def test_a_receipt_or_a_notice_that_does_not_exist_is_not_found(any_house: House, matter: int) -> None:
    with any_house.database.sessions() as session:
        with pytest.raises(NotFound):
            board.by_receipt(session, "0000 0000 0")
        with pytest.raises(NotFound):
            board.posting(session, "nothing")


def test_a_posting_without_its_day_is_an_incident_and_nothing_is_posted(house: House) -> None:
    number = house.start(house.deploy(POSTING.replace("=deadline(posted_on, 15)", "2026-12-01T00:00:00+08:00")))
    with pytest.raises(Incident, match="posted_on"):
        house.complete(number, "post")
    with house.database.sessions() as session:
        assert board.postings(session, house.unit(session)) == []
    assert house.open(number) == ["post"]


def _posting(house: House) -> Posting:
    with house.database.sessions() as session:
        (found,) = board.postings(session, house.unit(session))
        return board.posting(session, found.code)


def _object(house: House, text: str, **more: str) -> Objection:
    with house.database.sessions() as session:
        posted = board.posting(session, board.postings(session, house.unit(session))[0].code)
        made = board.object_to(session, posted, Actor.public(), text=text, **more)
        session.commit()
        return made
