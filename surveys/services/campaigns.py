"""A campaign from draft to its end. Every transition is one conditional change: a second click finds nothing to do."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from accounts.choices import Grant
from accounts.models import User
from accounts.permissions import can_write
from accounts.queries import organisation
from config.web.errors import DomainError
from config.work import audit
from config.work.nudge import nudge
from customers.queries.access import customers_to_edit
from surveys import catalog
from surveys.choices import (
    WAITING,
    CampaignState,
    Channel,
    DeliveryState,
    Nature,
    OnThrottle,
    WaveState,
)
from surveys.models import Campaign, CampaignText, CampaignVersion, Invitation, Message, Wave
from surveys.queries import policy as policies
from surveys.services import locks, preflight, waves

RUN_DAYS = 30  # a campaign without an end date sends for so long
TEXT_FIELDS = (
    "question",
    "subject",
    "preheader",
    "intro",
    "prompt",
    "prompt_negative",
    "prompt_neutral",
    "prompt_positive",
    "thank_you",
)


class WrongStateError(DomainError):
    code = "wrong_state"


class NotReadyError(DomainError):
    code = "not_ready"


class NotAllowedError(DomainError):
    code = "not_allowed"


@dataclass(frozen=True)
class Plan:
    """What a person decides about a draft. Empty words are filled with the standard ones."""

    name: str
    kind: str
    nature: str = Nature.RELATIONSHIP
    audience: Mapping[str, Any] = field(default_factory=dict)
    subject_of_csat: str = ""
    words: Mapping[str, str] = field(default_factory=dict)
    on_throttle: str = OnThrottle.DEFER
    reminders: int = 0
    ends_at: datetime | None = None
    send_days: list[int] | None = None
    send_from: time | None = None
    send_until: time | None = None


@transaction.atomic
def create_draft(*, plan: Plan, by: User, now: datetime) -> Campaign:
    """A new draft with version 1 and its English text."""
    campaign = Campaign.objects.create(
        name=plan.name,
        created_by=by,
        ends_at=plan.ends_at,
        send_days=plan.send_days,
        send_from=plan.send_from,
        send_until=plan.send_until,
    )
    version = _write_version(CampaignVersion(campaign=campaign), plan, now)
    campaign.current = version
    Campaign.objects.filter(pk=campaign.pk).update(current=version)
    audit.record(by=by, now=now, action="campaign.created", subject=campaign)
    return campaign


@transaction.atomic
def edit_draft(*, campaign: Campaign, plan: Plan, by: User, now: datetime) -> Campaign:
    """Rewrite a draft. A launched campaign refuses; clone it instead."""
    held = locks.lock_campaign(campaign.pk)
    if held.state != CampaignState.DRAFT:
        raise WrongStateError(
            f"“{held.name}” has been launched, its wording is frozen.", hint="Make a new campaign instead."
        )
    for name in ("name", "ends_at", "send_days", "send_from", "send_until"):
        setattr(held, name, getattr(plan, name))
    held.version = F("version") + 1
    held.save()
    _write_version(held.current, plan, now)
    audit.record(by=by, now=now, action="campaign.edited", subject=held)
    held.refresh_from_db()
    return held


def _write_version(version: CampaignVersion, plan: Plan, now: datetime) -> CampaignVersion:
    company, sender, policy = organisation.current().name[:40], policies.sender(), policies.current(now)
    words = catalog.standard_words(plan.kind, company=company, subject=plan.subject_of_csat)
    words |= {name: plan.words[name] for name in TEXT_FIELDS if plan.words.get(name)}
    values = {
        "kind": plan.kind,
        "nature": plan.nature,
        "series_key": series_key(plan.kind, str(words["question"]), plan.nature, Channel.EMAIL),
        "company": company,
        "audience": dict(plan.audience),
        "on_throttle": plan.on_throttle,
        "reminders": plan.reminders,
        "reminder_after_days": policy.reminder_after_days,
        "link_days": policy.link_days,
        "edit_days": policy.edit_days,
        "sender_name": sender.name,
        "sender_email": sender.email,
        "reply_to": sender.reply_to,
        "legal_name": sender.legal_name,
        "postal_address": sender.postal_address,
        "privacy_url": sender.privacy_url,
    }
    for name, value in values.items():
        setattr(version, name, value)
    version.save()
    CampaignText.objects.update_or_create(version=version, language=catalog.LANGUAGE, defaults=words)
    return version


def series_key(kind: str, question: str, nature: str, channel: str) -> str:
    """Answers are one series only when kind, question, nature and channel are the same (S-12)."""
    return hashlib.sha256(f"{kind}\n{question}\n{nature}\n{channel}".encode()).hexdigest()


@transaction.atomic
def launch(*, campaign: Campaign, by: User, now: datetime, typed_count: int | None = None) -> Campaign:
    """Draft to active, once: two clicks, tabs or admins make one wave. Freezes wording and audience rule."""
    _check_right(by)
    held = locks.lock_campaign(campaign.pk)
    if held.state != CampaignState.DRAFT:
        raise WrongStateError(
            f"“{held.name}” is {held.get_state_display().lower()}.", hint="Nothing was changed."
        )
    _check_ready(held, by=by, now=now, typed_count=typed_count)
    ends_at = held.ends_at or now + timedelta(days=RUN_DAYS)
    Campaign.objects.filter(pk=held.pk, state=CampaignState.DRAFT).update(
        state=CampaignState.ACTIVE,
        launched_by=by,
        launched_at=now,
        watched_from=now,
        ends_at=ends_at,
        version=F("version") + 1,
    )
    CampaignVersion.objects.filter(pk=held.current_id).update(frozen_at=now)
    held.refresh_from_db()
    audit.record(by=by, now=now, action="campaign.launched", subject=held)
    nudge("surveys.advance_campaigns")
    return held


def _check_ready(campaign: Campaign, *, by: User, now: datetime, typed_count: int | None) -> None:
    if campaign.ends_at is not None and campaign.ends_at <= now:
        raise NotReadyError("The last day lies in the past.", hint="Choose a later one.", field="ends_on")
    judged = waves.judged_audience(campaign.current, ends_at=campaign.ends_at, user=by, now=now)
    asked = sum(not one.reason for one in judged)
    wrong = [
        check for check in preflight.checks(campaign=campaign, asked=asked, now=now) if check.tone == "risk"
    ]
    if wrong:
        raise NotReadyError(
            f"{wrong[0].text}.", hint=wrong[0].note or "Widen the audience or look at the reasons."
        )
    if asked > policies.current(now).typed_count_over and typed_count != asked:
        raise NotReadyError(
            f"This mails {asked} people.", hint=f"Type {asked} to launch.", field="typed_count"
        )


@transaction.atomic
def pause(*, campaign: Campaign, by: User, now: datetime) -> None:
    """No new mail is claimed; at most one per worker is still on its way."""
    _check_right(by, campaign)
    _move(campaign, [CampaignState.ACTIVE], CampaignState.PAUSED, by=by, now=now, action="campaign.paused")


@transaction.atomic
def resume(*, campaign: Campaign, by: User, now: datetime) -> None:
    """Go on with the mails that never left; no new snapshot."""
    _check_right(by, campaign)
    _move(
        campaign,
        [CampaignState.PAUSED],
        CampaignState.ACTIVE,
        by=by,
        now=now,
        action="campaign.resumed",
        pause_reason="",
        watched_from=now,
    )
    nudge("surveys.send_messages")


@transaction.atomic
def cancel(*, campaign: Campaign, by: User, now: datetime, close_links: bool = False) -> None:
    """Withdraw every unsent mail. Open links go on taking answers unless `close_links`."""
    _check_right(by, campaign)
    states = [CampaignState.ACTIVE, CampaignState.PAUSED]
    _move(campaign, states, CampaignState.CANCELLED, by=by, now=now, action="campaign.cancelled")
    Wave.objects.filter(campaign=campaign).exclude(state=WaveState.CLOSED).update(state=WaveState.CANCELLED)
    Message.objects.filter(invitation__wave__campaign=campaign, delivery_state__in=WAITING).update(
        delivery_state=DeliveryState.REVOKED, changed_at=Now()
    )
    if close_links:
        Invitation.objects.filter(wave__campaign=campaign, expires_at__gt=now).update(expires_at=now)


@transaction.atomic
def delete_draft(*, campaign: Campaign, by: User, now: datetime) -> None:
    """Remove a draft that never asked anybody."""
    held = locks.lock_campaign(campaign.pk)
    if held.state != CampaignState.DRAFT or held.waves.exists():
        raise WrongStateError("Only a draft that has sent nothing can be deleted.", hint="Cancel it instead.")
    audit.record(by=by, now=now, action="campaign.deleted", subject=held)
    Campaign.objects.filter(pk=held.pk).update(current=None)
    held.versions.all().delete()
    held.delete()


def _move(
    campaign: Campaign, states: list[str], to: str, *, by: User, now: datetime, action: str, **changes: Any
) -> None:
    changed = Campaign.objects.filter(pk=campaign.pk, state__in=states).update(
        state=to, version=F("version") + 1, **changes
    )
    if not changed:
        campaign.refresh_from_db()
        raise WrongStateError(
            f"“{campaign.name}” is {campaign.get_state_display().lower()}.",
            hint="Look at its present state; nothing was changed.",
        )
    audit.record(by=by, now=now, action=action, subject=campaign)


def _check_right(by: User, running: Campaign | None = None) -> None:
    """The right to send; a running campaign also belongs to who launched it, or to whom may change all it asks (S-142)."""
    if not (can_write(by) and by.may(Grant.SEND_CAMPAIGN)):
        raise NotAllowedError(
            "You may not send campaigns.", hint="An admin can give you the right “send_campaign”."
        )
    if running is None or by.is_admin or running.launched_by_id == by.pk:
        return
    asked = Invitation.objects.filter(wave__campaign=running, is_test=False)
    if not asked.exists() or asked.exclude(customer__in=customers_to_edit(by)).exists():
        raise NotAllowedError(
            f"“{running.name}” asks customers outside your scope.",
            hint="Who launched it or an admin can stop it.",
        )
