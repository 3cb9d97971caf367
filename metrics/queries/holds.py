"""Feeds whose readings are held at the day their data stopped."""

from datetime import date, datetime

from django.db.models import Q

from accounts.queries.organisation import local_day
from metrics.models import FeedHold


def held_feeds(moment: datetime) -> dict[str, date]:
    """{feed: the last local day its readings are good for} of the holds at a moment.

    A hold that ended by itself, because the feed was lost, holds nothing any more.
    """
    holds = FeedHold.objects.filter(from_at__lte=moment).filter(Q(to_at=None) | Q(to_at__gt=moment))
    return {hold.feed: local_day(hold.from_at) for hold in holds}
