"""Builds the demonstration once: people first, then the shipped procedure, then matters, each told by a scenario."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from engine import access, board, clock, deployments, organisation, packs, scenario, tasks
from engine.access import Actor
from engine.database import Database
from engine.models import Account, Instance, Posting, Task, TaskState, Unit
from engine.settings import Settings

from .district import build_district

PACK = "yizheng_sanyi"
_STORY_TITLE = "东巷口人车分流"  # what the scenarios call their matter


_DAYS_TRIED = 60


@dataclass(frozen=True)
class _Matter:
    """One matter: a scenario of the pack, told until a task of `until` is open or its timer runs (or to its end), `ago` days ago; that task
    has been claimed by somebody if `claimed`."""

    title: str
    community: str
    story: str
    until: str | None
    ago: float
    claimed: bool = False


_MATTERS = (
    _Matter("东巷口人车分流和雨水箅更换", "huaianli", "passes", "report_progress", 3, claimed=True),
    _Matter("6号楼前停车位重新划线", "huaianli", "passes", "register_motion", 0.2),
    _Matter("老年活动室夜间开放", "huaianli", "passes", "visit_households", 2),
    _Matter("长者食堂选址和收费办法", "huaianli", "passes", "write_proposal", 1),
    _Matter("社区公约修订", "huaianli", "passes", "invite_units", 2, claimed=True),
    _Matter("南门空地增设晾晒架和健身角", "huaianli", "passes", "confirm_count", 0.1),
    _Matter("西区路灯改造", "huaianli", "passes", "posting_over", 6),
    _Matter("更换物业公司", "huaianli", "owner_matter", None, 6),
    _Matter("雨水管爆裂抢修", "huaianli", "emergency_lane", None, 20),
    _Matter("垃圾分类亭移位", "huaianli", "resolution_lost", "post_decision", 2),
    _Matter("楼道粉刷", "tangli", "passes", None, 30),
    _Matter("儿童乐园地垫更换", "tangli", "passes", "check_result", 1),
    _Matter("北门岗亭改造", "tangli", "passes", "measure_satisfaction", 4),
    _Matter("非机动车棚加装充电桩", "zhuxi", "passes", "take_down", 0.3),
    _Matter("居民代表述职安排", "zhuxi", "no_quorum_then_passes", "notify_meeting", 1),
    _Matter("广场舞场地和时间约定", "bailu", "passes", "accept_motion", 0.5),
    _Matter("围墙绿化认养", "bailu", "passes", "archive_matter", 5),
)


def settings_of(given: Settings) -> Settings:
    """-> the settings of a demonstration: an embedded database of its own, and pages that say that all is invented."""
    home = given.home / "demo"
    return replace(given, home=home, database_url=f"sqlite:///{home / 'yishi.sqlite'}", papers_url=str(home / "papers"),
                   secret=None, demo=True)


def forget(given: Settings) -> None:
    """Throws the data of the last demonstration away. `given` are the settings of a demonstration."""
    shutil.rmtree(given.home, ignore_errors=True)


def build_if_empty(session: Session) -> bool:
    """Makes the people if there are none. -> whether there were none."""
    if session.scalar(select(func.count()).select_from(Unit)):
        return False
    build_district(session)
    return True


def build(database: Database) -> Iterator[str]:
    """Makes what is not there yet, and tells what it does, one line at a time."""
    with database.sessions() as session:
        if build_if_empty(session):
            yield "demo: made the people of an invented district"
        session.commit()
        pack = next(pack for pack in packs.shipped() if pack.key == PACK)
        district = organisation.topmost(session)
        if not deployments.in_use(session, district):
            made = deployments.deploy(session, pack, district, Actor.system(), "示例")
            yield f"demo: put “{made.title}” {made.pack_version} into use in {district.name}"
        there = set(session.scalars(select(Instance.title)))
        units = {unit.code.rsplit("-", 1)[-1]: unit.id for unit in organisation.subtree(session, district)}
        session.commit()
    missing = [matter for matter in _MATTERS if matter.title not in there]
    for number, matter in enumerate(missing, 1):
        yield f"demo: telling matter {number} of {len(missing)}: {matter.title}"
        _tell(database, pack, matter, units[matter.community])
    if missing:
        _object(database, "西区路灯改造")


def _tell(database: Database, pack: packs.Pack, matter: _Matter, unit_id: int) -> None:
    """The story is told in memory first: how long does it take, and, since holidays move deadlines, does it come off on
    those days? If not, a day earlier is tried. Then it is told for good, so that it ends about `ago` days before now."""
    path = f"scenarios/{matter.story}.scenario.yaml"
    story = scenario.read(pack.files[path].replace(_STORY_TITLE.encode(), matter.title.encode()), path)
    rehearsal = scenario.run(story, pack, until_open=matter.until)
    begin = _morning(clock.now() - timedelta(days=matter.ago) - (rehearsal.ended_at - story.at))
    for _ in range(_DAYS_TRIED):
        rehearsal = scenario.run(story, pack, until_open=matter.until, at=begin)
        if rehearsal.failure is None:
            break
        begin -= timedelta(days=1)
    else:
        assert rehearsal.failure is not None  # the loop has not been left
        raise RuntimeError(f"{path}: {rehearsal.failure.sentence}")
    world = scenario.World(database, unit_id, _actor)
    outcome = scenario.run(story, pack, world, deployed=True, until_open=matter.until, at=begin)
    if outcome.failure is not None:
        raise RuntimeError(f"{path}: {outcome.failure.sentence}")
    if matter.claimed and matter.until is not None:
        with database.sessions() as session:
            _claim(session, matter.title, matter.until)
            session.commit()


def _morning(moment: datetime) -> datetime:
    """-> the last time before `moment` at which an office opened."""
    local = moment.astimezone(clock.ZONE)
    opened = local.replace(hour=9, minute=0, second=0, microsecond=0)
    return opened if opened <= local else opened - timedelta(days=1)


def _claim(session: Session, title: str, element: str) -> None:
    task = session.scalar(select(Task).join(Instance).where(Instance.title == title, Task.element == element,
                                                            Task.state == TaskState.OPEN))
    if task is not None and task.role:
        tasks.claim(session, task, _actor(session, task.role.split()[0], task.unit))


def _actor(session: Session, role: str, unit: Unit) -> Actor:
    """-> the first of those who hold the role over the unit and can log in."""
    for person in organisation.people_with(session, role, unit):
        account = session.scalar(select(Account).where(Account.person_id == person.id).options(joinedload(Account.person)))
        if account is not None:
            return access.actor_of(session, account)
    return Actor.holding(role, unit)


def _object(database: Database, title: str) -> None:
    """A resident has objected by the form on the board, and a clerk has entered what another one said."""
    with database.sessions() as session:
        posting = session.scalar(select(Posting).join(Instance).where(Instance.title == title, Posting.kind == "resolution"))
        if posting is None or not board.is_open(posting):
            return
        board.object_to(session, posting, Actor.public(), text="施工期间轮椅怎么出入？")
        session.commit()

