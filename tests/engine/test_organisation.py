"""Units, people and their terms; accounts, passwords, and who is signed in for how long; the invented district."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta

import pytest
from argon2 import PasswordHasher
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from engine import access, clock, demo, organisation
from engine.access import Actor
from engine.clock import VirtualClock
from engine.database import Database
from engine.errors import Conflict, Forbidden, Invalid, NotFound
from engine.models import Account, Login, LoginAttempt, Person, Unit
from engine.organisation import SignedIn, TurnedAway

TODAY = date(2026, 4, 21)
STARTS = date(2024, 4, 1)
PASSWORD = "桥下流水 3 时 5 分"
HERE = "203.0.113.7"


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    database.create_all()
    yield database
    database.close()


@pytest.fixture
def time() -> Iterator[VirtualClock]:
    with clock.virtual(datetime(2026, 4, 21, 9, tzinfo=clock.ZONE)) as clock_of_the_test:
        yield clock_of_the_test


@pytest.fixture
def session(database: Database, time: VirtualClock) -> Iterator[Session]:
    with database.sessions() as session:
        yield session


@pytest.fixture
def district(session: Session) -> Unit:
    return organisation.add_unit(session, None, "district", "district", "云溪区")


@pytest.fixture
def street(session: Session, district: Unit) -> Unit:
    return organisation.add_unit(session, district, "street", "qinghe", "青禾街道")


@pytest.fixture
def community(session: Session, street: Unit) -> Unit:
    return organisation.add_unit(session, street, "community", "huaianli", "槐安里社区")


@pytest.fixture
def clerk(session: Session, community: Unit) -> Person:
    return organisation.add_person(session, community, "孙三思")


@pytest.fixture
def account(session: Session, clerk: Person) -> Account:
    return organisation.add_account(session, clerk, "sunsansi", PASSWORD, must_change=False)


def member(session: Session, unit: Unit, role: str, number: int, ends: date | None = None) -> Person:
    someone = organisation.add_person(session, unit, f"{role}{number}")
    organisation.assign(session, someone, role, unit, STARTS, ends)
    return someone


def sign_in(session: Session, login: str = "sunsansi", password: str = PASSWORD, address: str = HERE) -> str:
    outcome = organisation.log_in(session, login, password, address)
    assert isinstance(outcome, SignedIn), outcome
    return outcome.token


def turned_away(session: Session, login: str = "sunsansi", password: str = "错的密码", address: str = HERE) -> TurnedAway:
    outcome = organisation.log_in(session, login, password, address)
    assert isinstance(outcome, TurnedAway), outcome
    return outcome


# --- units ----------------------------------------------------------------------------------------------------------
def test_a_unit_knows_its_way_down_from_the_district(session: Session, district: Unit, street: Unit, community: Unit) -> None:
    assert community.path == f"/{district.id}/{street.id}/{community.id}/"
    assert organisation.subtree(session, district) == [district, street, community]
    assert organisation.subtree(session, street) == [street, community]
    assert organisation.unit_by_code(session, "huaianli") is community
    with pytest.raises(NotFound, match="nowhere"):
        organisation.unit_by_code(session, "nowhere")


def test_the_district_is_found_without_its_code_as_long_as_there_is_one(session: Session) -> None:
    with pytest.raises(NotFound):
        organisation.topmost(session)
    first = organisation.add_unit(session, None, "district", "yunxi", "云溪区")
    organisation.add_unit(session, first, "street", "qinghe", "青禾街道")
    assert organisation.topmost(session) is first
    organisation.add_unit(session, None, "district", "east", "东区")
    with pytest.raises(Conflict):
        organisation.topmost(session)


def test_a_unit_told_twice_is_made_once_and_never_moved(session: Session, district: Unit, street: Unit) -> None:
    made = organisation.find_or_add_unit(session, "community", "huaianli", "槐安里社区", street)
    assert organisation.find_or_add_unit(session, "community", "huaianli", "又写一遍", street) is made
    with pytest.raises(Conflict):
        organisation.find_or_add_unit(session, "street", "huaianli", "槐安里街道", district)


@pytest.mark.parametrize("kind", ["district", "community", "village"])
def test_a_unit_stands_where_its_kind_belongs(session: Session, district: Unit, kind: str) -> None:
    with pytest.raises(Invalid) as refused:
        organisation.add_unit(session, district, kind, "new", "新单位")
    assert set(refused.value.problems) == {"kind"}


def test_nothing_lies_below_a_community(session: Session, community: Unit) -> None:
    with pytest.raises(Invalid) as refused:
        organisation.add_unit(session, community, "community", "new", "新单位")
    assert set(refused.value.problems) == {"kind"}


def test_a_code_names_one_unit(session: Session, district: Unit, street: Unit) -> None:
    with pytest.raises(Invalid) as refused:
        organisation.add_unit(session, district, "street", "qinghe", " ")
    assert set(refused.value.problems) == {"code", "name"}


# --- people and roles -----------------------------------------------------------------------------------------------
def test_names_are_sorted_as_they_are_read_aloud(session: Session, community: Unit) -> None:
    for name in ("曾一", "赵一鸣", "单三", "孙三思", "李四维", "长孙五", "陈九章"):
        organisation.assign(session, organisation.add_person(session, community, name), "clerk", community, STARTS)
    names = [someone.name for someone in organisation.people_with(session, "clerk", community)]
    assert names == ["陈九章", "李四维", "单三", "孙三思", "曾一", "长孙五", "赵一鸣"]


def test_the_people_of_a_day_are_those_in_their_term_here_or_above(
    session: Session, district: Unit, street: Unit, community: Unit
) -> None:
    officer = member(session, street, "service_officer", 1, ends=TODAY)
    assert organisation.people_with(session, "service_officer", community) == [officer]
    assert organisation.people_with(session, "service_officer", district) == []
    assert organisation.people_with(session, "service_officer", community, TODAY + timedelta(days=1)) == []
    assert organisation.people_with(session, "service_officer", community, STARTS - timedelta(days=1)) == []


@pytest.mark.parametrize(
    ("role", "ends", "field"),
    [("mayor", None, "role"), ("service_officer", None, "role"), ("clerk", STARTS - timedelta(days=1), "ends")],
)
def test_a_role_is_one_of_ours_held_where_it_belongs_for_a_term(
    session: Session, district: Unit, clerk: Person, role: str, ends: date | None, field: str
) -> None:
    unit = district if role == "service_officer" else clerk.unit
    with pytest.raises(Invalid) as refused:
        organisation.assign(session, clerk, role, unit, STARTS, ends)
    assert set(refused.value.problems) == {field}


def test_a_role_is_held_once_at_a_time_and_again_in_the_next_term(session: Session, community: Unit, clerk: Person) -> None:
    term = organisation.assign(session, clerk, "clerk", community, STARTS)
    with pytest.raises(Conflict, match="already"):
        organisation.assign(session, clerk, "clerk", community, TODAY)
    organisation.end_term(session, term, TODAY)
    organisation.assign(session, clerk, "clerk", community, TODAY + timedelta(days=1))


def test_nobody_supervises_the_committee_he_sits_in(session: Session, community: Unit, clerk: Person) -> None:
    """居委会组织法 2025 §36: the supervision committee has no member of the residents' committee in it."""
    seat = organisation.assign(session, clerk, "committee", community, STARTS, TODAY)
    with pytest.raises(Conflict, match="apart"):
        organisation.assign(session, clerk, "supervision_committee", community, TODAY)
    organisation.assign(session, clerk, "supervision_committee", community, TODAY + timedelta(days=1))
    with pytest.raises(Conflict, match="apart"):
        organisation.assign(session, clerk, "director", community, TODAY + timedelta(days=30))
    assert seat.ends == TODAY


