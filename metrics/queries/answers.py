"""Survey scores of a day or a period, with n and interval, for the company or for a book."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Count, F, Max, Min, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from customers.models import Contact
from metrics.formulas import satisfaction
from metrics.formulas.definition import DEFAULT, Definition
from metrics.formulas.periods import Period, trailing
from metrics.formulas.result import Result, unknown
from metrics.formulas.satisfaction import CES_CUT, CSAT_CUT, Interval, NpsCounts
from metrics.queries.questions import bucket, day_after, start_of
from metrics.queries.usage_windows import Ids, within
from surveys.choices import Direction, Nature, OtherScale, SurveyKind
from surveys.models import Response, ResponseRevision

FULL_SCALE = 10  # NPS is asked from 0 to 10; imports on another scale are never pooled with it
INDEX_SCALE = 7  # the scale of the CES index
# Scales from 1 that have a cut-off, by how much they are preferred when two have as many answers.
CSAT = {SurveyKind.CSAT5: 5, SurveyKind.CSAT7: 7, OtherScale.CSAT: 10}
CES = {SurveyKind.CES7: 7, SurveyKind.CES5: 5}
Tally = Mapping[int, int]  # answer -> how often


@dataclass(frozen=True)
class Answers:
    """A survey score with n, its 95 % interval, and the counts that were put in; `scale` is 0 where nobody answered."""

    result: Result
    n: int
    hits: int
    misses: int
    interval: Interval | None
    scale: int = 0
    counts: Tally | None = None


def nps_at(
    day: date,
    *,
    zone: ZoneInfo,
    customers: Ids = None,
    definition: Definition = DEFAULT,
    by_phase: str | None = None,
    known_at: datetime | None = None,
) -> Answers:
    """Relationship NPS on a day: the latest answer of each contact within `nps_window_days`. Source: section 15.

    `by_phase` keeps the answers given in one lifecycle phase.
    """
    rows = relationship_answers(day, zone, customers, definition, known_at)
    if by_phase is not None:
        rows = rows.filter(phase=by_phase)
    counts = NpsCounts(**latest_answers(rows).aggregate(**_BUCKETS))
    return _nps(counts, population=could_answer(day, customers) if definition.fpc else None)


def nps_by_phase(
    day: date, *, zone: ZoneInfo, customers: Ids = None, definition: Definition = DEFAULT
) -> dict[str, Answers]:
    """The same, for each lifecycle phase in which somebody answered."""
    rows = latest_answers(relationship_answers(day, zone, customers, definition, None))
    found = rows.order_by().values("phase").annotate(**_BUCKETS)
    return {row.pop("phase"): _nps(NpsCounts(**row)) for row in found}


def csat_in(
    period: Period, *, zone: ZoneInfo, customers: Ids = None, definition: Definition = DEFAULT
) -> Answers:
    """Share of satisfied answers of the period (by `score_cohort`); the scale asked most, never pooled."""
    (tallies,) = tallies_in([period], CSAT, zone=zone, customers=customers, definition=definition)
    return csat_of(tallies, definition)


def ces_in(
    period: Period, *, zone: ZoneInfo, customers: Ids = None, definition: Definition = DEFAULT
) -> Answers:
    """Ease of the period's answers under `ces_method`; the scale asked most, never pooled."""
    (tallies,) = tallies_in([period], CES, zone=zone, customers=customers, definition=definition)
    return ces_of(tallies, definition)


def tallies_in(
    periods: Sequence[Period],
    scales: Mapping[Any, int],
    *,
    zone: ZoneInfo,
    customers: Ids = None,
    definition: Definition = DEFAULT,
    phase: str | None = None,
    known_at: datetime | None = None,
) -> list[dict[int, Tally]]:
    """{scale: {answer: number}} of each period, in one statement. Scales are never pooled (Q-2, Q-3)."""
    windows = [(start_of(period.start, zone), start_of(period.end, zone)) for period in periods]
    if not windows:
        return []
    at = (
        Coalesce("sent_at", "answered_at")
        if definition.score_cohort == "sent"
        else Coalesce("answered_at", "sent_at")
    )
    rows = within(known_answers(known_at).annotate(at=at), customers).filter(
        at__gte=min(start for start, _ in windows),
        at__lt=max(end for _, end in windows),
        direction=Direction.HIGH_IS_GOOD,
    )
    rows = rows.filter(on_scale(scales)) if phase is None else rows.filter(on_scale(scales), phase=phase)
    found: list[dict[int, Counter[int]]] = [defaultdict(Counter) for _ in windows]
    grouped = rows.annotate(place=bucket("at", windows)).exclude(place=None).order_by()
    for place, scale, score, number in grouped.values_list("place", "scale_max", "said").annotate(
        n=Count("pk")
    ):
        found[place][scale][score] += number
    return [dict(tallies) for tallies in found]


def on_scale(scales: Mapping[Any, int]) -> Q:
    """Answers to kinds on their own scale."""
    known_scales = Q()
    for kind, scale in scales.items():
        known_scales |= Q(kind=kind, scale_min=1, scale_max=scale)
    return known_scales


