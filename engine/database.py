"""Connects to SQLite or PostgreSQL, and brings the tables up to date."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import ClauseElement, Connection, CursorResult, Dialect, create_engine, event
from sqlalchemy.engine import Engine as Connector
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.pool import StaticPool
from sqlalchemy.sql.compiler import SQLCompiler

from . import models

Sessions = sessionmaker[Session]


class Database:
    """The two ways to a session: `sessions` may write; `readers` never do and so never wait for a writer."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.connector = _connector(url)
        self.sessions: Sessions = sessionmaker(self.connector, expire_on_commit=False)
        self.readers: Sessions = sessionmaker(self.connector.execution_options(read_only=True), expire_on_commit=False)

    def create_all(self) -> None:
        """Makes all tables at once: for databases that live no longer than a scenario or a test."""
        models.Base.metadata.create_all(self.connector)

    def upgrade(self) -> None:
        """Runs the migrations that are missing."""
        if self.connector.dialect.name == "sqlite" and self.connector.url.database not in (None, "", ":memory:"):
            Path(str(self.connector.url.database)).parent.mkdir(parents=True, exist_ok=True)
        config = Config()
        config.set_main_option("script_location", str(files("engine") / "migrations"))
        with self.connector.connect() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            connection.commit()

    def close(self) -> None:
        self.connector.dispose()


class Prepared:
    """A statement of the hot path, compiled once for each kind of database and then run as text: SQLAlchemy's own work for
    each execution costs more than the statement. It has a `bindparam` for every value that changes and no list of values
    that changes its length; what a SELECT returns is not converted."""

    def __init__(self, statement: ClauseElement) -> None:
        self._statement = statement
        self._made: dict[str, tuple[str, list[tuple[str, Any, Any]], bool]] = {}

    def run(self, session: Session, values: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> CursorResult[Any]:
        """Runs it once, or once for each of a list of values."""
        connection = session.connection()
        made = self._made.get(connection.dialect.name)
        if made is None:
            made = self._made[connection.dialect.name] = self._compile(connection.dialect)
        text, binds, by_name = made
        bind = self._named if by_name else self._placed
        if isinstance(values, Mapping):
            return connection.exec_driver_sql(text, bind(binds, values))
        return connection.exec_driver_sql(text, [bind(binds, row) for row in values])

    @staticmethod
    def _named(binds: list[tuple[str, Any, Any]], values: Mapping[str, Any]) -> dict[str, Any]:
        return {name: convert(values.get(name, fixed)) if convert else values.get(name, fixed) for name, fixed, convert in binds}

    @staticmethod
    def _placed(binds: list[tuple[str, Any, Any]], values: Mapping[str, Any]) -> tuple[Any, ...]:
        return tuple(convert(values.get(name, fixed)) if convert else values.get(name, fixed) for name, fixed, convert in binds)

    def _compile(self, dialect: Dialect) -> tuple[str, list[tuple[str, Any, Any]], bool]:
        compiled = self._statement.compile(dialect=dialect)
        assert isinstance(compiled, SQLCompiler)  # a statement, no type or function alone
        order = compiled.positiontup or list(compiled.params)
        kinds = {name: bound.type.dialect_impl(dialect).bind_processor(dialect) for name, bound in compiled.binds.items()}
        binds = [(name, compiled.params.get(name), kinds.get(name)) for name in order]
        return str(compiled), binds, compiled.positiontup is None


def _connector(url: str) -> Connector:
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return create_engine(parsed, pool_pre_ping=True)
    memory = parsed.database in (None, "", ":memory:")
    # A virtual-clock scenario may keep one in-memory database for its whole life: all sessions share its one connection.
    options: dict[str, Any] = {"poolclass": StaticPool} if memory else {}
    connector = create_engine(parsed, connect_args={"check_same_thread": False, "timeout": 5}, **options)

    @event.listens_for(connector, "connect")
    def on_connect(connection: Any, record: Any) -> None:
        connection.isolation_level = None  # the driver's own BEGIN comes too late to lock
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=5000", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(connector, "begin")
    def on_begin(connection: Connection) -> None:
        # IMMEDIATE: whoever will write waits at the beginning, not in the middle where SQLite would refuse.
        read_only = connection.get_execution_options().get("read_only")
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return connector
