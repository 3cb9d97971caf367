"""The stream of answers: filters, and pages by key so that the hundredth page costs as much as the first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Exists, F, OuterRef, Prefetch, Q, QuerySet, Value

from surveys.formulas.scales import NEGATIVE, NEUTRAL, POSITIVE, SCALES
from surveys.models import Campaign, Response, ResponseTopic
from surveys.queries.responses import answers_for
from surveys.queries.slices import bucket_rule

PAGE = 50
BUCKETS = (NEGATIVE, NEUTRAL, POSITIVE)
CAMPAIGNS_LISTED = 100


@dataclass(frozen=True)
class Wanted:
    """Filters of the stream; empty ones are off. `after` is the place where the page begins."""

    kind: str = ""
    bucket: str = ""
    topic: int | None = None
    phase: str = ""
    segment: str = ""
    language: str = ""
    series: str = ""
    campaign: int | None = None
    owner: int | None = None
    commented: bool = False
    after: tuple[datetime, int] | None = None


@dataclass(frozen=True)
class Page:
    """Answers of one page and the key of the next, or None on the last."""

    rows: Sequence[Response]
    next_after: tuple[datetime, int] | None


def filtered(user: Any, wanted: Wanted, *, least_anonymous: int) -> QuerySet[Response]:
    """Answers the reader may see under these filters. Anonymous ones are hidden while a campaign has too few."""
    rows = answers_for(user).exclude(is_anonymous=True, campaign__in=_too_few(least_anonymous))
    exact = {
        "kind": wanted.kind,
        "phase": wanted.phase,
        "customer__segment": wanted.segment,
        "language": wanted.language,
        "series_key": wanted.series,
        "campaign": wanted.campaign,
        "owner_at_answer": wanted.owner,
    }
    rows = rows.filter(**{name: value for name, value in exact.items() if value})
    if wanted.bucket in BUCKETS:
        rows = rows.filter(_bucket(wanted.bucket))
    if wanted.commented:
        rows = rows.exclude(comment="")
    if wanted.topic:
        rows = rows.filter(Exists(ResponseTopic.objects.filter(response=OuterRef("pk"), topic=wanted.topic)))
    return rows


def _too_few(least: int) -> QuerySet[Campaign]:
    # Campaigns are asked for their mode first: else every answer of all others would be looked at.
    anonymous = Campaign.objects.filter(current__is_anonymous=True)
    counted = anonymous.filter(responses__is_anonymous=True, responses__status="counted")
    return counted.annotate(held=Count("responses")).filter(held__lt=least).values("pk")


def _bucket(name: str) -> Q:
    """The bucket on each scale that has agreed cuts."""
    rule = Q()
    for kind, scale in SCALES.items():
        on_scale = Q(kind=kind, scale_min=scale.low, scale_max=scale.high, direction="high_is_good")
        rule |= on_scale & bucket_rule(scale, name)
    return rule


def page(user: Any, wanted: Wanted, *, least_anonymous: int) -> Page:
    """The newest answers first, from the key on."""
    rows = filtered(user, wanted, least_anonymous=least_anonymous).select_related(
        "customer__summary", "campaign", "contact", "owner_at_answer"
    )
    tagged = ResponseTopic.objects.select_related("topic").order_by("topic__name", "source")
    rows = rows.prefetch_related(Prefetch("topics", queryset=tagged))
    if wanted.after is not None:
        moment, pk = wanted.after
        rows = rows.filter(Q(answered_at__lt=moment) | Q(answered_at=moment, pk__lt=pk))
    if wanted.topic:
        rows = rows.filter(pk__in=_newest_ids(rows))
    found = list(rows.order_by("-answered_at", "-pk")[: PAGE + 1])
    last = found[PAGE - 1] if len(found) > PAGE else None
    return Page(found[:PAGE], (last.answered_at, last.pk) if last else None)


def _newest_ids(rows: QuerySet[Response]) -> list[int]:
    """Ids of the page's answers, taken from those of the topic: a rare topic is not looked for among all newer answers."""
    newest = rows.annotate(newest=F("answered_at") + Value(timedelta(0))).order_by("-newest", "-pk")
    return list(newest.values_list("pk", flat=True)[: PAGE + 1])


def campaigns() -> list[tuple[str, str]]:
    """Campaigns that were answered, newest first, for the filter."""
    rows = Campaign.objects.exclude(launched_at=None).order_by("-launched_at", "-pk")
    return [(str(pk), name) for pk, name in rows.values_list("pk", "name")[:CAMPAIGNS_LISTED]]
