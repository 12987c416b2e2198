"""The public board: what hangs there, for how long, what a resident may say to it, and where the answer is found."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import select

from engine import board, clock, deployments, instances, packs, tasks
from engine.access import Actor
from engine.models import HistoryEvent, Incident, Instance, Objection, Posting, Unit

from .conftest import ADMINISTRATOR, CLERK, COMMUNITY, DIRECTOR, ORGANIZER, SUPERVISOR, Site

MODEL = """<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:yishi="http://yishi.org/schema/1.0"
 id="model" targetNamespace="http://yishi.org/test"><message id="m" name="objection_raised"/>
<process id="hangs" name="张贴" isExecutable="true" yishi:numbering="议" yishi:stages="一公开 二公开"><startEvent id="begin"/>
<sequenceFlow id="a" sourceRef="begin" targetRef="post"/><userTask id="post" name="张贴" yishi:stage="一公开" yishi:kind="posting"
 yishi:posting="resolution"/><sequenceFlow id="b" sourceRef="post" targetRef="hang"/><subProcess id="hang" yishi:stage="一公开">
<startEvent id="hung"/><sequenceFlow id="h1" sourceRef="hung" targetRef="over"/><userTask id="over" name="撤下"/>
<sequenceFlow id="h2" sourceRef="over" targetRef="down"/><endEvent id="down"/>
<subProcess id="objections" triggeredByEvent="true"><startEvent id="raised" isInterrupting="false"><messageEventDefinition
 messageRef="m"/></startEvent><sequenceFlow id="o1" sourceRef="raised" targetRef="which"/><exclusiveGateway id="which"/>
