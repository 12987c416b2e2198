"""Language, theme and size of the letters: asked for by `?lang= ?theme= ?size=` on any page, kept in cookies."""

from __future__ import annotations

from urllib.parse import urlencode

from flask import Flask, Response, g, request, url_for
from flask_babel import Babel

LANGUAGES = {"zh": "zh_Hans_CN", "en": "en"}
CHOICES = {"lang": tuple(LANGUAGES), "theme": ("auto", "light", "dark"), "size": ("normal", "elder")}
_YEAR = 365 * 24 * 3600


def register(app: Flask) -> None:
    Babel(app, default_locale="zh_Hans_CN", default_timezone="Asia/Shanghai", locale_selector=locale)
    app.after_request(_keep)
    app.context_processor(lambda: {"html_lang": html_lang(), "theme": chosen("theme"), "size": chosen("size"),
                                   "here": here})


def chosen(name: str) -> str | None:
    """-> what this visitor has asked for, now or before; None if never."""
    for value in (request.args.get(name), request.cookies.get(f"yishi_{name}")):
        if value in CHOICES[name]:
            return value
    return None


def locale() -> str:
    """The catalogue to speak from: the choice, else the account's language, else the browser's; Chinese comes first."""
    account = g.get("account")
    wanted = chosen("lang") or (account.language if account is not None else None)
    # A browser says zh-CN or zh; it would never match zh_Hans_CN.
    found = wanted or request.accept_languages.best_match(["zh-CN", "zh", "en"], default="zh")
    return LANGUAGES.get(found[:2], LANGUAGES["zh"])


def html_lang() -> str:
    return "en" if locale() == "en" else "zh-CN"


def here(**changes: str) -> str:
    """-> the address of this page with other arguments; of the inbox where this page is the answer to a form."""
    if request.method != "GET" or request.endpoint is None:
        return f"{url_for('inbox.index')}?{urlencode(changes)}"
    arguments = {**request.args.to_dict(), **changes}
    return f"{request.path}?{urlencode(arguments)}" if arguments else request.path


def _keep(response: Response) -> Response:
    for name, values in CHOICES.items():
        value = request.args.get(name)
        if value in values:
            response.set_cookie(f"yishi_{name}", value, max_age=_YEAR, httponly=True, samesite="Lax",
                                secure=request.is_secure)
    return response
