"""What is wrong with a pack, found before anybody deploys it."""

import pytest

from engine import packs
from engine.errors import EngineError
from engine.packs.layout import layout

HEAD = """<bpmn:definitions xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:yishi="http://yishi.org/schema/1.0"
 xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" id="visit_definitions" targetNamespace="t">
<bpmn:process id="visit" name="走访" isExecutable="true">
<bpmn:laneSet id="lanes"><bpmn:lane id="clerk_lane" name="社区专干" yishi:role="clerk">
<bpmn:flowNodeRef>begin</bpmn:flowNodeRef><bpmn:flowNodeRef>register</bpmn:flowNodeRef><bpmn:flowNodeRef>urgent</bpmn:flowNodeRef>
<bpmn:flowNodeRef>soon</bpmn:flowNodeRef><bpmn:flowNodeRef>later</bpmn:flowNodeRef></bpmn:lane></bpmn:laneSet>
<bpmn:startEvent id="begin"/>
"""
REGISTER = """<bpmn:userTask id="register" name="登记" yishi:kind="registration" yishi:due="=duration(&quot;P2D&quot;)"
 yishi:minutes="3"/>
"""
GATEWAY = """<bpmn:exclusiveGateway id="urgent" name="急？" default="to_later"/>
"""
URGENT = """<bpmn:sequenceFlow id="to_soon" name="急" sourceRef="urgent" targetRef="soon">
<bpmn:conditionExpression>days &lt; parameters.visit.days</bpmn:conditionExpression></bpmn:sequenceFlow>
"""
TAIL = """<bpmn:endEvent id="soon" name="马上办"/><bpmn:endEvent id="later" name="再说"/>
<bpmn:sequenceFlow id="to_register" sourceRef="begin" targetRef="register"/>
<bpmn:sequenceFlow id="to_urgent" sourceRef="register" targetRef="urgent"/>
<bpmn:sequenceFlow id="to_later" name="不急" sourceRef="urgent" targetRef="later"/>
</bpmn:process></bpmn:definitions>"""
MODEL = HEAD + REGISTER + GATEWAY + URGENT + TAIL
FORM = """{"type": "default", "id": "register", "schemaVersion": 16, "components":
 [{"type": "number", "id": "days", "key": "days", "label": "几天"}]}"""
PARAMETERS = """parameters:
  visit.days:
    title: 几天以内算急
    values: [{from: 2026-01-01, value: 3, source: 本制度自定}]
"""
SCENARIO = """scenario: 急的马上办
steps:
  - complete: register
    with: {days: 1}
  - expect: {ended: [soon], state: completed}
"""


def pack(model=MODEL, *, draw=True, **more):
    files = {
        "pack.yaml": "pack: visits\ntitle: 走访\nversion: 1.0.0\nprocesses: [visit]\nnorms: [{short: 居委会组织法}]\n",
        "parameters.yaml": PARAMETERS,
        "scenarios/soon.scenario.yaml": SCENARIO,
        "forms/register.form": FORM,
    }
    files |= {name.replace("__", "/").replace("_dot_", "."): text for name, text in more.items()}
    content = {name: text.encode() for name, text in files.items()}
    content["visit.bpmn"] = layout(model.encode()) if draw else model.encode()
    return packs.from_files(content)


def found(of):
    return [(one.severity, one.element, str(one.sentence)) for one in packs.lint(of)]


def test_a_careful_pack_leaves_nothing_to_say():
    assert found(pack()) == []


def test_the_packs_that_the_product_comes_with_have_no_errors():
    for one in packs.shipped():
        assert [str(f) for f in packs.lint(one) if f.severity == "error"] == []


