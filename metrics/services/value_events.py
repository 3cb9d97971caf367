"""Naming the usage event that means activation or first value."""

from datetime import datetime
from typing import Any

from django.db import transaction

from config.web.errors import DomainError
from config.work import audit
from metrics.models import ValueEvent


class ValueEventError(DomainError):
    """The rule names nothing, or a purpose that does not exist."""

    code = "value_event"


@transaction.atomic
def name_value_event(
    *, purpose: str, segment: str = "", event: str = "", feature: str = "", by: Any, now: datetime
) -> ValueEvent:
    """Say which event or feature counts for a segment (empty: all without a rule of their own); replaces the rule before.

    `purpose` is activation or first_value. Numbers follow at once, for nothing of it is stored.
    """
    if purpose not in {ValueEvent.ACTIVATION, ValueEvent.FIRST_VALUE}:
        raise ValueEventError(
            f"There is no purpose {purpose!r}.", hint="It is activation or first_value.", field="purpose"
        )
    if not event and not feature:
        raise ValueEventError("Nothing is named.", hint="Name an event, a feature, or both.", field="event")
    before = ValueEvent.objects.select_for_update().filter(purpose=purpose, segment=segment).first()
    was = None if before is None else _words(before)
    row = before or ValueEvent(purpose=purpose, segment=segment)
    row.event, row.feature = event, feature
    row.save()
    if _words(row) != was:
        audit.record(by=by, now=now, action="value_event.named", subject=row, before=was, after=_words(row))
    return row


@transaction.atomic
def forget_value_event(*, purpose: str, segment: str = "", by: Any, now: datetime) -> bool:
    """Let any usage count again, or the rule of all segments; False when there was no rule."""
    row = ValueEvent.objects.select_for_update().filter(purpose=purpose, segment=segment).first()
    if row is None:
        return False
    audit.record(by=by, now=now, action="value_event.forgotten", subject=row, before=_words(row))
    row.delete()
    return True


def _words(row: ValueEvent) -> dict[str, str]:
    return {"purpose": row.purpose, "segment": row.segment, "event": row.event, "feature": row.feature}
