"""Stored scores for lists, charts and summaries."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Protocol
from zoneinfo import ZoneInfo

from django.db.models import Q

from accounts.queries import organisation
from customers.models import CustomerSummary
from metrics.formulas.health import CAP_LINE
from metrics.formulas.health_cards import Card, read_card
from metrics.formulas.health_measures import MEASURES
from metrics.formulas.health_override import OVERRIDE_LINE
from metrics.models import HealthScore, ScorecardVersion

TREND_DAYS = 30  # window of the trend
WEEKS = 12  # points of a sparkline
FEW = 100  # scores of one card and day from which whole columns are faster than one after the other
MINUS = "\N{MINUS SIGN}"
TITLES = {measure.key: measure.title for measure in MEASURES}


class HasLines(Protocol):
    """A stored score as far as its lines go."""

    lines: list[int]
    cap: int | None
    override_part: int


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stored score as charts need it; `score` and `computed` in points, `lines` in card order."""

    from_at: datetime
    to_at: datetime | None
    score: Decimal | None
    computed: Decimal | None
    version_id: int
    lines: list[int]
    cap: int | None
    override_part: int


def current_score(customer_id: int) -> HealthScore | None:
    """The score in force of one customer."""
    scores = HealthScore.objects.filter(customer_id=customer_id, to_at=None)
    return scores.select_related("version__scorecard", "version__approved_by").first()


def computed_at(customer_id: int) -> datetime | None:
    """The last run that covered the customer, whether or not it changed the score."""
    rows = CustomerSummary.objects.filter(customer_id=customer_id)
    return rows.values_list("computed_at", flat=True).first()


def scores_at(customer_ids: Iterable[int] | None, moment: datetime) -> dict[int, HealthScore]:
    """The scores that were in force at a moment (None: of all customers), as known then, by customer id."""
    scores = HealthScore.objects.filter(Q(to_at=None) | Q(to_at__gt=moment), from_at__lte=moment)
    if customer_ids is not None:
        scores = scores.filter(customer_id__in=list(customer_ids))
    return {score.customer_id: score for score in scores.select_related("version__scorecard")}


def stretches_of(customer_ids: Sequence[int], since: datetime) -> dict[int, list[Stretch]]:
    """Stored scores that were in force at or after a moment, oldest first."""
    rows = HealthScore.objects.filter(customer_id__in=customer_ids).filter(Q(to_at=None) | Q(to_at__gt=since))
    columns = (
        "customer_id", "from_at", "to_at", "score", "computed", "version_id", "lines", "cap", "override_part",
    )  # fmt: skip
    found = defaultdict(list)
    for customer_id, *rest in rows.order_by("customer_id", "from_at").values_list(*columns):
        found[customer_id].append(Stretch(*rest))
    return found


def midnights_after(first: date, last: date) -> list[datetime]:
    """The local midnight that ends each day from `first` to `last`: a day's score is the one in force there."""
    zone = organisation.zone()
    return [midnight_after(first + timedelta(days=n), zone) for n in range((last - first).days + 1)]


def sampled(history: Sequence[Stretch], moments: Sequence[datetime]) -> list[Stretch | None]:
    """The stretch in force at each rising moment; None where there was none."""
    found: list[Stretch | None] = [None] * len(moments)
    for stretch in history:
        first = bisect_left(moments, stretch.from_at)
        last = len(moments) if stretch.to_at is None else bisect_left(moments, stretch.to_at)
        found[first:last] = [stretch] * (last - first)
    return found


def cards_of(versions: Iterable[ScorecardVersion]) -> dict[int, Card]:
    """The card of each version, by version id; a body is read once however many scores name it."""
    return {
        version.pk: read_card(version.body)
        for version in {version.pk: version for version in versions}.values()
    }


def tone_of(card: Card, band: str) -> str:
    """Colour of a band: red, amber, green, blue, or none without a score."""
    named = card.bands.named(band)
    return named.tone if named else "none"


def label_of(card: Card, band: str) -> str:
    """Word of a band."""
    named = card.bands.named(band)
    return named.label if named else "Not enough data"


def named_lines(score: HasLines, card: Card) -> dict[str, int]:
    """{key: micro-points} of a stored score: its measures, and cap and override where they took or gave something."""
    found = {
        measure.key: points for measure, points in zip(card.measures, score.lines, strict=False)
    }  # a score that nothing is known of has no lines
    if score.cap is not None:
        found[CAP_LINE] = score.cap
    return found | ({OVERRIDE_LINE: score.override_part} if score.override_part else {})


def title_of(key: str) -> str:
    """Title of a line: a measure's, or "Cap"."""
    return TITLES.get(key, key.replace("_", " ").capitalize())


@dataclass(frozen=True, slots=True)
class HistoryPoint:
    """The score in force at the end of a day; None where there was none or too little data."""

    day: date
    score: Decimal | None
    version: int | None
    is_new_version: bool


@dataclass(frozen=True, slots=True)
class History:
    """A year of one customer: a point per week, and the month ends among days."""

    points: tuple[HistoryPoint, ...]
    month_ends: tuple[HistoryPoint, ...]


def history_of(customer_id: int, *, today: date, weeks: int = 53) -> History:
    """Twelve months of scores as they were known then, each under its own version."""
    days = [today - timedelta(days=7 * back) for back in range(weeks - 1, -1, -1)]
    ends = [*_month_ends(days[0], today), today]
    zone = organisation.zone()
    history = stretches_of([customer_id], midnight_after(days[0], zone))[customer_id]
    numbers = dict(
        ScorecardVersion.objects.filter(pk__in={one.version_id for one in history}).values_list(
            "pk", "number"
        )
    )
    return History(_points(days, history, numbers, zone), _points(ends, history, numbers, zone))


def _points(
    days: Sequence[date], history: Sequence[Stretch], numbers: dict[int, int | None], zone: ZoneInfo
) -> tuple[HistoryPoint, ...]:
    points, last = [], None
    for day, found in zip(days, sampled(history, [midnight_after(day, zone) for day in days]), strict=True):
        version = numbers.get(found.version_id) if found else None
        is_new = version is not None and last is not None and version != last
        points.append(HistoryPoint(day, found.score if found else None, version, is_new))
        last = version or last
    return tuple(points)


def midnight_after(day: date, zone: ZoneInfo) -> datetime:
    """The local midnight that ends a day."""
    return datetime.combine(day + timedelta(days=1), time.min, zone)


def _month_ends(first: date, last: date) -> list[date]:
    ends, day = [], first.replace(day=1)
    while day <= last:
        day = date(day.year + day.month // 12, day.month % 12 + 1, 1)
        end = day - timedelta(days=1)
        if first <= end < last:
            ends.append(end)
    return ends
