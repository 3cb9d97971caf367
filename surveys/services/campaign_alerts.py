"""A campaign that paused by itself speaks up on Today of who launched it and of the admins, until somebody acts (S-68)."""

from datetime import datetime

from django.urls import reverse

from accounts.queries.managers import admins
from customers.choices import AlertState
from customers.models import Alert
from surveys.models import Campaign

ALERT_KIND = "campaign"
BY_ITSELF = frozenset({"auto_pause", "fail_to_start"})
ACTED = frozenset({"resume", "cancel"})


def follow(campaign: Campaign, event: str, *, reason: str, now: datetime) -> None:
    """What an event of the campaign's life means for its alerts; most mean nothing."""
    if event in BY_ITSELF:
        _raise(campaign, reason, now)
    elif event in ACTED:
        found = Alert.objects.filter(dedupe_key=_key(campaign), state=AlertState.OPEN)
        found.update(state=AlertState.CLEARED, closed_at=now)


def _raise(campaign: Campaign, reason: str, now: datetime) -> None:
    receivers = {user.pk: user for user in admins()}
    launcher = campaign.launched_by
    if launcher is not None and launcher.is_active:
        receivers[launcher.pk] = launcher
    Alert.objects.bulk_create(
        [
            Alert(
                receiver=receiver,
                kind=ALERT_KIND,
                rule=ALERT_KIND,
                dedupe_key=_key(campaign),
                title=f"“{campaign.name[:120]}” paused by itself, no mail leaves",
                causes=[{"cause": ALERT_KIND, "text": reason, "points": ""}],
                link=reverse("surveys:campaign", args=[campaign.pk]),
                opened_at=now,
            )
            for receiver in receivers.values()
        ],
        ignore_conflicts=True,
    )


def _key(campaign: Campaign) -> str:
    return f"{ALERT_KIND} {campaign.pk}"
