"""Customer and revenue retention (section 11): both ends for the same customers, never the minimum of totals."""

from collections.abc import Iterable
from decimal import Decimal

from metrics.formulas.activation import Watched, kaplan_meier, quantile_days
from metrics.formulas.money import ZERO, exactly
from metrics.formulas.result import Number, Result, ratio

Ends = tuple[
    Decimal, Decimal
]  # one customer's MRR at opening and at close, both at the closing day's factors


def customer_retention_rate(*, start: int, end: int, new: int) -> Result:
    """(E - N)/S; N = paying at close but not in the opening base. Equals 1 - logo churn. (105 - 10)/100 = 95 %.

    S = 0: zero_denominator. Source: section 11, I-15.
    """
    return ratio(end - new, start)


def survival_to_date(*, paying: int, ever_paid: int) -> Result:
    """Customers paying now / customers that ever paid; the other published form, never called retention. Source: ruling 5."""
    return ratio(paying, ever_paid)


@exactly
def nrr(customers: Iterable[Ends]) -> Result:
    """Sum of MRR now / sum of MRR then, over customers with MRR > 0 then; who came back counts at today's MRR.

    Nobody paying then: zero_denominator. Source: nrr, nrr_12m, nrr_method=endpoints.
    """
    base = [(then, now) for then, now in customers if then > 0]
    return ratio(sum((now for _, now in base), ZERO), sum((then for then, _ in base), ZERO))


@exactly
def grr(customers: Iterable[Ends]) -> Result:
    """Sum of min(then, now) / sum of MRR then, per customer; between 0 and 1. Source: grr, grr_12m."""
    base = [(then, now) for then, now in customers if then > 0]
    return ratio(sum((min(then, now) for then, now in base), ZERO), sum((then for then, _ in base), ZERO))


def nrr_of_sums(*, opening: Number, closing_of_base: Number) -> Result:
    """The same quotient from stored sums of the opening base."""
    return ratio(closing_of_base, opening)


def grr_of_sums(*, opening: Number, kept_of_base: Number) -> Result:
    """The same quotient from the stored sum of min(then, now) per customer."""
    return ratio(kept_of_base, opening)


@exactly
def nrr_flows(*, opening: Number, expansion: Number, contraction: Number, churn: Number) -> Result:
    """(opening + expansion - contraction - churn)/opening of the opening base, amounts positive. Source: nrr_method=flows."""
    return ratio(opening + expansion - contraction - churn, opening)


@exactly
def grr_flows(*, opening: Number, contraction: Number, churn: Number) -> Result:
    """(opening - contraction - churn)/opening of the opening base, amounts positive. Source: grr flows."""
    return ratio(opening - contraction - churn, opening)


@exactly
def nrr_chained(monthly: Iterable[Result]) -> Result:
    """Product of monthly flows. A month that cannot be computed passes its reason on. Source: nrr_method=chained."""
    product = Decimal(1)
    for month in monthly:
        if month.value is None:
            return month
        product *= month.value
    return Result(product)


def logo_retention(customers: Iterable[Ends]) -> Result:
    """Same customers paying now / paying then. Source: logo_retention_12m."""
    base = [now for then, now in customers if then > 0]
    return ratio(sum(1 for now in base if now > 0), len(base))


@exactly
def renewal_rate(terms: Iterable[tuple[Decimal, Decimal | None]]) -> Result:
    """Renewed / due in MRR with min(renewed, due); undecided terms (None) are in neither part. Source: renewal_rate."""
    decided = [(due, renewed) for due, renewed in terms if renewed is not None]
    return ratio(
        sum((min(due, renewed) for due, renewed in decided), ZERO), sum((due for due, _ in decided), ZERO)
    )


@exactly
def retention_of(churn: Result) -> Result:
    """1 - churn of the same period and base; its reason passes on. Source: section 11, I-15."""
    return churn if churn.value is None else Result(1 - churn.value)


@exactly
def nrr_endpoints(*, opening: Number, closing_before_churn: Number, churn: Number) -> Result:
    """(MRR of one cohort before its churn is taken off - churn) / its opening MRR. Source: nrr_method=endpoints."""
    return ratio(closing_before_churn - churn, opening)


@exactly
def net_renewal_rate(terms: Iterable[tuple[Decimal, Decimal | None]]) -> Result:
    """Renewed / due in MRR with the upsell at renewal; undecided terms (None) are in neither part. Source: net_renewal."""
    decided = [(due, renewed) for due, renewed in terms if renewed is not None]
    return ratio(sum((now for _, now in decided), ZERO), sum((due for due, _ in decided), ZERO))


def logo_renewal_rate(terms: Iterable[tuple[Decimal, Decimal | None]]) -> Result:
    """Renewed / due in logos; undecided terms (None) are in neither part. Source: renewal_rate."""
    decided = [renewed for _, renewed in terms if renewed is not None]
    return ratio(sum(1 for renewed in decided if renewed > 0), len(decided))


def survival(days_to_churn: Iterable[Watched]) -> dict[Number, Decimal]:
    """Kaplan-Meier of days from the first paid day to the first churn; still paying = censored. Source: section 11, R-5."""
    return kaplan_meier(list(days_to_churn))


def survival_median_days(days_to_churn: Iterable[Watched]) -> Result:
    """Smallest day with S <= 0.5, else not_reached; nobody ever paid: no_data."""
    return quantile_days(list(days_to_churn))
