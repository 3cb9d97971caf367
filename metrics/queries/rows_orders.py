"""Customers with their orders: repeat purchases and the value of retail customers."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import date

from metrics.formulas import commerce, lifetime
from metrics.formulas.periods import trailing
from metrics.formulas.result import Result, known, ratio, unknown
from metrics.queries.commerce import YEAR, orders_of
from metrics.queries.rows import COUNT, DAY, FLAG, Ask, ListSource, Receipt, RowColumn, Sums
from metrics.queries.rows_worth import NOT_REFUNDED, orders_part


def repeat(ask: Ask) -> Receipt:
    """Customers with one order and with more, ever or in the period."""
    orders = orders_of(ask.question).filter(day__lt=ask.closed.end)
    if ask.key.endswith("_in_period"):
        orders = orders.filter(day__gte=ask.closed.start)
    counts: dict[int, list[date]] = defaultdict(list)
    for pk, day in orders.values_list("customer_id", "day"):
        counts[pk].append(day)
    rows = [(pk, (len(days), max(days), int(len(days) > 1))) for pk, days in counts.items()]
    columns = (
        RowColumn("orders", "Orders", COUNT),
        RowColumn("last", "Last order", DAY),
        RowColumn("again", "More than one", FLAG),
    )
    source = ListSource("Customers with an order", "customers", rows, columns, "-orders")
    return Receipt(
        [source],
        lambda sums: commerce.repeat_purchase_rate_of_counts(
            repeated=int(sums[0]["again"]), bought=sums[0].rows
        ),
        top="more than one order",
        bottom="customers with an order",
        left_out=NOT_REFUNDED,
    )


def retail_value(ask: Ask) -> Receipt:
    """Orders of a year, and the years between first and last order of everybody."""
    year = orders_part(ask, trailing(ask.closed.last_day, YEAR), "Orders of 365 days")
    days: dict[int, list[date]] = defaultdict(list)
    for pk, day in orders_of(ask.question).filter(day__lt=ask.closed.end).values_list("customer_id", "day"):
        days[pk].append(day)
    start = trailing(ask.closed.last_day, YEAR).start
    rows = [
        (pk, (min(listed), max(listed), (max(listed) - min(listed)).days, int(max(listed) >= start)))
        for pk, listed in days.items()
    ]
    columns = (
        RowColumn("first", "First order", DAY),
        RowColumn("last", "Last order", DAY),
        RowColumn("between", "Days between", COUNT),
        RowColumn("in_year", "Ordered in the year", FLAG),
    )
    lives = ListSource("Customers with an order", "customers", rows, columns, "-between")

    def made(sums: Sequence[Sums]) -> Result:
        revenue = year.made(sums[:1])
        if revenue.value is None or not days:
            return revenue if days else unknown("no_data")
        each = ratio(revenue.value, sums[1]["in_year"], if_zero="no_data")
        life = lifetime.lifespan_years_of_sums(days=int(sums[1]["between"]), customers=sums[1].rows)
        if each.value is None or life.value is None:
            return unknown(each.reason or life.reason)
        return known(lifetime.clv_retail(value_per_year=each.value, lifespan_years=life.value))

    return Receipt(
        [*year.sources, lives], made, top="revenue of a year per customer", bottom="", left_out=NOT_REFUNDED
    )


ORDER_ROWS: Mapping[str, Callable[[Ask], Receipt]] = {
    "repeat_purchase_rate": repeat,
    "repeat_purchase_rate_in_period": repeat,
    "clv_retail": retail_value,
}
