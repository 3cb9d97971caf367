"""Costs and orders for tests, and questions about metrics. Plain functions, no random values."""

from datetime import date
from decimal import Decimal
from itertools import count

from customers.models import Order
from customers.services.costs import add_cost
from metrics.formulas.definition import DEFAULT, with_values
from metrics.formulas.periods import month_period, months_between, period_of
from metrics.queries.questions import Question
from metrics.services.recompute import recompute_all
from tests.factories.customers import NOW

AS_OF = date(2025, 6, 15)
_numbers = count(1)


def make_cost(month, amount, *, kind="acquisition", currency="EUR", months=1, now=NOW, **fields):
    """A cost of a whole month (or several), given as its first day."""
    period = month_period(month)
    last = months_between(month, date(2100, 1, 1))[months]
    words = {"category": "sales", "segment": "", "channel": ""} | fields
    return add_cost(
        by=None,
        now=now,
        from_on=period.start,
        to_on=last,
        kind=kind,
        amount=Decimal(amount),
        currency=currency,
        **words,
    )


def make_order(customer, day, amount="10", *, currency="EUR", refunded=False):
    return Order.objects.create(
        customer=customer,
        day=day,
        amount=Decimal(amount),
        currency=currency,
        refunded=refunded,
        source="shop",
        source_key=f"o-{next(_numbers)}",
    )


def ask(first, last=None, *, as_of=AS_OF, customers=None, segment=None, known_at=None, **config):
    """A question about the months from first to last, under config keys that differ from the defaults."""
    return Question(
        periods=[month_period(month) for month in months_between(first, last or first)],
        as_of=as_of,
        definition=with_values(DEFAULT, config),
        customers=customers,
        segment=segment,
        known_at=known_at,
    )


def ask_quarter(day, *, as_of=AS_OF, **config):
    return Question(periods=[period_of(day, "quarter")], as_of=as_of, definition=with_values(DEFAULT, config))


def fill_all(*, as_of=AS_OF, now=NOW):
    """Every rollup of revenue and usage, as a full recompute makes it."""
    return recompute_all(as_of=as_of, now=now, usage_from=date(2023, 1, 1))
