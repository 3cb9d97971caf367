"""A measure over 12 months for some customers, read from the facts at each month end; nothing is stored."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from customers.models import Customer
from metrics.formulas.health_measures import MeasureVersion
from metrics.formulas.health_numbers import MICRO
from metrics.formulas.periods import add_months, month_of
from metrics.rollups import readings

MONTHS = 12
SAMPLE = 10  # customers drawn


@dataclass(frozen=True, slots=True)
class History:
    """Month ends and today, oldest first, and per customer the value then (None: no reading)."""

    days: Sequence[date]
    lines: Sequence[tuple[Customer, Sequence[Decimal | None]]]


def history_of(
    measure: MeasureVersion, customers: Sequence[Customer], *, as_of: date, now: datetime
) -> History:
    """The values of the last 12 month ends and of today, as known now."""
    first = month_of(as_of)
    days = [add_months(first, -back) - timedelta(days=1) for back in reversed(range(MONTHS))] + [as_of]
    ids = [customer.pk for customer in customers]
    values: dict[int, list[Decimal | None]] = {pk: [] for pk in ids}
    for day in days if ids else ():
        found = {
            row.customer_id: row.at(measure.slot)[0]
            for row in readings.read(customer_ids=ids, as_of=day, now=now)
        }
        for pk, line in values.items():
            value = found.get(pk)
            line.append(None if value is None else Decimal(value) / MICRO)
    return History(days, [(customer, values[customer.pk]) for customer in customers])
