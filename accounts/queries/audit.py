"""The audit log as a list."""

from datetime import date

from django.db.models import Q, QuerySet

from config.work.models import AuditEntry


def entries(
    *,
    find: str = "",
    kind: str = "",
    actor_id: int | None = None,
    since: date | None = None,
    until: date | None = None,
) -> QuerySet[AuditEntry]:
    """Entries, newest first by the caller's order. `kind` is the beginning of an action, as “user” or “sign_in”.

    `since` and `until` are days in the active time zone, both included.
    """
    rows = AuditEntry.objects.select_related("actor")
    if find:
        rows = rows.filter(Q(object_label__icontains=find) | Q(action__icontains=find))
    if kind:
        rows = rows.filter(action__startswith=f"{kind}.")
    if actor_id:
        rows = rows.filter(actor_id=actor_id)
    if since:
        rows = rows.filter(at__date__gte=since)
    return rows.filter(at__date__lte=until) if until else rows
