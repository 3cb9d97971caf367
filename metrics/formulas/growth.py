"""Averages and growth (section 12)."""

from collections.abc import Iterable
from decimal import Decimal

from metrics.formulas.money import ZERO, exactly
from metrics.formulas.result import Number, Result, ratio


def arpa_close(*, mrr: Number, paying: int) -> Result:
    """Closing MRR / paying customers at close. None paying: zero_denominator."""
    return ratio(mrr, paying)


def asp(*, new_mrr: Number, new_customers: int) -> Result:
    """New MRR / new customers. None new: zero_denominator."""
    return ratio(new_mrr, new_customers)


@exactly
def arpu_revenue(*, revenue: Number | None, daily_paying: Iterable[int]) -> Result:
    """Revenue of the period / mean of daily paying counts. No revenue facts: not_configured; nobody paying: zero_denominator."""
    counts = list(daily_paying)
    if revenue is None:
        return Result(None, "not_configured")
    return ratio(revenue * len(counts), sum(counts))


def expansion_rate(*, opening: Number, expansion: Number) -> Result:
    """Expansion of the opening base / opening MRR. Zero opening: zero_denominator. Source: section 12, ruling 8."""
    return ratio(expansion, opening)


@exactly
def expansion_growth(*, last: Number, this: Number) -> Result:
    """(expansion this month - last month)/last month; 1,500 to 2,000 = 33.3 %. Last month 0: zero_denominator."""
    return ratio(this - last, last)


@exactly
def growth_rate(*, before: Number, after: Number) -> Result:
    """(after - before)/before; 15 to 18 = 20 %. Before 0: zero_denominator."""
    return ratio(after - before, before)


def mrr_growth(*, before: Number, after: Number) -> Result:
    """growth_rate of MRR."""
    return growth_rate(before=before, after=after)


def customer_growth(*, before: int, after: int) -> Result:
    """growth_rate of paying customers."""
    return growth_rate(before=before, after=after)


@exactly
def quick_ratio(
    *,
    new: Number,
    expansion: Number,
    reactivation: Number,
    contraction: Number,
    churn: Number,
    includes_reactivation: bool = True,
) -> Result:
    """(new + expansion + reactivation)/(contraction + churn), all amounts positive. No losses: no_losses."""
    gains = new + expansion + (reactivation if includes_reactivation else 0)
    return ratio(gains, contraction + churn, if_zero="no_losses")


def steady_state_customers(*, adds_per_month: Number, monthly_churn: Decimal) -> Result:
    """Monthly adds / monthly logo churn, the growth ceiling: 100 at 5 % = 2,000. Churn 0: no_churn."""
    return ratio(adds_per_month, monthly_churn, if_zero="no_churn")


@exactly
def mean(values: Iterable[Number]) -> Result:
    """Plain mean; nothing to average: no_data."""
    listed = [Decimal(value) for value in values]
    return ratio(sum(listed, ZERO), len(listed), if_zero="no_data")


@exactly
def arpu_revenue_of_ends(*, revenue: Number | None, opening: int, closing: int) -> Result:
    """Revenue of the period / ((opening + closing) paying customers / 2). No revenue facts: not_configured."""
    if revenue is None:
        return Result(None, "not_configured")
    return ratio(2 * revenue, opening + closing)


@exactly
def sum_of_groups(groups: Iterable[tuple[int, Number]]) -> tuple[Decimal, int]:
    """(MRR, paying customers) of groups of (customers, MRR of each); who pays nothing is no paying customer (G-8)."""
    paying = [(customers, Decimal(each)) for customers, each in groups if each > 0]
    mrr = sum((customers * each for customers, each in paying), ZERO)
    return mrr, sum(customers for customers, _ in paying)
