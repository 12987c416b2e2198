"""Every pack that the product comes with: it compiles, reads well, is drawn well, keeps the law and tells its stories.

`python -m tests.test_packs` writes the generated part of their READMEs anew.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path

import pytest
from lxml import etree
from sqlalchemy import select

from engine import definitions, packs, scenario
from engine.access import ROLES
from engine.definitions import Compiled, Place
from engine.errors import ModelRefused
from engine.models import Task
from engine.packs.layout.measure import FAULTS, measure
from engine.packs.outline import steps
from engine.packs.parameters import number

ROOT = Path(__file__).parents[1]
BPMN = "{http://www.omg.org/spec/BPMN/20100524/MODEL}"
DMN = "{https://www.omg.org/spec/DMN/20191111/MODEL/}"
ID = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*\Z")
BEGIN, END = "<!-- generated: begin -->\n", "<!-- generated: end -->\n"
PEOPLE = ("userTask", "manualTask")
SHIPPED = {pack.key: pack for pack in packs.shipped()}
SCENARIOS = [(key, path) for key, pack in SHIPPED.items() for path in pack.scenarios]
MODELS = [(key, path) for key, pack in SHIPPED.items() for path in pack.models]
each_pack = pytest.mark.parametrize("key", SHIPPED)


@pytest.fixture(scope="module")
def compiled() -> Mapping[str, Compiled]:
    return {key: definitions.compile_pack(pack) for key, pack in SHIPPED.items()}


def _places(compiled: Compiled) -> Iterator[Place]:
    for places in compiled.places.values():
        yield from places.values()


def _tree(content: bytes) -> etree._Element:
    return etree.fromstring(content, etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False))


def test_the_procedure_is_on_the_shelf() -> None:
    assert "yizheng_sanyi" in SHIPPED


# --- models ---------------------------------------------------------------------------------------------------------
@each_pack
def test_nothing_is_found_wrong_with_it(key: str) -> None:
    assert [f"{found.file}:{found.line} {found.sentence}" for found in packs.lint(SHIPPED[key])] == []


@each_pack
def test_whoever_reads_a_step_learns_why_it_is_there(key: str, compiled: Mapping[str, Compiled]) -> None:
    silent = [
        place.element.id
        for place in _places(compiled[key])
        if place.element.kind in PEOPLE and "。" not in (place.element.documentation or "")
    ]
    assert silent == []


@each_pack
def test_every_task_of_people_has_a_form_and_somebody_for_it(key: str, compiled: Mapping[str, Compiled]) -> None:
    made = compiled[key]
    tasks = [place for place in _places(made) if place.element.kind in PEOPLE]
    assert tasks
    assert [place.element.id for place in tasks if place.form not in made.forms] == []
    assert [place.element.id for place in tasks if not place.roles] == []
    assert {role for place in tasks for role in place.roles} <= ROLES.keys()


@each_pack
def test_no_form_is_left_over(key: str, compiled: Mapping[str, Compiled]) -> None:
    assert set(compiled[key].forms) <= {place.form for place in _places(compiled[key])}


@each_pack
def test_people_who_supervise_are_asked_for_no_decision(key: str, compiled: Mapping[str, Compiled]) -> None:
    for place in _places(compiled[key]):
        if place.element.kind in PEOPLE:
            assert [role for role in place.roles if place.kind in ROLES[role].never] == [], place.element.id


@each_pack
def test_ids_are_words_in_snake_case(key: str) -> None:
    for path, content in {**SHIPPED[key].models, **SHIPPED[key].decisions}.items():
        named = [node for node in _tree(content).iter() if isinstance(node.tag, str) and node.tag.startswith((BPMN, DMN))]
        assert [node.get("id") for node in named if node.get("id") and not ID.match(node.get("id", ""))] == [], path


@pytest.mark.parametrize(("key", "path"), MODELS)
def test_it_is_drawn_as_one_would_hang_it_on_a_wall(key: str, path: str) -> None:
    measured = measure(SHIPPED[key].models[path])
    assert {fault: measured[fault] for fault in FAULTS if measured[fault]} == {}


@pytest.mark.parametrize(("key", "path"), MODELS)
def test_names_are_short_enough_for_a_phone(key: str, path: str) -> None:
    """Gateways up to 8 characters, ways out up to 5, steps up to 12: the measures of a good diagram."""
    limits = {"sequenceFlow": 5, "exclusiveGateway": 8, "userTask": 12, "callActivity": 12, "scriptTask": 12, "serviceTask": 12}
    tree = _tree(SHIPPED[key].models[path])
    assert [
        node.get("name") for kind, limit in limits.items() for node in tree.iter(BPMN + kind) if len(node.get("name") or "") > limit
    ] == []


# --- numbers of law ---------------------------------------------------------------------------------------------------
@each_pack
def test_every_number_has_a_source_and_keeps_to_the_limits_of_law(key: str) -> None:
    parameters = SHIPPED[key].parameters
    assert [str(problem.sentence) for problem in parameters.problems()] == []
    assert [one.key for one in parameters.by_key.values() if not all(value.source for value in one.values)] == []


@each_pack
def test_every_number_that_a_model_asks_for_is_there(key: str) -> None:
    pack = SHIPPED[key]
    known = set(pack.parameters.by_key)
    asked = {
        name
        for path, content in pack.files.items()
        if path.endswith((".bpmn", ".dmn", ".form"))
        for name in re.findall(r"parameters\.([a-z_]+\.[a-z_]+)", content.decode("utf-8"))
    }
    assert asked - known == set()


def test_a_district_may_not_post_for_less_than_the_law_asks() -> None:
    """居委会组织法 第三十四条: at least fifteen days."""
    pack = SHIPPED["yizheng_sanyi"]
    text = pack.files["parameters.yaml"].decode("utf-8")
    lowered = re.sub(r"(posting\.days:.*?value: )15", r"\g<1>10", text, count=1, flags=re.DOTALL)
    shorter = {**pack.files, "parameters.yaml": lowered.encode("utf-8")}
    refusals = packs.from_files(shorter).parameters.problems()
    assert [type(refusal) for refusal in refusals] == [ModelRefused]
    assert "第三十四条" in str(refusals[0].sentence)


@pytest.mark.parametrize(("parameter", "least"), [
    ("rep_meeting.quorum", "2/3"), ("rep_meeting.pass", "1/2"), ("res_meeting.quorum", "1/2"), ("res_meeting.notice_days", "10"),
    ("party_meeting.quorum", "1/2"), ("party_meeting.pass", "1/2"), ("posting.days", "15"),
])  # fmt: skip
def test_the_floors_of_law_are_those_of_the_law(parameter: str, least: str) -> None:
    found = SHIPPED["yizheng_sanyi"].parameters.by_key[parameter]
    assert [packs.parameters.write(limit.value) for limit in found.limits if not limit.highest] == [least]


@pytest.mark.parametrize(("parameter", "most"), [
    ("call_rep_meeting.demand", "1/5"), ("call_res_meeting.demand_by_residents", "1/10"),
    ("call_res_meeting.demand_by_representatives", "1/3"),
])  # fmt: skip
def test_nobody_may_make_it_harder_to_demand_a_meeting(parameter: str, most: str) -> None:
    """居委会组织法 第二十六条、第二十八条 say how many are enough: a district may ask for fewer, not for more."""
    found = SHIPPED["yizheng_sanyi"].parameters.by_key[parameter]
    assert [packs.parameters.write(limit.value) for limit in found.limits if limit.highest] == [most]
    value = found.at(date(2026, 3, 2))
    assert value is not None and (number(value.value) or 1) <= (number(found.limits[0].value) or 0)


# --- tables ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("category", "traits", "authorisation", "route", "body"), [
    ("public_works", [], None, "procedure", "representatives"),
    ("charter", [], None, "procedure", "residents"),
    ("charter", [], "2026-01-20 居授1号", "procedure", "representatives"),
    ("other", ["all_residents"], None, "procedure", "residents"),
    ("public_works", ["fund_raising"], "2026-01-20 居授1号", "procedure", "residents"),
    ("owners", [], None, "owners", "none"),
    ("owners", ["urgent"], None, "owners", "none"),
    ("house_use", [], None, "owners", "none"),
    ("lift", [], None, "owners", "none"),
    ("election", [], None, "excluded", "none"),
    ("government", [], None, "excluded", "none"),
    ("village_assets", [], None, "excluded", "none"),
    ("public_works", ["takes_rights", "urgent"], None, "excluded", "none"),
    ("dispute", [], None, "mediation", "none"),
    ("public_works", ["small"], None, "quick_talk", "none"),
    ("public_works", ["small", "fund_raising"], None, "procedure", "residents"),
    ("public_works", ["urgent"], None, "emergency", "none"),
])  # fmt: skip
def test_a_motion_goes_the_way_that_the_table_of_scope_says(
    category: str, traits: list[str], authorisation: str | None, route: str, body: str, compiled: Mapping[str, Compiled]
) -> None:
    names = {"category": category, "traits": traits, "authorisation": authorisation}
    found = compiled["yizheng_sanyi"].evaluator.decide("scope", names)
    assert (found["route"], found["body"]) == (route, body)
    assert found["reason"] and found["law"]


@pytest.mark.parametrize(("kind", "signed", "base", "reached", "required"), [
    ("representatives_meeting", 12, 60, True, 12), ("representatives_meeting", 11, 60, False, 12),
    ("representatives_meeting", 13, 61, True, 13), ("residents_meeting_by_residents", 90, 900, True, 90),
    ("residents_meeting_by_representatives", 20, 61, False, 21),
])  # fmt: skip
def test_so_many_names_are_enough(
    kind: str, signed: int, base: int, reached: bool, required: int, compiled: Mapping[str, Compiled]
) -> None:
    """“以上” includes the number itself [民法典 §1259]."""
    made = compiled["yizheng_sanyi"]
    numbers = made.pack.parameters.context(date(2026, 3, 2))
    names = {"demand_kind": kind, "signed": signed, "base_total": base, "parameters": numbers}
    found = made.evaluator.decide("demand", names)
    assert (found["reached"], found["required"]) == (reached, required)


# --- stories --------------------------------------------------------------------------------------------------------
_told: dict[tuple[str, str], set[str]] = {}
"""The sequence flows which each story has taken."""


@pytest.mark.parametrize(("key", "path"), SCENARIOS)
def test_the_story_goes_as_it_is_told(key: str, path: str) -> None:
    story, models = scenario.from_pack(SHIPPED[key], path)
    outcome = scenario.run(story, models)
    _told[key, path] = outcome.flows
    assert outcome.failure is None, f"line {outcome.failure.line}: {outcome.failure.sentence}"


@each_pack
def test_the_stories_go_every_way(key: str, compiled: Mapping[str, Compiled]) -> None:
    """A way which none of them takes is not known to work."""
    definition = compiled[key].definition
    ways = {
        flow.id
        for process in definition.processes
        for element in definition.elements(process).values()
        for flow in element.outgoing
    }
    for path in SHIPPED[key].scenarios:
        if (key, path) not in _told:
            test_the_story_goes_as_it_is_told(key, path)
    assert ways - set().union(*(_told[key, path] for path in SHIPPED[key].scenarios)) == set()


def test_the_step_line_goes_with_the_matter() -> None:
    """Parts that several stages call take the stage of the step which calls them."""
    pack = SHIPPED["yizheng_sanyi"]
    story, models = scenario.from_pack(pack, "scenarios/passes.scenario.yaml")
    world = scenario.World()
    assert scenario.run(story, models, world).failure is None
    with world.database.sessions() as session:
        tasks = session.execute(select(Task.element, Task.stage).order_by(Task.id)).all()
    world.close()
    assert [stage for element, stage in tasks if element == "enter_vote"] == ["一征", "一议", "二议", "三议"]
    assert [stage for element, stage in tasks if element == "verify_posting"] == ["一公开", "二公开"]
    stages = list(dict.fromkeys(stage for _, stage in tasks))
    assert set(stages) == {"动议", "一征", "一议", "二议", "三议", "一公开", "实施", "二公开", "评议", "归档"}


# --- what its README says -------------------------------------------------------------------------------------------
def generated(pack: packs.Pack) -> str:
    """-> the part of a pack's README that is made from its files: the procedure in words, the sheets, the stories."""
    lines = ["### 大纲\n"]
    main = pack.models["procedure.bpmn"]
    for step in steps(main):
        ways = "；".join(str(way.sentence()) for way in step.ways)
        sheet = f"〔{step.calls}〕" if step.calls else ""
        lines.append(f"{'  ' * step.depth}- **{step.number}** {step.name}{sheet}" + (f" {ways}" if ways else ""))
    lines += ["\n### 图\n", "| 图 | 名称 | 讲什么 |", "|---|---|---|"]
    for path, content in pack.models.items():
        process = _tree(content).find(f"{BPMN}process")
        assert process is not None
        said = " ".join((process.findtext(f"{BPMN}documentation") or "").split())
        lines.append(f"| `{path}` | {process.get('name')} | {said.split('来源：')[0].strip()} |")
    lines += ["\n### 情景\n"]
    lines += [f"- `{Path(path).name}` {scenario.read(content, path).title}" for path, content in pack.scenarios.items()]
    return "\n".join(lines) + "\n"


@each_pack
def test_the_readme_tells_what_the_files_say(key: str) -> None:
    page = SHIPPED[key].files["README.md"].decode("utf-8")
    assert page.partition(BEGIN)[2].partition(END)[0] == generated(SHIPPED[key])


if __name__ == "__main__":
    for pack in SHIPPED.values():
        readme = ROOT / "processes" / pack.key / "README.md"
        before, _, rest = readme.read_text(encoding="utf-8").partition(BEGIN)
        readme.write_text(before + BEGIN + generated(pack) + END + rest.partition(END)[2], encoding="utf-8")
