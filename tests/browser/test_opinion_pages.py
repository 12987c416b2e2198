"""A resident gives an opinion in a real browser and finds its answer, a cadre groups and answers: no barriers, no scripts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from flask import Flask
from playwright.sync_api import BrowserContext, Page
from sqlalchemy import select

from engine import clock, demo, deployments, instances, opinions, packs, settings, tasks
from engine.access import Actor
from engine.database import Database
from engine.models import Posting, Unit
from web import create_app

CLERK = "sunsansi"
MODEL = """<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:yishi="http://yishi.org/schema/1.0"
 id="model" targetNamespace="http://yishi.org/test"><process id="asks" name="征求意见" isExecutable="true" yishi:numbering="议"
 yishi:stages="一征 一议 二议 三议 一公开 二公开"><startEvent id="begin"/>
<sequenceFlow id="a" sourceRef="begin" targetRef="announce"/>
<userTask id="announce" name="公告" yishi:stage="一征" yishi:kind="posting" yishi:posting="solicitation"/>
<sequenceFlow id="b" sourceRef="announce" targetRef="sum_up"/><userTask id="sum_up" name="汇总" yishi:stage="一征"
 yishi:role="clerk" yishi:kind="solicitation"/><sequenceFlow id="c" sourceRef="sum_up" targetRef="done"/>