<sequenceFlow id="o2" sourceRef="which" targetRef="reply"><conditionExpression>=contains(objection.text, "坏") = false
</conditionExpression></sequenceFlow><userTask id="reply" name="答复" yishi:kind="answer"/>
<sequenceFlow id="o3" sourceRef="reply" targetRef="replied"/><endEvent id="replied"/></subProcess></subProcess>
<sequenceFlow id="c" sourceRef="hang" targetRef="done"/><endEvent id="done"/></process></definitions>"""
BEGUN = datetime(2026, 4, 13, 1, tzinfo=UTC)
CLERK_ELSEWHERE = "shenshisi"
SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def hung(site: Site) -> Site:
    """A resolution hangs in the community since Monday, 2026-04-13, for fifteen days."""
    with clock.virtual(BEGUN), site.database.sessions() as session:
        unit = session.scalars(select(Unit).where(Unit.code == COMMUNITY)).one()
        deployments.deploy(session, packs.from_files({"hangs.bpmn": MODEL.encode()}, name="hangs"), unit, Actor.system())
        matter = instances.start(session, deployments.find(session, "hangs", unit), Actor.system(), {}, unit=unit, title="人车分流")
        tasks.complete(session, tasks.open_in(session, matter)[0], Actor.system(), values={
            "posted_on": date(2026, 4, 13), "posting_days": 15, "posting_title": "人车分流的决议公告", "places": "南门公开栏",
            "posting_text": f"代表会议通过。\n{SCRIPT}", "posting_facts": {"应到": 61, "同意": 38, "姓名": {"名单": "张三"}}})
        session.commit()
    return site


@pytest.fixture
def april(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., None]:
    """Sets the clock of the whole house to an hour of April 2026."""
    file = tmp_path_factory.mktemp("clock") / "now"
    monkeypatch.setenv("YISHI_CLOCK", str(file))

    def set_clock(day: int, hour: int = 10, minute: int = 0) -> None:
        file.write_text(datetime(2026, 4, day, hour, minute, tzinfo=clock.ZONE).isoformat())

    set_clock(20)
    return set_clock


def test_anybody_finds_the_board_of_a_community(hung: Site, april: Callable[..., None]) -> None:
    visitor = hung.visitor()
    assert f'href="/board/{COMMUNITY}"' in visitor.get("/board/").text
    page = visitor.get(f"/board/{COMMUNITY}").text
    assert "人车分流的决议公告" in page and "<b>7</b>" in page and 'width="7"' in page
    assert f'href="/board/notice/{_code(hung)}/objection"' in page
    assert visitor.get("/board/nowhere").status_code == 404


def test_a_notice_tells_figures_days_and_seal_but_no_names(hung: Site, april: Callable[..., None]) -> None:
    page = hung.visitor().get(f"/board/notice/{_code(hung)}").text
    assert "<td>61</td><td>38</td>" in page and "张三" not in page
    assert SCRIPT not in page and "&lt;script&gt;" in page
    with hung.database.readers() as session:
        posting = session.scalars(select(Posting)).one()
        line = session.scalars(select(HistoryEvent).where(HistoryEvent.instance_id == posting.instance_id,
                                                          HistoryEvent.line == posting.history_line)).one()
    assert f"{line.hash[:4]} {line.hash[4:8]}" in page
    assert "2026年4月28日 周二 24:00" in page and "南门公开栏" in page
    assert page.count("<svg") >= 3 and "style=" not in page
    assert hung.visitor().get("/board/notice/nothing").status_code == 404


def test_the_code_leads_to_the_address_that_the_house_is_known_by(open_site: Callable[..., Site], hung: Site) -> None:
    site = open_site(YISHI_PUBLIC_URL="https://yishi.example/")
    assert f"https://yishi.example/board/notice/{_code(site)}" in site.visitor().get(f"/board/notice/{_code(site)}").text


def test_a_resident_objects_without_an_account_and_finds_the_answer(hung: Site, april: Callable[..., None]) -> None:
    visitor = hung.visitor()
    visitor.get(_form(hung))
    sent = visitor.post(_form(hung), {"text": f"轮椅怎么出入？{SCRIPT}", "name": SCRIPT, "contact": ""})
    assert sent.status_code == 303
    page = visitor.get(sent.headers["Location"]).text
    found = re.search(r"<output>(\d{4} \d{4})</output>", page)
    assert found is not None and SCRIPT not in page
    assert _objection(hung).channel == "web" and _objection(hung).assisted_by is None
    other = hung.visitor()
    other.get("/board/receipt")
    waiting = other.post("/board/receipt", {"receipt": f" {found[1].replace(' ', '  ')} "})
    assert waiting.status_code == 200 and "轮椅怎么出入？" in waiting.text and SCRIPT not in waiting.text
    matter = _objection(hung).instance_id
    hung.complete(matter, "reply", objection_number=1, answer="留一米五通道。", satisfied="yes")
    assert "留一米五通道。" in other.post("/board/receipt", {"receipt": found[1]}).text
    assert hung.visitor().get("/board/received").status_code == 303, "another browser is shown no receipt"


def test_a_receipt_is_not_shown_for_long_on_a_browser_that_others_use(hung: Site, april: Callable[..., None]) -> None:
    visitor = hung.visitor()
    visitor.get(_form(hung))
    visitor.post(_form(hung), {"text": "轮椅"})
    assert visitor.get("/board/received").status_code == 200
    april(20, 10, 16)
    assert visitor.get("/board/received").status_code == 303


@pytest.mark.parametrize(("sent", "status", "field"), [
    ({"text": "  "}, 422, "f-text-e"), ({"text": "长" * 2001}, 422, "f-text-e"),
    ({"text": "轮椅", "contact": "1" * 101}, 422, "f-contact-e"), ({"text": "轮椅", "name": "名" * 61}, 422, "f-name-e"),
])
def test_what_is_missing_is_said_beside_the_field_and_nothing_is_lost(
    hung: Site, april: Callable[..., None], sent: dict[str, str], status: int, field: str
) -> None:
    visitor = hung.visitor()
    visitor.get(_form(hung))
    answer = visitor.post(_form(hung), sent)
    assert answer.status_code == status and f'id="{field}"' in answer.text
    assert all(value in answer.text for value in sent.values())
    assert _objections(hung) == 0


def test_the_last_minute_counts_and_the_one_after_it_does_not(hung: Site, april: Callable[..., None]) -> None:
    visitor = hung.visitor()
    april(28, 23, 59)
    visitor.get(_form(hung))
    assert visitor.post(_form(hung), {"text": "最后一分钟"}).status_code == 303
    april(29, 0, 0)
    late = visitor.post(_form(hung), {"text": "晚了一分钟"})
    assert late.status_code == 409 and "晚了一分钟" in late.text
    assert visitor.get(_form(hung)).status_code == 409
    assert _objections(hung) == 1


def test_without_the_token_of_the_form_nothing_is_taken(hung: Site, april: Callable[..., None]) -> None:
    answer = hung.app.test_client().post(_form(hung), data={"text": "轮椅"})
    assert answer.status_code == 400 and _objections(hung) == 0


def test_a_clerk_enters_what_a_resident_says_under_both_names(hung: Site, april: Callable[..., None]) -> None:
    visitor = hung.visitor(CLERK)
    assert 'value="assisted"' in visitor.get(_form(hung)).text
    nameless = visitor.post(_form(hung), {"text": "轮椅", "channel": "assisted"})
    assert nameless.status_code == 422 and 'id="f-name-e"' in nameless.text
    assert visitor.post(_form(hung), {"text": "轮椅", "channel": "paper", "name": "王五"}).status_code == 303
    made = _objection(hung)
    assert (made.channel, made.name, made.assisted_by) == ("paper", "王五", hung.person(CLERK))


@pytest.mark.parametrize("login", [None, CLERK_ELSEWHERE, SUPERVISOR, ADMINISTRATOR, ORGANIZER])
def test_nobody_else_enters_anything_in_anothers_name(hung: Site, april: Callable[..., None], login: str | None) -> None:
    visitor = hung.visitor(login)
    assert 'value="assisted"' not in visitor.get(_form(hung)).text
    visitor.post(_form(hung), {"text": "轮椅", "channel": "assisted", "name": "王五"})
    assert (_objection(hung).channel, _objection(hung).assisted_by) == ("web", None)


def test_a_director_may_also_object_as_a_resident(hung: Site, april: Callable[..., None]) -> None:
    visitor = hung.visitor(DIRECTOR)
    visitor.get(_form(hung))
    assert visitor.post(_form(hung), {"text": "轮椅", "channel": "web"}).status_code == 303
    assert (_objection(hung).channel, _objection(hung).assisted_by) == ("web", None)


def test_one_address_cannot_flood_a_matter_nor_guess_receipts(hung: Site, april: Callable[..., None]) -> None:
    visitor = hung.visitor()
    visitor.get(_form(hung))
    taken = [visitor.post(_form(hung), {"text": f"第{n}件"}).status_code for n in range(21)]
    assert taken == [303] * 20 + [429]
    refused = visitor.post(_form(hung), {"text": "还想说的话"})
    assert refused.status_code == 429 and "还想说的话" in refused.text
    assert _objections(hung) == 20
    visitor.get("/board/receipt")
    guessed = [visitor.post("/board/receipt", {"receipt": f"{n:08d}"}).status_code for n in range(31)]
    assert set(guessed[:30]) == {404} and guessed[30] == 429


def test_a_receipt_that_is_none_is_answered_in_words(hung: Site) -> None:
    visitor = hung.visitor()
    visitor.get("/board/receipt")
    assert visitor.post("/board/receipt", {"receipt": "12"}).status_code == 422
    answer = visitor.post("/board/receipt", {"receipt": SCRIPT})
    assert answer.status_code == 422 and SCRIPT not in answer.text


def test_when_the_procedure_fails_what_a_resident_wrote_is_kept(hung: Site, april: Callable[..., None]) -> None:
    visitor = hung.visitor()
    visitor.get(_form(hung))
    answer = visitor.post(_form(hung), {"text": "路灯坏了"})
    assert answer.status_code == 500 and "路灯坏了" in answer.text
    assert _objections(hung) == 0
    with hung.database.readers() as session:
        incident = session.scalars(select(Incident)).one()
        assert incident.person_id is None and "路灯坏了" in incident.act_json
        state = session.get_one(Instance, incident.instance_id).state
    assert state == "incident"
    april(29)
    admin = hung.visitor(ADMINISTRATOR)
    assert admin.get(f"/incidents/{incident.id}").status_code == 200
    assert admin.post(f"/incidents/{incident.id}/retry").status_code == 422, "it fails still"
    assert _objections(hung) == 0


def _code(site: Site) -> str:
    with site.database.readers() as session:
        return session.scalars(select(Posting.code)).one()


def _form(site: Site) -> str:
    return f"/board/notice/{_code(site)}/objection"


def _objections(site: Site) -> int:
    with site.database.readers() as session:
        return len(board.objections(session))


def _objection(site: Site) -> Objection:
    with site.database.readers() as session:
        return session.scalars(select(Objection)).one()
