"""Scorecards and their versions for pages and for scoring."""

from django.db.models import QuerySet

from metrics.choices import VersionState
from metrics.models import Scorecard, ScorecardVersion


def default_scorecard() -> Scorecard | None:
    """The card that scores every customer without a card of its own; None before the first was installed."""
    return Scorecard.objects.filter(is_default=True).first()


def live_version(scorecard_id: int | None = None) -> ScorecardVersion | None:
    """The version in force of a card (default: the default card)."""
    versions = ScorecardVersion.objects.filter(state=VersionState.LIVE).select_related("scorecard")
    if scorecard_id is None:
        return versions.filter(scorecard__is_default=True).first()
    return versions.filter(scorecard_id=scorecard_id).first()


def latest_version(scorecard_id: int) -> ScorecardVersion | None:
    """The newest version or draft of a card."""
    versions = ScorecardVersion.objects.filter(scorecard_id=scorecard_id).select_related("scorecard")
    return versions.order_by("-pk").first()


def versions_of(scorecard_id: int) -> QuerySet[ScorecardVersion]:
    """All versions of a card, drafts first, then the newest number first."""
    return (
        ScorecardVersion.objects.filter(scorecard_id=scorecard_id)
        .select_related("edited_by", "approved_by", "base")
        .order_by("-number", "-pk")
    )


def draft_for(pk: int) -> ScorecardVersion | None:
    """A draft by its id."""
    drafts = ScorecardVersion.objects.filter(pk=pk, state=VersionState.DRAFT)
    return drafts.select_related("scorecard", "base", "edited_by").first()


def version_by_id(pk: int) -> ScorecardVersion | None:
    """Any version by its id."""
    found = ScorecardVersion.objects.filter(pk=pk)
    return found.select_related("scorecard", "edited_by", "approved_by", "base").first()


def live_version_of(key: str) -> ScorecardVersion | None:
    """The version in force of the card with this key."""
    versions = ScorecardVersion.objects.filter(state=VersionState.LIVE, scorecard__key=key)
    return versions.select_related("scorecard").first()
