"""FEEL by a table of cases (`cases.txt`): expression and value."""

import datetime
import pathlib

import pytest

from engine import feel

SCOPE = {
    "x": 5,
    "y": feel.to_feel(2.5),
    "s": "甲",
    "到会人数": 18,
    "number of votes": 7,
    "a-b": 3,
    "p": {"name": "Li", "age": 40, "net-price": 9},
    "people": [{"name": "Li", "age": 40}, {"name": "Wu", "age": 17}],
    "none": None, "date": "2026-01-01",
    "d": feel.to_feel(datetime.date(2026, 3, 31)),
}
NOW = datetime.datetime(2026, 11, 24, 9, 0, tzinfo=datetime.UTC)
CASES = [
    line.rpartition(" ⇒ ")[::2]
    for line in (pathlib.Path(__file__).parent / "cases.txt").read_text("utf-8").splitlines()
    if " ⇒ " in line and not line.startswith("# ")
]


@pytest.mark.parametrize("text, expected", CASES, ids=[case[0] for case in CASES])
def test_case(text, expected):
    if expected == "refused":
        with pytest.raises(feel.ParseError):
            feel.compile(text, SCOPE, ["net-price"])
        return
    result = feel.compile(text, SCOPE, ["net-price"]).evaluate(SCOPE, clock=lambda: NOW)
    if expected == "!":
        assert result.value is None or "function" in repr(result.value), result.value
        assert result.reasons or result.value is not None
    else:
        assert feel.write(result.value, True) == expected
        assert result.value is not None or expected == "null"
