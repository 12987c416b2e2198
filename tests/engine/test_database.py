"""The tables come to be by migrations, the same as the models say, on both databases."""

from __future__ import annotations

import threading
from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import select, text

from engine.database import Database
from engine.models import Base, Counter, Unit


def test_migrations_make_the_tables_of_the_models(database_url: str) -> None:
    database = Database(database_url)
    database.upgrade()
    database.upgrade()  # a second time there is nothing to do
    with database.connector.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
    database.close()


def test_an_embedded_database_survives_the_loss_of_power(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    database.upgrade()
    with database.sessions() as session:
        pragmas = {name: session.execute(text(f"PRAGMA {name}")).scalar() for name in ("journal_mode", "synchronous", "foreign_keys")}
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
    database.close()


def test_whoever_reads_does_not_wait_for_whoever_writes(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    database.upgrade()
    with database.sessions() as writer:
        writer.add(Unit(kind="district", name="区", code="d", path="/1/"))
        writer.flush()
        with database.readers() as reader:
            assert reader.scalars(select(Unit)).all() == []
        writer.commit()
    with database.readers() as reader:
        assert len(reader.scalars(select(Unit)).all()) == 1
    database.close()


def test_four_writers_at_once_lose_nothing(database_url: str) -> None:
    database = Database(database_url)
    database.upgrade()
    with database.sessions() as session:
        session.add(Unit(kind="district", name="区", code="d", path="/1/"))
        session.flush()
        session.add(Counter(unit_id=1, kind="n", year=2026, value=0))
        session.commit()

    def count() -> None:
        for _ in range(25):
            with database.sessions() as session:
                found = session.get_one(Counter, (1, "n", 2026), with_for_update=True)
                found.value += 1
                session.commit()

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.sessions() as session:
        assert session.get_one(Counter, (1, "n", 2026)).value == 100
    database.close()


def test_the_folder_of_a_new_embedded_database_is_made(tmp_path: Path) -> None:
    Database(f"sqlite:///{tmp_path / 'not' / 'yet' / 'yishi.sqlite'}").upgrade()
    assert (tmp_path / "not" / "yet" / "yishi.sqlite").is_file()
