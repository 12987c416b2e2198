"""What a person typed becomes values of FEEL, or one sentence beside each field; all of them at once."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

import pytest

from engine import clock, feel
from engine.errors import Incident, Invalid
from tests.engine.forms.shared import AGREE, ATTITUDE, BALLOTS, DAY, REASON, TITLE, UNITS, form, problems


def test_a_proposal_that_is_right_becomes_values() -> None:
    proposal = form(
        TITLE,
        BALLOTS,
        AGREE,
        ATTITUDE,
        REASON,
        DAY,
        UNITS,
        {
            "type": "group",
            "path": "plan",
            "label": "方案",
            "components": [
                {"type": "number", "key": "budget", "label": "概算"},
                {"type": "textarea", "key": "text", "label": "内容"},
            ],
        },
        {"type": "checklist", "key": "money", "values": [{"label": "捐赠", "value": "gift"}, {"label": "补助", "value": "aid"}]},
        {"type": "expression", "key": "against", "expression": "=ballots - agree"},
    )
    values = proposal.check(
        {
            "title": ["  长者食堂选址  "],
            "ballots": ["４２"],
            "agree": ["+40"],
            "attitude": ["support"],
            "held_on": ["2026年4月2日"],
            "positions[0]": [""],
            "positions[0].unit": ["物业公司"],
            "positions[0].came": ["true"],
            "positions[4]": [""],
            "positions[4].unit": ["餐饮协会"],
            "positions[4].excuse": ["出差"],
            "plan.budget": ["180000.50"],
            "plan.text": ["第一行\r\n第二行"],
            "money": ["aid", "gift"],
            "csrf_token": ["x"],
            "_late": ["x"],
        },
        {},
    )
    assert values == {
        "title": "长者食堂选址",
        "ballots": 42,
        "agree": 40,
        "attitude": "support",
        "reason": None,
        "held_on": feel.Date(2026, 4, 2),
        "positions": [{"unit": "物业公司", "came": True, "excuse": None}, {"unit": "餐饮协会", "came": False, "excuse": "出差"}],
        "plan": {"budget": Decimal("180000.5"), "text": "第一行\n第二行"},
        "money": ["gift", "aid"],
        "against": 2,
    }


def test_all_that_is_wrong_is_said_at_once_in_the_order_of_the_form() -> None:
    proposal = form(TITLE, BALLOTS, AGREE, ATTITUDE, REASON, DAY, UNITS)
    with pytest.raises(Invalid) as caught:
        proposal.check(
            {
                "held_on": ["2026-02-30"],
                "agree": ["50"],
                "ballots": ["42"],
                "attitude": ["oppose"],
                "forged": ["1"],
                "positions[0].came": ["true"],
            },
            {},
        )
    assert list(caught.value.problems) == ["title", "agree", "reason", "held_on", "positions[0].unit", "forged"]
    assert str(caught.value.problems["agree"]) == "This must be at most 42."
    assert str(caught.value.problems["held_on"]) == "There is no such day as “2026-02-30” in the calendar."


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("7", 7),
        ("７", 7),
        (" 7 ", 7),
        ("-3", -3),
        ("－3", -3),
        ("−3", -3),
        ("3.50", Decimal("3.50")),
        ("３．５", Decimal("3.5")),
        ("007", 7),
        ("", None),
    ],
)
def test_numbers_as_people_write_them(text: str, value: Any) -> None:
    assert form({"type": "number", "key": "n"}).check({"n": [text]}, {}) == {"n": value}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1,000", "without separators: 1000"),
        ("12，345，678", "without separators: 12345678"),
        ("1 000.5", "without separators: 1000.5"),
        ("十八万", "“十八万” is not a number"),
        ("1e9", "is not a number"),
        ("0x10", "is not a number"),
        ("NaN", "is not a number"),
        ("Infinity", "is not a number"),
        ("1.", "is not a number"),
        ("--1", "is not a number"),
        ("9" * 5000, "too long|is not a number"),
        ("٣", "is not a number"),
        ("½", "is not a number"),
        ("3元", "is not a number"),
        ("=1+1", "is not a number"),
    ],
)
def test_what_is_no_number_is_quoted_back(text: str, said: str) -> None:
    sentence = problems(form({"type": "number", "key": "n"}), {"n": [text]})["n"]
    assert any(part in sentence for part in said.split("|"))


def test_limits_of_numbers() -> None:
    money = form({"type": "number", "key": "n", "decimalDigits": 2, "increment": "0.05", "validate": {"min": 1, "max": "=limit"}})
    assert problems(money, {"n": ["1.05"]}, {"limit": 5}) == {}
    assert problems(money, {"n": ["1.055"]}, {"limit": 5})["n"] == "At most 2 digits after the point are possible."
    assert problems(money, {"n": ["1.04"]}, {"limit": 5})["n"] == "Only multiples of 0.05 are possible."
    assert problems(money, {"n": ["0.95"]}, {"limit": 5})["n"] == "This must be at least 1."
    assert problems(money, {"n": ["5.05"]}, {"limit": 5})["n"] == "This must be at most 5."
    assert problems(form(BALLOTS), {"ballots": ["3.0"]}) == {}
    assert problems(form(BALLOTS), {"ballots": ["3.5"]})["ballots"] == "Please write a whole number."


def test_a_number_that_the_file_wants_as_text_is_kept_as_text() -> None:
    number = {"type": "number", "key": "n", "serializeToString": True, "validate": {"max": 9}}
    assert form(number).check({"n": ["７"]}, {}) == {"n": "7"}
    assert problems(form(number), {"n": ["10"]}) == {"n": "This must be at most 9."}


@pytest.mark.parametrize("text", ["2026-04-20", "2026/4/20", "2026.04.20", "2026年4月20日", "２０２６－０４－２０", " 2026-04-20 "])
def test_days_as_people_write_them(text: str) -> None:
    assert form(DAY).check({"held_on": [text]}, {}) == {"held_on": feel.Date(2026, 4, 20)}


@pytest.mark.parametrize(
    "text", ["4月20日", "昨天", "2026-13-01", "2026-02-29", "20260420", "2026-W17-1", "0000-01-01", "12026-01-01", "3026-01-01"]
)
def test_what_is_no_day_is_refused(text: str) -> None:
    assert "held_on" in problems(form(DAY), {"held_on": [text]})


def test_days_have_limits_too() -> None:
    day = {**DAY, "disallowPassedDates": True, "validate": {"max": "=last"}}
    with clock.virtual(datetime.datetime(2026, 4, 20, 12, tzinfo=clock.ZONE)):
        known = {"last": datetime.date(2026, 4, 30)}
        assert problems(form(day), {"held_on": ["2026-04-20"]}, known) == {}
        assert problems(form(day), {"held_on": ["2026-04-19"]}, known)["held_on"] == "This must not lie in the past."
        assert problems(form(day), {"held_on": ["2026-05-01"]}, known)["held_on"] == "This must not be after 2026-04-30."


def test_a_moment_is_on_the_clock_of_the_house() -> None:
    moment = form({"type": "datetime", "subtype": "datetime", "key": "at"})
    for text in ("2026-04-20T14:30", "2026-04-20 14:30", "2026年4月20日 14时30分", "2026-04-20T14:30:00"):
        value = moment.check({"at": [text]}, {})["at"]
        assert feel.to_python(value) == datetime.datetime(2026, 4, 20, 14, 30, tzinfo=clock.ZONE)
    assert "at" in problems(moment, {"at": ["2026-04-20"]})
    assert "at" in problems(moment, {"at": ["2026-04-20 25:00"]})
    time = form({"type": "datetime", "subtype": "time", "key": "at"})
    assert time.check({"at": ["9：05"]}, {}) == {"at": feel.Time(9, 5, 0)}


def test_texts_keep_their_limits() -> None:
    text = form({"type": "textfield", "key": "t", "validate": {"minLength": 2, "maxLength": 5, "pattern": "^[A-Z]+-?\\d*$"}})
    assert problems(text, {"t": ["AB-1"]}) == {}
    assert "at least 2" in problems(text, {"t": ["A"]})["t"]
    assert "at most 5" in problems(text, {"t": ["ABCDEF"]})["t"]
    assert problems(text, {"t": ["ab"]})["t"] == "This does not have the expected form."
    assert "at most 500" in problems(form({"type": "textfield", "key": "t"}), {"t": ["字" * 501]})["t"]
    assert "at most 20000" in problems(form({"type": "textarea", "key": "t"}), {"t": ["字" * 20_001]})["t"]


@pytest.mark.parametrize(
    ("shape", "good", "bad"),
    [
        ("email", ["wang@shequ.example", "a.b+c@d.e.f"], ["wang", "a@b", "a b@c.d", "@c.d", "a@@b.c"]),
        ("phone", ["010-12345678", "13800138000", "+86 138 0013 8000", "１３８００１３８０００"], ["12", "电话", "1380013800x"]),
    ],
)
def test_addresses_and_numbers_to_call(shape: str, good: list[str], bad: list[str]) -> None:
    contact = form({"type": "textfield", "key": "t", "validate": {"validationType": shape}})
    assert all(problems(contact, {"t": [text]}) == {} for text in good)
    assert all("t" in problems(contact, {"t": [text]}) for text in bad)


def test_only_what_is_offered_can_be_chosen() -> None:
    assert "not among the answers" in problems(form(ATTITUDE), {"attitude": ["abstain"]})["attitude"]
    assert "Only one answer" in problems(form(ATTITUDE), {"attitude": ["support", "oppose"]})["attitude"]
    several = form(
        {"type": "taglist", "key": "t", "valuesExpression": "=for unit in units return {label: unit.name, value: unit.code}"}
    )
    known = {"units": [{"name": "物业", "code": 1}, {"name": "学校", "code": 2}]}
    assert several.check({"t": ["2", "1", "2"]}, known) == {"t": [1, 2]}
    assert "“3” is not among" in problems(several, {"t": ["1", "3"]}, known)["t"]
    keyed = form({"type": "select", "key": "t", "valuesKey": "names"})
    assert keyed.check({"t": ["乙"]}, {"names": ["甲", "乙"]}) == {"t": "乙"}


def test_a_tick_that_must_be_set() -> None:
    read_out = form({"type": "checkbox", "key": "read_out", "validate": {"required": True}})
    assert problems(read_out, {}) == {"read_out": "Please tick this."}
    assert read_out.check({"read_out": ["on"]}, {}) == {"read_out": True}
    assert "read_out" in problems(read_out, {"read_out": ["maybe"]})


def test_what_a_condition_hides_is_neither_asked_nor_taken() -> None:
    survey = form(ATTITUDE, REASON)
    assert survey.check({"attitude": ["support"], "reason": ["left over from before"]}, {}) == {
        "attitude": "support",
        "reason": None,
    }
    assert problems(survey, {"attitude": ["oppose"]}) == {"reason": "Please fill this in."}


def test_conditions_may_look_at_later_fields_and_at_hidden_ones() -> None:
    chain = form(
        {"type": "textfield", "key": "c", "conditional": {"hide": "=b = null"}, "validate": {"required": True}},
        {"type": "textfield", "key": "b", "conditional": {"hide": "=a = null"}},
        {"type": "textfield", "key": "a"},
    )
    assert chain.check({"b": ["x"], "c": ["y"]}, {}) == {"a": None, "b": None, "c": None}
    assert problems(chain, {"a": ["1"], "b": ["x"]}) == {"c": "Please fill this in."}
    assert chain.check({"a": ["1"], "b": ["2"], "c": ["3"]}, {}) == {"a": "1", "b": "2", "c": "3"}


def test_conditions_that_contradict_each_other_come_to_an_end() -> None:
    turning = form(
        {"type": "textfield", "key": "a", "conditional": {"hide": "=b != null"}},
        {"type": "textfield", "key": "b", "conditional": {"hide": "=a = null"}},
    )
    turning.check({"a": ["1"], "b": ["2"]}, {})


def test_a_check_looks_at_several_fields() -> None:
    count = form(
        BALLOTS,
        AGREE,
        {
            "type": "number",
            "key": "against",
            "validate": {"required": True},
            "properties": {"check": "=agree + against = ballots", "checkMessage": "各项加起来不等于发出票数"},
        },
    )
    assert problems(count, {"ballots": ["9"], "agree": ["7"], "against": ["2"]}) == {}
    assert problems(count, {"ballots": ["9"], "agree": ["7"], "against": ["1"]}) == {"against": "各项加起来不等于发出票数"}
    assert problems(count, {"agree": ["7"], "against": ["2"]}) == {"ballots": "Please fill this in."}  # not the sum as well


def test_a_check_does_not_trouble_an_optional_field_that_is_empty() -> None:
    paid = form({"type": "number", "key": "paid", "properties": {"check": "=paid <= 100", "checkMessage": "多于合同"}})
    assert problems(paid, {"paid": [""]}) == {}
    assert problems(paid, {"paid": ["101"]}) == {"paid": "多于合同"}


def test_what_is_known_cannot_be_forged() -> None:
    result = form(
        {"type": "number", "key": "should", "readonly": True},
        BALLOTS,
        {"type": "expression", "key": "passed", "expression": "=ballots > should / 2"},
    )
    assert result.check({"ballots": ["6"]}, {"should": 9}) == {"ballots": 6, "passed": True}
    assert result.check({"ballots": ["6"], "should": ["9"], "passed": ["true"]}, {"should": 9}) == {"ballots": 6, "passed": True}
    forged = problems(result, {"ballots": ["2"], "should": ["1"], "passed": ["true"]}, {"should": 9})
    assert list(forged) == ["should", "passed"]
    locked = form({"type": "textfield", "key": "t", "disabled": True, "defaultValue": '=upper case("ok")'})
    assert locked.check({}, {}) == {"t": "OK"}
    assert "t" in problems(locked, {"t": ["other"]})


def test_a_field_can_be_locked_by_a_condition() -> None:
    price = form(
        {"type": "checkbox", "key": "agreed"}, {"type": "number", "key": "price", "readonly": "=agreed", "defaultValue": 12}
    )
    assert price.check({"price": ["15"]}, {}) == {"agreed": False, "price": 15}
    assert "price" in problems(price, {"agreed": ["true"], "price": ["15"]})


# --- lists ----------------------------------------------------------------------------------------------------------
def test_rows_into_which_nothing_was_put_are_left_out() -> None:
    assert form(UNITS).check({"positions[0]": [""], "positions[0].unit": ["  "], "positions[1]": [""]}, {}) == {"positions": []}


def test_a_row_has_conditions_of_its_own() -> None:
    said = problems(form(UNITS), {"positions[0].unit": ["甲"], "positions[0].came": ["true"], "positions[1].unit": ["乙"]})
    assert said == {"positions[1].excuse": "Please fill this in."}


def test_lists_have_limits() -> None:
    needed = form({**UNITS, "validate": {"required": True, "maxLength": 2}})
    assert problems(needed, {}) == {"positions": "Please fill in at least one row."}
    three = {f"positions[{row}].unit": ["甲"] for row in range(3)} | {f"positions[{row}].came": ["true"] for row in range(3)}
    assert problems(needed, three)["positions"] == "At most 2 rows are possible."
    many = {f"positions[{row}].unit": ["甲"] for row in range(900)}
    assert problems(form(UNITS), many)["positions"] == "At most 200 rows are possible."


@pytest.mark.parametrize(
    "name",
    [
        "positions",
        "positions[].unit",
        "positions[01].unit",
        "positions[-1].unit",
        "positions[1000].unit",
        "positions[0].other",
        "positions[0][0].unit",
        "positions.unit",
        "positions[0].unit.x",
        "title.x",
        "title[0]",
        "Title",
        "title ",
        "",
        "__class__x",
    ],
)
def test_forged_names_are_refused(name: str) -> None:
    said = problems(form(TITLE, UNITS), {"title": ["x"], name: ["forged"]})
    assert said if not name.startswith("_") else not said


def test_lists_in_lists() -> None:
    streets = form(
        {
            "type": "dynamiclist",
            "path": "streets",
            "components": [
                {"type": "textfield", "key": "name"},
                {
                    "type": "dynamiclist",
                    "path": "people",
                    "components": [
                        {"type": "textfield", "key": "who"},
                        {"type": "expression", "key": "place", "expression": "=name + parent.name + this.who"},
                    ],
                },
            ],
        }
    )
    assert streets.check(
        {"streets[0].name": ["东"], "streets[0].people[0].who": ["甲"], "streets[0].people[2].who": ["乙"]}, {}
    ) == {"streets": [{"name": "东", "people": [{"who": "甲", "place": "东东甲"}, {"who": "乙", "place": "东东乙"}]}]}


# --- values ---------------------------------------------------------------------------------------------------------
def test_a_scenario_gives_values_and_the_same_rules_hold() -> None:
    proposal = form(TITLE, BALLOTS, ATTITUDE, REASON, DAY, UNITS)
    values = {
        "title": "食堂",
        "ballots": 42,
        "attitude": "support",
        "held_on": "2026-04-20",
        "positions": [{"unit": "甲", "came": True}],
    }
    assert proposal.check_values(values, {}) == {
        "title": "食堂",
        "ballots": 42,
        "attitude": "support",
        "reason": None,
        "held_on": feel.Date(2026, 4, 20),
        "positions": [{"unit": "甲", "came": True, "excuse": None}],
    }
    assert proposal.check_values({**values, "held_on": datetime.date(2026, 4, 20)}, {})["held_on"] == feel.Date(2026, 4, 20)
    with pytest.raises(Invalid) as caught:
        proposal.check_values(
            {
                "title": 7,
                "ballots": "42",
                "attitude": "support",
                "reason": "hidden",
                "held_on": "soon",
                "more": 1,
                "positions": [{"unit": "甲", "phone": "1"}],
            },
            {},
        )
    assert list(caught.value.problems) == [
        "title",
        "ballots",
        "reason",
        "held_on",
        "positions[0].excuse",
        "more",
        "positions[0].phone",
    ]


@pytest.mark.parametrize("rows", ["three", 3, {"unit": "甲"}, [1, 2], [None]])
def test_a_list_that_is_none_is_refused(rows: Any) -> None:
    with pytest.raises(Invalid) as caught:
        form(UNITS).check_values({"positions": rows}, {})
    assert "positions" in caught.value.problems


def test_what_a_scenario_does_not_give_is_what_a_person_would_have_found() -> None:
    again = form({**TITLE, "defaultValue": "新事项"}, {"type": "number", "key": "days", "defaultValue": "=limit * 2"}, UNITS)
    known = {"limit": 15, "positions": [{"unit": "甲", "came": True, "of another form": 1}]}
    assert again.check_values({}, known) == {
        "title": "新事项",
        "days": 30,
        "positions": [{"unit": "甲", "came": True, "excuse": None}],
    }
    assert again.check_values({}, {**known, "title": "旧事项"})["title"] == "旧事项"
    fresh = form({**BALLOTS, "properties": {"prefill": "no"}})
    with pytest.raises(Invalid):
        fresh.check_values({}, {"ballots": 42})  # a second vote begins without the figures of the first


def test_what_the_matter_has_under_the_same_name_goes_on() -> None:
    plan = form({"type": "textfield", "key": "plan.title"})
    assert plan.check({"plan.title": ["新"]}, {"plan": {"title": "旧", "budget": 5}}) == {"plan": {"title": "新", "budget": 5}}


def test_a_formula_that_takes_too_much_is_an_incident_with_its_field() -> None:
    endless = form({"type": "expression", "key": "n", "expression": "=count(for a in 1..100000, b in 1..100000 return a)"})
    with pytest.raises(Incident, match="n"):
        endless.check({}, {})
