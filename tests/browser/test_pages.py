"""Every page of the staff in a real browser: no barriers, no sideways scroll, nothing that the policy forbids, and all of it
without scripts too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import BrowserContext, Page, expect
from sqlalchemy import select

from engine import demo, deployments, instances, packs, settings, tasks
from engine.access import Actor
from engine.database import Database
from engine.models import Instance, Task, TaskState, Unit
from web import create_app

ERRAND = Path(__file__).parents[1] / "web" / "errand"
CLERK, DIRECTOR = "sunsansi", "qianshuangxi"
MODES = {"chinese": "", "english dark": "lang=en&theme=dark", "large letters": "lang=zh&theme=light&size=elder"}


@dataclass
class Neighbourhood:
    """The demonstration with one matter more, which is about to fail."""

    address: str
    matter: int
    task: int
    closed: int
    forbidden: int
    failing: int

    def pages(self) -> dict[str, str]:
        return {
            "inbox": "/", "to be claimed": "/?show=claimable", "done": "/?show=done", "nothing fits": "/?q=nothing",
            "matters": "/matters", "matter": f"/matters/{self.matter}?verify=1", "records": f"/matters/{self.matter}?all=1",
            "outline": f"/matters/{self.matter}/outline", "start": "/matters/start", "task": f"/tasks/{self.task}",
            "form on paper": f"/tasks/{self.task}/paper-form", "closed": f"/tasks/{self.closed}",
            "forbidden": f"/tasks/{self.forbidden}", "nowhere": "/nowhere", "password": "/password",
        }


@pytest.fixture(scope="session")
def neighbourhood(tmp_path_factory: pytest.TempPathFactory, live_server: Callable[[Flask], str]) -> Neighbourhood:
    setup = demo.settings_of(settings.load({"YISHI_HOME": str(tmp_path_factory.mktemp("demo"))}))
    database = Database(setup.database_url)
    database.upgrade()
    list(demo.build(database))
    with database.sessions() as session:
        unit = session.scalars(select(Unit).where(Unit.code == "yunxi-huaianli")).one()
        matter = session.scalars(select(Instance).where(Instance.title == "东巷口人车分流和雨水箅更换")).one()
        deployments.deploy(session, packs.read(ERRAND), unit, Actor.system())
        errand = instances.start(session, deployments.find(session, "errand", unit), Actor.system(), {"title": "修灯"}, unit=unit)
        tasks.complete(session, tasks.open_in(session, errand)[0], Actor.system(),
                       values={"title": "修灯", "households": 40, "category": "facility"})
        failing = tasks.open_in(session, session.get_one(Instance, errand.id))[0].id
        session.commit()

        def one(element: str, *states: str) -> int:
            found = select(Task.id).where(Task.element == element, Task.unit_id == unit.id, Task.state.in_(states)).limit(1)
            return session.scalars(found).one()

        made = Neighbourhood(
            live_server(create_app(setup, database)), matter.id, one("register_motion", TaskState.OPEN, TaskState.CLAIMED),
            one("register_motion", TaskState.COMPLETED), one("confirm_count", TaskState.OPEN), failing)
    return made


def sign_in(page: Page, place: Neighbourhood, login: str, mode: str = "") -> None:
    page.goto(f"{place.address}/login?{mode}")
    page.locator(f"button[value={login}]").click()
    page.wait_for_url(f"{place.address}/")


def complaints(page: Page) -> list[str]:
    """-> what the console says from now on, but for the answers that are meant to be no 200."""
    found: list[str] = []
    page.on("console", lambda message: found.append(message.text)
            if message.type == "error" and "the server responded with a status of" not in message.text else None)
    page.on("pageerror", lambda error: found.append(str(error)))
    return found


@pytest.mark.parametrize("mode", MODES)
def test_every_page_is_without_barriers(
    neighbourhood: Neighbourhood, new_context: Callable[..., BrowserContext], axe: Callable[[Page], list[str]],
    viewport: dict[str, int], mode: str,
) -> None:
    page = new_context(viewport=viewport).new_page()
    said = complaints(page)
    page.goto(f"{neighbourhood.address}/login?{MODES[mode]}")
    found = {"sign in": axe(page)}
    sign_in(page, neighbourhood, CLERK)
    for name, path in neighbourhood.pages().items():
        page.goto(neighbourhood.address + path)
        page.wait_for_load_state("networkidle")
        page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        found[name] = axe(page) + sideways(page)
    page.goto(f"{neighbourhood.address}/tasks/{neighbourhood.task}")
    page.locator("button[value=submit]:not([aria-hidden])").click()
    found["task with errors"] = axe(page) + sideways(page)
    assert {name: barriers for name, barriers in found.items() if barriers} == {}
    assert said == []


def sideways(page: Page) -> list[str]:
    wide, room = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    return [f"scrolls sideways: {wide} px in {room}"] if wide > room else []


@pytest.mark.parametrize("size", ["normal", "elder"])
def test_no_page_scrolls_sideways_on_the_smallest_phone_and_thumbs_find_everything(
    neighbourhood: Neighbourhood, new_context: Callable[..., BrowserContext], size: str
) -> None:
    page = new_context(viewport={"width": 320, "height": 700}, has_touch=True).new_page()
    sign_in(page, neighbourhood, CLERK, f"size={size}&lang=zh")
    found: dict[str, Any] = {}
    for name, path in neighbourhood.pages().items():
        page.goto(neighbourhood.address + path)
        page.wait_for_load_state("networkidle")
        small = page.evaluate("""() => [...document.querySelectorAll(
            '.btn, .y-nav a, .y-chips a, .y-back, summary, .form-control, .form-select, .form-check')]
            .filter(one => one.offsetParent !== null && !one.classList.contains('visually-hidden') && !one.closest('.y-skip'))
            .filter(one => one.getBoundingClientRect().height < 43.5)
            .map(one => `${one.tagName} ${one.textContent.trim().slice(0, 20)} ${one.getBoundingClientRect().height}`)""")
        found[name] = sideways(page) + small
    assert {name: flaws for name, flaws in found.items() if flaws} == {}


def test_a_failure_and_a_refusal_are_without_barriers(
    neighbourhood: Neighbourhood, new_context: Callable[..., BrowserContext], axe: Callable[[Page], list[str]],
    viewport: dict[str, int],
) -> None:
    page = new_context(viewport=viewport).new_page()
    sign_in(page, neighbourhood, DIRECTOR)
    page.goto(f"{neighbourhood.address}/tasks/{neighbourhood.failing}")
    page.select_option("select[name=verdict]", "stuck")
    page.locator("button[value=submit]:not([aria-hidden])").click()
    assert "没有办成，不是您填错了" in page.inner_text("h1")
    assert axe(page) + sideways(page) == []


def test_the_focus_goes_to_what_is_wrong_and_from_there_to_the_field(neighbourhood: Neighbourhood, page: Page) -> None:
    sign_in(page, neighbourhood, CLERK)
    page.goto(f"{neighbourhood.address}/tasks/{neighbourhood.task}")
    page.fill("[name=request]", "")
    page.locator("button[value=submit]:not([aria-hidden])").click()
    expect(page.locator("#errors")).to_be_focused()
    page.locator("#errors a").first.click()
    assert page.evaluate("document.querySelector(':target').closest('.y-field') !== null")


def test_what_is_typed_is_kept_when_the_page_is_left(neighbourhood: Neighbourhood, page: Page) -> None:
    sign_in(page, neighbourhood, CLERK)
    page.goto(f"{neighbourhood.address}/tasks/{neighbourhood.task}")
    with page.expect_response(lambda answer: answer.url.endswith("/draft") and answer.ok):
        page.fill("[name=request]", "晚上回家太黑，老人摔过两次。")
    expect(page.locator("[data-autosave-state]")).to_contain_text("已存")
    page.goto(f"{neighbourhood.address}/")
    page.goto(f"{neighbourhood.address}/tasks/{neighbourhood.task}")
    assert page.input_value("[name=request]") == "晚上回家太黑，老人摔过两次。"


def test_the_diagram_shows_where_the_matter_stands_with_and_without_scripts(
    neighbourhood: Neighbourhood, new_context: Callable[..., BrowserContext]
) -> None:
    for scripts in (True, False):
        page = new_context(java_script_enabled=scripts).new_page()
        sign_in(page, neighbourhood, CLERK)
        page.goto(f"{neighbourhood.address}/matters/{neighbourhood.matter}")
        page.wait_for_selector(".djs-element.now" if scripts else "svg g.now", state="attached")
        page.wait_for_selector(".djs-element.done" if scripts else "svg g.done", state="attached")


def test_all_of_it_works_without_scripts(neighbourhood: Neighbourhood, new_context: Callable[..., BrowserContext]) -> None:
    page = new_context(java_script_enabled=False, viewport={"width": 390, "height": 844}).new_page()
    sign_in(page, neighbourhood, CLERK)
    page.goto(f"{neighbourhood.address}/tasks/{neighbourhood.task}")
    page.get_by_role("button", name="认领").click()
    page.fill("[name=request]", "没有脚本也要能办")
    page.get_by_role("button", name="暂存").click()
    assert "已暂存" in page.inner_text("main")
    assert page.input_value("[name=request]") == "没有脚本也要能办"
    page.get_by_role("button", name="放回").click()
    assert "已放回" in page.inner_text("main")
    page.locator("summary", has_text="孙三思").click()
    page.get_by_role("button", name="退出").click()
    assert page.url.endswith("/login")