def test_an_administrator_manages_the_people_of_his_own_units_only(session: Session, street: Unit, community: Unit) -> None:
    other = organisation.add_unit(session, street, "community", "liuyin", "柳荫社区")
    administrator = Actor.holding("administrator", other)
    newcomer = organisation.add_person(session, other, "韩十五", actor=administrator)
    organisation.assign(session, newcomer, "clerk", other, STARTS, actor=administrator)
    for unit in (community, street):
        with pytest.raises(Forbidden):
            organisation.add_person(session, unit, "某人", actor=administrator)
        with pytest.raises(Forbidden):
            organisation.assign(session, newcomer, "administrator", unit, STARTS, actor=administrator)
    with pytest.raises(Forbidden):
        organisation.add_account(session, newcomer, "hanshiwu", PASSWORD, actor=Actor.holding("organizer", other))


def test_whoever_leaves_is_signed_out_and_holds_nothing_any_more(
    session: Session, time: VirtualClock, community: Unit, clerk: Person, account: Account
) -> None:
    organisation.assign(session, clerk, "clerk", community, STARTS)
    organisation.assign(session, clerk, "archivist", community, TODAY + timedelta(days=30))
    token = sign_in(session)
    organisation.leave(session, clerk)
    assert organisation.account_of(session, token) is None and session.scalars(select(Login)).all() == []
    assert organisation.people_with(session, "clerk", community) == []
    turned_away(session, password=PASSWORD)
    clerk.active = True  # come back, he begins anew
    time.advance(timedelta(days=40))
    assert access.actor_of(session, account).roles == frozenset()


