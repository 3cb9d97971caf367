"""Contacts made with a customer."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Max

from accounts.queries import organisation
from config.web.errors import DomainError
from config.work import audit
from customers.choices import Direction, TouchpointKind
from customers.models import Contact, Customer, Touchpoint
from customers.services import facts, staleness, summaries


class TouchpointError(DomainError):
    """The touchpoint says something that cannot be."""

    code = "touchpoint"


@transaction.atomic
def log_touchpoint(
    *,
    customer: Customer,
    kind: str,
    occurred_at: datetime,
    by: Any,
    now: datetime,
    direction: str = Direction.OUT,
    subject: str = "",
    body: str = "",
    contact: Contact | None = None,
    author: Any = None,
    is_meaningful: bool = True,
    source: str = "tend",
    source_key: str = "",
) -> Touchpoint:
    """Write down a call, meeting, mail, review or note; the customer's last touch follows at once."""
    _check(kind=kind, occurred_at=occurred_at, now=now, customer=customer, contact=contact)
    touchpoint = Touchpoint(
        customer=customer,
        contact=contact,
        author=author or by,
        occurred_at=occurred_at,
        kind=kind,
        direction=direction,
        subject=subject,
        body=body,
        is_meaningful=is_meaningful,
        recorded_by=by,
        source=source,
        source_key=source_key,
    )
    facts.write(facts.Change(added=[touchpoint]))
    audit.record(by=by, now=now, action="touchpoint.logged", subject=touchpoint, after={"kind": kind})
    _tell(touchpoint)
    return touchpoint


@transaction.atomic
def correct_touchpoint(*, touchpoint: Touchpoint, by: Any, now: datetime, **changes: Any) -> Touchpoint:
    """Replace a touchpoint by a corrected one; the original stays readable."""
    new = facts.copy_of(touchpoint, recorded_by_id=by.pk if by else None, **changes)
    _check(
        kind=new.kind, occurred_at=new.occurred_at, now=now, customer=touchpoint.customer, contact=new.contact
    )
    facts.write(facts.Change(added=[new], replaced=[(touchpoint, new)]))
    audit.record(by=by, now=now, action="touchpoint.corrected", subject=new, before={"id": touchpoint.pk})
    _tell(new, earlier=touchpoint)
    return new


def refresh_last_touch(customer_ids: set[int]) -> None:
    """Write the latest meaningful touch into the summaries."""
    meant = Touchpoint.objects.current().filter(customer_id__in=customer_ids, is_meaningful=True)
    latest = dict(
        meant.values("customer_id").annotate(at=Max("occurred_at")).values_list("customer_id", "at")
    )
    summaries.publish({pk: {"last_touch_at": latest.get(pk)} for pk in customer_ids})


def _tell(touchpoint: Touchpoint, earlier: Touchpoint | None = None) -> None:
    refresh_last_touch({touchpoint.customer_id})
    moments = [touchpoint.occurred_at, *([earlier.occurred_at] if earlier else [])]
    first = organisation.local_day(min(moments))
    staleness.mark(customer_ids=[touchpoint.customer_id], from_day=first, cause="touchpoint")


def _check(
    *, kind: str, occurred_at: datetime, now: datetime, customer: Customer, contact: Contact | None
) -> None:
    if kind not in TouchpointKind.values:
        known = ", ".join(TouchpointKind.values)
        raise TouchpointError(f"There is no kind “{kind}”.", hint=f"Use one of {known}.", field="kind")
    if occurred_at > now:
        raise TouchpointError(
            "A touchpoint lies in the past.", hint="Plan what comes as a follow-up.", field="occurred_at"
        )
    if contact is not None and contact.customer_id != customer.pk:
        raise TouchpointError(
            f"{contact} does not belong to {customer}.", hint="Choose one of its contacts.", field="contact"
        )
