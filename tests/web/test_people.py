"""An administrator keeps the register: who holds what, who comes and goes, who stands in; and what nobody may do."""

from __future__ import annotations

import html
import re
from io import BytesIO

import pytest
from sqlalchemy import select

from engine import access, clock, demo, organisation
from engine.models import Absence, Assignment, Person, Unit
from engine.organisation import sheets

from .conftest import ADMINISTRATOR, CLERK, COMMUNITY, DIRECTOR, ORGANIZER, OTHER_COMMUNITY, SUPERVISOR, Site, Visitor

ARCHIVIST = "lisiwei"
STREET_ADMINISTRATOR = "youshili"  # of the street in which neither of the two communities lies
HERE = f"/people/?unit={COMMUNITY}"


@pytest.fixture
def manager(site: Site) -> Visitor:
    visitor = site.visitor(ADMINISTRATOR)
    visitor.get("/?lang=en")
    return visitor


def named(site: Site, name: str) -> Person | None:
    with site.database.readers() as session:
        return session.scalars(select(Person).where(Person.name == name)).one_or_none()


def terms(site: Site, person_id: int) -> list[tuple[str, str | None]]:
    """-> role and last day of each term that has not been taken back."""
    with site.database.readers() as session:
        found = session.scalars(select(Assignment).where(Assignment.person_id == person_id).order_by(Assignment.id))
        return [(term.role, term.ends.isoformat() if term.ends else None) for term in found]


# --- the register ---------------------------------------------------------------------------------------------------
def test_the_register_says_who_holds_what_until_when_and_whether_representatives_are_four_fifths(manager: Visitor) -> None:
    page = manager.get(HERE).text
    assert "孙三思" in page and "Clerk" in page and "31 Mar 2029" in page
    assert "吴六和" in page and "(青禾街道)" in page  # from above, with the unit in which the role is held
    assert "representatives 52 + committee 9 = 61 people" in page and "at least 41 of 61" in page
    assert "lawful" in page and "articles 28 and 29" in page
    assert "任一槐" not in page and "任一槐" in manager.get(f"{HERE}&role=representative").text


def test_a_role_about_to_be_vacant_is_said_before_it_is(site: Site, manager: Visitor) -> None:
    archivist = named(site, "李四维")
    assert archivist is not None and "By " not in manager.get(HERE).text
    with site.database.sessions() as session:
        term = session.scalars(select(Assignment).where(Assignment.person_id == archivist.id)).one()
        last = clock.today() + organisation.register.SOON / 2
        organisation.end_term(session, term, last)
        session.commit()
    page = manager.get(HERE).text
    assert "nobody will be Archivist in 槐安里社区 any more" in page
    assert f'<time datetime="{last}">' in page
    with site.database.sessions() as session:
        organisation.leave(session, session.get_one(Person, archivist.id))
        session.commit()
    page = manager.get(HERE).text
    assert "Nobody is Archivist in 槐安里社区" in page and f"/people/new?unit={COMMUNITY}&amp;role=archivist" in page


def test_what_a_role_can_do_is_told_from_the_rules_themselves(manager: Visitor) -> None:
    page = re.sub(r"<[^>]+>", " ", manager.get(HERE).text)
    assert "propose a plan, resolve, vote, be Committee member at the same time" in page
    assert all(permission.sentence.template in page for role in access.ROLES.values() for permission in role.permissions)


@pytest.mark.parametrize("login", [CLERK, DIRECTOR, ORGANIZER, SUPERVISOR])
def test_others_are_told_who_may(site: Site, login: str) -> None:
    visitor = site.visitor(login)
    visitor.get("/?lang=en")
    answer = visitor.get("/people/")
    assert answer.status_code == 403 and "Administrator" in answer.text
    assert "/people/" not in visitor.get("/").text


def test_an_administrator_of_another_street_finds_nobody_here(site: Site) -> None:
    visitor, clerk = site.visitor(STREET_ADMINISTRATOR), site.person(CLERK)
    assert visitor.get(HERE).status_code == 404
    assert visitor.get(f"/people/{clerk}").status_code == 404
    for path in ("", "/roles", "/leave", "/account", "/account/password", "/account/close", "/absences"):
        assert visitor.post(f"/people/{clerk}{path}", {"name": "某人", "login": "x"}).status_code == 404, path


