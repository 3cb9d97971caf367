"""Who looks after a customer, by day. The primary CSM of today also stands in the summary."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.db.models import Q

from accounts.choices import Role
from accounts.models import User
from accounts.queries import organisation
from config.web.errors import DomainError
from config.work import audit
from customers.choices import AssignmentRole
from customers.models import Assignment, Customer
from customers.services import dated, facts, pulses, staleness, summaries
from customers.services.locks import lock_customers


class CannotOwnError(DomainError):
    """The user cannot hold customers."""

    code = "cannot_own"


@dataclass(frozen=True, slots=True)
class NewOwner:
    """The primary CSM of one customer from a day on."""

    customer_id: int
    user_id: int
    from_on: date


@transaction.atomic
def assign(
    *,
    customer: Customer,
    user: User,
    from_on: date,
    by: Any,
    now: datetime,
    role: str = AssignmentRole.PRIMARY,
    to_on: date | None = None,
    source: str = "tend",
) -> Assignment:
    """Give a customer to a user from a day on. The primary CSM before ends on that day; other roles stand beside."""
    _refuse_non_owners(user)
    lock_customers([customer.pk])
    row = Assignment(
        customer=customer, user=user, role=role, from_on=from_on, to_on=to_on, recorded_by=by, source=source
    )
    if role == AssignmentRole.PRIMARY:
        current = list(Assignment.objects.current().filter(customer=customer, role=role))
        before = _holder_on(current, from_on)
        dated.change_series(current, [row], lambda item: item.customer_id)
        if before is not None and before != user.pk:
            pulses.unset_for_new_csm(changes={customer.pk: from_on}, by=by, now=now, source=source)
    else:
        facts.write(facts.Change(added=[row]))
    show_owners([customer.pk], today=organisation.local_day(now))
    audit.record(
        by=by,
        now=now,
        action="customer.assigned",
        subject=customer,
        after={"user": user.email, "role": role, "from_on": from_on.isoformat()},
    )
    staleness.mark(customer_ids=[customer.pk], from_day=from_on, cause="assignment")
    return row


@transaction.atomic
def unassign(*, customer: Customer, from_on: date, by: Any, now: datetime, user: User | None = None) -> None:
    """End the primary CSM (or every role of one user) on a day; without a successor the customer is unassigned."""
    lock_customers([customer.pk])
    current = Assignment.objects.current().filter(customer=customer).order_by("from_on")
    held = list(current.filter(user=user) if user else current.filter(role=AssignmentRole.PRIMARY))
    primaries = [row for row in held if row.role == AssignmentRole.PRIMARY]
    change = facts.Change()
    facts.plan_end(held, from_on, change, recorded_by_id=by.pk if by else None)
    facts.write(change)
    if _holder_on(primaries, from_on) is not None:
        pulses.unset_for_new_csm(changes={customer.pk: from_on}, by=by, now=now, source="tend")
    show_owners([customer.pk], today=organisation.local_day(now))
    audit.record(
        by=by,
        now=now,
        action="customer.unassigned",
        subject=customer,
        after={"from_on": from_on.isoformat()},
    )
    staleness.mark(customer_ids=[customer.pk], from_day=from_on, cause="assignment")


def assign_many(
    *, owners: Sequence[NewOwner], by: Any, now: datetime, source: str, batch: Any = None
) -> set[int]:
    """Set the primary CSM of many customers in the caller's transaction; returns the customers that changed.

    Marks nothing stale and keeps no audit: the caller does both once.
    """
    ids = {owner.customer_id for owner in owners}
    current = list(Assignment.objects.current().filter(customer_id__in=ids, role=AssignmentRole.PRIMARY))
    known = dated.series_of(current, lambda row: row.customer_id)
    wanted = [
        Assignment(
            customer_id=owner.customer_id,
            user_id=owner.user_id,
            from_on=owner.from_on,
            recorded_by=by,
            source=source,
            batch=batch,
            backfilled=bool(batch and batch.is_history),
        )
        for owner in owners
        if _holder_on(known.get(owner.customer_id, []), owner.from_on) != owner.user_id
    ]
    left = {
        row.customer_id: row.from_on
        for row in wanted
        if _holder_on(known.get(row.customer_id, []), row.from_on) is not None
    }
    dated.change_series(current, wanted, lambda row: row.customer_id)
    pulses.unset_for_new_csm(changes=left, by=by, now=now, source=source, batch=batch)
    changed = {row.customer_id for row in wanted}
    show_owners(changed, today=organisation.local_day(now))
    return changed


def show_owners(customer_ids: Sequence[int] | set[int], *, today: date) -> None:
    """Write the primary CSM of today into the summaries."""
    held = Assignment.objects.current().filter(
        Q(to_on=None) | Q(to_on__gt=today),
        customer_id__in=customer_ids,
        role=AssignmentRole.PRIMARY,
        from_on__lte=today,
    )
    holders = dict(held.values_list("customer_id", "user_id"))
    summaries.publish({pk: {"owner": holders.get(pk)} for pk in customer_ids})


def _holder_on(series: Sequence[Assignment], day: date) -> int | None:
    for row in series:
        if row.from_on <= day and (row.to_on is None or row.to_on > day):
            return row.user_id
    return None


def _refuse_non_owners(user: User) -> None:
    if not user.is_active or user.role == Role.VIEWER:
        raise CannotOwnError(
            f"{user} cannot look after customers.",
            hint="Choose an active user who is CSM, manager or admin.",
            field="user",
        )
