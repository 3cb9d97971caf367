"""What holds for every card and every set of readings."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.formulas.health import ANYONE, explain, level, score_many
from metrics.formulas.health_cards import (
    WEIGHTED_BANDS,
    CardError,
    body_hash,
    canonical,
    read_card,
)
from metrics.formulas.health_numbers import (
    FULL,
    MICRO,
    apportion,
    div,
    percent,
    plain,
    rounded,
    shown,
    shown_parts,
)
from tests.formulas.health_strategies import cards, points, readings

small = st.integers(-(10**13), 10**13)


@given(numerator=small, denominator=st.integers(-(10**6), 10**6).filter(bool))
def test_hn_2_div_is_the_nearest_integer_and_ties_go_to_even(numerator, denominator):
    got = div(numerator, denominator)
    assert got == round(Fraction(numerator, denominator))


@given(total=small, shares=st.lists(st.integers(0, 10**12), min_size=1, max_size=12))
def test_hn_3_parts_add_up_and_are_within_one_of_the_exact_part(total, shares):
    parts = apportion(total, shares)
    if sum(shares) == 0:
        assert parts == tuple(0 for _ in shares)
        return
    assert sum(parts) == total
    for part, share in zip(parts, shares, strict=True):
        assert abs(Fraction(part) - Fraction(total * share, sum(shares))) < 1
        assert share or part == 0


@settings(max_examples=60)
@given(card=cards(), data=st.data())
def test_he_1_lines_add_up_to_the_score_and_points_stay_in_range(card, data):
    if card.base_total == 0:
        return
    row = data.draw(st.lists(readings(), min_size=len(card.measures), max_size=len(card.measures)))
    result = explain(card, row)
    assert level(card, row) == replace(result, parts=())
    if result.arithmetic is None:
        assert (result.score, result.lines) == (None, ())
        return
    assert sum(line.points for line in result.lines) == result.arithmetic
    assert 0 <= result.arithmetic <= FULL
    assert result.score in {None, result.arithmetic}
    assert (result.score is None) == (result.band == "insufficient") == bool(result.reason)
    assert 0 <= result.coverage <= 1
    assert sum(part.effective_share for part in result.parts) == 1
    assert sum(part.base_share for part in result.parts) == 1
    assert all(part.points is None or 0 <= part.points <= FULL for part in result.parts)


@given(card=cards(), data=st.data())
def test_hn_6_many_equals_one_by_one(card, data):
    if card.base_total == 0:
        return
    size = len(card.measures)
    rows = data.draw(st.lists(st.lists(readings(), min_size=size, max_size=size), max_size=4))
    assert score_many(card, [(row, ANYONE) for row in rows]) == [level(card, row) for row in rows]


@given(score=points)
def test_hn_5_the_shown_score_lies_in_the_band_of_the_exact_one(score):
    text = shown(score, WEIGHTED_BANDS.of)
    whole, _, rest = text.partition(".")
    back = int(whole) * MICRO + int((rest + "000000")[:6])
    assert WEIGHTED_BANDS.of(back) == WEIGHTED_BANDS.of(score)


@given(parts=st.lists(st.integers(-FULL, FULL), max_size=12))
def test_shown_parts_add_up_to_the_rounded_sum(parts):
    shown_in_tenths = shown_parts(parts)
    assert sum(shown_in_tenths) == rounded(sum(parts), 1)
    assert all(abs(a - b) <= MICRO // 10 for a, b in zip(parts, shown_in_tenths, strict=True))


def test_hn_5_percentages_reach_100_only_when_whole():
    assert [percent(n, 1000) for n in (0, 1, 555, 999, 1000)] == ["0", "1", "56", "99", "100"]


def test_plain_writes_signs_and_no_point_without_decimals():
    assert [plain(-1_250_000, 1), plain(1_250_000, 0), plain(5), plain(0, 1)] == [
        "-1.3",
        "1",
        "0.000005",
        "0.0",
    ]


def body(**changes):
    base = {
        "kind": "weighted",
        "groups": [
            {
                "key": "g",
                "title": "G",
                "weight": 10_000,
                "measures": [
                    {
                        "measure": "a",
                        "version": 1,
                        "weight": 10_000,
                        "curve": {"type": "linear", "points": [[0, 0], [1, 5]]},
                    }
                ],
            }
        ],
    }
    return {**base, **changes}


def test_hc_2_the_hash_does_not_depend_on_key_order_and_changes_with_a_weight():
    shuffled = dict(reversed(list(body().items())))
    assert body_hash(shuffled) == body_hash(body())
    assert canonical({"b": 1, "a": [1, 2]}) == '{"a":[1,2],"b":1}'
    other = body()
    other["groups"][0]["weight"] = 20_000
    assert body_hash(other) != body_hash(body())


def test_a_body_is_read_with_defaults():
    card = read_card(body())
    assert (card.min_coverage, card.bands, card.measures[0].missing) == (
        5_000,
        WEIGHTED_BANDS,
        "redistribute",
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"groups": [{**body()["groups"][0], "weight": 0}]}, "All weights are 0"),
        ({"groups": body()["groups"] * 2}, "a stands on the card twice"),
        ({"groups": [{**body()["groups"][0], "rule": "median"}]}, "unknown rule"),
        ({"caps": [{"of": "x", "below": 1, "at_most": 2}]}, "A cap names x"),
        ({"bands": [{"key": "a", "label": "A", "tone": "red"}], "edges": []}, "2 to 7 bands"),
        ({"kind": "actions", "actions": []}, "lists no action"),
    ],
)
def test_a_card_that_cannot_be_scored_is_refused_with_a_sentence(change, said):
    with pytest.raises(CardError, match=said):
        read_card(body(**change))


def test_a_measure_ranks_among_one_group_of_peers_whatever_its_curve():
    measure = body()["groups"][0]["measures"][0]
    ranked = {"type": "percentile", "peers": "tier=gold"}
    special = {"by": "phase", "is": "onboarding", "curve": {"type": "percentile", "peers": "tier=base"}}
    group = {**body()["groups"][0], "measures": [{**measure, "curve": ranked, "curves": [special]}]}
    with pytest.raises(CardError, match="two groups of peers"):
        read_card(body(groups=[group]))
    same = {**special, "curve": ranked}
    group["measures"] = [{**measure, "curve": ranked, "curves": [same]}]
    assert read_card(body(groups=[group])).measures[0].curve.peers == "tier=gold"
