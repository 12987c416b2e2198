"""What a page gets to show: everything typed comes back, what is known is not asked, buttons work without scripts."""

from __future__ import annotations

import pytest

from engine.errors import Invalid
from tests.engine.forms.shared import AGREE, ATTITUDE, BALLOTS, DAY, REASON, TITLE, UNITS, field, form

FILES = {"type": "filepicker", "key": "scan", "label": "扫描件", "multiple": True}


def test_a_form_begins_with_what_is_known_and_its_defaults() -> None:
    shown = form({**TITLE, "defaultValue": "新"}, {**DAY, "defaultValue": "=day"}, BALLOTS, UNITS).describe(
        {"day": "2026-04-20", "ballots": 3}
    )
    assert field(shown, "title").value == "新"
    assert (field(shown, "held_on").kind, field(shown, "held_on").label, field(shown, "held_on").value) == (
        "date",
        "开会日期",
        "2026-04-20",
    )
    assert field(shown, "ballots").value == "3"
    assert [row.name for row in field(shown, "positions").rows] == ["positions[0]"]


def test_everything_typed_comes_back_with_its_sentence() -> None:
    typed = {
        "title": ["<b>很长" * 30],
        "ballots": ["四十二"],
        "held_on": ["四月二十日"],
        "attitude": ["abstain"],
        "positions[2].came": ["true"],
    }
    asked = form(TITLE, BALLOTS, AGREE, ATTITUDE, DAY, UNITS)
    with pytest.raises(Invalid) as caught:
        asked.check(typed, {})
    shown = asked.describe({}, typed, caught.value.problems)
    for name in ("title", "ballots", "held_on"):
        assert field(shown, name).values == tuple(typed[name])
        assert field(shown, name).problem is caught.value.problems[name]
    assert not field(shown, "held_on").as_picker  # a picker of days would drop the words
    assert field(shown, "positions[2].came").ticked
    assert field(shown, "positions[2].unit").problem is not None


def test_what_is_known_is_shown_and_not_asked() -> None:
    asked = form({**TITLE, "readonly": True, "properties": {"origin": "登记表"}}, {**ATTITUDE, "readonly": True}, BALLOTS)
    known = {"title": "食堂", "attitude": "support"}
    assert [(fact.label, fact.texts, fact.origin) for fact in asked.known(known)] == [
        ("标题", ("食堂",), "登记表"),
        ("态度", ("赞成",), ""),
    ]
    assert [each.name for each in asked.describe(known)] == ["ballots"]
    assert asked.known({}) == []


def test_hidden_fields_are_not_shown_but_what_was_typed_is_carried_on() -> None:
    survey = form(ATTITUDE, REASON)
    assert [each.name for each in survey.describe({})] == ["attitude"]
    shown = survey.describe({}, {"attitude": ["support"], "reason": ["太吵"]})
    assert (shown[1].kind, shown[1].name, shown[1].values) == ("kept", "reason", ("太吵",))
    shown = survey.describe({}, {"attitude": ["oppose"], "reason": ["太吵"]})
    assert (shown[1].kind, shown[1].values, shown[1].required) == ("textarea", ("太吵",), True)
    assert survey.changes_while_filling and not form(TITLE).changes_while_filling


def test_rows_come_and_go_by_buttons() -> None:
    asked = form(TITLE, UNITS)
    typed = {"title": ["食堂"], "positions[0]": [""], "positions[0].unit": ["甲"]}
    assert asked.rearranged(typed) is None
    more = asked.rearranged({**typed, "_add": ["positions"]})
    assert more is not None
    assert [row.name for row in field(asked.describe({}, more), "positions").rows] == ["positions[0]", "positions[1]"]
    assert field(asked.describe({}, more), "positions[0].unit").value == "甲"
    less = asked.rearranged({**more, "_remove": ["positions[0]"]})
    assert less == {"title": ["食堂"], "positions[1]": [""]}
    assert asked.rearranged({**typed, "_refresh": ["1"]}) == typed
    for forged in ("title", "other", "", "positions[0]", "positions[].x"):
        assert asked.rearranged({**typed, "_add": [forged]}) == typed


def test_a_fixed_list_keeps_its_rows() -> None:
    fixed = form({**UNITS, "allowAddRemove": False, "defaultRepetitions": 3})
    shown = field(fixed.describe({}), "positions")
    assert len(shown.rows) == 3 and not shown.can_add and not shown.can_remove


def test_texts_of_the_form_speak_of_the_matter_but_never_in_markup() -> None:
    shown = form(
        {"type": "text", "text": "**{{matter.title}}** 一事"}, {**TITLE, "label": "=matter.label", "description": "第 {{n}} 次"}
    ).describe({"matter": {"title": "[点我](javascript:x) *星*", "label": "标题一"}, "n": 2})
    assert shown[0].text == r"**\[点我\]\(javascript:x\) \*星\*** 一事"
    assert (shown[1].label, shown[1].hint) == ("标题一", "第 2 次")


def test_a_form_that_has_been_filled_in_can_be_read() -> None:
    done = form(
        TITLE,
        BALLOTS,
        ATTITUDE,
        REASON,
        DAY,
        UNITS,
        {"type": "expression", "key": "enough", "label": "够了", "expression": "=ballots > 3"},
    )
    values = done.check(
        {
            "title": ["食堂"],
            "ballots": ["9"],
            "attitude": ["support"],
            "held_on": ["2026-04-20"],
            "positions[0].unit": ["甲"],
            "positions[0].came": ["true"],
        },
        {},
    )
    facts = {fact.label: fact for fact in done.facts(values)}
    assert list(facts) == ["标题", "发出票数", "态度", "开会日期", "单位意见", "够了"]
    assert (facts["态度"].texts, facts["够了"].kind, facts["够了"].texts) == (("赞成",), "checkbox", ("true",))
    assert [[inner.texts for inner in row] for row in facts["单位意见"].rows] == [[("甲",), ("true",)]]


def test_papers_are_numbers_in_the_form() -> None:
    asked = form(
        TITLE,
        {**FILES, "validate": {"required": True}},
        {"type": "dynamiclist", "path": "rows", "components": [{"type": "filepicker", "key": "photo"}]},
    )
    assert (
        asked.takes_papers
        and asked.is_paper_field("scan")
        and asked.is_paper_field("rows[3].photo")
        and not asked.is_paper_field("title")
    )
    assert asked.takes_many("scan") and not asked.takes_many("rows[0].photo")
    assert asked.check({"title": ["x"], "scan": ["12", "7"], "rows[0].photo": ["3"]}, {}) == {
        "title": "x",
        "scan": [12, 7],
        "rows": [{"photo": 3}],
    }
    with pytest.raises(Invalid) as caught:
        asked.check({"title": ["x"], "rows[0].photo": ["../../etc/passwd"]}, {})
    assert {name: str(said) for name, said in caught.value.problems.items()} == {
        "scan": "Please attach a paper.",
        "rows[0].photo": "This is not one of the papers attached here.",
    }
