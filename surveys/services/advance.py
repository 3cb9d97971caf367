"""Moving campaigns on: snapshot, canary, reminders, automatic pauses, the end. Each step may run twice without effect."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Q

from surveys.choices import (
    ACCEPTED,
    WAITING,
    CampaignState,
    DeliveryState,
    MessageKind,
    ResponseState,
    WaveState,
)
from surveys.models import Campaign, Invitation, Message, Wave
from surveys.queries import policy as policies
from surveys.services import (
    campaign_ends,
    campaign_moves,
    campaigns,
    locks,
    planned_mails,
    triggers,
    verdicts,
    waves,
)

IN_FLIGHT = (DeliveryState.QUEUED, DeliveryState.SENDING, DeliveryState.RETRY_WAIT)
CANARY_BOUNCES = 3  # hard bounces among the first mails that pause a campaign
BOUNCE_SHARE, BOUNCE_LEAST = 0.05, 50  # running: share of hard bounces, from so many mails on
COMPLAINT_SHARE, COMPLAINT_LEAST = 0.001, 1000
GOING = (WaveState.SENDING, WaveState.COLLECTING)
REMINDER_LEAST_OPEN = timedelta(days=2)
BATCH = 1000


def advance_campaigns(*, now: datetime) -> int:
    """Everything that is due for every running campaign; returns how many things were done."""
    done = _start_scheduled(now) + _start_waves(now) + triggers.fire_triggers(now=now)
    active = Campaign.objects.filter(state=CampaignState.ACTIVE)
    going = Wave.objects.filter(campaign__in=active, is_test=False, state__in=GOING)
    for wave in going.select_related("campaign__current", "version"):
        done += _advance_wave(wave, now)
    for campaign in active.filter(ends_at__lte=now):
        done += _close(campaign, now)
    done += close_links(now=now)
    return done + _close_waves(now)


def _start_scheduled(now: datetime) -> int:
    due = Campaign.objects.filter(state=CampaignState.SCHEDULED, starts_at__lte=now)
    return sum(
        campaigns.start_scheduled(campaign_id=pk, now=now) for pk in list(due.values_list("pk", flat=True))
    )


def _start_waves(now: datetime) -> int:
    """Waves whose time has come; after one of a recurring campaign the next is planned (S-201)."""
    active = Campaign.objects.filter(state=CampaignState.ACTIVE, extended_at=None)
    due = Wave.objects.filter(campaign__in=active, is_test=False, state=WaveState.PLANNED, starts_at__lte=now)
    done = 0
    for pk in list(due.values_list("pk", flat=True)):
        wave = waves.snapshot(wave_id=pk, now=now)
        done += wave.state == WaveState.SENDING
    for pk in list(active.filter(current__cadence_days__gt=0).values_list("pk", flat=True)):
        done += _plan_next(pk)
    return done


@transaction.atomic
def _plan_next(campaign_id: int) -> int:
    """The next wave of a recurring campaign, counted from the start of the last one."""
    campaign = locks.lock_campaign(campaign_id)
    last = campaign.waves.filter(is_test=False).order_by("number").last()
    if last is None or last.state == WaveState.PLANNED or campaign.state != CampaignState.ACTIVE:
        return 0
    starts_at = last.starts_at + timedelta(days=campaign.current.cadence_days)
    if starts_at >= campaign.ends_at:
        return 0
    waves.plan(campaign=campaign, starts_at=starts_at)
    return 1


def _advance_wave(wave: Wave, now: datetime) -> int:
    if wave.canary_until is not None:
        return _watch_canary(wave, now)
    if _is_unwelcome(wave, now):
        return 1
    done = plan_reminders(wave=wave, now=now)
    waits = Message.objects.filter(
        invitation__wave=wave, delivery_state__in=[*WAITING, DeliveryState.SENDING]
    )
    never_ends = wave.version.trigger_event and wave.campaign.ends_at > now
    if wave.state == WaveState.SENDING and not never_ends and not waits.exists():
        done += Wave.objects.filter(pk=wave.pk, state=WaveState.SENDING).update(state=WaveState.COLLECTING)
    return done


def _watch_canary(wave: Wave, now: datetime) -> int:
    """After the first mails a short hold; three hard bounces or one complaint stop the rest (S-47)."""
    messages = Message.objects.filter(invitation__wave=wave)
    seen = messages.filter(claimed_at__gte=wave.campaign.watched_from)
    bounced = seen.filter(delivery_state=DeliveryState.BOUNCED).count()
    complained = seen.filter(delivery_state=DeliveryState.COMPLAINED).count()
    if bounced >= CANARY_BOUNCES or complained:
        reason = f"{bounced} of the first mails bounced. Look at the addresses before going on."
        if complained:
            reason = "Somebody reported one of the first mails as unwanted. Look at audience and wording."
        return int(campaign_moves.auto_pause(campaign_id=wave.campaign_id, reason=reason, now=now))
    hold = timedelta(minutes=policies.current(now).canary_hold_minutes)
    if wave.canary_until <= now:
        return Wave.objects.filter(pk=wave.pk).update(canary_until=None, canary_passed=True)
    if wave.canary_until > now + hold and not messages.filter(delivery_state__in=IN_FLIGHT).exists():
        return Wave.objects.filter(pk=wave.pk).update(canary_until=now + hold)
    return 0


def _is_unwelcome(wave: Wave, now: datetime) -> bool:
    """Too many hard bounces or complaints since a person last looked; that pauses the campaign (S-47)."""
    since = wave.campaign.watched_from  # what a person has looked at and resumed does not pause again
    counts = Message.objects.filter(invitation__wave=wave, claimed_at__gte=since).aggregate(
        out=Count("pk", filter=Q(delivery_state__in=[*ACCEPTED, DeliveryState.BOUNCED])),
        bounced=Count("pk", filter=Q(delivery_state=DeliveryState.BOUNCED)),
        complained=Count("pk", filter=Q(delivery_state=DeliveryState.COMPLAINED)),
    )
    out, bounced, complained = counts["out"], counts["bounced"], counts["complained"]
    if out >= BOUNCE_LEAST and bounced > BOUNCE_SHARE * out:
        reason = f"{bounced} of {out} mails bounced, more than 5 %."
    elif out >= COMPLAINT_LEAST and complained > COMPLAINT_SHARE * out:
        reason = f"{complained} of {out} people reported the mail as unwanted, more than 0.1 %."
    else:
        return False
    return campaign_moves.auto_pause(campaign_id=wave.campaign_id, reason=reason, now=now)


@transaction.atomic
def plan_reminders(*, wave: Wave, now: datetime) -> int:
    """One planned reminder per silent invitation and step, days after the mail before it (S-53)."""
    planned = 0
    for seq in range(campaign_ends.reminders_of(wave.campaign)):
        before = now - timedelta(days=wave.version.reminder_after_days * (seq + 1))
        first = Message.objects.filter(
            invitation=OuterRef("pk"),
            kind=MessageKind.FIRST,
            delivery_state__in=[DeliveryState.SENT, DeliveryState.DELIVERED],
            accepted_at__lte=before,
        )
        made = Message.objects.filter(invitation=OuterRef("pk"), kind=MessageKind.REMINDER, seq=seq)
        silent = Invitation.objects.filter(
            Exists(first),
            ~Exists(made),
            wave=wave,
            response_state__in=[ResponseState.NONE, ResponseState.VISITED, ResponseState.SUSPECT],
            expires_at__gte=now + REMINDER_LEAST_OPEN,
        )
        rows = [
            Message(
                invitation_id=pk,
                kind=MessageKind.REMINDER,
                seq=seq,
                not_before=now,
                max_at=now + timedelta(days=wave.version.reminder_after_days),
                message_id=waves.message_id(wave.version.sender_email),
            )
            for pk in silent.values_list("pk", flat=True)
        ]
        planned += len(Message.objects.bulk_create(rows, ignore_conflicts=True, batch_size=BATCH))
    return planned


def _close(campaign: Campaign, now: datetime) -> int:
    """The last day is over and nothing is left to send; links end at their own date."""
    open_mails = planned_mails.waiting_of(campaign).filter(max_at__gt=now)
    if open_mails.exists():
        return 0
    campaign_ends.close(campaign=campaign, by=None, now=now)
    return 1


def _close_waves(now: datetime) -> int:
    """A wave collects until its last link ends; a campaign whose last wave is over is over."""
    alive = Invitation.objects.filter(wave=OuterRef("pk"), expires_at__gt=now)
    over = Wave.objects.filter(~Exists(alive), is_test=False, state=WaveState.COLLECTING)
    done = over.update(state=WaveState.CLOSED)
    if not done:
        return 0
    going = Wave.objects.filter(campaign=OuterRef("pk"), is_test=False).exclude(
        state__in=[WaveState.CLOSED, WaveState.CANCELLED]
    )
    finished = Campaign.objects.filter(
        ~Exists(going), state=CampaignState.ACTIVE, extended_at=None, current__cadence_days=0
    )
    for campaign in finished:
        campaign_ends.close(campaign=campaign, by=None, now=now)
    return done


def close_links(*, now: datetime) -> int:
    """Links that ended: silent invitations expire, suspect answers are discarded, others past their edit window locked.

    A suspect answer waits for the minutes of grace too: a form opened before the end may still replace it.
    """
    grace = timedelta(minutes=policies.current(now).grace_minutes)
    discarded = verdicts.discard_ended(ended_before=now - grace, now=now)
    expired = Invitation.objects.filter(
        response_state__in=[ResponseState.NONE, ResponseState.VISITED], expires_at__lte=now
    ).update(response_state=ResponseState.EXPIRED)
    locked = 0
    answered = Invitation.objects.filter(response_state=ResponseState.ANSWERED)
    lengths = answered.values_list("wave__version__edit_days", flat=True).distinct().order_by()
    for days in list(lengths):
        over = answered.filter(
            wave__version__edit_days=days, response__first_answered_at__lte=now - timedelta(days=days)
        )
        locked += Invitation.objects.filter(pk__in=over.values("pk")).update(
            response_state=ResponseState.LOCKED
        )
    return expired + discarded + locked
