"""How fresh the computed numbers are, and what still waits."""

from dataclasses import dataclass, replace
from datetime import date, datetime

from django.db.models import Min

from accounts.queries import organisation
from customers.models import StaleMark
from metrics.formulas.definition_effects import changes_ledger
from metrics.models import DirtyMonth, RollupFill
from metrics.queries import definitions

REVENUE = "revenue"


@dataclass(frozen=True, slots=True)
class Freshness:
    """`filled_at` is the moment the company's months are complete to; `stale_customers` wait for a refresh."""

    filled_at: datetime | None
    as_of: date | None
    stale_customers: int
    oldest_mark_at: datetime | None
    is_dirty: bool

    @property
    def is_complete(self) -> bool:
        """Nothing waits: the numbers hold every fact that was recorded before `filled_at`."""
        return not self.stale_customers and not self.is_dirty and self.filled_at is not None


def freshness() -> Freshness:
    """What dashboards print as "complete to <moment>"."""
    fill = last_fill()
    return Freshness(
        filled_at=fill.filled_at if fill else None,
        as_of=fill.as_of if fill else None,
        stale_customers=StaleMark.objects.values("customer_id").distinct().count(),
        oldest_mark_at=StaleMark.objects.aggregate(first=Min("created_at"))["first"],
        is_dirty=DirtyMonth.objects.exists(),
    )


def last_fill() -> RollupFill | None:
    """The note of the last fill of the company's months."""
    return RollupFill.objects.filter(rollup=REVENUE).first()


def currency_and_zone() -> tuple[str, str]:
    """The reporting currency and zone that numbers depend on."""
    row = organisation.current()
    return row.currency, row.time_zone


def is_other_basis() -> bool:
    """Whether the numbers were made in another currency or zone, or under another definition, than are in force."""
    fill = last_fill()
    if fill is None:
        return False
    if (fill.currency, fill.time_zone) != currency_and_zone():
        return True
    if fill.definition == definitions.current_number():
        return False
    made_under = replace(
        definitions.of_version(fill.definition), timezone=fill.time_zone, reporting_currency=fill.currency
    )
    return changes_ledger(made_under, definitions.current())


def nothing_waits(*, as_of: date) -> bool:
    """No stale customer, no dirty month, and filled for this very day."""
    fill = last_fill()
    if fill is None or fill.as_of != as_of or is_other_basis():
        return False
    return not StaleMark.objects.exists() and not DirtyMonth.objects.exists()
