"""Failures: what an administrator reads and does about them, and what the one reads to whom it happened."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import select

from engine import deployments, feel, instances, packs
from engine.access import Actor
from engine.models import Incident, Instance, Unit
from web.incidents import _value

from .conftest import ADMINISTRATOR, CLERK, COMMITTEE, COMMUNITY, DIRECTOR, SUPERVISOR, Site

COUNTS = """<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:yishi="http://yishi.org/schema/1.0" id="model"
 targetNamespace="http://yishi.org/test"><process id="counts" name="计票" isExecutable="true"><startEvent id="begin"/>
<sequenceFlow id="a" sourceRef="begin" targetRef="count"/><userTask id="count" name="计票" yishi:role="director"/>
<sequenceFlow id="b" sourceRef="count" targetRef="passed"/><exclusiveGateway id="passed" name="通过吗？"/>
<sequenceFlow id="yes" sourceRef="passed" targetRef="announce">
<conditionExpression>=45 * 3 >= should * 2</conditionExpression></sequenceFlow>
<sequenceFlow id="no" sourceRef="passed" targetRef="lost">
<conditionExpression>=45 * 3 &lt; should * 2</conditionExpression></sequenceFlow>
<userTask id="announce" name="公布" yishi:role="director"/><sequenceFlow id="c" sourceRef="announce" targetRef="done"/>
<endEvent id="done"/><endEvent id="lost"/></process></definitions>"""

SCRIPT = "<script>alert(1)</script>"
ADMINISTRATOR_ELSEWHERE = "youshili"
GROUNDS = "写了很久的理由"


@pytest.fixture
def failed(site: Site) -> tuple[Site, int, int]:
    """The director's decision leads nowhere in the model. -> the site, the matter, the number of the failure."""
    matter = site.registered()
    director = site.visitor(DIRECTOR)
    director.get("/")
    answer = director.post(f"/tasks/{site.task(matter, 'decide')}/complete", {"verdict": "stuck", "grounds": GROUNDS})
    assert answer.status_code == 500
    with site.database.readers() as session:
        number = session.scalars(select(Incident.id)).one()
    assert f"/incidents/{number}" in answer.text
    return site, matter, number


def test_an_administrator_sees_what_is_stuck_where_and_since_when(failed: tuple[Site, int, int]) -> None:
    site, _, number = failed
    visitor = site.visitor(ADMINISTRATOR)
    listed = visitor.get("/incidents/").text
    assert "修一盏楼道灯" in listed and f"/incidents/{number}" in listed and "定了？" in listed
    page = visitor.get(f"/incidents/{number}").text
    assert "定了？" in page and "定下来" in page
    assert 'name="value"' in page and GROUNDS not in page, "what somebody typed is theirs"


def test_whom_it_happened_to_reads_that_nothing_is_lost_and_can_do_nothing_about_it(failed: tuple[Site, int, int]) -> None:
    site, matter, number = failed
    director = site.visitor(DIRECTOR)
    page = director.get(f"/incidents/{number}").text
    assert 'name="value"' not in page and f"/tasks/{site.task(matter, 'decide')}" in page
    assert director.post(f"/incidents/{number}/retry").status_code == 403
    assert director.post(f"/incidents/{number}/dismiss").status_code == 403
    assert director.get("/incidents/").status_code == 403
    assert _state(site, matter) == "incident"


@pytest.mark.parametrize("login", [CLERK, COMMITTEE, SUPERVISOR, ADMINISTRATOR_ELSEWHERE])
def test_for_everybody_else_it_does_not_exist(failed: tuple[Site, int, int], login: str) -> None:
    site, matter, number = failed
    visitor = site.visitor(login)
    assert visitor.get(f"/incidents/{number}").status_code == 404
    assert visitor.post(f"/incidents/{number}/retry").status_code == 404
    assert visitor.post(f"/incidents/{number}/dismiss").status_code == 404
    assert "修一盏楼道灯" not in visitor.get("/incidents/").text
    assert _state(site, matter) == "incident"


