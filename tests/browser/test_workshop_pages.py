"""The workshop in a real browser, on a phone and at a desk: no barriers, no sideways scroll, and no script needed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from flask import Flask
from playwright.sync_api import BrowserContext, Page, expect
from sqlalchemy import select

from engine import demo, deployments, drafts, organisation, packs, settings
from engine.access import Actor
from engine.database import Database
from engine.models import Deployment
from web import create_app

ADMINISTRATOR = "fengbada"
MODES = ("lang=zh", "lang=en&theme=dark", "lang=zh&theme=light&size=elder")


@dataclass
class Workshop:
    """The district with the shipped procedure in use, and a draft of it."""

    address: str
    draft: int

    def pages(self) -> dict[str, str]:
        at = f"/workshop/{self.draft}"
        return {"list": "/workshop/", "outline": f"{at}/?part=posting.bpmn&step=take_down&crowded=1", "whole": f"{at}/",
                "numbers": f"{at}/numbers", "number": f"{at}/number?key=posting.days", "problems": f"{at}/problems",
                "stories": f"{at}/stories", "changes": f"{at}/changes"}


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory, live_server: Callable[[Flask], str]) -> Workshop:
    setup = demo.settings_of(settings.load({"YISHI_HOME": str(tmp_path_factory.mktemp("workshop"))}))
    database = Database(setup.database_url)
    database.upgrade()
    with database.sessions() as session:
        demo.build_district(session)
        unit = organisation.topmost(session)
        pack = next(one for one in packs.shipped() if one.key == "yizheng_sanyi")
        deployments.deploy(session, pack, unit, Actor.system(), "第一版")
        deployment = session.scalars(select(Deployment)).one()
        draft = drafts.open_from(session, deployment, unit, Actor.system())
        session.commit()
        return Workshop(live_server(create_app(setup, database)), draft.id)


def _sign_in(page: Page, place: Workshop, mode: str = "lang=zh") -> None:
    page.goto(f"{place.address}/login?{mode}")
    page.locator("input[name=login]").fill(ADMINISTRATOR)
    page.locator("input[name=password]").fill(demo.PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{place.address}/")


@pytest.mark.parametrize("mode", MODES)
def test_every_page_of_the_workshop_is_without_barriers(
    workshop: Workshop, new_context: Callable[..., BrowserContext], axe: Callable[[Page], list[str]],
    viewport: dict[str, int], mode: str
) -> None:
    page = new_context(viewport=viewport).new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    _sign_in(page, workshop, mode)
    found = {}
    for name, path in workshop.pages().items():
        page.goto(workshop.address + path)
        page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        found[name] = axe(page) + ([f"scrolls sideways by {wide} px"] if wide > 0 else [])
    assert {name: barriers for name, barriers in found.items() if barriers} == {}
    assert said == []


def test_an_administrator_adds_a_step_and_changes_the_posting_period_on_a_phone_without_scripts(
    workshop: Workshop, new_context: Callable[..., BrowserContext]
) -> None:
    page = new_context(viewport={"width": 390, "height": 844}, java_script_enabled=False).new_page()
    _sign_in(page, workshop)
    page.goto(f"{workshop.address}/workshop/{workshop.draft}/?part=posting.bpmn&step=take_down")
    step = page.locator("#s-take_down")
    step.locator("details:has(input[name=new_name]) > summary").last.click()
    step.locator("input[name=new_name]").fill("拍照留存")
    step.locator("button[value=add]").click()
    expect(page.locator("summary", has_text="拍照留存")).to_be_visible()
    page.goto(f"{workshop.address}/workshop/{workshop.draft}/number?key=posting.days")
    page.locator("input[name=value]").fill("10")
    page.locator("input[name=source]").fill("居民代表会议决定")
    page.locator("form[action$=number] button").click()
    assert "第三十四条" in page.locator("#value-e").inner_text()
    page.locator("input[name=value]").fill("20")
    page.locator("form[action$=number] button").click()
    page.goto(f"{workshop.address}/workshop/{workshop.draft}/changes")
    told = page.locator(".y-change").all_inner_texts()
    assert any("拍照留存" in one for one in told)
    assert any("20" in one for one in told)


def test_the_outline_is_worked_by_keyboard(workshop: Workshop, new_context: Callable[..., BrowserContext]) -> None:
    page = new_context().new_page()
    _sign_in(page, workshop)
    page.goto(f"{workshop.address}/workshop/{workshop.draft}/?part=posting.bpmn")
    page.locator("#s-take_down summary").first.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    name = page.locator("#n-take_down")
    for _press in range(5):
        if name.evaluate("one => one === document.activeElement"):
            break
        page.keyboard.press("Tab")
    page.keyboard.press("Control+A")
    page.keyboard.type("撤公告")
    page.keyboard.press("Enter")
    page.wait_for_url("**step=take_down**")
    assert page.locator("#n-take_down").input_value() == "撤公告"
