"""Shows the durable work to people: `create_app` puts settings, database, rooms and error pages together.

README.md is the map.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from flask import Blueprint, Flask, Response, request
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext
from flask_wtf import CSRFProtect
from sqlalchemy import text
from werkzeug.routing import IntegerConverter, Map

from engine.access import Permission
from engine.database import Database
from engine.settings import Settings

from . import auth, board, deployments, errors, forms, inbox, incidents, matters, opinions, people, rendering, session, workshop
from .rendering import Entry

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
ROOMS: tuple[Blueprint, ...] = (
    auth.room, inbox.room, matters.room, board.room, opinions.room, deployments.room, incidents.room, people.room,
    workshop.room,
)
NAVIGATION = (
    Entry("inbox.index", lazy_gettext("Inbox"), "checklist", count=inbox.count),
    Entry("matters.index", lazy_gettext("Matters"), "folder"),
    Entry("board.index", lazy_gettext("Board"), "news"),
    Entry("deployments.index", lazy_gettext("Procedures"), "git-branch"),
    Entry("workshop.index", lazy_gettext("Workshop"), "pencil", Permission.DEPLOY),
    Entry("incidents.index", lazy_gettext("Failures"), "tool", Permission.SEE_OPERATIONS, incidents.count),
    Entry("people.index", lazy_gettext("People"), "users-group", Permission.MANAGE_PEOPLE),
)
YEAR = 365 * 24 * 3600
LARGEST_REQUEST = 64 * 1024 * 1024
LARGEST_TEXT = 2 * 1024 * 1024


class Web(Flask):
    """Flask, with the end of a view as the one place where transactions are ended."""

    def dispatch_request(self) -> ResponseReturnValue:
        """Within Flask's own handling of errors, so that a commit which fails is answered like any other failure."""
        answer = super().dispatch_request()
        session.end()
        return answer

    def get_send_file_max_age(self, filename: str | None) -> int | None:
        """A file asked for by its version never changes; one asked for without may."""
        return YEAR if request.args.get("v") else None


class Number(IntegerConverter):
    """A number in an address; one that no row can have leads nowhere, instead of astonishing the database."""

    def __init__(self, map: Map, *args: Any, **options: Any) -> None:
        super().__init__(map, *args, **{"max": 2**31 - 1, **options})


def create_app(settings: Settings, database: Database | None = None) -> Flask:
    """-> the application. `database` is given by whoever has it open already, else it is opened from the settings."""
    app = Web(__name__)
    app.url_map.converters["int"] = Number
    https = bool(settings.public_url and settings.public_url.startswith("https://"))
    app.config.update(
        SETTINGS=settings,
        SECRET_KEY=_secret(settings),
        SESSION_COOKIE_NAME="yishi",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=https,
        MAX_CONTENT_LENGTH=LARGEST_REQUEST,
        MAX_FORM_MEMORY_SIZE=LARGEST_TEXT,
        WTF_CSRF_TIME_LIMIT=None,  # as long as the session: a form may lie open over lunch
    )
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    session.register(app, database or Database(settings.database_url))
    app.before_request(_limit)
    CSRFProtect(app)
    errors.register(app)
    auth.register(app)
    rendering.register(app, NAVIGATION)
    forms.register(app)
    for room in ROOMS:
        app.register_blueprint(room)
    app.url_defaults(_version)
    app.after_request(_protect)
    app.add_url_rule("/healthz", "healthz", auth.public(_healthz))
    return app


def _healthz() -> ResponseReturnValue:
    """Whether the database answers; OperationalError becomes 503 as everywhere."""
    session.db().execute(text("SELECT 1"))
    return {"status": "ok"}


def _limit() -> None:
    """Only files may be large."""
    if request.mimetype != "multipart/form-data":
        request.max_content_length = LARGEST_TEXT


def _protect(response: Response) -> Response:
    """The headers that keep strangers out of the page, on every answer."""
    headers = response.headers
    headers.setdefault("Content-Security-Policy", POLICY)
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("Referrer-Policy", "same-origin")
    headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    if request.endpoint != "static":
        headers["Cache-Control"] = "no-store"  # office machines are shared
    return response


def _version(endpoint: str, values: dict[str, Any]) -> None:
    """Addresses of static files carry a hash of their content."""
    if endpoint == "static" and "v" not in values:
        file = Path(__file__).parent / "static" / str(values["filename"])
        if file.is_file():
            state = file.stat()
            values["v"] = _digest(file, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=256)
def _digest(file: Path, changed: int, size: int) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()[:12]


def _secret(settings: Settings) -> str:
    """The secret of the settings, else one made once and kept in the home folder, readable by its owner only."""
    if settings.secret:
        return settings.secret
    file = settings.home / "secret"
    if not file.exists():
        settings.home.mkdir(parents=True, exist_ok=True)
        fresh = file.with_name(f"secret.{os.getpid()}")
        with open(os.open(fresh, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as out:
            out.write(secrets.token_hex(32))
        with suppress(FileExistsError):
            os.link(fresh, file)  # of two servers that begin at once, the first one's stays
        fresh.unlink()
    return file.read_text()
