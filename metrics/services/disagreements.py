"""The queue of disagreements between views of a customer: found once a day, closed by evidence or a decision (HD-1, HD-2)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction

from accounts.models import User
from accounts.queries.organisation import local_day
from config.web.errors import DomainError
from config.work import audit, jobs
from config.work.models import Job
from metrics.choices import Closing, MovementKind
from metrics.formulas.disagreements import (
    GREEN,
    LISTED_AFTER,
    RED,
    VIEWS,
    Pair,
    apart_since,
    pairs_apart,
    seen_on,
    views_of,
)
from metrics.formulas.periods import Period
from metrics.models import Disagreement, Movement
from metrics.queries import definitions
from metrics.queries.disagreements import Today, facts_since, pending_versions, side_of, views_today
from metrics.queries.freshness import last_fill
from metrics.queries.outcomes import LOST
from metrics.queries.overrides import active_override
from metrics.queries.questions import Question
from metrics.queries.renewals import terms_of

JOB_KIND = "metrics.find_disagreements"
REST_DAYS = 90  # of "both right"
OUTCOME_DAYS = 180  # within which an outcome confirms a view
GRACE_DAYS = 60  # after them, until late facts of a renewal are in
LEAST_NOTE = 10  # characters
GONE = {"loss": "The customer pays no more.", "archived": "The customer was archived."}
FIELDS = ("views", "since", "seen_on")
CLOSED = ("closed_at", "closing", "evidence", "note")


class DisagreementError(DomainError):
    """The entry cannot be closed like this."""

    code = "disagreement"


@dataclass
class Changes:
    """What a day brings."""

    opened: list[Disagreement]
    kept: list[Disagreement]
    closed: list[Disagreement]
    dropped: list[int]


def start_day(*, today: date) -> Job | None:
    """Queue the look at a new local day, as soon as everybody's readings are of that day; None when nothing is due."""
    fill = last_fill()
    if (
        fill is None
        or fill.as_of < today
        or Job.objects.filter(kind=JOB_KIND, args__day=today.isoformat()).exists()
    ):
        return None
    return jobs.start(
        kind=JOB_KIND,
        args={"day": today.isoformat()},
        title="Compare views of customers",
        dedupe_key=JOB_KIND,
    )


@transaction.atomic
def find(*, today: date, now: datetime) -> dict[str, int]:
    """Compare the views of all customers as they are today. Running it twice a day changes nothing more."""
    open_rows = {
        row.customer_id: row
        for row in Disagreement.objects.select_for_update().filter(closed_at=None).order_by("pk")
    }
    resting = _resting_pairs(today)
    changes, met = Changes([], [], [], []), set()
    for found in views_today(today, open_rows):
        met.add(found.customer_id)
        pairs = pairs_apart(found.tones) - resting.get(found.customer_id, set())
        _compare(changes, open_rows.get(found.customer_id), found, pairs, today=today, now=now)
    for pk, row in open_rows.items():
        if pk not in met:  # archived meanwhile
            _end(changes, row, {}, "archived", today=today, now=now)
    Disagreement.objects.filter(pk__in=changes.dropped).delete()
    Disagreement.objects.bulk_update(changes.closed, CLOSED, batch_size=1_000)
    Disagreement.objects.bulk_update(changes.kept, FIELDS, batch_size=1_000)
    Disagreement.objects.bulk_create(changes.opened, batch_size=1_000)
    return {
        "opened": len(changes.opened),
        "closed": len(changes.closed),
        "confirmed": confirm(today=today),
    }


def _resting_pairs(today: date) -> dict[int, set[Pair]]:
    found: dict[int, set[Pair]] = {}
    rows = Disagreement.objects.filter(rests_until__gt=today).values_list("customer_id", "views")
    for pk, views in rows:
        found.setdefault(pk, set()).update(pairs_apart(_stored_tones(views)))
    return found


def _compare(
    changes: Changes, row: Disagreement | None, today_: Today, pairs: set[Pair], *, today: date, now: datetime
) -> None:
    seen = seen_on(today_.tones, _stored(row.views) if row else {}, today)
    since = apart_since(seen, pairs)
    views = {view: [tone, day.isoformat()] for view, (tone, day) in seen.items()}
    if row is not None and since is not None and (since == row.since or not _is_listed(row, today)):
        row.views, row.since, row.seen_on = views, since, today
        changes.kept.append(row)
        return
    if row is not None:
        _end(changes, row, today_.tones, "loss" if today_.is_lost else "", today=today, now=now)
    if since is not None:
        fresh = Disagreement(customer_id=today_.customer_id, views=views, since=since, seen_on=today)
        changes.opened.append(fresh)


