"""What processes ask for: values, conditions, scripts and decisions, and what they are told where there is none."""

import datetime
from collections import ChainMap
from decimal import Decimal

import pytest

from engine import decisions, feel
from engine.decisions import ConditionFailed, EvaluationFailed, Evaluator
from engine.errors import ModelRefused, NotFound
from tests.engine.decisions.models import decision, given, model, table

MEETING = {"到会人数": 18, "应到人数": 30, "passed": True, "net-price": 9, "number of votes": 7}


@pytest.fixture
def evaluator():
    return Evaluator()


# --- texts and names ------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("text, expected", [
    ("到会人数 * 2 > 应到人数", True), ("= 到会人数 * 2", 36), ("  =  passed", True), ("number of votes + 1", 8),
    ("net-price * 2", 18), ("=net - price", 9), ('if passed then "通过" else "不通过"', "通过"),
    ("1 / 3", Decimal("0." + "3" * 34)),
])
def test_a_text_is_read_bare_or_after_an_equals_sign(evaluator, text, expected):
    assert evaluator.evaluate(text, MEETING) == expected


def test_the_names_in_scope_decide_how_a_text_is_read(evaluator):
    assert evaluator.evaluate("a-b", {"a": 5, "b": 2}) == 3
    assert evaluator.evaluate("a-b", {"a": 5, "b": 2, "a-b": 9}) == 9
    assert evaluator.evaluate("a-b", {"a": 7, "b": 2}) == 5


def test_a_field_called_like_a_function_hides_only_its_value(evaluator):
    assert evaluator.evaluate("count + 1", {"count": 2}) == 3
    assert evaluator.evaluate("count([1, 2]) + count", {"count": 2}) == 4


def test_the_nearest_scope_wins(evaluator):
    assert evaluator.evaluate("a + b", ChainMap({"a": 1}, {"a": 10, "b": 2})) == 3


def test_values_of_python_go_in_and_values_of_feel_come_out(evaluator):
    names = {"day": datetime.date(2026, 3, 1), "amount": 1.5, "votes": ("同意", "反对"), "form": ChainMap({"a": 1}),
             "moment": datetime.datetime(2026, 3, 1, 9, tzinfo=datetime.UTC), "wait": datetime.timedelta(days=7)}
    assert evaluator.evaluate("day + wait", names) == feel.Date(2026, 3, 8)
    assert evaluator.evaluate("amount * 3", names) == Decimal("4.5")
    assert evaluator.evaluate("[votes[1], form.a, moment.hour]", names) == ["同意", 1, 9]
    assert evaluator.evaluate('duration("P1Y")', names) == feel.YearsMonths(12)


def test_what_comes_out_is_not_what_went_in(evaluator):
    votes = [{"choice": "同意"}]
    out = evaluator.evaluate("votes", {"votes": votes})
    out[0]["choice"] = "反对"
    assert votes == [{"choice": "同意"}]


def test_a_text_that_cannot_be_read_is_refused_with_its_place(evaluator):
    with pytest.raises(feel.ParseError) as caught:
        evaluator.check("= amount >\n  ")
    error = caught.value
    assert (error.line, error.column, str(error.expected)) == (2, 3, "an expression")
    with pytest.raises(feel.ParseError, match="column 5"):
        evaluator.check("=1 +=")


def test_a_check_tells_the_names_that_are_read(evaluator):
    assert evaluator.check("for v in votes return v + limit") == {"votes", "limit"}


def test_the_clock_of_the_house_decides_what_day_it_is():
    noon = datetime.datetime(2026, 11, 24, 12, tzinfo=datetime.timezone(datetime.timedelta(hours=8)))
    evaluator = Evaluator(clock=lambda: noon)
    assert evaluator.evaluate("today()", {}) == feel.Date(2026, 11, 24)
    assert evaluator.evaluate('now() + duration("PT12H") = date and time("2026-11-25T00:00:00+08:00")', {}) is True


# --- conditions -----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("text, names, why", [
    ("amount > 5", {}, "it needs “amount”, which this matter does not have"),
    ("amount > 5 and limit < 3", {}, "it needs “amount”、“limit”, which this matter does not have"),
    ("amount > 5", {"amount": None}, "“amount” has no value"),
    ("amount", {"amount": 3}, "expected true or false but found a number"),
    ('amount > "5"', {"amount": 3}, "a number cannot be ordered with a string"),
    ("for i in 1..1000 return for j in 1..1000 return i * j", {}, "expected at most 200000 steps"),
])
def test_a_condition_that_is_neither_true_nor_false_says_why(evaluator, text, names, why):
    with pytest.raises(ConditionFailed) as caught:
        evaluator.condition(text, names)
    assert f"“{text}” could not be computed: {why}" in str(caught.value.sentence)


