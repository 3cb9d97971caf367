"""Exchange rates by day: units of a currency for one unit of a base; cross rates are made where they are used."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from accounts.queries import organisation
from config.web.errors import DomainError
from config.work import audit
from customers.models import FxRate, LineVersion
from customers.services import facts, staleness

LARGEST = Decimal(10) ** 9
Key = tuple[str, date, str]  # currency, day, base


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
    known = _known(rates)
    changed = [rate for rate in rates if known.get(_key(rate, reporting)) != rate.rate]
    stored = _stored(changed) if known else {}
    change = facts.Change()
    for rate in changed:
        base = rate.base or reporting
        new = FxRate(
            day=rate.day,
            currency=rate.currency,
            rate=rate.rate,
            base=base,
            recorded_by_id=by.pk if by else None,
            source=source,
            batch_id=batch.pk if batch else None,
            backfilled=bool(batch and batch.is_history),
        )
        change.add(new, instead_of=stored.get((rate.currency, rate.day, base)))
    facts.write(change)
    audit.record(by=by, now=now, action="rates.recorded", after={"rows": len(change.added)})
    mark_payers(change.added, reporting)
    updated = len(change.replaced)
    return RatesRecorded(
        created=len(change.added) - updated, updated=updated, unchanged=len(rates) - len(changed)
    )


def _key(rate: DayRate, reporting: str) -> Key:
    return rate.currency, rate.day, rate.base or reporting


def _known(rates: Sequence[DayRate]) -> dict[Key, Decimal]:
    return {
        (currency, day, base): rate
        for currency, day, base, rate in _near(rates).values_list("currency", "day", "base", "rate")
    }


def _stored(rates: Sequence[DayRate]) -> dict[Key, FxRate]:
    return {(row.currency, row.day, row.base): row for row in _near(rates)}


def _near(rates: Sequence[DayRate]) -> QuerySet[FxRate]:
    """Stored rates of the currencies and days in question."""
    if not rates:
        return FxRate.objects.none()
    days = [rate.day for rate in rates]
    return FxRate.objects.current().filter(
        currency__in={rate.currency for rate in rates}, day__range=(min(days), max(days))
    )


def mark_payers(rates: Sequence[FxRate], reporting: str) -> None:
    """Ask for a recompute of whom these rates value: one of the reporting currency moves every other of its base."""
    if not rates:
        return
    currencies = {row.currency for row in rates} | {row.base for row in rates}
    payers = LineVersion.objects.current().exclude(currency=reporting)
    if reporting not in {row.currency for row in rates}:
        payers = payers.filter(currency__in=currencies)
    ids = set(payers.values_list("customer_id", flat=True))
    if ids:
        staleness.mark(customer_ids=ids, from_day=min(row.day for row in rates), cause="rate")