def _end(
    changes: Changes, row: Disagreement, tones: Mapping[str, str], why: str, *, today: date, now: datetime
) -> None:
    """The views are apart no longer: what moved is the evidence. An entry that was never listed leaves no trace."""
    if not _is_listed(row, today):
        changes.dropped.append(row.pk)
        return
    before = _stored_tones(row.views)
    moved = [view for view in VIEWS if tones and before[view] != tones[view]]
    sides = [view for view in moved if before[view] in {RED, GREEN}] or moved
    row.closed_at, row.closing = now, Closing.EVIDENCE
    row.evidence = why or f"reading {','.join(sides)}"
    row.note = GONE.get(why) or "; ".join(
        f"{view} went from {before[view]} to {tones[view]}" for view in sides
    )
    changes.closed.append(row)


def _is_listed(row: Disagreement, today: date) -> bool:
    return row.since <= today - timedelta(days=LISTED_AFTER)


def confirm(*, today: date) -> int:
    """Note which views the later outcome confirmed: lost within 180 days the red ones, renewed the green ones."""
    first = today - timedelta(days=OUTCOME_DAYS + GRACE_DAYS)
    rows = list(Disagreement.objects.filter(confirmed="", since__gte=first))
    if not rows:
        return 0
    losses, renewals = _outcomes({row.customer_id for row in rows}, first=first, today=today)
    decided = []
    for row in rows:
        until = row.since + timedelta(days=OUTCOME_DAYS)
        tone = ""
        if _within(losses.get(row.customer_id, ()), row.since, until):
            tone = RED
        elif until <= today and _within(renewals.get(row.customer_id, ()), row.since, until):
            tone = GREEN
        if tone:
            row.confirmed = ",".join(views_of(_stored_tones(row.views), tone))
            decided.append(row)
    Disagreement.objects.bulk_update(decided, ["confirmed"], batch_size=1_000)
    return len(decided)


def _outcomes(
    customer_ids: set[int], *, first: date, today: date
) -> tuple[dict[int, list[date]], dict[int, list[date]]]:
    """Days of losses and of renewals per customer."""
    losses: dict[int, list[date]] = {}
    churned = Movement.objects.filter(
        customer_id__in=customer_ids, kind=MovementKind.CHURN, churn_kind__in=list(LOST), day__gt=first
    )
    for pk, day in churned.values_list("customer_id", "day"):
        losses.setdefault(pk, []).append(day)
    renewals: dict[int, list[date]] = {}
    period = Period(first, today + timedelta(days=1))
    question = Question(
        [period], as_of=today, definition=definitions.current(), customers=sorted(customer_ids)
    )
    for term in terms_of(question):
        if term.renewed:
            renewals.setdefault(term.customer, []).append(term.ended_on)
    return losses, renewals


def _within(days: Iterable[date], after: date, until: date) -> bool:
    return any(after < day <= until for day in days)


@transaction.atomic
def close(
    *, entry: Disagreement, closing: str, link: str, note: str, by: User, now: datetime
) -> Disagreement:
    """Close an entry by one of the four ways; `link` names the fact or the draft.

    After an override the pair rests until it ends, after "both right" for 90 days. After new evidence or a draft it
    comes back when the views are apart for another seven days.
    """
    row = Disagreement.objects.select_for_update().get(pk=entry.pk)
    today = local_day(now)
    if row.closed_at is not None:
        raise DisagreementError("This entry is closed already.", hint="Load the page again.")
    row.note = note.strip()
    row.evidence, row.rests_until = _ground(row, closing, link, today=today)
    row.closing, row.closed_at, row.closed_by = closing, now, by
    row.save()
    after = {"closing": closing, "evidence": row.evidence, "note": row.note}
    audit.record(by=by, now=now, action="disagreement.closed", subject=row, after=after)
    return row


def _ground(row: Disagreement, closing: str, link: str, *, today: date) -> tuple[str, date | None]:
    """(what the closing rests on, until when the pair rests)."""
    if closing == Closing.EVIDENCE:
        if link not in {fact.name for fact in facts_since(row.customer_id, row.since)}:
            raise DisagreementError("Choose the fact that settles it.", hint="Log it first.", field="fact")
        return link, None
    if closing == Closing.OVERRIDE:
        override = active_override(row.customer_id, on=today)
        if override is None:
            raise DisagreementError(
                "There is no override of this customer.", hint="Set one first.", field="closing"
            )
        return f"override {override.pk}", override.ends_on
    if closing == Closing.CARD_CHANGE:
        if link not in {f"draft {version.pk}" for version in pending_versions()}:
            raise DisagreementError("Choose a draft of a scorecard.", hint="Start one first.", field="draft")
        return link, None
    if closing != Closing.BOTH_RIGHT:
        raise DisagreementError("Choose how it ends.", hint="One of four.", field="closing")
    if len(row.note) < LEAST_NOTE:
        raise DisagreementError(
            f"Say in at least {LEAST_NOTE} characters why both are right.",
            hint="What do you know?",
            field="note",
        )
    return "", today + timedelta(days=REST_DAYS)


def _stored(views: Mapping[str, Any]) -> dict[str, tuple[str, date]]:
    return {view: (tone, date.fromisoformat(day)) for view, (tone, day) in views.items()}


def _stored_tones(views: Mapping[str, Any]) -> dict[str, str]:
    return {view: side_of(dict(views), view) for view in VIEWS}
