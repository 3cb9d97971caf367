"""Taking one message for sending: everything that could forbid it is asked again under locks (S-60)."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now

from surveys import tokens
from surveys.choices import (
    ALL_SURVEYS,
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
from surveys.queries.audience import escalated_tickets
from surveys.services import locks, mail_sql
from surveys.services.frames import Frame, frame

CAP_PAUSE = timedelta(minutes=5)  # a message over an hourly cap is looked at again after this
OWN = ("invitation__contact", "invitation__customer__summary")  # what differs from mail to mail
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
    """A message that is ours under `lease_token`, with the links minted for this rendering."""

    message: Message
    lease_token: str
    links: MailLinks


@dataclass(frozen=True)
class Verdict:
    """What the recheck said: an empty `state` means go."""

    state: str = ""
    skip_reason: str = ""
    not_before: datetime | None = None


GO = Verdict()


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
                message = _next_due(now)
                if message is None:
                    return None
                run.complete(message)
                verdict = GO if message.invitation.is_test else _recheck(message, run, now)
                if not verdict.state:
                    return _take(message, now)
                _settle(message, verdict)
        except locks.ClocksMissingError as error:
            locks.make_clocks(error.clocks)


def _next_due(now: datetime) -> Message | None:
    """`is_blocked`: the address is on the list; `is_escalated`: its customer is. Both asked in the same statement."""
    allowed = Q(invitation__wave__campaign__state=CampaignState.ACTIVE) | Q(invitation__is_test=True)
    blocked = Suppression.objects.in_force(now).filter(
        Q(scope=ALL_SURVEYS) | Q(scope=OuterRef("invitation__wave__version__kind")),
        email_hash=OuterRef("invitation__email_hash"),
    )
    escalated = escalated_tickets().filter(customer=OuterRef("invitation__customer"))
    return (
        Message.objects.select_for_update(skip_locked=True, of=("self",))
        .select_related(*OWN)
        .annotate(is_blocked=Exists(blocked), is_escalated=Exists(escalated))
        .filter(allowed, delivery_state=DeliveryState.QUEUED, not_before__lte=now, max_at__gt=now)
        .order_by("not_before", "pk")
        .first()
    )


def _recheck(message: Message, run: Frame, now: datetime) -> Verdict:
    """Everything of the snapshot once more, the gaps under the locks of person and customer."""
    invitation, policy = message.invitation, run.policy
    reason = own_reason(invitation, run.zone, now, is_blocked=message.is_blocked)  # type: ignore[attr-defined]
    if not reason and message.is_escalated and not invitation.wave.version.asks_escalated:  # type: ignore[attr-defined]
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
    if message.kind == MessageKind.REMINDER:
        return GO
    locks.lock_clocks(email_hash=invitation.email_hash, customer_id=invitation.customer_id)
    return _limits(message, policy, now)


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


def _take(message: Message, now: datetime) -> Claim:
    """Lease the row and mint its links, of which only the hashes are stored; committed before the conversation."""
    lease_token = secrets.token_hex(16)
    invitation = message.invitation
    is_first = message.kind == MessageKind.FIRST
    if is_first:
        invitation.expires_at = now + timedelta(days=invitation.wave.version.link_days)
    purposes = [TokenPurpose.ANSWER, TokenPurpose.UNSUBSCRIBE]
    if invitation.wave.version.has_honeypot:
        purposes.append(TokenPurpose.HONEYPOT)
    minted = {purpose: tokens.mint() for purpose in purposes}
    mail_sql.run(
        mail_sql.TAKE,
        {
            "message": message.pk,
            "lease": lease_token,
            "lease_s": settings.MAIL_LEASE_S,
            "now": now,
            "is_first": is_first,
            "expires_at": invitation.expires_at,
            "sha256": [sha256 for _, sha256 in minted.values()],
            "purposes": [str(purpose) for purpose in minted],
        },
    )
    pit = minted.get(TokenPurpose.HONEYPOT)
    links = MailLinks(
        answer=link("s", minted[TokenPurpose.ANSWER][0]),
        unsubscribe=link("u", minted[TokenPurpose.UNSUBSCRIBE][0]),
        honeypot=link("s", pit[0]) if pit else "",
    )
    return Claim(message, lease_token, links)
