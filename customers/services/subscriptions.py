"""Lines a customer pays for: start, change from a day on, end, cancel, correct. Every step adds facts only."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypedDict, Unpack

from django.db import transaction

from config.web.errors import DomainError
from config.work import audit
from customers.choices import Interval, LineStatus
from customers.models import Customer, LineVersion, Subscription
from customers.services import facts, staleness
from customers.services.locks import lock_customers
from customers.services.pricing import set_mrr


class NoSuchPeriodError(DomainError):
    """The line has no version on that day."""

    code = "no_such_period"


class WrongRangeError(DomainError):
    """A period ends before it starts."""

    code = "wrong_range"


class LineFields(TypedDict, total=False):
    """What a line version says besides its days; `amount` is the price of one interval for the whole line."""

    plan: str
    quantity: Decimal | None
    amount: Decimal
    currency: str
    interval: str
    interval_count: int
    status: str
    kind: str
    discount_percent: Decimal | None
    discount_amount: Decimal | None
    discount_until: date | None
    trial_end: date | None
    cancelled_on: date | None
    reason: str


@transaction.atomic
def start_line(
    *,
    customer: Customer,
    from_on: date,
    by: Any,
    now: datetime,
    product: str = "",
    external_id: str = "",
    to_on: date | None = None,
    auto_renew: bool | None = None,
    notice_days: int | None = None,
    source: str = "tend",
    **fields: Unpack[LineFields],
) -> Subscription:
    """Let a line run from a day on, to an exclusive end or open. The line is made if it does not exist yet.

    A period that overlaps another of the same line is refused; one that starts on the day the last one ends is a
    renewal.
    """
    refuse_backward(from_on, to_on)
    lock_customers([customer.pk])
    line, _ = Subscription.objects.get_or_create(
        customer=customer,
        external_id=external_id,
        product=product,
        defaults={
            "currency": fields["currency"],
            "auto_renew": auto_renew,
            "notice_days": notice_days,
        },
    )
    version = LineVersion(
        customer=customer,
        subscription=line,
        from_on=from_on,
        to_on=to_on,
        recorded_by=by,
        source=source,
        **(_defaults() | fields),
    )
    facts.write(facts.Change(added=[set_mrr(version)]))
    _tell(line, "subscription.started", from_on, by=by, now=now, after=image_of(version))
    return line


@transaction.atomic
def change_line(
    *, line: Subscription, from_on: date, by: Any, now: datetime, **changes: Unpack[LineFields]
) -> LineVersion:
    """Change price, quantity, plan, interval, discount or status from a day on; unnamed fields stay as they are.

    Later changes that are known already stay. A day on which the line does not run is a NoSuchPeriodError.
    """
    lock_customers([line.customer_id])
    versions = current_versions(line)
    covering = next(
        (row for row in versions if row.from_on <= from_on and (row.to_on is None or row.to_on > from_on)),
        None,
    )
    if covering is None:
        raise NoSuchPeriodError(
            f"The line {line} does not run on {from_on}.",
            hint="Choose a day inside its period.",
            field="from_on",
        )
    new = facts.copy_of(covering, from_on=from_on, recorded_by_id=by.pk if by else None, **changes)
    change = facts.Change()
    facts.plan_from(versions, set_mrr(new), change)
    facts.write(change)
    before, after = image_of(covering), image_of(new)
    _tell(line, "subscription.changed", from_on, by=by, now=now, before=before, after=after)
    return new


@transaction.atomic
def end_line(
    *,
    line: Subscription,
    on: date,
    by: Any,
    now: datetime,
    reason: str = "",
    cancelled_on: date | None = None,
) -> None:
    """End a line: `on` is the first day without it, today or later. Versions that start later are taken back."""
    lock_customers([line.customer_id])
    marks: dict[str, Any] = {"recorded_by_id": by.pk if by else None}
    marks |= {"reason": reason} if reason else {}
    marks |= {"cancelled_on": cancelled_on} if cancelled_on else {}
    change = facts.Change()
    facts.plan_end(current_versions(line), on, change, **marks)
    if not change.added:
        raise NoSuchPeriodError(
            f"The line {line} has ended before {on}.", hint="There is nothing to end.", field="on"
        )
    facts.write(change)
    after = {"ends_on": on.isoformat(), "reason": reason}
    _tell(line, "subscription.ended", on, by=by, now=now, after=after)


@transaction.atomic
def cancel_line(
    *, line: Subscription, cancelled_on: date, ends_on: date, reason: str, by: Any, now: datetime
) -> None:
    """Record that the customer gave notice on one day and the line ends on another (at the earliest that day)."""
    if not reason:
        raise DomainError(
            "A cancellation needs a reason.", hint="Say why the customer leaves.", field="reason"
        )
    if ends_on < cancelled_on:
        raise WrongRangeError(
            f"The line would end ({ends_on}) before it was cancelled ({cancelled_on}).",
            hint="Choose an end on or after the day of notice.",
            field="ends_on",
        )
    end_line(line=line, on=ends_on, by=by, now=now, reason=reason, cancelled_on=cancelled_on)


@transaction.atomic
def correct_version(
    *,
    version: LineVersion,
    by: Any,
    now: datetime,
    from_on: date | None = None,
    to_on: date | None = None,
    **changes: Unpack[LineFields],
) -> LineVersion:
    """Replace one version that was recorded wrongly; the wrong row stays readable as what was known then."""
    lock_customers([version.customer_id])
    days = {name: day for name, day in (("from_on", from_on), ("to_on", to_on)) if day is not None}
    new = facts.copy_of(version, recorded_by_id=by.pk if by else None, **days, **changes)
    refuse_backward(new.from_on, new.to_on)
    facts.write(facts.Change(added=[set_mrr(new)], replaced=[(version, new)]))
    first = min(version.from_on, new.from_on)
    before, after = image_of(version), image_of(new)
    _tell(version.subscription, "subscription.corrected", first, by=by, now=now, before=before, after=after)
    return new


def current_versions(line: Subscription) -> list[LineVersion]:
    """The versions of a line as known now, in order of days."""
    return list(LineVersion.objects.current().filter(subscription=line).order_by("from_on"))


def refuse_backward(from_on: date, to_on: date | None) -> None:
    """An end, when there is one, lies after the start."""
    if to_on is not None and to_on <= from_on:
        raise WrongRangeError(
            f"The period ends ({to_on}) before it starts ({from_on}).",
            hint="Choose an end after the start; the end is the first day that no longer counts.",
            field="to_on",
        )


def image_of(version: LineVersion) -> dict[str, Any]:
    """What the audit log keeps of a version."""
    return {
        "from_on": version.from_on.isoformat(),
        "to_on": version.to_on.isoformat() if version.to_on else None,
        "plan": version.plan,
        "amount": format(version.amount, "f"),
        "currency": version.currency,
        "interval": version.interval,
        "status": version.status,
        "mrr": format(version.mrr, "f"),
    }


def _defaults() -> dict[str, Any]:
    return {"interval": Interval.MONTH, "interval_count": 1, "status": LineStatus.ACTIVE}


def _tell(line: Subscription, action: str, from_day: date, *, by: Any, now: datetime, **images: Any) -> None:
    audit.record(by=by, now=now, action=action, subject=line, **images)
    staleness.mark(customer_ids=[line.customer_id], from_day=from_day, cause="subscription")
