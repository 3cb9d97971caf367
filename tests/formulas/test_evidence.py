"""The golden numbers of backtests and calibration, and properties of ranking, pooling and resampling."""

import random
from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.formulas import calibration as c
from metrics.formulas import evidence as e
from metrics.formulas.satisfaction import wilson

GOLDEN = [
    (20, 500, True), (35, 300, True), (38, 400, False), (45, 200, True), (55, 1000, False), (62, 800, False),
    (68, 600, False), (72, 900, True), (81, 700, False), (90, 1200, False),
]  # fmt: skip
FEW = settings(max_examples=60, deadline=None, derandomize=True)


def outcomes(rows):
    return [e.Outcome(n, score, Decimal(mrr), churned) for n, (score, mrr, churned) in enumerate(rows)]


def test_hb_11_auc_and_its_standard_error():
    found = e.auc(outcomes(GOLDEN))
    assert found.value == Fraction(19, 24)
    assert round(found.se, 6) == 0.160029
    assert (round(found.low, 6), found.high) == (0.478016, 1.0)
    assert found.ranks


def test_hb_11_the_worst_tenth_and_fifth():
    tenth, fifth = (e.worst(outcomes(GOLDEN), share) for share in (Fraction(1, 10), Fraction(1, 5)))
    assert (tenth.size, tenth.caught, tenth.caught_mrr, tenth.lift) == (
        1,
        Fraction(1, 4),
        Fraction(5, 19),
        2.5,
    )
    assert (fifth.size, fifth.caught, fifth.caught_mrr, fifth.lift) == (
        2,
        Fraction(1, 2),
        Fraction(8, 19),
        2.5,
    )


@pytest.mark.parametrize(
    ("hits", "n", "rate", "low", "high"),
    [(3, 30, "10", "3.5", "25.6"), (0, 20, "0", "0", "16.1"), (20, 20, "100", "83.9", "100"),
     (12, 40, "30", "18.1", "45.4")],
)  # fmt: skip
def test_hb_6_intervals_of_bands(hits, n, rate, low, high):
    found = wilson(hits=hits, n=n)
    shown = [round(100 * x, 1) for x in (found.low, found.high)]
    assert [Decimal(100 * hits) / n, *shown] == [Decimal(rate), Decimal(low), Decimal(high)]


def test_hb_6_bands_carry_money_and_growth_and_the_unscored_their_own_row():
    rows = [
        e.Outcome(1, 10_000_000, Decimal(100), True, "weak"),
        e.Outcome(2, 20_000_000, Decimal(50), False, "weak", expanded=True),
        e.Outcome(3, None, Decimal(7), True, "insufficient"),
    ]
    weak, healthy, unscored = e.band_table(rows, ["weak", "healthy", "insufficient"])
    assert (weak.outcomes, weak.churned, weak.rate, weak.mrr) == (2, 1, Fraction(1, 2), Decimal(150))
    assert weak.expansion_rate == Fraction(1, 2)
    assert (healthy.rate, healthy.interval, healthy.expansion_rate) == (None, None, None)
    assert (unscored.churned, unscored.mrr) == (1, Decimal(7))


def test_hb_5_too_few_outcomes_say_so_and_nothing_else():
    assert e.Evidence(12, 3, 18).said() == "not enough outcomes (12 of 30 renewals, 3 of 10 churns)"
    assert e.Evidence(30, 10, 12).said() == ""
    assert e.Evidence(40, 11, 7).said(noun="customers") == (
        "not enough outcomes (40 of 30 customers, 11 of 10 churns, 7 of 12 months of facts)"
    )


def test_hb_4_the_unscored_are_in_no_ranking():
    rows = outcomes(GOLDEN)
    blind = [*rows, e.Outcome(99, None, Decimal(9000), True)]
    assert e.auc(blind) == e.auc(rows)
    assert e.worst(blind, Fraction(1, 10)) == e.worst(rows, Fraction(1, 10))


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 50), st.booleans()), max_size=25))
@FEW
def test_hb_7_auc_is_the_share_of_pairs(rows):
    found = e.auc(outcomes(rows))
    pairs = [(a, b) for a, _, gone in rows if gone for b, _, left in rows if not left]
    if not pairs:
        assert found is None
        return
    assert found.value == Fraction(sum(2 * (a < b) + (a == b) for a, b in pairs), 2 * len(pairs))
    assert 0 <= found.low <= float(found.value) <= found.high <= 1


def test_hb_7_below_six_tenths_it_does_not_rank():
    rows = outcomes([(50, 1, True), (50, 1, False)])
    assert (e.auc(rows).value, e.auc(rows).ranks) == (Fraction(1, 2), False)
    assert e.auc(outcomes([(50, 1, True)])) is None


