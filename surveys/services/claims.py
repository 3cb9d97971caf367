"""Taking one message for sending: everything that could forbid it is asked again under locks (S-60)."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from accounts.queries import organisation
from surveys import tokens
from surveys.choices import (
    WAITING,
    CampaignState,
    DeliveryState,
    MessageKind,
    OnThrottle,
    Phase,
    ResponseState,
    SkipReason,
    TokenPurpose,
)
from surveys.emails import MailLinks, link
from surveys.formulas.windows import next_open
from surveys.models import Invitation, LinkToken, Message, Suppression, SurveyPolicy
from surveys.queries import policy as policies
from surveys.queries import throttle
from surveys.services import locks

CAP_PAUSE = timedelta(minutes=5)  # a message over an hourly cap is looked at again after this
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


@dataclass(frozen=True)
class Frame:
    """What holds for a whole run of sending: the policy and the organisation's zone, read once."""

    policy: SurveyPolicy
    zone: ZoneInfo


def frame(*, now: datetime) -> Frame:
    """The frame as of now."""
    return Frame(policies.current(now), organisation.zone())


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
        with transaction.atomic():
            message = _next_due(now)
            if message is None:
                return None
            verdict = GO if message.invitation.is_test else _recheck(message, run, now)
            if not verdict.state:
                return _take(message, now)
            _settle(message, verdict)


def _next_due(now: datetime) -> Message | None:
    allowed = Q(invitation__wave__campaign__state=CampaignState.ACTIVE) | Q(invitation__is_test=True)
    return (
        Message.objects.select_for_update(skip_locked=True, of=("self",))
        .select_related(*LOADED)
        .filter(allowed, delivery_state=DeliveryState.QUEUED, not_before__lte=now, max_at__gt=now)
        .order_by("not_before", "pk")
        .first()
    )


def _recheck(message: Message, run: Frame, now: datetime) -> Verdict:
    """Everything of the snapshot once more, the gaps under the locks of person and customer."""
    invitation, policy = message.invitation, run.policy
    reason = own_reason(invitation, run.zone, now)
    if reason:
        return Verdict(DeliveryState.SKIPPED, reason)
    if message.kind == MessageKind.REMINDER and not _still_wanted(invitation, now):
        return Verdict(DeliveryState.REVOKED)
    window = policies.window_of(invitation.wave.campaign, policy)
    opens = next_open(now, window, policies.zone_of(invitation.contact, invitation.customer, run.zone))
    if opens > now:
        return Verdict(DeliveryState.QUEUED, not_before=opens)
    if _over_hourly_cap(message, policy, now):
        return Verdict(DeliveryState.QUEUED, not_before=now + CAP_PAUSE)
    if message.kind == MessageKind.REMINDER:
        return GO
    locks.lock_clocks(email_hash=invitation.email_hash, customer_id=invitation.customer_id)
    return _limits(message, policy, now)


def own_reason(invitation: Invitation, zone: ZoneInfo, now: datetime) -> str:
    """Why contact, customer or address forbid a mail now; empty when nothing does."""
    contact, customer = invitation.contact, invitation.customer
    day = now.astimezone(zone).date()
    summary = getattr(customer, "summary", None) if customer else None
    churned = summary is not None and summary.first_paid_on is not None and not summary.is_paying
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
    return reason or (str(SkipReason.SUPPRESSED) if is_suppressed(invitation, now) else "")


def is_suppressed(invitation: Invitation, now: datetime) -> bool:
    """Whether the address is on the list for this kind of survey."""
    found = Suppression.objects.in_force(now).covering(invitation.wave.version.kind)
    return found.filter(email_hash=invitation.email_hash).exists()


def _still_wanted(invitation: Invitation, now: datetime) -> bool:
    """A reminder goes only to those who have not answered and whose link stays open for two more days (S-53)."""
    silent = invitation.response_state in {ResponseState.NONE, ResponseState.VISITED, ResponseState.SUSPECT}
    return silent and invitation.expires_at >= now + timedelta(days=2)


def _over_hourly_cap(message: Message, policy: SurveyPolicy, now: datetime) -> bool:
    hour_ago = now - timedelta(hours=1)
    cap = message.invitation.wave.campaign.cap_per_hour or policy.cap_per_hour
    domain = message.invitation.email_domain
    if cap and throttle.claimed_since(hour_ago) >= cap:
        return True
    cap = policy.cap_per_domain_hour
    return bool(cap and domain and throttle.claimed_since(hour_ago, domain=domain) >= cap)


def _limits(message: Message, policy: SurveyPolicy, now: datetime) -> Verdict:
    """Gaps and cap with both clocks held: whoever comes second sees the first."""
    invitation = message.invitation
    version = invitation.wave.version
    person = invitation.email_hash
    found = throttle.last_asked(now=now, policy=policy, email_hash=person, but_not=message.pk)
    free_at = found.get(person, throttle.NEVER).free_at(version, policy)
    if free_at is not None and free_at > now:
        if version.on_throttle == OnThrottle.DEFER and free_at < message.max_at:
            return Verdict(DeliveryState.PLANNED, not_before=free_at)
        return Verdict(DeliveryState.SKIPPED, str(SkipReason.THROTTLED))
    if policy.customer_cap and invitation.customer_id:
        asked = throttle.persons_asked(now=now, customer_id=invitation.customer_id, but_not=message.pk)
        persons = asked.get(invitation.customer_id, set())
        if person not in persons and len(persons) >= policy.customer_cap:
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
    """Lease the row and mint its links; committed before the conversation starts."""
    lease_token = secrets.token_hex(16)
    Message.objects.filter(pk=message.pk).update(
        delivery_state=DeliveryState.SENDING,
        phase=Phase.CONNECT,
        lease_token=lease_token,
        lease_until=Now() + timedelta(seconds=settings.MAIL_LEASE_S),
        claimed_at=now,
        changed_at=Now(),
    )
    invitation = message.invitation
    if message.kind == MessageKind.FIRST:
        invitation.expires_at = now + timedelta(days=invitation.wave.version.link_days)
        Invitation.objects.filter(pk=invitation.pk).update(expires_at=invitation.expires_at)
    return Claim(message, lease_token, _mint_links(message, lease_token))


def _mint_links(message: Message, lease_token: str) -> MailLinks:
    """Fresh secrets for this rendering; only their hashes are stored."""
    purposes = [TokenPurpose.ANSWER, TokenPurpose.UNSUBSCRIBE]
    if message.invitation.wave.version.has_honeypot:
        purposes.append(TokenPurpose.HONEYPOT)
    minted = {purpose: tokens.mint() for purpose in purposes}
    LinkToken.objects.bulk_create(
        [
            LinkToken(
                sha256=sha256,
                purpose=purpose,
                message=message,
                minted_for=lease_token,
                expires_at=None if purpose == TokenPurpose.UNSUBSCRIBE else message.invitation.expires_at,
            )
            for purpose, (_, sha256) in minted.items()
        ]
    )
    pit = minted.get(TokenPurpose.HONEYPOT)
    return MailLinks(
        answer=link("s", minted[TokenPurpose.ANSWER][0]),
        unsubscribe=link("u", minted[TokenPurpose.UNSUBSCRIBE][0]),
        honeypot=link("s", pit[0]) if pit else "",
    )
