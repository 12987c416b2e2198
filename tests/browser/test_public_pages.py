"""The public board, the procedures and the failures in a real browser: no barriers, no sideways scroll, one sheet of paper, and
an objection from the notice to the receipt without any script."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest
from flask import Flask
from playwright.sync_api import BrowserContext, Page
from sqlalchemy import select

from engine import clock, demo, deployments, incidents, instances, packs, settings, tasks
from engine.access import Actor
from engine.database import Database
from engine.errors import Incident
from engine.models import Posting, Unit
from web import create_app

COMMUNITY, ADMINISTRATOR = "yunxi-huaianli", "fengbada"
MODES = {"chinese": "", "english dark": "lang=en&theme=dark", "large letters": "lang=zh&theme=light&size=elder"}
NOTICE = """<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:yishi="http://yishi.org/schema/1.0"
 id="model" targetNamespace="http://yishi.org/test"><message id="m" name="objection_raised"/>
<process id="hangs" name="张贴" isExecutable="true" yishi:numbering="议" yishi:stages="一公开 二公开"><startEvent id="begin"/>
<sequenceFlow id="a" sourceRef="begin" targetRef="post"/><userTask id="post" name="张贴公告" yishi:stage="一公开"
 yishi:kind="posting" yishi:posting="resolution"/><sequenceFlow id="b" sourceRef="post" targetRef="hang"/>