@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(1, 50), st.booleans()), min_size=1, max_size=25),
    st.sampled_from([Fraction(1, 10), Fraction(1, 5), Fraction(1)]),
)
@FEW
def test_hb_8_ties_at_the_cut_count_pro_rata_whatever_the_order(rows, share):
    found = e.worst(outcomes(rows), share)
    assert found == e.worst(outcomes(rows[::-1]), share)
    churned = sum(gone for *_, gone in rows)
    if not churned:
        assert (found.caught, found.lift) == (None, None)
        return
    assert 0 <= found.caught <= 1
    if share == 1:
        assert (found.caught, found.caught_mrr, found.lift) == (1, 1, 1)


def test_hb_8_a_tie_of_three_at_the_cut():
    rows = outcomes([(10, 100, True), (10, 100, False), (10, 100, False), *[(50, 100, False)] * 7])
    assert e.worst(rows, Fraction(1, 10)).caught == Fraction(1, 3)


def test_hb_9_warning_time_counts_the_last_unbroken_red_stretch():
    days = [date(2026, m, 1) for m in (1, 2, 3, 4)]
    tones = lambda *ones: list(zip(days, ones, strict=True))  # noqa: E731
    assert e.warning_days(tones("red", "green", "red", "red"), date(2026, 4, 11)) == 41
    assert e.warning_days(tones("red", "red", "red", "amber"), date(2026, 4, 11)) is None
    assert e.warning_days(tones("red", "red", "red", "amber"), date(2026, 4, 1)) == 90
    assert e.warning_time([41, None, 90, 10]) == 41
    assert e.warning_time([None]) is None


def test_hb_10_the_difference_of_two_cards_is_paired_and_repeatable():
    source = random.Random(3)
    truth = [(source.randrange(100), source.random()) for _ in range(120)]
    rows_a = outcomes([(source.randrange(100), 1, luck * 100 > x) for x, luck in truth])
    rows_b = outcomes([(x, 1, luck * 100 > x) for x, luck in truth])
    found = e.difference_of_auc(rows_a, rows_b, seed=7, resamples=100)
    assert found == e.difference_of_auc(rows_a, rows_b, seed=7, resamples=100)
    assert found.value == e.auc(rows_b).value - e.auc(rows_a).value
    assert 0 < found.low < float(found.value) < found.high
    same = e.difference_of_auc(rows_a, rows_a, seed=7, resamples=50)
    assert (same.value, same.low, same.high) == (0, 0.0, 0.0)


def counts(*pairs):
    return [c.BandCount(f"b{n}", renewed, due) for n, (renewed, due) in enumerate(pairs)]


def test_hf_1_golden_probabilities():
    found = c.probabilities(counts((6, 10), (24, 30), (47, 50)))
    assert [round(float(p), 6) for p in found.values()] == [0.727778, 0.813889, 0.925926]


def test_hf_1_a_segment_needs_thirty_renewals():
    everybody = counts((6, 10), (24, 30), (47, 50))
    found = c.by_segment(
        everybody, {"tier=gold": counts((5, 10), (19, 20)), "tier=tin": counts((1, 2), (20, 27))}
    )
    assert set(found) == {"", "tier=gold"}
    assert c.probabilities(counts((0, 0))) == {}


@given(
    st.lists(
        st.integers(0, 40).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), min_size=1, max_size=7
    )
)
@FEW
def test_hf_1_better_bands_never_have_a_lower_probability(pairs):
    found = list(c.probabilities(counts(*pairs)).values())
    assert found == sorted(found)
    assert all(0 <= p <= 1 for p in found)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 5)), min_size=1, max_size=8))
@FEW
def test_hf_1_pooling_keeps_the_weighted_mean(rows):
    values, weights = [Fraction(v) for v, _ in rows], [w for _, w in rows]
    found = c.rising(values, weights)
    assert sum(v * w for v, w in zip(found, weights, strict=True)) == sum(
        v * w for v, w in zip(values, weights, strict=True)
    )


def test_hf_2_golden_expectation_with_a_repeatable_range():
    renewals = [
        c.Renewal("b2", Fraction(9, 10), Decimal(100_000)),
        c.Renewal("b1", Fraction(8, 10), Decimal(50_000)),
        c.Renewal("b0", Fraction(5, 10), Decimal(20_000)),
    ]
    past = counts((5, 10), (24, 30), (45, 50))
    found = c.forecast(renewals, past, seed=5, draws=2000)
    assert found.expected == Decimal(140_000)
    assert found == c.forecast(renewals, past, seed=5, draws=2000)
    assert found.low < found.expected < found.high == Decimal(170_000)


def test_hf_3_golden_brier_and_points_with_intervals():
    pairs = [(Fraction(9, 10), True), (Fraction(8, 10), False), (Fraction(7, 10), True)]
    assert round(float(c.brier(pairs)), 6) == 0.246667
    assert c.brier([]) is None
    points = c.reliability(pairs * 2)
    assert [(p.predicted, p.observed, p.n) for p in points] == [
        (Fraction(7, 10), 1, 2), (Fraction(8, 10), 0, 2), (Fraction(9, 10), 1, 2),
    ]  # fmt: skip
    many = [(Fraction(n, 40), n % 2 == 0) for n in range(41)]
    assert len(c.reliability(many)) == 10
