"""Requirements, business knowledge, services, boxed expressions, types and imports."""

import pytest

from engine import decisions, feel
from engine.errors import ModelRefused, NotFound
from tests.engine.decisions.models import decision, given, literal, model, needs

CONTEXT = "<context>{}</context>"


def entry(name, body, kind=""):
    variable = f'<variable name="{name}"{f" typeRef={chr(34)}{kind}{chr(34)}" if kind else ""}/>' if name else ""
    return f"<contextEntry>{variable}{body if body.startswith('<') else literal(body)}</contextEntry>"


def knowledge(name, parameters, body, *required, kind=""):
    formal = "".join(
        f'<formalParameter name="{each.partition(":")[0]}"'
        + (f' typeRef="{each.partition(":")[2]}"' if ":" in each else "")
        + "/>"
        for each in parameters
    )
    body = body if body.startswith("<") else literal(body)
    return (
        f'<businessKnowledgeModel id="{name}" name="{name}"><variable name="{name}"'
        f"{f' typeRef={chr(34)}{kind}{chr(34)}' if kind else ''}/><encapsulatedLogic>{formal}{body}</encapsulatedLogic>"
        f"{needs(*required)}</businessKnowledgeModel>"
    )


def value(source, name, **inputs):
    loaded = source if isinstance(source, decisions.Model) else decisions.load(source)
    assert not loaded.problems, loaded.problems
    return loaded.evaluate(name, inputs).value


def test_a_decision_sees_what_it_requires_and_nothing_else():
    source = model(
        given("到会人数", "number"),
        given("应到", "number"),
        decision("quorum", "到会人数 * 2 > 应到", "到会人数", "应到"),
        decision("outcome", 'if quorum then "成会" else "流会"', "=quorum"),
        decision("blind", "到会人数"),
    )
    assert value(source, "outcome", 到会人数=18, 应到=30) == "成会"
    assert value(source, "outcome", 到会人数=12, 应到=30) == "流会"
    assert value(source, "blind", 到会人数=12) is None
    assert decisions.load(source).required_inputs("outcome") == {"到会人数": "number", "应到": "number"}


def test_a_shared_decision_is_evaluated_once():
    source = model(decision("a", "now()"), decision("b", "a", "=a"), decision("c", "a = b", "=a", "=b"))
    moments = iter(range(100))
    import datetime

    clock = lambda: datetime.datetime(2026, 1, 1, 0, 0, next(moments), tzinfo=datetime.UTC)  # noqa: E731
    assert decisions.load(source).evaluate("c", {}, clock=clock).value is True


def test_a_circle_of_decisions_ends_with_null():
    assert value(model(decision("a", "b", "=b"), decision("b", "a", "=a")), "a") is None


def test_business_knowledge_is_called_by_position_and_name_and_calls_itself():
    source = model(
        knowledge("factorial", ["n:number"], "if n < 2 then 1 else n * factorial(n - 1)"),
        knowledge("twice", ["of:number"], "factorial(of) * 2", "factorial()"),
        decision("a", "twice(4)", "twice()"),
        decision("b", "twice(of: 3)", "twice()"),
        decision("c", 'twice("x")', "twice()"),
    )
    assert value(source, "a") == 48
    assert value(source, "b") == 12
    assert value(source, "c") is None


def test_boxed_invocation():
    body = (
        f"<invocation>{literal('add')}<binding><parameter name='a'/>{literal('1')}</binding>"
        f"<binding><parameter name='b'/>{literal('x')}</binding></invocation>"
    )
    source = model(given("x"), knowledge("add", ["a", "b"], "a + b"), decision("d", body, "x", "add()"))
    assert value(source, "d", x=2) == 3


def test_a_service_takes_its_inputs_and_hides_what_is_inside():
    service = (
        '<decisionService id="s" name="s"><variable name="s"/><outputDecision href="#out"/>'
        '<encapsulatedDecision href="#mid"/><inputDecision href="#rate"/><inputData href="#n"/></decisionService>'
    )
    source = model(
        given("n", "number"),
        decision("rate", "100"),
        decision("mid", "n * rate", "n", "=rate"),
        decision("out", "mid + 1", "=mid"),
        service,
        decision("call", "s(2, 5)", "s()"),
        decision("named", "s(rate: 3, n: 4)", "s()"),
    )
    loaded = decisions.load(source)
    assert loaded.call_service("s", {"n": 2, "rate": 3}).value == 7
    assert loaded.call_service("s", {"n": 2}).value is None
    assert value(loaded, "call") == 11
    assert value(loaded, "named") == 13
    assert value(loaded, "out", n=1) == 101


