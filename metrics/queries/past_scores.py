"""Stored scores of a past moment for lists: few columns, because a list has many rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from django.db.models import Q

from metrics.models import HealthScore

MOST_NAMED = 1_000  # ids in one condition; beyond it all rows of the moment are read


@dataclass(frozen=True, slots=True)
class PastScore:
    """A score in force at a moment; `computed` is before the override."""

    version_id: int
    score: Decimal | None
    computed: Decimal | None
    band: str
    coverage: Decimal
    held: bool
    override_until: date | None

    @classmethod
    def of(cls, row: HealthScore) -> "PastScore":
        """The same of a whole row."""
        until = row.override.ends_on if row.override else None
        return cls(row.version_id, row.score, row.computed, row.band, row.coverage, row.held, until)


def past_scores(customer_ids: Sequence[int], moment: datetime) -> dict[int, PastScore]:
    """{customer id: the score in force at a moment}, as known then."""
    rows = HealthScore.objects.filter(Q(to_at=None) | Q(to_at__gt=moment), from_at__lte=moment)
    if len(customer_ids) <= MOST_NAMED:
        rows = rows.filter(customer_id__in=customer_ids)
    columns = ("version_id", "score", "computed", "band", "coverage", "held", "override__ends_on")
    return {pk: PastScore(*rest) for pk, *rest in rows.values_list("customer_id", *columns)}
