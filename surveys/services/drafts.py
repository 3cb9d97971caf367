"""Drafts of campaigns: made, changed, worded in several languages, copied, deleted. A launch freezes them."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time
from typing import Any

from django.db import transaction
from django.db.models import F

from accounts.models import User
from accounts.permissions import can_write
from accounts.queries import organisation
from config.web.errors import DomainError
from config.work import audit
from surveys.choices import CampaignState, Channel, Nature, OnThrottle, SenderMode
from surveys.formulas import states
from surveys.models import Campaign, CampaignText, CampaignVersion
from surveys.queries import policy as policies
from surveys.services import locks
from surveys.services.campaign_moves import NotAllowedError, WrongStateError
from surveys.services.standard_words import TEXT_FIELDS, standard_words, worded

COPIED = (
    "about", "kind", "nature", "series_key", "company", "audience", "on_throttle", "reminders", "reminder_after_days",
    "link_days", "edit_days", "is_anonymous", "has_honeypot", "default_language", "cadence_days", "drip_days",
    "per_customer", "per_role", "trigger_event", "trigger_rule", "trigger_delay_hours", "asks_escalated",
    "sender_mode", "sender_name", "sender_email", "reply_to", "legal_name", "postal_address", "privacy_url",
)  # fmt: skip
COPIED_WORDS = (
    "language", "question", "labels", "subject", "preheader", "intro", "prompt", "prompt_negative", "prompt_neutral",
    "prompt_positive", "thank_you", "extra",
)  # fmt: skip


@dataclass(frozen=True)
class Plan:
    """What a person decides about a draft. Empty words are filled with the standard ones.

    `about` is what a CSAT asks satisfaction with, or the lifecycle phase of a CES. `on_throttle` empty: by the nature.
    """

    name: str
    kind: str
    nature: str = Nature.RELATIONSHIP
    audience: Mapping[str, Any] = field(default_factory=dict)
    about: str = ""
    words: Mapping[str, str] = field(default_factory=dict)
    default_language: str = "en"
    on_throttle: str = ""
    reminders: int = 0
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    send_days: list[int] | None = None
    send_from: time | None = None
    send_until: time | None = None
    cap_per_hour: int | None = None
    cadence_days: int = 0
    drip_days: int = 0
    per_customer: int = 0
    per_role: Mapping[str, int] = field(default_factory=dict)
    trigger_event: str = ""
    trigger_rule: Mapping[str, Any] = field(default_factory=dict)
    trigger_delay_hours: int = 0
    asks_escalated: bool = False
    sender_mode: str = SenderMode.COMPANY
    is_anonymous: bool = False


OF_CAMPAIGN = ("name", "starts_at", "ends_at", "send_days", "send_from", "send_until", "cap_per_hour")
OF_VERSION = (
    "kind", "nature", "about", "default_language", "reminders", "cadence_days", "drip_days", "per_customer",
    "trigger_event", "trigger_delay_hours", "asks_escalated", "sender_mode", "is_anonymous",
)  # fmt: skip


@transaction.atomic
def create_draft(*, plan: Plan, by: User, now: datetime) -> Campaign:
    """A new draft with version 1 and the words of its first language."""
    _check_writer(by)
    campaign = Campaign.objects.create(created_by=by, **{name: getattr(plan, name) for name in OF_CAMPAIGN})
    version = _write_version(CampaignVersion(campaign=campaign), plan, now)
    campaign.current = version
    Campaign.objects.filter(pk=campaign.pk).update(current=version)
    audit.record(by=by, now=now, action="campaign.created", subject=campaign)
    return campaign


@transaction.atomic
def edit_draft(*, campaign: Campaign, plan: Plan, by: User, now: datetime) -> Campaign:
    """Rewrite a draft; people left out by hand stay left out. A launched campaign refuses; clone it instead (F36)."""
    held = _own_draft(campaign, "edit", by)
    for name in OF_CAMPAIGN:
        setattr(held, name, getattr(plan, name))
    held.version = F("version") + 1
    held.save()
    _write_version(held.current, plan, now)
    audit.record(by=by, now=now, action="campaign.edited", subject=held)
    held.refresh_from_db()
    return held


def _write_version(version: CampaignVersion, plan: Plan, now: datetime) -> CampaignVersion:
    company, sender, policy = organisation.current().name[:40], policies.sender(), policies.current(now)
    was = (version.kind, version.about)
    kept = _kept_words(version, plan) if was == (plan.kind, plan.about) else {}
    words = worded(
        plan.kind,
        language=plan.default_language,
        company=company,
        about=plan.about,
        own={**kept, **plan.words},
    )
    values = {
        **{name: getattr(plan, name) for name in OF_VERSION},
        "series_key": series_key(plan.kind, str(words["question"]), plan.nature, Channel.EMAIL),
        "company": company,
        "audience": {**_by_hand(version), **plan.audience},
        "on_throttle": plan.on_throttle or _standard_throttle(plan),
        "per_role": dict(plan.per_role),
        "trigger_rule": dict(plan.trigger_rule),
        "reminder_after_days": policy.reminder_after_days,
        "link_days": policy.link_days,
        "edit_days": policy.edit_days,
        "tested_at": None,
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
    CampaignText.objects.update_or_create(version=version, language=plan.default_language, defaults=words)
    if was != (version.kind, version.about):
        _reword_others(version)
    return version


def _kept_words(version: CampaignVersion, plan: Plan) -> dict[str, str]:
    """Words that were written apart from the plan stay as they are."""
    text = version.texts.filter(language=plan.default_language).first() if version.pk else None
    return {name: getattr(text, name) for name in TEXT_FIELDS} if text else {}


def _by_hand(version: CampaignVersion) -> dict[str, Any]:
    excluded = (version.audience or {}).get("excluded")
    return {"excluded": excluded} if excluded else {}


def _standard_throttle(plan: Plan) -> str:
    one_event = plan.trigger_event or plan.nature == Nature.TRANSACTIONAL
    return OnThrottle.SKIP if one_event else OnThrottle.DEFER


def _reword_others(version: CampaignVersion) -> None:
    """Another kind asks another question: texts in further languages start again from the standard words."""
    for text in version.texts.exclude(language=version.default_language):
        words = standard_words(
            version.kind, language=text.language, company=version.company, about=version.about
        )
        CampaignText.objects.filter(pk=text.pk).update(**words)


def series_key(kind: str, question: str, nature: str, channel: str) -> str:
    """Answers are one series only when kind, question, nature and channel are the same (S-12)."""
    return hashlib.sha256(f"{kind}\n{question}\n{nature}\n{channel}".encode()).hexdigest()


@transaction.atomic
def save_words(
    *,
    campaign: Campaign,
    language: str,
    words: Mapping[str, str],
    extra: list[dict[str, Any]],
    by: User,
    now: datetime,
) -> CampaignText:
    """The draft's words in one language; empty ones are the standard ones. A first save adds the language."""
    held = _own_draft(campaign, "edit", by)
    version = held.current
    values = worded(version.kind, language=language, company=version.company, about=version.about, own=words)
    text, _ = CampaignText.objects.update_or_create(
        version=version, language=language, defaults={**values, "extra": extra}
    )
    if language == version.default_language:
        version.series_key = series_key(version.kind, text.question, version.nature, Channel.EMAIL)
    version.tested_at = None
    version.save(update_fields=["series_key", "tested_at"])
    audit.record(by=by, now=now, action="campaign.worded", subject=held, after={"language": language})
    return text


