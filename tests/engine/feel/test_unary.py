"""The cells of decision tables."""

import pytest

from engine import feel

SCOPE = {"limit": 10, "names": ["a", "b"], "x": 5}
CASES = [
    ("-", 1, True),
    ("-", None, True),
    ("5", 5, True),
    ("5", 6, False),
    ("5, 6", 6, True),
    ("< 5", 4, True),
    (">= 5", 4, False),
    ("[1..5]", 5, True),
    ("[1..5)", 5, False),
    ("]1..5[", 1, False),
    ("not(5)", 5, False),
    ("not(5, 6)", 7, True),
    ("not([1..5])", 9, True),
    ('not("a", "b")', "c", True),
    ('"a"', "a", True),
    ('"a", "b"', "b", True),
    ("true", True, True),
    ("false", True, False),
    ("not(true)", False, True),
    ("null", None, True),
    ("null", 1, False),
    ("not(null)", 1, True),
    ("limit", 10, True),
    ("> limit", 11, True),
    ("[1..limit]", 10, True),
    ("? > 3", 4, True),
    ("? > 3 and ? < 9", 10, False),
    ("? * 2 > limit", 6, True),
    ("names", "a", True),
    ("names", "c", False),
    ("list contains(names, ?)", "b", True),
    ('starts with(?, "a")', "abc", True),
    ("string length(?) = 2", "同意", True),
    ("x = 5", "anything", True),
    ("x = 6", 3, False),
    ("-5", -5, True),
    ("> -5", 0, True),
    ('date("2026-01-01")', feel.Date(2026, 1, 1), True),
    ('< @"2026-01-01"', feel.Date(2025, 1, 1), True),
    ("!= 5", 4, True),
    ("= 5", 5, True),
    ("[1, 2]", 2, True),
    ("[1, 2]", [1, 2], True),
    ("(> 3)", 4, True),
    ("2 + 3", 5, True),
    ("? in names", "a", True),
    ("some n in names satisfies n = ?", "b", True),
    ("5", "5", None),
    ("< 5", None, None),
    ("not(< 5)", None, None),
    ("1, > limit", 11, True),
    ("count(?) > 1", [1, 2], True),
    ('? = "a" or ? = "b"', "b", True),
    ("not(? > 3)", 5, False),
    ("not(true) or true", False, False),
    ("if ? > 3 then true else false", 4, True),
]


@pytest.mark.parametrize("text, value, expected", CASES, ids=[f"{case[0]} : {case[1]}" for case in CASES])
def test_cell(text, value, expected):
    assert feel.compile_unary(text, SCOPE)(value, SCOPE) is expected


@pytest.mark.parametrize("text", ["> 5 and < 9", "not(", "1,", ", 1", "", "< ", "> 5 5"])
def test_refused(text):
    with pytest.raises(feel.ParseError):
        feel.compile_unary(text, SCOPE)
