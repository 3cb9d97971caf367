"""Stored scores for lists, charts and summaries."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Q

from accounts.queries import organisation
from customers.models import CustomerSummary
from metrics.formulas.health import CAP_LINE, explain
from metrics.formulas.health_cards import INSUFFICIENT, ActionsCard, Card, read_card
from metrics.formulas.health_measures import DAY_ZERO, MEASURES
from metrics.formulas.health_numbers import MICRO, plain, trend
from metrics.formulas.health_override import OVERRIDE_LINE
from metrics.models import HealthScore, ScorecardVersion
from metrics.queries.health_inputs import arithmetic_of, matrix_of_inputs
from metrics.scoring.engine import score_matrix
from metrics.scoring.results import costliest

TREND_DAYS = 30  # window of the trend
WEEKS = 12  # points of a sparkline
FEW = 100  # scores of one card and day from which whole columns are faster than one after the other
MINUS = "\N{MINUS SIGN}"


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


def summary_fields_for(customer_ids: Iterable[int], as_of: date) -> dict[int, dict[str, Any]]:
    """What the summary row of each customer takes from its score: {customer id: {field: value}}.

    Fields: score, computed_score, override_until, card, held, band, tone, coverage, trend_30d (points per 30 days),
    trend_points (a score per week, oldest first, None where there was none), top_cause. A customer without any score is
    insufficient.
    """
    ids = sorted(set(customer_ids))
    bounds = midnights_after(as_of - timedelta(days=7 * (WEEKS - 1)), as_of)
    history = stretches_of(ids, bounds[0])
    scores = HealthScore.objects.filter(customer_id__in=ids, to_at=None).select_related("override")
    open_scores = {score.customer_id: score for score in scores}
    named = {stretch.version_id for stretches in history.values() for stretch in stretches}
    named |= {score.version_id for score in open_scores.values()}
    versions = ScorecardVersion.objects.filter(pk__in=named).select_related("scorecard").in_bulk()
    cards = cards_of(versions.values())
    days = {pk: sampled(history.get(pk, []), bounds) for pk in ids}
    causes = top_causes(
        [(score, days[pk][-TREND_DAYS]) for pk, score in open_scores.items() if score.score is not None],
        cards,
    )
    titles = {pk: version.scorecard.title for pk, version in versions.items()}
    return {pk: _fields(open_scores.get(pk), days[pk], cards, titles, causes.get(pk, "")) for pk in ids}


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


def _fields(
    score: HealthScore | None,
    days: Sequence[Stretch | None],
    cards: dict[int, Card],
    titles: dict[int, str],
    cause: str,
) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "score": None,
        "computed_score": None,
        "override_until": None,
        "card": "",
        "held": False,
        "band": INSUFFICIENT,
        "band_label": "",
        "tone": "none",
        "coverage": Decimal(0),
        "trend_30d": None,
        "trend_points": [_point(day) for day in days[::-7][::-1]],
        "top_cause": "",
    }
    if score is None:
        return fields
    month = days[-TREND_DAYS:]
    card = cards[score.version_id]
    fields |= {
        "score": score.score,
        "computed_score": score.computed,
        "override_until": score.override.ends_on if score.override else None,
        "card": titles[score.version_id],
        "held": score.held,
        "band": score.band,
        "band_label": label_of(card, score.band) if score.score is not None else "",
        "tone": tone_of(card, score.band),
        "coverage": score.coverage,
        "trend_30d": _trend(month) if score.score is not None else None,
        "top_cause": cause,
    }
    return fields


def _point(stretch: Stretch | None) -> float | None:
    """One point of a sparkline, for drawing only."""
    return None if stretch is None or stretch.score is None else float(round(stretch.score, 1))


def _trend(days: Sequence[Stretch | None]) -> Decimal | None:
    samples = [
        (number, int(day.score * MICRO))
        for number, day in enumerate(days)
        if day is not None and day.score is not None
    ]
    slope = trend(samples, TREND_DAYS)
    return None if slope is None else Decimal(slope) / MICRO


def named_lines(score: HealthScore | Stretch, card: Card) -> dict[str, int]:
    """{key: micro-points} of a stored score: its measures, and cap and override where they took or gave something."""
    found = {
        measure.key: points for measure, points in zip(card.measures, score.lines, strict=False)
    }  # a score that nothing is known of has no lines
    if score.cap is not None:
        found[CAP_LINE] = score.cap
    return found | ({OVERRIDE_LINE: score.override_part} if score.override_part else {})


def top_causes(
    scores: Iterable[tuple[HealthScore, Stretch | None]], cards: dict[int, Card]
) -> dict[int, str]:
    """{customer: the line that changed most since the stretch before, or without one the measure that costs most}.

    Empty when nothing changed by a tenth of a point.
    """
    found, fresh = {}, []
    for score, before in scores:
        if before is None or before.score is None:
            fresh.append(score)
        else:
            found[score.customer_id] = _biggest_change(score, before, cards)
    return found | weakest(fresh, cards)


def _biggest_change(score: HealthScore, before: Stretch, cards: dict[int, Card]) -> str:
    now, then = named_lines(score, cards[score.version_id]), named_lines(before, cards[before.version_id])
    changes = {key: now.get(key, 0) - then.get(key, 0) for key in {**now, **then}}
    key = max(changes, key=lambda one: (abs(changes[one]), one))
    if abs(changes[key]) < MICRO // 10:
        return ""
    sign = "+" if changes[key] > 0 else MINUS
    return f"{title_of(key)} {sign}{plain(abs(changes[key]), 1)}"


def weakest(scores: Iterable[HealthScore], cards: dict[int, Card]) -> dict[int, str]:
    """{customer: the measure that costs it most}; many scores of one card and day go as whole columns."""
    groups: dict[tuple[int, date], list[HealthScore]] = defaultdict(list)
    for score in scores:
        groups[score.version_id, score.as_of].append(score)
    found = {}
    for (version_id, as_of), members in groups.items():
        card = cards[version_id]
        plain_ones = [one for one in members if not {"peers", "held"} & one.inputs.keys()]
        if isinstance(card, ActionsCard):
            continue  # counts cost nothing: what is done adds up
        if len(plain_ones) < FEW or len(plain_ones) < len(members):
            found |= {one.customer_id: _weakest(one, card) for one in members}
            continue
        columns = matrix_of_inputs([(one.customer_id, one.inputs) for one in members])
        scored = score_matrix(
            card, columns, as_of_day=(as_of - DAY_ZERO).days, slots=range(len(card.measures)), parts=True
        )
        for one, (place, lost) in zip(members, costliest(scored), strict=True):
            found[one.customer_id] = _costs(card.measures[place].key, lost)
    return found


def _weakest(score: HealthScore, card: Card) -> str:
    parts = explain(card, *arithmetic_of(score.inputs, score.as_of)).parts
    lost = {part.key: 100 * MICRO * part.effective_share - part.contribution for part in parts}
    key = max(lost, key=lambda one: (lost[one], one), default="")
    return _costs(key, int(lost[key])) if key else ""


def _costs(key: str, lost: int) -> str:
    return f"{title_of(key)} costs {plain(lost, 1)}" if lost >= MICRO else ""


def title_of(key: str) -> str:
    """Title of a line: a measure's, or "Cap"."""
    titles = {measure.key: measure.title for measure in MEASURES}
    return titles.get(key, key.replace("_", " ").capitalize())


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
