"""Waves: planned, then frozen in one transaction with who is asked and who is not (S-41)."""

import hashlib
import json
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Max

from accounts.models import User
from accounts.queries import organisation
from config.work.nudge import nudge
from surveys.choices import CampaignState, DeliveryState, MessageKind, Nature, WaveState
from surveys.formulas.addresses import domain_of
from surveys.formulas.planning import drip_slot
from surveys.formulas.windows import opening_of_slot
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
from surveys.services import campaign_moves, locks
from surveys.services.addresses import hasher

BATCH = 1000  # rows per insert
CANARY_OVER = 100  # invitations; smaller waves go out without a canary
RUNAWAY = 10  # times as many people as in the wave before need a second look (F39)


@dataclass(frozen=True)
class Asked:
    """One invitation to be made: who, the last moment of sending, and the object that triggered it."""

    candidate: Candidate
    max_at: datetime
    trigger_key: str = ""


def message_id(sender_email: str) -> str:
    """A random Message-ID of the sender's domain; stored with the row and equal on every try."""
    return f"<{secrets.token_hex(16)}@{sender_email.rpartition('@')[2].lower()}>"


def judged_audience(
    version: CampaignVersion,
    *,
    ends_at: datetime | None,
    user: User,
    now: datetime,
    seed: int = 0,
    customers: Collection[int] | None = None,
    sample: Mapping[str, Any] | None = None,
) -> list[Candidate]:
    """Everybody the version's rule names among this user's customers, with the reason for those left out.

    `customers` narrows to those of a trigger's objects; `sample` replaces the version's own quotas.
    """
    day = organisation.local_day(now)
    found = audience.candidates(version.audience, user=user, as_of=day, customers=customers)
    rules = _rules(version, ends_at, now)
    quotas = sample or {"per_customer": version.per_customer, "per_role": version.per_role}
    rules = replace(rules, seed=seed, by_customer=customers is not None, **quotas)
    return audience.judge(found, rules=rules, hasher=hasher())


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


def plan(*, campaign: Campaign, starts_at: datetime, confirmed_count: int | None = None) -> Wave:
    """The campaign's next wave, not yet frozen. The caller holds the campaign."""
    last = campaign.waves.filter(is_test=False).aggregate(last=Max("number"))["last"] or 0
    return Wave.objects.create(
        campaign=campaign,
        version=campaign.current,
        number=last + 1,
        seed=secrets.randbelow(2**31),
        starts_at=starts_at,
        confirmed_count=confirmed_count,
    )


def size_before(version: CampaignVersion) -> int | None:
    """People planned in the newest wave of the same series; None when there was none."""
    asked = Wave.objects.filter(version__series_key=version.series_key, is_test=False)
    newest = asked.exclude(snapshot_at=None).exclude(version__trigger_event__gt="").order_by("-snapshot_at")
    return newest.values_list("planned_count", flat=True).first()


def is_runaway(asked: int, before: int | None) -> bool:
    """Ten times the wave before, or more."""
    return before is not None and asked >= RUNAWAY * max(before, 1)


@transaction.atomic
def snapshot(*, wave_id: int, now: datetime) -> Wave:
    """Freeze a planned wave with its invitations, first messages and skips; a wave already frozen stays as it is.

    An audience that has grown beyond what a person confirmed pauses the campaign instead.
    """
    campaign = locks.lock_campaign(Wave.objects.values_list("campaign_id", flat=True).get(pk=wave_id))
    wave = Wave.objects.select_for_update().get(pk=wave_id)
    if wave.state != WaveState.PLANNED or campaign.state != CampaignState.ACTIVE:
        return wave
    wave.campaign, wave.version = campaign, campaign.current
    if campaign.current.trigger_event:
        _freeze(wave, [], now)
        return wave
    judged = judged_audience(
        campaign.current, ends_at=campaign.ends_at, user=campaign.launched_by, now=now, seed=wave.seed
    )
    asked = [one for one in judged if not one.reason]
    seen = wave.confirmed_count if wave.confirmed_count is not None else size_before(campaign.current)
    if is_runaway(len(asked), seen):
        reason = f"{len(asked)} people would be asked, {seen} were expected. Look at the audience."
        campaign_moves.auto_pause(campaign_id=campaign.pk, reason=reason, now=now)
        return wave
    _freeze(wave, judged, now)
    WaveSkip.objects.bulk_create(
        [
            WaveSkip(wave=wave, contact_id=one.contact_id, customer_id=one.customer_id, reason=one.reason)
            for one in judged
            if one.reason
        ],
        batch_size=BATCH,
    )
    policy = policies.current(now)
    last = _last_moment(wave, policy, now)
    _plan_first_messages(wave, [Asked(one, last) for one in asked], policy, now)
    nudge("surveys.send_messages")
    return wave


