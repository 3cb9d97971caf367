"""Mails of surveys that arrived, and how many were answered, by the day they were sent."""

from dataclasses import dataclass
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from django.db.models import Count, Q

from metrics.formulas.periods import Period
from metrics.queries.usage_windows import Ids, within
from surveys.choices import DeliveryState, ResponseStatus
from surveys.models import Invitation


@dataclass(frozen=True, slots=True)
class Funnel:
    """Invitations delivered (accepted by the mail server and not bounced), and answers to them."""

    delivered: int
    completed: int


def invitations_in(period: Period, *, zone: ZoneInfo, customers: Ids = None) -> Funnel:
    """Invitations whose first mail was accepted in the period, all waves pooled. Source: survey_response_rate."""
    sent = within(
        Invitation.objects.filter(
            is_test=False,
            messages__kind="first",
            messages__accepted_at__gte=start_of(period.start, zone),
            messages__accepted_at__lt=start_of(period.end, zone),
            messages__delivery_state__in=[
                DeliveryState.SENT,
                DeliveryState.DELIVERED,
                DeliveryState.COMPLAINED,
            ],
        ).order_by(),
        customers,
    )
    found = sent.aggregate(
        delivered=Count("pk", distinct=True),
        completed=Count("pk", distinct=True, filter=Q(response__status=ResponseStatus.COUNTED)),
    )
    return Funnel(**found)


def start_of(day: date, zone: ZoneInfo) -> datetime:
    """First instant of a local day."""
    return datetime.combine(day, time.min, tzinfo=zone)
