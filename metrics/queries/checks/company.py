"""VM-4, VM-6, VM-7 and VM-8: what is stored and shown about the company against the recount."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from fractions import Fraction
from typing import Any

from metrics.formulas import recount
from metrics.formulas.periods import month_period
from metrics.formulas.recount import ZERO, Month
from metrics.models import CohortMonth, CompanyMonth, CustomerMonth
from metrics.queries.checks.changes import change_rows
from metrics.queries.checks.comparison import Check, plain
from metrics.queries.checks.customers import MONTH_COLUMNS, Months, month_values
from metrics.queries.questions import Question
from metrics.queries.rates import rate_metrics
from metrics.queries.recounts import Recounted, cohorts_again
from metrics.queries.spans import spans_for

LOGOS = ("open_logos", "close_logos", "lost_logos", "logos_12m", "kept_logos_12m")
PARTS = ("kept", "now_of_base", "kept_12m", "now_12m", "ever_paid")
RATES = (
    "logo_churn_rate",
    "customer_retention_rate",
    "nrr",
    "grr",
    "nrr_12m",
    "grr_12m",
    "logo_retention_12m",
)
DIGITS = 30  # quotients are made with 50 digits; so many of them are compared
YEAR = 12  # months


def company_checks(counted: Recounted, months: Months) -> list[Check]:
    """Months, rates by currency, cohorts and retention of all customers."""
    return [
        _company_months(counted, months),
        _fx(counted, months),
        _cohorts(counted),
        _retention(counted, months),
    ]


def _held(counted: Recounted) -> dict[date, list[Month]]:
    by_month: dict[date, list[Month]] = defaultdict(list)
    for listed in counted.months.values():
        for start, month in listed.items():
            by_month[start].append(month)
    return by_month


def _company_months(counted: Recounted, months: Months) -> Check:
    check = Check("VM-4", "company months and what they are summed from")
    columns = (*MONTH_COLUMNS, *LOGOS, *PARTS)
    stored = {
        (row.month,): tuple(plain(getattr(row, name)) for name in columns)
        for row in CompanyMonth.objects.filter(month__range=months)
    }
    by_month = _held(counted)
    starts = {key[0] for key in stored} | {start for start in by_month if months[0] <= start <= months[1]}
    again = {}
    for start in starts:
        held = by_month[start]
        close = recount.month_end(start, counted.as_of)
        paid = sum(1 for moves in counted.moves.values() if moves and moves[0].day <= close)
        again[start,] = (*_summed(held), *_logos(held), *_kept(held), paid)
    check.compare("company_month", columns, stored, again)
    change_rows(check, counted)
    return check


def _summed(held: list[Month]) -> tuple[Any, ...]:
    columns = list(zip(*(month_values(month) for month in held), strict=True)) or [()] * len(MONTH_COLUMNS)
    return tuple(sum(column) for column in columns)


def _logos(held: list[Month]) -> tuple[int, ...]:
    return (
        sum(1 for m in held if m.opening),
        sum(1 for m in held if m.closing),
        sum(1 for m in held if m.opening and not m.closing),
        sum(1 for m in held if m.then_12m),
        sum(1 for m in held if m.then_12m and m.closing),
    )


def _kept(held: list[Month]) -> tuple[Fraction, ...]:
    return (
        sum((min(m.opening_at_close, m.closing) for m in held), ZERO),
        sum((m.closing for m in held if m.opening), ZERO),
        sum((min(m.then_12m, m.closing) for m in held), ZERO),
        sum((m.closing for m in held if m.then_12m), ZERO),
    )


def _fx(counted: Recounted, months: Months) -> Check:
    """The closed form of X-4 against the residual that is stored: of the company, and by currency of the customers."""
    check = Check("VM-6", "fx in its closed form, by currency")
    currencies = {pk: _currencies(counted, pk) for pk in counted.pieces}
    foreign = [pk for pk, name in currencies.items() if name != counted.definition.reporting_currency]
    by_currency: dict[tuple[Any, ...], Fraction] = defaultdict(Fraction)
    company: dict[tuple[Any, ...], Fraction] = defaultdict(Fraction)
    for pk in foreign:
        for start, month in counted.months[pk].items():
            if not months[0] <= start <= months[1]:
                continue
            found = recount.fx_of(
                counted.pieces[pk],
                open_on=start - recount.DAY,
                close_on=month.close_on,
                rates=counted.rates,
            )
            by_currency[start, currencies[pk]] += found
            company[start,] += found
    stored: dict[tuple[Any, ...], Fraction] = defaultdict(Fraction)
    rows = CustomerMonth.objects.filter(customer_id__in=foreign, month__range=months)
    for pk, start, fx in rows.values_list("customer_id", "month", "fx"):
        stored[start, currencies[pk]] += Fraction(fx)
    check.compare("customer_month", ("fx",), _ones(stored), _ones(by_currency))
    totals = dict(CompanyMonth.objects.filter(month__range=months).values_list("month", "fx"))
    check.compare(
        "company_month",
        ("fx",),
        {(start,): (Fraction(fx),) for start, fx in totals.items()},
        {(start,): (company.get((start,), ZERO),) for start in totals},
    )
    return check


def _currencies(counted: Recounted, pk: int) -> str:
    """The one currency of a customer; several, or rates of their own, in one group."""
    begun = [piece for piece in counted.pieces[pk] if piece.from_on <= counted.as_of]
    if any(piece.factor is not None for piece in begun):
        return "locked"
    held = {piece.currency for piece in begun if piece.value}
    return held.pop() if len(held) == 1 else "several"


def _ones(rows: dict[tuple[Any, ...], Fraction]) -> dict[tuple[Any, ...], tuple[Fraction]]:
    return {key: (value,) for key, value in rows.items()}


def _cohorts(counted: Recounted) -> Check:
    check = Check("VM-7", "cohort months")
    columns = ("size", "paying", "initial", "kept", "mrr")
    stored = {
        (row.cohort, row.k): tuple(plain(getattr(row, name)) for name in columns)
        for row in CohortMonth.objects.all()
    }
    check.compare("cohort_month", columns, stored, dict(cohorts_again(counted)))
    return check


def _retention(counted: Recounted, months: Months) -> Check:
    """Rates as pages show them, from single customers; only where the definition asks for the plain formulas."""
    check = Check("VM-8", "retention and churn of each month end")
    definition = counted.definition
    asked = (definition.nrr_method, definition.logo_churn_formula, definition.movement_grain)
    if asked not in {("endpoints", "standard", "day"), ("endpoints", "standard", "event")} or (
        definition.count_zero_mrr_active or definition.same_period_new_churn != "both"
    ):
        check.note = "not compared: the definition asks for other formulas"
        return check
    starts = list(
        CompanyMonth.objects.filter(month__range=months).order_by("month").values_list("month", flat=True)
    )
    periods = [month_period(start) for start in starts]
    spans = spans_for(periods, as_of=counted.as_of, definition=definition)
    shown = rate_metrics(Question(periods, counted.as_of, definition), spans=spans)
    first = min((counted.months and _held(counted)) or starts, default=date.max)
    by_month = _held(counted)
    stored, again = {}, {}
    for start, values in zip(starts, shown, strict=True):
        stored[start,] = tuple(
            None if values[name].value is None else _cut(Fraction(values[name].value or 0)) for name in RATES
        )
        young = recount.later(start, -YEAR) < first
        again[start,] = tuple(_rates(by_month[start], young=young))
    check.compare("metric", RATES, stored, again)
    return check


def _rates(held: Iterable[Month], *, young: bool) -> list[Fraction | None]:
    base = [month for month in held if month.opening]
    year = [] if young else [month for month in held if month.then_12m]
    opening = sum((month.opening_at_close for month in base), ZERO)
    then = sum((month.then_12m for month in year), ZERO)
    stayed = sum(1 for month in base if month.closing)
    return [
        _quotient(len(base) - stayed, len(base)),
        _quotient(stayed, len(base)),
        _quotient(sum((month.closing for month in base), ZERO), opening),
        _quotient(sum((min(month.opening_at_close, month.closing) for month in base), ZERO), opening),
        _quotient(sum((month.closing for month in year), ZERO), then),
        _quotient(sum((min(month.then_12m, month.closing) for month in year), ZERO), then),
        _quotient(sum(1 for month in year if month.closing), len(year)),
    ]


def _quotient(top: Fraction | int, bottom: Fraction | int) -> Fraction | None:
    return _cut(Fraction(top) / Fraction(bottom)) if bottom else None


def _cut(value: Fraction) -> Fraction:
    return recount.half_away(value, DIGITS)