@pytest.mark.parametrize(
    ("old", "new", "severity", "element", "words"),
    [
        ('yishi:kind="registration"', 'yishi:kind="rubber_stamp"', "error", "register", "rubber_stamp is no kind of step"),
        ('yishi:minutes="3"', 'yishi:minuets="3"', "error", "register", "yishi:minuets is not known"),
        ('yishi:minutes="3"', 'yishi:minutes="soon"', "error", "register", "a whole number"),
        ('yishi:minutes="3"', 'yishi:posting="rumour"', "error", "register", "no kind of posting"),
        ('yishi:minutes="3"', 'yishi:law="某某条例 第三条"', "hint", "register", "not among the norms"),
        ("=duration(", "=duration((", "error", "register", "cannot be read"),
        ("days &lt; parameters", "dyas &lt; parameters", "warning", "to_soon", "Nothing gives dyas"),
        ("days &lt; parameters", "days &lt;&lt; parameters", "error", "to_soon", ""),
        ('yishi:role="clerk"', "", "warning", "clerk_lane", "has no role"),
        ('yishi:role="clerk"', 'yishi:role="clark"', "warning", "clerk_lane", "The role clark is none"),
        ('name="登记"', "", "warning", "register", "has no name"),
        ('name="急？"', "", "warning", "urgent", "asks no question"),
        ('name="急" ', "", "warning", "to_soon", "has no name: say in which case"),
        ('name="走访"', "", "warning", "visit", "process visit has no name"),
        (REGISTER, REGISTER.replace('"register"', '"Register1"'), "error", "to_register", ""),
        (GATEWAY, GATEWAY + '<bpmn:task id="astray" name="迷路"/>', "warning", "astray", "No way leads to astray"),
        ('<bpmn:endEvent id="soon" name="马上办"/>',
         '<bpmn:task id="soon" name="马上办"/>', "warning", "soon", "without an end event"),
        (GATEWAY, GATEWAY + '<bpmn:callActivity id="call" name="叫" calledElement="gone"/>',
         "error", "call", "calls the process gone"),
        (GATEWAY, GATEWAY + '<bpmn:businessRuleTask id="rule" name="判" yishi:decisionRef="gone"/>', "error", "rule", "gone"),
    ],
)  # fmt: skip
def test_a_slip_is_found_at_its_element(old, new, severity, element, words):
    assert old in MODEL
    matching = [
        one for one in found(pack(MODEL.replace(old, new, 1), draw=False)) if one[:2] == (severity, element) and words in one[2]
    ]
    assert matching


def test_a_finding_has_file_and_line():
    (finding,) = [one for one in packs.lint(pack(MODEL.replace("registration", "stamp"), draw=False)) if one.severity == "error"]
    assert finding.file == "visit.bpmn"
    assert MODEL.splitlines()[finding.line - 1] == ' yishi:minutes="3"/>', "the line on which its tag ends"


def test_a_way_without_end_and_a_step_that_is_not_drawn_are_found():
    circle = MODEL.replace('sourceRef="urgent" targetRef="later"', 'sourceRef="urgent" targetRef="register"').replace(
        'targetRef="soon"', 'targetRef="register"'
    )
    assert ("warning", "register", "From register no way leads to an end.") in found(pack(circle))
    assert ("warning", None, "The model has no diagram: lay it out.") in found(pack(draw=False))
    undrawn = layout(MODEL.encode()).replace(b'bpmnElement="later"', b'bpmnElement="nobody"').decode()
    assert ("warning", "later", "later is missing in the diagram.") in found(pack(undrawn, draw=False))


def test_forms_scenarios_parameters_and_the_manifest_are_held_against_the_models():
    assert found(pack(forms__orphan_dot_form=FORM)) == [("warning", None, "The form orphan belongs to no task.")]
    assert found(pack(scenarios__gone_dot_scenario_dot_yaml=SCENARIO.replace("register", "registre"))) == [
        ("error", "registre", "The scenario names registre, which no model has.")
    ]
    low = PARAMETERS + "    floor: {value: 5, source: 居委会组织法 第三十四条}\n"
    ((severity, element, sentence),) = found(pack(parameters_dot_yaml=low))
    assert (severity, element) == ("error", "visit.days")
    assert "居委会组织法 第三十四条" in sentence
    manifest = "pack: visits\ntitle: 走访\nversion: 1.0.0\nprocesses: [visit, gone]\nrequires: [nowhere]\n"
    assert {one[2] for one in found(pack(pack_dot_yaml=manifest))} == {
        "The manifest names the process gone, which no model has.",
        "The pack visits requires the pack nowhere, which is not there.",
    }
    without = pack()
    files = {name: data for name, data in without.files.items() if not name.endswith(".form")}
    assert ("warning", "register", "The task register has no form: there is no register.form.") in found(packs.from_files(files))


def test_what_cannot_even_be_read_is_told_in_one_sentence_each():
    broken = pack("<bpmn", draw=False, forms__register_dot_form="{", parameters_dot_yaml="- 1\n")
    files = {one.file for one in packs.lint(broken) if one.severity == "error"}
    assert files >= {"visit.bpmn", "forms/register.form", "parameters.yaml"}


def test_a_refusal_becomes_findings():
    error = EngineError("no", where={"file": "a.bpmn", "line": 3, "element": "x"})
    assert packs.findings_of(error) == [packs.Finding("error", error.sentence, "a.bpmn", 3, "x")]
