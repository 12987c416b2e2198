"""The log is append-only and sealed: whoever changes one byte is found."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime

import pytest
from sqlalchemy import select, text

from engine import clock, history
from engine.models import HistoryEvent

from .conftest import House
from .test_instances import LOOP


@pytest.fixture
def told(house: House) -> House:
    """A house in which two matters have a history."""
    key = house.deploy(LOOP)
    for _ in range(2):
        matter = house.start(key)
        house.complete(matter, "work", house.person(f"sun{matter}", "clerk"), enough=False, note="楼道粉刷")
        house.complete(matter, "work", enough=True)
    return house


def test_an_untouched_history_has_no_flaw(told: House) -> None:
    assert _flaws(told) == []


def test_events_are_told_in_order_each_once_with_actor_and_data(told: House) -> None:
    with told.database.sessions() as session:
        lines = history.lines(session, 1)
    assert [ln.line for ln in lines] == list(range(1, len(lines) + 1))
    assert [(ln.what, ln.element) for ln in lines if ln.element == "work"] == [("started", "work"), ("completed", "work")] * 2
    first = next(ln for ln in lines if (ln.what, ln.element) == ("completed", "work"))
    assert first.actor == "sun1" and first.role == "clerk" and "楼道粉刷" in first.data_json
    assert [ln.element for ln in lines if ln.what == "flow"] == ["a", "b", "again", "b", "c"]


@pytest.mark.parametrize("column", [c.name for c in HistoryEvent.__table__.columns if c.name not in ("instance_id",)])
def test_any_column_of_any_line_that_is_changed_is_found(told: House, column: str) -> None:
    changes = {"line": 900, "at": "2001-01-01 00:00:00.000000", "took_place": "2001-01-01", "actor_id": 77, "token": 77}
    with told.database.sessions() as session:
        session.execute(text(f"UPDATE history SET {column} = :value WHERE instance_id = 2 AND line = 3"),
                        {"value": changes.get(column, "x")})
        session.commit()
    flaws = _flaws(told)
    assert len(flaws) == 1 and "Matter 2" in flaws[0]


def test_a_line_that_is_gone_is_found_also_the_last_one(told: House) -> None:
    for line in ("3", "(SELECT max(line) FROM history WHERE instance_id = 2)"):
        with told.database.sessions() as session:
            session.execute(text(f"DELETE FROM history WHERE instance_id = 2 AND line = {line}"))
            assert len([*history.verify(session)]) == 1
            session.rollback()


def test_a_matter_that_is_gone_with_its_row_is_found_by_its_lines(told: House) -> None:
    raw = told.database.connector.raw_connection()
    raw.execute("PRAGMA foreign_keys=OFF")
    raw.execute("UPDATE history SET instance_id = 900 WHERE instance_id = 2")
    raw.commit()
    raw.close()
    assert len(_flaws(told)) == 2


def test_every_byte_of_the_lines_in_the_file_is_covered(told: House, sqlite_url: str) -> None:
    """Each character of each text of one matter's lines is changed in turn, in the file itself."""
    told.database.close()
    file = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"))
    columns = ("at", "actor", "role", "what", "element", "data_json", "hash")
    for column in columns:
        (value,) = file.execute(f"SELECT {column} FROM history WHERE instance_id = 2 AND element = 'work' AND what = 'completed' "
                                "ORDER BY line LIMIT 1").fetchone()
        for place in range(0, len(value), 5):
            changed = value[:place] + ("0" if value[place] != "0" else "1") + value[place + 1:]
            file.execute(f"UPDATE history SET {column} = ? WHERE instance_id = 2 AND {column} = ?", (changed, value))
            file.commit()
            assert _flaws(told), f"{column} {place}: {value} → {changed}"
            file.execute(f"UPDATE history SET {column} = ? WHERE instance_id = 2 AND {column} = ?", (value, changed))
            file.commit()
    file.close()
    assert _flaws(told) == []


def test_the_moment_is_kept_as_it_was_on_both_databases(any_house: House) -> None:
    with clock.virtual(datetime(2026, 3, 2, 9, 0, 0, 123456, tzinfo=UTC)):
        any_house.start(any_house.deploy(LOOP))
    with any_house.database.sessions() as session:
        assert session.scalars(select(HistoryEvent.at)).first() == datetime(2026, 3, 2, 9, 0, 0, 123456, tzinfo=UTC)
    assert _flaws(any_house) == []


def _flaws(house: House) -> list[str]:
    with house.database.readers() as session:
        return [str(flaw) for flaw in history.verify(session)]
