"""Feeds whose readings are held at the day their data stopped, and feeds that were given up."""

from datetime import date, datetime

from django.db.models import F, Q
from django.db.models.functions import Coalesce

from accounts.queries.organisation import local_day
from metrics.models import FeedHold


def holds_at(moment: datetime) -> dict[str, FeedHold]:
    """{feed: its hold} of the holds that were known and not over at a moment.

    A hold that ended by itself, because the feed was lost, holds nothing any more.
    """
    holds = FeedHold.objects.annotate(known_from=Coalesce(F("noted_at"), F("from_at")))
    rows = holds.filter(from_at__lte=moment, known_from__lte=moment)
    return {hold.feed: hold for hold in rows.filter(Q(to_at=None) | Q(to_at__gt=moment))}


def held_feeds(moment: datetime, day: date | None = None) -> dict[str, date]:
    """{feed: the local day its readings stand still at} of the holds at a moment; only those that touch `day`."""
    days = {feed: local_day(hold.from_at) for feed, hold in holds_at(moment).items()}
    return days if day is None else {feed: held for feed, held in days.items() if held <= day}


def lost_feeds(moment: datetime) -> set[str]:
    """Feeds that were held in vain: their readings count as missing until facts come again."""
    lost = FeedHold.objects.filter(lost=True, to_at__lte=moment)
    rows = lost.filter(Q(found_at=None) | Q(found_at__gt=moment))
    return set(rows.values_list("feed", flat=True))
