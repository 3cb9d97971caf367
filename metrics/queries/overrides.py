"""Overrides in force."""

from collections.abc import Iterable
from datetime import date, datetime

from django.db.models import F

from accounts.queries import organisation
from config.work.pg import Among
from metrics.formulas import health_override
from metrics.formulas.health_numbers import MICRO
from metrics.models import Override


def active_overrides(customer_ids: Iterable[int] | None = None, *, on: date) -> dict[int, Override]:
    """{customer id: the override that nobody has ended, and whose last midnight is not yet there on a day}."""
    rows = Override.objects.filter(ended_at=None, ends_on__gt=on).select_related("author")
    if customer_ids is not None:
        rows = rows.filter(Among(F("customer_id"), list(customer_ids)))
    return {row.customer_id: row for row in rows}


def overrides_at(moment: datetime, customer_ids: Iterable[int] | None = None) -> dict[int, Override]:
    """{customer id: the override that was in force at a moment}."""
    day = organisation.local_day(moment)
    rows = Override.objects.filter(started_at__lte=moment, ends_on__gt=day).exclude(ended_at__lte=moment)
    if customer_ids is not None:
        rows = rows.filter(Among(F("customer_id"), list(customer_ids)))
    return {row.customer_id: row for row in rows.order_by("started_at")}


def active_override(customer_id: int, *, on: date) -> Override | None:
    """The override of one customer that is in force on a day."""
    return active_overrides([customer_id], on=on).get(customer_id)


def arithmetic_override(row: Override | None) -> health_override.Override | None:
    """An override as the arithmetic takes it, in micro-points."""
    if row is None:
        return None
    return health_override.Override(row.kind, int(row.value * MICRO))  # type: ignore[arg-type] - checked by the database
