"""Whole diagrams and edits of a drawing, judged by what a careful person would not draw."""

import re
from pathlib import Path

from engine.packs.layout import FAULTS, extend, layout, measure
from engine.packs.xml import BPMNDI, DC
from tests.engine.packs import edit
from tests.engine.packs.sketch import build

MODELS = Path(__file__).parent / "models"
LIMITS = {
    "linear": (0, 3),
    "blocks": (0, 7),
    "loop": (1, 5),
    "boundary": (1, 7),
    "embedded": (0, 6),
    "eventsubs": (0, 2),
    "main": (20, 47),
    "pools": (1, 4),
}


def source(name):
    text = MODELS / f"{name}.txt"
    return build(text.read_text(encoding="utf-8")) if text.exists() else (MODELS / f"{name}.bpmn").read_bytes()


def faults(xml):
    return {key: value for key, value in measure(xml).items() if key in FAULTS and value}


def boxes(xml):
    return {
        s.get("bpmnElement"): (float(s[0].get("x")), float(s[0].get("y")))
        for s in edit.parse(xml).iter(f"{{{BPMNDI}}}BPMNShape")
        if s[0].tag == f"{{{DC}}}Bounds"
    }


def test_whole_diagrams():
    for name, (crossings, bends) in LIMITS.items():
        drawn = layout(source(name))
        found = measure(drawn)
        assert not faults(drawn), (name, faults(drawn))
        assert found["crossings"] <= crossings and found["bends"] <= bends, (name, found)
        assert drawn == layout(source(name)), "the same model gives the same diagram"


def edits():
    """(name, edited model, nodes to move): what the outline does to the main procedure."""
    drawn = layout(source("main"))
    root = edit.parse(drawn)
    yield "nothing", drawn, root, ()
    edit.insert(root, "propose_to_proposed", "userTask", "circulate", "会前送阅材料")
    yield "a step in the same lane", drawn, root, ()
    root = edit.parse(drawn)
    edit.insert(root, "check_result_to_publish_result", "userTask", "sign", "组织员审阅", "opinions")
    yield "a step in another lane", drawn, root, ()
    root = edit.parse(drawn)
    edit.node(root, "satisfied", "userTask", "explain", "说明情况")
    edit.node(root, "satisfied", "endEvent", "explained", "已说明")
    edit.flow(root, "satisfied", "explain", "弃评")
    edit.flow(root, "explain", "explained")
    yield "a branch", drawn, root, ()
    root = edit.parse(drawn)
    late = edit.node(root, "implement", "boundaryEvent", "late", "逾期")
    late.set("attachedToRef", "implement")
    edit.node(root, "implement", "userTask", "urge", "催办施工")
    edit.flow(root, "late", "urge")
    yield "a boundary event with its branch", drawn, root, ()
    root = edit.parse(drawn)
    edit.insert(root, "verify_names_to_convene_meeting", "userTask", "record", "登记在册")
    yield "a step in an event sub-process", drawn, root, ()
    yield "a step moved", drawn, edit.parse(drawn), ("party_study",)


def test_edits_keep_the_drawing():
    for name, drawn, root, moved in edits():
        result = extend(edit.text(root), moved)
        assert not faults(result), (name, faults(result))
        before, after = boxes(drawn), boxes(result)
        ways = {tuple(round(b - a) for a, b in zip(before[i], after[i], strict=False)) for i in before if i not in moved}
        assert len(ways - {(0, 0)}) <= 1, (name, ways)  # stays, or moves aside by one and the same distance
        if name == "nothing":
            assert ways == {(0, 0)}


def test_lines_without_an_id_get_one_so_that_they_can_be_drawn():
    nameless = re.sub(rb'<bpmn:sequenceFlow id="[^"]*"', b"<bpmn:sequenceFlow", source("linear"))
    nameless = re.sub(rb"<bpmn:(incoming|outgoing)>[^<]*</bpmn:(incoming|outgoing)>", b"", nameless)
    assert not faults(layout(nameless))
    assert layout(nameless) == layout(nameless)
