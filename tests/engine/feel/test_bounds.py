"""Expressions are data from strangers: whatever they are, they end soon, with a value or a FeelError."""

import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import feel
from tests.engine.feel.soup import SCOPE, calls, soup

SMALL = feel.Budget(steps=20_000, depth=40, items=5_000, characters=50_000)
DOUBLING = (
    "{a: [1, 1], " + ", ".join(f"v{n}: [v{n - 1}, v{n - 1}]" for n in range(1, 30)).replace("v0", "a") + ", last: "
)
HOSTILE = {
    "parentheses": "(" * 5_000 + "1" + ")" * 5_000,
    "brackets": "[" * 500 + "]" * 500,
    "signs": "-" * 5_000 + "1",
    "paths": "a." * 3_000 + "a",
    "half ranges": "[1.." * 50 + "1" + "[" * 50,
    "lists of tests": "x in (" * 50 + "1" + ")" * 50,
    "sums": "+".join(["1"] * 5_000),
    "a long text": " and ".join(["true"] * 20_000),
    "a giant exponent": "1e999999999999",
    "loop": "for i in 1..100000, j in 1..100000 return i * j",
    "loops within loops": "for a in 1..100, b in 1..100, c in 1..100 return 1",
    "a huge range": "for x in [1..1e15] return x",
    "endless search": "some x in 1..1000000000000000000000 satisfies x < 0",
    "recursion": "{f: function(n) f(n + 1), r: f(0)}.r",
    "two recursions": "{f: function(n) f(n) + f(n), r: f(0)}.r",
    "doubled text": '{f: function(s, n) if n = 0 then s else f(s + s, n - 1), r: f("aaaa", 40)}.r',
    "repeated text": 'string join(for i in 1..5000 return string join(for j in 1..9 return "aaaaaaaaaaaaaaaa"))',
    "shared parts as text": DOUBLING + "string(v29)}",
    "shared parts flattened": DOUBLING + "flatten(v29)}",
    "regex with back reference": 'matches("' + "a" * 200 + '!", "(a|aa)+\\1$")',
    "replacements": 'replace(string join(for i in 1..9999 return "aaaaaaaaaa"), "a", "$0$0$0$0$0$0$0$0$0$0$0$0")',
}
GIANTS = {
    "a regex that backtracks elsewhere": ('matches("' + "a" * 2_000 + '!", "(a+)+$")', False),
    "copies in a regex": ('matches("a", "((a{1000}){1000}){1000}")', None),
    "a tower of powers": ("9 ** 9 ** 9 ** 9 ** 9", None),
    "a product beyond decimal128": ("1e6000 * 1e6000", None),
    "a date beyond all calendars": ('date("2026-01-01") + duration("P999999999999Y")', None),
    "days beyond all calendars": ('for i in @"0001-01-01"..@"999999999-12-31" + @"P1Y" return i', None),
    "a scale beyond decimal128": ("decimal(1/3, 1e9)", None),
    "a huge range that nobody walks": ("5 in [1..1e30]", True),
    "thirty factorial": ("{f: function(n) if n = 0 then 1 else n * f(n - 1), r: f(30)}.r", 265252859812191058636308480000000),
    "shared parts compared": (DOUBLING + "v29 = v28}.last", False),
}


def run(text: str) -> None:
    """Compile and evaluate as expression and as tests; only FeelError may come out."""
    for compiled in (feel.compile, feel.compile_unary):
        try:
            ready = compiled(text, SCOPE)
            ready(*((5, SCOPE) if compiled is feel.compile_unary else (SCOPE,)), SMALL)
        except feel.FeelError:
            pass


@pytest.mark.timeout(20)
@pytest.mark.parametrize("name", HOSTILE)
def test_what_would_never_end_is_refused(name):
    text = HOSTILE[name]
    with pytest.raises(feel.FeelError) as caught:
        feel.compile(text, SCOPE)(SCOPE, SMALL)
    assert "expected" in str(caught.value) or "too" in str(caught.value)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("name", GIANTS)
def test_giants_become_null_or_a_plain_answer(name):
    text, expected = GIANTS[name]
    assert feel.compile(text, SCOPE)(SCOPE, SMALL) == expected


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60))
def test_any_text(text):
    run(text)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 10**9))
def test_soup(seed):
    source = random.Random(seed)
    run(soup(source, source.randrange(1, 16)))


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 10**9))
def test_calls_with_wrong_arguments(seed):
    run(calls(random.Random(seed), 4))


@settings(max_examples=200, deadline=None)
@given(st.text("ab()[]{}|*+?\\^$.-1,pLs ", max_size=20), st.text("abc1 ", max_size=20))
def test_any_pattern(pattern, text):
    scope = {"text": text, "pattern": pattern}
    feel.compile("matches(text, pattern)", scope)(scope)
    feel.compile('replace(text, pattern, "$1-")', scope)(scope)


def test_errors_say_where_and_what():
    with pytest.raises(feel.ParseError) as caught:
        feel.compile("1 +\n  if x then 2")
    assert (caught.value.line, caught.value.column) == (2, 14) and "expected “else” but found the end" in str(
        caught.value
    )
    with pytest.raises(feel.ParseError) as caught:
        feel.compile("count（x）", ["x"])
    assert "write ( instead of （" in str(caught.value)


@pytest.mark.parametrize("text, hint", [("x == 1", "write = instead of =="), ("x <> 1", "write != instead of <>"),
                                        ("x && y", "write and instead of &&"), ("x = 'a'", "write \" instead of '"),
                                        ("x ＞ 1", "write > instead of ＞"), ("[1，2]", "write , instead of ，")])
def test_slips_are_told(text, hint):
    with pytest.raises(feel.ParseError, match=re.escape(hint)):
        feel.compile(text, ["x", "y"])


def test_reasons_say_why_a_value_is_null():
    result = feel.compile("amount * 2 > 5").evaluate({})
    assert result.value is None
    assert [str(reason.sentence) for reason in result.reasons] == [
        "there is no “amount”",
        "null * number is not defined",
        "null has no order: one of the compared values is missing",
    ]


def test_free_names():
    compiled = feel.compile("for i in votes return i + limit + count(others[item > i])", ["votes", "limit", "others"])
    assert compiled.free == {"votes", "limit", "others"}


def test_python_values_and_back():
    import datetime
    from decimal import Decimal

    moment = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
    values = {"a": 1.5, "b": (1, Decimal("2.0")), "c": moment, "d": datetime.timedelta(days=1), "e": {"x": {1}}}
    ready = feel.to_feel(values)
    assert ready["a"] == Decimal("1.5") and ready["b"] == [1, 2] and ready["e"] == {"x": [1]}
    assert feel.compile("c + d").evaluate(ready).value == feel.to_feel(moment + datetime.timedelta(days=1))
    assert feel.to_python(ready)["c"] == moment
    with pytest.raises(TypeError):
        feel.to_feel(object())
