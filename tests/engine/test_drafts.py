"""A draft of a procedure: opened from a version, changed by two people, examined, put into use; nothing running is touched."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from engine import demo, deployments, drafts, instances, organisation, packs
from engine.access import Actor
from engine.database import Database
from engine.drafts import Told
from engine.errors import Conflict, Forbidden, NotFound, say
from engine.models import Deployment, PackDraft, PackDraftFile, Rehearsal, Unit
from engine.packs import edit

ERRAND = Path(__file__).parents[1] / "web" / "errand"
MODEL = "errand.bpmn"
TEST_MOMENT = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)


@pytest.fixture
def session(database_url: str) -> Iterator[Session]:
    database = Database(database_url)
    database.upgrade()
    with database.sessions() as opened:
        demo.build_district(opened)
        deployments.deploy(opened, packs.read(ERRAND), organisation.topmost(opened), Actor.system(), "第一版")
        opened.flush()
        yield opened
    database.close()


def _administrator(session: Session, name: str = "冯八达") -> Actor:
    unit = organisation.topmost(session)
    person = organisation.add_person(session, unit, name)
    return Actor(person.id, name, frozenset({("administrator", unit.id)}), {unit.id: unit.path})


def _draft(session: Session, actor: Actor) -> PackDraft:
    deployment = session.scalars(select(Deployment)).one()
    return drafts.open_from(session, deployment, organisation.topmost(session), actor)


def test_a_draft_begins_as_the_version_it_was_opened_from(session: Session) -> None:
    actor = _administrator(session)
    draft = _draft(session, actor)
    assert drafts.files_of(session, draft) == dict(packs.read(ERRAND).files)
    assert drafts.listed(session, actor) == [draft]
    assert drafts.changes_of(session, draft) == []
    assert [str(reason) for reason in drafts.why_not(session, draft)] == ["Nothing differs from the version in use."]


def test_of_two_who_save_the_second_is_told_who_was_first_and_nothing_is_overwritten(session: Session) -> None:
    first, second = _administrator(session), _administrator(session, "陈九章")
    draft = _draft(session, first)
    read = draft.version
    files = drafts.files_of(session, draft)
    drafts.save(session, draft, first, edit.add_step(files, MODEL, "register", "复核").files, read)
    with pytest.raises(Conflict, match="冯八达 has saved this draft at 20"):
        drafts.save(session, draft, second, {**files, "README.md": b"x"}, read)
    with pytest.raises(Conflict):
        drafts.discard(session, draft, second, read)
    with pytest.raises(Conflict):
        drafts.deploy(session, draft, second, read)
    assert "README.md" not in drafts.files_of(session, draft)
    saved = drafts.save(session, draft, second, {**drafts.files_of(session, draft), "README.md": b"x"}, read + 1)
    assert (saved.version, saved.saver.name if saved.saver else None) == (read + 2, "陈九章")


def test_saving_what_is_there_already_makes_no_version(session: Session) -> None:
    actor = _administrator(session)
    draft = _draft(session, actor)
    assert drafts.save(session, draft, actor, drafts.files_of(session, draft), draft.version).version == 1


def test_a_draft_that_is_given_up_leaves_nothing(session: Session) -> None:
    actor = _administrator(session)
    draft = _draft(session, actor)
    drafts.record(session, draft, "0" * 64, Told("a.scenario.yaml", "甲", None, []))
    number = draft.id
    drafts.discard(session, draft, actor, draft.version)
    for left in (PackDraft, PackDraftFile, Rehearsal):
        assert session.scalar(select(func.count()).select_from(left)) == 0
    with pytest.raises(NotFound):
        drafts.get(session, actor, number)


def test_who_may_not_deploy_neither_sees_nor_opens_a_draft(session: Session) -> None:
    draft = _draft(session, _administrator(session))
    unit = session.scalars(select(Unit).where(Unit.kind == "community").limit(1)).one()
    clerk = Actor(None, "孙三思", frozenset({("clerk", unit.id)}), {unit.id: unit.path})
    of_one_community = Actor(None, "李", frozenset({("administrator", unit.id)}), {unit.id: unit.path})
    assert drafts.listed(session, clerk) == drafts.listed(session, of_one_community) == []
    for stranger in (clerk, of_one_community):
        with pytest.raises(NotFound):
            drafts.get(session, stranger, draft.id)
        with pytest.raises(Forbidden):
            drafts.save(session, draft, stranger, {}, draft.version)
    with pytest.raises(Forbidden):
        drafts.open_from(session, draft.deployment, unit, clerk)


def test_a_draft_with_an_error_or_an_untold_or_failed_story_is_not_put_into_use(session: Session) -> None:
    actor = _administrator(session)
    draft = _draft(session, actor)
    story = b"scenario: s\nprocess: errand\nstart: {at: 2026-03-02T09:00:00+08:00}\nsteps:\n  - expect: {tasks: [register]}\n"
    files = {**drafts.files_of(session, draft), "scenarios/a.scenario.yaml": story}
    broken = {**files, "errand.bpmn": files["errand.bpmn"].replace(b'yishi:kind="proposal"', b'yishi:kind="nonsense"')}
    drafts.save(session, draft, actor, broken, 1)
    reasons = [str(reason) for reason in drafts.why_not(session, draft)]
    assert reasons[0].endswith("problems forbid it.")
    drafts.save(session, draft, actor, files, 2)
    assert [str(reason) for reason in drafts.why_not(session, draft)] == [
        "1 scenarios have not been run since the last change."]
    key = drafts.pack_of(session, draft).content_hash
    told = Told("scenarios/a.scenario.yaml", "故事", say("{what} did not open.", what=say("It")), [(TEST_MOMENT, "登记")])
    drafts.record(session, draft, key, told)
    assert drafts.rehearsals(session, draft, key) == {told.path: told}
    with pytest.raises(Conflict, match="1 scenarios failed"):
        drafts.deploy(session, draft, actor, 3)


def test_a_draft_becomes_the_next_version_and_what_runs_stays_on_its_own(session: Session) -> None:
    actor = _administrator(session)
    unit = session.scalars(select(Unit).where(Unit.kind == "community").limit(1)).one()
    before = deployments.find(session, "errand", unit)
    running = instances.start(session, before, Actor.system(), {"title": "灯"}, unit=unit, title="灯")
    draft = _draft(session, actor)
    edited = edit.add_step(drafts.files_of(session, draft), MODEL, "register", "复核", ("clerk",))
    drafts.save(session, draft, actor, edited.files, 1)
    made = drafts.deploy(session, draft, actor, 2, "多核一次")
    after = deployments.find(session, "errand", unit)
    assert (after.version, after.deployment_id) == (before.version + 1, made.id)
    assert running.definition_id == before.id
    assert drafts.listed(session, actor) == []
    again = drafts.open_from(session, before.deployment, organisation.topmost(session), actor)
    assert edited.element in {change.element for change in drafts.changes_of(session, again)}
