"""Values of variables go through the store unchanged, whatever people call their keys."""

import datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import bpmn, feel
from engine.bpmn import decode, encode
from tests.engine.bpmn import models as M
from tests.engine.bpmn.driver import Run

TYPED = [
    feel.Date(2026, 2, 28),
    feel.Time(8, 30, 0),
    feel.Time(8, 30, 0, 5, 3600),
    feel.DateTime(feel.Date(2026, 1, 1), feel.Time(0, 0, 1)),
    feel.DateTime(feel.Date(2026, 1, 1), feel.Time(0, 0, 1, zone="Asia/Shanghai")),
    feel.DaysTime(90 * 10**9),
    feel.YearsMonths(14),
    Decimal("12.50"),
    Decimal("1E+40"),
]
KEYS = st.sampled_from(["a", "$date", "$$date", "$", "$duration", "typename", "键", "t", "mi"]) | st.text(max_size=3)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(max_size=5) | st.sampled_from(TYPED),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=12,
)


@given(VALUES)
@settings(max_examples=300, deadline=None)
def test_what_goes_in_comes_out(value):
    back = decode(encode(value))
    assert back == value
    assert encode(back) == encode(value)


def test_a_range_keeps_its_ends():
    value = decode(encode({"r": feel.Range(feel.Date(2026, 1, 1), None, True, False)}))["r"]
    assert value.parts() == (feel.Date(2026, 1, 1), None, True, False)


def test_values_of_python_are_taken_as_those_of_feel():
    given_ = {
        "day": datetime.date(2026, 3, 2),
        "at": datetime.datetime(2026, 3, 2, tzinfo=datetime.UTC),
        "wait": datetime.timedelta(days=1),
    }
    assert decode(encode(given_)) == {name: feel.to_feel(value) for name, value in given_.items()}
    assert decode(encode(float("nan"))) is None


def test_a_function_cannot_be_kept():
    with pytest.raises(bpmn.Incident, match="function"):
        encode({"f": len})


def test_text_of_an_unknown_kind_is_no_value():
    with pytest.raises(ValueError, match="unknown kind"):
        decode('{"$person":"x"}')


def test_variables_keep_their_kinds_from_step_to_step():
    run = Run(
        {
            "m": M.one(
                M.nodes("s:s u:a,b e:e") + M.script("sc", "later = day + duration(&quot;P15D&quot;); rate = 2 / 3"),
                "s a sc b e",
            )
        }
    )
    run.start().do("a", {"day": datetime.date(2026, 3, 2), "$date": {"$date": "no date"}})
    assert run.variables["later"] == feel.Date(2026, 3, 17)
    assert isinstance(run.variables["rate"], Decimal)
    assert run.variables["$date"] == {"$date": "no date"}
