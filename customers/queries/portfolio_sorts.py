"""What the portfolio can be sorted by."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Case, F, IntegerField, Value, When
from django.db.models.functions import Lower

from customers.choices import Phase

SORT_KEYS = 3  # of one address
PHASE_ORDER = Case(
    *[When(phase=phase, then=Value(rank)) for rank, phase in enumerate(Phase.values)],
    default=Value(len(Phase.values)),
    output_field=IntegerField(),
)


@dataclass(frozen=True)
class Sort:
    """What one sort key orders by; `down_first` where the large end is the interesting one."""

    expression: Any
    down_first: bool = False


SORTS: Mapping[str, Sort] = {
    "customer": Sort(Lower("name")),
    "health": Sort(F("summary__score")),
    "trend": Sort(F("summary__trend_30d")),
    "coverage": Sort(F("summary__coverage")),
    "mrr": Sort(F("mrr"), down_first=True),
    "change": Sort(F("summary__mrr_change_90d")),
    "renewal": Sort(F("summary__renewal_on")),
    "phase": Sort(PHASE_ORDER),
    "touch": Sort(F("summary__last_touch_at")),
    "nps": Sort(F("summary__last_nps")),
    "follow_up": Sort(F("summary__next_follow_up_on")),
    "owner": Sort(Lower("summary__owner__name")),
}


def ordering(key: str) -> Any:
    """An order by one key of `SORTS`; a minus sign turns it round, customers without a value always come last."""
    expression = SORTS[key.lstrip("-")].expression
    down = key.startswith("-")
    return expression.desc(nulls_last=True) if down else expression.asc(nulls_last=True)