def test_tried_again_it_fails_again_and_stays_open_with_what_was_typed(failed: tuple[Site, int, int]) -> None:
    site, matter, number = failed
    visitor = site.visitor(ADMINISTRATOR)
    visitor.get(f"/incidents/{number}")
    answer = visitor.post(f"/incidents/{number}/retry", {"name": "note", "value": SCRIPT})
    assert answer.status_code == 422 and SCRIPT not in answer.text and "&lt;script&gt;" in answer.text
    assert site.row(Incident, number).resolved_at is None and _state(site, matter) == "incident"
    assert "note" not in _variables(site, matter), "what was written for a try that failed is undone"


def test_with_what_was_missing_it_goes_on(site: Site) -> None:
    with site.database.sessions() as session:
        unit = session.scalars(select(Unit).where(Unit.code == COMMUNITY)).one()
        deployments.deploy(session, packs.from_files({"counts.bpmn": COUNTS.encode()}, name="counts"), unit, Actor.system())
        begun = instances.start(session, deployments.find(session, "counts", unit), Actor.system(), {}, unit=unit, title="晾衣绳")
        session.commit()
        matter = begun.id
    director = site.visitor(DIRECTOR)
    director.get("/")
    assert director.post(f"/tasks/{site.task(matter, 'count')}/complete").status_code == 500
    with site.database.readers() as session:
        number = session.scalars(select(Incident.id)).one()
    visitor = site.visitor(ADMINISTRATOR)
    visitor.get(f"/incidents/{number}")
    given = {"name": ["should", "place", "counted_on"], "value": ["61", "南门公开栏", 'date("2026-04-13")']}
    assert visitor.post(f"/incidents/{number}/retry", given).status_code == 303
    assert site.row(Incident, number).resolution == "retried" and _state(site, matter) == "running"
    assert site.open(matter) == ["announce"]
    found = _variables(site, matter)
    assert (found["should"], found["place"], feel.to_python(found["counted_on"])) == (61, "南门公开栏", date(2026, 4, 13))


@pytest.mark.parametrize(("text", "value"), [("12", 12), ("true", True), ('"12"', "12"), ("南门", "南门"), ("today", "today"),
                                             ("sum", "sum"), ("1 +", "1 +"), ("null", None), ("[1, 2]", [1, 2])])
def test_a_value_is_what_an_expression_would_make_of_it_else_text(text: str, value: object) -> None:
    assert _value(text) == value


def test_closed_without_another_try_the_task_can_be_sent_once_more(failed: tuple[Site, int, int]) -> None:
    site, matter, number = failed
    visitor = site.visitor(ADMINISTRATOR)
    visitor.get(f"/incidents/{number}")
    assert visitor.post(f"/incidents/{number}/dismiss").status_code == 303
    assert _state(site, matter) == "running" and site.row(Incident, number).resolution == "dismissed"
    assert visitor.post(f"/incidents/{number}/dismiss").status_code == 409
    assert visitor.post(f"/incidents/{number}/retry").status_code == 409
    director = site.visitor(DIRECTOR)
    assert GROUNDS in director.get(f"/tasks/{site.task(matter, 'decide')}").text


@pytest.mark.parametrize(("name", "value"), [("", "12"), ("n" * 101, "12"), ("note", "长" * 2001)])
def test_values_without_a_name_or_too_long_are_refused(failed: tuple[Site, int, int], name: str, value: str) -> None:
    site, _, number = failed
    visitor = site.visitor(ADMINISTRATOR)
    visitor.get(f"/incidents/{number}")
    assert visitor.post(f"/incidents/{number}/retry", {"name": name, "value": value}).status_code == 422


def test_without_the_token_of_the_form_nothing_is_put_right(failed: tuple[Site, int, int]) -> None:
    site, matter, number = failed
    visitor = site.visitor(ADMINISTRATOR)
    for verb in ("retry", "dismiss"):
        assert visitor.client.post(f"/incidents/{number}/{verb}").status_code == 400
    assert _state(site, matter) == "incident"


def _state(site: Site, matter: int) -> str:
    return str(site.row(Instance, matter).state)


def _variables(site: Site, matter: int) -> dict[str, object]:
    with site.database.readers() as session:
        return instances.variables(session, session.get_one(Instance, matter))
