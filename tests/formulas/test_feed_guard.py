"""When a source feed counts as broken, and when its customers have gone quiet."""

from fractions import Fraction

import pytest

from metrics.formulas.feed_guard import Seen, broken_by, is_back, usual_volume, weeks_wanted


def seen(received=100, usual=100, days=60, **counts):
    return Seen(days, received, Fraction(usual), **counts)


@pytest.mark.parametrize(
    ("found", "wrong"),
    [
        (seen(30), ()),
        (seen(29), ("volume",)),
        (seen(0, days=13), ()),
        (seen(0, days=14), ("volume",)),
        (seen(0, usual=9), ()),
        (seen(90, active=10, silent=2), ("silent",)),
        (seen(90, active=11, silent=2), ()),
        (seen(90, active=3, silent=1), ()),
        (seen(rows=100, refused=21), ("refused",)),
        (seen(rows=100, refused=20), ()),
        (seen(rows=4, refused=4), ()),
        (seen(10, active=10, silent=9, rows=50, refused=50), ("volume", "silent", "refused")),
    ],
)
def test_hk_1_what_breaks_a_feed(found, wrong):
    assert broken_by(found) == wrong


def test_hk_1_usual_is_the_median_of_the_same_weekday():
    by_age = {7: 100, 14: 90, 21: 0, 28: 110, 35: 95, 42: 105, 49: 98, 56: 102, 1: 9_999}
    assert usual_volume(by_age, 60) == 99
    assert usual_volume(by_age, 22) == 90  # three weeks: 100, 90, 0
    assert usual_volume({}, 60) == 0


def test_hk_1_a_usually_active_customer_may_miss_one_of_many_weeks():
    assert [weeks_wanted(days) for days in (14, 15, 22, 36, 57, 400)] == [1, 2, 3, 4, 7, 7]


def test_hk_3_half_of_the_usual_is_back():
    assert is_back(seen(50))
    assert not is_back(seen(49))
    assert not is_back(seen(80, active=10, silent=5))
