"""What the summary row of a customer shows of its score: the score in force, its trend, and the cause behind it."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from django.db.models import F

from config.work.pg import Among
from metrics.formulas.health import explain
from metrics.formulas.health_cards import INSUFFICIENT, ActionsCard, Card
from metrics.formulas.health_measures import DAY_ZERO
from metrics.formulas.health_numbers import MICRO, plain
from metrics.models import HealthScore, ScorecardVersion
from metrics.queries.health_inputs import arithmetic_of, matrix_of_inputs
from metrics.queries.scores import (
    FEW,
    MINUS,
    TREND_DAYS,
    WEEKS,
    cards_of,
    label_of,
    midnights_after,
    named_lines,
    title_of,
    tone_of,
)
from metrics.scoring.engine import score_matrix
from metrics.scoring.history import Histories, points, trends
from metrics.scoring.results import costliest
from metrics.scoring.scored import Scored
from metrics.sql.packed_scores import packed_scores


class Same(NamedTuple):
    """What two scorings share that gave the same lines."""

    customer_id: int
    version_id: int
    inputs_hash: str


@dataclass(frozen=True, slots=True)
class OpenScore:
    """The score in force, without its inputs; points and coverage as they are stored."""

    pk: int
    customer_id: int
    version_id: int
    inputs_hash: str
    score: Decimal | None
    computed: Decimal | None
    band: str
    coverage: Decimal
    lines: list[int]
    cap: int | None
    override_part: int
    held: bool
    override_until: date | None


class _Lines(NamedTuple):
    """A stored score as far as its lines go."""

    version_id: int
    score: Decimal | None
    lines: list[int]
    cap: int | None
    override_part: int


OPEN_COLUMNS = (
    "pk", "customer_id", "version_id", "inputs_hash", "score", "computed", "band", "coverage", "lines", "cap",
    "override_part", "held", "override__ends_on",
)  # fmt: skip


def histories_of(customer_ids: Iterable[int], since: datetime) -> Histories:
    """Stored scores of these customers that were in force at or after a moment. One query."""
    ids = sorted(set(customer_ids))
    return Histories.parse(packed_scores(ids, since) if ids else b"", ids)


def first_day_shown(as_of: date) -> date:
    """The earliest day whose score the summary of a day shows."""
    return as_of - timedelta(days=7 * (WEEKS - 1))


def summary_fields_for(
    customer_ids: Iterable[int],
    as_of: date,
    *,
    history: Histories | None = None,
    costs: Mapping[Same, str] | None = None,
) -> dict[int, dict[str, Any]]:
    """What the summary row of each customer takes from its score: {customer id: {field: value}}.

    Fields: score, computed_score, override_until, card, held, band, tone, coverage, trend_30d (points per 30 days),
    trend_points (a score per week, oldest first, None where there was none), top_cause. A customer without any score is
    insufficient. Who has just scored these customers hands on their `history` and what each score `costs`.
    """
    ids = sorted(set(customer_ids))
    bounds = midnights_after(first_day_shown(as_of), as_of)
    if history is None:
        history = histories_of(ids, bounds[0])
    places = history.at(bounds)
    scores = history.scores_at(places)
    weekly, slopes = points(scores[:, ::-7][:, ::-1]), trends(scores[:, -TREND_DAYS:], TREND_DAYS)
    month_ago = dict(zip(ids, history.score_ids_at(places[:, -TREND_DAYS]), strict=True))
    rows = HealthScore.objects.filter(Among(F("customer_id"), ids), to_at=None).values_list(*OPEN_COLUMNS)
    open_scores = {one.customer_id: one for one in (OpenScore(*row) for row in rows)}
    causes, versions = _causes_and_versions(list(open_scores.values()), month_ago, costs or {})
    cards = cards_of(versions.values())
    found = {}
    for pk, points_of, slope in zip(ids, weekly, slopes, strict=True):
        found[pk] = fields = _blank(points_of)
        score = open_scores.get(pk)
        if score is not None:
            fields |= _fields(score, cards[score.version_id], versions[score.version_id].scorecard.title)
            if score.score is not None:
                fields["trend_30d"] = None if slope is None else Decimal(slope) / MICRO
                fields["top_cause"] = causes.get(pk, "")
    return found


def _blank(weekly: list[float | None]) -> dict[str, Any]:
    return {
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
        "trend_points": weekly,
        "top_cause": "",
    }


def _fields(score: OpenScore, card: Card, title: str) -> dict[str, Any]:
    return {
        "score": score.score,
        "computed_score": score.computed,
        "override_until": score.override_until,
        "card": title,
        "held": score.held,
        "band": score.band,
        "band_label": label_of(card, score.band) if score.score is not None else "",
        "tone": tone_of(card, score.band),
        "coverage": score.coverage,
    }


def _causes_and_versions(
    scores: Sequence[OpenScore], month_ago: Mapping[int, int], costs: Mapping[Same, str]
) -> tuple[dict[int, str], dict[int, ScorecardVersion]]:
    """{customer: the line that changed most since a month ago, or without a score then the measure that costs most}.

    Empty when nothing changed by a tenth of a point. Also the versions of all scores met.
    """
    scored = [one for one in scores if one.score is not None]
    before = _lines_of({found for one in scored if (found := month_ago[one.customer_id]) and found != one.pk})
    named = {one.version_id for one in (*scores, *before.values())}
    versions = ScorecardVersion.objects.filter(pk__in=named).select_related("scorecard").in_bulk()
    cards = cards_of(versions.values())
    found, fresh = {}, []
    for one in scored:
        then = one if month_ago[one.customer_id] == one.pk else before.get(month_ago[one.customer_id])
        known = costs.get(Same(one.customer_id, one.version_id, one.inputs_hash))
        if then is not None and then.score is not None:
            found[one.customer_id] = _biggest_change(one, then, cards)
        elif known is not None:
            found[one.customer_id] = known
        else:
            fresh.append(one.pk)
    return (found | _weakest_of(fresh, cards)), versions


def _lines_of(score_ids: Collection[int]) -> dict[int, _Lines]:
    if not score_ids:
        return {}
    rows = HealthScore.objects.filter(Among(F("pk"), list(score_ids))).values_list("pk", *_Lines._fields)
    return {pk: _Lines(*row) for pk, *row in rows}


def _biggest_change(score: OpenScore, before: OpenScore | _Lines, cards: Mapping[int, Card]) -> str:
    now, then = named_lines(score, cards[score.version_id]), named_lines(before, cards[before.version_id])
    changes = {key: now.get(key, 0) - then.get(key, 0) for key in {**now, **then}}
    key = max(changes, key=lambda one: (abs(changes[one]), one))
    if abs(changes[key]) < MICRO // 10:
        return ""
    sign = "+" if changes[key] > 0 else MINUS
    return f"{title_of(key)} {sign}{plain(abs(changes[key]), 1)}"


def _weakest_of(score_ids: Collection[int], cards: Mapping[int, Card]) -> dict[int, str]:
    """{customer: the measure that costs it most}; many scores of one card and day go as whole columns."""
    if not score_ids:
        return {}
    groups: dict[tuple[int, date], list[HealthScore]] = defaultdict(list)
    for score in HealthScore.objects.filter(pk__in=score_ids).only(
        "customer_id", "version_id", "as_of", "inputs"
    ):
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
        found |= dict(zip([one.customer_id for one in members], costs_of(scored), strict=True))
    return found


def costs_of(scored: Scored) -> list[str]:
    """The measure that costs each customer most, in words; needs lines and parts. Counts cost nothing."""
    if isinstance(scored.card, ActionsCard):
        return [""] * len(scored)
    keys = [measure.key for measure in scored.card.measures]
    return [_costs(keys[place], lost) for place, lost in costliest(scored)]


def _weakest(score: HealthScore, card: Card) -> str:
    parts = explain(card, *arithmetic_of(score.inputs, score.as_of)).parts
    lost = {part.key: 100 * MICRO * part.effective_share - part.contribution for part in parts}
    key = max(lost, key=lambda one: (lost[one], one), default="")
    return _costs(key, int(lost[key])) if key else ""


def _costs(key: str, lost: int) -> str:
    return f"{title_of(key)} costs {plain(lost, 1)}" if lost >= MICRO else ""
