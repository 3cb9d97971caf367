"""What a customer is worth over its life (section 13)."""

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal

from metrics.formulas.growth import mean
from metrics.formulas.money import CONTEXT, exactly
from metrics.formulas.result import Number, Result, ratio, unknown

MIN_CHURN_MONTHS = 3  # complete months below which a mean churn says nothing


def mean_churn(monthly: Sequence[Result], *, months: int = 6) -> Result:
    """Mean default logo churn of the last `months` complete months; fewer than three computable: immature."""
    known_rates = [rate.value for rate in monthly[-months:] if rate.value is not None]
    if len(known_rates) < MIN_CHURN_MONTHS:
        return unknown("immature")
    return mean(known_rates)


@exactly
def ltv(
    *, arpa: Result, churn: Result, gross_margin: Decimal = Decimal(1), cap_months: int | None = None
) -> Result:
    """ARPA x gross margin / mean monthly logo churn: 100/0.05 = 2,000. A part without value passes its reason on.

    Churn 0: no_churn, or with `cap_months` ARPA x margin x cap. Source: section 13.
    """
    if arpa.value is None:
        return arpa
    if churn.value is None:
        return Result(None, churn.reason)
    profit = CONTEXT.multiply(arpa.value, gross_margin)
    if churn.value == 0 and cap_months is not None:
        return Result(profit * cap_months)
    return ratio(profit, churn.value, if_zero="no_churn")


@exactly
def ltv_net_retention(*, arpa: Number, monthly_retention: Decimal) -> Result:
    """ARPA/(1 - monthly retention). Retention 1: no_churn. Source: ltv_method=net_retention."""
    return ratio(arpa, 1 - monthly_retention, if_zero="no_churn")


@exactly
def ltv_discounted(*, arpa: Number, churn: Decimal, discount: Decimal) -> Result:
    """ARPA x (1 + r)/(r + churn). Source: ltv_method=discounted."""
    return ratio(CONTEXT.multiply(Decimal(arpa), 1 + discount), discount + churn, if_zero="no_churn")


def customer_lifetime(*, churn: Decimal) -> Result:
    """1/churn in the churn's own unit: 3 % a month = 33 months. Churn 0: no_churn."""
    return ratio(1, churn, if_zero="no_churn")


def clv_retail(*, value_per_year: Number, lifespan_years: Decimal) -> Decimal:
    """Value per customer and year x lifespan in years, for sellers of one-off orders."""
    return CONTEXT.multiply(Decimal(value_per_year), lifespan_years)


def order_frequency(*, orders: int, customers: int) -> Result:
    """Orders / customers. No customers with an order: no_data."""
    return ratio(orders, customers, if_zero="no_data")


def lifespan_years(first_last: Iterable[tuple[date, date]]) -> Result:
    """Mean over customers of days(first, last order)/365. No orders: no_data."""
    spans = [(last - first).days for first, last in first_last]
    return ratio(sum(spans), 365 * len(spans), if_zero="no_data")


@exactly
def ltv_realised(*, revenue: Number, customers: int) -> Result:
    """Revenue to date of a cohort / its customers. Empty cohort: zero_denominator. Source: ltv_method=realised."""
    return ratio(revenue, customers)


def lifespan_years_of_sums(*, days: int, customers: int) -> Result:
    """The same mean from the sum of days(first, last order) over customers with an order. None: no_data."""
    return ratio(days, 365 * customers, if_zero="no_data")
