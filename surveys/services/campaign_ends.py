"""What may still change on a running campaign, and how it ends: adjust, close, extend, archive."""

from datetime import datetime, time, timedelta

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from accounts.models import User
from config.web.errors import DomainError
from config.work import audit
from surveys.choices import CampaignState, DeliveryState, WaveState
from surveys.models import Campaign, Wave
from surveys.services import drafts, locks, planned_mails
from surveys.services.campaign_moves import (
    NotAllowedError,
    WrongStateError,
    check_right,
    move,
    move_waves,
)

EXTEND_DAYS = 30  # at most, beyond the day of the extension


@transaction.atomic
def close(*, campaign: Campaign, by: User | None, now: datetime) -> None:
    """End of the asking: what has not left by now never leaves; links end at their own date.

    `by` None: the last day has come by itself.
    """
    if by is not None:
        check_right(by, campaign)
    move(
        campaign, "close", by=by, now=now, action="campaign.closed", ends_at=min(campaign.ends_at or now, now)
    )
    planned_mails.waiting_of(campaign).update(delivery_state=DeliveryState.EXPIRED_UNSENT, changed_at=Now())
    move_waves(campaign.pk, "all_sent")
    Wave.objects.filter(campaign=campaign, is_test=False, state=WaveState.PLANNED).update(
        state=WaveState.CANCELLED
    )


@transaction.atomic
def extend(*, campaign: Campaign, by: User, now: datetime, days: int) -> None:
    """Collect and remind for up to 30 more days. Nobody new is invited."""
    check_right(by, campaign)
    if not 1 <= days <= EXTEND_DAYS:
        raise DomainError(
            f"Extend by 1 to {EXTEND_DAYS} days.", hint="Clone it to ask again later.", field="days"
        )
    ends_at = now + timedelta(days=days)
    move(campaign, "extend", by=by, now=now, action="campaign.extended", ends_at=ends_at, extended_at=now)


@transaction.atomic
def archive(*, campaign: Campaign, by: User, now: datetime) -> None:
    """Out of the list, read-only for good. A draft that has only sent tests may go too."""
    held = locks.lock_campaign(campaign.pk)
    if held.state == CampaignState.DRAFT:
        if not drafts.may_draft(by, held):
            raise NotAllowedError("This is somebody else’s draft.", hint="Ask its author.")
        if not held.waves.exists():
            raise WrongStateError("Nothing was sent from this draft.", hint="Delete it instead.")
    else:
        check_right(by, held)
    move(held, "archive", by=by, now=now, action="campaign.archived")


@transaction.atomic
def adjust(
    *,
    campaign: Campaign,
    by: User,
    now: datetime,
    send_days: list[int] | None,
    send_from: time | None,
    send_until: time | None,
    cap_per_hour: int | None,
    ends_at: datetime,
    reminders: int,
) -> None:
    """What may change after launch: window, hourly cap, end date, fewer reminders (S-40)."""
    check_right(by, campaign)
    held = locks.lock_campaign(campaign.pk)
    if held.state not in {CampaignState.SCHEDULED, CampaignState.ACTIVE, CampaignState.PAUSED}:
        raise WrongStateError(
            f"“{held.name}” is {held.get_state_display().lower()}.", hint="Nothing was changed."
        )
    most = reminders_of(held)
    if reminders > most:
        raise DomainError(
            f"At most {most} reminders, as launched.", hint="Clone it for more.", field="reminders"
        )
    if ends_at <= max(now, held.starts_at or now):
        raise DomainError(
            "The last day must lie ahead.", hint="To stop now, end the campaign.", field="ends_on"
        )
    if held.extended_at and ends_at > held.extended_at + timedelta(days=EXTEND_DAYS):
        raise DomainError(
            f"An extension lasts {EXTEND_DAYS} days at most.", field="ends_on", hint="Clone it."
        )
    before = {"ends_at": str(held.ends_at), "cap_per_hour": held.cap_per_hour, "reminders": most}
    planned_mails.move_end(campaign=held, before=held.ends_at, ends_at=ends_at)
    held.send_days, held.send_from, held.send_until = send_days, send_from, send_until
    held.cap_per_hour, held.ends_at, held.reminders_most = cap_per_hour, ends_at, reminders
    held.version = F("version") + 1
    held.save()
    planned_mails.align(campaign=held, now=now)
    planned_mails.drop_reminders(campaign=held, from_seq=reminders)
    after = {"ends_at": str(ends_at), "cap_per_hour": cap_per_hour, "reminders": reminders}
    audit.record(by=by, now=now, action="campaign.adjusted", subject=held, before=before, after=after)


def reminders_of(campaign: Campaign) -> int:
    """Reminders the campaign still sends: as launched, or fewer."""
    most = campaign.reminders_most
    return campaign.current.reminders if most is None else min(most, campaign.current.reminders)
