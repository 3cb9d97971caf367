"""Overrides in force."""

from collections.abc import Iterable
from datetime import datetime

from metrics.formulas import health_override
from metrics.formulas.health_numbers import MICRO
from metrics.models import Override


def active_overrides(customer_ids: Iterable[int] | None = None) -> dict[int, Override]:
    """{customer id: the override that nobody and no midnight has ended}."""
    rows = Override.objects.filter(ended_at=None).select_related("author")
    if customer_ids is not None:
        rows = rows.filter(customer_id__in=list(customer_ids))
    return {row.customer_id: row for row in rows}


def overrides_at(moment: datetime, customer_ids: Iterable[int] | None = None) -> dict[int, Override]:
    """{customer id: the override that was in force at a moment}."""
    rows = Override.objects.filter(started_at__lte=moment).exclude(ended_at__lte=moment)
    if customer_ids is not None:
        rows = rows.filter(customer_id__in=list(customer_ids))
    return {row.customer_id: row for row in rows.order_by("started_at")}


def arithmetic_override(row: Override | None) -> health_override.Override | None:
    """An override as the arithmetic takes it, in micro-points."""
    if row is None:
        return None
    return health_override.Override(row.kind, int(row.value * MICRO))  # type: ignore[arg-type] - checked by the database
