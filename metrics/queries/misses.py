"""The miss ledger: losses, and what has been said about them."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

from django.db.models import Case, Count, Q, QuerySet, Sum, When
from django.db.models.functions import TruncQuarter

from accounts.models import User
from customers.queries.access import customers_to_edit
from metrics.choices import MissLabel, MovementKind
from metrics.formulas.money import ZERO
from metrics.models import Miss, Movement
from metrics.queries.outcomes import LOST

LOSS_ABOVE = Decimal(1000)  # MRR in the reporting currency; a customer that leaves counts whatever it paid
LOOK_BACK = timedelta(days=730)  # losses before it get no page
OPEN_DAYS = 30  # without a label for so long, the manager hears of it
MOST_ROWS = 200
QUARTERS = 8
PANEL_ROWS = 5


@dataclass(frozen=True, slots=True)
class Loss:
    """MRR lost by one customer on one day; `is_churn` when the customer left or its payment failed."""

    mrr: Decimal
    is_churn: bool


@dataclass
class Quarter:
    """Losses of one quarter by label; an empty label stands for none yet."""

    start: date
    count: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    mrr: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))


def losses_until(today: date) -> dict[tuple[int, date], Loss]:
    """{(customer id, day): loss} of the last two years that deserve a page."""
    lost = Q(kind=MovementKind.CHURN, churn_kind__in=list(LOST))
    rows = (
        Movement.objects.filter(
            day__gt=today - LOOK_BACK,
            day__lte=today,
            kind__in=[MovementKind.CHURN, MovementKind.CONTRACTION],
        )
        .order_by()
        .values("customer_id", "day")
        .annotate(total=Sum("amount"), churns=Count(Case(When(lost, then=1))))
        .filter(Q(total__lt=-LOSS_ABOVE) | Q(churns__gt=0))
    )
    return {
        (pk, day): Loss(-total, churns > 0)
        for pk, day, total, churns in rows.values_list("customer_id", "day", "total", "churns")
    }


def misses_of(user: User) -> QuerySet[Miss]:
    """Losses of the customers the user works for: the own book, the team's, or all."""
    return Miss.objects.filter(customer__in=customers_to_edit(user))


def miss_list(user: User, *, label: str | None) -> tuple[list[Miss], int]:
    """The newest losses with a label ("" for none yet, None for all), and how many there are."""
    rows = misses_of(user)
    if label is not None:
        rows = rows.filter(label=label)
    shown = (
        rows.select_related("customer", "labelled_by").defer("history").order_by("-day", "-lost_mrr", "pk")
    )
    return list(shown[:MOST_ROWS]), rows.count()


def waiting_misses(user: User, *, today: date) -> tuple[list[Miss], int]:
    """Losses that nobody has labelled for a month, the most MRR first, and how many there are."""
    rows = misses_of(user).filter(label="", day__lt=today - timedelta(days=OPEN_DAYS))
    shown = rows.select_related("customer").defer("history").order_by("-lost_mrr", "pk")
    return list(shown[:PANEL_ROWS]), rows.count()


def quarters_of(user: User, *, today: date) -> Sequence[Quarter]:
    """The last eight quarters by label, the running one last."""
    start = date(today.year, 3 * ((today.month - 1) // 3) + 1, 1)
    starts = [start]
    while len(starts) < QUARTERS:
        before = starts[0] - timedelta(days=1)
        starts.insert(0, date(before.year, before.month - 2, 1))
    found = {day: Quarter(day) for day in starts}
    rows = (
        misses_of(user)
        .filter(day__gte=starts[0], day__lte=today)
        .order_by()
        .values_list(TruncQuarter("day"), "label")
        .annotate(count=Count("pk"), mrr=Sum("lost_mrr"))
    )
    for quarter, label, count, mrr in rows:
        found[quarter].count[label] += count
        found[quarter].mrr[label] += mrr or ZERO
    return list(found.values())


LABELS = (*MissLabel.values, "")