<subProcess id="hang" name="公示" yishi:stage="一公开"><startEvent id="hung"/>
<sequenceFlow id="h1" sourceRef="hung" targetRef="over"/><userTask id="over" name="撤下"/>
<sequenceFlow id="h2" sourceRef="over" targetRef="down"/><endEvent id="down"/>
<subProcess id="objections" name="收到异议" triggeredByEvent="true"><startEvent id="raised" isInterrupting="false">
<messageEventDefinition messageRef="m"/></startEvent><sequenceFlow id="o1" sourceRef="raised" targetRef="reply"/>
<userTask id="reply" name="答复异议" yishi:kind="answer"/><sequenceFlow id="o2" sourceRef="reply" targetRef="replied"/>
<endEvent id="replied"/></subProcess></subProcess><sequenceFlow id="c" sourceRef="hang" targetRef="done"/>
<endEvent id="done"/></process></definitions>"""
WRONG = NOTICE.replace('targetRef="post"/>', 'targetRef="nowhere"/>').encode()


@dataclass
class Street:
    """One notice that hangs for the third day, one procedure in use, one failure."""

    address: str
    code: str
    deployment: int
    incident: int

    def public_pages(self) -> dict[str, str]:
        return {"communities": "/board/", "board": f"/board/{COMMUNITY}", "notice": f"/board/notice/{self.code}",
                "objection": f"/board/notice/{self.code}/objection", "receipt": "/board/receipt"}

    def staff_pages(self) -> dict[str, str]:
        return {"procedures": "/procedures/", "procedure": f"/procedures/{self.deployment}", "failures": "/incidents/",
                "failure": f"/incidents/{self.incident}", "own board": f"/board/{COMMUNITY}"}


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory, live_server: Callable[[Flask], str]) -> Street:
    setup = demo.settings_of(settings.load({"YISHI_HOME": str(tmp_path_factory.mktemp("street"))}))
    database = Database(setup.database_url)
    database.upgrade()
    with database.sessions() as session:
        demo.build_district(session)
        unit = session.scalars(select(Unit).where(Unit.code == COMMUNITY)).one()
        made = deployments.deploy(session, packs.from_files({"hangs.bpmn": NOTICE.encode()}, name="hangs"), unit, Actor.system())
        matter = instances.start(session, deployments.find(session, "hangs", unit), Actor.system(), {}, unit=unit, title="人车分流")
        tasks.complete(session, tasks.open_in(session, matter)[0], Actor.system(), values={
            "posted_on": clock.today() - timedelta(days=3), "posting_days": 15, "posting_title": "关于东巷口人车分流的决议公告",
            "posting_text": "代表会议通过。\n" + "一、东巷口用隔离桩分出人行道，轮椅可以通过。\n" * 6, "places": "南门公开栏",
            "posting_facts": {"应到": 61, "实到": 45, "同意": 38, "反对": 4, "弃权": 3, "无效": 0}})
        failure = incidents.record(session, Incident("“通过吗？”算不出来", "over"), {"verb": "job"}, Actor.system(),
                                   unit_id=unit.id, instance_id=matter.id, job_id=0)
        session.commit()
        code = session.scalars(select(Posting.code)).one()
        numbers = made.id, failure.id
    return Street(live_server(create_app(setup, database)), code, *numbers)


@pytest.mark.parametrize("mode", MODES)
def test_the_pages_of_residents_are_without_barriers(
    street: Street, new_context: Callable[..., BrowserContext], axe: Callable[[Page], list[str]],
    viewport: dict[str, int], mode: str,
) -> None:
    page = new_context(viewport=viewport).new_page()
    said = _complaints(page)
    page.goto(f"{street.address}/board/?{MODES[mode]}")
    found = {name: _looked_at(page, street.address + path, axe) for name, path in street.public_pages().items()}
    page.goto(f"{street.address}/board/notice/{street.code}/objection")
    page.locator("form button").click()
    found["errors"] = axe(page) + _sideways(page)
    page.locator("#f-text").fill("施工期间轮椅怎么出入？")
    page.locator("form button").click()
    page.wait_for_url("**/board/received")
    found["received"] = axe(page) + _sideways(page)
    digits = page.locator("output").inner_text()
    page.goto(f"{street.address}/board/receipt")
    page.locator("#no").fill(digits)
    page.locator("form button").click()
    found["answer"] = axe(page) + _sideways(page)
    assert "施工期间轮椅怎么出入？" in page.locator("main").inner_text()
    assert {name: barriers for name, barriers in found.items() if barriers} == {}
    assert said == []


@pytest.mark.parametrize("mode", MODES)
def test_procedures_and_failures_are_without_barriers(
    street: Street, new_context: Callable[..., BrowserContext], axe: Callable[[Page], list[str]],
    viewport: dict[str, int], mode: str,
) -> None:
    page = new_context(viewport=viewport).new_page()
    said = _complaints(page)
    page.goto(f"{street.address}/login?{MODES[mode]}")
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    page.locator(f"button[value={ADMINISTRATOR}]").click()
    page.wait_for_url(f"{street.address}/")
    found = {name: _looked_at(page, street.address + path, axe) for name, path in street.staff_pages().items()}
    page.goto(f"{street.address}/procedures/")
    page.locator("#pack").set_input_files({"name": "hangs.bpmn", "mimeType": "application/xml", "buffer": WRONG})
    page.locator("form[enctype] button").click()
    page.wait_for_selector("#errors")
    assert "nowhere" in page.locator("#errors").inner_text()
    found["refused"] = axe(page) + _sideways(page)
    page.goto(f"{street.address}/incidents/{street.incident}")
    page.locator("#n1").fill("should")
    page.locator("main form button").first.click()
    found["failed again"] = axe(page) + _sideways(page)
    assert {name: barriers for name, barriers in found.items() if barriers} == {}
    assert said == []


@pytest.mark.parametrize("size", ["normal", "elder"])
def test_on_the_smallest_phone_nothing_scrolls_sideways_and_thumbs_find_everything(
    street: Street, new_context: Callable[..., BrowserContext], size: str
) -> None:
    page = new_context(viewport={"width": 320, "height": 700}, has_touch=True).new_page()
    page.goto(f"{street.address}/board/?size={size}")
    found = {}
    for name, path in street.public_pages().items():
        page.goto(street.address + path)
        page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        small = page.evaluate("""() =>
            [...document.querySelectorAll('a.btn, button, input:not([type=hidden]), select, summary, .y-nav a')]
            .filter(one => one.offsetParent !== null && !one.matches('[type=radio], [type=checkbox]'))
            .filter(one => one.getBoundingClientRect().height < 43.5).map(one => one.outerHTML.slice(0, 80))""")
        found[name] = _sideways(page) + small
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


def test_a_notice_is_printed_on_one_sheet_and_without_what_can_be_pressed(
    street: Street, new_context: Callable[..., BrowserContext]
) -> None:
    page = new_context().new_page()
    page.goto(f"{street.address}/board/notice/{street.code}")
    page.emulate_media(media="print")
    assert page.locator(".y-notice svg").is_visible() and not page.locator("a.btn").first.is_visible()
    printed = page.pdf(format="A4", prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b(?!s)", printed)) == 1


def test_a_resident_objects_without_any_script(street: Street, new_context: Callable[..., BrowserContext]) -> None:
    page = new_context(java_script_enabled=False).new_page()
    page.goto(f"{street.address}/board/")
    page.locator(f"a[href='/board/{COMMUNITY}']").click()
    page.locator(".y-pocket a.btn").first.click()
    page.locator("#f-text").fill("雨水箅会不会夹车轮？")
    page.locator("form button").click()
    assert re.fullmatch(r"\d{4} \d{4}", page.locator("output").inner_text())


def _looked_at(page: Page, address: str, axe: Callable[[Page], list[str]]) -> list[str]:
    page.goto(address)
    page.wait_for_load_state("networkidle")
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    return axe(page) + _sideways(page)


def _complaints(page: Page) -> list[str]:
    """-> what the console says from now on, but for the answers that are meant to be no 200."""
    found: list[str] = []
    page.on("console", lambda message: found.append(message.text)
            if message.type == "error" and "the server responded with a status of" not in message.text else None)
    page.on("pageerror", lambda error: found.append(str(error)))
    return found


def _sideways(page: Page) -> list[str]:
    wide, room = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    return [f"scrolls sideways: {wide} px in {room}"] if wide > room else []
