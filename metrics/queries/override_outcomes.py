"""What became of customers whose score somebody overrode, per author and month (HP-7)."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from accounts.models import User
from accounts.queries import organisation
from metrics.choices import MovementKind
from metrics.formulas import health_override
from metrics.formulas.health_numbers import MICRO
from metrics.models import Movement, Override
from metrics.queries.outcomes import LOST
from metrics.queries.overrides import arithmetic_override

HORIZON = timedelta(days=180)  # within which a loss counts as the outcome


@dataclass(frozen=True, slots=True)
class Judged:
    """One override with its outcome: lost within 180 days, kept, or still open."""

    row: Override
    part: Decimal
    lost_on: date | None
    is_open: bool

    @property
    def agrees(self) -> bool | None:
        """Whether the outcome sided with the author: lowered and lost, or raised and kept; None while open."""
        if self.part == 0 or self.is_open:
            return None
        return (self.part < 0) == (self.lost_on is not None)


@dataclass
class MonthRow:
    """One author in one month."""

    author: User
    month: date
    judged: list[Judged]

    @property
    def lowered(self) -> int:
        """Overrides below the computed score."""
        return sum(1 for one in self.judged if one.part < 0)

    @property
    def raised(self) -> int:
        """Overrides above the computed score."""
        return sum(1 for one in self.judged if one.part > 0)

    @property
    def lost(self) -> int:
        """Customers lost within 180 days."""
        return sum(1 for one in self.judged if one.lost_on is not None)

    @property
    def kept(self) -> int:
        """Customers still there after 180 days."""
        return sum(1 for one in self.judged if one.lost_on is None and not one.is_open)

    @property
    def open(self) -> int:
        """Not decided yet."""
        return sum(1 for one in self.judged if one.is_open)

    @property
    def agreed(self) -> int:
        """Outcomes that sided with the author."""
        return sum(1 for one in self.judged if one.agrees)

    @property
    def decided(self) -> int:
        """Outcomes that sided with somebody."""
        return sum(1 for one in self.judged if one.agrees is not None)


def override_months_for(user: User, *, today: date) -> list[MonthRow]:
    """Overrides of the customers the reader may see, the latest month first."""
    rows = list(
        Override.objects.visible_to(user).select_related("author", "customer").order_by("-started_at", "-pk")
    )
    zone = organisation.zone()
    losses = _losses({row.customer_id for row in rows})
    found: dict[tuple[date, int], MonthRow] = {}
    for row in rows:
        day = row.started_at.astimezone(zone).date()
        key = (day.replace(day=1), row.author_id)
        month = found.setdefault(key, MonthRow(row.author, key[0], []))
        month.judged.append(_judged(row, day, losses[row.customer_id], today))
    return sorted(found.values(), key=lambda one: (-one.month.toordinal(), one.author.name))


def _judged(row: Override, day: date, losses: Iterable[date], today: date) -> Judged:
    part = health_override.override_part(int(row.computed_then * MICRO), arithmetic_override(row))
    lost_on = next((lost for lost in losses if day < lost <= day + HORIZON), None)
    return Judged(row, Decimal(part) / MICRO, lost_on, lost_on is None and today < day + HORIZON)


def _losses(customer_ids: set[int]) -> dict[int, list[date]]:
    rows = Movement.objects.filter(
        customer_id__in=customer_ids, kind=MovementKind.CHURN, churn_kind__in=list(LOST)
    ).order_by("day")
    found: dict[int, list[date]] = defaultdict(list)
    for pk, day in rows.values_list("customer_id", "day"):
        found[pk].append(day)
    return found
