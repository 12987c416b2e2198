"""Residents answer a solicitation without an account, find the answer with their receipt; cadres enter, group and answer."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import select

from engine import clock, deployments, instances, opinions, packs, tasks
from engine.access import Actor
from engine.models import Instance, Opinion, OpinionGroup, Posting, Unit

from .conftest import ADMINISTRATOR, CLERK, COMMITTEE, COMMUNITY, ORGANIZER, SUPERVISOR, Site, Visitor

MODEL = """<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:yishi="http://yishi.org/schema/1.0"
 id="model" targetNamespace="http://yishi.org/test"><process id="asks" name="征求" isExecutable="true" yishi:numbering="议"
 yishi:stages="一征 一议"><startEvent id="begin"/><sequenceFlow id="a" sourceRef="begin" targetRef="announce"/>
<userTask id="announce" name="公告" yishi:stage="一征" yishi:kind="posting" yishi:posting="solicitation"/>
<sequenceFlow id="b" sourceRef="announce" targetRef="sum_up"/><userTask id="sum_up" name="汇总" yishi:stage="一征"
 yishi:role="clerk" yishi:kind="solicitation"/><sequenceFlow id="c" sourceRef="sum_up" targetRef="done"/>
<endEvent id="done"/></process></definitions>"""
SUMMARY = """{"type": "default", "id": "sum_up", "schemaVersion": 19, "components": [
 {"type": "number", "id": "support", "key": "support", "label": "支持", "validate": {"required": true}},
 {"type": "number", "id": "oppose", "key": "oppose", "label": "反对", "validate": {"required": true}}]}"""
CLERK_ELSEWHERE = "shenshisi"
SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def april(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., None]:
    """Sets the clock of the whole house to an hour of April 2026."""
    file = tmp_path_factory.mktemp("clock") / "now"
    monkeypatch.setenv("YISHI_CLOCK", str(file))

    def set_clock(day: int, hour: int = 10, minute: int = 0) -> None:
        file.write_text(datetime(2026, 4, day, hour, minute, tzinfo=clock.ZONE).isoformat())

    set_clock(15)
    return set_clock


@pytest.fixture
def asked(site: Site, april: Callable[..., None]) -> Site:
    """The residents are asked from Monday, 2026-04-13, for seven days."""
    with clock.virtual(datetime(2026, 4, 13, 1, tzinfo=UTC)), site.database.sessions() as session:
        unit = session.scalars(select(Unit).where(Unit.code == COMMUNITY)).one()
        pack = packs.from_files({"asks.bpmn": MODEL.encode(), "forms/sum_up.form": SUMMARY.encode()}, name="asks")
        deployments.deploy(session, pack, unit, Actor.system())
        matter = instances.start(session, deployments.find(session, "asks", unit), Actor.system(), {}, unit=unit, title="夜间开放")
        tasks.complete(session, tasks.open_in(session, matter)[0], Actor.system(), values={
            "posted_on": date(2026, 4, 13), "posting_days": 7, "posting_title": "夜间开放征求意见",
            "posting_text": f"好不好？{SCRIPT}",
            "posting_told": {"要花多少钱": "每月约九百元", "谁出": "社区办公经费", "没说的": None}})
        session.commit()
    return site


# --- residents ------------------------------------------------------------------------------------------------------
def test_the_notice_leads_to_a_short_form_which_tells_money_first_and_privacy(asked: Site) -> None:
    visitor = asked.visitor()
    assert f'href="{_form(asked)}"' in visitor.get(f"/board/notice/{_code(asked)}").text
    assert f'href="{_form(asked)}"' in visitor.get(f"/board/{COMMUNITY}").text
    page = visitor.get(f"{_form(asked)}?lang=en").text
    assert page.index("每月约九百元") < page.index('name="attitude"') < page.index("<textarea")
    assert "没说的" not in page and SCRIPT not in page and page.count(" required") == 0
    assert page.count('name="attitude"') == 4 and "article 17" in page and 'name="channel"' not in page
    assert 'data-size="elder"' in visitor.get(f"{_form(asked)}?size=elder").text


def test_one_tick_is_enough_and_the_receipt_is_shown_to_this_browser_alone(asked: Site) -> None:
    visitor = asked.visitor()
    visitor.get(_form(asked))
    answer = visitor.post(_form(asked), {"attitude": "support"})
    assert answer.status_code == 303 and answer.location == "/board/opinion/received"
    page = visitor.get(answer.location).text
    opinion = _opinion(asked)
    assert f"<output>{opinion.receipt[:4]} {opinion.receipt[4:]}</output>" in page
    assert (opinion.attitude, opinion.channel, opinion.assisted_by, opinion.name) == ("support", "web", None, "")
    assert asked.visitor().get("/board/opinion/received").location == "/board/receipt"


def test_what_is_wrong_stands_beside_the_field_and_nothing_is_lost(asked: Site) -> None:
    visitor = asked.visitor()
    visitor.get(_form(asked))
    words = "长" * 2001
    answer = visitor.post(_form(asked), {"worries": ["noise", "other"], "text": words, "building": "1号楼", "name": SCRIPT,
                                         "helper": "女儿" * 40})
    page = answer.text
    assert answer.status_code == 422 and _count(asked) == 0
    for field in ("attitude", "worries", "text", "helper"):
        assert f'id="f-{field}-e"' in page and f'href="#f-{field}"' in page, field
    assert words in page and 'value="1号楼"' in page and "女儿女儿" in page and SCRIPT not in page
    assert re.search(r'value="noise" id="w-noise" checked', page)


def test_with_the_receipt_it_is_said_otherwise_as_long_as_the_time_runs(asked: Site, april: Callable[..., None]) -> None:
    receipt = _give(asked, asked.visitor(), {"attitude": "oppose", "text": "吵"})
    visitor = asked.visitor()
    page = _look_up(visitor, receipt)
    assert "Against it" in page and "吵" in page and 'href="/board/opinion/change"' in page
    page = visitor.get("/board/opinion/change").text
    assert re.search(r'value="oppose" id="a-oppose" checked', page) and "吵</textarea>" in page
    assert visitor.post("/board/opinion/change", {"attitude": "no such"}).status_code == 422
    assert visitor.post("/board/opinion/change", {"attitude": "conditional", "text": "八点半就行"}).status_code == 303
    assert (_opinion(asked).attitude, _opinion(asked).text) == ("conditional", "八点半就行")
    april(20, 23, 50)
    _look_up(visitor, receipt)
    april(21, 0, 1)
    assert visitor.post("/board/opinion/change", {"attitude": "support", "text": "晚了"}).status_code == 409
    assert _opinion(asked).attitude == "conditional"
    assert 'href="/board/opinion/change"' not in _look_up(visitor, receipt)
    refused = visitor.post(_form(asked), {"attitude": "support", "text": "我也要说"})
    assert refused.status_code == 409 and "我也要说" in refused.text
    assert asked.visitor().get(_form(asked)).status_code == 409


def test_a_receipt_is_forgotten_by_the_browser_after_a_while(asked: Site, april: Callable[..., None]) -> None:
    visitor = asked.visitor()
    _give(asked, visitor, {"attitude": "support"})
    april(15, 10, 16)
    for page in ("received", "change"):
        assert visitor.get(f"/board/opinion/{page}").location == "/board/receipt"
    assert visitor.get("/board/opinion").location == "/board/receipt"
    assert visitor.post("/board/opinion/change", {"attitude": "oppose"}).status_code == 404


def test_one_connection_cannot_flood_a_matter(asked: Site) -> None:
    visitor = asked.visitor()
    visitor.get(_form(asked))
    alone = {"environ_overrides": {"REMOTE_ADDR": "192.0.2.77"}}
    for _ in range(60):
        assert visitor.post(_form(asked), {"attitude": "support"}, **alone).status_code == 303
    refused = visitor.post(_form(asked), {"attitude": "oppose", "text": "再来一条"}, **alone)
    assert refused.status_code == 429 and "再来一条" in refused.text and _count(asked) == 60
    assert visitor.post(_form(asked), {"attitude": "oppose"}, environ_overrides={"REMOTE_ADDR": "192.0.2.78"}).status_code == 303


# --- entered by a cadre ---------------------------------------------------------------------------------------------
def test_a_cadre_enters_what_a_resident_said_with_both_names(asked: Site) -> None:
    clerk = asked.visitor(CLERK)
    page = clerk.get(_form(asked)).text
    assert "孙三思" in page and 'name="channel"' in page and 'name="helper"' not in page
    refused = clerk.post(_form(asked), {"channel": "assisted", "attitude": "support"})
    assert refused.status_code == 422 and 'id="f-name-e"' in refused.text
    assert clerk.post(_form(asked), {"channel": "assisted", "attitude": "support", "name": "王五"}).status_code == 303
    opinion = _opinion(asked)
    assert (opinion.name, opinion.channel, opinion.assisted_by) == ("王五", "assisted", asked.person(CLERK))
    assert "Enter another one" in clerk.get("/board/opinion/received?lang=en").text


def test_paper_forms_are_entered_after_the_time_and_only_by_whoever_may(asked: Site, april: Callable[..., None]) -> None:
    april(22)
    paper = {"channel": "paper", "attitude": "oppose", "received_on": "2026-04-20"}
    for login in (None, ORGANIZER, CLERK_ELSEWHERE):
        visitor = asked.visitor(login)
        visitor.get(_form(asked))
        assert visitor.post(_form(asked), paper).status_code == 409, login
    clerk = asked.visitor(CLERK)
    clerk.get(_form(asked))
    for day in ("2026-04-21", "", "yesterday"):
        answer = clerk.post(_form(asked), {**paper, "received_on": day})
        assert answer.status_code == 422 and 'id="f-received_on-e"' in answer.text, day
    assert clerk.post(_form(asked), paper).status_code == 303
    assert _opinion(asked).received_on == date(2026, 4, 20)


def test_nobody_enters_in_the_name_of_others_without_the_right(asked: Site) -> None:
    visitor = asked.visitor()
    _give(asked, visitor, {"channel": "assisted", "attitude": "support", "name": "王五"})
    assert (_opinion(asked).channel, _opinion(asked).assisted_by) == ("web", None)


# --- the ledger -----------------------------------------------------------------------------------------------------
def test_the_ledger_is_grouped_answered_and_the_receipt_shows_it(asked: Site) -> None:
    resident = asked.visitor()
    receipt = _give(asked, resident, {"attitude": "oppose", "text": f"吵{SCRIPT}", "worries": ["noise"], "building": "1号楼"})
    other = _give(asked, asked.visitor(), {"attitude": "support"})
    clerk, matter = asked.visitor(CLERK), _opinion(asked).instance_id
    assert f'href="/matters/{matter}/opinions"' in clerk.get(f"/matters/{matter}").text
    page = clerk.get(f"/matters/{matter}/opinions?lang=en").text
    assert "吵&lt;script&gt;" in page and SCRIPT not in page and "Noise 1" in page and "1号楼 1" in page
    where = f"/matters/{matter}/opinions/{_code(asked)}/group"
    answer = clerk.post(where, {"opinion": str(_opinion(asked).id), "title": " "})
    assert answer.status_code == 422 and 'id="f-title-e"' in answer.text and "checked" in answer.text
    assert clerk.post(where, {"opinion": str(_opinion(asked).id), "title": "怕吵"}).status_code == 303
    group = _group(asked)
    assert clerk.post(where, {"group": str(group.id)}).status_code == 422
    answer = clerk.post(f"{where}/{group.id}/answer", {"reason": "写了一半的理由"})
    assert answer.status_code == 422 and "写了一半的理由" in answer.text and f'href="#g{group.id}-adopted"' in answer.text
    assert clerk.post(f"{where}/{group.id}/answer", {"adopted": "partly", "reason": "八点以后不放音乐。"}).status_code == 303
    page = _look_up(resident, receipt)
    assert "Adopted in part" in page and "八点以后不放音乐。" in page and 'aria-current="step"' in page
    assert "八点以后不放音乐。" in _look_up(asked.visitor(), other), "who is in no group reads the answers all the same"
    assert clerk.post(f"{where}/{group.id}/remove").status_code == 303
    assert "八点以后不放音乐。" not in _look_up(resident, receipt)
    assert clerk.post(f"{where}/{group.id}/answer", {"adopted": "no", "reason": "晚了"}).status_code == 404


def test_the_ledger_can_be_narrowed(asked: Site) -> None:
    for attitude, words in (("support", "快开吧"), ("oppose", "别开了")):
        _give(asked, asked.visitor(), {"attitude": attitude, "text": words})
    clerk, matter = asked.visitor(CLERK), _opinion(asked).instance_id

    def told(query: str) -> set[str]:
        page = clerk.get(f"/matters/{matter}/opinions?{query}").text
        return {words for words in ("快开吧", "别开了") if words in page}

    assert told("") == told("group=none") == told("page=0") == {"快开吧", "别开了"}
    assert told("attitude=oppose") == {"别开了"}
    assert told("attitude=nonsense") == told("group=5") == told("page=99") == set()
    assert clerk.get(f"/matters/{matter}/opinions?notice=nowhere").status_code == 404


def test_who_sees_names_who_sees_contacts_and_who_acts(asked: Site) -> None:
    _give(asked, asked.visitor(), {"attitude": "support", "name": "王五", "contact": "0000-1234"})
    matter = _opinion(asked).instance_id
    where = f"/matters/{matter}/opinions"
    seen = {login: asked.visitor(login).get(where).text for login in (CLERK, ORGANIZER, COMMITTEE, SUPERVISOR, ADMINISTRATOR)}
    assert all("王五" in page for page in seen.values())
    assert {login for login, page in seen.items() if "0000-1234" in page} == {CLERK, ORGANIZER, COMMITTEE}
    assert {login for login, page in seen.items() if f'action="{where}' in page} == {CLERK, ORGANIZER, COMMITTEE}
    assert asked.visitor(CLERK_ELSEWHERE).get(where).status_code == 404
    assert asked.visitor().get(where).status_code == 303
    supervisor = asked.visitor(SUPERVISOR)
    assert supervisor.post(f"{where}/{_code(asked)}/group", {"title": "怕吵"}).status_code == 403
    assert "王五" not in asked.visitor().get(f"/board/notice/{_code(asked)}").text


def test_the_step_that_sums_up_is_filled_with_what_the_ledger_counted(asked: Site) -> None:
    for attitude in ("support", "support", "oppose"):
        _give(asked, asked.visitor(), {"attitude": attitude})
    clerk, matter = asked.visitor(CLERK), _opinion(asked).instance_id
    page = clerk.get(f"/tasks/{asked.task(matter, 'sum_up')}").text
    assert re.search(r'name="support"[^>]*value="2"', page) and re.search(r'name="oppose"[^>]*value="1"', page)


def test_a_matter_about_which_nobody_was_asked_has_no_ledger(site: Site) -> None:
    matter = site.start()
    clerk = site.visitor(CLERK)
    assert clerk.get(f"/matters/{matter}/opinions").status_code == 404
    assert "/opinions" not in clerk.get(f"/matters/{matter}").text


def _code(site: Site) -> str:
    with site.database.readers() as session:
        return session.scalars(select(Posting.code)).one()


def _form(site: Site) -> str:
    return f"/board/notice/{_code(site)}/opinion"


def _give(site: Site, visitor: Visitor, typed: dict[str, object]) -> str:
    """-> the receipt."""
    visitor.get(_form(site))
    answer = visitor.post(_form(site), typed)
    assert answer.status_code == 303, answer.text
    found = re.search(r"<output>(\d{4} \d{4})</output>", visitor.get(answer.location).text)
    assert found is not None
    return found[1]


def _look_up(visitor: Visitor, receipt: str) -> str:
    visitor.get("/board/receipt")
    answer = visitor.post("/board/receipt", {"receipt": receipt})
    assert (answer.status_code, answer.location) == (303, "/board/opinion")
    return visitor.get(f"{answer.location}?lang=en").text


def _opinion(site: Site) -> Opinion:
    """-> the first one."""
    with site.database.readers() as session:
        return session.scalars(select(Opinion).order_by(Opinion.id)).first() or pytest.fail("there is no opinion")


def _group(site: Site) -> OpinionGroup:
    with site.database.readers() as session:
        return session.scalars(select(OpinionGroup)).one()


def _count(site: Site) -> int:
    with site.database.readers() as session:
        matter = session.scalars(select(Instance).where(Instance.title == "夜间开放")).one()
        return opinions.summary(session, matter).total
