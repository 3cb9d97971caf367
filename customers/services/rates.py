"""Exchange rates by day: units of a currency for one unit of a base; cross rates are made where they are used."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import transaction

from accounts.queries import organisation
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
    """Units of `currency` for one unit of `base` on a day; without a base, of the reporting currency."""

    day: date
    currency: str
    rate: Decimal
    base: str = ""


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
    """Record rates; another rate for a known day and base corrects it. Customers it touches go stale."""
    for rate in rates:
        if not 0 < rate.rate < LARGEST:
            raise RateError("An exchange rate lies above zero.", hint="Correct the rate.", field="rate")
    reporting = organisation.current().currency
    stored = _stored(rates)
    change, same = facts.Change(), 0
    for rate in rates:
        base = rate.base or reporting
        old = stored.get((rate.currency, rate.day, base))
        if old is None and base == reporting:
            old = stored.get((rate.currency, rate.day, ""))
        if old is not None and old.rate == rate.rate:
            same += 1
            continue
        new = FxRate(
            day=rate.day,
            currency=rate.currency,
            rate=rate.rate,
            base=base,
            recorded_by=by,
            source=source,
            batch=batch,
        )
        change.add(new, instead_of=old)
    facts.write(change)
    audit.record(by=by, now=now, action="rates.recorded", after={"rows": len(change.added)})
    _mark_payers(change.added, reporting)
    updated = len(change.replaced)
    return RatesRecorded(created=len(change.added) - updated, updated=updated, unchanged=same)


def _stored(rates: Sequence[DayRate]) -> dict[tuple[str, date, str], FxRate]:
    if not rates:
        return {}
    days = [rate.day for rate in rates]
    rows = FxRate.objects.current().filter(
        currency__in={rate.currency for rate in rates}, day__range=(min(days), max(days))
    )
    return {(row.currency, row.day, row.base): row for row in rows}


def _mark_payers(added: Sequence[FxRate], reporting: str) -> None:
    """A rate of the reporting currency against a base moves every other currency of that base."""
    if not added:
        return
    currencies = {row.currency for row in added} | {row.base for row in added}
    payers = LineVersion.objects.current().exclude(currency=reporting)
    if reporting not in {row.currency for row in added}:
        payers = payers.filter(currency__in=currencies)
    ids = set(payers.values_list("customer_id", flat=True))
    if ids:
        staleness.mark(customer_ids=ids, from_day=min(row.day for row in added), cause="rate")
