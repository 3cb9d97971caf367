"""What is forgotten by itself after its time (S-141)."""

from datetime import datetime, timedelta

from surveys.models import ProviderEvent
from surveys.services import privacy_ledger

PROVIDER_DAYS = 90  # what a provider sent; the state it led to stays


def purge_traces(*, now: datetime) -> int:
    """Blank old reports of providers and complete the privacy ledger; returns how many rows changed."""
    old = ProviderEvent.objects.filter(received_at__lt=now - timedelta(days=PROVIDER_DAYS))
    blanked = old.exclude(applied_at=None).exclude(payload={}, recipient="").update(payload={}, recipient="")
    return blanked + privacy_ledger.catch_up(now=now)
