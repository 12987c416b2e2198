"""Who sees what and may do what: roles over units, for a term, and the three named roles of the procedure."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from engine import access, clock, organisation
from engine.access import ROLES, Actor, Permission
from engine.database import Database
from engine.errors import Forbidden, NotFound
from engine.models import Account, Deployment, Instance, Person, ProcessDefinition, Task, TaskState, Unit

TODAY = date(2026, 4, 21)
STARTS = date(2024, 4, 1)
KINDS_OF_STEPS = {
    "registration", "solicitation", "study", "proposal", "legality", "consultation", "members_meeting", "resolution",
    "vote", "posting", "answer", "works", "check", "appraisal", "archive", "enquiry", "correction",
}  # fmt: skip


@pytest.fixture
def session(database_url: str) -> Iterator[Session]:
    database = Database(database_url)
    database.create_all()
    with clock.virtual(datetime(2026, 4, 21, 9, tzinfo=clock.ZONE)), database.sessions() as session:
        yield session
    database.close()


@pytest.fixture
def town(session: Session) -> dict[str, Unit]:
    """Two streets; in the first two communities, in the second one."""
    units = {"district": organisation.add_unit(session, None, "district", "district", "云溪区")}
    for code, parent, kind, name in (
        ("qinghe", "district", "street", "青禾街道"),
        ("bailu", "district", "street", "白露街道"),
        ("huaianli", "qinghe", "community", "槐安里社区"),
        ("liuyin", "qinghe", "community", "柳荫社区"),
        ("tangli", "bailu", "community", "棠梨社区"),
    ):
        units[code] = organisation.add_unit(session, units[parent], kind, code, name)
    return units


def person(session: Session, name: str, unit: Unit, *roles: str, starts: date = STARTS, ends: date | None = None) -> Actor:
    """Somebody new in `unit` who holds `roles` there, as the actor he is now."""
    someone = organisation.add_person(session, unit, name)
    for role in roles:
        organisation.assign(session, someone, role, unit, starts, ends)
    return as_actor(session, someone)


def as_actor(session: Session, someone: Person) -> Actor:
    account = session.scalar(select(Account).where(Account.person_id == someone.id))
    if account is None:
        account = Account(person_id=someone.id, login=f"p{someone.id}", password_hash="", created_at=clock.now())
        session.add(account)
        session.flush()
    return access.actor_of(session, account)


def matter(session: Session, unit: Unit, title: str = "南门空地增设晾晒架") -> Instance:
    definition = session.scalar(select(ProcessDefinition).where(ProcessDefinition.unit_id == unit.id))
    if definition is None:
        deployment = Deployment(pack="yizheng_sanyi", unit_id=unit.id, content_hash="", at=clock.now())
        session.add(deployment)
        session.flush()
        definition = ProcessDefinition(
            key="yizheng_sanyi",
            version=1,
            unit_id=unit.id,
            deployment_id=deployment.id,
            name="一征三议两公开",
            file="procedure.bpmn",
        )
        session.add(definition)
        session.flush()
    instance = Instance(definition_id=definition.id, unit_id=unit.id, title=title, started_at=clock.now())
    session.add(instance)
    session.flush()
    return instance


def task(session: Session, instance: Instance, role: str | None, kind: str = "", assignee: Actor | None = None) -> Task:
    made = Task(
        instance_id=instance.id,
        unit_id=instance.unit_id,
        token=1,
        element="step",
        process="yizheng_sanyi",
        name="提议",
        role=role,
        kind=kind,
        state=TaskState.CLAIMED if assignee else TaskState.OPEN,
        assignee_id=assignee.person_id if assignee else None,
        created_at=clock.now(),
    )
    session.add(made)
    session.flush()
    return made


@contextmanager
def counted(session: Session) -> Iterator[list[str]]:
    statements: list[str] = []

    def count(connection: object, cursor: object, statement: str, *rest: object) -> None:
        statements.append(statement)

    event.listen(session.get_bind(), "before_cursor_execute", count)
    yield statements
    event.remove(session.get_bind(), "before_cursor_execute", count)


# --- roles, terms, units --------------------------------------------------------------------------------------------
def test_the_roles_of_the_procedure_are_data_with_a_source() -> None:
    assert set(ROLES) == {
        "organizer", "service_officer", "supervisor", "clerk", "director", "committee", "party_member", "representative",
        "supervision_committee", "archivist", "administrator",
    }  # fmt: skip
    for role in ROLES.values():
        assert role.name and role.english and role.source, role.key
        assert role.never <= KINDS_OF_STEPS, role.key
        assert role.apart <= set(ROLES), role.key


def test_a_right_begins_on_the_first_day_of_a_term_and_is_gone_the_day_after_the_last(
    session: Session, town: dict[str, Unit]
) -> None:
    clerk = organisation.add_person(session, town["huaianli"], "孙三思")
    organisation.assign(session, clerk, "clerk", town["huaianli"], TODAY, TODAY + timedelta(days=1))

    def may_start(day: date) -> bool:
        with clock.virtual(datetime(day.year, day.month, day.day, 23, 59, tzinfo=clock.ZONE)):
            return access.may(as_actor(session, clerk), Permission.START_MATTER, town["huaianli"])

    days = [TODAY + timedelta(days=offset) for offset in (-1, 0, 1, 2)]
    assert [may_start(day) for day in days] == [False, True, True, False]


def test_a_term_ends_at_midnight_where_people_live_not_in_greenwich(session: Session, town: dict[str, Unit]) -> None:
    clerk = organisation.add_person(session, town["huaianli"], "孙三思")
    organisation.assign(session, clerk, "clerk", town["huaianli"], STARTS, TODAY)
    with clock.virtual(datetime(2026, 4, 22, 0, 30, tzinfo=clock.ZONE)):  # still the 21st in UTC
        assert not access.may(as_actor(session, clerk), Permission.START_MATTER, town["huaianli"])


def test_a_role_reaches_down_to_the_communities_but_neither_up_nor_aside(session: Session, town: dict[str, Unit]) -> None:
    officer = person(session, "吴六和", town["qinghe"], "service_officer")
    reach = {code: access.may(officer, Permission.SEE_MATTERS, unit) for code, unit in town.items()}
    assert reach == {"district": False, "qinghe": True, "huaianli": True, "liuyin": True, "bailu": False, "tangli": False}


def test_a_unit_whose_number_begins_alike_is_another_unit(session: Session, town: dict[str, Unit]) -> None:
    """/1/2/ and /1/20/: the fourteenth community more has a number which begins like the first street's."""
    others = [organisation.add_unit(session, town["district"], "street", f"s{n}", f"第{n}街道") for n in range(20)]
    namesakes = [unit for unit in others if str(unit.id).startswith(str(town["qinghe"].id))]
    officer = person(session, "吴六和", town["qinghe"], "service_officer")
    assert namesakes and not any(access.may(officer, Permission.SEE_MATTERS, unit) for unit in namesakes)
    seen = set(session.scalars(select(Unit.id).where(access.sees_unit(officer, Unit.id))))
    assert seen == {town[code].id for code in ("qinghe", "huaianli", "liuyin")}


