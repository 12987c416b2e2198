"""Whatever a stranger sends ends in values or in sentences beside fields, soon, and nothing of it is lost."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine import bpmn, forms
from engine.decisions.evaluator import Evaluator
from engine.errors import EngineError, Invalid, ModelRefused, Sentence
from tests.engine.forms.shared import ATTITUDE, REASON, UNITS, field, form, problems

VALUES = [{"value": "a", "label": "甲"}, {"value": "b", "label": "乙"}]
EVERY: tuple[dict[str, Any], ...] = (
    {"type": "textfield", "key": "textfield"},
    {"type": "textarea", "key": "textarea"},
    {"type": "number", "key": "number"},
    {"type": "checkbox", "key": "checkbox"},
    {"type": "checklist", "key": "checklist", "values": VALUES},
    {"type": "taglist", "key": "taglist", "values": VALUES},
    {"type": "radio", "key": "radio", "values": VALUES},
    {"type": "select", "key": "select", "values": VALUES},
    {"type": "datetime", "key": "date", "subtype": "date"},
    {"type": "datetime", "key": "time", "subtype": "time"},
    {"type": "datetime", "key": "datetime", "subtype": "datetime"},
    {"type": "filepicker", "key": "files", "multiple": True},
)
ALL = form(*EVERY, ATTITUDE, REASON, UNITS)
ROWS = ("positions[0].unit", "positions[0].came", "positions[1].excuse", "positions[0]")
NAMES = (*(component["key"] for component in EVERY), "attitude", "reason", *ROWS)

nasty = st.sampled_from([
    "", " ", "\x00", "a\x00b", "\r\n", "‮gnp.exe", "\ud800", "😀👨‍👩‍👧", "<script>alert(1)</script>", "{{7*7}}", "${7*7}",
    "' OR 1=1 --",
    "=1+1", "null", "true", "9" * 400, "-0", "1e400", "٣", "２０２６-０２-３０", "2026-04-20T24:00", "../../etc/passwd", "\ufeffx",
    "é" * 300,
    "𬱖", "a" * 600, "\u2028", "%s%n", "a,b", "1,0", "12345678901234567890",
])  # fmt: skip
texts = st.one_of(nasty, st.text(max_size=40), st.integers().map(str), st.dates().map(str))
names = st.one_of(
    st.sampled_from(NAMES),
    st.sampled_from(NAMES),
    st.text(max_size=20),
    st.sampled_from(["positions[999].unit", "positions[0][1]", "a.b.c", "positions[0].unit[0]", "__proto__", "[0]", "[]", "."]),
)
given_values: Any = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.decimals(), texts, st.dates(), st.times(), st.datetimes()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(NAMES), inner, max_size=3)),
    max_leaves=6,
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(names, st.lists(texts, max_size=3), max_size=8))
def test_a_post_becomes_values_that_can_be_kept_or_sentences(typed: dict[str, list[str]]) -> None:
    try:
        values = ALL.check(typed, {})
    except Invalid as error:
        assert error.problems
        assert all(isinstance(sentence, Sentence) and str(sentence) for sentence in error.problems.values())
        shown = ALL.describe({}, typed, error.problems)
    else:
        assert bpmn.decode(bpmn.encode(values)) == values
        shown = ALL.describe({}, typed)
    for name, strings in typed.items():
        if name in NAMES and name != "positions[0]" and name in ("textfield", "textarea", "number", "date", "positions[0].unit"):
            assert field(shown, name).values == tuple(text.encode("utf-8", "replace").decode() for text in strings)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(names, given_values, max_size=6))
def test_values_of_any_kind_are_kept_or_refused(values: dict[str, Any]) -> None:
    try:
        kept = ALL.check_values(values, {})
    except Invalid as error:
        assert error.problems
    else:
        assert bpmn.decode(bpmn.encode(kept)) == kept


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(NAMES), given_values, max_size=6))
def test_a_page_can_be_shown_whatever_the_matter_holds(context: dict[str, Any]) -> None:
    ALL.describe(context)
    ALL.facts(context)
    ALL.known(context)


json_values: Any = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=20)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)),
    max_leaves=8,
)
properties = st.sampled_from(
    [
        "key",
        "path",
        "label",
        "description",
        "text",
        "expression",
        "defaultValue",
        "validate",
        "conditional",
        "readonly",
        "values",
        "valuesKey",
        "valuesExpression",
        "appearance",
        "properties",
        "components",
        "decimalDigits",
        "increment",
        "subtype",
        "multiple",
        "accept",
        "defaultRepetitions",
        "allowAddRemove",
    ]
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from([kind.value for kind in forms.Kind]), st.dictionaries(properties, json_values, max_size=5))
def test_a_file_is_read_or_refused(kind: str, component: dict[str, Any]) -> None:
    data = json.dumps({"components": [{"key": "x", "path": "x", **component, "type": kind}]}).encode()
    try:
        forms.load(data, Evaluator(), "hostile.form").describe({})
    except ModelRefused as error:
        assert str(error)


@pytest.mark.parametrize("name", [component["key"] for component in EVERY])
def test_ten_megabytes_in_one_field_are_answered_in_words(name: str) -> None:
    begun = time.process_time()
    said = problems(ALL, {name: ["字" * 10_000_000], "attitude": ["support"]})
    assert name in said and len(said[name]) < 300
    assert time.process_time() - begun < 5  # not a measure: an answer that depends on the length would take minutes


def test_many_forged_names_are_not_all_repeated() -> None:
    said = problems(ALL, {f"forged{number}": ["x" * 1000] for number in range(50_000)} | {"attitude": ["support"]})
    assert len(said) <= 20


def test_a_pattern_cannot_keep_the_house_busy() -> None:
    slow = form({"type": "textfield", "key": "t", "validate": {"pattern": "^(a+)+$", "maxLength": 100_000}})
    begun = time.process_time()
    assert problems(slow, {"t": ["a" * 90_000 + "b"]})
    assert time.process_time() - begun < 20


@pytest.mark.parametrize(
    ("text", "code"), [("a\x00b", "0000"), ("x\x1by", "001B"), ("‮exe", "202E"), ("\ud800", "D800"), ("a\nb", "000A")]
)
def test_characters_that_cannot_be_seen_are_named(text: str, code: str) -> None:
    assert f"U+{code}" in problems(form(EVERY[0]), {"textfield": [text]})["textfield"]


def test_what_people_write_is_kept_whatever_their_script() -> None:
    for text in ("😀👨‍👩‍👧 好", "𬱖㛃䶮", "<b>&amp;</b>", "ñandú", "{named}", "العربية"):
        assert form(EVERY[0]).check({"textfield": [text]}, {}) == {"textfield": text}
    assert form(EVERY[0]).check({"textfield": ["e\u0301"]}, {}) == {"textfield": "é"}


def test_a_form_that_is_refused_says_so_as_a_refusal() -> None:
    with pytest.raises(EngineError):
        forms.load(b"{", Evaluator())
