"""Answers as people and metrics may read them: counted ones, of customers in the reader's scope."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Count, F, Q, QuerySet, Value
from django.db.models.functions import TruncMonth

from accounts.choices import Role
from customers.queries.access import customers_to_edit
from surveys.choices import ACCEPTED, MessageKind
from surveys.formulas.scales import SCALES
from surveys.models import Campaign, Invitation, Message, Response, Wave, WaveSkip

RECENT = timedelta(days=30)
LATEST = 5  # lines of a panel


def answers_for(user: Any) -> QuerySet[Response]:
    """Counted answers this user may read with name and comment (S-142), with contact and customer.

    An admin reads all, a manager the team's books, a CSM the own book, whatever else they may look at. Whether a
    viewer may read names at all is asked by the page. Anonymous answers are for admins alone (S-205).
    """
    return named_rows(Response.objects.counted(), user).select_related("customer", "contact")


def named_rows(rows: QuerySet[Response], user: Any) -> QuerySet[Response]:
    """Those of these answers that the user may read with name and comment, whatever their status."""
    if user.role == Role.ADMIN and user.is_active:
        return rows
    if user.role == Role.VIEWER:
        return rows.visible_to(user).filter(is_anonymous=False)
    return rows.filter(customer__in=customers_to_edit(user), is_anonymous=False)


def said_in(rows: QuerySet[Response], campaign: Campaign, wave: Wave | None) -> QuerySet[Response]:
    """Those of a campaign or of one of its waves, with `newest` to sort by."""
    if wave is None:
        return rows.filter(campaign=campaign).annotate(newest=F("answered_at"))
    # Sorted as a sum, or the database looks for a wave's answers among all that are newer.
    return rows.filter(invitation__wave=wave).annotate(newest=F("answered_at") + Value(timedelta(0)))


def in_bucket(rows: QuerySet[Response], kind: str, name: str) -> QuerySet[Response]:
    """Answers of one bucket of their scale: negative, neutral, positive; anything else means all."""
    scale = SCALES[kind]
    rules = {
        "negative": Q(score__lte=scale.negative_to),
        "neutral": Q(score__gt=scale.negative_to, score__lt=scale.positive_from),
        "positive": Q(score__gte=scale.positive_from),
    }
    return rows.filter(rules[name]) if name in rules else rows


def bucket_counts(rows: QuerySet[Response], kind: str) -> dict[str, int]:
    """How many of these answers lie in each bucket of their scale; the empty name counts all."""
    scale = SCALES[kind]
    found = rows.aggregate(
        every=Count("*"),
        negative=Count(Value(1), filter=Q(score__lte=scale.negative_to)),
        positive=Count(Value(1), filter=Q(score__gte=scale.positive_from)),
    )
    neutral = found["every"] - found["negative"] - found["positive"]
    return {
        "": found["every"],
        "negative": found["negative"],
        "neutral": neutral,
        "positive": found["positive"],
    }


def latest_per_contact(customer_ids: Iterable[int], *, kind: str, as_of: datetime) -> list[Response]:
    """The last counted answer of each contact up to a moment, newest first."""
    rows = Response.objects.counted().filter(
        customer__in=list(customer_ids),
        kind=kind,
        scale_min=SCALES[kind].low,
        scale_max=SCALES[kind].high,
        answered_at__lte=as_of,
        contact__isnull=False,
    )
    found = rows.order_by("contact", "-answered_at", "-pk").distinct("contact")
    return sorted(found.select_related("contact"), key=lambda row: row.answered_at, reverse=True)


def asked_of(customer_id: int) -> list[Invitation]:
    """The newest invitations of a customer's contacts, with campaign and contact."""
    rows = Invitation.objects.filter(customer=customer_id, is_test=False).select_related(
        "contact", "wave__campaign"
    )
    return list(rows.order_by("-created_at", "-pk")[:LATEST])


def skips_of(customer_id: int) -> list[WaveSkip]:
    """Why contacts of a customer were not asked lately."""
    rows = WaveSkip.objects.filter(customer=customer_id).select_related("contact", "wave__campaign")
    return list(rows.order_by("-recorded_at", "-pk")[:LATEST])


def delivered_by_month(customer_ids: Iterable[int] | None = None) -> dict[date, tuple[int, int]]:
    """Per month of sending (UTC): first mails the server took, and how many of them were answered."""
    rows = Message.objects.filter(
        kind=MessageKind.FIRST, delivery_state__in=ACCEPTED, invitation__is_test=False
    )
    if customer_ids is not None:
        rows = rows.filter(invitation__customer__in=list(customer_ids))
    found = (
        rows.annotate(month=TruncMonth("accepted_at"))
        .values_list("month")
        .annotate(sent=Count("pk"), answered=Count("invitation__response"))
        .order_by("month")
    )
    return {month.date(): (sent, answered) for month, sent, answered in found}
