"""What lines charge outside MRR: usage of a service month, and one-time charges (N-6, N-13)."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from django.db.models import Sum

from customers.choices import LineKind
from customers.models import LineVersion
from metrics.formulas import mrr
from metrics.formulas.money import convert, total
from metrics.formulas.periods import Period, add_months, month_of, month_period
from metrics.formulas.result import Result, known, unknown
from metrics.queries.questions import Question, Values
from metrics.queries.valuation import Factors, factors_of

Charge = tuple[date, str, Decimal]  # first day it is charged for, currency, amount


def usage_charge_metrics(question: Question) -> list[Values]:
    """usage_mrr per period: the usage charges of the last complete month at the close. None ever: not_configured."""
    rows = charges_of(question, LineKind.USAGE)
    if not rows:
        return [{"usage_mrr": unknown("not_configured")} for _ in question.periods]
    factors = _factors(question, rows)
    found = []
    for period in question.periods:
        close_on = question.close_on(period)
        last = month_of(close_on)
        if month_period(last).last_day > close_on:
            last = add_months(last, -1)
        charged = [] if rows[0][0] >= add_months(last, 1) else [inside(rows, factors, month_period(last))]
        values = [result.value for result in charged if result.value is not None]
        missing = next((result for result in charged if result.value is None), None)
        found.append({"usage_mrr": missing or mrr.usage_mrr(values)})
    return found


def charges_of(question: Question, kind: str) -> list[Charge]:
    """Amounts of one kind by the first day they are charged for, oldest first."""
    lines = question.facts(LineVersion).filter(kind=kind, from_on__lte=question.as_of)
    rows = lines.values_list("from_on", "currency").annotate(sum=Sum("amount"))
    return sorted(rows)


def one_time_in(question: Question, rows: Sequence[Charge], windows: Sequence[Period]) -> list[Result]:
    """Sum of one-time charges that fall into each window."""
    factors = _factors(question, rows)
    return [inside(rows, factors, window) for window in windows]


def inside(rows: Sequence[Charge], factors: Factors, window: Period) -> Result:
    """Charges of a window at the rates of their days; one without a rate: missing_rate."""
    found = [row for row in rows if window.start <= row[0] < window.end]
    if any((currency, day) not in factors for day, currency, _ in found):
        return unknown("missing_rate")
    return known(total(convert(amount, factors[currency, day]) for day, currency, amount in found))


def _factors(question: Question, rows: Sequence[Charge]) -> Factors:
    wanted = ((currency, day) for day, currency, _ in rows)
    return factors_of(wanted, reporting=question.definition.reporting_currency, known_at=question.known_at)
