"""Breakdowns by dated values: transfers, members at the opening, and parts that add up."""

from datetime import date
from random import Random

import pytest

from customers.services.attributes import NewValue, set_attributes
from metrics.formulas.money import total
from metrics.formulas.periods import month_period, months_between, period_of
from metrics.queries.segments import segment_spans
from metrics.queries.spans import PARTS, read_spans, spans_for
from metrics.services.recompute import recompute_all
from tests.factories.ledgers import make_payer, make_random_ledger, make_version

AS_OF = date(2025, 6, 15)
pytestmark = pytest.mark.django_db


def tier(customer, value, from_on, now):
    set_attributes(values=[NewValue(customer.pk, "tier", value, from_on)], by=None, now=now)


def test_s_2_a_change_of_tier_is_a_transfer_and_then_the_days_movement(now):
    larch = make_payer("Larch")
    make_version(larch, date(2024, 1, 1), date(2024, 2, 10), "100")
    make_version(larch, date(2024, 2, 10), None, "130")
    tier(larch, "small", date(2024, 1, 1), now)
    tier(larch, "large", date(2024, 2, 10), now)
    recompute_all(as_of=AS_OF, now=now)
    found = segment_spans("tier", [month_period(date(2024, 2, 1))], as_of=AS_OF)
    (small,), (large,) = found["small"], found["large"]
    assert (small.opening, small.transfer_out, small.closing, small.fx) == (100, -100, 0, 0)
    assert (large.opening, large.transfer_in, large.expansion, large.closing, large.fx) == (
        0,
        100,
        30,
        130,
        0,
    )
    assert set(found) == {"small", "large"}


def test_s_3_rates_follow_the_members_at_the_opening(now):
    larch = make_payer("Larch")
    make_version(larch, date(2024, 1, 1), date(2024, 2, 20), "100")
    tier(larch, "small", date(2024, 1, 1), now)
    tier(larch, "large", date(2024, 2, 10), now)
    recompute_all(as_of=AS_OF, now=now)
    found = segment_spans("tier", [month_period(date(2024, 2, 1))], as_of=AS_OF)
    assert (found["small"][0].open_logos, found["small"][0].lost_logos, found["small"][0].churn) == (1, 1, 0)
    assert (found["large"][0].open_logos, found["large"][0].churn) == (0, -100)


def test_s_1_a_missing_value_is_unknown(now):
    make_version(make_payer("Larch"), date(2024, 1, 1), None, "100")
    recompute_all(as_of=AS_OF, now=now)
    for field in ("tier", "csm_email", "industry", "cf_channel", "lifecycle_phase"):
        found = segment_spans(field, [month_period(date(2024, 2, 1))], as_of=AS_OF)
        assert [(value, spans[0].closing) for value, spans in found.items()] == [("unknown", 100)]


def test_the_plan_is_that_of_the_largest_line_and_stays_after_the_last(now):
    larch = make_payer("Larch")
    make_version(larch, date(2024, 1, 1), date(2024, 2, 10), "100", plan="Basic")
    make_version(larch, date(2024, 2, 10), date(2024, 3, 10), "150", plan="Plus")
    recompute_all(as_of=AS_OF, now=now)
    months = [month_period(month) for month in months_between(date(2024, 1, 1), date(2024, 3, 1))]
    found = segment_spans("plan", months, as_of=AS_OF)
    assert [span.new for span in found["Basic"]] == [100, 0, 0]
    assert [(span.transfer_in, span.expansion, span.churn) for span in found["Plus"]] == [
        (0, 0, 0),
        (100, 50, 0),
        (0, 0, -150),
    ]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("grain", ["month", "quarter"])
def test_g_14_i_13_values_sum_to_the_total_and_transfers_to_zero(now, seed, grain):
    random = Random(seed)
    for customer in make_random_ledger(seed):
        for day in sorted(random.sample(range(0, 700, 17), 3)):
            tier(
                customer,
                random.choice(["a", "b", "c"]),
                date.fromordinal(date(2024, 1, 1).toordinal() + day),
                now,
            )
    recompute_all(as_of=AS_OF, now=now)
    if grain == "month":
        periods = [month_period(month) for month in months_between(date(2024, 1, 1), AS_OF)]
    else:
        periods = [period_of(date(2024, month, 1), "quarter") for month in (1, 4, 7, 10)]
    closes = [min(period.last_day, AS_OF) for period in periods]
    whole = read_spans(periods, close_days=closes)
    for field in ("tier", "plan", "currency"):
        found = segment_spans(field, periods, as_of=AS_OF)
        for no, span in enumerate(whole):
            for name in PARTS:
                if name.startswith(("joined", "transfer")):
                    continue
                parts = total(getattr(spans[no], name) for spans in found.values())
                assert parts == getattr(span, name), (field, name, span.period)
        assert (
            any(spans[no].transfer_in for spans in found.values() for no in range(len(periods)))
            or field != "tier"
        )
    if grain == "month":
        assert [span.closing for span in spans_for(periods, as_of=AS_OF)] == [span.closing for span in whole]
