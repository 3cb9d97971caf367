"""Scorecards and their versions for pages and for scoring."""

from django.db.models import QuerySet

from metrics.choices import CardKind, VersionState
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
        .select_related("scorecard", "edited_by", "sent_by", "approved_by", "base", "rollback_of")
        .order_by("-number", "-pk")
    )


def draft_for(pk: int) -> ScorecardVersion | None:
    """A draft by its id."""
    drafts = ScorecardVersion.objects.filter(pk=pk, state=VersionState.DRAFT)
    return drafts.select_related("scorecard", "base", "edited_by").first()


def version_by_id(pk: int) -> ScorecardVersion | None:
    """Any version by its id."""
    found = ScorecardVersion.objects.filter(pk=pk)
    people = ("edited_by", "sent_by", "approved_by")
    return found.select_related("scorecard", "base", "rollback_of", *people).first()


def version_before(version: ScorecardVersion) -> ScorecardVersion | None:
    """What a version came after: the number before it, or for one without a number the version in force."""
    versions = ScorecardVersion.objects.filter(scorecard_id=version.scorecard_id)
    if version.number is None:
        return versions.filter(state=VersionState.LIVE).select_related("scorecard").first()
    return versions.filter(number=version.number - 1).select_related("scorecard").first()


def card_by_key(key: str) -> Scorecard | None:
    """A scorecard by its key."""
    return Scorecard.objects.filter(key=key).first()


def live_version_of(key: str) -> ScorecardVersion | None:
    """The version in force of the card with this key."""
    versions = ScorecardVersion.objects.filter(state=VersionState.LIVE, scorecard__key=key)
    return versions.select_related("scorecard").first()


def titles_in_force() -> list[tuple[str, str]]:
    """(key, title) of every scorecard with a version in force, the default card first."""
    live = ScorecardVersion.objects.filter(state=VersionState.LIVE).exclude(kind=CardKind.RULES)
    rows = live.order_by("-scorecard__is_default", "scorecard__title")
    return list(rows.values_list("scorecard__key", "scorecard__title"))
