"""What a measure says of a customer, in the words of the tests."""

from datetime import timedelta
from decimal import Decimal

from metrics.formulas.health_measures import DAY_ZERO, REASONS
from metrics.queries.measures import catalog
from metrics.rollups import readings
from tests.factories.customers import NOW

TODAY = NOW.date()


def reading(customer, key, *, as_of=TODAY, now=NOW, known_at=None, strict_known=False, version=1):
    """(value, day of the fact, reason) of one measure."""
    (row,) = readings.read(
        customer_ids=[customer.pk], as_of=as_of, now=now, known_at=known_at, strict_known=strict_known
    )
    value, day, reason = row.at(catalog()[key, version].slot)
    return (
        None if value is None else Decimal(value) / 1_000_000,
        None if day is None else DAY_ZERO + timedelta(days=day),
        REASONS[reason],
    )
