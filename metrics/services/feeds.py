"""The guard of source feeds: an hourly look at each, holds while one is broken, and what follows from both.

While a feed is held its readings stay those of the last good day and alerts that rest on them wait; afterwards every
customer is read anew, late facts included.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.urls import reverse

from accounts.models import User
from accounts.queries.organisation import local_day, zone
from config.web.errors import DomainError
from config.work import audit
from customers.choices import AlertState, BatchState, ImportKind
from customers.models import Alert, ImportBatch
from customers.queries.access import everybody
from customers.services import staleness
from metrics.choices import FeedState
from metrics.formulas.feed_guard import (
    GOOD_CHECKS,
    LOST_AFTER_DAYS,
    Seen,
    broken_by,
    is_back,
    usual_volume,
    weeks_wanted,
)
from metrics.models import FeedHold, FeedWatch
from metrics.rollups.feed_counts import FEEDS, Carried, carried
from metrics.services.alert_post import mail_alerts

CHECK_EVERY = timedelta(hours=1)
MOST_CHECKS = 99  # counted
SILENCE = timedelta(hours=6)  # without any fact for so long, the break began with the last fact
DAY = timedelta(days=1)
LEAST_REASON = 10  # characters
STALE_CAUSE = "feed"
FILES = {
    "usage": ImportKind.USAGE,
    "tickets": ImportKind.TICKETS,
    "surveys": ImportKind.RESPONSES,
    "touchpoints": ImportKind.TOUCHPOINTS,
    "subscriptions": ImportKind.SUBSCRIPTIONS,
}
BROKEN, LOST = "feed_broken", "feed_lost"  # kinds of alerts to admins


class FeedError(DomainError):
    """A hold cannot be started or ended like this."""

    code = "feed"


def check_feeds(*, now: datetime) -> int:
    """Look at every feed whose last look is an hour ago; returns how many were looked at."""
    return sum(check_feed(feed=feed, now=now) for feed in FEEDS)


@transaction.atomic
def check_feed(*, feed: str, now: datetime) -> bool:
    """One look at one feed; False when it is not due or another worker is at it."""
    FeedWatch.objects.get_or_create(feed=feed)
    watch = FeedWatch.objects.select_for_update(skip_locked=True).filter(feed=feed).first()
    if watch is None or (watch.checked_at is not None and now - watch.checked_at < CHECK_EVERY):
        return False
    found = carried(feed, now=now)
    seen = _seen(feed, found, now)
    wrong = broken_by(seen)
    was_broken = watch.state == FeedState.BROKEN
    watch.checked_at, watch.seen = now, _stored(seen, wrong)
    watch.last_fact_at = found.last_at or watch.last_fact_at
    watch.good_checks = min(watch.good_checks + 1, MOST_CHECKS) if is_back(seen) else 0
    watch.state = _state(seen, wrong, watch)
    watch.save()
    hold = open_hold(feed)
    if hold is not None:
        _go_on(hold, watch, now)
    elif wrong and not was_broken:
        _hold(feed, _broke_at(feed, found, now), reason_words(feed, seen, wrong), now)
    elif watch.good_checks >= GOOD_CHECKS:
        _find_again(feed, now)
    return True


def _state(seen: Seen, wrong: Sequence[str], watch: FeedWatch) -> str:
    """A broken feed is broken until it was good twice, so that nothing flickers."""
    if wrong or (watch.state == FeedState.BROKEN and watch.good_checks < GOOD_CHECKS):
        return FeedState.BROKEN
    return FeedState.LEARNING if seen.is_learning else FeedState.OK


def _seen(feed: str, found: Carried, now: datetime) -> Seen:
    days = (now - found.first_at).days if found.first_at else 0
    wanted = weeks_wanted(days)
    usual = [habit for habit in found.habits if habit.weeks >= wanted and habit.lately]
    files = ImportBatch.objects.filter(kind=FILES[feed], state=BatchState.APPLIED, applied_at__gt=now - DAY)
    rows = [batch for batch in files.filter(applied_at__lte=now) if not batch.is_history]
    return Seen(
        history_days=days,
        received=found.by_age.get(0, 0),
        usual=usual_volume(found.by_age, days),
        active=sum(habit.customers for habit in usual),
        silent=sum(habit.customers for habit in usual if not habit.heard),
        rows=sum(batch.rows for batch in rows),
        refused=sum(batch.rejected for batch in rows),
    )


def _stored(seen: Seen, wrong: Sequence[str]) -> dict[str, Any]:
    return {
        "history_days": seen.history_days,
        "received": seen.received,
        "usual": str(float(seen.usual)).removesuffix(".0"),
        "active": seen.active,
        "silent": seen.silent,
        "rows": seen.rows,
        "refused": seen.refused,
        "wrong": list(wrong),
        "thin": seen.is_thin,
    }


def reason_words(feed: str, seen: Seen, wrong: Sequence[str]) -> str:
    """What the check saw, in one sentence."""
    words = {
        "volume": f"{seen.received} received in 24 hours, usual are {float(seen.usual):g}",
        "silent": f"{seen.silent} of {seen.active} usually active customers went silent at once",
        "refused": f"{seen.refused} of {seen.rows} rows were refused",
    }
    return f"{feed}: " + "; ".join(words[one] for one in wrong)


def _broke_at(feed: str, found: Carried, now: datetime) -> datetime:
    last = found.last_at
    start = last if last is not None and now - last >= SILENCE else now - DAY
    ends = FeedHold.objects.filter(feed=feed).exclude(to_at=None).order_by("-to_at")
    before = ends.values_list("to_at", flat=True).first()
    return max(start, before) if before else start


def open_hold(feed: str) -> FeedHold | None:
    """The hold that lasts, locked."""
    return FeedHold.objects.select_for_update(of=("self",)).filter(feed=feed, to_at=None).first()


def _hold(feed: str, from_at: datetime, reason: str, now: datetime, *, by: User | None = None) -> FeedHold:
    hold = FeedHold.objects.create(
        feed=feed, from_at=from_at, noted_at=now, reason=reason[:300], started_by=by
    )
    audit.record(by=by, now=now, action="feed.held", subject=hold, after={"reason": hold.reason})
    _read_anew(from_at, now)
    if by is None:
        since = from_at.astimezone(zone())
        _tell_admins(
            BROKEN, hold, f"The {feed} feed is broken since {since:%-d %b %H:%M}, its readings are held", now
        )
    return hold


def _go_on(hold: FeedHold, watch: FeedWatch, now: datetime) -> None:
    """A hold that lasts: over when the feed was good twice, given up after two weeks. An admin's own stays as set."""
    if hold.started_by_id is None and watch.good_checks >= GOOD_CHECKS:
        _end(hold, "the feed is back", now)
    elif now - hold.from_at >= timedelta(days=LOST_AFTER_DAYS):
        hold.lost = watch.state == FeedState.BROKEN
        _end(hold, f"ended by itself after {LOST_AFTER_DAYS} days", now)
        if hold.lost:
            title = f"The {hold.feed} feed is given up, its readings count as missing until facts come"
            _tell_admins(LOST, hold, title, now)