def test_what_is_missing_does_not_matter_where_the_answer_stands_without_it(evaluator):
    assert evaluator.condition("passed or amount > 5", {"passed": True}) is True
    assert evaluator.condition("passed and amount > 5", {"passed": False}) is False
    assert evaluator.condition("amount = null", {"amount": None}) is True


def test_reasons_tell_why_a_value_is_null(evaluator):
    outcome = evaluator.outcome("amount * 2", {})
    assert outcome.value is None and outcome.reasons[0].missing == "amount"


# --- scripts --------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("script, written", [
    ("{a: 1, b: a + 1}", {"a": 1, "b": 2}),
    ("= {通过: 到会人数 * 2 > 应到人数}", {"通过": True}),
    ("a = 1\nb = a + 1", {"a": 1, "b": 2}),
    ("a = 1; b = a + 1;", {"a": 1, "b": 2}),
    ("到会 比例 = 到会人数 / 应到人数\n法定 = 到会 比例 > 1/2", {"到会 比例": Decimal("0.6"), "法定": True}),
    ("a = if passed\n  then 1\n  else 2\nb = 3", {"a": 1, "b": 3}),
    ("a = passed and\nb = 1", {"a": False}),
    ('a = "x; y = 2\nz = 3"', {"a": "x; y = 2\nz = 3"}),
    ("// first\na = 1 // one\n/* b = 2; */\nc = [1,\n2]", {"a": 1, "c": [1, 2]}),
    ("passed = not(passed)", {"passed": False}),
    ("a = b = 1", {"a": False}),
    ('if passed then {result: "通过"} else {}', {"result": "通过"}),
])
def test_scripts(evaluator, script, written):
    assert evaluator.execute(script, {**MEETING, "b": 2}) == written


@pytest.mark.parametrize("script, why", [
    ("1 + 1", "expected a context whose entries are the variables to write, but found a number"),
    ("a = amuont * 2", "“a = amuont * 2”"),
])
def test_a_script_that_writes_nothing_usable_is_told(evaluator, script, why):
    with pytest.raises(EvaluationFailed) as caught:
        evaluator.execute(script, MEETING)
    assert "could not be computed" in str(caught.value.sentence)


def test_a_mistyped_name_in_a_script_is_told(evaluator):
    with pytest.raises(EvaluationFailed, match="it needs “到会人員”"):
        evaluator.execute("a = 1\nb = 到会人員 * 2", MEETING)


@pytest.mark.parametrize("script, line, column", [
    ("a = 1\nb = 2 +", 2, 8), ("a = 1;\n b + 1", 2, 2), ("a = (1\nb = 2", 2, 1),
])
def test_a_script_that_cannot_be_read_is_refused_with_its_place(evaluator, script, line, column):
    with pytest.raises(feel.ParseError) as caught:
        evaluator.check_script(script)
    assert (caught.value.line, caught.value.column) == (line, column)


def test_a_check_tells_the_names_that_a_script_writes(evaluator):
    assert evaluator.check_script("a = 1\nb c = a") == {"a", "b c"}


# --- decisions ------------------------------------------------------------------------------------------------------

FORM = table("UNIQUE", ["到会人数"], ["form"], '>= 20 | "大会"', '[10..20) | "小组"', '< 10 | "会面"')


@pytest.fixture
def pack():
    scope = model(given("到会人数", "number"), decision("form", FORM, "到会人数"))
    return Evaluator(decisions.load_all({"scope.dmn": scope, "other.dmn": model(decision("rate", "1.5"))}))


@pytest.mark.parametrize("reference", ["form", "scope.dmn#form", "scope#form"])
def test_a_decision_is_found_by_name_or_file_and_name(pack, reference):
    pack.check_decision(reference)
    assert pack.decide(reference, MEETING) == "小组"


def test_the_decision_is_explained(pack):
    outcome = pack.decision("form", MEETING)
    assert outcome.hits[0].rules == (2,)
    assert str(outcome.hits[0].matched[0].sentence()) == "rule 2 matched because 到会人数 is 18 ([10..20))"


def test_a_decision_that_is_not_there_is_refused_before_and_told_when_it_runs(pack):
    for reference in ("nothing", "scope#rate", "nowhere#form"):
        with pytest.raises(NotFound):
            pack.check_decision(reference)
        with pytest.raises(EvaluationFailed, match="there is no decision"):
            pack.decide(reference, MEETING)


def test_a_decision_in_two_files_must_be_named_with_its_file():
    both = Evaluator(decisions.load_all({"a.dmn": model(decision("d", "1")), "b.dmn": model(decision("d", "2"))}))
    with pytest.raises(ModelRefused, match=r"a\.dmn, b\.dmn"):
        both.check_decision("d")
    assert both.decide("b#d", {}) == 2


