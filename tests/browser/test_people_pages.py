"""The pages about people in a browser: no barrier, no sideways scroll, and the whole errand of an administrator by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import BrowserContext, Page, expect

from engine import demo, settings
from engine.database import Database
from web import create_app

MODES = ["lang=zh&theme=light", "lang=en&theme=dark", "lang=zh&theme=light&size=elder", "lang=en&theme=light&size=elder"]
HERE = "/people/?unit=yunxi-huaianli"
PAGES = [HERE, f"{HERE}&role=representative", "/people/", "/people/new?unit=yunxi-huaianli", "/people/2", "/people/log", "/people/import"]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory, live_server: Callable[[Flask], str]) -> str:
    """The invented district, served."""
    home: Path = tmp_path_factory.mktemp("people")
    setup = settings.load({"YISHI_HOME": str(home), "YISHI_DATABASE": f"sqlite:///{home / 'yishi.sqlite'}", "YISHI_DEMO": "1"})
    database = Database(setup.database_url)
    database.upgrade()
    with database.sessions() as session:
        demo.build_district(session)
        session.commit()
    return live_server(create_app(setup, database))


def sign_in(page: Page, address: str, mode: str = "") -> None:
    page.goto(f"{address}/login?{mode}")
    page.locator("[name=login]").fill("fengbada")
    page.locator("[name=password]").fill(demo.PASSWORD)
    page.locator("[name=password]").press("Enter")
    page.wait_for_url(f"{address}/")


@pytest.mark.parametrize("mode", MODES)
def test_no_page_about_people_holds_a_barrier(
    address: str, new_context: Callable[..., BrowserContext], axe: Callable[[Page], list[str]], viewport: dict[str, int], mode: str
) -> None:
    page = new_context(viewport=viewport).new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") else None)
    sign_in(page, address, mode)
    for path in PAGES:
        page.goto(address + path)
        page.evaluate("for (const one of document.querySelectorAll('main details')) one.open = true")
        assert axe(page) == [], path
        assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0, path
    assert complaints == []


def test_nothing_scrolls_sideways_at_320_pixels(address: str, new_context: Callable[..., BrowserContext]) -> None:
    page = new_context(viewport={"width": 320, "height": 700}).new_page()
    sign_in(page, address)
    for path in PAGES:
        page.goto(address + path)
        assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0, path


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without"])
def test_an_administrator_adds_somebody_and_lets_him_stand_in(
    address: str, new_context: Callable[..., BrowserContext], scripts: bool
) -> None:
    name, login = ("华千里", "huaqianli") if scripts else ("华万里", "huawanli")
    page = new_context(java_script_enabled=scripts).new_page()
    sign_in(page, address, "lang=en")
    page.goto(address + HERE)
    page.get_by_role("link", name="Add a person").click()
    page.get_by_label("Name").fill(name)
    page.get_by_label("Role", exact=False).select_option("clerk")
    page.get_by_label("Login").fill(login)
    page.get_by_label("Last day").fill("2020-01-01")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("The term ends before it starts.")
    expect(page.get_by_label("Name")).to_have_value(name)
    page.get_by_label("Last day").fill("")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.locator("output").first).to_have_text(login)
    page.get_by_role("link", name="Written down, go on").click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    page.get_by_label("Who stands in").select_option(label="卫十一")
    page.get_by_label("From").fill("2099-04-20")
    page.get_by_label("To", exact=True).fill("2099-04-24")
    page.get_by_role("button", name="Enter the absence").click()
    expect(page.get_by_text("卫十一 stands in").first).to_be_visible()
    page.goto(f"{address}{HERE}&q={name}")
    expect(page.get_by_role("row", name=name)).to_contain_text("卫十一 stands in")