def test_boxed_context_with_and_without_result():
    entries = entry("a", "x + 1") + entry("b", "a * 2")
    source = model(
        given("x"),
        decision("whole", CONTEXT.format(entries), "x"),
        decision("last", CONTEXT.format(entries + entry("", "a + b")), "x"),
    )
    assert value(source, "whole", x=1) == {"a": 2, "b": 4}
    assert value(source, "last", x=1) == 6


def test_boxed_function_sees_its_context():
    function = (
        f"<functionDefinition><formalParameter name='n' typeRef='number'/>{literal('n * rate')}</functionDefinition>"
    )
    source = model(decision("d", CONTEXT.format(entry("rate", "3") + entry("f", function) + entry("", "f(5)"))))
    assert value(source, "d") == 15


@pytest.mark.parametrize(
    "body, expected",
    [
        (f"<list>{literal('1')}{literal('x')}</list>", [1, 5]),
        (
            f"<relation><column name='a'/><column name='b'/><row>{literal('1')}{literal('2')}</row>"
            f"<row>{literal('3')}{literal('x')}</row></relation>",
            [{"a": 1, "b": 2}, {"a": 3, "b": 5}],
        ),
        (
            f"<conditional><if>{literal('x > 3')}</if><then>{literal('1')}</then><else>{literal('2')}</else></conditional>",
            1,
        ),
        (f"<filter><in>{literal('[{a: 1}, {a: 9}]')}</in><match>{literal('a > x')}</match></filter>", [{"a": 9}]),
        (f"<filter><in>{literal('[1, 9]')}</in><match>{literal('item > x')}</match></filter>", [9]),
        (f"<for iteratorVariable='i'><in>{literal('1..3')}</in><return>{literal('i * x')}</return></for>", None),
        (
            f"<for iteratorVariable='i'><in>{literal('[1..3]')}</in><return>{literal('i * x + count(partial)')}</return></for>",
            [5, 11, 17],
        ),
        (
            f"<some iteratorVariable='i'><in>{literal('[1, 9]')}</in><satisfies>{literal('i > x')}</satisfies></some>",
            True,
        ),
        (
            f"<every iteratorVariable='i'><in>{literal('[1, 9]')}</in><satisfies>{literal('i > x')}</satisfies></every>",
            False,
        ),
    ],
)
def test_boxed(body, expected):
    loaded = decisions.load(model(given("x"), decision("d", body, "x")), lenient=True)
    assert loaded.evaluate("d", {"x": 5}).value == expected


ITEMS = """<itemDefinition name="tVote"><typeRef>string</typeRef><allowedValues><text>"同意", "反对", "弃权"</text></allowedValues>
</itemDefinition><itemDefinition name="tVotes" isCollection="true"><typeRef>tVote</typeRef></itemDefinition>
<itemDefinition name="tPerson"><itemComponent name="name"><typeRef>string</typeRef></itemComponent>
<itemComponent name="net-age"><typeRef>number</typeRef><allowedValues><text>[0..150]</text></allowedValues></itemComponent>
</itemDefinition><itemDefinition name="tShort" isCollection="true"><typeRef>number</typeRef>
<typeConstraint><text>count(?) &lt; 3</text></typeConstraint></itemDefinition>"""


@pytest.mark.parametrize(
    "kind, text, expected",
    [
        ("tVote", '"同意"', "同意"),
        ("tVote", '"好"', None),
        ("tVote", '["同意"]', "同意"),
        ("tVotes", '"反对"', ["反对"]),
        ("tVotes", '["同意", "好"]', None),
        ("tPerson", '{name: "a", net-age: 3}', {"name": "a", "net-age": 3}),
        ("tPerson", '{name: "a", net-age: 300}', None),
        ("tPerson", '{name: "a"}', None),
        ("tShort", "[1, 2]", [1, 2]),
        ("tShort", "[1, 2, 3]", None),
        ("number", '"1"', None),
        ("date and time", '@"2026-01-01"', feel.DateTime(feel.Date(2026, 1, 1), feel.Time(0, 0, 0, 0, 0))),
        ("unknown", "1", 1),
    ],
)
def test_types(kind, text, expected):
    assert decisions.load(model(ITEMS, decision("d", text, kind=kind))).evaluate("d", {}).value == expected


def test_component_names_with_signs_are_known_in_paths_and_filters():
    source = model(ITEMS, given("people"), decision("d", "people[net-age > 5].net-age", "people"))
    assert value(source, "d", people=[{"net-age": 3}, {"net-age": 9}]) == [9]


def test_instance_of_an_item_type():
    assert value(model(ITEMS, decision("d", '{name: "a", net-age: 3} instance of tPerson')), "d") is True


