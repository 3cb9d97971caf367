"""Mails of surveys that arrived, and how many were answered, by the day they were sent."""

from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from django.db.models import Count, Q

from metrics.formulas.periods import Period
from metrics.queries.questions import bucket, start_of
from metrics.queries.usage_windows import Ids, within
from surveys.choices import DeliveryState, ResponseState, ResponseStatus
from surveys.models import Invitation

ARRIVED = (DeliveryState.SENT, DeliveryState.DELIVERED, DeliveryState.COMPLAINED)
LOOKED = (ResponseState.VISITED, ResponseState.SUSPECT, ResponseState.ANSWERED, ResponseState.LOCKED)


@dataclass(frozen=True, slots=True)
class Funnel:
    """Invitations delivered (accepted by the mail server and not bounced), visited, and answers to them."""

    delivered: int = 0
    completed: int = 0
    visited: int = 0


def invitations_in(period: Period, *, zone: ZoneInfo, customers: Ids = None) -> Funnel:
    """Invitations whose first mail was accepted in the period, all waves pooled. Source: survey_response_rate."""
    return funnels_of([period], zone=zone, customers=customers)[0]


def funnels_of(periods: Sequence[Period], *, zone: ZoneInfo, customers: Ids = None) -> list[Funnel]:
    """The same for periods that do not overlap, in one statement."""
    windows = [(start_of(period.start, zone), start_of(period.end, zone)) for period in periods]
    if not windows:
        return []
    sent = within(
        Invitation.objects.filter(
            is_test=False,
            messages__kind="first",
            messages__accepted_at__gte=min(start for start, _ in windows),
            messages__accepted_at__lt=max(end for _, end in windows),
            messages__delivery_state__in=ARRIVED,
        ),
        customers,
    )
    answered = Q(response__status=ResponseStatus.COUNTED)
    rows = (
        sent.annotate(place=bucket("messages__accepted_at", windows))
        .exclude(place=None)
        .order_by()
        .values("place")
        .annotate(
            delivered=Count("pk", distinct=True),
            completed=Count("pk", distinct=True, filter=answered),
            visited=Count("pk", distinct=True, filter=answered | Q(response_state__in=LOOKED)),
        )
    )
    found = {row.pop("place"): Funnel(**row) for row in rows}
    return [found.get(number, Funnel()) for number in range(len(windows))]
