"""What lifetimes, costs and one-off revenue are made of: months, cost entries, new customers, orders."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from customers.choices import CostKind
from metrics.formulas import acquisition, growth
from metrics.formulas.money import ZERO, convert
from metrics.formulas.periods import Period
from metrics.formulas.result import Result, first_reason, known, ratio, unknown
from metrics.queries.commerce import orders_of
from metrics.queries.costs import NO_COSTS, Window, cost_entries, cost_factors, cost_window
from metrics.queries.paying import counts_until
from metrics.queries.rows import (
    COUNT,
    DAY,
    FLAG,
    MONEY,
    TEXT,
    Ask,
    ListSource,
    Receipt,
    RowColumn,
    Source,
    SpanSource,
    Sums,
    span_source,
)
from metrics.queries.rows_revenue import CLOSING, IS
from metrics.queries.spans import Span, span_days
from metrics.queries.valuation import factors_of
from metrics.queries.worth import ltv_of, months_before
from metrics.sql.spans import PLAIN

PAYING_DAYS = "Days of the period"
NOT_REFUNDED = "Refunded orders are left out."


@dataclass(frozen=True)
class Part:
    """One factor of a number: its rows, and its value from their sums."""

    sources: Sequence[Source]
    made: Callable[[Sequence[Sums]], Result]


def joined(parts: Sequence[Part], make: Callable[[Sequence[Result]], Result], **words: str) -> Receipt:
    """A number of several parts, each with rows of its own."""

    def made(sums: Sequence[Sums]) -> Result:
        values, place = [], 0
        for part in parts:
            values.append(part.made(sums[place : place + len(part.sources)]))
            place += len(part.sources)
        return make(values)

    return Receipt([source for part in parts for source in part.sources], made, **words)


def lifetime_value(ask: Ask) -> Receipt:
    """LTV, on margin or on revenue."""
    words = {"top": "ARPA × margin", "bottom": "mean churn of the months"}
    return joined([_ltv(ask, is_revenue=ask.key == "ltv_revenue")], lambda parts: parts[0], **words)


def _ltv(ask: Ask, *, is_revenue: bool = False) -> Part:
    definition, close_on = ask.question.definition, ask.question.close_on(ask.period)
    months = months_before(ask.question, [Span(ask.period, close_on)])
    rows = [
        (
            None,
            (
                f"{month:%b %Y}",
                item.churn.numerator,
                item.churn.denominator,
                item.churn.value,
                item.kept.value,
            ),
        )
        for month, item in sorted(months.items())
    ]
    columns = (
        RowColumn("month", "Month", TEXT),
        RowColumn("lost", "Lost", COUNT),
        RowColumn("opening", "Paying at opening", COUNT),
        RowColumn("churn", "Logo churn", "rate"),
        RowColumn("kept", "MRR kept", "rate"),
    )
    listed = ListSource("Months before the close", "months", rows, columns, "month", has_customers=False)
    margin = Decimal(1) if is_revenue else definition.gross_margin

    def made(sums: Sequence[Sums]) -> Result:
        span = Span(ask.period, close_on, closing=sums[0]["closing"], close_logos=int(sums[0]["is_now"]))
        return ltv_of(span, [months[month] for month in sorted(months)], definition, margin)

    return Part([span_source(ask, "Paying at the close", "{close}", CLOSING, IS), listed], made)


def _spent(ask: Ask, window: Window, kind: CostKind, stretch: Period) -> Part:
    """Cost entries of one kind with their part of the stretch, at the factor of its last day."""
    entries = [entry for entry in cost_entries(ask.question) if entry.kind == kind and entry.touches(stretch)]
    factors = cost_factors(ask.question, entries, [window])
    day = stretch.last_day
    rows = [
        (
            None,
            (
                entry.from_on,
                entry.to_on - timedelta(days=1),
                f"{entry.currency} {entry.amount.normalize():f}",
                convert(entry.inside(stretch), factors[entry.currency, day])
                if (entry.currency, day) in factors
                else None,
            ),
        )
        for entry in entries
    ]
    columns = (
        RowColumn("from_on", "From", DAY),
        RowColumn("to_on", "To", DAY),
        RowColumn("amount", "Entered", TEXT),
        RowColumn("part", "Its part of the period"),
    )
    title = f"{CostKind(kind).label.capitalize()} cost, {stretch.start:%-d %b %Y} to {day:%-d %b %Y}"
    source = ListSource(
        title, "cost entries", rows, columns, "from_on", has_customers=False, is_company_only=True
    )

    def made(sums: Sequence[Sums]) -> Result:
        if not rows:
            return NO_COSTS
        return unknown("missing_rate") if any(row[1][-1] is None for row in rows) else known(sums[0]["part"])

    return Part([source], made)


def _won(ask: Ask, window: Window) -> SpanSource:
    """Customers won in the stretch a CAC looks at."""
    stretch = window.won
    columns = (RowColumn("new", "New MRR"), RowColumn("new_n", "Times", COUNT))
    return SpanSource(
        f"Won, {stretch.start:%-d %b %Y} to {stretch.last_day:%-d %b %Y}",
        "new_n > 0",
        columns,
        span_days([stretch], [stretch.last_day]),
        ask.customers,
        PLAIN,
    )


def _window(ask: Ask) -> Window:
    return cost_window(ask.question, Span(ask.period, ask.question.close_on(ask.period)))


def _cac(ask: Ask) -> Part:
    window = _window(ask)
    spent = _spent(ask, window, CostKind.ACQUISITION, window.spent)

    def made(sums: Sequence[Sums]) -> Result:
        spend = spent.made(sums[:1])
        if spend.reason == "missing_rate":
            return spend
        return acquisition.cac(spend=spend.value, new_customers=int(sums[1]["new_n"]))

    return Part([*spent.sources, _won(ask, window)], made)


def acquisition_cost(ask: Ask) -> Receipt:
    """CAC, and its cost in all."""
    if ask.key == "acquisition_cost":
        window = _window(ask)
        return joined(
            [_spent(ask, window, CostKind.ACQUISITION, window.spent)],
            lambda parts: parts[0],
            top="acquisition cost",
        )
    return joined([_cac(ask)], lambda parts: parts[0], top="acquisition cost", bottom="new customers")


def worth_of_cost(ask: Ask) -> Receipt:
    """LTV : CAC and LTV − CAC."""

    def make(parts: Sequence[Result]) -> Result:
        worth, cost = parts
        if ask.key == "ltv_cac":
            return acquisition.ltv_cac(ltv=worth, cac=cost)
        if worth.value is None or cost.value is None:
            return unknown(worth.reason or cost.reason)
        return known(acquisition.ltv_cac_gain(ltv=worth.value, cac=cost.value))

    return joined([_ltv(ask), _cac(ask)], make, top="lifetime value", bottom="acquisition cost")


def payback(ask: Ask) -> Receipt:
    """CAC over the ARPA of whoever pays it back."""
    definition, window = ask.question.definition, _window(ask)
    if definition.cac_payback_arpa == "blended":
        source: Source = span_source(ask, "Paying at the close", "{close}", CLOSING, IS)
        arpa = Part([source], lambda sums: ratio(sums[0]["closing"], sums[0]["is_now"]))
    else:
        arpa = Part([_won(ask, window)], lambda sums: ratio(sums[0]["new"], sums[0]["new_n"]))
    return joined(
        [_cac(ask), arpa],
        lambda parts: acquisition.cac_payback_months(
            cac=parts[0], arpa=parts[1], gross_margin=definition.gross_margin
        ),
        top="acquisition cost",
        bottom="ARPA × margin",
    )


def _paying_days(ask: Ask) -> ListSource:
    counts = counts_until(ask.question.as_of, customers=ask.question.customers)
    days = [ask.closed.start + timedelta(days=step) for step in range(ask.closed.days)]
    rows = [(None, pair) for pair in zip(days, counts.daily(ask.closed), strict=True)]
    columns = (RowColumn("day", "Day", DAY), RowColumn("paying", "Paying customers", COUNT))
    return ListSource(PAYING_DAYS, "days", rows, columns, "day", has_customers=False)


def _kept(ask: Ask) -> Part:
    window = _window(ask)
    spent = _spent(ask, window, CostKind.RETENTION, window.own)
    if ask.question.definition.crc_base == "retained":
        stayed = RowColumn("stayed", "Stayed", FLAG, "CASE WHEN {open} AND {close} THEN 1 ELSE 0 END")
        base: Source = span_source(ask, "Customers of the opening", "{open}", stayed)
    else:
        base = _paying_days(ask)

    def made(sums: Sequence[Sums]) -> Result:
        spend, held = spent.made(sums[:1]), sums[1]
        if spend.reason == "missing_rate":
            return spend
        people = held["stayed"]
        if ask.question.definition.crc_base != "retained":
            people = ratio(held["paying"], held.rows, if_zero="no_data").value or ZERO
        return acquisition.customer_retention_cost(spend=spend.value, customers=people)

    return Part([*spent.sources, base], made)


def retention_cost(ask: Ask) -> Receipt:
    """Cost of keeping a customer, and in all."""
    if ask.key == "retention_cost":
        window = _window(ask)
        return joined(
            [_spent(ask, window, CostKind.RETENTION, window.own)],
            lambda parts: parts[0],
            top="retention cost",
        )
    return joined([_kept(ask)], lambda parts: parts[0], top="retention cost", bottom="paying customers, mean")


def net_value(ask: Ask) -> Receipt:
    """Revenue of a customer less what it cost to win and to keep it."""

    def make(parts: Sequence[Result]) -> Result:
        revenue, cac, kept = parts
        if revenue.value is None or cac.value is None or kept.value is None:
            return unknown(first_reason(revenue, cac, kept))
        return known(
            acquisition.net_customer_value(revenue=revenue.value, cac=cac.value, retention_cost=kept.value)
        )

    return joined([_per_customer(ask), _cac(ask), _kept(ask)], make, top="revenue − both costs")


def orders_part(ask: Ask, window: Period, title: str) -> Part:
    """Orders of a window, each at the factor of its day."""
    found = list(
        orders_of(ask.question)
        .filter(day__gte=window.start, day__lt=window.end)
        .values_list("customer_id", "day", "currency", "amount")
    )
    factors = factors_of(
        {(currency, day) for _, day, currency, _ in found},
        reporting=ask.question.definition.reporting_currency,
        known_at=ask.question.known_at,
    )
    rows = [
        (
            pk,
            (
                day,
                f"{currency} {amount.normalize():f}",
                convert(amount, factors[currency, day]) if (currency, day) in factors else None,
            ),
        )
        for pk, day, currency, amount in found
    ]
    columns = (
        RowColumn("day", "Day", DAY),
        RowColumn("amount", "Order", TEXT),
        RowColumn("value", "Value", MONEY),
    )

    def made(sums: Sequence[Sums]) -> Result:
        return unknown("missing_rate") if any(row[1][-1] is None for row in rows) else known(sums[0]["value"])

    return Part([ListSource(title, "orders", rows, columns, "-day")], made)


def one_time(ask: Ask) -> Receipt:
    """Orders of the period."""
    return joined(
        [orders_part(ask, ask.closed, "Orders of the period")],
        lambda parts: parts[0],
        top="orders",
        left_out=NOT_REFUNDED,
    )


def _per_customer(ask: Ask) -> Part:
    orders, days = orders_part(ask, ask.closed, "Orders of the period"), _paying_days(ask)
    ever = orders_of(ask.question).exists()

    def made(sums: Sequence[Sums]) -> Result:
        revenue = orders.made(sums[:1])
        if not ever:
            return growth.arpu_revenue(revenue=None, daily_paying=())
        if revenue.value is None:
            return revenue
        return ratio(revenue.value * sums[1].rows, sums[1]["paying"])

    return Part([*orders.sources, days], made)


def revenue_per_customer(ask: Ask) -> Receipt:
    """Orders over the mean of daily paying customers."""
    return joined(
        [_per_customer(ask)],
        lambda parts: parts[0],
        top="orders",
        bottom="paying customers, mean of days",
        left_out=NOT_REFUNDED,
    )


WORTH_ROWS: Mapping[str, Callable[[Ask], Receipt]] = {
    "ltv": lifetime_value,
    "ltv_revenue": lifetime_value,
    "cac": acquisition_cost,
    "acquisition_cost": acquisition_cost,
    "ltv_cac": worth_of_cost,
    "ltv_cac_gain": worth_of_cost,
    "cac_payback_months": payback,
    "customer_retention_cost": retention_cost,
    "retention_cost": retention_cost,
    "net_customer_value": net_value,
    "one_time_revenue": one_time,
    "arpu_revenue": revenue_per_customer,
}
