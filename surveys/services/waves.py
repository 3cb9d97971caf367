"""The snapshot of a wave: who is asked and who is not, frozen in one transaction (S-41)."""

import hashlib
import json
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction

from accounts.models import User
from accounts.queries import organisation
from config.work.nudge import nudge
from surveys.choices import DeliveryState, MessageKind, Nature, WaveState
from surveys.formulas.addresses import domain_of
from surveys.formulas.windows import next_open
from surveys.models import (
    Campaign,
    CampaignText,
    CampaignVersion,
    Invitation,
    Message,
    SendClock,
    SurveyPolicy,
    Wave,
    WaveSkip,
)
from surveys.queries import audience
from surveys.queries import policy as policies
from surveys.queries.audience import Candidate, Rules
from surveys.services import locks
from surveys.services.addresses import hasher

BATCH = 1000  # rows per insert
CANARY_OVER = 100  # invitations; smaller waves go out without a canary


def message_id(sender_email: str) -> str:
    """A random Message-ID of the sender's domain; stored with the row and equal on every try."""
    return f"<{secrets.token_hex(16)}@{sender_email.rpartition('@')[2].lower()}>"


def judged_audience(
    version: CampaignVersion, *, ends_at: datetime | None, user: User, now: datetime
) -> list[Candidate]:
    """Everybody the version's rule names among this user's customers, with the reason for those left out."""
    found = audience.candidates(version.audience, user=user, as_of=organisation.local_day(now))
    return audience.judge(found, rules=_rules(version, ends_at, now), hasher=hasher())


def _rules(version: CampaignVersion, ends_at: datetime | None, now: datetime) -> Rules:
    policy = policies.current(now)
    languages = set(version.texts.values_list("language", flat=True)) if version.pk else {audience.ENGLISH}
    return Rules(
        version=version,
        policy=policy,
        languages=frozenset(languages),
        now=now,
        ends_at=ends_at or now + timedelta(days=policy.close_after_days),
        excluded=frozenset(version.audience.get("excluded", [])),
    )


@transaction.atomic
def snapshot(*, campaign_id: int, now: datetime) -> Wave:
    """Make the campaign's wave with its invitations, first messages and skips; a finished snapshot is returned as it is."""
    campaign = locks.lock_campaign(campaign_id)
    done = campaign.waves.filter(is_test=False).order_by("number").last()
    if done is not None:
        return done
    judged = judged_audience(campaign.current, ends_at=campaign.ends_at, user=campaign.launched_by, now=now)
    asked = [one for one in judged if not one.reason]
    policy = policies.current(now)
    wave = Wave.objects.create(
        campaign=campaign,
        version=campaign.current,
        number=1,
        state=WaveState.SENDING,
        rule_hash=_rule_hash(campaign.current),
        seed=secrets.randbelow(2**31),
        eligible_count=len(judged),
        planned_count=len(asked),
        snapshot_at=now,
        canary_until=campaign.ends_at if len(asked) > CANARY_OVER and policy.canary_size else None,
    )
    WaveSkip.objects.bulk_create(
        [
            WaveSkip(wave=wave, contact_id=one.contact_id, customer_id=one.customer_id, reason=one.reason)
            for one in judged
            if one.reason
        ],
        batch_size=BATCH,
    )
    invitations = _invite(wave, asked)
    _plan_first_messages(campaign, wave, asked, invitations, policy, now)
    nudge("surveys.send_messages")
    return wave


def _rule_hash(version: CampaignVersion) -> str:
    return hashlib.sha256(json.dumps(version.audience, sort_keys=True).encode()).hexdigest()


def _invite(wave: Wave, asked: Sequence[Candidate]) -> list[Invitation]:
    texts: dict[str, CampaignText] = {text.language: text for text in wave.version.texts.all()}
    ends = wave.campaign.ends_at + timedelta(days=wave.version.link_days)
    languages = frozenset(texts)
    SendClock.objects.bulk_create(
        [SendClock(scope=SendClock.PERSON, key=one.email_hash) for one in asked]
        + [
            SendClock(scope=SendClock.CUSTOMER, key=str(pk))
            for pk in sorted({one.customer_id for one in asked})
        ],
        ignore_conflicts=True,
        batch_size=BATCH,
    )
    rows = []
    for one in asked:
        language = audience.language_for(one.language, languages)
        rows.append(
            Invitation(
                wave=wave,
                contact_id=one.contact_id,
                customer_id=one.customer_id,
                text=texts[language],
                email_norm=one.key,
                email_hash=one.email_hash,
                email_domain=domain_of(one.key),
                language=language,
                phase_at_send=one.phase,
                owner_at_send_id=one.owner_id,
                expires_at=ends,
            )
        )
    return Invitation.objects.bulk_create(rows, batch_size=BATCH)


def _plan_first_messages(
    campaign: Campaign,
    wave: Wave,
    asked: Sequence[Candidate],
    invitations: Sequence[Invitation],
    policy: SurveyPolicy,
    now: datetime,
) -> None:
    """One planned message per invitation, at the first open moment of its own zone; the canary is queued at once."""
    window, home = policies.window_of(campaign, policy), organisation.zone()
    max_at = _max_at(campaign, policy, now)
    canary = policy.canary_size if wave.canary_until else 0
    rows = []
    for position, (one, invitation) in enumerate(zip(asked, invitations, strict=True)):
        zone = policies.zone_named(one.time_zone) or home
        opens = next_open(max(now, one.not_before or now), window, zone)
        rows.append(
            Message(
                invitation=invitation,
                kind=MessageKind.FIRST,
                delivery_state=DeliveryState.QUEUED if position < canary else DeliveryState.PLANNED,
                not_before=opens,
                max_at=max_at,
                message_id=message_id(wave.version.sender_email),
            )
        )
    Message.objects.bulk_create(rows, batch_size=BATCH)


def _max_at(campaign: Campaign, policy: SurveyPolicy, now: datetime) -> datetime:
    """Last moment of sending: the wave's end, for a transactional survey a few days."""
    if campaign.current.nature == Nature.RELATIONSHIP:
        return campaign.ends_at
    return now + timedelta(days=policy.max_delay_days)
