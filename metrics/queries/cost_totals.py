"""Cost entries by month, and what they make of the acquisition and retention metrics of a quarter."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.db.models import QuerySet

from customers.choices import CostKind
from customers.models import CostEntry
from metrics.formulas.definition import Definition
from metrics.formulas.money import convert, total
from metrics.formulas.periods import Period, add_months, month_of, month_period, months_between, period_of
from metrics.formulas.result import Result, known, unknown
from metrics.queries.costs import Entry
from metrics.queries.metric_values import values_of
from metrics.queries.questions import Question
from metrics.queries.valuation import Factors, factors_of

FED = ("cac", "cac_payback_months", "ltv_cac", "customer_retention_cost")
MONTHS_SHOWN = 12


@dataclass(frozen=True, slots=True)
class CostMonth:
    """What was spent in a month of each kind, in the reporting currency, spread by local days (V-3)."""

    month: date
    acquisition: Result
    retention: Result

    @property
    def sums(self) -> tuple[Result, Result]:
        """Both kinds."""
        return self.acquisition, self.retention


@dataclass(frozen=True, slots=True)
class Fed:
    """The metrics that costs feed, of the last complete quarter."""

    quarter: Period
    values: dict[str, Result]


def cost_months(*, today: date, definition: Definition) -> list[CostMonth]:
    """The running month and those before it, newest first."""
    running = month_of(today)
    months = months_between(add_months(running, 1 - MONTHS_SHOWN), running)
    periods = [month_period(month) for month in months]
    rows = CostEntry.objects.current().filter(from_on__lt=periods[-1].end, to_on__gt=periods[0].start)
    entries = [Entry(*row) for row in rows.values_list("kind", "from_on", "to_on", "amount", "currency")]
    factors = factors_of(
        ((entry.currency, period.last_day) for entry in entries for period in periods),
        reporting=definition.reporting_currency,
    )
    return [
        CostMonth(
            period.start,
            *(_spent(entries, kind, period, factors) for kind in (CostKind.ACQUISITION, CostKind.RETENTION)),
        )
        for period in reversed(periods)
    ]


def _spent(entries: Sequence[Entry], kind: CostKind, period: Period, factors: Factors) -> Result:
    inside = [entry for entry in entries if entry.kind == kind and entry.touches(period)]
    if not inside:
        return unknown("not_configured")
    if any((entry.currency, period.last_day) not in factors for entry in inside):
        return unknown("missing_rate")
    return known(total(convert(one.inside(period), factors[one.currency, period.last_day]) for one in inside))


def fed_by_costs(*, today: date, definition: Definition) -> Fed:
    """CAC, payback, LTV:CAC and retention cost of the last quarter that is over."""
    running = period_of(today, "quarter", fiscal_start=definition.fiscal_year_start_month)
    quarter = period_of(
        add_months(running.start, -1), "quarter", fiscal_start=definition.fiscal_year_start_month
    )
    (values,) = values_of(Question([quarter], today, definition), keys=FED)
    return Fed(quarter, values)


def entries_now() -> QuerySet[CostEntry]:
    """Cost entries as known now."""
    rows: QuerySet[CostEntry] = CostEntry.objects.current()
    return rows.select_related("recorded_by")
