"""A follow-up for the primary CSM seven days before a pulse stops counting (HP-2)."""

from collections import defaultdict
from datetime import date, datetime, timedelta

from django.db.models import Exists, OuterRef, Q

from accounts.queries import organisation
from customers.models import FollowUp, Pulse
from customers.services import follow_ups
from metrics.formulas.health_cards import CardMeasure
from metrics.models import HealthScore, ScorecardVersion
from metrics.queries.scores import cards_of

PULSE = "pulse"
TOLD_DAYS = 7  # before the end
MOST_AT_ONCE = 500  # follow-ups of one pass; the rest waits for the next


def remind_of_pulses(*, now: datetime) -> int:
    """Open a follow-up for each pulse that expires within a week on the card of its customer; each pulse is told once.

    Returns how many were opened. Customers without a CSM have nobody to be told.
    """
    today = organisation.local_day(now)
    waiting = [
        (pulse, end)
        for lasts, versions in _lasting().items()
        for pulse, end in _near_end(lasts, versions, today, now)
    ]
    told = set(
        FollowUp.objects.filter(dedupe_key__in=[_key(pulse) for pulse, _ in waiting]).values_list(
            "dedupe_key", flat=True
        )
    )
    untold = [(pulse, end) for pulse, end in waiting if _key(pulse) not in told][:MOST_AT_ONCE]
    for pulse, end in untold:
        follow_ups.open_follow_up(
            customer=pulse.customer,
            title=f"Renew the pulse: it counts until {end:%-d %B}",
            owner=pulse.customer.summary.owner,
            due_on=end,
            by=None,
            now=now,
            origin="pulse",
            dedupe_key=_key(pulse),
        )
    return len(untold)


def _lasting() -> dict[int, list[int]]:
    """{days a pulse counts: card versions in force that say so}."""
    versions = ScorecardVersion.objects.filter(
        Exists(HealthScore.objects.filter(version=OuterRef("pk"), to_at=None))
    )
    found: dict[int, list[int]] = defaultdict(list)
    for pk, card in cards_of(versions).items():
        for measure in card.measures:
            if isinstance(measure, CardMeasure) and measure.key == PULSE and measure.expires_after:
                found[measure.expires_after].append(pk)
    return found


def _near_end(lasts: int, versions: list[int], today: date, now: datetime) -> list[tuple[Pulse, date]]:
    """The pulses in force of customers on these cards that end within a week, with the first day they do not count."""
    first, last = today - timedelta(days=lasts - 1), today - timedelta(days=lasts - TOLD_DAYS)
    later = Pulse.objects.current().filter(
        Q(occurred_at__gt=OuterRef("occurred_at"))
        | Q(occurred_at=OuterRef("occurred_at"), seq__gt=OuterRef("seq")),
        customer=OuterRef("customer"),
        occurred_at__lte=now,
    )
    scored = HealthScore.objects.filter(to_at=None, version__in=versions, customer=OuterRef("customer"))
    rows = (
        Pulse.objects.current()
        .filter(
            Exists(scored),
            ~Exists(later),
            occurred_at__gte=organisation.midnight(first),
            occurred_at__lt=organisation.midnight(last + timedelta(days=1)),
            level__isnull=False,
            customer__archived_at=None,
            customer__summary__owner__isnull=False,
        )
        .select_related("customer__summary__owner")
        .order_by("occurred_at", "pk")
    )
    zone = organisation.zone()
    return [(row, row.occurred_at.astimezone(zone).date() + timedelta(days=lasts)) for row in rows]


def _key(pulse: Pulse) -> str:
    return f"pulse-expires:{pulse.pk}"