def test_a_decision_whose_input_is_missing_is_told(pack):
    with pytest.raises(EvaluationFailed, match="it needs “到会人数”"):
        pack.decide("form", {})


def test_no_rule_that_matches_is_null_with_a_reason(pack):
    source = model(given("n"), decision("d", table("UNIQUE", ["n"], ["d"], "> 5 | 1"), "n"))
    outcome = Evaluator({"d.dmn": decisions.load(source)}).decision("d", {"n": 1})
    assert outcome.value is None and "no rule matches" in str(outcome.reasons[-1].sentence)


def test_a_table_drawn_alone_reads_its_inputs_by_name():
    source = model(decision("d", table("FIRST", ["到会人数", "number of votes"], ["d"], "> 5 | > 5 | 1", "- | - | 2")))
    alone = Evaluator({"d.dmn": decisions.load(source)})
    assert alone.decide("d", MEETING) == 1
    assert alone.check_decision("d") == {"到会人数", "number of votes"}


# --- the host's functions -------------------------------------------------------------------------------------------

def days_after(day: datetime.date, days: int = 1) -> datetime.date:
    if days < 0:
        raise ValueError("days are counted forwards")
    return day + datetime.timedelta(days=days)


def test_the_host_adds_functions():
    evaluator = Evaluator(functions={"business days after": days_after})
    assert evaluator.evaluate('business days after(date("2026-03-01"), 3)', {}) == feel.Date(2026, 3, 4)
    assert evaluator.evaluate('business days after(days: 2, day: date("2026-03-01"))', {}) == feel.Date(2026, 3, 3)
    assert evaluator.evaluate('business days after(date("2026-03-01"))', {}) == feel.Date(2026, 3, 2)


@pytest.mark.parametrize("arguments, why", [
    ('date("2026-03-01"), -1', "days are counted forwards"), ("", "it does not take 0 arguments"),
    ('"x", 3', 'it cannot be computed from ("x", 3)'),
    ("day: 1, month: 2", "expected the arguments (day, days) but found (day, month)"),
])
def test_a_function_of_the_host_that_cannot_answer_is_null_with_its_reason(arguments, why):
    evaluator = Evaluator(functions={"business days after": days_after})
    outcome = evaluator.outcome(f"business days after({arguments})", {})
    assert outcome.value is None and why in str(outcome.reasons[-1].sentence)


def test_tables_call_the_functions_of_the_host_too():
    functions = {"business days after": days_after}
    source = model(given("day"), decision("due", "business days after(day, 7)", "day"))
    evaluator = Evaluator(decisions.load_all({"due.dmn": source}, functions), functions=functions)
    assert evaluator.decide("due", {"day": datetime.date(2026, 3, 1)}) == feel.Date(2026, 3, 8)


# --- bounds ---------------------------------------------------------------------------------------------------------

DOUBLING = "{a: [1, 1], " + ", ".join(f"v{n}: [v{n - 1}, v{n - 1}]" for n in range(1, 30)).replace("v0", "a") + "}"


@pytest.mark.parametrize("text, why", [
    (DOUBLING, "the value is too large to be kept"),
    ("function(x) x", "a function cannot be kept as a value"),
    ("{a: [function(x) x]}", "a function cannot be kept as a value"),
    ("{f: function(n) f(n + 1), r: f(0)}.r", "expected at most 100 calls within calls"),
])
def test_what_cannot_be_stored_does_not_come_out(evaluator, text, why):
    with pytest.raises(EvaluationFailed) as caught:
        evaluator.evaluate(text, {})
    assert why in str(caught.value.sentence)


def test_a_variable_that_expressions_cannot_read_is_named(evaluator):
    with pytest.raises(EvaluationFailed, match="the variable “handle” holds a object"):
        evaluator.evaluate("handle", {"handle": object()})
    deep = value = []
    for _ in range(5_000):
        value.append([])
        value = value[0]
    with pytest.raises(EvaluationFailed, match="“deep” is nested too deeply"):
        evaluator.evaluate("deep", {"deep": deep})


def test_what_is_not_read_is_not_looked_at(evaluator):
    assert evaluator.evaluate("1 + 1", {"handle": object()}) == 2


def test_compiled_texts_are_shared_whatever_variables_an_instance_has_and_bounded():
    small = Evaluator(cache=2)
    for number in range(20):
        assert small.evaluate("a + 1", {"a": 1, f"field {number}": number}) == 2
    assert small._expression.cache_info().currsize == 1
    for number in range(5):
        small.evaluate(f"a + {number}", {"a": 1})
    assert small._expression.cache_info().currsize == 2