# --- coming, changing, going ----------------------------------------------------------------------------------------
def test_somebody_new_gets_a_role_and_a_password_that_is_shown_once(site: Site, manager: Visitor) -> None:
    manager.get(f"/people/new?unit={COMMUNITY}")
    answer = manager.post("/people/new", {"unit": COMMUNITY, "name": "华千里", "phone": "0000-1234", "role": "clerk",
                                          "starts": "2026-01-01", "ends": "2029-03-31", "login": "huaqianli"})
    assert answer.status_code == 200
    password = re.findall(r"<output>([^<]+)</output>", answer.text)[1]
    new = named(site, "华千里")
    assert new is not None and terms(site, new.id) == [("clerk", "2029-03-31")]
    assert password not in manager.get(f"/people/{new.id}").text
    answer = site.visitor().sign_in("huaqianli", password)
    assert answer.status_code == 303
    newcomer = site.visitor()
    newcomer.sign_in("huaqianli", password)
    assert newcomer.get("/").headers["Location"] == "/password"  # his own before anything else
    told = re.sub(r"<[^>]+>", "", manager.get(f"/people/{new.id}").text)
    assert "冯八达 gave 华千里 the role Clerk from 2026-01-01 to 2029-03-31" in told
    assert "冯八达 made the account huaqianli for 华千里" in told


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("name", "", "Write the name."),
        ("name", "长" * 61, "at most 60 characters"),
        ("name", "<b>华</b>", "letters, digits and dots only"),
        ("name", "华\x00里", "letters, digits and dots only"),
        ("name", "华😀", "letters, digits and dots only"),
        ("phone", "看公告", "with digits"),
        ("role", "emperor", "There is no role"),
        ("starts", "2026-02-30", "year-month-day"),
        ("ends", "2025-01-01", "ends before it starts"),
        ("login", "华", "A login has 2 to 60 letters"),
    ],
)
def test_what_cannot_be_is_said_at_its_field_and_nothing_is_lost(
    site: Site, manager: Visitor, field: str, value: str, sentence: str
) -> None:
    sent = {"unit": COMMUNITY, "name": "华千里", "phone": "0000-1234", "role": "clerk", "starts": "2026-01-01", "ends": "",
            "login": "huaqianli", field: value}
    answer = manager.post("/people/new", sent)
    assert answer.status_code == 422
    assert sentence in re.search(rf'id="new-{field}-e">([^<]+)<', answer.text)[1]  # type: ignore[index]
    for other in {"name", "phone", "starts", "login"} - {field}:
        assert f'value="{sent[other]}"' in answer.text
    assert named(site, "华千里") is None


def test_a_namesake_is_added_only_on_second_thought(site: Site, manager: Visitor) -> None:
    sent = {"unit": COMMUNITY, "name": "孙三思"}
    answer = manager.post("/people/new", sent)
    assert answer.status_code == 422 and "There is a 孙三思 in 槐安里社区 already" in answer.text
    assert manager.post("/people/new", {**sent, "namesake": "1"}).status_code == 303


def test_a_term_is_given_and_ended(site: Site, manager: Visitor) -> None:
    clerk = site.person(CLERK)
    answer = manager.post(f"/people/{clerk}/roles", {"role": "archivist", "unit": COMMUNITY, "starts": "2026-01-01"})
    assert answer.status_code == 303 and terms(site, clerk)[1] == ("archivist", None)
    again = manager.post(f"/people/{clerk}/roles", {"role": "archivist", "unit": COMMUNITY, "starts": "2026-02-02"})
    assert again.status_code == 409 and "is Archivist of 槐安里社区 already" in again.text and "2026-02-02" in again.text
    with site.database.readers() as session:
        term = session.scalars(select(Assignment.id).where(Assignment.person_id == clerk, Assignment.role == "archivist")).one()
    assert manager.post(f"/people/{clerk}/roles/{term}", {"ends": "nonsense"}).status_code == 422
    assert manager.post(f"/people/{site.person(DIRECTOR)}/roles/{term}", {"ends": "2026-01-31"}).status_code == 404
    assert manager.post(f"/people/{clerk}/roles/{term}", {"ends": "2026-01-31"}).status_code == 303
    assert terms(site, clerk)[1] == ("archivist", "2026-01-31")


