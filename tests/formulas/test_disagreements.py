"""Views as tones, and since when two of them are apart."""

from datetime import date

import pytest

from metrics.formulas.disagreements import (
    apart_since,
    pairs_apart,
    pulse_tone,
    score_tone,
    seen_on,
    survey_tone,
    usage_tone,
)
from metrics.formulas.health_numbers import MICRO

FIRST, LATER = date(2026, 3, 1), date(2026, 3, 5)


@pytest.mark.parametrize(
    ("found", "tone"),
    [
        (score_tone("blue"), "green"),
        (score_tone("red"), "red"),
        (score_tone("none"), "none"),
        (pulse_tone(2 * MICRO, 0), "red"),
        (pulse_tone(3 * MICRO, 0), "amber"),
        (pulse_tone(4 * MICRO, 89), "green"),
        (pulse_tone(4 * MICRO, 90), "none"),
        (pulse_tone(None, None), "none"),
        (survey_tone(40 * MICRO - 1), "red"),
        (survey_tone(40 * MICRO), "amber"),
        (survey_tone(70 * MICRO), "green"),
        (usage_tone(-20 * MICRO), "red"),
        (usage_tone(-1), "amber"),
        (usage_tone(0), "green"),
        (usage_tone(None), "none"),
    ],
)
def test_hd_1_each_view_is_red_amber_green_or_none(found, tone):
    assert found == tone


def test_hd_1_a_pair_is_apart_since_the_later_of_its_two_days():
    tones = {"score": "red", "pulse": "green", "survey": "amber", "usage": "none"}
    seen = seen_on(tones, {}, FIRST)
    later = {**tones, "pulse": "amber", "survey": "green"}
    assert pairs_apart(tones) == {("score", "pulse")}
    assert apart_since(seen, pairs_apart(tones)) == FIRST
    again = seen_on(later, seen, LATER)
    assert again["score"] == ("red", FIRST)
    assert apart_since(again, pairs_apart(later)) == LATER
    assert apart_since(again, set()) is None
