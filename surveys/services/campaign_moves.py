"""What every transition of a campaign does: the right, the conditional change, the log, the waves that follow."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F

from accounts.choices import Grant
from accounts.models import User
from accounts.permissions import can_write
from config.web.errors import DomainError
from config.work import audit
from customers.queries.access import customers_to_edit
from surveys.formulas import states
from surveys.models import Campaign, Invitation, Wave
from surveys.services import campaign_alerts


class WrongStateError(DomainError):
    code = "wrong_state"


class NotAllowedError(DomainError):
    code = "not_allowed"


class NotReadyError(DomainError):
    code = "not_ready"


def move(
    campaign: Campaign,
    event: str,
    *,
    by: User | None,
    now: datetime,
    action: str,
    after: dict[str, Any] | None = None,
    **changes: Any,
) -> None:
    """Do the event once: refused in every state from which it does not lead on."""
    moves = states.CAMPAIGN[event]
    changed = Campaign.objects.filter(pk=campaign.pk, state__in=list(moves)).update(
        state=next(iter(moves.values())), version=F("version") + 1, **changes
    )
    if not changed:
        campaign.refresh_from_db()
        raise WrongStateError(
            f"“{campaign.name}” is {campaign.get_state_display().lower()}.",
            hint="Look at its present state; nothing was changed.",
        )
    audit.record(by=by, now=now, action=action, subject=campaign, after=after)
    campaign_alerts.follow(campaign, event, reason=changes.get("pause_reason", ""), now=now)


def move_waves(campaign_id: int, event: str) -> int:
    """Waves follow their campaign; those that may not move stay."""
    rows = Wave.objects.filter(campaign=campaign_id, is_test=False)
    return sum(rows.filter(state=before).update(state=after) for before, after in states.WAVE[event].items())


def check_right(by: User, running: Campaign | None = None) -> None:
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


@transaction.atomic
def auto_pause(*, campaign_id: int, reason: str, now: datetime) -> bool:
    """Stop an active campaign by itself and say why; True for the call that did it."""
    held = Campaign.objects.get(pk=campaign_id)
    why = reason[:300]
    try:
        move(
            held, "auto_pause", by=None, now=now, action="campaign.auto_paused", after={"reason": why},
            pause_reason=why,
        )  # fmt: skip
    except WrongStateError:
        return False
    move_waves(campaign_id, "pause")
    return True
