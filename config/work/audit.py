"""The log of changes: one row per act, written in the same transaction as the act."""

from datetime import datetime
from typing import Any

from django.db.models import Model

from config.work.models import AuditEntry


def record(
    *,
    by: Any,
    now: datetime,
    action: str,
    subject: Model | None = None,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    actor_kind: str | None = None,
) -> AuditEntry:
    """Append one entry. `by` is a user or None for the system; `before` and `after` hold JSON values only."""
    return AuditEntry.objects.create(
        at=now,
        actor=by if by is not None and by.pk else None,
        actor_kind=actor_kind or ("user" if by is not None else "system"),
        action=action,
        object_type=subject._meta.label_lower if subject is not None else "",
        object_id=str(subject.pk) if subject is not None else "",
        object_label=str(subject)[:200] if subject is not None else "",
        before=before,
        after=after,
    )