def test_whoever_leaves_is_out_at_once(site: Site, manager: Visitor) -> None:
    clerk = site.visitor(CLERK)
    assert clerk.get("/").status_code == 200
    assert manager.post(f"/people/{site.person(CLERK)}/leave").status_code == 303
    assert clerk.get("/").status_code == 303
    page = manager.get(f"/people/{site.person(CLERK)}").text
    assert "has left" in page and "/leave" not in page
    assert "孙三思" not in manager.get(f"{HERE}&q=孙").text.split("<tbody>")[1].split("</tbody>")[0]


def test_an_account_is_closed_opened_and_given_a_new_password(site: Site, manager: Visitor) -> None:
    person, clerk = site.person(CLERK), site.visitor(CLERK)
    manager.post(f"/people/{person}/account/close")
    assert clerk.get("/").status_code == 303 and site.visitor().sign_in(CLERK).status_code == 422
    manager.post(f"/people/{person}/account/open")
    assert site.visitor().sign_in(CLERK).status_code == 303
    answer = manager.post(f"/people/{person}/account/password")
    password = re.findall(r"<output>([^<]+)</output>", answer.text)[1]
    assert site.visitor().sign_in(CLERK).status_code == 422
    assert site.visitor().sign_in(CLERK, password).status_code == 303
    told = manager.get(f"/people/log?unit={COMMUNITY}").text
    assert "closed the account sunsansi" in told and "a new password for the account sunsansi" in told and password not in told


def test_nobody_shuts_himself_out(site: Site, manager: Visitor) -> None:
    myself = site.person(ADMINISTRATOR)
    for path in ("/leave", "/account/close"):
        assert manager.post(f"/people/{myself}{path}").status_code == 409
    with site.database.readers() as session:
        term = session.scalars(select(Assignment.id).where(Assignment.person_id == myself)).one()
    assert manager.post(f"/people/{myself}/roles/{term}", {"ends": "2026-01-31"}).status_code == 409
    assert manager.get("/people/").status_code == 200


def test_whoever_manages_a_community_cannot_become_an_administrator_of_the_district_who_lives_there(site: Site) -> None:
    with site.database.sessions() as session:
        community = organisation.unit_by_code(session, COMMUNITY)
        district = session.scalars(select(Unit).where(Unit.kind == "district")).one()
        low, high = organisation.add_person(session, community, "低一级"), organisation.add_person(session, community, "高一级")
        organisation.assign(session, low, "administrator", community)
        organisation.assign(session, high, "administrator", district)
        organisation.add_account(session, low, "low", demo.PASSWORD, must_change=False)
        organisation.add_account(session, high, "high", demo.PASSWORD, must_change=False)
        session.commit()
        number = high.id
    visitor = site.visitor("low")
    for path in ("/account/password", "/account/close", "/leave"):
        assert visitor.post(f"/people/{number}{path}").status_code == 403, path
    assert visitor.post(f"/people/{number}/roles", {"role": "administrator", "unit": OTHER_COMMUNITY}).status_code == 404
    assert site.visitor().sign_in("high").status_code == 303


# --- absence --------------------------------------------------------------------------------------------------------
def test_a_substitute_finds_the_task_in_his_inbox_and_the_matter_names_both(site: Site, manager: Visitor) -> None:
    clerk, archivist = site.person(CLERK), site.person(ARCHIVIST)
    matter = site.start("修一盏楼道灯")
    task = site.task(matter, "register")
    assert site.visitor(CLERK).post(f"/tasks/{task}/claim").status_code == 303
    standing_in = site.visitor(ARCHIVIST)
    standing_in.get("/?lang=en")
    assert standing_in.get(f"/tasks/{task}").status_code == 403
    today = clock.today().isoformat()
    assert manager.post(f"/people/{clerk}/absences", {"substitute": archivist, "starts": today, "ends": today}).status_code == 303
    register = manager.get(HERE).text
    assert "李四维 stands in" in register and "stands in for 孙三思" in register
    assert f"/tasks/{task}" in standing_in.get("/").text
    page = standing_in.get(f"/tasks/{task}").text
    assert "孙三思 has it and is away" in page
    assert f"/tasks/{task}/claim" in page
    assert standing_in.post(f"/tasks/{task}/claim").status_code == 303
    sent = {"title": "修一盏楼道灯", "households": "40", "category": "facility", "do": "submit"}
    assert standing_in.post(f"/tasks/{task}/complete", sent).status_code == 303
    assert "李四维 代 孙三思" in standing_in.get(f"/matters/{matter}").text
    with site.database.readers() as session:
        absence = session.scalars(select(Absence)).one()
    past = (clock.today() - organisation.register.SOON).isoformat()
    assert manager.post(f"/people/{clerk}/absences/{absence.id}", {"ends": past}).status_code == 303
    assert "stands in for" not in manager.get(HERE).text


