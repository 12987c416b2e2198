"""Every address × every role × what belongs to somebody else: nothing is shown and nothing is changed."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO

import pytest
from sqlalchemy import select

from engine import access, deployments, drafts, incidents, packs, papers, settings
from engine.access import Actor
from engine.errors import Incident
from engine.models import Account, Assignment, Base, Task, Unit

from .conftest import ADMINISTRATOR, COMMUNITY, ERRAND, Site

ROLES = {
    "organizer": "kongsansheng", "director": "caoqibu", "clerk": "shenshisi", "committee": "yanwugeng",
    "supervision_committee": "taowuliu", "archivist": "weiqianli", "representative": "renyiliu", "service_officer": "xujiuru",
    "supervisor": "qinshifang", "administrator": "youshili",
}
"""Somebody with each role, none of them over the community in which the matter lies."""
SENT = {"title": "改掉", "verdict": "yes", "reason": "不该", "text": "不该", "note": "不该"}


@pytest.fixture
def foreign(open_site: Callable[..., Site]) -> tuple[Site, dict[str, object]]:
    """A site, and for every argument of an address something of another community."""
    site = open_site()
    matter = site.start(community=COMMUNITY)
    task = site.task(matter, "register")
    with site.database.sessions() as session:
        clerk = session.scalars(select(Account).where(Account.login == "sunsansi")).one()
        store = papers.store(settings.load({"YISHI_HOME": str(site.app.config["SETTINGS"].home)}))
        paper = papers.add(session, store, access.actor_of(session, clerk), session.get_one(Task, task), "scan", "图.png",
                           BytesIO(b"\x89PNG\r\n\x1a\n" + b"\0" * 20))
        unit = session.scalars(select(Unit).where(Unit.code == COMMUNITY)).one()
        deployment = deployments.deploy(session, packs.read(ERRAND), unit, Actor.system())
        failure = incidents.record(session, Incident("坏了"), {"verb": "job"}, Actor.system(), unit_id=unit.id)
        term = session.scalars(select(Assignment.id).where(Assignment.person_id == clerk.person_id)).first()
        draft = drafts.open_from(session, deployment, unit, Actor.system())
        session.commit()
        things = {"instance_id": matter, "task_id": task, "paper_id": paper.id, "process": "errand",
                  "deployment_id": deployment.id, "person_id": clerk.person_id, "term_id": term, "absence_id": 1,
                  "incident_id": failure.id, "code": "nothing", "group_id": 1,
                  "draft_id": draft.id}
    return site, things


def _contents(site: Site) -> dict[str, list[object]]:
    """Everything that is written, but for who is signed in where."""
    with site.database.readers() as session:
        return {table.name: sorted(map(repr, session.execute(select(table)))) for table in Base.metadata.sorted_tables
                if table.name not in ("logins", "login_attempts")}


@pytest.mark.parametrize("role", ROLES)
def test_what_is_not_ones_own_does_not_exist(foreign: tuple[Site, dict[str, object]], role: str) -> None:
    site, things = foreign
    visitor = site.visitor(ROLES[role])
    before = _contents(site)
    tried = 0
    for rule in site.app.url_map.iter_rules():
        if rule.endpoint == "static" or not rule.arguments or getattr(site.app.view_functions[rule.endpoint], "is_public", False):
            continue
        assert rule.arguments <= things.keys(), f"{rule}: say in `foreign` what of somebody else's it could be tried with"
        address = site.app.url_map.bind("localhost").build(rule.endpoint, {name: things[name] for name in rule.arguments})
        for method in sorted((rule.methods or set()) & {"GET", "POST"}):
            answer = visitor.get(address) if method == "GET" else visitor.post(address, SENT)
            moved_on = method == "GET" and answer.status_code == 303 and rule.endpoint == "inbox.reload"
            assert answer.status_code in (403, 404) or moved_on, (role, method, address, answer.status_code)
            assert "修一盏楼道灯" not in answer.text, (role, method, address)
            tried += 1
    assert tried >= 14
    assert _contents(site) == before


def test_nobody_who_is_not_signed_in_gets_further_than_the_door(foreign: tuple[Site, dict[str, object]]) -> None:
    site, things = foreign
    visitor = site.visitor()
    visitor.get("/login")
    before = _contents(site)
    for rule in site.app.url_map.iter_rules():
        if rule.endpoint in ("static", "healthz") or getattr(site.app.view_functions[rule.endpoint], "is_public", False):
            continue
        given = {name: things.get(name, 1) for name in rule.arguments}
        address = site.app.url_map.bind("localhost").build(rule.endpoint, given)
        for method in sorted((rule.methods or set()) & {"GET", "POST"}):
            answer = visitor.get(address) if method == "GET" else visitor.post(address, SENT)
            assert answer.status_code == 303 and answer.headers["Location"].startswith("/login"), (method, address)
    assert _contents(site) == before


def test_an_administrator_sees_every_matter_but_does_nobodys_work(site: Site) -> None:
    matter = site.registered()
    administrator = site.visitor(ADMINISTRATOR)
    assert administrator.get(f"/matters/{matter}").status_code == 200
    task = site.task(matter, "decide")
    for verb in ("claim", "complete", "draft"):
        assert administrator.post(f"/tasks/{task}/{verb}", {"verdict": "yes"}).status_code == 403
    assert site.open(matter) == ["decide"]
