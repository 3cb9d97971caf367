"""The organisation's own settings."""

from datetime import datetime

from django.db import transaction

from accounts.models import Organisation, User
from accounts.models.organisation import THE_ROW
from config.work import audit


@transaction.atomic
def change_organisation(
    *, name: str, time_zone: str, currency: str, csm_read_scope: str, by: User | None, now: datetime
) -> Organisation:
    """Store name, zone, reporting currency and how far CSMs read; the row is made on the first change.

    The zone decides when days and months begin, the currency in which totals are shown. Numbers already
    computed follow with the next full recompute.
    """
    row = Organisation.objects.select_for_update().filter(pk=THE_ROW).first()
    before = _facts(row) if row else None
    row = row or Organisation(pk=THE_ROW)
    row.name, row.time_zone, row.currency, row.csm_read_scope = (
        name.strip(),
        time_zone,
        currency,
        csm_read_scope,
    )
    row.save()
    if _facts(row) != before:
        audit.record(
            by=by, now=now, action="organisation.changed", subject=row, before=before, after=_facts(row)
        )
    return row


def _facts(row: Organisation) -> dict[str, str]:
    return {
        "name": row.name,
        "time_zone": row.time_zone,
        "currency": row.currency,
        "csm_read_scope": row.csm_read_scope,
    }
