"""To-dos for a customer. The same open item is never made twice; the summary follows each change at once."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Count, Min, OuterRef, Subquery

from accounts.models import User
from config.web.errors import DomainError
from config.work import audit
from customers.choices import FollowUpKind, FollowUpPriority, FollowUpState
from customers.models import Customer, FollowUp
from customers.services import summaries
from customers.services.facts import refusal


class FollowUpStateError(DomainError):
    """The follow-up is not in a state that allows this."""

    code = "follow_up_state"


@transaction.atomic
def open_follow_up(
    *,
    customer: Customer,
    title: str,
    owner: User | None,
    due_on: date,
    by: Any,
    now: datetime,
    kind: str = FollowUpKind.TODO,
    origin: str = "user",
    dedupe_key: str = "",
    note: str = "",
    priority: str = FollowUpPriority.NORMAL,
) -> FollowUp:
    """A new open follow-up, or the open one with the same dedupe key, unchanged."""
    follow_up = FollowUp(
        customer=customer,
        title=title,
        note=note,
        kind=kind,
        priority=priority,
        owner=owner,
        due_on=due_on,
        origin=origin,
        dedupe_key=dedupe_key,
        created_by=by,
        created_at=now,
    )
    try:
        with transaction.atomic():
            follow_up.save(force_insert=True)
    except IntegrityError as error:
        twin = FollowUp.objects.filter(dedupe_key=dedupe_key, state=FollowUpState.OPEN).first()
        if not dedupe_key or twin is None:
            raise refusal(error) from error
        return twin
    audit.record(
        by=by, now=now, action="follow_up.opened", subject=follow_up, after={"due_on": due_on.isoformat()}
    )
    refresh_summaries([customer.pk])
    return follow_up


@transaction.atomic
def complete(*, follow_up: FollowUp, outcome: str, by: Any, now: datetime) -> FollowUp:
    """Finish an open follow-up with what came of it; finishing it again is refused and names who did it."""
    stored = _locked(follow_up)
    if stored.state != FollowUpState.OPEN:
        raise FollowUpStateError(
            f"“{stored.title}” is {stored.state} already.", hint="Reopen it to change the outcome."
        )
    stored.state, stored.outcome = FollowUpState.DONE, outcome
    stored.done_at, stored.done_by = now, by
    return _saved(stored, "follow_up.done", by=by, now=now, after={"outcome": outcome})


@transaction.atomic
def cancel(*, follow_up: FollowUp, reason: str, by: Any, now: datetime) -> FollowUp:
    """Drop an open follow-up that is no longer wanted."""
    stored = _locked(follow_up)
    if stored.state != FollowUpState.OPEN:
        raise FollowUpStateError(
            f"“{stored.title}” is {stored.state} already.", hint="Nothing is left to drop."
        )
    stored.state, stored.outcome = FollowUpState.CANCELLED, reason
    stored.done_at, stored.done_by = now, by
    return _saved(stored, "follow_up.cancelled", by=by, now=now, after={"reason": reason})


@transaction.atomic
def reopen(*, follow_up: FollowUp, by: Any, now: datetime) -> FollowUp:
    """Open a finished follow-up again; refused while an open twin with its key exists."""
    stored = _locked(follow_up)
    if stored.state == FollowUpState.OPEN:
        return stored
    twins = FollowUp.objects.filter(dedupe_key=stored.dedupe_key, state=FollowUpState.OPEN)
    if stored.dedupe_key and twins.exists():
        raise FollowUpStateError(
            "The same follow-up is open already.", hint="Work on that one; it stands in the customer's list."
        )
    before = {"outcome": stored.outcome, "state": stored.state}
    stored.state, stored.outcome, stored.done_at, stored.done_by = FollowUpState.OPEN, "", None, None
    return _saved(stored, "follow_up.reopened", by=by, now=now, before=before)


@transaction.atomic
def reassign(*, follow_up: FollowUp, owner: User, by: Any, now: datetime) -> FollowUp:
    """Give a follow-up to somebody else."""
    stored = _locked(follow_up)
    before = {"owner": stored.owner.email if stored.owner else None}
    stored.owner = owner
    return _saved(stored, "follow_up.reassigned", by=by, now=now, before=before, after={"owner": owner.email})


@transaction.atomic
def reschedule(*, follow_up: FollowUp, due_on: date, by: Any, now: datetime) -> FollowUp:
    """Move the due day."""
    stored = _locked(follow_up)
    before, stored.due_on = {"due_on": stored.due_on.isoformat()}, due_on
    after = {"due_on": due_on.isoformat()}
    return _saved(stored, "follow_up.rescheduled", by=by, now=now, before=before, after=after)


@transaction.atomic
def reword(*, follow_up: FollowUp, title: str, note: str, by: Any, now: datetime) -> FollowUp:
    """Say again what an open follow-up is about. The log says that it was done, without words a person may have erased."""
    stored = _locked(follow_up)
    if stored.state != FollowUpState.OPEN or (stored.title, stored.note) == (title, note):
        return stored
    stored.title, stored.note = title, note
    return _saved(stored, "follow_up.reworded", by=by, now=now)


def refresh_summaries(customer_ids: Iterable[int]) -> None:
    """Count the open follow-ups of these customers and name the next one in their summaries."""
    ids = sorted(set(customer_ids))
    summaries.ensure(ids)
    open_ones = FollowUp.objects.filter(customer_id__in=ids, state=FollowUpState.OPEN)
    first = FollowUp.objects.filter(customer_id=OuterRef("customer_id"), state=FollowUpState.OPEN)
    first_title = Subquery(first.order_by("due_on", "pk").values("title")[:1])
    counted = {
        row["customer_id"]: row
        for row in open_ones.values("customer_id").annotate(
            many=Count("pk"), next_on=Min("due_on"), next_title=first_title
        )
    }
    nothing = {"many": 0, "next_on": None, "next_title": ""}
    rows = {pk: counted.get(pk, nothing) for pk in ids}
    summaries.publish(
        {
            pk: {
                "open_follow_ups": row["many"],
                "next_follow_up_on": row["next_on"],
                "next_follow_up": row["next_title"],
            }
            for pk, row in rows.items()
        }
    )


def _locked(follow_up: FollowUp) -> FollowUp:
    return FollowUp.objects.select_for_update(of=("self",)).select_related("owner").get(pk=follow_up.pk)


def _saved(
    follow_up: FollowUp,
    action: str,
    *,
    by: Any,
    now: datetime,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> FollowUp:
    follow_up.version += 1
    follow_up.save()
    audit.record(by=by, now=now, action=action, subject=follow_up, before=before, after=after)
    refresh_summaries([follow_up.customer_id])
    return follow_up
