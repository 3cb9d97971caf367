"""Addresses that must not be asked."""

from django.db.models import QuerySet

from surveys.choices import SuppressionReason
from surveys.models import Suppression


def suppressions_like(text: str) -> QuerySet[Suppression]:
    """Entries in force whose address holds the text; erased ones have no address and match only the empty text."""
    rows = Suppression.objects.filter(lifted_at=None)
    wanted = text.replace("\0", "").strip().lower()[:254]
    return rows.filter(email__contains=wanted) if wanted else rows


def is_erased(email_hash: str) -> bool:
    """Whether somebody with this address asked to be forgotten."""
    return Suppression.objects.filter(
        email_hash=email_hash, reason=SuppressionReason.ERASED, lifted_at=None
    ).exists()
