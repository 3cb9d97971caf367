"""Working time (S-133): deadlines, waits left out, three quarters used up, clock changes."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from surveys.formulas.business_time import (
    HOUR,
    Calendar,
    NoWorkingTimeError,
    due_after_waits,
    is_soon,
    median,
    nearest_rank,
)

BERLIN = ZoneInfo("Europe/Berlin")
PLAIN = Calendar(BERLIN)
FIRST_CONTACT = 16 * HOUR
MOST_WAIT = 5 * 8 * HOUR


def march(day, clock, zone=BERLIN):
    return datetime.combine(date(2027, 3, day), time.fromisoformat(clock), tzinfo=zone).astimezone(UTC)


VECTORS = [
    ((5, "16:00"), (9, "16:00")),
    ((6, "10:00"), (9, "17:00")),
    ((8, "09:00"), (9, "17:00")),
    ((8, "17:00"), (10, "17:00")),
    ((26, "15:00"), (30, "15:00")),
]


@pytest.mark.parametrize(("opened", "due"), VECTORS)
@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Asia/Kathmandu", "UTC"])
def test_s_133_vector_first_contact_is_due_after_sixteen_working_hours(opened, due, zone):
    zone = ZoneInfo(zone)
    assert Calendar(zone).after(march(*opened, zone), FIRST_CONTACT) == march(*due, zone)


def test_s_133_vector_waiting_for_the_customer_is_left_out():
    waits = [(march(8, "11:00"), march(10, "11:00"))]
    found = due_after_waits(
        PLAIN, start=march(5, "16:00"), budget_s=FIRST_CONTACT, waits=waits, most_wait_s=MOST_WAIT
    )
    assert found == march(11, "16:00")


def test_s_133_at_most_five_working_days_of_waiting_count():
    waits = [(march(1, "09:00"), march(9, "09:00")), (march(9, "10:00"), march(31, "17:00"))]
    found = due_after_waits(
        PLAIN, start=march(1, "09:00"), budget_s=FIRST_CONTACT, waits=waits, most_wait_s=MOST_WAIT
    )
    assert found == march(9, "17:00")


def test_s_133_a_wait_that_begins_too_late_moves_nothing():
    waits = [(march(10, "09:00"), march(12, "09:00"))]
    found = due_after_waits(
        PLAIN, start=march(8, "09:00"), budget_s=FIRST_CONTACT, waits=waits, most_wait_s=MOST_WAIT
    )
    assert found == march(9, "17:00")


def test_s_133_closing_is_due_after_ten_working_days():
    assert PLAIN.after(march(3, "12:00"), 10 * PLAIN.day_s) == march(17, "12:00")
    assert PLAIN.after(march(24, "12:00"), 10 * PLAIN.day_s) == datetime(2027, 4, 7, 10, tzinfo=UTC)


def test_s_133_holidays_are_no_working_days():
    easter = Calendar(BERLIN, holidays=frozenset({date(2027, 3, 26), date(2027, 3, 29)}))
    assert easter.after(march(25, "16:00"), FIRST_CONTACT) == march(31, "16:00")


def test_a_clock_change_inside_the_working_hours_takes_the_hour_that_is_missing():
    nights = Calendar(BERLIN, days=(6, 0), opens=time(0), closes=time(0))
    sunday = (march(28, "00:00"), march(29, "00:00"))
    assert nights.between(*sunday) == 23 * HOUR
    assert nights.after(sunday[0], 23 * HOUR) == sunday[1]


def test_s_133_the_reminder_comes_when_three_quarters_are_used_up():
    due = march(9, "17:00")
    just = march(9, "13:00")
    assert not is_soon(PLAIN, now=just - timedelta(seconds=1), due=due, budget_s=FIRST_CONTACT)
    assert is_soon(PLAIN, now=just, due=due, budget_s=FIRST_CONTACT)
    assert is_soon(PLAIN, now=due + timedelta(days=3), due=due, budget_s=FIRST_CONTACT)


@pytest.mark.parametrize(
    "never",
    [
        Calendar(BERLIN, days=()),
        Calendar(BERLIN, days=(7,)),
        Calendar(BERLIN, opens=time(17), closes=time(9)),
        Calendar(BERLIN, opens=time(9), closes=time(9)),
    ],
)
def test_a_calendar_without_work_says_so_instead_of_looking_for_ever(never):
    assert not never.is_usable
    assert never.between(march(1, "00:00"), march(31, "00:00")) == 0
    with pytest.raises(NoWorkingTimeError):
        never.after(march(1, "00:00"), 1)


def test_the_middle_and_the_ninetieth_percentile():
    assert (median([]), nearest_rank([], 90)) == (None, None)
    assert (median([7]), median([9, 1]), median([5, 1, 3])) == (7, 5, 3)
    assert nearest_rank(list(range(1, 11)), 90) == 9
    assert nearest_rank([4, 2], 90) == 4


calendars = st.builds(
    Calendar,
    zone=st.sampled_from(["Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe"]).map(ZoneInfo),
    days=st.sets(st.integers(0, 6), min_size=1).map(lambda days: tuple(sorted(days))),
    opens=st.integers(0, 11).map(time),
    closes=st.integers(12, 24).map(lambda hour: time(hour % 24)),
    holidays=st.frozensets(st.dates(date(2027, 3, 1), date(2027, 4, 30)), max_size=5),
)
moments = st.datetimes(datetime(2027, 3, 1), datetime(2027, 4, 30)).map(
    lambda moment: moment.replace(microsecond=0, tzinfo=UTC)
)
lengths = st.integers(0, 90 * HOUR)
few = settings(max_examples=60, derandomize=True, deadline=None)


@few
@given(calendars, moments, lengths)
def test_the_time_up_to_a_deadline_is_its_budget(calendar, start, seconds):
    due = calendar.after(start, seconds)
    assert due >= start
    assert calendar.between(start, due) == seconds
    assert seconds == 0 or calendar.between(start, due - timedelta(seconds=1)) == seconds - 1


@few
@given(calendars, moments, lengths, lengths)
def test_two_budgets_in_a_row_end_like_their_sum(calendar, start, one, two):
    assert calendar.after(calendar.after(start, one), two) == calendar.after(start, one + two)


@few
@given(calendars, moments, moments, moments)
def test_working_time_adds_up_over_neighbouring_spans(calendar, one, two, three):
    first, second, third = sorted((one, two, three))
    whole = calendar.between(first, third)
    assert calendar.between(first, second) + calendar.between(second, third) == whole
    assert 0 <= whole <= (third - first).total_seconds()


@few
@given(calendars, moments, lengths, lengths, lengths)
def test_a_wait_moves_the_deadline_by_the_working_time_it_lasts(calendar, start, budget, before, length):
    begin = calendar.after(start, before)
    end = calendar.after(begin, length)
    due = due_after_waits(calendar, start=start, budget_s=budget, waits=[(begin, end)], most_wait_s=10**9)
    plain = calendar.after(start, budget)
    moved = length if begin < plain else 0
    assert due == calendar.after(plain, moved)
    if moved:
        assert calendar.between(start, due) - calendar.between(begin, end) == budget