def test_a_refusal_names_the_roles_that_could(session: Session, town: dict[str, Unit]) -> None:
    clerk = person(session, "孙三思", town["huaianli"], "clerk")
    with pytest.raises(Forbidden) as refused:
        access.require(clerk, Permission.CANCEL_MATTER, town["huaianli"])
    assert "cancel a matter in 槐安里社区" in str(refused.value) and "Organizer" in str(refused.value)
    words = {"cancel a matter": "撤销事项", "Organizer": "组织员"}
    chinese = refused.value.sentence.translated(lambda message: words.get(message, message))
    assert "撤销事项" in chinese and "组织员" in chinese


def test_somebody_who_has_left_holds_nothing(session: Session, town: dict[str, Unit]) -> None:
    clerk = organisation.add_person(session, town["huaianli"], "孙三思")
    organisation.assign(session, clerk, "clerk", town["huaianli"], STARTS)
    clerk.active = False
    assert as_actor(session, clerk).roles == frozenset()


# --- what is visible ------------------------------------------------------------------------------------------------
def test_what_lies_in_a_foreign_community_does_not_exist(session: Session, town: dict[str, Unit]) -> None:
    instance = matter(session, town["huaianli"])
    proposal = task(session, instance, "committee")
    neighbour = person(session, "韩十五", town["liuyin"], "clerk", "organizer", "committee")
    for get, thing in ((access.get_instance, instance), (access.get_task, proposal)):
        with pytest.raises(NotFound) as foreign:
            get(session, neighbour, thing.id)
        with pytest.raises(NotFound) as missing:
            get(session, neighbour, 999_999)
        assert str(foreign.value).replace(str(thing.id), "#") == str(missing.value).replace("999999", "#")
    own = person(session, "孙三思", town["huaianli"], "clerk")
    assert access.get_instance(session, own, instance.id) is instance
    assert access.get_task(session, own, proposal.id) is proposal


