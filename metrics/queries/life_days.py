"""How long customers have paid: from the first paid day to the first churn, or to a day."""

from dataclasses import dataclass
from datetime import date

from django.db.models import Min

from metrics.choices import MovementKind
from metrics.models import CustomerStart, Movement
from metrics.queries.usage_windows import Ids, within


@dataclass(frozen=True, slots=True)
class Life:
    """A customer that ever paid; who has not churned by the day has `left` false and waits."""

    customer: int
    since: date
    days: int
    left: bool


def days_paid(day: date, *, customers: Ids = None) -> list[Life]:
    """Everybody first paid on the day or before, in order."""
    starts = within(CustomerStart.objects.filter(first_paid_on__lte=day), customers)
    since = starts.order_by().values_list("customer_id").annotate(first=Min("first_paid_on"))
    lost = within(Movement.objects.filter(kind=MovementKind.CHURN, day__lte=day), customers)
    ends = dict(lost.order_by().values_list("customer_id").annotate(first=Min("day")))
    return [
        Life(pk, first, ((ends.get(pk) or day) - first).days, pk in ends)
        for pk, first in sorted(since, key=lambda row: row[0])
    ]
