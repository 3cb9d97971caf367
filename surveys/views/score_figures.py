"""Score, distribution and methods of a slice as the pages of results draw them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.choices import Role
from config.web import charts
from config.web import money as amounts
from metrics.formulas.satisfaction import nps_shown
from surveys.choices import Nature
from surveys.formulas import small_groups, weighting
from surveys.formulas.scales import NEGATIVE, NEUTRAL, POSITIVE
from surveys.formulas.weighting import Tally
from surveys.models import Response, SurveyPolicy
from surveys.queries import results as queries
from surveys.queries import scores, slices
from surveys.queries.slices import Series, Slice
from surveys.views.results_cells import TONES, score_cell, words_of

BUCKETS = (NEGATIVE, NEUTRAL, POSITIVE)
MINUS = "−"


@dataclass(frozen=True)
class Subject:
    """What a page is about: its series, its slice, the rules in force and who reads."""

    series: Series
    wanted: Slice
    policy: SurveyPolicy
    now: datetime
    rolling: bool = False
    population: int | None = None

    @property
    def is_share(self) -> bool:
        """Whether the score is a share in per cent, not an NPS."""
        return not self.series.is_nps

    def rows(self, wanted: Slice | None = None) -> QuerySet[Response]:
        """The answers: of a rolling window of a relationship series the last one per contact (S-30)."""
        found = slices.answers(wanted or self.wanted, self.series.scale)
        is_latest = self.rolling and self.series.nature == Nature.RELATIONSHIP
        return slices.latest_of_people(found) if is_latest else found


def least_of(user: Any, subject: Subject) -> tuple[int, bool]:
    """The smallest group this reader is shown, and whether what is left over must not be too small either (S-205)."""
    anonymous = subject.series.anonymous
    least = subject.policy.min_show_n
    if anonymous:
        least = max(least, subject.policy.anonymous_min_group)
    return least, anonymous or user.role != Role.ADMIN


def is_hidden(user: Any, subject: Subject, n: int) -> bool:
    """Whether the filters leave a group that tells about single people: too few, or all but too few."""
    least, guarded = least_of(user, subject)
    if not guarded or not n:
        return False
    if not subject.wanted.is_narrowed:
        return n < least and subject.series.anonymous
    return not small_groups.may_show(n, of=subject.rows(subject.wanted.whole).count(), least=least)


def figures(request: HttpRequest, subject: Subject) -> dict[str, Any]:
    """Score, axis, distribution, methods and coverage; nothing of a group that has to stay hidden."""
    series, policy = subject.series, subject.policy
    rows = subject.rows()
    held, mrr = scores.tally_customers(rows, series.scale)
    everything = weighting.merged(held.values())
    hidden = is_hidden(request.user, subject, everything.n)
    score = queries.score_of_tally(
        series.kind,
        Tally() if hidden else everything,
        policy,
        has_cuts=series.scale is not None,
        population=subject.population,
    )
    context: dict[str, Any] = {"hidden": hidden, "score": score_cell(score), "series": series}
    context |= {"axis": axis(score) if score.value is not None else None}
    if score.weight != queries.LIST_ONLY:
        by_role = scores.points_by_role(rows)
        context |= _distribution(by_role, subject, score)
        if score.value is not None and series.scale is not None:
            found = scores.weigh(
                held,
                mrr,
                scores.roles(by_role, series.scale),
                series.scale,
                is_share=subject.is_share,
                policy=policy,
                could_answer=scores.could_answer(subject.wanted),
                user=request.user,
            )
            context |= _methods(request, subject, found)
    return context


def _distribution(
    by_role: Mapping[tuple[int, str], int], subject: Subject, score: queries.Score
) -> dict[str, Any]:
    series = subject.series
    points = queries.distribution(
        scores.points(by_role), low=series.low, high=series.high, scale=series.scale
    )
    parts = (score.negative, score.neutral, score.positive)
    words = words_of(series.kind).values() if series.scale else ("", "answers", "")
    said = [f"{count} {word}" for count, word in zip(parts, words, strict=True) if word]
    return {
        "points": points,
        "plot": _plot(points),
        "point_heads": ["Score", "Answers"],
        "point_rows": [(point, count) for point, count, _ in points],
        "mix": [(count, TONES[name]) for count, name in zip(parts, BUCKETS, strict=True)],
        "mix_label": ", ".join(said),
    }


def _methods(request: HttpRequest, subject: Subject, found: scores.Weighed) -> dict[str, Any]:
    chosen = found.by_key(request.GET.get("method", ""))
    params = request.GET.copy()
    ways = []
    for method in found.methods:
        params["method"] = method.key
        ways.append(
            {
                "method": method,
                "text": value_text(method.value, subject.is_share),
                "href": f"?{params.urlencode()}",
                "current": method == chosen,
            }
        )
    return {
        "ways": ways,
        "way": next(way for way in ways if way["current"]),
        "weighed": found,
        "coverage_met": found.coverage is not None and found.coverage >= scores.TARGET,
        "target": scores.TARGET,
    }


def value_text(value: Any, is_share: bool) -> str:
    """A score as it is printed: signed whole number, or per cent; a dash where there is none."""
    if value is None:
        return "–"
    return f"{amounts.number(value)}\u00a0%" if is_share else nps_shown(value)


def axis(score: queries.Score) -> dict[str, Any]:
    """Places of the interval and the value on a line of 0 to 100 per cent."""
    low, width = (-100, 200) if score.kind == "nps" else (0, 100)

    def place(value: Any) -> float:
        return round(float((value - low) * 100 / width), 2)

    return {
        "x": f"{place(score.low)}%",
        "width": f"{place(score.high) - place(score.low):.2f}%",
        "at": f"{place(score.value)}%",
        "ticks": [
            (f"{place(low + width * part // 4)}%", amounts.number(low + width * part // 4), part)
            for part in range(5)
        ],
    }


def _plot(points: list[tuple[int, int, str]]) -> charts.Plot:
    series = [(name, [count if found == name else 0 for _, count, found in points]) for name in BUCKETS]
    toned = [(TONES[name], values) for name, values in series]
    said = ", ".join(f"{point}: {count}" for point, count, _ in points)
    return charts.columns(
        toned,
        [str(point) for point, _, _ in points],
        message=f"Answers per score. {said}",
        show=lambda value: f"{value:.0f}" if float(value).is_integer() else "",
        tips=[f"{count} answered {point}" for point, count, _ in points],
        height=190,
    )


def trend(request: HttpRequest, subject: Subject) -> dict[str, Any]:
    """Score per month with interval, n and an arrow only where the change is significant (S-26)."""
    home = request.organisation  # type: ignore[attr-defined] - third-party-type
    wanted = replace(subject.wanted, start=None, end=None)
    months = scores.trend(
        slices.answers(wanted, subject.series.scale),
        subject.series.scale,
        basis=wanted.basis,
        zone=slices.organisation.zone(home),
        policy=subject.policy,
        today=slices.organisation.local_day(subject.now, home),
        is_share=subject.is_share,
    )
    least, guarded = least_of(request.user, subject)
    sizes = {month.month: month.tally.n for month in months}
    gone = small_groups.hidden_groups(sizes, least) if guarded else set()
    lines = [_month(month, subject, month.month in gone) for month in months]
    values = [line["value"] for line in lines]
    known = any(value is not None for value in values)
    return {"months": lines, "trend_plot": _line(lines, subject) if known else None, "basis": wanted.basis}


def _month(month: scores.Month, subject: Subject, gone: bool) -> dict[str, Any]:
    series = subject.series
    score = queries.score_of_tally(
        series.kind, Tally() if gone else month.tally, subject.policy, has_cuts=series.scale is not None
    )
    return {
        "name": f"{month.month:%B %Y}",
        "short": f"{month.month:%b}",
        "cell": score_cell(score),
        "value": score.value if series.scale is not None else score.mean,
        "way": "" if gone else month.way,
        "gone": gone,
        "is_final": month.is_final,
    }


def _line(lines: list[dict[str, Any]], subject: Subject) -> charts.Plot:
    low, high = (-100, 100) if subject.series.is_nps else (0, 100)
    if subject.series.scale is None:
        low, high = subject.series.low, subject.series.high
    said = ", ".join(f"{line['name']} {line['cell']['text'] or 'too few'}" for line in lines)
    return charts.line(
        [line["value"] for line in lines],
        [line["short"] for line in lines],
        message=f"Score per month. {said}",
        show=amounts.number,
        low=low,
        high=high,
        ticks=(-100, -50, 0, 50, 100) if subject.series.is_nps else (),
        fill=False,
    )