@pytest.mark.parametrize(("representatives", "committee", "ok"), [(20, 5, True), (19, 5, False), (52, 9, True), (0, 0, False)])
def test_representatives_are_four_fifths_of_their_meeting(
    session: Session, community: Unit, representatives: int, committee: int, ok: bool
) -> None:
    for number in range(representatives):
        member(session, community, "representative", number)
    for number in range(committee):
        someone = member(session, community, "committee", number)
        if number == 0:  # the director is one of them and counts once
            organisation.assign(session, someone, "director", community, STARTS)
    check = organisation.representatives_check(session, community)
    assert check[:3] == (representatives + committee, representatives, ok)
    assert ("four fifths (80 %)" in str(check.sentence)) is not ok


def test_a_representative_whose_term_is_over_or_who_sits_in_the_committee_is_not_counted_as_one(
    session: Session, community: Unit
) -> None:
    for number in range(20):
        member(session, community, "representative", number)
    for number in range(5):
        member(session, community, "committee", number)
    member(session, community, "representative", 99, ends=TODAY - timedelta(days=1))
    assert organisation.representatives_check(session, community).ok
    elected = organisation.people_with(session, "representative", community)[0]
    organisation.assign(session, elected, "committee", community, STARTS)
    assert organisation.representatives_check(session, community)[:3] == (25, 19, False)


def test_a_role_that_nobody_holds_is_told_with_the_unit_in_which_to_give_it(
    session: Session, district: Unit, street: Unit, community: Unit
) -> None:
    everything = {vacancy.role.key: vacancy.unit for vacancy in organisation.vacant_roles(session, community)}
    assert set(everything) == set(access.ROLES)
    assert everything["service_officer"] is street and everything["supervisor"] is district and everything["clerk"] is community
    member(session, street, "service_officer", 1)
    member(session, community, "clerk", 1, ends=TODAY)
    missing = {vacancy.role.key for vacancy in organisation.vacant_roles(session, community)}
    assert set(everything) - missing == {"service_officer", "clerk"}
    tomorrow = {vacancy.role.key for vacancy in organisation.vacant_roles(session, community, TODAY + timedelta(days=1))}
    assert "clerk" in tomorrow
    assert {vacancy.role.key for vacancy in organisation.vacant_roles(session, street)} == {"supervisor", "administrator"}


# --- accounts -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "password",
    [
        "",
        "short 1",
        "onlyletters",
        "12131415161",
        "sunsansi-2026",
        "SunSanSi-2026",
        "password-99",
        "a1" * 10,
        "1234567890ab",
        "长" * 201,
    ],
)
def test_a_password_that_would_be_guessed_is_refused(session: Session, clerk: Person, password: str) -> None:
    with pytest.raises(Invalid) as refused:
        organisation.add_account(session, clerk, "sunsansi", password)
    assert set(refused.value.problems) == {"password"}


@pytest.mark.parametrize("password", ["kettle+9 lamps", "four words are quite enough", "晒被子的好天气，有风"])
def test_length_and_a_sentence_of_ones_own_are_welcome(session: Session, clerk: Person, password: str) -> None:
    account = organisation.add_account(session, clerk, " SunSanSi ", password)
    assert (account.login, account.must_change) == ("sunsansi", True)
    assert password not in account.password_hash and "$argon2id$v=19$m=19456,t=2,p=1$" in account.password_hash


def test_an_account_is_one_persons_and_a_login_one_accounts(
    session: Session, community: Unit, clerk: Person, account: Account
) -> None:
    with pytest.raises(Conflict, match="sunsansi"):
        organisation.add_account(session, clerk, "second", PASSWORD)
    other = organisation.add_person(session, community, "孙三四")
    with pytest.raises(Conflict, match="taken"):
        organisation.add_account(session, other, "SUNSANSI", PASSWORD)
    with pytest.raises(Invalid) as refused:
        organisation.add_account(session, other, "孙三四", PASSWORD)
    assert set(refused.value.problems) == {"login"}


# --- signing in -----------------------------------------------------------------------------------------------------
def test_the_cookies_token_opens_what_the_database_alone_does_not(session: Session, account: Account) -> None:
    token = sign_in(session)
    row = session.scalars(select(Login)).one()
    assert token not in (row.token_hash, "") and len(token) >= 40
    assert organisation.account_of(session, token) is account
    for forged in ("", row.token_hash, token[:-1], token.swapcase()):
        assert organisation.account_of(session, forged) is None


