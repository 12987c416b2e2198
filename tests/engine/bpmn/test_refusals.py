"""What a stranger may put into a model: refused with sentence, file, line and element, all problems at once; or translated."""

import pytest

from engine import bpmn
from engine.bpmn import dialects
from engine.bpmn.errors import Flaw
from tests.engine.bpmn import models as M
from tests.engine.bpmn.driver import Run, evaluator

PLAIN = M.one(M.nodes("s:s u:a e:e"), "s a e")


def problems(xml, name="m.bpmn"):
    with pytest.raises(bpmn.Refused) as caught:
        bpmn.compile({name: xml} if isinstance(xml, bytes) else xml, evaluator())
    return caught.value.problems


@pytest.mark.parametrize(
    ("xml", "element", "said"),
    [
        (
            M.one(
                M.nodes("s:s e:e") + '<scriptTask id="js" scriptFormat="javascript"><script>1</script></scriptTask>',
                "s js e",
            ),
            "js",
            "javascript",
        ),
        (M.one(M.nodes("s:s e:e") + '<serviceTask id="j" v:class="org.example.Pay"/>', "s j e"), "j", "topic"),
        (
            M.one(
                M.nodes("s:s e:e")
                + '<userTask id="u"><extensionElements><v:taskListener v:class="X"/></extensionElements></userTask>',
                "s u e",
            ),
            "u",
            "listener",
        ),
        (M.one(M.nodes("s:s x:g u:a,b e:e"), "s g; g a [x >]; g b *; a e; b e"), "f", "x >"),
        (PLAIN.replace(b'targetRef="e"', b'targetRef="zz"'), "f", "does not exist"),
        (PLAIN.replace(b"<userTask", b"<userTsk"), "a", "userTsk"),
        (M.one(M.nodes("s:s u:a e:e") + "<v:odd/>", "s a e"), "p", "odd"),
        (M.one(M.nodes("s:s e:e") + M.catch("t", "timer:P1X"), "s t e"), "t", "P1X"),
        (M.one(M.nodes("s:s e:e") + M.catch("t", "timer: "), "s t e"), "t", "no time"),
        (M.one(M.nodes("s:s e:e") + '<callActivity id="c"/>', "s c e"), "c", "calls nothing"),
        (M.one(M.nodes("s:s e:e") + '<businessRuleTask id="r" v:decisionRef="none"/>', "s r e"), "r", "no decision"),
        (M.one(M.nodes("s:s u:a e:e") + M.boundary("b", "a", "cancel"), "s a e; b e"), "b", "transaction"),
        (M.one(M.nodes("s:s u:a e:e") + M.throw("l", "link:L"), "s a l"), "l", "link"),
        (M.one(M.nodes("s:s u:a,b p:g e:e"), "s g; g a [x]; g b; a e; b e"), "g", "ignored"),
        (M.one(M.nodes("s:s u:a,b e:e") + '<complexGateway id="g"/>', "s a g; s b g; g e"), "g", "activationCondition"),
        (M.one(M.nodes("s:s e:e") + '<userTask id="a"/><userTask id="a"/>', "s a e"), "a", "twice"),
        (
            M.one(M.nodes("s:s e:e") + '<userTask id="m"><multiInstanceLoopCharacteristics/></userTask>', "s m e"),
            "m",
            "loopCardinality",
        ),
        (M.one(M.nodes("s:s e:e"), "s e").replace(b'isExecutable="true"', b'isExecutable="false"'), None, "executable"),
    ],
)
def test_a_model_is_refused_with_its_element_and_how_to_mend_it(xml, element, said):
    first = problems(xml)[0]
    assert (first.element or "").startswith(element or "") and said in str(first.sentence), str(first)
    assert first.file == "m.bpmn" and (first.line or element is None)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b'<!DOCTYPE x [<!ENTITY a "b">]>' + PLAIN, "DOCTYPE"),
        (b'<!DOCTYPE x SYSTEM "file:///etc/passwd">' + PLAIN, "DOCTYPE"),
        (
            b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;">]>'
            + PLAIN.replace(b'id="a"', b'id="a" name="&b;"'),
            "DOCTYPE",
        ),
        (b"x" * 5_000_001, "larger"),
        (b"<a>" * 10_000 + b"</a>" * 10_000, "nested deeper"),
        (PLAIN.replace(b'<userTask id="a"/>', b"<subProcess>" * 100 + b"</subProcess>" * 100), "nested deeper"),
        (PLAIN.replace(b'<userTask id="a"/>', b'<userTask id="a"/>' + b"<textAnnotation/>" * 50_001), "elements"),
        (b"", "no well-formed"),
        (b"not xml", "no well-formed"),
        (b"\xff\xfe\x00", "no well-formed"),
        (b"<html/>", "no BPMN"),
    ],
)
def test_a_hostile_file_gets_one_sentence(data, said):
    found = problems(data)
    assert len(found) == 1 and said in str(found[0].sentence), str(found[0])