def test_input_of_the_wrong_type_is_null_with_a_reason():
    result = decisions.load(model(given("n", "number"), decision("d", "n + 1", "n"))).evaluate("d", {"n": "x"})
    assert result.value is None and "input “n”" in str(result.reasons[0].sentence)


def test_imports():
    base = model(
        ITEMS, given("n", "number"), knowledge("add tax", ["x"], "x * 2"), decision("base", "n + 1", "n"), name="b"
    )
    source = model(
        decision("d", "lib 1.add tax(lib 1.base)", "urn:b#add tax()", "=urn:b#base"),
        decision("t", '"同意"', kind="lib 1.tVote"),
        decision("u", '"x"', kind="lib 1.tVote"),
        imports='<import namespace="urn:b" name="lib 1" importType="x"/>',
    )
    loaded = decisions.load(source, base)
    assert value(loaded, "d", n=4) == 10
    assert value(loaded, "t") == "同意"
    assert loaded.evaluate("u", {}).value is None


def test_what_an_import_imports_is_seen_behind_both_names():
    base = model(given("n", "number"), decision("base", "n + 1", "n"), name="b")
    middle = model(decision("mid", "lib.base * 10", "=urn:b#base"), name="c",
                   imports='<import namespace="urn:b" name="lib" importType="x"/>')
    source = model(decision("d", "mid c.mid + mid c.lib.base", "=urn:c#mid", "=urn:b#base"),
                   imports='<import namespace="urn:c" name="mid c" importType="x"/>')
    loaded = decisions.load(source, middle, base)
    assert value(loaded, "d", n=1) == 22
    assert loaded.evaluate("d", {("urn:b", "n"): 2}).value == 33


def test_missing_import_and_requirement_are_problems():
    source = model(decision("d", "1", "nobody"), imports='<import namespace="urn:x" name="x"/>')
    assert len(decisions.load(source, lenient=True).problems) == 2
    with pytest.raises(ModelRefused, match="urn:x"):
        decisions.load(source)


def test_a_refusal_names_file_line_and_element():
    source = model("\n", decision("d1", "1"), "\n", decision("d2", "1 +"))
    with pytest.raises(ModelRefused, match="decision “d2”: expected an expression but found the end") as caught:
        decisions.load(source, file="表决.dmn")
    assert caught.value.where == {"file": "表决.dmn", "line": 3, "element": "d2"}


def test_a_file_nested_too_deeply_is_refused():
    with pytest.raises(ModelRefused, match="levels of nesting"):
        decisions.load(model("<list>" * 90 + "</list>" * 90))


def test_a_pack_finds_its_imports_by_namespace():
    base = model(decision("base", "1"), name="b")
    other = model(decision("d", "lib.base + 1", "=urn:b#base"), imports='<import namespace="urn:b" name="lib"/>')
    loaded = decisions.load_all({"b.dmn": base, "m.dmn": other})
    assert loaded["m.dmn"].evaluate("d", {}).value == 2 and loaded["b.dmn"].evaluate("base", {}).value == 1
    with pytest.raises(ModelRefused, match="two files have the namespace urn:b"):
        decisions.load_all({"b.dmn": base, "c.dmn": base, "m.dmn": other})


def test_a_decision_without_logic_is_null():
    result = decisions.load(model(decision("d", ""))).evaluate("d", {})
    assert result.value is None and result.reasons


def test_older_versions():
    source = b"""<definitions xmlns="http://www.omg.org/spec/DMN/20151101/decisions.xsd" namespace="urn:o" name="o">
    <itemDefinition name="t"><typeRef>feel:string</typeRef></itemDefinition>
    <decision id="d" name="d"><variable name="d" typeRef="feel:string"/><literalExpression><text>"a"</text>
    </literalExpression></decision></definitions>"""
    assert value(source, "d") == "a"


@pytest.mark.parametrize(
    "source",
    [
        b"",
        b"<a/>",
        b"no xml",
        b'<!DOCTYPE d [<!ENTITY e "x">]><definitions>&e;</definitions>',
        b'<!DOCTYPE definitions SYSTEM "file:///etc/passwd"><definitions/>',
    ],
)
def test_what_is_no_model_is_refused(source):
    with pytest.raises(ModelRefused) as caught:
        decisions.load(source, file="表决.dmn")
    assert caught.value.where["file"] == "表决.dmn"


def test_unknown_decision():
    with pytest.raises(NotFound):
        decisions.load(model()).evaluate("d", {})


def test_the_budget_holds_for_the_whole_model():
    source = model(knowledge("f", ["n"], "f(n + 1)"), decision("d", "f(1)", "f()"))
    with pytest.raises(feel.BudgetError, match="business knowledge model “f”"):
        decisions.load(source).evaluate("d", {})
