"""Which answers a page counts: one series, a campaign, a wave or a span of time, and the filters over them."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from accounts.choices import Role
from accounts.models import Organisation, User
from accounts.queries import organisation
from customers.choices import Phase
from customers.models import CustomerSummary
from surveys.choices import Nature, SurveyKind
from surveys.formulas.scales import NEGATIVE, NEUTRAL, POSITIVE, Scale, scale_of
from surveys.models import Response, ResponseTopic, SurveyPolicy
from surveys.words import catalogue

PHASES = dict(Phase.choices)
SENT, ANSWERED = "sent", "answered"  # send cohort, or by answer date


@dataclass(frozen=True)
class Series:
    """Answers to one question on one scale; never joined with another series in one number (S-12)."""

    key: str
    kind: str
    low: int
    high: int
    direction: str
    nature: str
    channel: str
    n: int
    last_at: datetime
    name: str
    anonymous: bool = False

    @property
    def scale(self) -> Scale | None:
        """Its cuts, or None for an imported scale without agreed ones."""
        return scale_of(self.kind, self.low, self.high, self.direction)

    @property
    def is_nps(self) -> bool:
        return self.kind == SurveyKind.NPS

    @property
    def title(self) -> str:
        """Kind, scale and name in words."""
        turned = ", low is good" if self.scale is None and self.direction != "high_is_good" else ""
        kind = self.kind.rstrip("57").upper()
        return f"{kind} {self.low}–{self.high}{turned}, {self.name or Nature(self.nature).label.lower()}"


@dataclass(frozen=True)
class Slice:
    """Filters of a page. Empty ones are off; `start` and `end` are a half-open span of `basis`."""

    series: str = ""
    campaign: int | None = None
    wave: int | None = None
    start: datetime | None = None
    end: datetime | None = None
    basis: str = SENT
    segment: str = ""
    phase: str = ""
    owner: int | None = None
    language: str = ""
    bucket: str = ""
    topic: int | None = None

    @property
    def is_narrowed(self) -> bool:
        """Whether a filter besides series, campaign, wave and time is on."""
        return self != self.whole

    @property
    def whole(self) -> "Slice":
        """The same answers without the filters over people."""
        return replace(self, segment="", phase="", owner=None, language="", bucket="", topic=None)


def answers(wanted: Slice, scale: Scale | None) -> QuerySet[Response]:
    """Counted answers of a slice."""
    rows = Response.objects.counted()
    # Of a wave, question and campaign are asked of the wave: the answers are then read from an index alone.
    through = "invitation__wave__" if wanted.wave else ""
    exact = {
        f"{through}version__series_key" if through else "series_key": wanted.series,
        f"{through}campaign": wanted.campaign,
        "invitation__wave": wanted.wave,
        "customer__segment": wanted.segment,
        "phase": wanted.phase,
        "owner_at_answer": wanted.owner,
        "language": wanted.language,
    }
    rows = rows.filter(**{name: value for name, value in exact.items() if value})
    if wanted.topic:
        rows = rows.filter(Exists(ResponseTopic.objects.filter(response=OuterRef("pk"), topic=wanted.topic)))
    if wanted.bucket and scale is not None:
        rows = rows.filter(bucket_rule(scale, wanted.bucket))
    return _within(rows, wanted)


def _within(rows: QuerySet[Response], wanted: Slice) -> QuerySet[Response]:
    if wanted.start is None and wanted.end is None:
        return rows
    if wanted.basis == ANSWERED:
        found = rows.annotate(counted_at=F("answered_at"))
    else:
        found = rows.annotate(counted_at=Coalesce("sent_at", "answered_at"))
    if wanted.start is not None:
        found = found.filter(counted_at__gte=wanted.start)
    return found if wanted.end is None else found.filter(counted_at__lt=wanted.end)


def bucket_rule(scale: Scale, name: str) -> Q:
    """Answers of one bucket of a scale; an unknown name is all of them."""
    rules = {
        NEGATIVE: Q(score__lte=scale.negative_to),
        NEUTRAL: Q(score__gt=scale.negative_to, score__lt=scale.positive_from),
        POSITIVE: Q(score__gte=scale.positive_from),
    }
    return rules.get(name, Q())


def latest_of_people(rows: QuerySet[Response]) -> QuerySet[Response]:
    """The last answer of each contact; answers of nobody known count each (S-30)."""
    newest = rows.filter(contact__isnull=False).order_by("contact", "-answered_at", "-pk").distinct("contact")
    # One list, not two with an “or” between them: the answers are then found by id instead of read all.
    return Response.objects.filter(
        pk__in=newest.values("pk").union(rows.filter(contact=None).order_by().values("pk"), all=True)
    )


def series_list() -> list[Series]:
    """All series with counted answers, the one answered last first."""
    counted = Response.objects.counted()
    of_series = counted.filter(series_key=OuterRef("series_key"))
    # Numbers come from small indexes; everything else a series has is that of its last answer.
    grouped = (
        counted.order_by()
        .values("series_key")
        .annotate(n=Count("*"))
        .annotate(
            last=Subquery(of_series.order_by("-answered_at").values("answered_at")[:1]),
            anonymous=Exists(of_series.filter(is_anonymous=True)),
        )
    )
    held = {row["series_key"]: row for row in grouped}
    is_last = Q(pk__in=())
    for key, row in held.items():
        is_last |= Q(series_key=key, answered_at=row["last"])
    newest = counted.filter(is_last).order_by("series_key", "-pk").distinct("series_key")
    found = Response.objects.filter(pk__in=newest.values("pk")).select_related("campaign")
    listed = [_series(one, held[one.series_key]) for one in found]
    return sorted(listed, key=lambda one: (one.last_at, one.key), reverse=True)


def _series(one: Response, row: dict[str, Any]) -> Series:
    return Series(
        key=row["series_key"],
        kind=one.kind,
        low=one.scale_min,
        high=one.scale_max,
        direction=one.direction,
        nature=one.nature,
        channel=one.channel,
        n=row["n"],
        last_at=one.answered_at,
        name=one.campaign_name or (one.campaign.name if one.campaign else ""),
        anonymous=row["anonymous"],
    )


def usual_series(held: Iterable[Series]) -> Series | None:
    """What the company view opens with: the relationship NPS answered last, else any series."""
    listed = list(held)
    nps = [one for one in listed if one.is_nps and one.nature == Nature.RELATIONSHIP]
    return next(iter([*nps, *listed]), None)


@dataclass(frozen=True)
class Span:
    """A period to choose: key in the URL, words, and its half-open bounds."""

    key: str
    name: str
    start: datetime | None
    end: datetime | None
    is_rolling: bool = False


def spans(series: Series, policy: SurveyPolicy, *, now: datetime, home: Organisation) -> list[Span]:
    """Rolling windows, all time, and the twelve last months up to the last answer, newest first."""
    rolling = [
        Span(f"last{days}", f"Last {days} days", now - timedelta(days=days), None, is_rolling=True)
        for days in dict.fromkeys((policy.nps_window_days, policy.nps_customer_window_days))
    ]
    return [*rolling, Span("all", "All time", None, None), *months_back(series.last_at, 12, home)]


def months_back(last_at: datetime, number: int, home: Organisation) -> list[Span]:
    """Calendar months of the organisation's zone up to the one of `last_at`, newest first."""
    first = organisation.local_day(last_at, home).replace(day=1)
    found = []
    for _ in range(number):
        after = (first + timedelta(days=32)).replace(day=1)
        bounds = organisation.midnight(first, home), organisation.midnight(after, home)
        found.append(Span(f"{first:%Y-%m}", f"{first:%B %Y}", *bounds))
        first = (first - timedelta(days=1)).replace(day=1)
    return found


