"""Overrides: a person's word against a computed score, for at most a quarter (HP-5, HP-6).

Set and end score the customer again in the same transaction, so that no page shows the old number.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.db import IntegrityError, transaction

from accounts.choices import Role
from accounts.models import User
from accounts.queries import organisation
from config.web.errors import DomainError
from config.work import audit
from customers.models import Customer, FollowUp
from customers.services import follow_ups
from customers.services.locks import lock_customers, lock_summaries
from metrics.choices import CardKind, OverrideKind, OverrideReason
from metrics.formulas import health_override
from metrics.formulas.health_numbers import MICRO
from metrics.formulas.health_override import LEAST_TEXT, MOST_DAYS
from metrics.models import HealthScore, Override
from metrics.services.scores import score_customers

RAISERS = frozenset({Role.MANAGER, Role.ADMIN})
TOLD_DAYS = 7  # before the end
PLACES = Decimal("0.000001")
FARTHEST = 10**6  # points; sums of actions have no scale, and nobody means more than that


class OverrideError(DomainError):
    """The override breaks one of its rules."""

    code = "override"


@transaction.atomic
def set_override(
    *,
    customer: Customer,
    kind: str,
    value: Decimal,
    reason: str,
    text: str,
    ends_on: date,
    by: User,
    now: datetime,
) -> Override:
    """Let the score be `value`, or at most `value`, until 00:00 of `ends_on`.

    Refused: words too short, an end not within 1 to 90 days, a second active override, a customer without enough data,
    and a number above the computed score from anybody but managers and admins.
    """
    today = organisation.local_day(now)
    _check_words(kind, reason, text)
    _check_end(ends_on, today)
    _hold(customer.pk)
    _end_elapsed([customer.pk], today=today, now=now)
    if Override.objects.filter(customer=customer, ended_at=None).exists():
        raise OverrideError("This customer already has an override.", hint="End it first.")
    computed, card_kind = _computed_now(customer, today=today, now=now)
    number = _number(value, card_kind)
    asked = health_override.Override(OverrideKind(kind).value, int(number * MICRO))  # type: ignore[arg-type] - checked above
    if health_override.raises(int(computed * MICRO), asked) and by.role not in RAISERS:
        raise OverrideError(
            f"The computed score is {computed.normalize():f}; only a manager or an admin may set a higher one.",
            hint="Set a lower score, or ask your manager.",
            field="value",
        )
    row = Override(
        customer=customer,
        kind=kind,
        value=number,
        reason=reason,
        text=text.strip(),
        author=by,
        started_at=now,
        ends_on=ends_on,
        computed_then=computed,
    )
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as error:
        raise OverrideError("This customer already has an override.", hint="End it first.") from error
    after = {"kind": kind, "value": str(number), "reason": reason, "ends_on": ends_on.isoformat()}
    audit.record(by=by, now=now, action="override.set", subject=row, after=after)
    score_customers(customer_ids=[customer.pk], as_of=today, now=now)
    return row


@transaction.atomic
def end_override(*, customer: Customer, by: User, now: datetime) -> Override:
    """Take the active override back; the computed score counts again at once."""
    _hold(customer.pk)
    row = Override.objects.filter(customer=customer, ended_at=None).first()
    if row is None:
        raise OverrideError("There is no override any more.", hint="Load the page again.")
    row.ended_at, row.ended_by = now, by
    row.save(update_fields=["ended_at", "ended_by"])
    audit.record(by=by, now=now, action="override.ended", subject=row, after={"value": str(row.value)})
    _drop_notices([row], by=by, now=now)
    score_customers(customer_ids=[customer.pk], as_of=organisation.local_day(now), now=now)
    return row


@transaction.atomic
def end_due(*, now: datetime) -> int:
    """End the overrides whose last midnight has passed and score their customers; returns how many ended."""
    today = organisation.local_day(now)
    due = Override.objects.filter(ended_at=None, ends_on__lte=today)
    ids = _hold(*due.values_list("customer_id", flat=True))
    ended = _end_elapsed(ids, today=today, now=now)
    if ended:
        score_customers(customer_ids=[row.customer_id for row in ended], as_of=today, now=now)
    return len(ended)


def tell_authors(*, now: datetime) -> int:
    """A follow-up for the author of each override that ends within a week, once; returns how many were opened.

    Who set one for less than a week knows its end. Where the author has left, the customer's CSM is told.
    """
    today = organisation.local_day(now)
    near = Override.objects.filter(
        ended_at=None, ends_on__gt=today, ends_on__lte=today + timedelta(days=TOLD_DAYS)
    )
    rows = [row for row in near.select_related("author", "customer__summary__owner") if _is_long(row)]
    keys = [_notice_key(row) for row in rows]
    told = set(FollowUp.objects.filter(dedupe_key__in=keys).values_list("dedupe_key", flat=True))
    waiting = [row for row in rows if _notice_key(row) not in told]
    for row in waiting:
        follow_ups.open_follow_up(
            customer=row.customer,
            title=f"The override of the health score ends on {row.ends_on:%-d %B}",
            note=f"From then on the computed score counts. What was said: {row.text}",
            owner=row.author if row.author.is_active else row.customer.summary.owner,
            due_on=row.ends_on,
            by=None,
            now=now,
            origin="override",
            dedupe_key=_notice_key(row),
        )
    return len(waiting)


def _hold(*customer_ids: int) -> list[int]:
    """Lock customers and their scoring, so that a run that began before does not overwrite what is set here."""
    ids = lock_customers(customer_ids)
    lock_summaries(ids)
    return ids


def _check_words(kind: str, reason: str, text: str) -> None:
    if kind not in OverrideKind.values:
        raise OverrideError("Choose how the override works.", hint="A fixed score or a cap.", field="kind")
    if reason not in OverrideReason.values:
        raise OverrideError("Choose a reason from the list.", hint="Or take “other”.", field="reason")
    if len(text.strip()) < LEAST_TEXT:
        raise OverrideError(
            f"Say why in at least {LEAST_TEXT} characters.", hint="What do you know?", field="text"
        )


def _check_end(ends_on: date, today: date) -> None:
    if not today < ends_on <= today + timedelta(days=MOST_DAYS):
        raise OverrideError(
            f"An override ends within {MOST_DAYS} days, tomorrow at the earliest.",
            hint=f"Choose a day up to {today + timedelta(days=MOST_DAYS):%-d %B %Y}.",
            field="ends_on",
        )


def _computed_now(customer: Customer, *, today: date, now: datetime) -> tuple[Decimal, str]:
    """The computed score from today's facts, and the kind of its card."""
    score_customers(customer_ids=[customer.pk], as_of=today, now=now)
    row = HealthScore.objects.filter(customer=customer, to_at=None).select_related("version").first()
    if row is None or row.computed is None:
        raise OverrideError(
            "There is not enough data for a score, so there is nothing to override.",
            hint="Add what is missing: the health panel names it.",
        )
    return row.computed, row.version.kind