def _freeze(wave: Wave, judged: Sequence[Candidate], now: datetime) -> None:
    asked = sum(not one.reason for one in judged)
    has_canary = asked > CANARY_OVER and policies.current(now).canary_size
    wave.state = WaveState.SENDING
    wave.rule_hash = _rule_hash(wave.version)
    wave.eligible_count = len(judged)
    wave.planned_count = asked
    wave.snapshot_at = now
    wave.canary_until = wave.campaign.ends_at if has_canary else None
    wave.save()


def _rule_hash(version: CampaignVersion) -> str:
    return hashlib.sha256(json.dumps(version.audience, sort_keys=True).encode()).hexdigest()


def _last_moment(wave: Wave, policy: SurveyPolicy, now: datetime) -> datetime:
    """Last moment of sending: the wave's end, for a transactional survey a few days."""
    version, ends_at = wave.version, wave.campaign.ends_at
    if version.nature != Nature.RELATIONSHIP:
        return now + timedelta(days=policy.max_delay_days)
    if version.cadence_days:
        return min(ends_at, now + timedelta(days=version.cadence_days))
    return ends_at


@transaction.atomic
def invite(*, wave: Wave, asked: Sequence[Asked], now: datetime) -> list[Invitation]:
    """Further invitations of a wave that is never finished: those of a trigger. The caller holds the campaign."""
    made = _plan_first_messages(wave, asked, policies.current(now), now)
    wave.planned_count += len(made)
    wave.eligible_count += len(made)
    wave.save(update_fields=["planned_count", "eligible_count"])
    nudge("surveys.send_messages")
    return made


def _invite(wave: Wave, asked: Sequence[Asked]) -> list[Invitation]:
    texts: dict[str, CampaignText] = {text.language: text for text in wave.version.texts.all()}
    ends = wave.campaign.ends_at + timedelta(days=wave.version.link_days)
    languages = frozenset(texts)
    people = [item.candidate for item in asked]
    SendClock.objects.bulk_create(
        [SendClock(scope=SendClock.PERSON, key=key) for key in sorted({one.email_hash for one in people})]
        + [
            SendClock(scope=SendClock.CUSTOMER, key=str(pk))
            for pk in sorted({one.customer_id for one in people})
        ],
        ignore_conflicts=True,
        batch_size=BATCH,
    )
    rows = []
    for item in asked:
        one = item.candidate
        language = audience.language_for(one.language, languages, wave.version.default_language)
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
                trigger_key=item.trigger_key,
            )
        )
    return Invitation.objects.bulk_create(rows, batch_size=BATCH)


def _plan_first_messages(
    wave: Wave, asked: Sequence[Asked], policy: SurveyPolicy, now: datetime
) -> list[Invitation]:
    """One planned message per invitation, at the first open moment of its own zone; the canary is queued at once."""
    openings = first_openings(wave.campaign, wave.number, [item.candidate for item in asked], now=now)
    invitations = _invite(wave, asked)
    canary = policy.canary_size if wave.canary_until else 0
    first = set(sorted(range(len(asked)), key=lambda place: (openings[place], place))[:canary])
    delay = timedelta(days=policy.max_delay_days)
    slips = wave.version.nature != Nature.RELATIONSHIP and wave.version.drip_days
    Message.objects.bulk_create(
        [
            Message(
                invitation=invitation,
                kind=MessageKind.FIRST,
                delivery_state=DeliveryState.QUEUED if place in first else DeliveryState.PLANNED,
                not_before=openings[place],
                max_at=openings[place] + delay if slips else item.max_at,
                message_id=message_id(wave.version.sender_email),
            )
            for place, (item, invitation) in enumerate(zip(asked, invitations, strict=True))
        ],
        batch_size=BATCH,
    )
    return invitations


def first_openings(
    campaign: Campaign, number: int, asked: Sequence[Candidate], *, now: datetime
) -> list[datetime]:
    """When each of these people may be mailed first: window and zone, the drip's day, the end of a deferral (S-201)."""
    window, home = policies.window_of(campaign, policies.current(now)), organisation.zone()
    days = campaign.current.drip_days
    found = []
    for one in asked:
        zone = policies.zone_named(one.time_zone) or home
        slot = drip_slot(campaign.pk, number, one.contact_id, days) if days else 0
        opens = opening_of_slot(now, window, zone, slot)
        if one.not_before and one.not_before > opens:
            opens = opening_of_slot(one.not_before, window, zone, 0)
        found.append(opens)
    return found
