"""Who gets in, and who does not."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import select

from engine import demo
from engine.models import Account

from .conftest import CLERK, OTHER_CLERK, Site


def test_a_page_asks_for_signing_in_and_then_leads_to_where_one_wanted_to_go(site: Site) -> None:
    visitor = site.visitor()
    answer = visitor.get("/matters?q=灯")
    assert answer.status_code == 303
    page = visitor.get(answer.headers["Location"])
    assert page.status_code == 200
    answer = visitor.post("/login", {"login": CLERK, "password": demo.PASSWORD, "next": "/matters?q=灯"})
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith("/matters?q=")
    assert "孙三思" in visitor.get("/").text


@pytest.mark.parametrize("elsewhere", ["//evil.example/", "https://evil.example/", "/\\evil.example", "evil"])
def test_signing_in_never_leads_to_a_foreign_address(site: Site, elsewhere: str) -> None:
    visitor = site.visitor()
    visitor.get("/login")
    answer = visitor.post("/login", {"login": CLERK, "password": demo.PASSWORD, "next": elsewhere})
    assert answer.headers["Location"] == "/"


def test_an_unknown_login_and_a_wrong_password_read_alike(site: Site) -> None:
    visitor = site.visitor()
    wrong = visitor.post("/login", {"login": CLERK, "password": "not this one"})
    unknown = visitor.post("/login", {"login": "nobody", "password": "not this one"})
    assert wrong.status_code == unknown.status_code == 422
    assert wrong.text.replace(CLERK, "") == unknown.text.replace("nobody", "")


def test_the_sixth_wrong_password_waits_even_if_it_is_right(site: Site) -> None:
    visitor = site.visitor()
    for _ in range(5):
        assert visitor.post("/login", {"login": CLERK, "password": "not this one"}).status_code == 422
    assert visitor.post("/login", {"login": CLERK, "password": demo.PASSWORD}).status_code == 429
    assert site.visitor(OTHER_CLERK).get("/").status_code == 200


def test_the_cookie_is_out_of_reach_of_scripts_and_foreign_pages(open_site: Callable[..., Site]) -> None:
    plain = open_site().visitor().sign_in(CLERK).headers.getlist("Set-Cookie")
    login = next(cookie for cookie in plain if cookie.startswith("yishi_login="))
    assert "HttpOnly" in login and "SameSite=Lax" in login and "Secure" not in login
    safe = open_site(YISHI_PUBLIC_URL="https://yishi.example").visitor().sign_in(CLERK).headers.getlist("Set-Cookie")
    assert all("Secure" in cookie for cookie in safe if cookie.startswith("yishi_login="))


def test_signing_out_ends_it_on_the_server_too(site: Site) -> None:
    visitor = site.visitor(CLERK)
    stolen = visitor.client.get_cookie("yishi_login")
    assert stolen is not None
    assert visitor.post("/logout").status_code == 303
    thief = site.visitor()
    thief.client.set_cookie("yishi_login", stolen.value)
    assert thief.get("/").status_code == 303


def test_a_new_password_signs_out_the_other_browsers(site: Site) -> None:
    here, there = site.visitor(CLERK), site.visitor(CLERK)
    refused = here.post("/password", {"old": "wrong", "new": "槐花开了三回 2026", "again": "槐花开了三回 2026"})
    assert refused.status_code == 422
    differs = here.post("/password", {"old": demo.PASSWORD, "new": "槐花开了三回 2026", "again": "槐花开了"})
    assert differs.status_code == 422
    done = here.post("/password", {"old": demo.PASSWORD, "new": "槐花开了三回 2026", "again": "槐花开了三回 2026"})
    assert done.status_code == 303
    assert here.get("/").status_code == 200
    assert there.get("/").status_code == 303
    assert site.visitor().sign_in(CLERK, "槐花开了三回 2026").status_code == 303


def test_a_password_that_somebody_else_gave_must_be_changed_first(site: Site) -> None:
    with site.database.sessions() as session:
        session.scalars(select(Account).where(Account.login == CLERK)).one().must_change = True
        session.commit()
    visitor = site.visitor(CLERK)
    assert visitor.get("/matters").headers["Location"] == "/password"


def test_only_the_demo_offers_people_to_pick(open_site: Callable[..., Site]) -> None:
    usual = open_site().visitor()
    assert demo.PASSWORD not in usual.get("/login").text
    assert usual.post("/login", {"pick": CLERK}).status_code == 422
    trial = open_site(YISHI_DEMO="1").visitor()
    assert demo.PASSWORD in trial.get("/login").text
    assert trial.post("/login", {"pick": CLERK}).status_code == 303