def test_all_problems_of_all_files_are_told_at_once():
    bad = M.one(M.nodes("s:s x:g u:a,b e:e") + M.catch("t", "timer:P1X"), "s g; g a [1 +]; g b [2 +]; a t e; b e")
    found = problems({"one.bpmn": bad, "two.bpmn": b"<html/>"})
    assert [(p.file, (p.element or "")[:1]) for p in found] == [
        ("one.bpmn", "t"),
        ("one.bpmn", "f"),
        ("one.bpmn", "f"),
        ("two.bpmn", ""),
    ]


def test_two_files_with_the_same_process_are_refused():
    assert "Another file" in str(problems({"one": PLAIN, "two": PLAIN})[0].sentence)


def test_an_expression_that_fails_is_an_incident_with_its_element():
    with pytest.raises(bpmn.Incident) as caught:
        Run(
            {
                "m": M.one(
                    M.nodes("s:s x:g u:a,b e:e"), "s g; g a [mistyped &gt; 1]; g b *; a e; b e".replace("&gt;", ">")
                )
            }
        ).start()
    assert caught.value.element == "g" and "mistyped" in str(caught.value.sentence)


@pytest.mark.parametrize(
    ("juel", "names", "value"),
    [
        ("${amount > 100 && !approved}", {"amount": 150, "approved": False}, True),
        ("#{status == 'open' or status eq 'new'}", {"status": "new"}, True),
        ("${a ne b and not (a lt b)}", {"a": 3, "b": 2}, True),
        ("${empty list}", {"list": []}, True),
        ("${!empty name}", {"name": "x"}, True),
        ("${empty missing}", {}, True),
        ("${order.lines[0].price * 2 + 1}", {"order": {"lines": [{"price": 4}]}}, 9),
        ("${order['net price'] - 1}", {"order": {"net price": 5}}, 4),
        ("${ok ? 'yes' : 'no'}", {"ok": False}, "no"),
        ("${(1 + 2) * 3 - 4 / 2}", {}, 7),
        ("${7 % 4}", {}, 3),
        ("${-x}", {"x": 2}, -2),
        ("${name.equals('李四') || names.contains('x')}", {"name": "a", "names": ["x"]}, True),
        ("round_${loopCounter}", {"loopCounter": 3}, "round_3"),
        ("${'it\\'s \"so\"'}", {}, 'it\'s "so"'),
        ("= a + 1", {"a": 1}, 2),
        ("a + 1", {"a": 1}, 2),
    ],
)
def test_juel_becomes_feel(juel, names, value):
    assert evaluator().evaluate(dialects.expression(juel), names) == value


@pytest.mark.parametrize(
    "juel",
    [
        "${execution.getVariable('x')}",
        "${bean.pay(order)}",
        "${fn:length(x)}",
        "${now()}",
        "${a[b]}",
        "${a",
        "${}",
        "${a = }",
        "${" + "(" * 80 + "1" + ")" * 80 + "}",
        "${x @ y}",
    ],
)
def test_what_has_no_translation_is_refused(juel):
    with pytest.raises(Flaw):
        dialects.expression(juel)


def test_models_of_the_vendors_run():
    xml = M.one(
        M.nodes("s:s x:g u:n e:e")
        + '<userTask id="a" v:assignee="${who}" v:candidateGroups="cadres" v:formKey="f"><multiInstanceLoopCharacteristics isSequential="true" '
        'v:collection="${people}" v:elementVariable="who"><completionCondition>${nrOfCompletedInstances &gt;= 2}</completionCondition>'
        '</multiInstanceLoopCharacteristics></userTask><serviceTask id="j" v:type="external" v:topic="pay"><extensionElements><v:inputOutput>'
        '<v:inputParameter name="sum">${amount * 2}</v:inputParameter><v:outputParameter name="paid">${sum}</v:outputParameter></v:inputOutput>'
        "</extensionElements></serviceTask>",
        "s a g; g j [${amount > 1}]; g n *; j n e",
    )
    run = Run({"m": xml}).start({"people": ["x", "y", "z"], "amount": 4})
    assert run.live.names(run.find("a").task)["who"] == "x"
    assert run.do("a a").tasks == "j"
    assert run.live.names(run.find("j").task)["sum"] == 8
    run.do("j")
    assert (run.variables["paid"], run.variables.get("sum")) == (8, None)
    assert run.definition.elements("p")["a"].extensions["candidateGroups"] == "cadres"


def test_what_is_wrong_in_the_drawing_does_not_matter():
    shape = (
        b'<bpmndi:BPMNDiagram xmlns:bpmndi="http://www.omg.org/spec/BPMN/20100524/DI" xmlns:dc="http://www.omg.org/spec/DD/20100524/DC">'
        b'<bpmndi:BPMNShape bpmnElement="a"><dc:Bounds x="left" y=""/></bpmndi:BPMNShape></bpmndi:BPMNDiagram></definitions>'
    )
    assert Run({"m": PLAIN.replace(b"</definitions>", shape)}).start().tasks == "a"
