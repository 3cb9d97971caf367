"""Source feeds as people look at them: what the guard last saw, which are held, and the holds there were."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from accounts.models import User
from accounts.queries.organisation import zone
from customers.models import CustomerSummary
from metrics.models import FeedHold, FeedWatch
from metrics.queries.holds import holds_at
from metrics.queries.measures import Catalog

MOST_HOLDS = 30


@dataclass(frozen=True)
class FeedRow:
    """One feed: the last look at it, its hold if it has one, and the measures that rest on it."""

    feed: str
    watch: FeedWatch | None
    hold: FeedHold | None
    measures: Sequence[str]


@dataclass(frozen=True)
class HeldFeed:
    """A feed that is held: since when, in the organisation's time, and the last whole day its readings show."""

    feed: str
    since: datetime
    as_of: date
    is_ours: bool  # an admin holds it; nothing needs to be broken


def feed_rows(feeds: Sequence[str], measures: Catalog) -> list[FeedRow]:
    """Every feed in the order given. Two queries."""
    watches = {watch.feed: watch for watch in FeedWatch.objects.all()}
    holds = {hold.feed: hold for hold in FeedHold.objects.filter(to_at=None).select_related("started_by")}
    titles = {feed: [one.title for one in measures.values() if one.feed == feed] for feed in feeds}
    return [FeedRow(feed, watches.get(feed), holds.get(feed), titles[feed]) for feed in feeds]


def past_holds() -> Any:
    """Holds, the newest first."""
    return FeedHold.objects.select_related("started_by", "ended_by").order_by("-from_at", "-pk")[:MOST_HOLDS]


def held_now(now: datetime) -> list[HeldFeed]:
    """The feeds that are held. One query besides the organisation."""
    holds, local = holds_at(now), zone()
    found = []
    for feed, hold in sorted(holds.items()):
        since = hold.from_at.astimezone(local)
        found.append(HeldFeed(feed, since, since.date() - timedelta(days=1), hold.started_by_id is not None))
    return found


def held_scores(user: User) -> int:
    """How many scores this person may read rest on held readings."""
    return CustomerSummary.objects.visible_to(user).filter(held=True).count()
