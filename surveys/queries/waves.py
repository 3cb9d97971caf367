"""Waves and firings in numbers and rows: who was asked, who was not, and why."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Count, F, Q, QuerySet

from surveys.choices import (
    ACCEPTED,
    DeliveryState,
    FiringOutcome,
    FiringReason,
    MessageKind,
    ResponseStatus,
    SkipReason,
)
from surveys.models import Campaign, Firing, Invitation, Message, Response, Wave, WaveSkip

WAITING = (DeliveryState.PLANNED, DeliveryState.QUEUED, DeliveryState.SENDING, DeliveryState.RETRY_WAIT)


@dataclass(frozen=True)
class WaveLine:
    """A wave with its first mails by state and its counted answers."""

    wave: Wave
    mails: Mapping[str, int] = field(default_factory=dict)
    answered: int = 0

    @property
    def sent(self) -> int:
        return sum(self.mails.get(state, 0) for state in ACCEPTED)

    @property
    def waiting(self) -> int:
        return sum(self.mails.get(state, 0) for state in WAITING)

    @property
    def skipped(self) -> int:
        return self.wave.eligible_count - self.wave.planned_count + self.mails.get(DeliveryState.SKIPPED, 0)


def wave_lines(campaign: Campaign) -> list[WaveLine]:
    """The campaign's waves, newest first; test mails are in none of them."""
    waves = list(campaign.waves.filter(is_test=False).order_by("-number"))
    mails: dict[int, dict[str, int]] = {}
    rows = Message.objects.filter(invitation__wave__in=waves, kind=MessageKind.FIRST)
    counted = rows.values_list("invitation__wave", "delivery_state").annotate(n=Count("pk")).order_by()
    for wave, state, count in counted:
        mails.setdefault(wave, {})[state] = count
    answers = Response.objects.filter(invitation__wave__in=waves, status=ResponseStatus.COUNTED)
    answered = dict(answers.values_list("invitation__wave").annotate(n=Count("pk")).order_by())
    return [WaveLine(wave, mails.get(wave.pk, {}), answered.get(wave.pk, 0)) for wave in waves]


@dataclass(frozen=True)
class Skipped:
    """A contact that a wave did not ask."""

    name: str
    email: str
    customer_id: int
    customer: str
    reason: str
    at_claim: bool

    @property
    def label(self) -> str:
        return SkipReason(self.reason).label


def skips_of(wave: Wave) -> Counter[str]:
    """Contacts per reason, at the snapshot and at the moment of sending."""
    found: Counter[str] = Counter()
    early = WaveSkip.objects.filter(wave=wave).values_list("reason")
    late = _late(wave).values_list("skip_reason")
    for rows in (early, late):
        found.update(dict(rows.annotate(n=Count("pk")).order_by()))
    return found


def _late(wave: Wave) -> QuerySet[Message]:
    return Message.objects.filter(
        invitation__wave=wave, kind=MessageKind.FIRST, delivery_state=DeliveryState.SKIPPED
    )


def people_skipped(wave: Wave, *, user: Any, reason: str = "", most: int = 200) -> list[Skipped]:
    """The first of those left out among the reader's customers."""
    early = WaveSkip.objects.visible_to(user).filter(wave=wave).select_related("contact", "customer")
    mine = Invitation.objects.visible_to(user).filter(wave=wave)
    late = (
        _late(wave).filter(invitation__in=mine).select_related("invitation__contact", "invitation__customer")
    )
    if reason:
        early, late = early.filter(reason=reason), late.filter(skip_reason=reason)
    found = [
        Skipped(row.contact.name, row.contact.email, row.customer_id, row.customer.name, row.reason, False)
        for row in early.order_by("customer__name", "pk")[:most]
    ]
    for mail in late.order_by("invitation__customer__name", "pk")[: most - len(found)]:
        one = mail.invitation
        if one.contact and one.customer:
            found.append(
                Skipped(
                    one.contact.name, one.contact.email, one.customer_id, one.customer.name,
                    mail.skip_reason, True,
                )
            )  # fmt: skip
    return found


def firings_of(campaign: Campaign, *, user: Any, outcome: str = "", text: str = "") -> QuerySet[Firing]:
    """What came of each object among the reader's customers, newest first, with the mail's state."""
    rows = Firing.objects.visible_to(user).filter(campaign=campaign)
    if outcome in FiringOutcome.values:
        rows = rows.filter(outcome=outcome)
    if text:
        rows = rows.filter(Q(customer__name__icontains=text) | Q(object_key__icontains=text))
    first = Q(invitation__messages__kind=MessageKind.FIRST) | Q(invitation=None)
    rows = rows.filter(first).annotate(
        mail_state=F("invitation__messages__delivery_state"), mail_skip=F("invitation__messages__skip_reason")
    )
    return rows.select_related("customer", "contact").order_by("-recorded_at", "-pk")


def firing_counts(campaign: Campaign, *, user: Any) -> dict[str, int]:
    """Objects and contacts per outcome among the reader's customers."""
    rows = Firing.objects.visible_to(user).filter(campaign=campaign)
    return dict(rows.values_list("outcome").annotate(n=Count("pk")).order_by())


def why(outcome: str, reason: str, mail_state: str | None, mail_skip: str | None) -> str:
    """What came of an object, in a sentence's words."""
    if outcome == FiringOutcome.INVITED and mail_state == DeliveryState.SKIPPED and mail_skip:
        return f"Not asked: {SkipReason(mail_skip).label}"
    if outcome == FiringOutcome.INVITED and mail_state:
        return f"Asked; mail {DeliveryState(mail_state).label.lower()}"
    label = FiringReason(reason).label if reason else ""
    return f"{FiringOutcome(outcome).label}: {label}" if label else FiringOutcome(outcome).label
