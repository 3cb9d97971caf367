"""Views of customers that are two tones apart: who they are today, the queue, and what later outcomes said."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import F, Q, QuerySet

from accounts.models import User
from accounts.queries import organisation
from customers.models import Pulse, Ticket, Touchpoint
from customers.queries.access import customers_to_edit
from metrics.choices import VersionState
from metrics.formulas.disagreements import (
    GREEN,
    LISTED_AFTER,
    NONE,
    RED,
    VIEWS,
    pulse_tone,
    score_tone,
    survey_tone,
    usage_tone,
)
from metrics.formulas.health_measures import DAY_ZERO, NO_DAY, measure_of
from metrics.formulas.health_numbers import MICRO
from metrics.models import CurrentReading, Disagreement, HealthScore, ScorecardVersion
from metrics.queries.scores import cards_of, tone_of
from surveys.models import Response

MOST_ROWS = 200  # of the list
MOST_FACTS = 20  # of a kind, to choose from
SLOTS = {view: measure_of(key).slot for view, key in (("pulse", "pulse"), ("survey", "nps_customer"), ("usage", "usage_change_pct"))}  # fmt: skip
PENDING = (VersionState.DRAFT, VersionState.IN_REVIEW, VersionState.SCHEDULED)
Tones = dict[str, str]


@dataclass(frozen=True, slots=True)
class Today:
    """The views of one customer today; a customer that has stopped paying has none."""

    customer_id: int
    tones: Tones
    is_lost: bool


@dataclass(frozen=True, slots=True)
class Fact:
    """Something recorded of a customer that may settle a disagreement; `name` is "kind id"."""

    name: str
    words: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ViewRow:
    """One view over the queue: how often it is red or green, and how often the later outcome confirmed it."""

    view: str
    red: int
    green: int
    decided: int
    confirmed: int

    @property
    def share(self) -> Decimal | None:
        """Share confirmed of what is decided."""
        return Decimal(self.confirmed) / self.decided if self.decided else None


def views_today(today: date, wanted: Collection[int]) -> Iterator[Today]:
    """Everybody whose views are apart, and the wanted customers. One pass over packed readings, without the archived."""
    overridden = _overridden_tones()
    reads = {f"{view}_{column}": F(f"{column}s__{slot}") for view, slot in SLOTS.items() for column in ("value", "day", "reason")}  # fmt: skip
    rows = (
        CurrentReading.objects.filter(customer__archived_at=None)
        .annotate(
            **reads,
            tone=F("customer__summary__tone"),
            paid=F("customer__summary__first_paid_on"),
            mrr=F("customer__summary__mrr"),
        )
        .order_by()
        .values("customer_id", "tone", "paid", "mrr", *reads)
    )
    for row in rows.iterator(chunk_size=5_000):
        pk = row["customer_id"]
        is_lost = row["paid"] is not None and not row["mrr"]
        tones = dict.fromkeys(VIEWS, NONE) if is_lost else _tones(row, overridden, today)
        found = set(tones.values())
        if pk in wanted or (RED in found and GREEN in found):
            yield Today(pk, tones, is_lost)


def _tones(row: dict[str, Any], overridden: dict[int, str], today: date) -> Tones:
    values = {view: row[f"{view}_value"] if row[f"{view}_reason"] == 0 else None for view in SLOTS}
    day = row["pulse_day"]
    age = None if day in (None, NO_DAY) else (today - DAY_ZERO).days - day
    return {
        "score": score_tone(overridden.get(row["customer_id"], row["tone"] or NONE)),
        "pulse": pulse_tone(values["pulse"], age),
        "survey": survey_tone(values["survey"]),
        "usage": usage_tone(values["usage"]),
    }


def _overridden_tones() -> dict[int, str]:
    """The tone of the computed score, where an override shows another."""
    rows = list(
        HealthScore.objects.filter(to_at=None, override__isnull=False, computed__isnull=False)
        .select_related("version")
        .only("customer_id", "computed", "version")
    )
    cards = cards_of(row.version for row in rows)
    found = {}
    for row in rows:
        card = cards[row.version_id]
        found[row.customer_id] = tone_of(card, card.bands.of(int(row.computed * MICRO)))
    return found


def disagreements_of(user: User) -> QuerySet[Disagreement]:
    """Those about customers the user works for: the own book, the team's, or all."""
    return Disagreement.objects.filter(customer__in=customers_to_edit(user))


