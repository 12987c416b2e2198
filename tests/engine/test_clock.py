"""How days are counted by law, against real calendars; the virtual clock."""

from datetime import UTC, date, datetime

import pytest

from engine import clock
from engine.clock import Calendar, Year, deadline, working_days_after, working_days_between


@pytest.mark.parametrize(
    ("start", "days", "last"),
    [
        (date(2026, 3, 2), 15, date(2026, 3, 17)),  # a Tuesday: the first day is not counted
        (date(2026, 3, 6), 1, date(2026, 3, 9)),  # Saturday moves to Monday
        (date(2026, 2, 1), 15, date(2026, 2, 24)),  # into the Spring Festival of 2026: 15 to 23 February are days off
        (date(2026, 2, 4), 10, date(2026, 2, 14)),  # a Saturday which is worked before the festival: not prolonged
        (date(2026, 9, 16), 15, date(2026, 10, 8)),  # National Day: 1 to 7 October
        (date(2026, 9, 25), 15, date(2026, 10, 10)),  # the Saturday after it is worked
        (date(2025, 9, 20), 15, date(2025, 10, 9)),  # 2025: eight days with the Mid-Autumn Festival
        (date(2026, 4, 24), 7, date(2026, 5, 6)),  # Labour Day 2026: 1 to 5 May
        (date(2026, 3, 17), 0, date(2026, 3, 17)),
    ],
)
def test_a_term_ends_as_the_civil_code_says(start, days, last):
    found = deadline(start, days)
    assert found.last_day == last
    assert not found.provisional


def test_a_term_ends_at_midnight_in_china():
    assert deadline(date(2026, 3, 2), 15).ends_at.isoformat() == "2026-03-18T00:00:00+08:00"


def test_a_deadline_tells_how_it_was_counted():
    told = [str(sentence) for sentence in deadline(date(2026, 2, 1), 15).sentences]
    assert told == [
        "The day itself, 2026-02-01, is not counted; 15 days end on 2026-02-16 (Civil Code, article 201).",
        "2026-02-16 is a day of rest, so the term ends on the first working day after it, 2026-02-24 (Civil Code, article 203).",
        "It ends at 24:00 on 2026-02-24.",
    ]
    assert "is worked" in str(deadline(date(2026, 2, 4), 10).sentences[1])


def test_a_moment_counts_as_its_day_in_china():
    late_evening_in_london = datetime(2026, 3, 1, 20, 0, tzinfo=UTC)  # 2 March, 4:00 in China
    assert deadline(late_evening_in_london, 1).last_day == date(2026, 3, 3)


@pytest.mark.parametrize(
    ("start", "days", "last"),
    [
        (date(2026, 3, 2), 2, date(2026, 3, 4)),
        (date(2026, 3, 6), 1, date(2026, 3, 9)),
        (date(2026, 2, 13), 2, date(2026, 2, 24)),  # Saturday the 14th is worked, then the festival
        (date(2026, 9, 30), 3, date(2026, 10, 10)),  # 8, 9 and the worked Saturday
        (date(2026, 3, 7), 0, date(2026, 3, 9)),
    ],
)
def test_working_days_are_those_of_the_yearly_notice(start, days, last):
    found = working_days_after(start, days)
    assert found.last_day == last
    assert working_days_between(start, last) == max(days, 1 if start != last and days == 0 else days)


def test_working_days_between_two_days_count_the_last_and_may_be_negative():
    assert working_days_between(date(2026, 9, 30), date(2026, 10, 10)) == 3
    assert working_days_between(date(2026, 10, 10), date(2026, 9, 30)) == -3
    assert working_days_between(date(2026, 3, 2), date(2026, 3, 2)) == 0


def test_a_year_not_announced_gives_a_provisional_deadline_which_says_so():
    found = deadline(date(2041, 9, 20), 11)
    assert found.provisional
    assert found.last_day == date(2041, 10, 4)  # the three fixed days of National Day are known without a notice
    assert str(found.sentences[-1]).startswith("Provisional: the days off of 2041")
    assert working_days_after(date(2026, 12, 31), 1, Calendar({})).provisional or clock.CHINA.is_announced(2027)


def test_a_site_can_bring_the_list_of_a_year_itself():
    own = Calendar({2041: Year(frozenset({date(2041, 3, 5)}), frozenset({date(2041, 3, 9)}))})
    assert deadline(date(2041, 3, 4), 1, own).last_day == date(2041, 3, 6)
    assert working_days_after(date(2041, 3, 8), 1, own).last_day == date(2041, 3, 9)  # a worked Saturday
    assert not deadline(date(2041, 3, 4), 1, own).provisional


@pytest.mark.parametrize("days", [-1, clock.MAX_DAYS + 1])
def test_a_term_without_sense_is_refused(days):
    with pytest.raises(ValueError, match="a term has"):
        deadline(date(2026, 3, 2), days)
    with pytest.raises(ValueError, match="a term has"):
        working_days_after(date(2026, 3, 2), days)


def test_what_models_call_gives_moments():
    assert clock.FEEL_FUNCTIONS["deadline"](date(2026, 3, 2), 15) == datetime(2026, 3, 18, tzinfo=clock.ZONE)
    assert clock.FEEL_FUNCTIONS["working day after"](date(2026, 3, 6), 1) == datetime(2026, 3, 10, tzinfo=clock.ZONE)


def test_the_virtual_clock_stands_still_until_it_is_moved():
    with clock.virtual(datetime(2026, 3, 1, 20, 0, tzinfo=UTC)) as hands:
        assert clock.today() == date(2026, 3, 2)
        hands.move(datetime(2026, 3, 3, 0, 0, tzinfo=UTC))
        assert clock.now() == datetime(2026, 3, 3, 0, 0, tzinfo=UTC)
        with pytest.raises(ValueError, match="backwards"):
            hands.move(datetime(2026, 3, 1, 0, 0, tzinfo=UTC))


def test_a_file_can_hold_the_day_of_a_whole_installation(tmp_path, monkeypatch):
    file = tmp_path / "clock"
    file.write_text("2026-05-01T08:00:00+08:00\n")
    monkeypatch.setenv("YISHI_CLOCK", str(file))
    assert clock.now() == datetime(2026, 5, 1, tzinfo=UTC)
