"""Taking one message for sending: everything that could forbid it is asked again under locks (S-60)."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, transaction
from django.db.models import Model, Q
from django.db.models.functions import Now

from customers.models import Contact, Customer, CustomerSummary
from surveys import tokens
from surveys.choices import (
    WAITING,
    CampaignState,
    DeliveryState,
    MessageKind,
    OnThrottle,
    ResponseState,
    SkipReason,
    TokenPurpose,
    TriggerEvent,
)
from surveys.emails import MailLinks, link
from surveys.formulas.windows import next_open
from surveys.models import Invitation, Message, Suppression, SurveyPolicy
from surveys.queries import policy as policies
from surveys.queries import throttle
from surveys.services import locks, mail_sql
from surveys.services.frames import Frame, frame

CAP_PAUSE = timedelta(minutes=5)  # a message over an hourly cap is looked at again after this
READ: tuple[tuple[type[Model], tuple[str, ...]], ...] = (  # models and columns of one row of the queue, in its order
    (Message, ("id", "invitation_id", "kind", "seq", "attempts", "not_before", "max_at", "message_id")),
    (Invitation, (
        "id", "wave_id", "contact_id", "customer_id", "text_id", "email_norm", "email_hash", "email_domain",
        "owner_at_send_id", "response_state", "expires_at", "is_test",
    )),
    (Contact, ("id", "name", "time_zone", "do_not_survey", "left_on", "erased_at")),
    (Customer, ("id", "name", "time_zone", "archived_at")),
    (CustomerSummary, ("customer_id", "first_paid_on", "is_paying")),
)  # fmt: skip
NOBODY = 0  # no customer: asked of it, a cap of one leaves room; so the statement is planned once, with or without a cap
LOADED = (
    "invitation__wave__campaign",
    "invitation__wave__version",
    "invitation__text",
    "invitation__contact",
    "invitation__customer__summary",
    "invitation__owner_at_send",
)


@dataclass(frozen=True)
class Claim:
    """A message that is ours under `lease_token`, with the links minted for this rendering.

    `first_id`: the Message-ID a reminder points to.
    """

    message: Message
    lease_token: str
    links: MailLinks
    first_id: str = ""


@dataclass(frozen=True)
class Verdict:
    """What the recheck said: an empty `state` means go."""

    state: str = ""
    skip_reason: str = ""
    not_before: datetime | None = None


GO = Verdict()


@dataclass(frozen=True)
class Due:
    """The first message of the queue, locked. `is_blocked`: its address is on the list; `is_escalated`: its customer is.

    `first_id`: the Message-ID a reminder points to; `held`: how many clocks of a first mail are locked.
    """

    message: Message
    is_blocked: bool
    is_escalated: bool
    first_id: str
    held: int


def release_due(*, now: datetime) -> int:
    """Move what is due into the queue and what is too late out of it; returns how many rows joined the queue."""
    active = Q(invitation__wave__campaign__state=CampaignState.ACTIVE) | Q(invitation__is_test=True)
    late = Message.objects.filter(delivery_state__in=WAITING, max_at__lte=now)
    late.update(delivery_state=DeliveryState.EXPIRED_UNSENT, changed_at=Now())
    due = Message.objects.filter(active, not_before__lte=now, max_at__gt=now)
    planned = due.filter(delivery_state=DeliveryState.PLANNED, invitation__wave__canary_until=None)
    waiting = due.filter(delivery_state=DeliveryState.RETRY_WAIT)
    return sum(
        rows.update(delivery_state=DeliveryState.QUEUED, changed_at=Now()) for rows in (planned, waiting)
    )


def claim_next(*, now: datetime, run: Frame | None = None) -> Claim | None:
    """The next message that may leave, leased to the caller; rows that may not leave are settled on the way."""
    run = run or frame(now=now)
    while True:
        try:
            with transaction.atomic():
                due = _next_due(now)
                if due is None:
                    return None
                run.complete(due.message)
                found = _judged(due, run, now)
                if isinstance(found, Claim):
                    return found
                _settle(due.message, found)
        except locks.ClocksMissingError as error:
            locks.make_clocks(error.clocks)


def _next_due(now: datetime) -> Due | None:
    """The first message of the queue, locked, with what differs from mail to mail."""
    found = mail_sql.rows(mail_sql.DUE, {"now": now})
    if not found:
        return None
    values = iter(found[0])
    message, invitation, contact, customer, summary = (
        _row(model, dict(zip(names, values, strict=False))) for model, names in READ
    )
    Customer.summary.related.set_cached_value(customer, summary if summary.pk is not None else None)
    invitation.contact = contact if contact.pk is not None else None
    invitation.customer = customer if customer.pk is not None else None
    message.invitation = invitation
    return Due(message, *values)


def _row(model: type[Model], given: Mapping[str, Any]) -> Any:
    """The row with these columns; others are read when somebody asks for them."""
    known = [column.attname for column in model._meta.concrete_fields if column.attname in given]
    return model.from_db(DEFAULT_DB_ALIAS, known, [given[name] for name in known])


def _judged(due: Due, run: Frame, now: datetime) -> Claim | Verdict:
    """Take the message, or say what becomes of it."""
    message, is_test = due.message, due.message.invitation.is_test
    verdict = GO if is_test else _recheck(due, run, now)
    if verdict.state:
        return verdict
    if is_test or message.kind == MessageKind.REMINDER:
        return _taken(due, now)
    clocks = locks.clocks_of(message.invitation)
    if due.held < len(clocks):
        raise locks.ClocksMissingError(clocks)
    claim = _taken(due, now, policy=run.policy)
    if claim is not None:
        return claim
    verdict = _limits(message, run.policy, now)
    return verdict if verdict.state else _taken(due, now)


def _recheck(due: Due, run: Frame, now: datetime) -> Verdict:
    """Everything of the snapshot once more but the gaps, which are asked under the locks of person and customer."""
    message, policy = due.message, run.policy
    invitation = message.invitation
    reason = own_reason(invitation, run.zone, now, is_blocked=due.is_blocked)
    if not reason and due.is_escalated and not invitation.wave.version.asks_escalated:
        reason = str(SkipReason.CUSTOMER_ESCALATED)
    if reason:
        return Verdict(DeliveryState.SKIPPED, reason)
    if message.kind == MessageKind.REMINDER and not _still_wanted(invitation, now):
        return Verdict(DeliveryState.REVOKED)
    window = policies.window_of(invitation.wave.campaign, policy)
    opens = next_open(now, window, policies.zone_of(invitation.contact, invitation.customer, run.zone))
    if opens > now:
        return Verdict(DeliveryState.QUEUED, not_before=opens)
    if _over_hourly_cap(message, run, now):
        return Verdict(DeliveryState.QUEUED, not_before=now + CAP_PAUSE)
    return GO


def own_reason(
    invitation: Invitation, zone: ZoneInfo, now: datetime, *, is_blocked: bool | None = None
) -> str:
    """Why contact, customer or address forbid a mail now; empty when nothing does. `is_blocked` if already known."""
    contact, customer = invitation.contact, invitation.customer
    day = now.astimezone(zone).date()
    summary = getattr(customer, "summary", None) if customer else None
    lost = summary is not None and summary.first_paid_on is not None and not summary.is_paying
    churned = lost and invitation.wave.version.trigger_event != TriggerEvent.CANCELLED
    checks = (
        (contact is None or contact.erased_at is not None, SkipReason.CONTACT_INACTIVE),
        (
            contact is not None and contact.left_on is not None and contact.left_on <= day,
            SkipReason.CONTACT_INACTIVE,
        ),
        (customer is None or customer.archived_at is not None or churned, SkipReason.CUSTOMER_INACTIVE),
        (contact is not None and contact.do_not_survey, SkipReason.DO_NOT_SURVEY),
    )
    reason = next((str(reason) for hit, reason in checks if hit), "")
    if reason:
        return reason
    blocked = is_suppressed(invitation, now) if is_blocked is None else is_blocked
    return str(SkipReason.SUPPRESSED) if blocked else ""


def is_suppressed(invitation: Invitation, now: datetime) -> bool:
    """Whether the address is on the list for this kind of survey."""
    found = Suppression.objects.in_force(now).covering(invitation.wave.version.kind)
    return found.filter(email_hash=invitation.email_hash).exists()


def _still_wanted(invitation: Invitation, now: datetime) -> bool:
    """A reminder goes only to those who have not answered and whose link stays open for two more days (S-53)."""
    silent = invitation.response_state in {ResponseState.NONE, ResponseState.VISITED, ResponseState.SUSPECT}
    return silent and invitation.expires_at >= now + timedelta(days=2)


def _over_hourly_cap(message: Message, run: Frame, now: datetime) -> bool:
    hour_ago = now - timedelta(hours=1)
    cap = message.invitation.wave.campaign.cap_per_hour or run.policy.cap_per_hour
    domain = message.invitation.email_domain
    if cap and not run.has_room(f"all {cap}", cap, lambda: throttle.claimed_since(hour_ago)):
        return True
    cap = run.policy.cap_per_domain_hour
    if not cap or not domain:
        return False
    return not run.has_room(domain, cap, lambda: throttle.claimed_since(hour_ago, domain=domain))


def _limits(message: Message, policy: SurveyPolicy, now: datetime) -> Verdict:
    """Gaps and cap with both clocks held: whoever comes second sees the first."""
    invitation = message.invitation
    version = invitation.wave.version
    person, customer = invitation.email_hash, invitation.customer_id
    last, persons = throttle.asked_before(
        now=now, policy=policy, email_hash=person, customer_id=customer, but_not=message.pk
    )
    free_at = last.free_at(version, policy)
    if free_at is not None and free_at > now:
        if version.on_throttle == OnThrottle.DEFER and free_at < message.max_at:
            return Verdict(DeliveryState.PLANNED, not_before=free_at)
        return Verdict(DeliveryState.SKIPPED, str(SkipReason.THROTTLED))
    if policy.customer_cap and person not in persons and len(persons) >= policy.customer_cap:
        return Verdict(DeliveryState.SKIPPED, str(SkipReason.CUSTOMER_CAP))
    return GO


def _settle(message: Message, verdict: Verdict) -> None:
    changes: dict[str, Any] = {
        "delivery_state": verdict.state,
        "skip_reason": verdict.skip_reason,
        "changed_at": Now(),
    }
    if verdict.not_before is not None:
        changes["not_before"] = verdict.not_before
    Message.objects.filter(pk=message.pk).update(**changes)


def _taken(due: Due, now: datetime, *, policy: SurveyPolicy | None = None) -> Claim | None:
    """Lease the row and mint its links, of which only the hashes are stored; committed before the conversation.

    With a policy the row is taken only when person and customer are so free that no rule can say otherwise.
    """
    lease_token, message = secrets.token_hex(16), due.message
    invitation = message.invitation
    is_first = message.kind == MessageKind.FIRST
    if is_first:
        invitation.expires_at = now + timedelta(days=invitation.wave.version.link_days)
    purposes = [TokenPurpose.ANSWER, TokenPurpose.UNSUBSCRIBE]
    if invitation.wave.version.has_honeypot:
        purposes.append(TokenPurpose.HONEYPOT)
    minted = {purpose: tokens.mint() for purpose in purposes}
    values = {
        "message": message.pk,
        "lease": lease_token,
        "lease_s": settings.MAIL_LEASE_S,
        "now": now,
        "is_first": is_first,
        "expires_at": invitation.expires_at,
        "sha256": [sha256 for _, sha256 in minted.values()],
        "purposes": [str(purpose) for purpose in minted],
        "is_free": policy is None,
        "person": invitation.email_hash,
        "customer": invitation.customer_id if policy and policy.customer_cap else NOBODY,
        "gap_from": now - throttle.longest_gap(policy) if policy else None,
        "cap_from": now - throttle.CAP_WINDOW,
        "cap": (policy.customer_cap if policy else 0) or 1,
    }
    if not mail_sql.run(mail_sql.TAKE, values):
        return None
    pit = minted.get(TokenPurpose.HONEYPOT)
    links = MailLinks(
        answer=link("s", minted[TokenPurpose.ANSWER][0]),
        unsubscribe=link("u", minted[TokenPurpose.UNSUBSCRIBE][0]),
        honeypot=link("s", pit[0]) if pit else "",
    )
    return Claim(message, lease_token, links, due.first_id)