def is_listed(today: date) -> Q:
    """Open, and apart for long enough."""
    return Q(closed_at=None, since__lte=today - timedelta(days=LISTED_AFTER))


def queue_of(user: User, *, today: date) -> tuple[list[Disagreement], int]:
    """The entries with the most MRR first, and how many there are."""
    rows = disagreements_of(user).filter(is_listed(today))
    shown = rows.select_related("customer__summary__owner").order_by(
        F("customer__summary__mrr").desc(nulls_last=True), "since", "pk"
    )
    return list(shown[:MOST_ROWS]), rows.count()


def closed_of(user: User) -> list[Disagreement]:
    """What was closed last."""
    rows = disagreements_of(user).exclude(closed_at=None)
    return list(rows.select_related("customer", "closed_by").order_by("-closed_at", "-pk")[:MOST_FACTS])


def view_rows(user: User, *, today: date) -> list[ViewRow]:
    """Counts per view: sides taken in the queue, and of all entries with a known outcome the share confirmed."""
    rows = disagreements_of(user)
    queue = list(rows.filter(is_listed(today)).values_list("views", flat=True))
    decided = list(rows.exclude(confirmed="").values_list("views", "confirmed"))
    return [
        ViewRow(
            view,
            red=sum(1 for views in queue if side_of(views, view) == RED),
            green=sum(1 for views in queue if side_of(views, view) == GREEN),
            decided=sum(1 for views, _ in decided if side_of(views, view) in {RED, GREEN}),
            confirmed=sum(1 for _, confirmed in decided if view in confirmed.split(",")),
        )
        for view in VIEWS
    ]


def side_of(views: dict[str, Any], view: str) -> str:
    """The tone of a view in a stored entry."""
    stored = views.get(view)
    return str(stored[0]) if stored else NONE


def facts_since(customer_id: int, day: date) -> list[Fact]:
    """What was recorded of a customer since a day, newest first."""
    since = datetime.combine(day, time.min, organisation.zone())
    of = {"customer_id": customer_id}
    pulses = Pulse.objects.current().filter(**of, occurred_at__gte=since).exclude(level=None)
    answers = Response.objects.counted().filter(**of, answered_at__gte=since)
    touches = Touchpoint.objects.current().filter(**of, occurred_at__gte=since)
    tickets = Ticket.objects.current().filter(**of, opened_at__gte=since)
    found = [
        *(Fact(f"pulse {row.pk}", f"Pulse {row.level}", row.occurred_at) for row in pulses.order_by("-occurred_at")[:MOST_FACTS]),
        *(Fact(f"answer {row.pk}", f"{row.get_kind_display()} answer {row.score}", row.answered_at) for row in answers.order_by("-answered_at")[:MOST_FACTS]),
        *(Fact(f"touchpoint {row.pk}", f"{row.get_kind_display().capitalize()}: {row.subject or 'no subject'}", row.occurred_at) for row in touches.order_by("-occurred_at")[:MOST_FACTS]),
        *(Fact(f"ticket {row.pk}", f"Ticket, {row.get_priority_display()}", row.opened_at) for row in tickets.order_by("-opened_at")[:MOST_FACTS]),
    ]  # fmt: skip
    return sorted(found, key=lambda fact: fact.at, reverse=True)


def pending_versions() -> list[ScorecardVersion]:
    """Versions on their way: drafts, in review, scheduled."""
    rows = ScorecardVersion.objects.filter(state__in=PENDING).select_related("scorecard")
    return list(rows.order_by("-pk")[:MOST_FACTS])
