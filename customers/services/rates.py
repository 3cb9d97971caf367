"""Exchange rates by day: units of a currency for one unit of the reporting currency."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import transaction

from config.web.errors import DomainError
from config.work import audit
from customers.models import FxRate, LineVersion
from customers.services import facts, staleness

LARGEST = Decimal(10) ** 9


class RateError(DomainError):
    """No exchange rate is zero, negative or without bound."""

    code = "rate"


@dataclass(frozen=True, slots=True)
class DayRate:
    """Units of `currency` for one unit of the reporting currency on a day."""

    day: date
    currency: str
    rate: Decimal


@dataclass(frozen=True)
class RatesRecorded:
    """How many rates were new, corrected, or known already."""

    created: int
    updated: int
    unchanged: int


@transaction.atomic
def record_rates(
    *, rates: Sequence[DayRate], by: Any, now: datetime, source: str = "tend", batch: Any = None
) -> RatesRecorded:
    """Record rates; another rate for a known day corrects it. Customers that pay in these currencies go stale."""
    for rate in rates:
        if not 0 < rate.rate < LARGEST:
            raise RateError("An exchange rate lies above zero.", hint="Correct the rate.", field="rate")
    stored = {
        (row.currency, row.day): row
        for row in FxRate.objects.current().filter(currency__in={rate.currency for rate in rates})
    }
    change, same = facts.Change(), 0
    for rate in rates:
        old = stored.get((rate.currency, rate.day))
        if old is not None and old.rate == rate.rate:
            same += 1
            continue
        change.add(
            FxRate(
                day=rate.day,
                currency=rate.currency,
                rate=rate.rate,
                recorded_by=by,
                source=source,
                batch=batch,
            ),
            instead_of=old,
        )
    facts.write(change)
    audit.record(by=by, now=now, action="rates.recorded", after={"rows": len(change.added)})
    _mark_payers(change.added)
    updated = len(change.replaced)
    return RatesRecorded(created=len(change.added) - updated, updated=updated, unchanged=same)


def _mark_payers(added: Sequence[FxRate]) -> None:
    if not added:
        return
    currencies = {row.currency for row in added}
    payers = (
        LineVersion.objects.current().filter(currency__in=currencies).values_list("customer_id", flat=True)
    )
    ids = set(payers)
    if ids:
        staleness.mark(customer_ids=ids, from_day=min(row.day for row in added), cause="rate")
