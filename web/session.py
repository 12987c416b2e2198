"""One database session a request: opened when first asked for; the view returns: commit, it raises: rollback.

The application calls `end` in the one place where a view has returned (web/__init__.py) and `abandon` where one has
raised (web/errors.py); views themselves say `rollback` only where they go on after a refusal.
"""

from __future__ import annotations

from flask import Flask, current_app, g, request
from sqlalchemy.orm import Session

from engine.database import Database

_READING = ("GET", "HEAD", "OPTIONS")


def database() -> Database:
    """-> the database of this application."""
    found: Database = current_app.extensions["database"]
    return found


def db() -> Session:
    """-> this request's session. Requests that only look get one that never waits for a writer."""
    if "session" not in g:
        made = database().readers if request.method in _READING else database().sessions
        g.session = made()
    session: Session = g.session
    return session


def rollback() -> None:
    """Undoes what the view has done so far; the session may be used again."""
    if "session" in g:
        g.session.rollback()


def end() -> None:
    """The view has returned: what it did is kept."""
    if "session" in g:
        g.session.commit()


def abandon(error: BaseException | None = None) -> None:
    """Closes the session; what has not been committed is undone."""
    session: Session | None = g.pop("session", None)
    if session is not None:
        session.close()


def register(app: Flask, of: Database) -> None:
    app.extensions["database"] = of
    app.teardown_appcontext(abandon)
