"""Who asks: signing in and out, the password, and the gate before every page that is not public."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from flask import Blueprint, Flask, current_app, flash, g, redirect, render_template, request, url_for
from flask import session as browser
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.exc import OperationalError

from engine import access, demo, organisation
from engine.access import Actor
from engine.errors import Invalid, say
from engine.models import Account

from .session import database, db, rollback

COOKIE = "yishi_login"
View = TypeVar("View", bound=Callable[..., Any])

room = Blueprint("auth", __name__)


def register(app: Flask) -> None:
    app.before_request(_gate)


def public(view: View) -> View:
    """Marks a view that people see without signing in; every other one asks for it."""
    view.is_public = True  # type: ignore[attr-defined]
    return view


def actor() -> Actor:
    """-> in whose name this request acts."""
    found: Actor = g.get("actor") or Actor.public()
    return found


def account() -> Account:
    """-> the account that is signed in; only behind the gate."""
    found: Account = g.account
    return found


@room.get("/login")
@public
def login() -> ResponseReturnValue:
    if g.get("account") is not None:
        return redirect(_next(), 303)
    return _login_page()


@room.post("/login")
@public
def log_in() -> ResponseReturnValue:
    name, password = request.form.get("login", ""), request.form.get("password", "")
    picked = request.form.get("pick")
    if picked and current_app.config["SETTINGS"].demo:
        name, password = picked, demo.PASSWORD
    answer = organisation.log_in(db(), name, password, request.remote_addr or "")
    if isinstance(answer, organisation.TurnedAway):  # kept and counted, so this is no refusal that rolls back
        return _login_page(answer, name), 429 if answer.wait else 422
    browser.clear()  # what was there belonged to whoever sat here before
    response = redirect(_next(), 303)
    secure = request.is_secure or bool(current_app.config["SESSION_COOKIE_SECURE"])
    response.set_cookie(COOKIE, answer.token, httponly=True, samesite="Lax", secure=secure)
    return response


@room.post("/logout")
@public
def logout() -> ResponseReturnValue:
    organisation.log_out(db(), request.cookies.get(COOKIE, ""))
    browser.clear()
    response = redirect(url_for("auth.login"), 303)
    response.delete_cookie(COOKIE)
    return response


@room.get("/password")
def password() -> ResponseReturnValue:
    return render_template("auth/password.html", problems={})


@room.post("/password")
def change_password() -> ResponseReturnValue:
    old, new = request.form.get("old", ""), request.form.get("new", "")
    try:
        if new != request.form.get("again"):
            raise Invalid(say("The password has not been changed."),
                          {"again": say("The two passwords are not the same. Type the new one twice.")})
        organisation.change_password(db(), account(), old, new, token=request.cookies.get(COOKIE))
    except Invalid as refusal:
        rollback()
        return render_template("auth/password.html", problems=refusal.problems), 422
    flash(_("The password has been changed. Other browsers have been signed out."), "ok")
    return redirect(url_for("inbox.index"), 303)


def _login_page(refusal: organisation.TurnedAway | None = None, name: str = "") -> str:
    units: dict[str, list[demo.DemoAccount]] = {}
    if current_app.config["SETTINGS"].demo:
        for one in demo.accounts(db()):
            units.setdefault(one["unit"], []).append(one)
    return render_template("auth/login.html", refusal=refusal, login=name, units=units, demo_password=demo.PASSWORD,
                           next=_next())


def _next() -> str:
    """Where to go after signing in: a page of ours, never an address that somebody put into a link."""
    wanted = request.values.get("next", "")
    ours = wanted.startswith("/") and not wanted.startswith(("//", "/\\")) and "\n" not in wanted
    return wanted if ours else url_for("inbox.index")


def _gate() -> ResponseReturnValue | None:
    """Before every request: who asks, and may somebody unknown have this page?"""
    view = current_app.view_functions.get(request.endpoint or "")
    if request.endpoint in ("static", "healthz"):
        return None
    _identify(request.cookies.get(COOKIE, ""))
    if view is None or getattr(view, "is_public", False):
        return None
    if g.get("account") is None:
        wanted = request.full_path.rstrip("?") if request.method == "GET" else request.path
        return redirect(url_for("auth.login", next=wanted), 303)
    if g.account.must_change and view not in (password, change_password):
        flash(_("Somebody else knows your password. Choose your own before you go on."), "warn")
        return redirect(url_for("auth.password"), 303)
    return None


def _identify(token: str) -> None:
    found = organisation.account_of(db(), token) if token else None
    if found is None:
        return
    g.account, g.actor = found, access.actor_of(db(), found)
    if not organisation.wants_seen(db(), token):
        return
    if request.method == "POST":
        organisation.seen(db(), token)
        return
    with suppress(OperationalError), database().sessions() as writing:  # a busy database must not close a page
        organisation.seen(writing, token)
        writing.commit()
