"""Sellers of one-off orders, and revenue outside MRR (sections 12, 13 and 18), from orders that were not refunded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db.models import Count, F, Max, Min, Q, QuerySet, Sum

from customers.choices import LineKind
from customers.models import Order
from metrics.formulas import commerce, growth, lifetime
from metrics.formulas.money import convert, total
from metrics.formulas.periods import Period, trailing
from metrics.formulas.result import Result, known, ratio, unknown
from metrics.queries.charges import Charge, charges_of, one_time_in
from metrics.queries.paying import counts_until
from metrics.queries.questions import Question, Values, one_each
from metrics.queries.valuation import Factors, factors_of

YEAR = 365  # days of "a year" in the value of a retail customer
NO_ORDERS = unknown("no_data")


@dataclass(frozen=True, slots=True)
class Sales:
    """Orders per day and currency, with the factors that value them."""

    rows: Sequence[tuple[date, str, Decimal]]
    factors: Factors

    def inside(self, window: Period) -> Result:
        """Revenue of the window; an order in a currency without a rate: missing_rate."""
        found = [row for row in self.rows if window.start <= row[0] < window.end]
        if any((currency, day) not in self.factors for day, currency, _ in found):
            return unknown("missing_rate")
        return known(total(convert(amount, self.factors[currency, day]) for day, currency, amount in found))


def commerce_metrics(question: Question) -> list[Values]:
    """repeat_purchase_rate (ever, to the close), repeat_purchase_rate_in_period, one_time_revenue, arpu_revenue
    and clv_retail per period. One-time charges of subscriptions are revenue too, but no purchases.

    Without any order ever: no_data; `arpu_revenue`, which needs revenue facts: not_configured.
    """
    orders = orders_of(question)
    sales = _sales(question, orders)
    charges = charges_of(question, LineKind.ONE_TIME)
    if not sales.rows:
        return _without_orders(question, charges)
    buyers = _buyers(question, orders)
    lives = _lives(question, orders)
    counts = counts_until(question.as_of, customers=question.customers)
    charged = one_time_in(question, charges, question.closed)
    rows: list[Values] = []
    for number, window in enumerate(question.closed):
        revenue = _sum_of(sales.inside(window), charged[number])
        per_customer = growth.arpu_revenue(revenue=revenue.value, daily_paying=counts.daily(window))
        rows.append(
            {
                "repeat_purchase_rate": _repeat(buyers, f"ever_{number}"),
                "repeat_purchase_rate_in_period": _repeat(buyers, f"in_{number}"),
                "one_time_revenue": revenue,
                "arpu_revenue": per_customer if revenue.value is not None else revenue,
                "clv_retail": _retail_value(sales, window, buyers[f"one_year_{number}"], lives[number]),
            }
        )
    return rows


def _without_orders(question: Question, charges: Sequence[Charge]) -> list[Values]:
    none = dict.fromkeys(("repeat_purchase_rate", "repeat_purchase_rate_in_period", "clv_retail"), NO_ORDERS)
    if not charges:
        nothing = {
            "one_time_revenue": NO_ORDERS,
            "arpu_revenue": growth.arpu_revenue(revenue=None, daily_paying=()),
        }
        return one_each(question.periods, none | nothing)
    counts = counts_until(question.as_of, customers=question.customers)
    rows: list[Values] = []
    for window, revenue in zip(question.closed, one_time_in(question, charges, question.closed), strict=True):
        each = growth.arpu_revenue(revenue=revenue.value, daily_paying=counts.daily(window))
        rows.append(
            {
                **none,
                "one_time_revenue": revenue,
                "arpu_revenue": each if revenue.value is not None else revenue,
            }
        )
    return rows


def _sum_of(orders: Result, charges: Result) -> Result:
    if orders.value is None or charges.value is None:
        return orders if orders.value is None else charges
    return known(total([orders.value, charges.value]))


def orders_of(question: Question) -> QuerySet[Order]:
    """Orders that count, up to the last day asked for."""
    return question.facts(Order).filter(refunded=False, day__lte=question.as_of)


def _sales(question: Question, orders: QuerySet[Order]) -> Sales:
    rows = list(orders.values_list("day", "currency").annotate(sum=Sum("amount")))
    wanted = ((currency, day) for day, currency, _ in rows)
    return Sales(
        rows, factors_of(wanted, reporting=question.definition.reporting_currency, known_at=question.known_at)
    )


def _buyers(question: Question, orders: QuerySet[Order]) -> Mapping[str, int]:
    """Customers with one and with two orders ever, in each period, and with one in the year to its close."""
    windows: dict[str, Q] = {}
    for number, period in enumerate(question.closed):
        year = trailing(period.last_day, YEAR)
        windows[f"ever_{number}"] = Q(day__lt=period.end)
        windows[f"in_{number}"] = Q(day__gte=period.start, day__lt=period.end)
        windows[f"year_{number}"] = Q(day__gte=year.start, day__lt=year.end)
    counted = orders.values("customer_id").annotate(
        **{name: Count("pk", filter=condition) for name, condition in windows.items()}
    )
    return counted.aggregate(
        **{f"one_{name}": Count("customer_id", filter=Q(**{f"{name}__gte": 1})) for name in windows},
        **{f"two_{name}": Count("customer_id", filter=Q(**{f"{name}__gte": 2})) for name in windows},
    )


def _repeat(buyers: Mapping[str, int], name: str) -> Result:
    once, twice = buyers[f"one_{name}"], buyers[f"two_{name}"]
    return commerce.repeat_purchase_rate_of_counts(repeated=twice, bought=once)


def _lives(question: Question, orders: QuerySet[Order]) -> list[Result]:
    """Mean years between the first and the last order of a customer, at the close of each period."""
    edges = orders.values("customer_id").annotate(first=Min("day"))
    last = {
        f"last_{number}": Max("day", filter=Q(day__lt=period.end))
        for number, period in enumerate(question.closed)
    }
    counted = edges.annotate(**last)
    sums = counted.aggregate(
        **{f"days_{n}": Sum(F(f"last_{n}") - F("first")) for n in range(len(last))},
        **{f"n_{n}": Count(f"last_{n}") for n in range(len(last))},
    )
    return [
        lifetime.lifespan_years_of_sums(
            days=sums[f"days_{n}"].days if sums[f"days_{n}"] else 0, customers=sums[f"n_{n}"]
        )
        for n in range(len(last))
    ]


def _retail_value(sales: Sales, window: Period, buyers: int, life: Result) -> Result:
    """Revenue of the year to the close per customer who ordered in it, times the mean lifespan."""
    revenue = sales.inside(trailing(window.last_day, YEAR))
    if revenue.value is None:
        return revenue
    value = ratio(revenue.value, buyers, if_zero="no_data")
    if value.value is None or life.value is None:
        return unknown(value.reason or life.reason)
    return known(lifetime.clv_retail(value_per_year=value.value, lifespan_years=life.value))
