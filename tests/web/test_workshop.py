"""The workshop: an administrator opens a draft, changes a step and a number, tries it out and puts it into use."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from engine import deployments, drafts, packs
from engine.access import Actor
from engine.models import Deployment, PackDraft, Unit
from engine.packs import edit

from .conftest import ADMINISTRATOR, CLERK, ERRAND, Site, Visitor

STORY = """scenario: 登记以后决定
process: errand
start: {at: 2026-03-02T09:00:00+08:00, with: {title: 灯}}
steps:
  - expect: {tasks: [register]}
"""
NUMBERS = """# 数
parameters:
  errand.days:
    title: 张贴天数
    unit: 日
    values:
      - {from: 2026-01-01, value: 15, source: 居委会组织法 第三十四条}
    floor: {value: 15, source: 居委会组织法 第三十四条}   # 下限
"""


@pytest.fixture
def workshop(open_site: Callable[..., Site]) -> Iterator[tuple[Site, int]]:
    """A site in which the small procedure has a story and a number, and a draft of it."""
    site = open_site()
    with site.database.sessions() as session:
        unit = session.scalars(select(Unit).where(Unit.kind == "district")).first()
        assert unit is not None
        files = {**packs.read(ERRAND).files, "scenarios/first.scenario.yaml": STORY.encode(), "parameters.yaml": NUMBERS.encode(),
                 "pack.yaml": "pack: errand\ntitle: 办小事\nversion: 1.0.0\n".encode()}
        deployment = deployments.deploy(session, packs.from_files(files, name="errand"), unit, Actor.system())
        draft = drafts.open_from(session, deployment, unit, Actor.system())
        session.commit()
        yield site, draft.id


def _page(answer: TestResponse, status: int = 200) -> str:
    assert answer.status_code == status, answer.get_data(as_text=True)[:3000]
    return answer.get_data(as_text=True)


def _files(site: Site, draft: int) -> dict[str, bytes]:
    with site.database.readers() as session:
        return drafts.files_of(session, session.get_one(PackDraft, draft))


def _step(visitor: Visitor, draft: int, version: int, element: str, do: str, **fields: str | list[str]) -> TestResponse:
    sent = {"version": version, "part": "errand.bpmn", "element": element, "do": do, **fields}
    return visitor.post(f"/workshop/{draft}/step", sent)


def test_any_version_is_opened_as_a_draft(site: Site) -> None:
    visitor = site.visitor(ADMINISTRATOR)
    page = _page(visitor.get("/workshop/"))
    deployment = re.search(r'<option value="(\d+)">', page)
    unit = re.search(r'name="unit"><option value="([^"]+)"', page)
    assert deployment and unit
    answer = visitor.post("/workshop/open", {"deployment": deployment[1], "unit": unit[1]})
    assert answer.status_code == 303
    assert "登记小事" in _page(visitor.get(answer.headers["Location"]))
    assert f'href="{answer.headers["Location"]}"' in _page(visitor.get("/workshop/"))


def test_who_may_not_deploy_has_no_workshop(workshop: tuple[Site, int]) -> None:
    site, draft = workshop
    visitor = site.visitor(CLERK)
    assert "/workshop/" not in _page(visitor.get("/"))
    _page(visitor.get("/workshop/"), 403)
    for view in ("", "numbers", "problems", "stories", "changes"):
        _page(visitor.get(f"/workshop/{draft}/{view}"), 404)
    _page(_step(visitor, draft, 1, "register", "remove"), 404)


def test_a_step_is_changed_with_its_fields(workshop: tuple[Site, int]) -> None:
    site, draft = workshop
    visitor = site.visitor(ADMINISTRATOR)
    answer = _step(visitor, draft, 1, "register", "save", name="登记", roles=["clerk", "organizer"], days="4", minutes="6",
                   law="甲")
    assert answer.status_code == 303
    place = edit.places(_files(site, draft), "errand.bpmn")["register"]
    assert place.details == edit.Details("登记", ("clerk", "organizer"), "", "4", "", "甲", "6")


def test_what_is_wrong_stands_beside_the_field_and_nothing_typed_is_lost(workshop: tuple[Site, int]) -> None:
    site, draft = workshop
    visitor = site.visitor(ADMINISTRATOR)
    page = _page(_step(visitor, draft, 1, "register", "save", name="改过的名字", days="很快"), 422)
    assert 'value="改过的名字"' in page and 'value="很快"' in page
    assert 'id="d-register-e"' in page and 'aria-invalid="true"' in page
    assert edit.places(_files(site, draft), "errand.bpmn")["register"].details.name == "登记小事"


def test_of_two_on_one_draft_the_second_is_told_and_keeps_what_was_typed(workshop: tuple[Site, int]) -> None:
    site, draft = workshop
    first, second = site.visitor(ADMINISTRATOR), site.visitor(ADMINISTRATOR)
    _step(first, draft, 1, "decide", "save", name="定下")
    page = _page(_step(second, draft, 1, "register", "save", name="登一登"), 409)
    assert "冯八达" in page and 'value="登一登"' in page and 'name="version" value="2"' in page
    assert _step(second, draft, 2, "register", "save", name="登一登").status_code == 303
    names = {key: place.details.name for key, place in edit.places(_files(site, draft), "errand.bpmn").items()}
    assert (names["decide"], names["register"]) == ("定下", "登一登")


def test_a_step_is_added_and_removed_again(workshop: tuple[Site, int]) -> None:
    site, draft = workshop
    visitor = site.visitor(ADMINISTRATOR)
    _page(_step(visitor, draft, 1, "register", "add", new_name=""), 422)
    answer = _step(visitor, draft, 1, "register", "add", new_name="复核一遍", new_roles=["director"])
    assert "复核一遍" in _page(visitor.get(answer.headers["Location"].split("#")[0]))
    assert "forms/step_1.form" in _files(site, draft)
    assert _step(visitor, draft, 2, "step_1", "remove").status_code == 303
    assert "forms/step_1.form" not in _files(site, draft)


def test_a_step_that_must_stay_says_why(workshop: tuple[Site, int]) -> None:
    site, draft = workshop
    visitor = site.visitor(ADMINISTRATOR)
    page = _page(visitor.get(f"/workshop/{draft}/"))
    assert 'aria-disabled="true" aria-describedby="r-decided"' in page
    _page(_step(visitor, draft, 1, "decided", "remove"), 422)


def test_the_drawing_is_laid_out_anew_only_when_asked_for(workshop: tuple[Site, int]) -> None:
    site, draft = workshop
    visitor = site.visitor(ADMINISTRATOR)
    visitor.get(f"/workshop/{draft}/?crowded=1")
    assert visitor.post(f"/workshop/{draft}/redraw", {"version": 1, "part": "errand.bpmn"}).status_code == 303
    assert b"BPMNShape" in _files(site, draft)["errand.bpmn"]


def test_a_number_is_changed_from_a_day_on_and_never_below_the_law(workshop: tuple[Site, int]) -> None:
    site, draft = workshop
    visitor = site.visitor(ADMINISTRATOR)
    assert "居委会组织法 第三十四条" in _page(visitor.get(f"/workshop/{draft}/numbers"))
    _page(visitor.get(f"/workshop/{draft}/number?key=errand.days"))
    sent = {"version": 1, "key": "errand.days", "value": "10", "since": "2027-01-01", "source": "章程"}
    page = _page(visitor.post(f"/workshop/{draft}/number", sent), 422)
    assert 'value="10"' in page and "居委会组织法 第三十四条" in page.split('id="value-e">')[1].split("</p>")[0]
    assert visitor.post(f"/workshop/{draft}/number", {**sent, "value": "20"}).status_code == 303
    kept = _files(site, draft)["parameters.yaml"].decode()
    assert kept.replace("      - {from: 2027-01-01, value: 20, source: 章程}\n", "") == NUMBERS
    page = _page(visitor.post(f"/workshop/{draft}/number", {**sent, "value": "30"}), 409)
    assert 'value="30"' in page


def test_a_problem_leads_to_its_step(workshop: tuple[Site, int]) -> None:
    site, draft = workshop
    with site.database.sessions() as session:
        row = session.get_one(PackDraft, draft)
        files = drafts.files_of(session, row)
        broken = {**files, "errand.bpmn": files["errand.bpmn"].replace(b'yishi:kind="proposal"', b'yishi:kind="nonsense"')}
        drafts.save(session, row, Actor.system(), broken, 1)
        session.commit()
    page = _page(site.visitor(ADMINISTRATOR).get(f"/workshop/{draft}/problems"))
    assert "定下来" in page and "step=decide#s-decide" in page


def test_a_changed_draft_is_tried_out_compared_and_put_into_use(workshop: tuple[Site, int]) -> None:
    site, draft = workshop
    matter = site.start()
    visitor = site.visitor(ADMINISTRATOR)
    _step(visitor, draft, 1, "register", "save", name="登记一下", roles=["clerk"], days="3", minutes="5",
          law="居委会组织法 第三十条")
    page = _page(visitor.get(f"/workshop/{draft}/changes"))
    assert "<del>登记小事</del> <ins>登记一下</ins>" in page
    assert 'aria-disabled="true" aria-describedby="why"' in page
    _page(visitor.post(f"/workshop/{draft}/deploy", {"version": 2}), 409)
    assert visitor.post(f"/workshop/{draft}/stories").status_code == 303
    assert "登记以后决定" in _page(visitor.get(f"/workshop/{draft}/stories"))
    assert "aria-disabled" not in _page(visitor.get(f"/workshop/{draft}/changes"))
    assert visitor.post(f"/workshop/{draft}/deploy", {"version": 2, "note": "说清楚"}).status_code == 303
    with site.database.readers() as session:
        latest = session.scalars(select(Deployment).order_by(Deployment.id.desc()).limit(1)).one()
        assert (latest.note, session.get(PackDraft, draft)) == ("说清楚", None)
    assert "登记小事" in _page(visitor.get(f"/matters/{matter}"))


def test_a_story_that_fails_keeps_the_draft_out_of_use_and_says_where(workshop: tuple[Site, int]) -> None:
    site, draft = workshop
    visitor = site.visitor(ADMINISTRATOR)
    _step(visitor, draft, 1, "begun", "add", new_name="先问一问", new_roles=["clerk"])
    visitor.post(f"/workshop/{draft}/stories")
    assert "y-note-bad" in _page(visitor.get(f"/workshop/{draft}/stories"))
    _page(visitor.post(f"/workshop/{draft}/deploy", {"version": 2}), 409)


def test_a_draft_is_given_up(workshop: tuple[Site, int]) -> None:
    site, draft = workshop
    visitor = site.visitor(ADMINISTRATOR)
    assert visitor.post(f"/workshop/{draft}/discard", {"version": 1}).status_code == 303
    _page(visitor.get(f"/workshop/{draft}/"), 404)
