"""What a form file may be: everything else is refused with its field, and nothing of it is kept."""

from __future__ import annotations

import json

import pytest

from engine import forms
from engine.decisions.evaluator import Evaluator
from engine.errors import ModelRefused
from tests.engine.forms.shared import TITLE, form, source


def refusal(data: bytes) -> ModelRefused:
    with pytest.raises(ModelRefused) as caught:
        forms.load(data, Evaluator(), "story.form")
    return caught.value


@pytest.mark.parametrize(
    ("component", "said"),
    [
        ({"type": "html", "content": "<script>"}, "Raw HTML"),
        ({"type": "iframe", "url": "https://elsewhere"}, "foreign pages"),
        ({"type": "image", "source": "https://elsewhere/x.png"}, "pictures from elsewhere"),
        ({"type": "table", "dataSource": "=rows"}, "Tables"),
        ({"type": "documentPreview"}, "Previews"),
        ({"type": "signature", "key": "x"}, "“signature” is not known"),
        ({"type": None, "key": "x"}, "is not known"),
        ({"type": "textfield", "label": "no key"}, "needs a “key”"),
        ({"type": "textfield", "key": "_action"}, "cannot be a key"),
        ({"type": "textfield", "key": "csrf_token"}, "cannot be a key"),
        ({"type": "textfield", "key": "a b"}, "cannot be a key"),
        ({"type": "textfield", "key": "rows[0]"}, "cannot be a key"),
        ({"type": "textfield", "key": "x", "maxlength": 3}, "“maxlength” is not known"),
        ({"type": "textfield", "key": "x", "validate": {"max_length": 3}}, "has no entry “max_length”"),
        ({"type": "textfield", "key": "x", "validate": {"pattern": "(["}}, "The pattern"),
        ({"type": "textfield", "key": "x", "validate": {"maxLength": -1}}, "whole number"),
        ({"type": "textfield", "key": "x", "defaultValue": 7}, "wrong type"),
        ({"type": "textfield", "key": "x", "label": "\ud800"}, "cannot be shown"),
        ({"type": "number", "key": "x", "validate": {"min": "many"}}, "numbers or formulas"),
        ({"type": "number", "key": "x", "increment": "0"}, "above 0"),
        ({"type": "datetime", "key": "x", "subtype": "year"}, "date, time or datetime"),
        ({"type": "select", "key": "x"}, "exactly one of"),
        ({"type": "select", "key": "x", "values": [{"label": "a", "value": "1"}, {"label": "b", "value": 1}]}, "offered twice"),
        ({"type": "radio", "key": "x", "values": [{"label": "a"}]}, "a “value” and a “label”"),
        ({"type": "textfield", "key": "x", "conditional": {"hide": "=a = "}}, "“conditional” is refused"),
        ({"type": "expression", "key": "x", "expression": "=total("}, "“expression” is refused"),
        ({"type": "text", "text": "{{#if a}}b{{/if}}"}, "“text” is refused"),
        ({"type": "textfield", "key": "x", "properties": {"check": "=true"}}, "checkMessage"),
        ({"type": "textfield", "key": "x", "properties": {"check": 1}}, "must hold texts"),
        ({"type": "group", "components": "none"}, "must be a list"),
        ("textfield", "must be an object"),
    ],
)
def test_a_component_that_cannot_be_kept_is_refused_with_its_field(component: object, said: str) -> None:
    error = refusal(json.dumps({"components": [component]}).encode())
    assert said in str(error)
    assert error.where["file"] == "story.form"
    if isinstance(component, dict) and component.get("key"):
        assert error.where["element"] == component["key"]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "not valid JSON"),
        (b"[]", "a form-js schema"),
        (b"\xff\xfe{}", "UTF-8"),
        (b'{"components": [], "components": []}', "stands twice"),
        (b'{"components": [NaN]}', "no number"),
        (b'{"components": [' + b"1" * 5000 + b"]}", "no number"),
        (b'{"type": "other", "components": []}', "“default”"),
        (b"[" * 100_000, "nested too deeply"),
        (b" " * (600 * 1024), "at most 512 KB"),
    ],
)
def test_a_file_that_is_no_form_is_refused_in_words(data: bytes, said: str) -> None:
    assert said in str(refusal(data))


def test_a_refusal_names_the_line() -> None:
    data = b'{\n "components": [\n  {"type": "textfield", "key": "fine"},\n  {"type": "textfield",\n   "key": "bad", "x": 1}\n ]\n}'
    assert refusal(data).where == {"file": "story.form", "line": 5, "element": "bad"}


def test_a_key_is_used_once() -> None:
    assert "used twice" in str(refusal(source(TITLE, TITLE)))
    assert "used twice" in str(refusal(source({"type": "textfield", "key": "a.b"}, {"type": "textfield", "key": "a"})))
    inner = {"type": "textfield", "key": "title"}
    form(TITLE, {"type": "dynamiclist", "path": "rows", "components": [inner]})  # a row has names of its own


def test_size_and_depth_have_ends() -> None:
    assert "at most 300" in str(refusal(source(*({"type": "spacer"} for _ in range(301)))))
    nested: dict[str, object] = {"type": "textfield", "key": "x"}
    for _ in range(7):
        nested = {"type": "group", "components": [nested]}
    assert "at most 6 deep" in str(refusal(source(nested)))


def test_buttons_of_the_editor_are_passed_over() -> None:
    assert form(TITLE, {"type": "button", "key": "go", "action": "submit", "label": "Go"}).keys == ("title",)


def test_what_the_editor_writes_is_accepted() -> None:
    """A file as form-js's editor saves it, with ids, layout and its own marks."""
    data = json.dumps(
        {
            "components": [
                {
                    "label": "标题",
                    "type": "textfield",
                    "layout": {"row": "Row_1", "columns": None},
                    "id": "Field_1",
                    "key": "title",
                    "validate": {"required": True, "minLength": "", "pattern": ""},
                }
            ],
            "type": "default",
            "id": "Form_1",
            "schemaVersion": 18,
            "exporter": {"name": "form-js", "version": "1.23.0"},
            "executionPlatform": "Camunda Cloud",
        }
    ).encode()
    assert forms.load(data, Evaluator()).keys == ("title",)
