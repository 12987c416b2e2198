"""Dates, numbers and patterns against Python's own, over many random values."""

import datetime
import re
from fractions import Fraction
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from engine import feel
from engine.feel.temporal import date_of, days_of, zone_offset
from engine.feel.text import read_at_literal

NUMBERS = st.decimals(-(10**9), 10**9, allow_nan=False, places=4)


@given(st.dates())
def test_days_are_those_of_python(day):
    assert days_of(day.year, day.month, day.day) == day.toordinal() - datetime.date(1970, 1, 1).toordinal()


@given(st.integers(-(10**11), 10**11))
def test_days_and_back(days):
    date = date_of(days)
    assert date.days() == days


@given(st.datetimes(datetime.datetime(1900, 1, 1), datetime.datetime(2100, 1, 1)),
       st.sampled_from(["Asia/Shanghai", "Europe/Paris", "America/New_York", "Australia/Melbourne"]))
def test_zones_are_those_of_python(moment, name):
    seconds = int((moment - datetime.datetime(1970, 1, 1)).total_seconds())
    assert zone_offset(name, seconds) == moment.replace(tzinfo=ZoneInfo(name), microsecond=0).utcoffset().total_seconds()


@given(st.datetimes(), st.timedeltas(datetime.timedelta(-9999), datetime.timedelta(9999)))
def test_moment_plus_duration(moment, duration):
    result = feel.compile("a + b")({"a": feel.to_feel(moment), "b": feel.to_feel(duration)})
    try:
        assert feel.to_python(result) == moment + duration
    except OverflowError:
        assert result.date.year < 1 or result.date.year > 9999


@given(st.sampled_from([feel.Date(-44, 3, 15), feel.Date(123456, 1, 1)]) | st.datetimes().map(feel.to_feel)
       | st.times().map(feel.to_feel) | st.dates().map(feel.to_feel)
       | st.timedeltas(datetime.timedelta(-9999), datetime.timedelta(9999)).map(feel.to_feel)
       | st.integers(-999, 999).map(feel.YearsMonths))
def test_written_and_read_again(value):
    again = read_at_literal(feel.write(value))
    assert again == value or (type(value) is feel.YearsMonths and value.months == 0)


@given(NUMBERS, NUMBERS, NUMBERS)
def test_numbers(a, b, c):
    scope = feel.to_feel({"a": a, "b": b, "c": c})
    exact = Fraction(a) * Fraction(b) + Fraction(c)
    assert abs(Fraction(feel.compile("a * b + c")(scope)) - exact) <= abs(exact) / 10**33
    assert feel.compile("floor(a)")(scope) == Fraction(a).__floor__()
    assert feel.compile("ceiling(a)")(scope) == Fraction(a).__ceil__()
    if b:
        assert Fraction(feel.compile("modulo(a, b)")(scope)) == Fraction(a) - Fraction(b) * (Fraction(a) / Fraction(b)).__floor__()


@given(st.text("ab(|)*+?.[]^-", max_size=8), st.text("ab-", max_size=8))
def test_patterns_are_those_of_python_where_both_know_them(pattern, text):
    scope = {"p": pattern, "t": text}
    ours = feel.compile("matches(t, p)")(scope)
    try:
        theirs = re.search(pattern, text) is not None
    except (re.error, OverflowError):
        return
    if ours is not None and "++" not in pattern and "*+" not in pattern and "?+" not in pattern and "--" not in pattern:
        assert ours is theirs
