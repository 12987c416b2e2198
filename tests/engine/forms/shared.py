"""The forms that these stories are told with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from engine import forms
from engine.decisions.evaluator import Evaluator
from engine.errors import Invalid


def form(*components: Mapping[str, Any]) -> forms.Form:
    return forms.load(source(*components), Evaluator(), "story.form")


def source(*components: Mapping[str, Any]) -> bytes:
    return json.dumps({"type": "default", "components": list(components)}, ensure_ascii=False).encode()


def problems(checked: forms.Form, typed: Mapping[str, list[str]], context: Mapping[str, Any] | None = None) -> dict[str, str]:
    """-> the sentences by field; empty where the form is taken."""
    try:
        checked.check(typed, context or {})
    except Invalid as error:
        return {name: str(sentence) for name, sentence in error.problems.items()}
    return {}


def field(shown: list[forms.Field], name: str) -> forms.Field:
    """-> the field of that name, however deep it lies."""
    for each in shown:
        if each.name == name:
            return each
        for inner in (each.fields, *(row.fields for row in each.rows)):
            try:
                return field(list(inner), name)
            except LookupError:
                continue
    raise LookupError(name)


TITLE = {"type": "textfield", "key": "title", "label": "标题", "validate": {"required": True, "maxLength": 30}}
BALLOTS = {"type": "number", "key": "ballots", "label": "发出票数", "decimalDigits": 0, "validate": {"required": True, "min": 0}}
AGREE = {
    "type": "number",
    "key": "agree",
    "label": "同意",
    "decimalDigits": 0,
    "validate": {"required": True, "min": 0, "max": "=ballots"},
}
ATTITUDE = {
    "type": "radio",
    "key": "attitude",
    "label": "态度",
    "validate": {"required": True},
    "values": [{"value": "support", "label": "赞成"}, {"value": "oppose", "label": "反对"}],
}
REASON = {
    "type": "textarea",
    "key": "reason",
    "label": "为什么反对",
    "conditional": {"hide": '=attitude != "oppose"'},
    "validate": {"required": True},
}
UNITS = {
    "type": "dynamiclist",
    "path": "positions",
    "label": "单位意见",
    "components": [
        {"type": "textfield", "key": "unit", "label": "单位", "validate": {"required": True}},
        {"type": "checkbox", "key": "came", "label": "到会"},
        {
            "type": "textfield",
            "key": "excuse",
            "label": "没到会的原因",
            "conditional": {"hide": "=came"},
            "validate": {"required": True},
        },
    ],
}
DAY = {"type": "datetime", "subtype": "date", "key": "held_on", "dateLabel": "开会日期"}
