"""A real Chromium for the tests of this folder: the machine's own, else the one that an npm package carries."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import waitress
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

expect.set_options(timeout=30_000)  # a busy machine is slow, not wrong

FRONT = Path(__file__).parents[2] / "web" / "js"
NARROW = {"width": 390, "height": 844}
WIDE = {"width": 1280, "height": 900}
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One browser for the whole run; open pages with `new_page` or with a context of your own."""
    executable, environment = _chromium()
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=executable,
            args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
            env={**os.environ, **environment},
        )
        yield running
        running.close()


@pytest.fixture(params=[pytest.param(NARROW, id="390"), pytest.param(WIDE, id="1280")])
def viewport(request: pytest.FixtureRequest) -> dict[str, int]:
    """A phone and a desk, one after the other."""
    size: dict[str, int] = request.param
    return size


@pytest.fixture
def new_context(browser: Browser) -> Iterator[Callable[..., BrowserContext]]:
    """A function that opens a context, that is one person with cookies of their own; all are closed afterwards.

    It takes what `Browser.new_context` takes; the language is Chinese, the zone Shanghai, the size that of a desk.
    """
    contexts: list[BrowserContext] = []

    def open_context(**options: Any) -> BrowserContext:
        base = {"locale": "zh-CN", "timezone_id": "Asia/Shanghai", "viewport": WIDE}
        context = browser.new_context(**{**base, **options})
        context.set_default_timeout(15_000)
        contexts.append(context)
        return context

    yield open_context
    for context in contexts:
        context.close()


@pytest.fixture
def page(new_context: Callable[..., BrowserContext]) -> Page:
    """A page at a desk. Ask for `viewport` and `new_context` where the size matters."""
    return new_context().new_page()


@pytest.fixture(scope="session")
def live_server() -> Iterator[Callable[[Flask], str]]:
    """A function that serves an application from a thread, on a free port, and returns its address."""
    servers: list[Any] = []

    def serve(app: Flask) -> str:
        server = waitress.create_server(app, host="127.0.0.1", port=0, threads=4)
        servers.append(server)
        threading.Thread(target=server.run, daemon=True).start()
        return f"http://127.0.0.1:{server.effective_port}"

    yield serve
    for server in servers:
        server.close()


@pytest.fixture(scope="session")
def axe() -> Callable[[Page], list[str]]:
    """A function that looks through a page for barriers and returns one line for each: rule, what it is, where."""
    source = (FRONT / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")

    def look_through(page: Page) -> list[str]:
        page.evaluate(source)  # not as a <script>, which the page's own policy would refuse
        found = page.evaluate("tags => axe.run(document, { runOnly: tags, resultTypes: ['violations'] })", RULES)
        return [
            f"{violation['id']}: {violation['help']}: {', '.join(str(node['target']) for node in violation['nodes'])}"
            for violation in found["violations"]
        ]

    return look_through


def _chromium() -> tuple[str, dict[str, str]]:
    for name in ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"):
        own = shutil.which(name)
        if own:
            return own, {}
    told = subprocess.run(["node", "chromium.mjs"], cwd=FRONT, check=True, capture_output=True, text=True)
    found = json.loads(told.stdout)
    return found["executable"], found["environment"]