def test_a_password_is_the_same_in_full_width_and_a_login_in_capitals(session: Session, clerk: Person) -> None:
    organisation.add_account(session, clerk, "sunsansi", "kettle 9 lamps")
    sign_in(session, login="ＳｕｎＳａｎＳｉ", password="ｋｅｔｔｌｅ ９ ｌａｍｐｓ")
    turned_away(session, password="Kettle 9 lamps")


def test_an_unknown_login_and_a_wrong_password_read_alike(session: Session, account: Account) -> None:
    known, unknown = turned_away(session), turned_away(session, login="nobody")
    assert known == unknown and known.wait is None
    organisation.disable(session, account)
    assert turned_away(session, password=PASSWORD) == known
    organisation.enable(session, account)
    sign_in(session)


@pytest.mark.parametrize("login", ["sunsansi", "nobody"])
def test_after_five_failures_even_the_right_password_waits_a_quarter_of_an_hour(
    session: Session, time: VirtualClock, account: Account, login: str
) -> None:
    for _ in range(5):
        assert turned_away(session, login=login).wait is None
        time.advance(timedelta(minutes=1))
    refused = turned_away(session, login=login, password=PASSWORD, address="198.51.100.2")
    assert refused.wait == timedelta(minutes=10) and "10 minutes, at 09:15" in str(refused.sentence)
    time.advance(timedelta(minutes=9, seconds=59))
    assert turned_away(session, login=login, password=PASSWORD).wait == timedelta(seconds=1)
    time.advance(timedelta(seconds=1))
    if login == "sunsansi":
        sign_in(session)
    else:
        assert turned_away(session, login=login).wait is None


def test_attempts_during_the_wait_do_not_prolong_it_and_success_wipes_the_slate(
    session: Session, time: VirtualClock, account: Account
) -> None:
    for _ in range(5):
        turned_away(session)
    for _ in range(10):
        assert turned_away(session).wait is not None
    time.advance(timedelta(minutes=15))
    sign_in(session)
    for _ in range(3):
        for _ in range(4):
            assert turned_away(session).wait is None
        sign_in(session)


@pytest.mark.parametrize(
    ("addresses", "next_door"),
    [(["203.0.113.7"], "203.0.113.8"), (["2001:db8::1", "2001:db8::ffff:2"], "2001:db8:0:1::1")],
)
def test_an_address_that_tries_one_login_after_the_other_waits_and_its_neighbour_does_not(
    session: Session, account: Account, addresses: list[str], next_door: str
) -> None:
    for number in range(30):
        assert turned_away(session, login=f"guess{number}", address=addresses[number % len(addresses)]).wait is None
    assert turned_away(session, password=PASSWORD, address=addresses[0]).wait is not None
    sign_in(session, address=next_door)


def test_failed_attempts_are_kept_hashed_and_no_longer_than_they_count(
    session: Session, time: VirtualClock, account: Account
) -> None:
    turned_away(session, login="typed my password here", address=HERE)
    kept = list(session.scalars(select(LoginAttempt.subject)))
    assert len(kept) == 2 and not any("typed" in subject or HERE in subject for subject in kept)
    time.advance(timedelta(minutes=16))
    sign_in(session)
    assert session.scalars(select(LoginAttempt)).all() == []


def test_a_browser_is_signed_out_when_idle_and_after_a_working_day_at_the_latest(
    session: Session, time: VirtualClock, account: Account
) -> None:
    idle, busy = sign_in(session), sign_in(session)
    for _ in range(13):
        time.advance(timedelta(minutes=55))
        assert organisation.account_of(session, busy) is account
        assert organisation.wants_seen(session, busy)
        organisation.seen(session, busy)
        session.expire_all()
        assert not organisation.wants_seen(session, busy)
    assert organisation.account_of(session, idle) is None
    organisation.seen(session, idle)  # too late
    assert organisation.account_of(session, idle) is None
    time.advance(timedelta(minutes=6))
    assert organisation.account_of(session, busy) is None, "twelve hours are over"


@pytest.mark.parametrize("ended", ["account", "person"])
def test_what_the_database_says_of_the_account_counts_at_the_next_request(
    session: Session, clerk: Person, account: Account, ended: str
) -> None:
    organisation.assign(session, clerk, "clerk", clerk.unit, STARTS)
    token = sign_in(session)
    if ended == "account":
        account.disabled = True
    else:
        clerk.active = False
        assert organisation.people_with(session, "clerk", clerk.unit) == []
    assert organisation.account_of(session, token) is None
    turned_away(session, password=PASSWORD)