<endEvent id="done"/></process></definitions>"""
MODES = {"chinese": "lang=zh", "english dark": "lang=en&theme=dark", "large letters": "lang=zh&theme=light&size=elder"}


@dataclass
class Asking:
    """A site on which the residents of a community are being asked."""

    address: str
    form: str
    ledger: str


@pytest.fixture(scope="module")
def asking(tmp_path_factory: pytest.TempPathFactory, live_server: Callable[[Flask], str]) -> Asking:
    setup = demo.settings_of(settings.load({"YISHI_HOME": str(tmp_path_factory.mktemp("asking"))}))
    database = Database(setup.database_url)
    database.upgrade()
    with database.sessions() as session:
        demo.build_district(session)
        unit = session.scalars(select(Unit).where(Unit.code == "yunxi-huaianli")).one()
        deployments.deploy(session, packs.from_files({"asks.bpmn": MODEL.encode()}, name="asks"), unit, Actor.system())
        matter = instances.start(session, deployments.find(session, "asks", unit), Actor.system(), {}, unit=unit,
                                 title="老年活动室夜间开放")
        tasks.complete(session, tasks.open_in(session, matter)[0], Actor.system(), values={
            "posted_on": clock.today(), "posting_days": 7, "posting_title": "老年活动室夜间开放到 20:30，您怎么看？",
            "posting_text": "现在 17:30 关门。打算周一到周五延长到 20:30，20:00 后不打麻将、不放音乐。",
            "posting_told": {"问什么": "晚上开到 20:30，好不好？", "花多少钱、谁出钱": "每月约 900 元，社区办公经费，不向居民收",
                             "关系到多少户": 186}})
        posting = session.scalars(select(Posting)).one()
        for number, attitude in enumerate(("support", "oppose", "conditional"), 1):
            opinions.give(session, posting, Actor.public(), opinions.Said(
                attitude, ["noise"], "晚上音乐声太大，孩子写作业受影响。" * number, f"{number}号楼", "王五" if number == 2 else ""))
        session.commit()
        form, ledger = f"/board/notice/{posting.code}/opinion", f"/matters/{matter.id}/opinions"
    return Asking(live_server(create_app(setup, database)), form, ledger)


@pytest.mark.parametrize("mode", MODES)
def test_every_page_is_without_barriers(
    asking: Asking, new_context: Callable[..., BrowserContext], axe: Callable[[Page], list[str]], viewport: dict[str, int],
    mode: str,
) -> None:
    page = new_context(viewport=viewport).new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if "violates" in message.text else None)
    found: dict[str, list[str]] = {}

    def look(name: str) -> None:
        page.evaluate("document.querySelectorAll('main details').forEach(one => one.open = true)")
        found[name] = axe(page) + _sideways(page)

    page.goto(f"{asking.address}{asking.form}?{MODES[mode]}")
    look("form")
    page.locator("main form button").click()
    look("form with errors")
    assert page.locator("#f-attitude-e").is_visible()
    page.locator("label[for=a-conditional]").click()
    page.locator("main form button").click()
    page.wait_for_url("**/received")
    look("receipt")
    digits = page.inner_text("output")
    page.goto(f"{asking.address}/board/receipt")
    page.fill("#no", digits)
    page.locator("main form button").click()
    page.wait_for_url("**/board/opinion")
    look("answer")
    page.locator("a[href$=change]").click()
    look("change")
    page.goto(f"{asking.address}/login")
    page.locator(f"button[value={CLERK}]").click()
    page.goto(asking.address + asking.ledger)
    look("ledger")
    page.locator("section#op form button").click()
    look("ledger with errors")
    page.goto(asking.address + asking.form)
    look("form of a cadre")
    assert {name: barriers for name, barriers in found.items() if barriers} == {}
    assert said == []


@pytest.mark.parametrize("size", ["normal", "elder"])
def test_the_smallest_phone_and_thumbs_find_everything(
    asking: Asking, new_context: Callable[..., BrowserContext], size: str
) -> None:
    page = new_context(viewport={"width": 320, "height": 700}, has_touch=True).new_page()
    page.goto(f"{asking.address}/login?size={size}")
    page.locator(f"button[value={CLERK}]").click()
    for path in (asking.form, asking.ledger):
        page.goto(asking.address + path)
        page.evaluate("document.querySelectorAll('main details').forEach(one => one.open = true)")
        small = page.evaluate("""() => [...document.querySelectorAll(
            'main .btn, main summary, main .form-control, main .form-check, .y-pick')]
            .filter(one => one.offsetParent !== null && one.getBoundingClientRect().height < 43.5)
            .map(one => `${one.tagName} ${one.textContent.trim().slice(0, 20)}`)""")
        assert _sideways(page) + small == []


def test_without_scripts_a_resident_says_it_finds_the_answer_and_a_cadre_gives_it(
    asking: Asking, new_context: Callable[..., BrowserContext]
) -> None:
    resident = new_context(java_script_enabled=False, viewport={"width": 390, "height": 844}).new_page()
    resident.goto(asking.address + asking.form)
    resident.locator("label[for=a-oppose]").click()
    resident.locator("label[for=w-noise]").click()
    resident.fill("#f-text", "一楼睡不着。")
    resident.locator("main form button").click()
    digits = resident.inner_text("output")

    clerk = new_context(java_script_enabled=False).new_page()
    clerk.goto(f"{asking.address}/login")
    clerk.locator(f"button[value={CLERK}]").click()
    clerk.goto(asking.address + asking.ledger)
    clerk.locator("tr", has_text="一楼睡不着。").locator(".y-pick").click()
    clerk.fill("#f-title", "怕吵")
    clerk.locator("section#op form button").click()
    group = clerk.locator("section:has(#gr) li", has_text="怕吵")
    group.locator("summary").click()
    group.locator("label[for$=-partly]").click()
    group.locator("textarea").fill("20:00 以后不放音乐。")
    group.locator("button.btn-primary").click()
    assert clerk.locator("section:has(#gr)").inner_text().count("20:00 以后不放音乐。") == 1

    resident.goto(f"{asking.address}/board/receipt")
    resident.fill("#no", digits)
    resident.locator("main form button").click()
    answer = resident.inner_text("main")
    assert "怕吵" in answer and "20:00 以后不放音乐。" in answer and "一楼睡不着。" in answer


def _sideways(page: Page) -> list[str]:
    wide, room = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    return [f"scrolls sideways: {wide} px in {room}"] if wide > room else []
