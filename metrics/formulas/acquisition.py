"""Costs of winning and keeping customers (section 14)."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from fractions import Fraction

from metrics.formulas.growth import mean
from metrics.formulas.money import CONTEXT, exactly, quantise
from metrics.formulas.mrr import exact
from metrics.formulas.periods import Period, add_months
from metrics.formulas.result import Number, Result, known, ratio, unknown

LTV_CAC_WARNING = 3  # below three times its cost a customer earns too little; public guides


def cac(*, spend: Number | None, new_customers: int) -> Result:
    """Acquisition cost of the period / new paying customers. No cost entry: not_configured; none new: zero_denominator."""
    if spend is None:
        return unknown("not_configured")
    return ratio(spend, new_customers)


def ltv_cac(*, ltv: Result, cac: Result) -> Result:
    """LTV / CAC; either part not computable: its reason."""
    if ltv.value is None or cac.value is None:
        return unknown(ltv.reason or cac.reason)
    return ratio(ltv.value, cac.value)


@exactly
def ltv_cac_gain(*, ltv: Decimal, cac: Decimal) -> Decimal:
    """LTV - CAC."""
    return ltv - cac


def cac_payback_months(*, cac: Result, arpa: Result, gross_margin: Decimal = Decimal(1)) -> Result:
    """CAC / (ARPA of the new customers x gross margin): 200/(50 x 0.75) = 5.33. A part's reason passes on."""
    if cac.value is None or arpa.value is None:
        return unknown(cac.reason or arpa.reason)
    return ratio(cac.value, CONTEXT.multiply(arpa.value, gross_margin))


def customer_retention_cost(*, spend: Number | None, customers: Number) -> Result:
    """Retention cost of the period / mean of daily paying counts. No cost entry: not_configured."""
    if spend is None:
        return unknown("not_configured")
    return ratio(spend, customers)


@exactly
def net_customer_value(*, revenue: Decimal, cac: Decimal, retention_cost: Decimal) -> Decimal:
    """Realised revenue - CAC - retention cost."""
    return revenue - cac - retention_cost


def cost_share(*, amount: Decimal, from_on: date, to_on: date, start: date, end: date) -> Decimal:
    """Part of an entry over [from_on, to_on) that falls in [start, end): spread evenly over days, quantised. Source: V-3."""
    days = (to_on - from_on).days
    inside = (min(to_on, end) - max(from_on, start)).days
    if days <= 0 or inside <= 0:
        return quantise(Decimal(0))
    return quantise(exact(Fraction(amount) * inside / days))


def ltv_cac_warning(*, ltv_cac: Result) -> bool | None:
    """Whether LTV:CAC is below 3, the level from which a customer earns enough; None when it is not computable."""
    return None if ltv_cac.value is None else ltv_cac.value < LTV_CAC_WARNING


def ltv_cac_alarm(*, ltv_cac: Result) -> bool | None:
    """Whether a customer costs more than it will bring: LTV:CAC below 1; None when it is not computable."""
    return None if ltv_cac.value is None else ltv_cac.value < 1


def cost_period(period: Period, *, lag_months: int = 0) -> Period:
    """The days whose acquisition cost belongs to customers won in `period`: so many months earlier. Source: cac_lag_months."""
    return Period(add_months(period.start, -lag_months), add_months(period.end, -lag_months))


@exactly
def cac_payback_of_cohort(*, cac: Result, monthly_profit: Iterable[Number]) -> Result:
    """First month (1, 2, ...) in which the cumulative gross profit of a customer reaches CAC, else not_reached."""
    if cac.value is None:
        return cac
    total = Decimal(0)
    for month, profit in enumerate(monthly_profit, start=1):
        total += profit
        if total >= cac.value:
            return known(month)
    return unknown("not_reached")


@exactly
def annualised(cost: Result, *, days: int) -> Result:
    """A cost of so many days as a year's: x 365/days. A missing cost passes its reason on. Source: section 14.1."""
    return cost if cost.value is None else ratio(cost.value * 365, days)


def crc_above_cac(*, crc: Result, cac: Result) -> bool | None:
    """Whether keeping a customer costs more than winning one; None when either is not computable."""
    if crc.value is None or cac.value is None:
        return None
    return crc.value > cac.value


@exactly
def net_customer_value_mean(values: Iterable[Decimal]) -> Result:
    """Mean of net_customer_value over customers; none: no_data."""
    return mean(values)
