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
from surveys.services import delivery, waves

IN_FLIGHT = (DeliveryState.QUEUED, DeliveryState.SENDING, DeliveryState.RETRY_WAIT)
CANARY_BOUNCES = 3  # hard bounces among the first mails that pause a campaign
BOUNCE_SHARE, BOUNCE_LEAST = 0.05, 50  # running: share of hard bounces, from so many mails on
REMINDER_LEAST_OPEN = timedelta(days=2)
BATCH = 1000


def advance_campaigns(*, now: datetime) -> int:
    """Everything that is due for every running campaign; returns how many things were done."""
    done = 0
    active = Campaign.objects.filter(state=CampaignState.ACTIVE)
    for pk in list(active.exclude(waves__is_test=False).values_list("pk", flat=True)):
        waves.snapshot(campaign_id=pk, now=now)
        done += 1
    for wave in Wave.objects.filter(campaign__in=active, is_test=False).select_related("campaign", "version"):
        done += _advance_wave(wave, now)
    done += close_links(now=now)
    return done


def _advance_wave(wave: Wave, now: datetime) -> int:
    if wave.canary_until is not None:
        return _watch_canary(wave, now)
    if _too_many_bounces(wave, now):
        return 1
    done = plan_reminders(wave=wave, now=now)
    open_mails = Message.objects.filter(
        invitation__wave=wave, delivery_state__in=[*WAITING, DeliveryState.SENDING]
    )
    if wave.state == WaveState.SENDING and not open_mails.exists():
        done += Wave.objects.filter(pk=wave.pk, state=WaveState.SENDING).update(state=WaveState.COLLECTING)
    if wave.campaign.ends_at <= now and not open_mails.filter(max_at__gt=now).exists():
        done += _close(wave.campaign, now)
    return done


def _watch_canary(wave: Wave, now: datetime) -> int:
    """After the first mails a short hold; three hard bounces stop the rest (S-47)."""
    messages = Message.objects.filter(invitation__wave=wave)
    bounced = messages.filter(
        delivery_state=DeliveryState.BOUNCED, claimed_at__gte=wave.campaign.watched_from
    )
    if bounced.count() >= CANARY_BOUNCES:
        reason = "Three of the first mails bounced. Look at the addresses before going on."
        return int(delivery.auto_pause(campaign_id=wave.campaign_id, reason=reason, now=now))
    hold = timedelta(minutes=policies.current(now).canary_hold_minutes)
    if wave.canary_until <= now:
        return Wave.objects.filter(pk=wave.pk).update(canary_until=None, canary_passed=True)
    if wave.canary_until > now + hold and not messages.filter(delivery_state__in=IN_FLIGHT).exists():
        return Wave.objects.filter(pk=wave.pk).update(canary_until=now + hold)
    return 0


def _too_many_bounces(wave: Wave, now: datetime) -> bool:
    since = wave.campaign.watched_from  # what a person has looked at and resumed does not pause again
    counts = Message.objects.filter(invitation__wave=wave, claimed_at__gte=since).aggregate(
        out=Count("pk", filter=Q(delivery_state__in=[*ACCEPTED, DeliveryState.BOUNCED])),
        bounced=Count("pk", filter=Q(delivery_state=DeliveryState.BOUNCED)),
    )
    if counts["out"] < BOUNCE_LEAST or counts["bounced"] <= BOUNCE_SHARE * counts["out"]:
        return False
    reason = f"{counts['bounced']} of {counts['out']} mails bounced, more than 5 %."
    return delivery.auto_pause(campaign_id=wave.campaign_id, reason=reason, now=now)


@transaction.atomic
def plan_reminders(*, wave: Wave, now: datetime) -> int:
    """One planned reminder per silent invitation and step, days after the mail before it (S-53)."""
    planned = 0
    for seq in range(wave.version.reminders):
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


@transaction.atomic
def _close(campaign: Campaign, now: datetime) -> int:
    """The last day is over and nothing is left to send; links end at their own date."""
    del now
    closed = Campaign.objects.filter(pk=campaign.pk, state=CampaignState.ACTIVE).update(
        state=CampaignState.CLOSED
    )
    if closed:
        Wave.objects.filter(campaign=campaign).exclude(state=WaveState.CANCELLED).update(
            state=WaveState.CLOSED
        )
    return closed


def close_links(*, now: datetime) -> int:
    """Links that ended: silent invitations expire, answers past their edit window are locked."""
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
    return expired + locked
