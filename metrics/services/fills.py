"""The note of the last company-wide fill."""

from datetime import date, datetime

from metrics.models import RollupFill
from metrics.queries import definitions
from metrics.queries.freshness import REVENUE, currency_and_zone


def note_fill(*, as_of: date, now: datetime, checksum: str, rollup: str = REVENUE) -> None:
    """Say when, up to which day and in which currency and zone the company's months were filled (or compared)."""
    currency, zone = currency_and_zone()
    RollupFill.objects.update_or_create(
        rollup=rollup,
        defaults={
            "as_of": as_of,
            "filled_at": now,
            "currency": currency,
            "time_zone": zone,
            "definition": definitions.current_number(),
            "checksum": checksum,
        },
    )