def _number(value: Decimal, card_kind: str) -> Decimal:
    low, high = (0, 100) if card_kind == CardKind.WEIGHTED else (-FARTHEST, FARTHEST)
    if not value.is_finite() or not low <= value <= high:
        raise OverrideError(
            f"The score lies between {low:,} and {high:,}.", hint="Type another number.", field="value"
        )
    return value.quantize(PLACES)


def _end_elapsed(customer_ids: Sequence[int], *, today: date, now: datetime) -> list[Override]:
    """End them as of the midnight they were set to end at, however late this runs."""
    ended = list(
        Override.objects.filter(customer_id__in=customer_ids, ended_at=None, ends_on__lte=today).order_by(
            "pk"
        )
    )
    for row in ended:
        row.ended_at = organisation.midnight(row.ends_on)
        row.save(update_fields=["ended_at"])
        after = {"value": str(row.value)}
        audit.record(by=None, now=now, action="override.expired", subject=row, after=after)
    return ended


def _drop_notices(rows: list[Override], *, by: User, now: datetime) -> None:
    keys = [_notice_key(row) for row in rows]
    for notice in FollowUp.objects.filter(dedupe_key__in=keys, state="open"):
        follow_ups.cancel(follow_up=notice, reason="The override was ended.", by=by, now=now)


def _is_long(row: Override) -> bool:
    return (row.ends_on - organisation.local_day(row.started_at)).days > TOLD_DAYS


def _notice_key(row: Override) -> str:
    return f"override-ends:{row.pk}"
