"""The golden vectors of surveys, section 2, and I-9."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.formulas import satisfaction as s
from metrics.formulas.satisfaction import NpsCounts

NPS_VECTORS = [
    (50, 30, 20, "30", "+30", "15.31", "29.13", "15.08", "14.05", "44.20"),
    (25, 15, 10, "30", "+30", "21.65", "28.30", "21.00", "7.30", "49.30"),
    (20, 12, 8, "30", "+30", "24.20", "27.91", "23.31", "4.60", "51.22"),
    (5, 3, 2, "30", "+30", "48.41", "23.08", "42.13", "-19.05", "65.20"),
    (500, 300, 200, "30", "+30", "4.84", "29.91", "4.83", "25.08", "34.74"),
    (36, 24, 40, "-4", "−4", "17.07", "-3.88", "16.74", "-20.62", "12.85"),
    (291, 476, 395, "-8.95", "−9", "4.39", "-8.93", "4.38", "-13.31", "-4.55"),
    (10, 0, 0, "100", "+100", "0", "76.92", "29.42", "47.50", "100"),
    (5, 0, 0, "100", "+100", "0", "62.50", "45.01", "17.49", "100"),
    (3, 0, 0, "100", "+100", "0", "50.00", "56.58", "-6.58", "100"),
    (1, 0, 0, "100", "+100", "0", "25.00", "73.50", "-48.50", "98.50"),
    (0, 0, 1, "-100", "−100", "0", "-25.00", "73.50", "-98.50", "48.50"),
    (0, 5, 0, "0", "0", "0", "0", "30.01", "-30.01", "30.01"),
]


def close(value, expected, within="0.0101"):
    return abs(value - Decimal(expected)) <= Decimal(within)


@pytest.mark.parametrize("vector", NPS_VECTORS)
def test_vector_nps_and_its_intervals(vector):
    p, passive, d, score, shown, wald, centre, half, low, high = vector
    counts = NpsCounts(p, passive, d)
    value = s.nps(counts).value
    interval = s.nps_interval(counts)
    assert close(value, score)
    assert s.nps_shown(value) == shown
    assert close(s.nps_margin_wald(counts), wald)
    assert all(
        close(got, want)
        for got, want in zip(
            (interval.centre, interval.half, interval.low, interval.high),
            (centre, half, low, high),
            strict=True,
        )
    )


def test_vector_no_answers_is_no_data():
    empty = NpsCounts(0, 0, 0)
    assert s.nps(empty).reason == "no_data"
    assert (s.nps_interval(empty), s.nps_margin_wald(empty), s.nps_change(empty, empty)) == (None, None, None)
    assert s.no_answers().reason == "no_data"


@pytest.mark.parametrize(
    ("a", "b", "difference", "se", "z", "p"),
    [
        ((50, 30, 20), (40, 35, 25), "14.56", "10.94", "1.331", "0.183"),
        ((500, 300, 200), (400, 350, 250), "14.96", "3.51", "4.258", "0.00002"),
        ((10, 5, 5), (6, 6, 8), "30.43", "24.11", "1.263", "0.207"),
        ((60, 25, 15), (40, 30, 30), "33.98", "10.96", "3.101", "0.0019"),
        ((15, 13, 8), (12, 7, 12), "17.95", "19.32", "0.929", "0.353"),
    ],
)
def test_vector_change_of_nps(a, b, difference, se, z, p):
    change = s.nps_change(NpsCounts(*a), NpsCounts(*b))
    assert close(change.difference, difference)
    assert close(change.se, se)
    assert close(change.z, z, "0.001")
    assert close(change.p, p, "0.001")


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [
        (40, 50, "66.96", "88.76"),
        (9, 10, "59.58", "98.21"),
        (74, 107, "59.87", "77.12"),
        (8, 10, "49.02", "94.33"),
        (3, 3, "43.85", "100"),
        (1, 1, "20.65", "100"),
        (0, 5, "0", "43.45"),
    ],
)
def test_vector_wilson(hits, n, low, high):
    interval = s.wilson(hits=hits, n=n)
    assert close(interval.low * 100, low)
    assert close(interval.high * 100, high)


def test_vector_wilson_of_nothing():
    assert s.wilson(hits=0, n=0) is None
    assert s.share(hits=0, n=0).reason == "no_data"


@pytest.mark.parametrize(
    ("a", "b", "difference", "z", "p"),
    [
        ((40, 50), (30, 50), "19.23", "2.172", "0.0298"),
        ((9, 10), (6, 10), "25.00", "1.401", "0.161"),
        ((80, 100), (70, 100), "9.80", "1.617", "0.106"),
        ((400, 500), (350, 500), "9.96", "3.664", "0.0003"),
    ],
)
def test_vector_change_of_shares(a, b, difference, z, p):
    change = s.share_change(a, b)
    assert close(change.difference, difference)
    assert close(change.z, z, "0.001")
    assert close(change.p, p, "0.001")


@pytest.mark.parametrize(("up", "down", "p"), [(9, 2, "0.0654"), (12, 3, "0.0352"), (1, 9, "0.0215")])
def test_vector_sign_test(up, down, p):
    assert close(s.sign_test(up=up, down=down), p, "0.0001")
    small = s.paired_change([1] * up + [-1] * down)
    assert close(small.p, p, "0.0001")


def test_vector_paired_z():
    first = s.paired_change([2] * 6 + [1] * 14 + [0] * 15 + [-1] * 4 + [-2])
    assert (round(first.difference, 2), round(first.z, 3), round(first.p, 4)) == (
        Decimal("0.50"),
        Decimal("3.291"),
        Decimal("0.0010"),
    )
    second = s.paired_change([2] * 3 + [1] * 10 + [0] * 20 + [-1] * 6 + [-2])
    assert (round(second.difference, 2), round(second.z, 3), round(second.p, 3)) == (
        Decimal("0.20"),
        Decimal("1.433"),
        Decimal("0.152"),
    )
    assert s.paired_change([]) is None
    assert s.paired_change([0] * 40).p == 1


def test_vector_answers_needed_and_population_factor():
    shares = [("0.5", "0.2", 235, 938), ("0.6", "0.1", 173, 692), ("0.4", "0.3", 266, 1061)]
    for p, d, ten, five in shares:
        needed = [
            s.answers_needed(promoters=Decimal(p), detractors=Decimal(d), margin=margin) for margin in (10, 5)
        ]
        assert needed == [ten, five]
    assert close(s.population_factor(answers=60, population=100), "0.6356", "0.0001")
    assert s.population_factor(answers=5, population=5) == 0
    halves = (
        s.nps_interval(NpsCounts(30, 18, 12), population=100).half,
        s.nps_interval(NpsCounts(30, 18, 12)).half,
    )
    assert close(halves[0] / halves[1], "0.6356", "0.0001")


def test_s_20_buckets():
    assert "".join(s.nps_bucket(score)[0] for score in range(11)) == "dddddddpppp"
    assert s.nps(s.nps_counts(range(1, 11))).value == Decimal(-40)
    with pytest.raises(ValueError, match="0 to 10"):
        s.nps_bucket(11)


def test_csat_ces_and_indexes():
    assert close(s.csat({5: 42, 4: 32, 3: 10, 2: 9, 1: 14}).value, "69.16")
    assert s.csat({6: 1, 5: 1}, scale=7).value == Decimal(50)
    assert s.csat(dict.fromkeys(range(1, 11), 1), scale=10).value == Decimal(20)
    assert s.csat(dict.fromkeys(range(1, 11), 1), scale=10, cut=6).value == Decimal(50)
    effort = {1: 80, 2: 210, 3: 140, 4: 110, 5: 160, 6: 180, 7: 120}
    assert close(s.ces(effort, method="mean").value, "4.08")
    assert s.ces(effort).value == Decimal(46)
    assert s.ces(effort, method="index").value == Decimal(-13)
    assert s.ces({1: 3, 2: 2, 3: 5, 4: 6, 5: 4}, scale=5).value == Decimal(50)
    assert s.ces({}).reason == "no_data"
    assert s.score_index({1: 1, 5: 1}, scale=5).value == Decimal(50)
    with pytest.raises(ValueError, match="two points"):
        s.score_index({}, scale=1)
    assert s.survey_response_rate(completed=30, delivered=120).value == Decimal("0.25")
    assert s.survey_response_rate(completed=0, delivered=0).reason == "no_data"
    assert s.health_of_nps(Decimal(30)) == Decimal(65)


buckets = st.tuples(*[st.integers(0, 300)] * 3).filter(any)


@given(buckets)
def test_i_9_nps_stays_in_range_and_flips_sign(three):
    counts, swapped = NpsCounts(*three), NpsCounts(*reversed(three))
    value = s.nps(counts).value
    assert -100 <= value <= 100
    assert s.nps(swapped).value == value.copy_negate()
    more = s.nps(NpsCounts(three[0], three[1] + 5, three[2])).value
    assert abs(more) <= abs(value)
    interval = s.nps_interval(counts)
    assert interval.low <= interval.centre <= interval.high


@given(st.integers(1, 400), st.integers(0, 400))
def test_i_9_wilson_stays_inside(n, hits):
    interval = s.wilson(hits=min(hits, n), n=n)
    assert 0 <= interval.low <= interval.high <= 1
