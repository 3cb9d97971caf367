"""Stale marks: written in the transaction that changes a fact, drained by the metrics app."""

from collections.abc import Iterable, Mapping
from datetime import date

from config.work.nudge import nudge
from config.work.pg import insert_models
from customers.models import StaleMark


def mark(*, customer_ids: Iterable[int], from_day: date, cause: str) -> None:
    """Ask for a recompute of these customers from `from_day` on; rings for the worker after the commit."""
    StaleMark.objects.bulk_create(
        [StaleMark(customer_id=pk, from_day=from_day, cause=cause) for pk in sorted(set(customer_ids))]
    )
    ring()


def mark_each(*, first_days: Mapping[int, date], cause: str) -> None:
    """The same for many customers, each from a day of its own."""
    if not first_days:
        return
    insert_models(
        [StaleMark(customer_id=pk, from_day=day, cause=cause) for pk, day in sorted(first_days.items())]
    )
    ring()


def ring() -> None:
    """Wake the worker after the commit; for marks that a statement of another app writes along with its facts."""
    nudge("metrics.refresh_stale_customers")