def _end(hold: FeedHold, reason: str, now: datetime, *, by: User | None = None) -> None:
    hold.to_at, hold.end_reason, hold.ended_by = max(now, hold.from_at), reason[:300], by
    hold.save(update_fields=["to_at", "end_reason", "ended_by", "lost"])
    audit.record(by=by, now=now, action="feed.released", subject=hold, after={"reason": hold.end_reason})
    told = Alert.objects.filter(dedupe_key=f"{BROKEN} {hold.pk}", state=AlertState.OPEN)
    told.update(state=AlertState.CLEARED, closed_at=now)
    _read_anew(hold.from_at, now)


def _find_again(feed: str, now: datetime) -> None:
    """A feed that was given up carries facts again."""
    for hold in FeedHold.objects.select_for_update(of=("self",)).filter(feed=feed, lost=True, found_at=None):
        hold.found_at = now
        hold.save(update_fields=["found_at"])
        told = Alert.objects.filter(dedupe_key=f"{LOST} {hold.pk}", state=AlertState.OPEN)
        told.update(state=AlertState.CLEARED, closed_at=now)
        _read_anew(hold.from_at, now)


def _read_anew(from_at: datetime, _now: datetime) -> None:
    ids = everybody().active().values_list("pk", flat=True)
    staleness.mark(customer_ids=ids, from_day=local_day(from_at), cause=STALE_CAUSE)


def _tell_admins(kind: str, hold: FeedHold, title: str, now: datetime) -> None:
    alerts = [
        Alert(
            receiver=admin,
            kind=kind,
            rule="feed",
            dedupe_key=f"{kind} {hold.pk}",
            title=title,
            causes=[{"cause": "feed", "text": hold.reason, "points": ""}],
            link=reverse("metrics:feeds"),
            opened_at=now,
        )
        for admin in User.objects.active().admins().order_by("pk")
    ]
    Alert.objects.bulk_create(alerts, ignore_conflicts=True)
    mail_alerts(alerts, {})


@transaction.atomic
def start_hold(*, feed: str, reason: str, by: User, now: datetime) -> FeedHold:
    """An admin's own hold, from now on until an admin ends it or two weeks have passed."""
    if feed not in FEEDS:
        raise FeedError("There is no such feed.")
    _check_reason(reason)
    FeedWatch.objects.get_or_create(feed=feed)
    FeedWatch.objects.select_for_update().get(feed=feed)
    if open_hold(feed) is not None:
        raise FeedError(f"The {feed} feed is held already.", hint="End that hold first.")
    return _hold(feed, now, reason.strip(), now, by=by)


@transaction.atomic
def end_hold(*, feed: str, reason: str, by: User, now: datetime) -> FeedHold:
    """End a hold now. The guard holds the feed again only after it was good once."""
    _check_reason(reason)
    FeedWatch.objects.select_for_update().filter(feed=feed).first()
    hold = open_hold(feed)
    if hold is None:
        raise FeedError(f"The {feed} feed is not held.", hint="It may have ended by itself; look again.")
    _end(hold, reason.strip(), now, by=by)
    return hold


def _check_reason(reason: str) -> None:
    if len(reason.strip()) < LEAST_REASON:
        raise FeedError(
            f"The reason needs at least {LEAST_REASON} characters.", hint="Say what you know.", field="reason"
        )
