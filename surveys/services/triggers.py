"""Triggered campaigns: each object fires once, and everything looked at leaves a row that says what came of it (S-200)."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from accounts.queries import organisation
from surveys.choices import (
    WAITING,
    CampaignState,
    DeliveryState,
    FiringOutcome,
    FiringReason,
    ResponseState,
    TriggerEvent,
    WaveState,
)
from surveys.models import Campaign, Firing, Invitation, Message, Wave
from surveys.queries import policy as policies
from surveys.queries.audience import Candidate
from surveys.queries.happenings import Happening, Scope, happenings, renewal_range
from surveys.services import locks, waves
from surveys.services.waves import Asked

LOOK_BACK = timedelta(days=35)  # an event found later than this is not recorded at all
# Events after which few people can be meant: one mail per event unless the campaign says otherwise.
ONE_MAIL = frozenset({TriggerEvent.TICKET_SOLVED, TriggerEvent.DOWNGRADED, TriggerEvent.CANCELLED})


@dataclass(frozen=True)
class Due:
    """An object whose delay is over. `until` is the last moment of a mail about it."""

    happening: Happening
    due_at: datetime
    until: datetime


def fire_triggers(*, now: datetime) -> int:
    """Look at the facts of every running triggered campaign; returns how many objects were settled."""
    running = Campaign.objects.filter(
        state=CampaignState.ACTIVE, extended_at=None, current__trigger_event__gt="", ends_at__gt=now
    )
    done = 0
    for pk in list(running.values_list("pk", flat=True)):
        done += revoke_undone(campaign_id=pk) + _fire(campaign_id=pk, now=now)
    return done


@transaction.atomic
def _fire(*, campaign_id: int, now: datetime) -> int:
    campaign = locks.lock_campaign(campaign_id)
    wave = campaign.waves.filter(is_test=False, state=WaveState.SENDING).first()
    if campaign.state != CampaignState.ACTIVE or wave is None:
        return 0
    wave.campaign, wave.version = campaign, campaign.current
    due = _new(campaign, due_objects(campaign, now=now))
    late = [one for one in due if one.until <= now]
    fresh = [one for one in due if one.until > now]
    Firing.objects.bulk_create(
        [_row(campaign, one, outcome=FiringOutcome.TOO_LATE, reason=FiringReason.MAX_DELAY) for one in late],
        ignore_conflicts=True,
    )
    _ask(wave, fresh, now)
    return len(due)


def due_objects(campaign: Campaign, *, now: datetime, ahead: timedelta = timedelta(0)) -> list[Due]:
    """Objects whose delay ends between the launch and now (or so far ahead), oldest first."""
    version = campaign.current
    delay = timedelta(hours=version.trigger_delay_hours)
    delayed = timedelta(days=policies.current(now).max_delay_days)
    launched_at = campaign.starts_at or campaign.launched_at
    is_range = version.trigger_event == TriggerEvent.BEFORE_RENEWAL
    first, last = renewal_range(version.trigger_rule)
    reach = timedelta(days=first - last) + LOOK_BACK
    earliest = now - reach if is_range else max(launched_at, now - LOOK_BACK)
    scope = Scope(
        rule=version.trigger_rule,
        since=earliest - delay,
        until=now + ahead - delay,
        zone=organisation.zone(),
    )
    found = []
    for one in happenings(version.trigger_event, scope):
        due_at = one.occurred_at + delay
        if is_range:
            due_at = max(due_at, launched_at)
        found.append(Due(one, due_at, one.until or due_at + delayed))
    # A range that was over before the launch is history, not a missed event.
    return [one for one in found if one.until > launched_at]


def _new(campaign: Campaign, due: Sequence[Due]) -> list[Due]:
    """Without the objects that have their row already."""
    customers = {one.happening.customer_id for one in due}
    rows = Firing.objects.filter(campaign=campaign, customer__in=customers)
    seen = {base_of(key) for key in rows.values_list("object_key", flat=True)}
    return [one for one in due if one.happening.key not in seen]


def key_of(happening: Happening, contact_id: int | None) -> str:
    """Name of the object and of the contact asked about it."""
    return f"{happening.key}#{contact_id or ''}"


def base_of(object_key: str) -> str:
    """The object's own name."""
    return object_key.rpartition("#")[0]


