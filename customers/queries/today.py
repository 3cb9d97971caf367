"""A CSM's day: the book in four figures, work in order of priority, what moved, and who renews."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import F, Value
from django.db.models.functions import Abs, Coalesce

from accounts.choices import Role
from accounts.models import User
from customers.choices import FollowUpState
from customers.formulas.priority import Priority, percentile, priority
from customers.models import FollowUp
from customers.models.customer import CustomerQuerySet
from customers.queries.access import customers_for, scope_and_book_for
from customers.queries.follow_ups import due_days, shown_to
from customers.queries.portfolio import TONE

AHEAD_DAYS = 7  # work due within a week is on the list
RENEWALS_DAYS = 60
MOVED_DAYS = 30
LEAST_MOVE = Decimal(1)  # a smaller change is not news
MOST_WORK, MOST_MOVED, MOST_RENEWALS = 30, 6, 8


@dataclass(frozen=True)
class Work:
    """A follow-up with its customer's summary row, its place in the queue, and days until it is due."""

    follow_up: FollowUp
    customer: Any
    priority: Priority
    due_days: int


@dataclass(frozen=True)
class Day:
    """Everything Today shows. `work_total` counts all that is due within a week, shown or not."""

    work: tuple[Work, ...]
    work_total: int
    overdue: int
    due_now: int
    next_due: FollowUp | None
    moved: tuple[Any, ...]
    renewals: tuple[Any, ...]


CUSTOMER_FIELDS = (
    "pk",
    "name",
    "industry",
    "tone",
    "mrr",
    "summary__currency",
    "summary__score",
    "summary__band_label",
    "summary__trend_30d",
    "summary__trend_points",
    "summary__top_cause",
    "summary__renewal_on",
    "summary__coverage",
)


def book_of(user: User) -> CustomerQuerySet:
    """The user's own book within the scope; people without a book look at all they may read."""
    scope, book = scope_and_book_for(user)
    return (book if user.role == Role.CSM else scope).active()


def day_of(user: User, *, today: date, now: datetime, zone: ZoneInfo) -> Day:
    """Today for one user; `today` and `zone` are the organisation's. Seven queries, whatever the book."""
    book = book_of(user).annotate(tone=TONE, mrr=Coalesce(F("summary__mrr"), Value(Decimal(0))))
    mine = FollowUp.objects.filter(owner=user, state=FollowUpState.OPEN, customer__in=customers_for(user))
    open_work = shown_to(user, mine.select_related("owner").order_by("due_on", "pk"))
    customers = {
        row.pk: row
        for row in customers_for(user)
        .filter(pk__in={row.customer_id for row in open_work})
        .annotate(tone=TONE, mrr=Coalesce(F("summary__mrr"), Value(Decimal(0))))
        .values_list(*CUSTOMER_FIELDS, named=True)
    }
    mrrs = list(book.values_list("mrr", flat=True))
    work = [_work(row, customers[row.customer_id], mrrs, today, now, zone) for row in open_work]
    near = sorted(
        (item for item in work if item.due_days <= AHEAD_DAYS), key=lambda item: -item.priority.points
    )
    return Day(
        work=tuple(near[:MOST_WORK]),
        work_total=len(near),
        overdue=sum(1 for item in near if item.due_days < 0),
        due_now=sum(1 for item in near if item.due_days <= 0),
        next_due=next((item.follow_up for item in work if item.due_days > AHEAD_DAYS), None),
        moved=tuple(_moved(book)[:MOST_MOVED]),
        renewals=tuple(_renewals(book, today)[:MOST_RENEWALS]),
    )


def _work(
    row: FollowUp, customer: Any, mrrs: Sequence[Decimal], today: date, now: datetime, zone: ZoneInfo
) -> Work:
    days = due_days(row, now=now, zone=zone)
    renewal = customer.summary__renewal_on
    order = priority(
        days_to_due=days,
        days_to_renewal=(renewal - today).days if renewal else None,
        score=customer.summary__score,
        mrr_percentile=percentile(list(mrrs), customer.mrr),
    )
    return Work(row, customer, order, days)


def _moved(book: CustomerQuerySet) -> Any:
    """The largest changes of score within 30 days, by points times MRR."""
    weight = Abs(F("summary__trend_30d")) * (F("mrr") + 1)
    rows = book.exclude(summary__trend_30d=None).annotate(weight=weight, size=Abs(F("summary__trend_30d")))
    return (
        rows.filter(size__gte=LEAST_MOVE).order_by("-weight", "pk").values_list(*CUSTOMER_FIELDS, named=True)
    )


def _renewals(book: CustomerQuerySet, today: date) -> Any:
    until = today + timedelta(days=RENEWALS_DAYS)
    rows = book.filter(summary__renewal_on__range=(today, until)).order_by(
        "summary__renewal_on", "-mrr", "pk"
    )
    return rows.values_list(*CUSTOMER_FIELDS, named=True)
