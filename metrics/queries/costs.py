"""What it costs to win and to keep customers (section 14), from cost entries spread over their local days."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db.models import Count, Sum

from customers.choices import CostKind
from customers.models import CostEntry
from metrics.choices import MovementKind
from metrics.formulas import acquisition, growth
from metrics.formulas.money import ZERO, convert, total
from metrics.formulas.periods import MONTHS_OF_GRAIN, Period, month_number, period_of
from metrics.formulas.result import Result, first_reason, known, unknown
from metrics.models import Movement
from metrics.queries.paying import Counts, counts_until
from metrics.queries.questions import Question, Values, day_after
from metrics.queries.spans import Span
from metrics.queries.usage_windows import within
from metrics.queries.valuation import Factors, factors_of

NO_COSTS = unknown("not_configured")


@dataclass(frozen=True, slots=True)
class Entry:
    """One cost entry as it is spread."""

    kind: str
    from_on: date
    to_on: date
    amount: Decimal
    currency: str

    def inside(self, window: Period) -> Decimal:
        """Its part in the window, in its own currency. Source: V-3."""
        return acquisition.cost_share(
            amount=self.amount, from_on=self.from_on, to_on=self.to_on, start=window.start, end=window.end
        )

    def touches(self, window: Period) -> bool:
        """Whether any of its days lies in the window."""
        return self.from_on < window.end and window.start < self.to_on


@dataclass(frozen=True, slots=True)
class Window:
    """A period with the stretch its CAC looks at, the stretch whose cost is counted, and the span of its rates."""

    span: Span
    own: Period
    won: Period
    spent: Period


@dataclass(frozen=True, slots=True)
class Won:
    """New customers per day: how many, and their MRR."""

    rows: Sequence[tuple[date, int, Decimal]]

    def inside(self, window: Period) -> tuple[int, Decimal]:
        """(customers, MRR) that are new in the window."""
        found = [(number, amount) for day, number, amount in self.rows if window.start <= day < window.end]
        return sum(number for number, _ in found), total(amount for _, amount in found)


def cost_metrics(
    question: Question,
    *,
    spans: Sequence[Span],
    ltv: Sequence[Result],
    revenue: Sequence[Result],
) -> list[Values]:
    """cac, ltv_cac, ltv_cac_gain, cac_payback_months, customer_retention_cost and net_customer_value per period.

    `spans`, `ltv` and `revenue` (per customer) belong to the same periods. CAC looks at the `cac_period` that holds
    the closing day where the period is shorter, else at the period itself. Costs are kept per segment: for customers
    without a `segment` there is nothing to divide (V-4).
    """
    windows = [cost_window(question, span) for span in spans]
    if not windows:
        return []
    entries = cost_entries(question)
    factors = cost_factors(question, entries, windows)
    won = _won(question, windows)
    counts = counts_until(max(span.close_on for span in spans), customers=question.customers)
    rows = []
    for window, worth, money in zip(windows, ltv, revenue, strict=True):
        values = {
            **_acquisition(question, window, worth, entries=entries, factors=factors, won=won),
            **_retention(question, window, entries=entries, factors=factors, counts=counts),
        }
        rows.append(values | {"net_customer_value": _net(money, values)})
    return rows


def _net(revenue: Result, values: Values) -> Result:
    """Revenue of a paying customer less what it cost to win and to keep one."""
    cac, kept = values["cac"], values["customer_retention_cost"]
    if revenue.value is None or cac.value is None or kept.value is None:
        return unknown(first_reason(revenue, cac, kept))
    return known(
        acquisition.net_customer_value(revenue=revenue.value, cac=cac.value, retention_cost=kept.value)
    )


def cost_window(question: Question, span: Span) -> Window:
    """The stretches of days that the cost metrics of a span look at."""
    definition = question.definition
    own = Period(span.period.start, day_after(span.close_on))
    asked = month_number(span.period.end) - month_number(span.period.start)
    if asked < MONTHS_OF_GRAIN[definition.cac_period]:
        whole = period_of(
            span.close_on, definition.cac_period, fiscal_start=definition.fiscal_year_start_month
        )
        won = Period(whole.start, own.end)
    else:
        won = own
    return Window(span, own, won, acquisition.cost_period(won, lag_months=definition.cac_lag_months))


def cost_entries(question: Question) -> list[Entry]:
    """Entries that count: all of the company, or those of the named segment."""
    rows = question.known(CostEntry)
    if question.customers is not None and question.segment is None:
        return []
    if question.segment is not None:
        rows = rows.filter(segment=question.segment)
    return [Entry(*row) for row in rows.values_list("kind", "from_on", "to_on", "amount", "currency")]


def cost_factors(question: Question, entries: Sequence[Entry], windows: Sequence[Window]) -> Factors:
    """Factors of the last days of all windows."""
    days = {stretch.last_day for window in windows for stretch in (window.own, window.spent)}
    return factors_of(
        ((entry.currency, day) for entry in entries for day in days),
        reporting=question.definition.reporting_currency,
        known_at=question.known_at,
    )


def _won(question: Question, windows: Sequence[Window]) -> Won:
    first, last = min(w.won.start for w in windows), max(w.won.end for w in windows)
    rows = within(
        Movement.objects.filter(kind=MovementKind.NEW, day__gte=first, day__lt=last), question.customers
    )
    return Won(list(rows.order_by().values_list("day").annotate(n=Count("pk"), mrr=Sum("amount"))))


def _spend(entries: Sequence[Entry], kind: CostKind, window: Period, factors: Factors) -> Result:
    """Cost of one kind in a window; none entered for it: not_configured, no rate for one: missing_rate."""
    inside = [entry for entry in entries if entry.kind == kind and entry.touches(window)]
    if not inside:
        return NO_COSTS
    day = window.last_day
    if any((entry.currency, day) not in factors for entry in inside):
        return unknown("missing_rate")
    return known(total(convert(entry.inside(window), factors[entry.currency, day]) for entry in inside))


def _acquisition(
    question: Question, window: Window, worth: Result, *, entries: Sequence[Entry], factors: Factors, won: Won
) -> Values:
    spend = _spend(entries, CostKind.ACQUISITION, window.spent, factors)
    customers, mrr = won.inside(window.won)
    cac = acquisition.cac(spend=spend.value, new_customers=customers)
    if spend.reason == "missing_rate":
        cac = spend
    arpa = growth.asp(new_mrr=mrr, new_customers=customers)
    if question.definition.cac_payback_arpa == "blended":
        arpa = growth.arpa_close(mrr=window.span.closing, paying=window.span.close_logos)
    return {
        "acquisition_cost": spend,
        "cac": cac,
        "ltv_cac": acquisition.ltv_cac(ltv=worth, cac=cac),
        "ltv_cac_gain": _gain(worth, cac),
        "cac_payback_months": acquisition.cac_payback_months(
            cac=cac, arpa=arpa, gross_margin=question.definition.gross_margin
        ),
    }


def _gain(worth: Result, cac: Result) -> Result:
    if worth.value is None or cac.value is None:
        return unknown(worth.reason or cac.reason)
    return known(acquisition.ltv_cac_gain(ltv=worth.value, cac=cac.value))


def _retention(
    question: Question, window: Window, *, entries: Sequence[Entry], factors: Factors, counts: Counts
) -> Values:
    spend = _spend(entries, CostKind.RETENTION, window.own, factors)
    if spend.reason == "missing_rate":
        return {"retention_cost": spend, "customer_retention_cost": spend}
    kept = window.span.open_logos - window.span.lost_logos
    mean = growth.mean(counts.daily(window.own)).value or ZERO
    base = Decimal(kept) if question.definition.crc_base == "retained" else mean
    return {
        "retention_cost": spend,
        "customer_retention_cost": acquisition.customer_retention_cost(spend=spend.value, customers=base),
    }