def _row(campaign: Campaign, one: Due, *, contact_id: int | None = None, **fields: Any) -> Firing:
    return Firing(
        campaign=campaign,
        object_key=key_of(one.happening, contact_id),
        customer_id=one.happening.customer_id,
        contact_id=contact_id,
        occurred_at=one.happening.occurred_at,
        due_at=one.due_at,
        **fields,
    )


def _ask(wave: Wave, fresh: Sequence[Due], now: datetime) -> None:
    """Judge the contacts of each object's customer; one row per contact, invited or with the reason why not."""
    if not fresh:
        return
    people = _people(wave, fresh, now)
    asked: list[tuple[Due, Candidate]] = []
    rows: list[Firing] = []
    taken: set[str] = set()
    for one in fresh:
        own = people.get(one.happening.customer_id, [])
        if not own:
            rows.append(
                _row(wave.campaign, one, outcome=FiringOutcome.SKIPPED, reason=FiringReason.NOT_IN_AUDIENCE)
            )
        for person in own:
            again = not person.reason and person.email_hash in taken
            reason = str(FiringReason.THROTTLED) if again else person.reason
            if reason:
                rows.append(
                    _row(
                        wave.campaign,
                        one,
                        contact_id=person.contact_id,
                        outcome=FiringOutcome.SKIPPED,
                        reason=reason,
                    )
                )
            else:
                taken.add(person.email_hash)
                asked.append((one, person))
    made = waves.invite(
        wave=wave,
        asked=[Asked(person, one.until, key_of(one.happening, person.contact_id)) for one, person in asked],
        now=now,
    )
    rows += [
        _row(
            wave.campaign,
            one,
            contact_id=person.contact_id,
            outcome=FiringOutcome.INVITED,
            invitation=invitation,
        )
        for (one, person), invitation in zip(asked, made, strict=True)
    ]
    Firing.objects.bulk_create(rows)


def _people(wave: Wave, fresh: Sequence[Due], now: datetime) -> Mapping[int, list[Candidate]]:
    """Judged contacts per customer of the objects; a deferral beyond the object's own end is a skip."""
    version = wave.version
    per_customer = version.per_customer or (1 if version.trigger_event in ONE_MAIL else 0)
    ends = {one.happening.customer_id: one.until for one in fresh}
    judged = waves.judged_audience(
        version,
        ends_at=max(ends.values()),
        user=wave.campaign.launched_by,
        now=now,
        seed=wave.seed,
        customers=sorted(ends),
        sample={"per_customer": per_customer, "per_role": version.per_role},
    )
    found = defaultdict(list)
    for one in judged:
        late = one.not_before is not None and one.not_before >= ends[one.customer_id]
        reason = str(FiringReason.THROTTLED) if late and not one.reason else one.reason
        found[one.customer_id].append(replace(one, reason=reason))
    return found


@transaction.atomic
def revoke_undone(*, campaign_id: int) -> int:
    """Withdraw mails that have not left about objects that are no longer true: reopened, moved, corrected."""
    campaign = locks.lock_campaign(campaign_id)
    waiting = Message.objects.filter(
        invitation__wave__campaign=campaign, invitation__firing__isnull=False, delivery_state__in=WAITING
    )
    pending = list(
        Firing.objects.filter(campaign=campaign, invitation__in=waiting.values("invitation"))
        .select_for_update(of=("self",))
        .order_by("pk")
    )
    if not pending:
        return 0
    scope = Scope(
        rule=campaign.current.trigger_rule,
        since=min(one.occurred_at for one in pending),
        until=max(one.occurred_at for one in pending),
        zone=organisation.zone(),
        customers={one.customer_id for one in pending},
    )
    true = {one.key for one in happenings(campaign.current.trigger_event, scope)}
    undone = [one for one in pending if base_of(one.object_key) not in true]
    return _revoke(undone, waiting)


def _revoke(undone: Iterable[Firing], waiting: Any) -> int:
    invitations = [one.invitation_id for one in undone]
    Invitation.objects.filter(pk__in=invitations).update(response_state=ResponseState.REVOKED)
    waiting.filter(invitation__in=invitations).update(delivery_state=DeliveryState.REVOKED, changed_at=Now())
    return Firing.objects.filter(pk__in=[one.pk for one in undone]).update(
        outcome=FiringOutcome.REVOKED, reason=FiringReason.UNDONE
    )