def month_span(key: str, home: Organisation) -> Span | None:
    """The month of a key such as "2026-03", or None when it is none."""
    try:
        first = date.fromisoformat(f"{key}-01")
        after = (first + timedelta(days=32)).replace(day=1)
        bounds = organisation.midnight(first, home), organisation.midnight(after, home)
    except (ValueError, OverflowError):
        return None
    return Span(f"{first:%Y-%m}", f"{first:%B %Y}", *bounds)


def choices() -> dict[str, list[tuple[str, str]]]:
    """What the filters can name: segments, phases, people with books, languages. Read from small tables, not from answers."""
    owners = User.objects.filter(is_active=True).exclude(role=Role.VIEWER).order_by("name", "pk")
    segments = CustomerSummary.objects.exclude(customer__segment="").values_list(
        "customer__segment", flat=True
    )
    return {
        "segment": [(value, value) for value in segments.order_by("customer__segment").distinct()],
        "phase": list(PHASES.items()),
        "owner": [(str(pk), name) for pk, name in owners.values_list("pk", "name")],
        "language": [(code, code) for code in catalogue.languages()],
    }


def payers() -> QuerySet[CustomerSummary]:
    """Customers with MRR now: those whose voice has a weight (S-33)."""
    return CustomerSummary.objects.filter(mrr__gt=0, customer__archived_at=None)
