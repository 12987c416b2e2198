"""The outline's edits: what was asked for is changed, and nothing else is lost."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from lxml import etree

from engine import definitions, packs
from engine.errors import Invalid, ModelRefused
from engine.packs import edit
from engine.packs.changes import changes
from engine.packs.edit import Details
from engine.packs.layout import FAULTS, measure
from engine.packs.outline import steps
from engine.packs.parameters import write
from engine.packs.xml import BPMN

ROOT = Path(__file__).parents[3]
FILES = dict(packs.read(ROOT / "processes" / "yizheng_sanyi").files)
POSTING = "posting.bpmn"


def _lines(data: bytes) -> list[str]:
    return data.decode().splitlines()


def _step(files: dict[str, bytes], path: str, element: str) -> Details:
    return edit.places(files, path)[element].details


def _elements(data: bytes) -> dict[str, str]:
    root = etree.fromstring(data)
    return {str(node.get("id")): etree.QName(node).localname for node in root.iter(f"{{{BPMN}}}*") if node.get("id")}


# --- numbers ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("key", sorted(packs.from_files(FILES).parameters.by_key))
def test_a_new_value_is_one_new_line_beside_the_old_ones(key: str) -> None:
    now = packs.from_files(FILES).parameters.by_key[key].values[-1]
    value = write(now.value)
    made = edit.set_parameter(FILES, key, value, "2030-01-01", "居民代表会议决定：照旧")
    before, after = _lines(FILES["parameters.yaml"]), _lines(made["parameters.yaml"])
    new = [line for line in after if "2030-01-01" in line]
    assert len(new) == 1
    after.remove(new[0])
    assert after == before
    parameter = packs.from_files(made).parameters.by_key[key]
    assert parameter.values[-1].value == now.value
    assert parameter.values[-1].source == "居民代表会议决定：照旧"


def test_a_value_of_the_same_day_is_corrected_in_place() -> None:
    made = edit.set_parameter(FILES, "posting.days", "20", "2026-01-01", "社区章程")
    values = packs.from_files(made).parameters.by_key["posting.days"].values
    assert [(one.value, one.source) for one in values] == [(20, "社区章程")]


def test_a_value_below_the_floor_is_refused_with_the_article() -> None:
    with pytest.raises(Invalid) as refused:
        edit.set_parameter(FILES, "posting.days", "10", "2026-06-01", "社区章程")
    assert "居委会组织法 2025 第三十四条" in str(refused.value.problems["value"])


@pytest.mark.parametrize(
    ("key", "value", "since", "source", "fields"),
    [
        ("posting.days", "十五", "2026-06-01", "章程", {"value"}),
        ("posting.days", "", "6月1日", " ", {"value", "since", "source"}),
        ("rep_meeting.quorum", "0.7", "2026-06-01", "章程", {"value"}),
        ("posting.days", "-3", "2026-06-01", "a" * 300, {"value", "source"}),
        ("posting.days", "20", "2026-06-01", "一\x07二", {"source"}),
        ("posting.days", "20: {a: b}", "2026-06-01\n", "章程", {"value"}),
    ],
)
def test_what_cannot_be_a_value_is_refused_beside_its_field(
    key: str, value: str, since: str, source: str, fields: set[str]
) -> None:
    with pytest.raises(Invalid) as refused:
        edit.set_parameter(FILES, key, value, since, source)
    assert set(refused.value.problems) == fields


# --- one step ---------------------------------------------------------------------------------------------------------
def test_a_step_is_renamed_and_given_to_others_and_every_other_byte_stays() -> None:
    wanted = Details("撤公告", ("clerk", "organizer"), "", "2", "", "居委会组织法 第三十四条", "4")
    made = edit.change_step(FILES, POSTING, "take_down", wanted)
    assert _step(made, POSTING, "take_down") == wanted
    before, after = _lines(FILES[POSTING]), _lines(made[POSTING])
    assert [line for line in after if line not in before] == [line for line in after if 'id="take_down"' in line]
    assert len(before) == len(after)
    assert {path: made[path] for path in made if path != POSTING} == {path: FILES[path] for path in FILES if path != POSTING}


def test_what_stays_the_same_is_not_written_anew() -> None:
    assert edit.change_step(FILES, POSTING, "take_down", _step(FILES, POSTING, "take_down")) == FILES


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        (Details(name=""), "name"),
        (Details(name="长" * 101), "name"),
        (Details(name="a\x00b"), "name"),
        (Details(name="核对", days="0"), "days"),
        (Details(name="核对", days="2", formula="3 + 4"), "formula"),
        (Details(name="核对", formula="3 +"), "formula"),
        (Details(name="核对", minutes="半小时"), "minutes"),
        (Details(name="核对", form="no_such_form"), "form"),
        (Details(name="核对", roles=("clerk><x",)), "roles"),
    ],
)
def test_what_cannot_be_said_of_a_step_is_refused_beside_its_field(wanted: Details, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        edit.change_step(FILES, POSTING, "take_down", wanted)
    assert list(refused.value.problems) == [field]


# --- adding and removing ----------------------------------------------------------------------------------------------
def test_a_new_step_stands_on_the_way_and_in_the_drawing() -> None:
    edited = edit.add_step(FILES, POSTING, "take_down", "拍照留存", ("supervision_committee",))
    data = edited.files[POSTING]
    assert f"forms/{edited.element}.form" in edited.files
    place = edit.places(edited.files, POSTING)[edited.element]
    assert place.details.name == "拍照留存"
    assert place.lane_roles == ("supervision_committee",)  # it went to the lane of that role
    assert place.details.roles == ()
    ways = {step.id: [way.to for way in step.ways] for step in steps(data)}
    assert ways["take_down"] == [edited.element]
    assert ways[edited.element] == ["stayed_up"]
    assert measure(data)["missing"] == 0
    definitions.compile_pack(packs.from_files(edited.files))
    assert [finding for finding in packs.lint(packs.from_files(edited.files)) if finding.severity == "error"] == []


def test_removing_the_new_step_leaves_the_model_as_it_was() -> None:
    added = edit.add_step(FILES, POSTING, "take_down", "拍照留存")
    removed = edit.remove_step(added.files, POSTING, added.element)
    assert changes(FILES, removed.files) == []
    assert not removed.crowded
    assert all(measure(removed.files[POSTING])[fault] == 0 for fault in FAULTS)


@pytest.mark.parametrize(
    ("element", "words"), [("take_down", "condition"), ("stayed_up", "ways lead to it"), ("posting_done", "must stay")]
)
def test_what_must_stay_is_refused_with_the_reason(element: str, words: str) -> None:
    if element == "take_down":  # on its way out there is a condition
        root = etree.fromstring(FILES[POSTING])
        flow = next(node for node in root.iter(f"{{{BPMN}}}sequenceFlow") if node.get("sourceRef") == element)
        etree.SubElement(flow, f"{{{BPMN}}}conditionExpression").text = "=true"
        files = {**FILES, POSTING: etree.tostring(root)}
    else:
        files = FILES
    with pytest.raises(ModelRefused, match=words):
        edit.remove_step(files, POSTING, element)


def test_nothing_is_added_behind_an_end_or_a_fork() -> None:
    for element in ("posting_done", "stayed_up"):
        with pytest.raises(Invalid):
            edit.add_step(FILES, POSTING, element, "再来一步")


def test_unknown_elements_and_attributes_survive() -> None:
    remark = '<!-- kept --><bpmn:textAnnotation id="remark"><bpmn:text>注</bpmn:text></bpmn:textAnnotation>'
    text = FILES[POSTING].decode().replace("</bpmn:process>", f"{remark}</bpmn:process>")
    data = text.replace('<bpmn:userTask id="take_down"', '<bpmn:userTask xmlns:x="urn:x" x:colour="red" id="take_down"').encode()
    files = {**FILES, POSTING: data}
    made = edit.add_step(files, POSTING, "take_down", "拍照留存").files
    made = edit.change_step(made, POSTING, "take_down", Details(name="撤公告"))
    for kept in (b'x:colour="red"', b"<!-- kept -->", b'id="remark"', "注".encode()):
        assert kept in made[POSTING]


def test_a_whole_new_drawing_is_made_only_when_asked_for() -> None:
    made = edit.redraw(FILES, POSTING)
    assert changes(FILES, made) == []
    assert all(measure(made[POSTING])[fault] == 0 for fault in FAULTS)


# --- at random --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("seed", range(5))
def test_random_edits_lose_nothing_and_stay_lawful_or_are_refused(seed: int) -> None:
    """Eighty edits each, one upon the other; the whole pack is compiled after every tenth."""
    chance = random.Random(seed)
    files = dict(FILES)
    models = [path for path in files if path.endswith(".bpmn")]
    done = 0
    for turn in range(80):
        path = chance.choice(models)
        before = _elements(files[path])
        element, place = chance.choice(sorted(edit.places(files, path).items()))
        verb = chance.choice(("add", "add", "remove", "change"))
        gone: set[str] = set()
        try:
            if verb == "add":
                files = edit.add_step(files, path, element, f"第{turn}步", chance.choice(((), ("clerk",), ("committee",)))).files
            elif verb == "remove":
                files = edit.remove_step(files, path, element).files
                gone = set(before) - set(_elements(files[path]))
                assert [before[one] for one in gone].count("sequenceFlow") == 1
            else:
                wanted = Details(f"改{turn}", place.details.roles, place.details.form, str(chance.randint(1, 30)), "", "", "5")
                files = edit.change_step(files, path, element, wanted)
        except (Invalid, ModelRefused) as refusal:
            assert str(refusal.sentence)
            continue
        done += 1
        after = _elements(files[path])
        assert {one: tag for one, tag in before.items() if one not in gone}.items() <= after.items()
        assert list(after.values()).count("lane") == list(before.values()).count("lane")
        assert measure(files[path])["missing"] == 0
        if turn % 10 == 9:
            definitions.compile_pack(packs.from_files(files))
    assert done > 30
    definitions.compile_pack(packs.from_files(files))
