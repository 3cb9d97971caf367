"""What must hold for all inputs: scores, health and survival (I-9 to I-11), and the variants of one metric."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from metrics.formulas import activation, churn, conversion, engagement, health, retention, satisfaction
from metrics.formulas.activation import Watched
from metrics.formulas.conversion import Trial
from metrics.formulas.health_cards import CardMeasure, Group, WeightedCard
from metrics.formulas.health_curves import Linear
from metrics.formulas.health_numbers import FULL
from metrics.formulas.periods import Period
from metrics.formulas.satisfaction import NpsCounts

TINY = Decimal("1E-20")
DAY = date(2024, 6, 30)
buckets = st.builds(NpsCounts, st.integers(0, 300), st.integers(0, 300), st.integers(0, 300)).filter(
    lambda counts: counts.n
)
amounts = st.integers(0, 10**6)
watched = st.lists(st.builds(Watched, st.integers(0, 60), st.booleans()), min_size=1, max_size=40)
confidences = st.integers(50, 999).map(lambda thousandths: Decimal(thousandths) / 1000)


@given(buckets, st.integers(1, 300))
def test_i_9_more_passives_move_the_score_towards_zero(counts, more):
    wider = NpsCounts(counts.promoters, counts.passives + more, counts.detractors)
    before, after = satisfaction.nps(counts).value, satisfaction.nps(wider).value
    assert abs(after) <= abs(before) <= 100
    assert (after == 0) == (before == 0)
    assert after * before >= 0


@given(buckets, confidences)
def test_i_9_the_interval_holds_the_adjusted_score_at_every_confidence(counts, confidence):
    interval = satisfaction.nps_interval(counts, z=satisfaction.z_of(confidence))
    assert -100 <= interval.low <= satisfaction.nps_adjusted(counts).value <= interval.high <= 100


@given(buckets, buckets)
def test_i_9_a_change_flips_its_sign_when_the_groups_swap(a, b):
    there, back = satisfaction.nps_change(a, b), satisfaction.nps_change(b, a)
    assert there.difference == -back.difference
    assert there.p == back.p
    assert 0 <= there.p <= 1


@given(buckets)
def test_i_9_the_finite_population_only_narrows(counts):
    wide = satisfaction.nps_margin_wald(counts)
    assert satisfaction.nps_margin_wald(counts, population=counts.n * 2) <= wide
    assert satisfaction.nps_margin_wald(counts, population=counts.n) == 0


@given(st.integers(1, 400), st.data(), confidences)
def test_i_9_wilson_lies_inside_and_holds_the_share(n, data, confidence):
    hits = data.draw(st.integers(0, n))
    interval = satisfaction.wilson(hits=hits, n=n, z=satisfaction.z_of(confidence))
    share = satisfaction.proportion(hits=hits, n=n).value
    assert 0 <= interval.low <= share + TINY
    assert share - TINY <= interval.high <= 1


@given(st.dictionaries(st.integers(1, 7), st.integers(0, 50), min_size=1).filter(lambda c: any(c.values())))
def test_i_9_scores_of_scales_stay_on_them(counts):
    assert 0 <= satisfaction.csat(counts, scale=7).value <= satisfaction.ces(counts).value <= 100
    assert 1 <= satisfaction.mean_score(counts).value <= 7
    assert 0 <= satisfaction.score_index(counts, scale=7).value <= 100
    assert -100 <= satisfaction.ces(counts, method="index").value <= 100


points = st.integers(0, FULL)
components = st.lists(
    st.tuples(st.integers(1, 100), st.lists(points, min_size=1, max_size=4)), min_size=1, max_size=6
)


def card_of(parts):
    straight = Linear(((0, 0), (FULL, FULL)))
    return WeightedCard(
        tuple(
            Group(
                str(place),
                "",
                weight,
                tuple(CardMeasure(f"{place}.{number}", 1, 1, straight) for number in range(len(values))),
            )
            for place, (weight, values) in enumerate(parts)
        )
    )


def readings_of(parts):
    return [health.Reading(value, age=0) for _, values in parts for value in values]


@given(components)
def test_i_10_weighted_health_lies_between_its_components_and_its_parts_sum_to_it(parts):
    level = health.explain(card_of(parts), readings_of(parts))
    means = [group.points for group in level.groups]
    assert min(means) <= level.score <= max(means)
    assert sum(line.points for line in level.lines) == level.score
    assert sum(group.contribution for group in level.groups) == level.score


@given(components, st.integers(1, 100))
def test_i_10_a_missing_component_is_neutral(parts, weight):
    whole = health.level(card_of(parts), readings_of(parts))
    more = health.level(
        card_of([*parts, (weight, [0])]), [*readings_of(parts), health.Reading(reason="no_data")]
    )
    assert more.arithmetic == whole.arithmetic
    known = sum(one for one, _ in parts)
    assert more.coverage == Fraction(known, known + weight)
    assert (more.score is None) == (more.coverage < Fraction(1, 2))


@given(watched)
def test_i_11_survival_falls_from_one_and_censoring_never_lowers_it(items):
    shares = list(activation.kaplan_meier(items).values())
    assert all(later < earlier for earlier, later in zip([Decimal(1), *shares], shares, strict=False))
    assert all(0 <= share < 1 for share in shares)
    reached = activation.reached_share(items).value
    assert not shares or shares[-1] <= 1 - reached + TINY


@given(watched)
def test_i_11_quantiles_follow_each_other(items):
    median, later = activation.quantile_days(items), activation.time_to_value_p75_days(items)
    assert later.value is None or (median.value is not None and median.value <= later.value)


activity = st.dictionaries(st.integers(0, 40), st.sets(st.integers(0, 9), min_size=1), max_size=20)


@given(activity)
def test_i_11_stickiness_is_at_most_one_in_every_mode(by_day):
    days = {DAY - timedelta(days=back): users for back, users in by_day.items()}
    for mode in ("mean_30", "workdays", "wau_mau", "single_day"):
        value = engagement.stickiness_of(days, DAY, mode=mode).value
        assert value is None or 0 <= value <= 1


@given(st.sets(st.integers(0, 30)), st.integers(1, 30))
def test_i_11_the_strict_retention_rules_imply_the_wide_ones(days, k):
    if engagement.retained_on(days, k):
        assert engagement.retained_on(days, k, rule="on_or_after")
        assert engagement.retained_on(days, k, rule="bracket")
    if engagement.retained_on(days, k, rule="unbroken"):
        assert engagement.retained_on(days, k)


@given(*(st.sets(st.integers(0, 12)) for _ in range(3)))
def test_i_11_lifecycle_parts_make_up_the_active(created, active, before):
    found = engagement.user_lifecycle(created=created, active=active, active_before=before)
    assert found.active == len(active)
    assert found.dormant == len(before - active)


@given(st.datetimes(datetime(2024, 1, 1), datetime(2024, 3, 1)), st.integers(0, 10**7))
def test_retention_days_of_the_three_rules_are_close(first, seconds):
    second = first + timedelta(seconds=seconds)
    calendar, exact, floor = (
        engagement.retention_day(first, second, rule=rule)
        for rule in ("calendar", "rolling_24h", "rolling_24h_hour_floor")
    )
    assert exact <= floor <= exact + 1
    assert exact <= calendar <= exact + 1


@given(st.lists(st.tuples(amounts, amounts), max_size=20))
def test_i_4_endpoints_keep_at_least_what_flows_keep(ends):
    opening = sum(then for then, _ in ends)
    lost = sum(max(then - now, 0) for then, now in ends if then)
    grown = sum(max(now - then, 0) for then, now in ends if then)
    pairs = [(Decimal(then), Decimal(now)) for then, now in ends]
    grr, nrr = retention.grr(pairs), retention.nrr(pairs)
    if not opening:
        assert grr.reason == nrr.reason == "zero_denominator"
        return
    flows = retention.grr_flows(opening=opening, contraction=lost, churn=0).value
    assert abs(grr.value - flows) < TINY
    assert abs(grr.value - retention.retention_of(churn.mrr_churn_of_ends(ends)).value) < TINY
    net = churn.net_mrr_churn_rate(opening=opening, churn=lost, contraction=0, expansion=grown).value
    assert abs(nrr.value - (1 - net)) < TINY
    assert abs(nrr.value - grr.value - Decimal(grown) / opening) < TINY


days = st.integers(0, 120).map(lambda number: date(2024, 1, 1) + timedelta(days=number))


@st.composite
def trials(draw):
    started = draw(days)
    length = timedelta(days=draw(st.integers(0, 60)))
    ending = draw(st.sampled_from(["converted", "cancelled", ""]))
    return Trial(started, until=started + length, **({ending: started + length} if ending else {}))


@given(st.lists(trials(), max_size=20), days)
def test_trials_in_three_states_are_all_trials(listed, as_of):
    assert sum(conversion.trial_states(listed, as_of=as_of).values()) == len(listed)
    period = Period(date(2024, 1, 1), date(2024, 2, 1))
    within = conversion.trial_to_paid_within(listed, period=period, days=30)
    ever = conversion.trial_to_paid_by_start(listed, period=period)
    assert within.value is None or within.value <= ever.value <= 1
