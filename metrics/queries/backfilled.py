"""How much of what a card reads was loaded as history: its past scores are as good as that history is true."""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from fractions import Fraction

from django.db.models import Count, Q, QuerySet

from accounts.queries import organisation
from customers.choices import Attribute
from customers.models import (
    AttributeValue,
    FieldValue,
    ImportBatch,
    LineVersion,
    Pulse,
    Ticket,
    Touchpoint,
    UsageEvent,
)
from metrics.formulas.health_cards import Card
from metrics.queries.measures import catalog
from surveys.choices import Channel
from surveys.models import Response

FLAGGED = Q(backfilled=True)


def backfilled_share(card: Card, *, until: date) -> Fraction | None:
    """Share of the facts behind the card's measures that count as known earlier than they were recorded.

    Facts up to the end of a local day. None when the card's feeds carried nothing.
    """
    measures = catalog()
    feeds = {measures[measure.key, measure.version].feed for measure in card.measures}
    ended = datetime.combine(until + timedelta(days=1), time.min, organisation.zone())
    sources = _sources(until, ended)
    total = flagged = 0
    for feed in sorted(feeds & sources.keys()):
        rows, condition = sources[feed]
        counted = rows.order_by().aggregate(
            total=Count("customer_id"), flagged=Count("customer_id", filter=condition)
        )
        total, flagged = total + counted["total"], flagged + counted["flagged"]
    return Fraction(flagged, total) if total else None


def _sources(until: date, ended: datetime) -> Mapping[str, tuple[QuerySet, Q]]:
    """{feed: (facts effective by then, which of them are history)}."""
    history = ImportBatch.objects.filter(options__history=True).values("pk")
    return {
        "usage": (UsageEvent.objects.filter(day__lte=until), Q(batch_id__in=history)),
        "lifecycle phases": (
            AttributeValue.objects.filter(key=Attribute.PHASE, from_on__lte=until, voids=False),
            FLAGGED,
        ),
        "custom fields": (FieldValue.objects.filter(from_on__lte=until, voids=False), FLAGGED),
        "subscriptions": (LineVersion.objects.filter(from_on__lte=until, voids=False), FLAGGED),
        "tickets": (Ticket.objects.filter(opened_at__lt=ended, voids=False), FLAGGED),
        "touchpoints": (Touchpoint.objects.filter(occurred_at__lt=ended, voids=False), FLAGGED),
        "pulses": (Pulse.objects.filter(occurred_at__lt=ended, voids=False), FLAGGED),
        "surveys": (
            Response.objects.filter(first_answered_at__lt=ended),
            Q(channel=Channel.IMPORT),
        ),
    }
