"""What holds for every page: headers, tokens, languages, and what happens when the house itself is in trouble."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select, text

from engine import settings
from engine.database import Database
from engine.models import Account
from web import create_app

from .conftest import CLERK, Site, Visitor


def test_the_server_says_that_it_is_well(site: Site) -> None:
    answer = site.visitor().get("/healthz")
    assert (answer.status_code, answer.json) == (200, {"status": "ok"})


def test_without_its_database_the_server_says_so_and_comes_back(tmp_path: Path) -> None:
    home = tmp_path / "away"
    setup = settings.load({"YISHI_HOME": str(tmp_path), "YISHI_DATABASE": f"sqlite:///{home / 'yishi.sqlite'}"})
    app = create_app(setup)
    for path in ("/healthz", "/login"):
        answer = app.test_client().get(path) if path == "/healthz" else app.test_client().post(path)
        assert answer.status_code in (503, 400)
    assert app.test_client().get("/healthz").status_code == 503
    home.mkdir()
    Database(setup.database_url).create_all()
    assert app.test_client().get("/healthz").status_code == 200


def test_a_locked_database_is_answered_in_words_and_nothing_is_half_done(site: Site) -> None:
    matter = site.start()
    task = site.task(matter, "register")
    visitor = site.visitor(CLERK)
    with site.database.sessions() as session:
        session.execute(text("SELECT 1"))  # takes the only writer's place
        answer = visitor.post(f"/tasks/{task}/complete", {"title": "灯", "households": "3", "category": "facility"})
        session.rollback()
    assert answer.status_code == 503
    assert "没有办到一半的事" in answer.text
    assert site.open(matter) == ["register"]
    assert visitor.post(f"/tasks/{task}/complete", {"title": "灯", "households": "3", "category": "facility"}).status_code == 303


@pytest.mark.parametrize("path", ["/", "/login", "/matters", "/nowhere", "/static/yishi.css"])
def test_every_answer_carries_the_strict_policy(site: Site, path: str) -> None:
    headers = site.visitor(CLERK).get(path).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "script-src 'self'" in policy and "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"


def test_pages_are_not_kept_by_shared_machines_but_files_are(site: Site) -> None:
    visitor = site.visitor(CLERK)
    page = visitor.get("/")
    assert page.headers["Cache-Control"] == "no-store"
    address = re.search(r'href="(/static/yishi\.css\?v=[0-9a-f]+)"', page.text)
    assert address is not None
    assert "max-age=31536000" in visitor.get(address[1]).headers["Cache-Control"]


def test_no_page_has_an_inline_script_or_style(site: Site) -> None:
    visitor = site.visitor(CLERK)
    task = site.task(site.start(), "register")
    for path in ("/", "/login", "/matters", "/matters/1", "/matters/1/outline", "/matters/start", f"/tasks/{task}", "/password"):
        page = visitor.get(path).text
        assert " style=" not in page and "<style" not in page, path
        assert not re.search(r"\son[a-z]+=", page), path
        assert all('src="/static/' in tag or 'type="application/json"' in tag for tag in re.findall(r"<script[^>]*>", page)), path


def test_a_form_without_its_token_is_refused(site: Site) -> None:
    matter = site.start()
    visitor = site.visitor(CLERK)
    visitor.token = "forged"
    answer = visitor.post(f"/tasks/{site.task(matter, 'register')}/claim")
    assert answer.status_code == 400
    assert "这张表" in answer.text
    assert site.open(matter) == ["register"]


@pytest.mark.parametrize(
    ("accepted", "words"),
    [("zh-CN,zh;q=0.9", "待办"), ("en-US,en;q=0.9", "Inbox"), ("fr", "待办"), ("", "待办")],
)
def test_the_browser_chooses_the_language_and_chinese_comes_first(site: Site, accepted: str, words: str) -> None:
    page = site.visitor(CLERK).get("/", headers={"Accept-Language": accepted}).text
    assert f"<h1>{words}</h1>" in page


def test_the_language_of_the_account_comes_before_that_of_the_browser(site: Site) -> None:
    with site.database.sessions() as session:
        session.scalars(select(Account).where(Account.login == CLERK)).one().language = "en"
        session.commit()
    visitor = site.visitor(CLERK)
    assert "<h1>Inbox</h1>" in visitor.get("/", headers={"Accept-Language": "zh-CN"}).text
    assert "<h1>待办</h1>" in visitor.get("/?lang=zh").text


def test_language_theme_and_size_are_kept_once_chosen(site: Site) -> None:
    visitor = site.visitor(CLERK)
    visitor.get("/?lang=en&theme=dark&size=elder")
    page = visitor.get("/matters").text
    assert '<html lang="en" data-bs-theme="dark" data-size="elder">' in page
    visitor.get("/?lang=zh&theme=light&size=normal")
    assert '<html lang="zh-CN" data-bs-theme="light">' in visitor.get("/matters").text
    assert '<html lang="zh-CN" data-bs-theme="light">' in visitor.get("/matters?theme=%22onload").text


def test_an_address_that_leads_nowhere_is_told_in_words(site: Site) -> None:
    for visitor in (site.visitor(), site.visitor(CLERK)):
        answer = visitor.get("/no/such/page")
        assert answer.status_code == 404
        assert "这个地址找不到东西" in answer.text
    assert site.visitor(CLERK).get("/logout").status_code == 405


def test_our_own_mistake_shows_a_number_and_no_trace(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> str:
        raise KeyError("secret detail")

    site.app.add_url_rule("/broken", "broken", broken)
    answer = site.visitor(CLERK).get("/broken")
    assert answer.status_code == 500
    assert "secret detail" not in answer.text and "Traceback" not in answer.text
    reference = re.search(r"<code>([0-9a-f]{8})</code>", answer.text)
    assert reference is not None
    assert any(reference[1] in record.getMessage() for record in caplog.records)


def test_a_request_that_is_too_large_is_told_in_words(site: Site) -> None:
    matter = site.start()
    visitor = site.visitor(CLERK)
    answer = visitor.post(f"/tasks/{site.task(matter, 'register')}/complete", {"title": "灯" * 3_000_000})
    assert answer.status_code == 413
    assert "太大" in answer.text


def test_the_secret_is_made_once_and_is_nobody_elses(open_site: Callable[..., Site], tmp_path: Path) -> None:
    first, second = open_site(), open_site()
    assert first.app.secret_key == second.app.secret_key
    assert (tmp_path / "secret").stat().st_mode & 0o077 == 0
    assert open_site(YISHI_SECRET="given").app.secret_key == "given"


def test_a_visitor_without_a_page_has_no_token(site: Site) -> None:
    assert Visitor(site.app).client.post("/login", data={"login": CLERK}).status_code == 400