def test_signing_out_ends_this_browser_and_no_other(session: Session, account: Account) -> None:
    first, second = sign_in(session), sign_in(session)
    organisation.log_out(session, first)
    organisation.log_out(session, "never was")
    assert organisation.account_of(session, first) is None
    assert organisation.account_of(session, second) is account


def test_a_new_password_signs_out_every_other_browser(session: Session, account: Account) -> None:
    account.must_change = True
    here, elsewhere = sign_in(session), sign_in(session)
    organisation.change_password(session, account, PASSWORD, "另一句话 2026 年", token=here)
    assert organisation.account_of(session, here) is account and not account.must_change
    assert organisation.account_of(session, elsewhere) is None
    turned_away(session, password=PASSWORD)
    sign_in(session, password="另一句话 2026 年")


@pytest.mark.parametrize(
    ("old", "new", "fields"),
    [
        ("不对", "另一句话 2026 年", {"old"}),
        (PASSWORD, "短", {"new"}),
        (PASSWORD, PASSWORD, {"new"}),
        ("不对", "短", {"old", "new"}),
    ],
)
def test_a_password_is_changed_by_whoever_knows_it_and_to_another_one(
    session: Session, account: Account, old: str, new: str, fields: set[str]
) -> None:
    token = sign_in(session)
    with pytest.raises(Invalid) as refused:
        organisation.change_password(session, account, old, new)
    assert set(refused.value.problems) == fields
    assert organisation.account_of(session, token) is account
    sign_in(session)


def test_a_forgotten_password_is_replaced_for_one_login(session: Session, account: Account) -> None:
    token = sign_in(session)
    for _ in range(5):
        turned_away(session)
    organisation.reset_password(session, account, "请由管理员告知 71")
    assert organisation.account_of(session, token) is None
    sign_in(session, password="请由管理员告知 71")
    assert account.must_change


def test_an_older_hash_is_renewed_when_its_owner_signs_in(session: Session, account: Account) -> None:
    account.password_hash = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(PASSWORD)
    session.flush()
    sign_in(session)
    assert "m=19456,t=2,p=1" in account.password_hash
    sign_in(session)


def test_who_asks_is_known_by_one_statement_that_writes_nothing(database: Database, session: Session, account: Account) -> None:
    token = sign_in(session)
    session.commit()
    with database.readers() as reading:
        statements: list[str] = []
        event.listen(database.connector, "before_cursor_execute", lambda *given: statements.append(given[2]))
        found = organisation.account_of(reading, token)
        assert found is not None and found.person.name == "孙三思"
        assert len([text for text in statements if not text.startswith("BEGIN")]) == 1
        assert not reading.dirty


# --- the invented district ------------------------------------------------------------------------------------------
def test_the_demo_district_has_people_for_every_role_in_every_community(session: Session) -> None:
    accounts = demo.build_district(session)
    units = organisation.subtree(session, organisation.unit_by_code(session, "yunxi"))
    kinds = [unit.kind for unit in units]
    assert (kinds.count("district"), kinds.count("street"), kinds.count("community")) == (1, 2, 4)
    for unit in units:
        if unit.kind == "community":
            assert organisation.vacant_roles(session, unit) == [], unit.name
            assert organisation.representatives_check(session, unit).ok, unit.name
    assert len({account["login"] for account in accounts}) == len(accounts)
    names = list(session.scalars(select(Person.name)))
    assert len(set(names)) == len(names)
    for community in (unit for unit in units if unit.kind == "community"):
        held = {role for account in accounts if account["unit"] == community.name for role in account["roles"]}
        assert held >= {key for key, role in access.ROLES.items() if role.units == ("community",)}
    assert list(demo.accounts(session)) == accounts
    sunsansi = next(account for account in accounts if account["name"] == "孙三思")
    assert sunsansi == {
        "login": "sunsansi", "password": demo.PASSWORD, "name": "孙三思", "roles": ["clerk"], "unit": "槐安里社区",
    }  # fmt: skip
    sign_in(session, password=sunsansi["password"])


def test_the_demo_district_is_the_same_every_time(tmp_path_factory: pytest.TempPathFactory, time: VirtualClock) -> None:
    built = []
    for _ in range(2):
        database = Database(f"sqlite:///{tmp_path_factory.mktemp('demo') / 'yishi.sqlite'}")
        database.create_all()
        with database.sessions() as session:
            demo.build_district(session)
            built.append(session.execute(select(Person.id, Person.unit_id, Person.name, Person.sort_key, Person.phone)).all())
        database.close()
    assert built[0] == built[1]
