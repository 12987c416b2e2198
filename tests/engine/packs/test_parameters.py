"""Numbers of law and charter: by date, with a source, and never beyond the limit which a law sets."""

from datetime import date
from decimal import Decimal

import pytest

from engine import clock
from engine.errors import ModelRefused
from engine.packs import parameters

LAW = """parameters:
  posting.days:
    title: Days of posting
    unit: days
    values:
      - {from: 2026-01-01, value: 15, source: Law 34}
      - {from: 2024-01-01, value: 7, source: old rule}
    floor: {value: 15, source: Law 34, from: 2026-01-01}
  rep_meeting.quorum:
    title: Quorum
    values:
      - {from: 2026-01-01, value: 2/3, source: Law 29}
    floor: {value: 2/3, source: Law 29}
  rep_meeting.demand:
    title: Demand
    values:
      - {from: 2026-01-01, value: 1/5, source: Law 28}
    ceiling: {value: 1/5, source: Law 28}
  works.rate:
    title: Rate
    source: charter
    values:
      - {from: 2026-01-01, value: 0.1}
"""


def load(text):
    return parameters.load(text.encode())


def test_a_value_holds_from_its_date_on():
    law = load(LAW)
    assert law.context(date(2025, 12, 31))["posting"] == {"days": 7}
    assert law.context(date(2026, 1, 1)) == {
        "posting": {"days": 15},
        "rep_meeting": {"quorum": {"numerator": 2, "denominator": 3}, "demand": {"numerator": 1, "denominator": 5}},
        "works": {"rate": Decimal("0.1")},
    }
    assert law.context(date(2020, 1, 1))["posting"] == {"days": None}
    assert law.by_key["works.rate"].at(date(2026, 5, 1)).source == "charter"
    assert law.problems() == []


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        (
            "value: 15, source: Law 34}\n",
            "value: 10, source: Law 34}\n",
            6,
            "posting.days) is 10, but Law 34 does not let it fall below 15",
        ),
        (
            "value: 2/3, source: Law 29}\n    floor",
            "value: 1/2, source: Law 29}\n    floor",
            12,
            "is 1/2, but Law 29 does not let it fall below 2/3",
        ),
        (
            "value: 1/5, source: Law 28}\n    c",
            "value: 1/4, source: Law 28}\n    c",
            17,
            "is 1/4, but Law 28 does not let it exceed 1/5",
        ),
        ("2026-01-01, value: 15", "2027-01-01, value: 15", 7, "is 7, but Law 34"),
    ],
)
def test_a_value_beyond_the_limit_of_a_law_is_refused_with_the_article(old, new, line, words):
    assert old in LAW
    (problem,) = load(LAW.replace(old, new, 1)).problems()
    assert words in str(problem)
    assert problem.where["line"] == line
    assert problem.where["file"] == "parameters.yaml"


def test_a_stricter_value_is_welcome():
    assert load(LAW.replace("value: 15, source: Law 34}\n", "value: 30, source: Law 34}\n")).problems() == []
    assert load(LAW.replace("value: 1/5, source: Law 28}\n    c", "value: 1/6, source: Law 28}\n    c")).problems() == []


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("parameters:\n  Posting: {title: T, values: [{from: 2026-01-01, value: 1, source: s}]}\n", 2, "snake_case"),
        ("parameters:\n  a: {title: T}\n", 2, "values is missing"),
        ("parameters:\n  a:\n    title: T\n    values: 15\n", 4, "a list of entries"),
        ("parameters:\n  a:\n    title: T\n    values:\n      - {value: 15, source: s}\n", 5, "from is missing"),
        ("parameters:\n  a:\n    title: T\n    values:\n      - {from: soon, value: 15, source: s}\n", 5, "expected a date"),
        ("parameters:\n  a:\n    title: T\n    values:\n      - {from: 2026-01-01, value: 15}\n", 5, "needs a source"),
        (
            "parameters:\n  a:\n    title: T\n    values:\n      - {from: 2026-01-01, value: [1], source: s}\n",
            5,
            "expected a number",
        ),
        (
            "parameters:\n  a: {title: T, values: [{from: 2026-01-01, value: x, source: s}], floor: {value: 1, source: s}}\n",
            2,
            "limit",
        ),
        (
            "parameters:\n  a: &v\n    title: T\n    values: [{from: 2026-01-01, value: 1, source: s}]\n  a.b: *v\n",
            5,
            "aliases",
        ),
        (
            "parameters:\n  a: {title: T, values: [{from: 2026-01-01, value: 1, source: s}]}\n"
            "  a.b: {title: T, values: [{from: 2026-01-01, value: 1, source: s}]}\n",
            3,
            "one is inside the other",
        ),
        ("calendar:\n  2041: {holidays: [2042-01-01]}\n", 2, "days of 2041"),
        ("limits: {}\n", 1, "limits is not known"),
    ],
)
def test_a_file_which_is_wrong_is_refused_with_its_line(text, line, words):
    with pytest.raises(ModelRefused) as caught:
        load(text)
    assert words in str(caught.value)
    assert caught.value.where["line"] == line


def test_the_file_can_bring_the_days_off_of_a_year():
    own = load("calendar:\n  2041: {holidays: [2041-03-05], workdays: [2041-03-09], source: notice}\n").calendar
    assert clock.deadline(date(2041, 3, 4), 1, own).last_day == date(2041, 3, 6)
    assert own.is_announced(2041)
    assert load("").calendar.is_announced(2026)
