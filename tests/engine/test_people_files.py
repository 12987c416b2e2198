"""The register as a spreadsheet: out and in again, and every file that is none."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from datetime import date, datetime
from io import BytesIO

import openpyxl
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from engine import clock, organisation
from engine.access import Actor
from engine.database import Database
from engine.errors import Invalid
from engine.models import Assignment, Person, Unit
from engine.organisation import intake, sheets

STARTS = date(2024, 4, 1)


@pytest.fixture
def session(database_url: str) -> Iterator[Session]:
    database = Database(database_url)
    database.create_all()
    with clock.virtual(datetime(2026, 4, 21, 9, tzinfo=clock.ZONE)), database.sessions() as session:
        yield session
    database.close()


@pytest.fixture
def community(session: Session) -> Unit:
    district = organisation.add_unit(session, None, "district", "yunxi", "云溪区")
    street = organisation.add_unit(session, district, "street", "qinghe", "青禾街道")
    unit = organisation.add_unit(session, street, "community", "huaianli", "槐安里社区")
    clerk = organisation.add_person(session, unit, "孙三思", phone="0000-1")
    organisation.assign(session, clerk, "clerk", unit, STARTS)
    organisation.add_person(session, unit, "无角色")
    return unit


@pytest.fixture
def boss(session: Session, community: Unit) -> Actor:
    person = organisation.add_person(session, session.get_one(Unit, community.parent_id), "管理员")
    return Actor(person.id, person.name, frozenset({("administrator", community.id)}), {community.id: community.path})


def book(*rows: tuple[object, ...], headings: tuple[str, ...] = sheets.HEADINGS) -> bytes:
    made = openpyxl.Workbook()
    sheet = made.active
    assert sheet is not None
    for row in (headings, *rows):
        sheet.append(list(row))
    out = BytesIO()
    made.save(out)
    return out.getvalue()


def with_part(content: bytes, name: str, data: bytes) -> bytes:
    """The same file, in which one part is another or more."""
    out = BytesIO()
    with zipfile.ZipFile(BytesIO(content)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.infolist():
            if part.filename != name:
                new.writestr(part, old.read(part))
        new.writestr(name, data)
    return out.getvalue()


def take(session: Session, content: bytes, boss: Actor) -> list[tuple[int, str, str]]:
    return [(one.line, one.kind, str(one.sentence)) for one in intake.take_over(session, sheets.read(content), boss)]


def test_the_register_goes_out_and_in_again_and_nothing_changes(session: Session, community: Unit, boss: Actor) -> None:
    content = sheets.write(intake.rows_of(session, community))
    assert [row[2:7] for row in sheets.read(content)] == [
        ("孙三思", "0000-1", "huaianli", "社区专干", "huaianli"), ("无角色", "", "huaianli", "", ""),
    ]  # fmt: skip
    assert take(session, content, boss) == []


def test_a_cell_that_looks_like_a_formula_or_an_address_stays_text() -> None:
    rows = [("1", "=1+1", "http://evil.example", "@SUM(A1)", "", "", "", "")]
    sheet = openpyxl.load_workbook(BytesIO(sheets.write(rows))).worksheets[0]
    cells = next(sheet.iter_rows(min_row=2))
    assert [cell.value for cell in cells[:4]] == list(rows[0][:4])
    assert all(cell.data_type == "s" and cell.hyperlink is None for cell in cells[:4])


def test_each_row_is_told_as_added_changed_ended_or_refused(session: Session, community: Unit, boss: Actor) -> None:
    clerk = session.scalars(select(Person).where(Person.name == "孙三思")).one()
    told = take(session, book(
        (clerk.id, "孙三思", "0000-2", "huaianli", "社区专干", "", datetime(2024, 4, 1), datetime(2026, 4, 30)),
        (None, "华千里", "", "huaianli", "Archivist", None, "2026-05-01", None),
        (None, "华千里", "", "huaianli", "clerk", None, "2026-05-01", "2029-03-31"),
        (None, "孙三思", "", "huaianli", None, None, None, None),
        (None, "钱多多", "", "liuyin", None, None, None, None),
        (None, "钱多多", "", "huaianli", "皇帝", None, None, None),
        (99999, "谁", "", "huaianli", None, None, None, None),
        (None, "赵一", "", "huaianli", "档案员", None, "明天", None),
    ), boss)  # fmt: skip
    assert told == [
        (2, "changed", "changed name or telephone of 孙三思"),
        (2, "ended", "ended the role Clerk of 孙三思 with 2026-04-30"),
        (3, "added", "added 华千里"),
        (3, "added", "gave 华千里 the role Archivist from 2026-05-01"),
        (4, "added", "gave 华千里 the role Clerk from 2026-05-01 to 2029-03-31"),
        (5, "refused", f"There is a 孙三思 in 槐安里社区 already, with the number {clerk.id}. Write that number if it is the same "
                       "person; add another one by hand."),
        (6, "refused", "There is no unit liuyin whose people you manage."),
        (7, "refused", "There is no role 皇帝."),
        (8, "refused", "There is no person 99999 in your units."),
        (9, "refused", "“明天” is no day. Write it as year-month-day, for example 2026-04-13."),
    ]  # fmt: skip
    names = set(session.scalars(select(Person.name).where(Person.unit_id == community.id)))
    assert names == {"孙三思", "无角色", "华千里"}  # a refused row has changed nothing, not even half
    assert len(session.scalars(select(Assignment)).all()) == 3


def test_who_does_not_manage_the_unit_changes_nothing(session: Session, community: Unit) -> None:
    told = take(session, sheets.write(intake.rows_of(session, community)), Actor(None, "外人"))
    assert {kind for _, kind, _ in told} == {"refused"}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "not an .xlsx file"),
        (b"name,role\n", "not an .xlsx file"),
        (b"PK\x03\x04" + b"\0" * 100, "not an .xlsx file"),
        (book()[:-200], "not an .xlsx file"),
        (b"x" * (sheets.LARGEST + 1), "larger than 10 MB"),
        (with_part(book(), "xl/bomb.bin", b"\0" * (sheets.LARGEST_UNFOLDED + 1)), "unfolds to far more"),
        (with_part(book(), "xl/vbaProject.bin", b"macro"), "holds macros"),
        (with_part(book(), "xl/styles.xml", b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'), "declarations"),
        (with_part(book(), "xl/styles.xml", "<!DOCTYPE a><a/>".encode("utf-16")), "declarations"),
        (with_part(book(), "xl/styles.xml", b'<?xml version="1.0" encoding="utf-7"?><a/>'), "declarations"),
        (with_part(book(), "xl/workbook.xml", b"<workbook>"), "cannot be read as a table"),
        (book(headings=("姓名", "角色")), "headings of the register"),
        (book(("1", "=1+1", "", "huaianli", "", "", "", "")), "Row 2 holds a formula"),
        (book(("1", "孙", "", "huaianli", "", "", "", "", "多")), "Row 2 has something beyond"),
        (book(*[(None, "人", "", "huaianli")] * (sheets.MOST_ROWS + 1)), "more than 3000 rows"),
    ],
)
def test_a_file_that_is_no_register_is_refused_with_a_sentence(content: bytes, sentence: str) -> None:
    with pytest.raises(Invalid) as refused:
        sheets.read(content)
    assert sentence in str(refused.value.problems["file"])
