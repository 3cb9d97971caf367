"""Telling the owner that an answer was changed from another device than the one that gave it (S-93)."""

from datetime import datetime, timedelta

from django.db import transaction

from customers.choices import FollowUpKind
from customers.services import follow_ups
from surveys.models import Response

LOOK_WITHIN = timedelta(days=2)
BATCH = 100


@transaction.atomic
def tell_owners(*, now: datetime) -> int:
    """One follow-up per answer that was changed elsewhere; returns how many."""
    waiting = (
        Response.objects.counted()
        .select_for_update(skip_locked=True, of=("self",))
        .select_related("customer", "contact", "owner_at_answer")
        .filter(edited_elsewhere_at__lte=now, customer__isnull=False)
        .order_by("edited_elsewhere_at", "pk")[:BATCH]
    )
    told = []
    for response in waiting:
        who = response.contact.name or response.contact.email if response.contact else "A contact"
        follow_ups.open_follow_up(
            customer=response.customer,
            title=f"Answer of {who} was changed on another device"[:200],
            owner=response.owner_at_answer,
            due_on=(now + LOOK_WITHIN).date(),
            kind=FollowUpKind.SURVEY,
            origin="survey",
            dedupe_key=f"survey-elsewhere:{response.pk}",
            by=None,
            now=now,
            note="The mail may have been forwarded. Every earlier content of the answer is kept.",
        )
        told.append(response.pk)
    Response.objects.filter(pk__in=told).update(edited_elsewhere_at=None)
    return len(told)
