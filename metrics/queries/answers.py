"""Survey scores of a day or a period, with n and interval, for the company or for a book."""

from dataclasses import dataclass
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from django.db.models import Count, Q, QuerySet
from django.db.models.functions import Coalesce

from metrics.formulas import satisfaction
from metrics.formulas.periods import Period, trailing
from metrics.formulas.result import Result
from metrics.formulas.satisfaction import Interval, NpsCounts
from metrics.queries.usage_windows import Ids, within
from surveys.choices import Nature, SurveyKind
from surveys.models import Response

NPS_WINDOW_DAYS = 90
FULL_SCALE = 10  # NPS is asked from 0 to 10; imports on another scale are never pooled with it
CSAT = {SurveyKind.CSAT5: 4, SurveyKind.CSAT7: 6}  # lowest satisfied answer
CES = {SurveyKind.CES7: 5, SurveyKind.CES5: 4}  # lowest agreeing answer


@dataclass(frozen=True)
class Answers:
    """A survey score with n, its 95 % interval, and the counts that were put in."""

    result: Result
    n: int
    hits: int
    misses: int
    interval: Interval | None


def nps_at(day: date, *, zone: ZoneInfo, customers: Ids = None) -> Answers:
    """Relationship NPS on a day: the latest answer of each contact within 90 days. Source: section 15."""
    rows = _counted(trailing(day, NPS_WINDOW_DAYS), "answered_at", zone, customers).filter(
        kind=SurveyKind.NPS, nature=Nature.RELATIONSHIP, scale_min=0, scale_max=FULL_SCALE
    )
    latest = (
        rows.filter(contact__isnull=False)
        .order_by("contact_id", "-answered_at", "-pk")
        .distinct("contact_id")
    )
    found = rows.filter(Q(pk__in=latest.values("pk")) | Q(contact=None)).aggregate(
        promoters=Count("pk", filter=Q(score__gte=satisfaction.PROMOTER)),
        passives=Count("pk", filter=Q(score__gte=satisfaction.PASSIVE, score__lt=satisfaction.PROMOTER)),
        detractors=Count("pk", filter=Q(score__lt=satisfaction.PASSIVE)),
    )
    counts = NpsCounts(**found)
    return Answers(
        satisfaction.nps(counts),
        counts.n,
        counts.promoters,
        counts.detractors,
        satisfaction.nps_interval(counts),
    )


def csat_in(period: Period, *, zone: ZoneInfo, customers: Ids = None) -> Answers:
    """Share of satisfied answers to invitations sent in the period; the scale asked most, never pooled."""
    return _share(CSAT, period, zone=zone, customers=customers)


def ces_in(period: Period, *, zone: ZoneInfo, customers: Ids = None) -> Answers:
    """Share of answers agreeing that it was easy, to invitations sent in the period."""
    return _share(CES, period, zone=zone, customers=customers)


def _share(cuts: dict[SurveyKind, int], period: Period, *, zone: ZoneInfo, customers: Ids) -> Answers:
    hit = Q()
    for kind, cut in cuts.items():
        hit |= Q(kind=kind, score__gte=cut)
    rows = _counted(period, "sent_at", zone, customers).filter(kind__in=cuts)
    found = {
        row["kind"]: (row["hits"], row["n"])
        for row in rows.order_by().values("kind").annotate(hits=Count("pk", filter=hit), n=Count("pk"))
    }
    hits, n = max(found.values(), key=lambda pair: pair[1], default=(0, 0))
    return Answers(satisfaction.share(hits=hits, n=n), n, hits, n - hits, satisfaction.wilson(hits=hits, n=n))


def _counted(period: Period, field: str, zone: ZoneInfo, customers: Ids) -> QuerySet[Response]:
    rows = Response.objects.counted().annotate(at=Coalesce(field, "answered_at"))
    rows = rows.filter(at__gte=_start(period.start, zone), at__lt=_start(period.end, zone))
    return within(rows, customers)


def _start(day: date, zone: ZoneInfo) -> datetime:
    """First instant of a local day."""
    return datetime.combine(day, time.min, tzinfo=zone)
