"""The register: who is listed, what is vacant or soon will be, and the record of who changed whose rights."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

from engine import clock, organisation
from engine.access import ROLES, Actor
from engine.database import Database
from engine.errors import Conflict, Forbidden, Invalid
from engine.models import Unit

TODAY = date(2026, 4, 21)
STARTS, ENDS = date(2024, 4, 1), date(2029, 3, 31)
PASSWORD = "桥下流水 3 时 5 分"


@pytest.fixture
def session(database_url: str) -> Iterator[Session]:
    database = Database(database_url)
    database.create_all()
    with clock.virtual(datetime(2026, 4, 21, 9, tzinfo=clock.ZONE)), database.sessions() as session:
        yield session
    database.close()


@pytest.fixture
def town(session: Session) -> dict[str, Unit]:
    units = {"district": organisation.add_unit(session, None, "district", "district", "云溪区")}
    for code, parent, kind, name in (
        ("qinghe", "district", "street", "青禾街道"),
        ("huaianli", "qinghe", "community", "槐安里社区"),
        ("liuyin", "qinghe", "community", "柳荫社区"),
    ):
        units[code] = organisation.add_unit(session, units[parent], kind, code, name)
    return units


def administrator(session: Session, unit: Unit) -> Actor:
    person = organisation.add_person(session, unit, f"管{unit.code}")
    organisation.assign(session, person, "administrator", unit, STARTS)
    return Actor(person.id, person.name, frozenset({("administrator", unit.id)}), {unit.id: unit.path})


def test_the_register_lists_who_is_at_home_or_holds_a_role_over_the_unit(session: Session, town: dict[str, Unit]) -> None:
    here = town["huaianli"]
    for name, home, role, ends in (
        ("吴六和", "qinghe", "service_officer", None),
        ("赵一鸣", "huaianli", "organizer", ENDS),
        ("旧书记", "huaianli", "organizer", TODAY - timedelta(days=1)),
        ("沈十四", "liuyin", "clerk", None),
    ):
        person = organisation.add_person(session, town[home], name)
        organisation.assign(session, person, role, town[home], STARTS, ends)
    gone = organisation.add_person(session, here, "走了")
    organisation.leave(session, gone)
    listed = organisation.entries(session, here)
    assert [(one.person.name, [term.role for term in one.terms]) for one in listed] == [
        ("赵一鸣", ["organizer"]), ("吴六和", ["service_officer"]), ("旧书记", []),
    ]  # fmt: skip
    assert [one.person.name for one in organisation.entries(session, here, role="organizer")] == ["赵一鸣"]
    assert [one.person.name for one in organisation.entries(session, here, text="一鸣")] == ["赵一鸣"]
    assert organisation.entries(session, here, text="%") == []


def test_the_number_of_statements_does_not_grow_with_the_people(session: Session, town: dict[str, Unit]) -> None:
    counts = []
    for size in (2, 30):
        for number in range(size):
            person = organisation.add_person(session, town["huaianli"], f"代表{size}{number}")
            organisation.assign(session, person, "representative", town["huaianli"], STARTS)
        session.flush()
        session.expire_all()
        seen: list[str] = []
        unit = session.get_one(Unit, town["huaianli"].id)

        def note(connection: object, cursor: object, statement: str, *rest: object, seen: list[str] = seen) -> None:
            seen.append(statement)

        event.listen(session.get_bind(), "before_cursor_execute", note)
        for one in organisation.entries(session, unit):
            assert one.person.unit.name and [term.unit.name for term in one.terms]
        organisation.vacancies(session, unit)
        event.remove(session.get_bind(), "before_cursor_execute", note)
        counts.append(len(seen))
    assert counts[0] == counts[1]


def test_a_vacancy_is_told_once_with_the_unit_in_which_to_fill_it(session: Session, town: dict[str, Unit]) -> None:
    for role in ROLES.values():
        if "community" in role.units and role.key not in ("archivist", "service_officer"):
            person = organisation.add_person(session, town["huaianli"], f"一{role.name}")
            organisation.assign(session, person, role.key, town["huaianli"], STARTS)
    missing = {(one.role.key, one.unit.code) for one in organisation.vacancies(session, town["huaianli"])}
    assert missing == {("archivist", "huaianli"), ("service_officer", "qinghe")}
    both = [(one.role.key, one.unit.code) for one in organisation.vacancies(session, town["qinghe"])]
    assert both.count(("service_officer", "qinghe")) == 1
    assert ("organizer", "liuyin") in both and ("organizer", "huaianli") not in both


def test_sixty_days_before_a_role_is_vacant_it_is_said(session: Session, town: dict[str, Unit]) -> None:
    here = town["huaianli"]
    person = organisation.add_person(session, here, "李四维")
    term = organisation.assign(session, person, "archivist", here, STARTS, TODAY + timedelta(days=59))
    assert [one.role.key for one in organisation.vacancies_to_come(session, here)] == ["archivist"]
    assert organisation.ending(session, here) == [term] == organisation.ending(session, town["district"])
    organisation.end_term(session, term, TODAY + timedelta(days=61))
    assert organisation.vacancies_to_come(session, here) == [] == organisation.ending(session, here)
    organisation.end_term(session, term, TODAY)
    assert organisation.ending(session, here) == [term]
    organisation.assign(session, organisation.add_person(session, here, "下一位"), "archivist", here, TODAY)
    assert organisation.vacancies_to_come(session, here) == []


def test_every_act_leaves_a_line_which_names_the_actor(session: Session, town: dict[str, Unit]) -> None:
    here, boss = town["huaianli"], administrator(session, town["district"])
    session.flush()
    person = organisation.add_person(session, here, "孙三思", actor=boss)
    organisation.amend(session, person, "孙三思", "0000-1", actor=boss)
    assert not organisation.amend(session, person, " 孙三思 ", "0000-1", actor=boss)  # nothing changed, no line
    term = organisation.assign(session, person, "clerk", here, STARTS, ENDS, actor=boss)
    organisation.assign(session, person, "archivist", here, STARTS, actor=boss)
    account = organisation.add_account(session, person, "sunsansi", PASSWORD, actor=boss)
    organisation.reset_password(session, account, organisation.one_time_password(), actor=boss)
    organisation.disable(session, account, actor=boss)
    organisation.enable(session, account, actor=boss)
    organisation.end_term(session, term, TODAY, actor=boss)
    organisation.leave(session, person, actor=boss)
    lines = organisation.log(session, here)
    assert {line.actor for line in lines} == {"管district"}
    assert [str(organisation.deed(line)) for line in reversed(lines)] == [
        "added 孙三思",
        "changed name or telephone of 孙三思",
        "gave 孙三思 the role Clerk from 2024-04-01 to 2029-03-31",
        "gave 孙三思 the role Archivist from 2024-04-01",
        "made the account sunsansi for 孙三思",
        "gave 孙三思 a new password for the account sunsansi",
        "closed the account sunsansi of 孙三思",
        "opened the account sunsansi of 孙三思 again",
        "ended the role Clerk of 孙三思 with 2026-04-21",
        "entered that 孙三思 has left: all terms end, nobody signs in with the account",
    ]
    assert organisation.log(session, town["liuyin"]) == []
    assert [line.id for line in organisation.log(session, here, limit=1, before=lines[3].id)] == [lines[4].id]
    with pytest.raises(Conflict, match="has left"):
        organisation.enable(session, account, actor=boss)


def test_what_is_refused_leaves_no_line(session: Session, town: dict[str, Unit]) -> None:
    neighbour, here = administrator(session, town["liuyin"]), town["huaianli"]
    person = organisation.add_person(session, here, "孙三思")
    before = len(organisation.log(session, town["district"]))
    for act in (
        lambda: organisation.add_person(session, here, "新人", actor=neighbour),
        lambda: organisation.amend(session, person, "改名", "", actor=neighbour),
        lambda: organisation.assign(session, person, "clerk", here, actor=neighbour),
        lambda: organisation.add_account(session, person, "sunsansi", PASSWORD, actor=neighbour),
        lambda: organisation.leave(session, person, actor=neighbour),
    ):
        with pytest.raises(Forbidden):
            act()
    with pytest.raises(Invalid):
        organisation.amend(session, person, "<b>", "call me")
    assert person.name == "孙三思" and len(organisation.log(session, town["district"])) == before


def test_one_time_passwords_are_strong_and_never_the_same() -> None:
    made = {organisation.one_time_password() for _ in range(50)}
    assert len(made) == 50
    assert all(len(one) == 19 and not set(one) & set("0O1lIi") for one in made)
