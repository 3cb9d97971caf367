"""Revenue of one customer: MRR by month, the lines in force, and what moved it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db.models import Q

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
    lines: Sequence[LineSegment]
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
    """Closing MRR of 12 months and the running one, their bridge, lines in force or to come, latest movements."""
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
        lines=lines_in_force(customer, today=today),
        movements=movements[:MOVEMENTS_SHOWN],
        more_movements=len(movements) > MOVEMENTS_SHOWN,
        ever=bool(movements or stored),
        is_stale=StaleMark.objects.filter(customer_id=customer.pk).exists(),
    )


def lines_in_force(customer: Customer, *, today: date) -> list[LineSegment]:
    """Stretches of the customer's lines that hold today or begin later, by start, with their line and its version."""
    return list(
        LineSegment.objects.filter(customer=customer)
        .filter(Q(to_on=None) | Q(to_on__gt=today))
        .select_related("subscription", "version")
        .order_by("from_on", "pk")
    )