def csat_of(tallies: Mapping[int, Tally], definition: Definition = DEFAULT) -> Answers:
    """Score of the scale with the most answers: top two boxes, or from `csat_cut` on `csat_scale`."""
    scale, counts = _most(tallies, CSAT.values())
    cut = definition.csat_cut if scale == definition.csat_scale else CSAT_CUT.get(scale, 0)
    return _shares(counts, scale=scale, cut=cut)


def ces_of(tallies: Mapping[int, Tally], definition: Definition = DEFAULT) -> Answers:
    """Score of the scale with the most answers: share from `ces_cut` on, mean, or index; only the share has an interval."""
    scale, counts = _most(tallies, CES.values())
    cut = definition.ces_cut if scale == definition.ces_scale else CES_CUT.get(scale, 0)
    shares = _shares(counts, scale=scale, cut=cut)
    if definition.ces_method == "agree" or not shares.n:
        return shares
    is_asked = definition.ces_method == "mean" or scale == INDEX_SCALE
    result = (
        satisfaction.ces(counts, scale=scale, method=definition.ces_method)
        if is_asked
        else unknown("not_configured")
    )
    return Answers(result, shares.n, shares.hits, shares.misses, None, scale, counts)


def _most(tallies: Mapping[int, Tally], order: Any) -> tuple[int, Tally]:
    """The scale with the most answers and its counts; of two as large the first in order."""
    asked = [scale for scale in order if scale in tallies]
    if not asked:
        return 0, {}
    scale = max(asked, key=lambda name: (sum(tallies[name].values()), -asked.index(name)))
    return scale, tallies[scale]


def _shares(counts: Tally, *, scale: int, cut: int) -> Answers:
    n = sum(counts.values())
    hits = sum(number for score, number in counts.items() if score >= cut)
    return Answers(
        satisfaction.share(hits=hits, n=n),
        n,
        hits,
        n - hits,
        satisfaction.wilson(hits=hits, n=n),
        scale,
        counts,
    )


_BUCKETS = {
    "promoters": Count("pk", filter=Q(said__gte=satisfaction.PROMOTER)),
    "passives": Count("pk", filter=Q(said__gte=satisfaction.PASSIVE, said__lt=satisfaction.PROMOTER)),
    "detractors": Count("pk", filter=Q(said__lt=satisfaction.PASSIVE)),
}


def _nps(counts: NpsCounts, *, population: int | None = None) -> Answers:
    return Answers(
        satisfaction.nps(counts),
        counts.n,
        counts.promoters,
        counts.detractors,
        satisfaction.nps_interval(counts, population=population),
        FULL_SCALE if counts.n else 0,
    )


def known_answers(moment: datetime | None) -> QuerySet[Response]:
    """Answers that count, with what they `said`: now, or in the revision that was the newest at a moment."""
    rows = Response.objects.counted()
    if moment is None:
        return rows.annotate(said=F("score"))
    revisions = ResponseRevision.objects.filter(response=OuterRef("pk"), recorded_at__lte=moment)
    newest = Subquery(revisions.order_by("-number").values("score")[:1])
    return rows.filter(recorded_at__lte=moment).annotate(said=Coalesce(newest, "score"))


def relationship_answers(
    day: date, zone: ZoneInfo, customers: Ids, definition: Definition, known_at: datetime | None
) -> QuerySet[Response]:
    """Relationship answers of the window to a day, with what they `said`."""
    window = trailing(day, definition.nps_window_days)
    rows = known_answers(known_at).filter(
        kind=SurveyKind.NPS,
        nature=Nature.RELATIONSHIP,
        scale_min=0,
        scale_max=FULL_SCALE,
        answered_at__gte=start_of(window.start, zone),
        answered_at__lt=start_of(window.end, zone),
    )
    return within(rows, customers)


def answered_between(*, customers: Ids, zone: ZoneInfo) -> Period | None:
    """From the first to the last local day of a relationship answer, or None when there is none."""
    rows = Response.objects.filter(kind=SurveyKind.NPS, nature=Nature.RELATIONSHIP).order_by()
    found = within(rows, customers).aggregate(first=Min("answered_at"), last=Max("answered_at"))
    if found["first"] is None:
        return None
    first, last = (found[name].astimezone(zone).date() for name in ("first", "last"))
    return Period(first, day_after(last))


def no_nps() -> Answers:
    """NPS where nobody answered."""
    return _nps(NpsCounts(0, 0, 0))


def latest_answers(rows: QuerySet[Response]) -> QuerySet[Response]:
    """The latest answer of each contact, and every answer of nobody known."""
    latest = (
        rows.filter(contact__isnull=False)
        .order_by("contact_id", "-answered_at", "-pk")
        .distinct("contact_id")
    )
    return rows.filter(Q(pk__in=latest.values("pk")) | Q(contact=None))


def could_answer(day: date, customers: Ids) -> int:
    """Contacts that could have answered: those who have not left."""
    stayed = Contact.objects.filter(Q(left_on=None) | Q(left_on__gt=day))
    return within(stayed, customers).count()