@transaction.atomic
def remove_language(*, campaign: Campaign, language: str, by: User, now: datetime) -> None:
    """Take one language away; the campaign's own language stays."""
    held = _own_draft(campaign, "edit", by)
    if language == held.current.default_language:
        raise DomainError("This is the campaign’s own language.", hint="Choose another one first.")
    held.current.texts.filter(language=language).delete()
    audit.record(by=by, now=now, action="campaign.unworded", subject=held, after={"language": language})


@transaction.atomic
def leave_out(*, campaign: Campaign, contact_id: int, out: bool, by: User, now: datetime) -> None:
    """Leave one contact out of a draft's audience by hand, or let it in again."""
    held = _own_draft(campaign, "edit", by)
    rule = dict(held.current.audience)
    excluded = set(rule.get("excluded", []))
    rule["excluded"] = sorted(excluded | {contact_id} if out else excluded - {contact_id})
    CampaignVersion.objects.filter(pk=held.current_id).update(audience=rule)
    action = "campaign.left_out" if out else "campaign.let_in"
    audit.record(by=by, now=now, action=action, subject=held, after={"contact": contact_id})


@transaction.atomic
def delete_draft(*, campaign: Campaign, by: User, now: datetime) -> None:
    """Remove a draft that never asked anybody."""
    held = _own_draft(campaign, "delete", by)
    if held.waves.exists():
        raise WrongStateError("Only a draft that has sent nothing can be deleted.", hint="Clone it instead.")
    audit.record(by=by, now=now, action="campaign.deleted", subject=held)
    Campaign.objects.filter(pk=held.pk).update(current=None)
    held.versions.all().delete()
    held.delete()


@transaction.atomic
def clone(*, campaign: Campaign, by: User, now: datetime) -> Campaign:
    """A new draft with the same words and audience: asked again unchanged it continues the series (S-12)."""
    _check_writer(by)
    made = Campaign.objects.create(
        name=f"{campaign.name[:110]} (again)",
        created_by=by,
        cloned_from=campaign,
        send_days=campaign.send_days,
        send_from=campaign.send_from,
        send_until=campaign.send_until,
        cap_per_hour=campaign.cap_per_hour,
    )
    copy_version(campaign.current, to=made, number=1)
    audit.record(by=by, now=now, action="campaign.cloned", subject=made, after={"from": campaign.pk})
    return made


def copy_version(version: CampaignVersion, *, to: Campaign, number: int) -> CampaignVersion:
    """The same version once more, not frozen, as the current one of a campaign. Its test mail is done when it was."""
    same = {name: getattr(version, name) for name in COPIED}
    tested_at = version.tested_at if to.pk == version.campaign_id else None
    made = CampaignVersion.objects.create(campaign=to, number=number, tested_at=tested_at, **same)
    CampaignText.objects.bulk_create(
        [
            CampaignText(version=made, **{name: getattr(text, name) for name in COPIED_WORDS})
            for text in version.texts.all()
        ]
    )
    to.current = made
    Campaign.objects.filter(pk=to.pk).update(current=made)
    return made


def may_draft(by: User, campaign: Campaign) -> bool:
    """Whether this person may change the draft: a CSM the own ones, managers and admins all (S-142)."""
    return can_write(by) and (by.role != "csm" or campaign.created_by_id == by.pk)


def _check_writer(by: User) -> None:
    if not can_write(by):
        raise NotAllowedError("You may not draft campaigns.", hint="A CSM, manager or admin can.")


def _own_draft(campaign: Campaign, event: str, by: User) -> Campaign:
    held = locks.lock_campaign(campaign.pk)
    if states.after(states.CAMPAIGN, event, held.state) != CampaignState.DRAFT:
        raise WrongStateError(
            f"“{held.name}” has been launched, its wording is frozen.", hint="Clone it and change the copy."
        )
    if not may_draft(by, held):
        raise NotAllowedError(
            f"“{held.name}” is somebody else’s draft.", hint="Make a copy of it, or ask its author."
        )
    return held