def test_the_product_sees_everything_and_the_public_nothing(session: Session, town: dict[str, Unit]) -> None:
    instance = matter(session, town["huaianli"])
    proposal = task(session, instance, None)
    assert access.get_task(session, Actor.system(), proposal.id) is proposal
    assert access.may_act(Actor.system(), proposal, "vote")
    for nobody in (Actor.public(), person(session, "许一个", town["huaianli"])):
        with pytest.raises(NotFound):
            access.get_instance(session, nobody, instance.id)
        with pytest.raises(NotFound):
            access.get_task(session, nobody, proposal.id)
        with pytest.raises(Forbidden):
            access.require_act(nobody, proposal)
        assert not any(access.may(nobody, permission, town["huaianli"]) for permission in Permission)


def test_a_representative_sees_the_matter_in_which_he_is_asked_and_no_other(session: Session, town: dict[str, Unit]) -> None:
    asked, other = matter(session, town["huaianli"]), matter(session, town["huaianli"], "东门路灯")
    task(session, asked, "party_member representative")
    task(session, other, "committee")
    representative = person(session, "任一槐", town["huaianli"], "representative")
    seen = session.scalars(select(Instance).where(access.sees_instance(representative))).all()
    assert seen == [asked]


def test_the_supervisor_sees_every_matter_of_the_communities_he_is_in_contact_with(session: Session, town: dict[str, Unit]) -> None:
    matters = {code: matter(session, town[code]) for code in ("huaianli", "liuyin", "tangli")}
    contact = organisation.add_person(session, town["district"], "郑七夕")
    for code in ("huaianli", "tangli"):
        organisation.assign(session, contact, "supervisor", town[code], STARTS)
    seen = session.scalars(select(Instance).where(access.sees_instance(as_actor(session, contact)))).all()
    assert set(seen) == {matters["huaianli"], matters["tangli"]}


# --- tasks ----------------------------------------------------------------------------------------------------------
def test_the_candidate_group_holds_the_role_in_the_unit_or_above_by_name(session: Session, town: dict[str, Unit]) -> None:
    legality = task(session, matter(session, town["huaianli"]), "clerk service_officer", "legality")
    person(session, "曾二", town["huaianli"], "clerk")
    person(session, "吴六和", town["qinghe"], "service_officer")
    person(session, "单一", town["huaianli"], "clerk")
    person(session, "前任", town["huaianli"], "clerk", ends=TODAY - timedelta(days=1))
    person(session, "许九如", town["bailu"], "service_officer")
    person(session, "韩十五", town["liuyin"], "clerk")
    assert [someone.name for someone in access.candidates(session, legality)] == ["单一", "吴六和", "曾二"]


@pytest.mark.parametrize("kind", ["study", "proposal", "members_meeting", "resolution", "vote", "posting", "archive"])
def test_a_supervisor_is_refused_even_where_a_model_lists_him(session: Session, town: dict[str, Unit], kind: str) -> None:
    supervisor = person(session, "郑七夕", town["district"], "supervisor")
    step = task(session, matter(session, town["huaianli"]), "supervisor committee", kind)
    assert access.get_task(session, supervisor, step.id) is step
    with pytest.raises(Forbidden, match="Supervisor"):
        access.require_act(supervisor, step, kind)
    assert not access.is_candidate(session, supervisor, step)
    assert access.candidates(session, step) == []


@pytest.mark.parametrize("kind", ["enquiry", "correction", "check"])
def test_a_supervisor_asks_checks_and_demands_correction(session: Session, town: dict[str, Unit], kind: str) -> None:
    supervisor = person(session, "郑七夕", town["district"], "supervisor")
    step = task(session, matter(session, town["huaianli"]), "supervisor", kind)
    access.require_act(supervisor, step, kind)
    assert access.may(supervisor, Permission.ENQUIRE, town["huaianli"])
    assert not access.may(supervisor, Permission.CANCEL_MATTER, town["huaianli"])


def test_whoever_supervises_a_community_does_not_vote_there_by_another_role_nor_by_assignment(
    session: Session, town: dict[str, Unit]
) -> None:
    both = organisation.add_person(session, town["huaianli"], "郑七夕")
    organisation.assign(session, both, "supervisor", town["huaianli"], STARTS)
    organisation.assign(session, both, "committee", town["huaianli"], STARTS)
    actor = as_actor(session, both)
    instance = matter(session, town["huaianli"])
    for ballot in (task(session, instance, "committee", "vote"), task(session, instance, None, "vote", assignee=actor)):
        with pytest.raises(Forbidden):
            access.require_act(actor, ballot)
    access.require_act(actor, task(session, instance, "committee", "check"))


