"""Putting packs into use: who may, where they hold, and what starts by itself."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select

from engine import clock, deployments, packs, worker
from engine.access import Actor
from engine.errors import Forbidden, ModelRefused, NotFound
from engine.models import Deployment, Instance, ProcessDefinition, Unit

from .conftest import HEAD, House

SMALL = """<process id="small" isExecutable="true" name="小事"><startEvent id="begin"/><sequenceFlow id="a" sourceRef="begin" targetRef="work"/>
<userTask id="work"/></process>"""
NIGHTLY = """<process id="nightly" isExecutable="true"><startEvent id="night"><timerEventDefinition><timeDate>2026-03-03T00:00:00+08:00</timeDate>
</timerEventDefinition></startEvent><sequenceFlow id="a" sourceRef="night" targetRef="look"/><userTask id="look"/></process>"""


def test_only_an_administrator_puts_a_procedure_into_use(house: House) -> None:
    with pytest.raises(Forbidden):
        house.deploy(SMALL, actor=house.person("sunsansi", "clerk"))
    assert house.deploy(SMALL, actor=house.person("fengbada", "administrator")) == "small"


@pytest.mark.parametrize("body", [
    SMALL.replace('targetRef="work"', 'targetRef="nowhere"'),
    SMALL.replace('<userTask id="work"/>', '<scriptTask id="work" scriptFormat="groovy"><script>1</script></scriptTask>'),
    SMALL.replace('isExecutable="true"', 'isExecutable="false"'),
    SMALL.replace('<userTask id="work"/>', '<exclusiveGateway id="work"/><sequenceFlow id="b" sourceRef="work" targetRef="work">'
                  '<conditionExpression>1 +</conditionExpression></sequenceFlow>'),
])
def test_of_a_refused_model_nothing_is_written(house: House, body: str) -> None:
    with pytest.raises(ModelRefused) as refused:
        house.deploy(body)
    assert refused.value.where.get("file") == "model.bpmn"
    with house.database.sessions() as session:
        assert session.scalar(select(func.count()).select_from(Deployment)) == 0
        assert session.scalar(select(func.count()).select_from(ProcessDefinition)) == 0


def test_a_community_may_have_a_version_of_its_own(house: House) -> None:
    house.deploy(SMALL)
    with house.database.sessions() as session:
        community = house.unit(session)
        district = session.get_one(Unit, int(community.path.split("/")[1]))
        other = Unit(kind="community", name="另一社区", code="other", path="", parent_id=community.parent_id)
        session.add(other)
        session.flush()
        other.path = community.path.rsplit("/", 2)[0] + f"/{other.id}/"
        pack = packs.from_files({"model.bpmn": (HEAD + SMALL.replace("小事", "区里的小事") + "</definitions>").encode()}, name="model")
        deployments.deploy(session, pack, district, Actor.system())
        assert deployments.find(session, "small", community).name == "小事"
        assert deployments.find(session, "small", other).name == "区里的小事"
        with pytest.raises(NotFound):
            deployments.find(session, "great", other)


def test_a_part_and_what_starts_by_itself_are_not_offered_to_people(house: House) -> None:
    house.deploy(SMALL + SMALL.replace('id="small"', 'id="part" yishi:part="true"').replace('"begin"', '"b2"').replace('"a"', '"a2"')
                 .replace('"work"', '"w2"') + NIGHTLY.replace('id="a"', 'id="n"'))
    with house.database.sessions() as session:
        assert [d.key for d in deployments.startable(session, house.unit(session))] == ["small"]
        assert len(deployments.in_use(session, house.unit(session))) == 3


def test_a_timer_starts_a_process_once(any_house: House) -> None:
    with clock.virtual(datetime(2026, 3, 2, 9, tzinfo=UTC)) as hands:
        any_house.deploy(NIGHTLY)
        assert worker.work_off(any_house.database) == 0
        hands.move(datetime(2026, 3, 2, 16, tzinfo=UTC))
        assert worker.work_off(any_house.database) == 1
        hands.move(datetime(2026, 3, 9, 16, tzinfo=UTC))
        assert worker.work_off(any_house.database) == 0
        with any_house.database.sessions() as session:
            (only,) = session.scalars(select(Instance.id))
        assert any_house.open(only) == ["look"]


def test_a_cycle_starts_a_process_again_and_again(any_house: House) -> None:
    yearly = NIGHTLY.replace("timeDate>2026-03-03T00:00:00+08:00</timeDate", "timeCycle>R2/2026-12-01T09:00:00+08:00/P1Y</timeCycle")
    with clock.virtual(datetime(2026, 3, 2, 9, tzinfo=UTC)) as hands:
        any_house.deploy(yearly)
        for year in (2026, 2027, 2028):
            hands.move(datetime(year, 12, 2, tzinfo=UTC))
            worker.work_off(any_house.database)
        with any_house.database.sessions() as session:
            assert len(session.scalars(select(Instance.id)).all()) == 2


def test_somebody_of_another_district_sees_none_of_it(house: House) -> None:
    house.deploy(SMALL)
    stranger = Actor(99, "外人", frozenset({("administrator", 4711)}), {4711: "/4711/"})
    own = house.person("fengbada", "administrator")
    with house.database.sessions() as session:
        assert deployments.versions(session, stranger) == []
        number = session.scalars(select(Deployment.id)).one()
        with pytest.raises(NotFound):
            deployments.get(session, stranger, number)
        assert deployments.get(session, own, number).pack == "model"
