"""Costs of winning and keeping customers (section 14)."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

from metrics.formulas.money import CONTEXT, exactly, quantise
from metrics.formulas.mrr import exact
from metrics.formulas.result import Number, Result, ratio, unknown

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