def test_an_absence_without_a_substitute_or_a_day_is_told_at_its_field(site: Site, manager: Visitor) -> None:
    organizer = site.person(ORGANIZER)
    answer = manager.post(f"/people/{organizer}/absences", {"substitute": "", "starts": "2030-01-01", "ends": "2030-01-05"})
    assert answer.status_code == 422 and "Choose who stands in." in answer.text and 'value="2030-01-05"' in answer.text
    answer = manager.post(f"/people/{organizer}/absences", {"substitute": site.person(CLERK), "starts": "", "ends": "2030-01-05"})
    assert answer.status_code == 422 and 'id="absence-starts-e"' in answer.text


# --- the record -----------------------------------------------------------------------------------------------------
def test_the_record_goes_back_to_the_beginning(manager: Visitor) -> None:
    path, seen = f"/people/log?unit={COMMUNITY}", 0
    while path:
        page = manager.get(path).text
        seen += page.split("<main")[1].count("<li>")
        older = re.search(r'href="(/people/log\?[^"]*before=\d+)"', page)
        path = older[1].replace("&amp;", "&") if older else ""
    assert seen > 150


# --- as a file ------------------------------------------------------------------------------------------------------
def test_a_file_is_looked_at_before_it_is_taken_over(site: Site, manager: Visitor) -> None:
    answer = manager.client.get(f"/people/register.xlsx?unit={COMMUNITY}")
    assert answer.mimetype.endswith("spreadsheetml.sheet") and "attachment" in answer.headers["Content-Disposition"]
    rows = sheets.read(answer.data)
    assert len(rows) > 70
    content = sheets.write([*(row[1:] for row in rows), ("", "华千里", "", COMMUNITY, "档案员", "", "2026-05-01", "")])
    manager.get("/people/import")
    page = manager.post("/people/import", {"unit": COMMUNITY, "file": (BytesIO(content), "花名册.xlsx")}).text
    assert "added 华千里" in page and "gave 华千里 the role Archivist from 2026-05-01" in page
    assert "孙三思" not in page.split('name="rows"')[0]  # of whom the file says nothing new
    assert named(site, "华千里") is None
    shown = {name: html.unescape(re.search(f'name="{name}" value="([^"]*)"', page)[1])  # type: ignore[index]
             for name in ("rows", "fingerprint")}
    other = manager.post("/people/import/apply", {"unit": COMMUNITY, **shown, "fingerprint": "of another preview"})
    assert other.status_code == 409 and "nothing has been written" in other.text and named(site, "华千里") is None
    assert manager.post("/people/import/apply", {"unit": COMMUNITY, **shown}).status_code == 303
    assert named(site, "华千里") is not None


@pytest.mark.parametrize("sent", [None, b"", b"not a table", b"x" * (sheets.LARGEST + 1)])
def test_a_file_that_is_none_is_told_at_its_field(manager: Visitor, sent: bytes | None) -> None:
    data = {"unit": COMMUNITY} if sent is None else {"unit": COMMUNITY, "file": (BytesIO(sent), "../../etc/passwd")}
    answer = manager.post("/people/import", data)
    assert answer.status_code == 422 and 'id="import-file-e"' in answer.text


@pytest.mark.parametrize("rows", ["", "{}", "[1]", '[["a"]]', '[[1, "2"]]', "[" * 5000])
def test_rows_that_no_preview_made_are_refused(manager: Visitor, rows: str) -> None:
    assert manager.post("/people/import/apply", {"unit": COMMUNITY, "rows": rows}).status_code in (409, 422)
