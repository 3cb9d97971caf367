"""Topics, the answers that speak of them, and what they do to a score (S-208)."""

from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Sum

from surveys.choices import TopicSource
from surveys.formulas import small_groups, topics
from surveys.formulas.scales import Scale
from surveys.formulas.weighting import Tally
from surveys.models import Response, ResponseTopic, Topic
from surveys.queries.scores import NO_CUTS, tally_all


def listed() -> QuerySet[Topic]:
    """All topics with how many counted answers speak of them, by their words and by hand."""
    counted = Q(answers__response__status="counted")
    return Topic.objects.annotate(
        answered=Count("answers__response", filter=counted, distinct=True),
        by_hand=Count("answers__response", filter=counted & Q(answers__source="manual"), distinct=True),
    ).order_by("-is_active", "name")


def active() -> list[Topic]:
    """Topics that comments are looked through for."""
    return list(Topic.objects.filter(is_active=True).order_by("name"))


def effects(
    rows: QuerySet[Response], scale: Scale | None, *, is_share: bool, least: int, hides_rest: bool
) -> dict[str, Any]:
    """Each topic among these answers, the one that costs most first; small ones are only counted as hidden."""
    everything = tally_all(rows, scale)
    held = _tallies(rows, scale)
    names = dict(Topic.objects.filter(pk__in=held).values_list("pk", "name"))
    sizes = {topic: found.n for topic, found in held.items()}
    hidden = {topic for topic, n in sizes.items() if not _may_show(n, everything.n, least, hides_rest)}
    lines = []
    for topic, found in held.items():
        effect = None if topic in hidden else topics.effect(everything, found, least=least, is_share=is_share)
        if effect is not None:
            lines.append({"pk": topic, "name": names[topic], "effect": effect})
    lines.sort(key=lambda line: (line["effect"].impact is None, line["effect"].impact, -line["effect"].n))
    return {"lines": lines, "hidden_topics": len(held) - len(lines), "n": everything.n, "least": least}


def _may_show(n: int, of: int, least: int, hides_rest: bool) -> bool:
    return small_groups.may_show(n, of=of, least=least) if hides_rest else n >= least


def _tallies(rows: QuerySet[Response], scale: Scale | None) -> dict[int, Tally]:
    """Per topic its answers, each once, whether its words or a person found it."""
    twin = ResponseTopic.objects.filter(
        response=OuterRef("response"), topic=OuterRef("topic"), source=TopicSource.AUTOMATIC
    )
    once = ResponseTopic.objects.filter(response__in=rows.values("pk")).exclude(
        Q(source=TopicSource.MANUAL) & Exists(twin)
    )
    cuts = scale or NO_CUTS
    found = (
        once.order_by()
        .values_list("topic")
        .annotate(
            n=Count("pk"),
            happy=Count("pk", filter=Q(response__score__gte=cuts.positive_from)),
            unhappy=Count("pk", filter=Q(response__score__lte=cuts.negative_to)),
            total=Sum("response__score"),
        )
    )
    return {topic: Tally(*rest) for topic, *rest in found}
