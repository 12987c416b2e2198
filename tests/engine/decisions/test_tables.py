"""Decision tables: hit policies, defaults, several outputs, and what is said when something is wrong."""

import pytest

from engine import decisions
from tests.engine.decisions.models import decision, default, given, model, priorities, table

RISK = ['< 10 | "low"', '[5..20] | "middle"', '> 15 | "high"']
RANKED = ("risk", "string", priorities('"high", "middle", "low"'))


def answer(policy, score, rules=RISK, output=RANKED, **more):
    source = model(
        given("score", "number"), decision("risk", table(policy, ["score"], [output], *rules, **more), "score")
    )
    return decisions.load(source).evaluate("risk", {"score": score})


@pytest.mark.parametrize(
    "policy, score, expected",
    [
        ("UNIQUE", 3, "low"),
        ("UNIQUE", 7, None),
        ("FIRST", 7, "low"),
        ("FIRST", 18, "middle"),
        ("ANY", 7, None),
        ("PRIORITY", 7, "middle"),
        ("PRIORITY", 18, "high"),
        ("RULE ORDER", 7, ["low", "middle"]),
        ("OUTPUT ORDER", 18, ["high", "middle"]),
        ("OUTPUT ORDER", 7, ["middle", "low"]),
        ("COLLECT", 7, ["low", "middle"]),
        ("COLLECT", 30, ["high"]),
    ],
)
def test_hit_policy(policy, score, expected):
    assert answer(policy, score).value == expected


@pytest.mark.parametrize(
    "aggregation, expected", [("SUM", 60), ("MIN", 10), ("MAX", 30), ("COUNT", 3), ("", [10, 20, 30])]
)
def test_collect(aggregation, expected):
    rules = ["> 0 | 10", "> 1 | 20", "> 2 | 30", "> 9 | 40"]
    assert answer("COLLECT", 5, rules, "points", aggregation=aggregation).value == expected


def test_any_takes_what_all_rules_say():
    assert answer("ANY", 5, ['> 1 | "a"', '> 2 | "a"'], "risk").value == "a"


def test_two_rules_of_a_unique_table_are_named():
    reason = str(answer("UNIQUE", 7).reasons[-1].sentence)
    assert "decision “risk”" in reason and "rules 1, 2" in reason


def test_the_rules_that_matched_are_told():
    hit = answer("COLLECT", 7).hits[0]
    assert hit.rules == (1, 2) and str(hit.where) == "decision “risk”"


def test_a_cell_that_cannot_be_decided_is_named():
    source = model(given("score"), decision("risk", table("UNIQUE", ["score"], ["risk"], *["> 5 | 1"] * 100), "score"))
    reasons = decisions.load(source).evaluate("risk", {"score": "7"}).reasons
    assert str(reasons[0].where) == "decision “risk”, rule 1, input “score”" and len(reasons) == 50
    assert "no rule matches" in str(reasons[-1].sentence)


def test_no_rule_matches():
    result = answer("UNIQUE", 30, RISK[:2])
    assert result.value is None and "no rule matches" in str(result.reasons[-1].sentence)


def test_default_output():
    assert answer("UNIQUE", 30, RISK[:2], ("risk", "string", default('"none"'))).value == "none"


def test_several_outputs_and_inputs():
    rules = ['"甲" | >= 12 | "通过" | 到会人数 * 2', '"甲" | < 12 | "不通过" | 0', '- | - | "无效" | -1']
    source = model(
        given("类别"),
        given("到会人数", "number"),
        decision("结果", table("FIRST", ["类别", "到会人数"], ["结论", "票数"], *rules), "类别", "到会人数"),
    )
    loaded = decisions.load(source)
    assert loaded.evaluate("结果", {"类别": "甲", "到会人数": 15}).value == {"结论": "通过", "票数": 30}
    assert loaded.evaluate("结果", {"类别": "乙", "到会人数": 15}).value == {"结论": "无效", "票数": -1}


def test_a_wrong_cell_is_named_and_the_decision_is_null():
    loaded = decisions.load(
        model(given("score"), decision("risk", table("UNIQUE", ["score"], ["risk"], "> 5 and < 9 | 1"), "score")),
        lenient=True,
    )
    assert "rule 1, input “score”" in str(loaded.problems[0])
    result = loaded.evaluate("risk", {"score": 7})
    assert result.value is None and "rule 1" in str(result.reasons[0].sentence)


def test_a_rule_with_too_few_cells_is_named():
    loaded = decisions.load(
        model(given("score"), decision("risk", table("UNIQUE", ["score"], ["a", "b"], "> 5 | 1"), "score")),
        lenient=True,
    )
    assert "rule 1: expected 1 inputs and 2 outputs but found 1 and 1" in str(loaded.problems[0])


def test_an_input_of_the_wrong_type_is_named():
    rows = table("UNIQUE", [("score", "number", "")], ["risk"], "> 5 | 1", "- | 2")
    result = decisions.load(model(given("score"), decision("risk", rows, "score"))).evaluate("risk", {"score": "7"})
    assert "input “score”" in str(result.reasons[0].sentence)


def test_output_of_the_wrong_type_is_null():
    result = answer("UNIQUE", 3, ["- | 5"], ("risk", "string", ""))
    assert result.value is None and "rule 1" in str(result.reasons[0].sentence)


def test_priority_over_several_outputs():
    rows = table(
        "PRIORITY",
        ["score"],
        [("a", "", priorities('"x", "y"')), ("b", "", priorities("2, 1"))],
        '- | "y" | 2',
        '- | "x" | 1',
        '- | "x" | 2',
    )
    assert decisions.load(model(given("score"), decision("d", rows, "score"))).evaluate("d", {}).value == {"a": "x", "b": 2}
