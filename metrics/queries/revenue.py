"""Revenue of one customer: MRR by month, how many lines, and what moved it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db.models import Count, Q

from customers.models import Customer, StaleMark
from metrics.choices import MovementKind
from metrics.formulas.money import exactly
from metrics.formulas.periods import add_months, month_of, months_between
from metrics.models import CustomerMonth, LineSegment, Movement

MONTHS = 12  # closing values shown before the running month
MOVEMENTS_SHOWN = 8
PARTS = (*MovementKind.values, "fx")


@dataclass(frozen=True)
class Revenue:
    """What the revenue panel shows. `parts` are (kind, amount) over the months shown and close the bridge."""

    mrr: Decimal
    months: tuple[tuple[date, Decimal], ...]
    opening: Decimal
    parts: tuple[tuple[str, Decimal], ...]
    lines_in_force: int
    lines_to_come: int
    movements: Sequence[Movement]
    more_movements: bool
    ever: bool
    is_stale: bool

    @property
    @exactly
    def arr(self) -> Decimal:
        """12 x MRR."""
        return 12 * self.mrr


@exactly
def revenue_of(customer: Customer, *, today: date) -> Revenue:
    """Closing MRR of 12 months and the running one, their bridge, how many lines, latest movements."""
    first = add_months(month_of(today), -MONTHS)
    stored = {
        row.month: row for row in CustomerMonth.objects.filter(customer=customer, month__range=(first, today))
    }
    months = months_between(first, today)
    closing = tuple((month, stored[month].closing if month in stored else Decimal(0)) for month in months)
    movements = list(Movement.objects.filter(customer=customer).order_by("-day")[: MOVEMENTS_SHOWN + 1])
    return Revenue(
        mrr=closing[-1][1],
        months=closing,
        opening=stored[first].opening if first in stored else Decimal(0),
        parts=tuple((kind, sum((getattr(m, kind) for m in stored.values()), Decimal(0))) for kind in PARTS),
        **_lines(customer, today=today),
        movements=movements[:MOVEMENTS_SHOWN],
        more_movements=len(movements) > MOVEMENTS_SHOWN,
        ever=bool(movements or stored),
        is_stale=StaleMark.objects.filter(customer_id=customer.pk).exists(),
    )


def _lines(customer: Customer, *, today: date) -> dict[str, int]:
    """Lines that count today, and those that begin later."""
    rows = LineSegment.objects.filter(customer=customer).order_by()
    held = Q(from_on__lte=today, counted=True) & (Q(to_on=None) | Q(to_on__gt=today))
    return rows.aggregate(
        lines_in_force=Count("subscription", filter=held, distinct=True),
        lines_to_come=Count("subscription", filter=Q(from_on__gt=today), distinct=True),
    )
