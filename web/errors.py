"""What people read when something is refused, has failed or is out of order: three families, one page each.

Refusals roll back and are answered in words; incidents roll back and are then recorded with what was typed; everything
else is our own fault and gets a reference number, which stands in the log beside what happened.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Flask, g, render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from engine import incidents
from engine.errors import Conflict, EngineError, Forbidden, Incident, Invalid, ModelRefused, NotFound
from engine.models import Instance, Task

from . import session
from .auth import actor

_log = logging.getLogger(__name__)
STATUS: Mapping[type[EngineError], int] = {NotFound: 404, Forbidden: 403, Conflict: 409, Invalid: 422, ModelRefused: 422}


@dataclass(frozen=True)
class Attempt:
    """What a view is about to try, so that an incident can be recorded with it and tried again."""

    act: Mapping[str, Any]
    unit_id: int
    instance_id: int | None = None
    definition_id: int | None = None
    task_id: int | None = None


def register(app: Flask) -> None:
    app.register_error_handler(EngineError, _refused)
    app.register_error_handler(Incident, _failed)
    app.register_error_handler(CSRFError, _stale)
    app.register_error_handler(HTTPException, _http)
    for gone in (OperationalError, InterfaceError, PoolTimeout):
        app.register_error_handler(gone, _unreachable)
    app.register_error_handler(Exception, _bug)


def attempt(act: Mapping[str, Any], *, unit_id: int, instance_id: int | None = None, definition_id: int | None = None,
            task_id: int | None = None) -> None:
    """Says what the view is about to do with the model; see `Attempt`."""
    g.attempt = Attempt(act, unit_id, instance_id, definition_id, task_id)


def status_of(error: EngineError) -> int:
    return next((code for family, code in STATUS.items() if isinstance(error, family)), 422)


def _refused(error: EngineError) -> ResponseReturnValue:
    session.rollback()
    status = status_of(error)
    return render_template("errors/refused.html", title=_title(status), sentence=error.sentence), status


def _title(status: int) -> str:
    titles: dict[int, str] = {
        400: _("The page could not be read"),
        403: _("This is not for you to do"),
        404: _("There is nothing here"),
        405: _("This cannot be opened like a page"),
        409: _("Something has changed meanwhile"),
        413: _("This is too large"),
    }
    return titles.get(status) or str(_("It was not done"))


def recorded(error: Incident, tried: Attempt) -> int:
    """The second small transaction, after what was tried has been undone: it is kept. -> the number of the incident."""
    session.rollback()
    made = incidents.record(session.db(), error, tried.act, actor(), instance_id=tried.instance_id, unit_id=tried.unit_id,
                            definition_id=tried.definition_id, task_id=tried.task_id)
    number = made.id
    session.end()
    _log.warning("incident %s: %s", number, error)
    return number


def _failed(error: Incident) -> ResponseReturnValue:
    """Tells the number of the incident and what becomes of it."""
    tried: Attempt | None = g.pop("attempt", None)
    if tried is None:
        return _bug(error)
    number = recorded(error, tried)
    instance = session.db().get(Instance, tried.instance_id) if tried.instance_id else None
    task = session.db().get(Task, tried.task_id) if tried.task_id else None
    return render_template("errors/incident.html", number=number, sentence=error.sentence, instance=instance, task=task), 500


def _stale(error: CSRFError) -> ResponseReturnValue:
    session.rollback()
    sentence = _("This form was opened too long ago, or in another place. Go back, reload the page and send it again: "
                 "drafts are kept.")
    return render_template("errors/refused.html", title=_("The form could not be checked"), sentence=sentence), 400


def _http(error: HTTPException) -> ResponseReturnValue:
    session.rollback()
    status = error.code or 500
    if status < 400:
        return error
    sentence = {
        404: _("This address leads nowhere. It may have been typed wrongly, or what was here has gone."),
        405: _("This address only takes what a form sends. Go back to the page and press the button there."),
        413: _("What you sent is larger than the server takes. Send smaller files, or fewer at a time."),
    }.get(status, _("The server could not understand what the browser sent. Go back and try once more."))
    if isinstance(error, RequestEntityTooLarge):
        status = 413
    page = render_template("errors/refused.html", title=_title(status), sentence=sentence)
    return page, status, {"Allow": ", ".join(sorted(getattr(error, "valid_methods", None) or ()))} if status == 405 else {}


def _unreachable(error: Exception) -> ResponseReturnValue:
    """The database is locked or gone: nothing half done, and it goes on when it is back."""
    _log.warning("the database cannot be reached: %s", error)
    _without_database()
    return render_template("errors/unreachable.html"), 503, {"Retry-After": "10"}


def _bug(error: Exception) -> ResponseReturnValue:
    reference = secrets.token_hex(4)
    _log.error("reference %s", reference, exc_info=error)
    _without_database()
    return render_template("errors/bug.html", reference=reference), 500


def _without_database() -> None:
    """The page that follows must not ask what has just failed."""
    session.abandon()
    for name in ("account", "actor"):
        g.pop(name, None)