def test_street_and_supervision_committee_advise_and_check_but_neither_propose_nor_resolve(
    session: Session, town: dict[str, Unit]
) -> None:
    instance = matter(session, town["huaianli"])
    officer = person(session, "吴六和", town["qinghe"], "service_officer")
    watch = person(session, "周五常", town["huaianli"], "supervision_committee")
    everyone = "committee service_officer supervision_committee"
    for kind in ("proposal", "resolution", "vote"):
        decision = task(session, instance, everyone, kind)
        assert not access.may_act(officer, decision) and not access.may_act(watch, decision)
    assert access.may_act(officer, task(session, instance, "service_officer", "legality"))
    assert access.may_act(watch, task(session, instance, "supervision_committee", "check"))


def test_an_administrator_runs_the_system_and_does_nobodys_work(session: Session, town: dict[str, Unit]) -> None:
    administrator = person(session, "尤十力", town["bailu"], "administrator")
    instance = matter(session, town["tangli"])
    for permission in (Permission.DEPLOY, Permission.RESOLVE_INCIDENT, Permission.MANAGE_PEOPLE, Permission.SEE_OPERATIONS):
        assert access.may(administrator, permission, town["tangli"])
        assert not access.may(administrator, permission, town["huaianli"])
    for role in ("clerk", None):
        step = access.get_task(session, administrator, task(session, instance, role).id)
        with pytest.raises(Forbidden):
            access.require_act(administrator, step)
    assert access.may_act(administrator, task(session, instance, "administrator"))


def test_work_laid_before_anybody_is_for_those_who_work_in_the_unit(session: Session, town: dict[str, Unit]) -> None:
    step = task(session, matter(session, town["huaianli"]), None)
    able = {key for key, role in ROLES.items() if access.may_act(Actor.holding(key, _home(role.units[0], town)), step)}
    assert able == {"organizer", "clerk", "director", "committee", "archivist"}


def test_what_is_assigned_is_done_by_the_assignee_as_long_as_he_holds_some_role_there(
    session: Session, town: dict[str, Unit]
) -> None:
    instance = matter(session, town["huaianli"])
    member = person(session, "鲍二槐", town["huaianli"], "representative", ends=TODAY)
    report = task(session, instance, "clerk", assignee=member)
    assert access.get_task(session, member, report.id) is report and access.may_act(member, report)
    with clock.virtual(clock.now() + timedelta(days=1)):
        former = as_actor(session, session.get_one(Person, member.person_id))
        assert not access.may_act(former, report)
        with pytest.raises(NotFound):
            access.get_task(session, former, report.id)


def test_the_inbox_and_the_door_agree_for_every_role_and_every_kind_of_step(session: Session, town: dict[str, Unit]) -> None:
    """The condition for lists and the check of one task are written twice, in SQL and in Python: they must never differ."""
    actors = [
        person(session, f"{role.name}{code}", town[code], role.key)
        for role in ROLES.values()
        for code in ("district", "qinghe", "huaianli", "tangli")
        if town[code].kind in role.units
    ]
    actors.append(person(session, "兼任", town["huaianli"], "clerk", "committee", "party_member"))
    instances = [matter(session, town[code]) for code in ("huaianli", "tangli")]
    groups = [None, "committee", "supervision_committee", "supervisor clerk", "party_member", "partyXmember", "representative"]
    kinds = ["", "vote", "check", "legality"]
    steps = [task(session, instance, role, kind) for instance in instances for role in groups for kind in kinds]
    steps += [task(session, instances[0], "clerk", kind, assignee=actor) for actor in actors for kind in ("", "vote")]
    for actor in actors:
        listed = set(session.scalars(select(Task.id).where(access.is_asked(actor))))
        assert listed == {step.id for step in steps if access.may_act(actor, step)}, actor.name


def test_the_number_of_statements_does_not_grow_with_roles_or_units(session: Session, town: dict[str, Unit]) -> None:
    busy = organisation.add_person(session, town["district"], "郑七夕")
    for code, unit in town.items():
        organisation.assign(session, busy, "supervisor", unit, STARTS)
        if code in ("huaianli", "liuyin", "tangli"):
            organisation.assign(session, busy, "clerk", unit, STARTS)
    step = task(session, matter(session, town["huaianli"]), "clerk", "enquiry")
    actor = as_actor(session, busy)
    account_id, step_id, instance_id = session.scalars(select(Account.id)).one(), step.id, step.instance_id
    session.expire_all()
    with counted(session) as making:
        account = session.get_one(Account, account_id)
        access.actor_of(session, account)
    with counted(session) as getting:
        found = access.get_task(session, actor, step_id)
        access.require_act(actor, found, "enquiry")
        access.get_instance(session, actor, instance_id)
    with counted(session) as asking:
        access.candidates(session, found)
    assert (len(making), len(getting), len(asking)) == (3, 2, 2)  # the account itself, its person, the roles


def _home(kind: str, town: dict[str, Unit]) -> Unit:
    return town[{"district": "district", "street": "qinghe", "community": "huaianli"}[kind]]
