"""The sections of the overview: every metric of the catalogue with its value, its change and its hint."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.safestring import SafeString
from django.views.decorators.http import require_safe

from config.web.access import declare
from config.web.htmx import part_or_page
from config.web.templatetags.ui import trend
from metrics.catalog import METRICS, Hint, sections
from metrics.formulas.periods import Period
from metrics.formulas.result import Result, unknown
from metrics.queries.figures import Figures
from metrics.queries.metric_answers import TABLES, answers_of, lead_of
from metrics.views import formats
from metrics.views.drawings import one_period
from metrics.views.frame import Frame, frame_of
from metrics.views.wording import period_word

# slug: heading, and the sections of the catalogue it shows
SECTIONS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "bridge": ("MRR and its bridge", ("MRR", "Bridge")),
    "retention": ("Churn and retention in full", ("Churn", "Retention and renewal", "Cohorts")),
    "efficiency": (
        "Growth efficiency",
        ("Averages and growth", "Lifetime value", "Costs", "One-off revenue"),
    ),
    "satisfaction": ("Satisfaction", ("Surveys",)),
    "engagement": ("Engagement", ("Engagement", "Trial and activation")),
    "support": ("Support", ("Support",)),
    "work": ("Customer success work", ("Customer success work",)),
}
ELSEWHERE = {"cohort_table": "metrics:cohorts"}


@dataclass(frozen=True)
class Line:
    """One metric of a section, ready to print."""

    key: str
    title: str
    part: str
    value: str
    exact: str
    reason: str
    before: str
    trend: SafeString | str
    low_n: bool
    hint: Hint | None
    href: str


@require_safe
@declare(access="login", scope="customer")
def metric_section(request: HttpRequest, name: str) -> HttpResponse:
    """The metrics of one section for the last period that is over, with the one before."""
    if name not in SECTIONS:
        raise Http404
    frame = frame_of(request)
    title, names = SECTIONS[name]
    with frame.reading():
        figures = frame.figures(frame.latest)
        strip = frame.strip(figures)
        lines = _lines(frame, strip.headline, strip.before, names, one_period(strip, strip.headline))
    context = {
        **frame.context(),
        "section": {"slug": name, "title": title},
        "lines": lines,
        "headline": {"word": period_word(strip.headline.period), "incomplete": strip.headline.incomplete},
        "before_word": period_word(strip.before.period) if strip.before else "",
    }
    return part_or_page(request, "metrics/parts/metric_section.html", title=title, context=context)


def panels(frame: Frame) -> list[dict[str, str]]:
    """The sections as parts that load by themselves."""
    return [
        {
            "url": f"{reverse('metrics:metric_section', args=[slug])}?{frame.span.query()}",
            "name": f"metric_section_{slug}",
            "title": title,
        }
        for slug, (title, _) in SECTIONS.items()
    ]


def _lines(
    frame: Frame, now: Figures, before: Figures | None, names: Sequence[str], state: str
) -> list[Line]:
    found = sections()
    keys = [metric.key for name in names for metric in found.get(name, ())]
    periods: list[Period] = [f.period for f in (before, now) if f]
    rows = answers_of(
        frame.question(periods),
        keys=_with_counts(keys),
        spans=None if frame.shows_reported else [f for f in (before, now) if f],
    )
    last = rows[-1] | _reported(frame, now, keys)
    first = rows[0] if before else {}
    return [_line(frame, key, last, first, now, state) for key in keys]


def _with_counts(keys: Sequence[str]) -> list[str]:
    return [*keys, *(part for key in keys for part in METRICS[key].parts if part.endswith("_n"))]


def _reported(frame: Frame, now: Figures, keys: Sequence[str]) -> dict[str, Result]:
    """Numbers a closed month was reported with, where the page shows those."""
    if not frame.shows_reported:
        return {}
    return {lead_of(key): now.results[lead_of(key)] for key in keys if lead_of(key) in now.results}


def _line(
    frame: Frame,
    key: str,
    now: Mapping[str, Result],
    before: Mapping[str, Result],
    figures: Figures,
    state: str,
) -> Line:
    metric, lead = METRICS[key], lead_of(key)
    result = now.get(lead, unknown("no_data"))
    earlier = before.get(lead)
    is_table = key in TABLES
    return Line(
        key=key,
        title=metric.title,
        part=formats.title_of(lead) if lead != key else "",
        value="" if is_table or result.value is None else formats.shown(lead, result.value, frame.currency),
        exact=formats.exact(result.value),
        reason="" if is_table or result.value is not None else formats.why(result),
        before=formats.shown(lead, earlier.value, frame.currency) if earlier else "",
        trend=_trend(lead, earlier, result, figures),
        low_n=result.value is not None and formats.is_low(lead, now, frame.definition, figures),
        hint=metric.hint,
        href=f"{reverse(ELSEWHERE[key])}?whose={frame.span.whose}"
        if key in ELSEWHERE
        else f"{reverse('metrics:metric', args=[key])}?{state}",
    )


def _trend(key: str, before: Result | None, now: Result, figures: Figures) -> SafeString | str:
    """The change since the period before; a period that still runs is not compared."""
    if before is None or figures.incomplete:
        return ""
    change = formats.change_of(key, before.value, now.value)
    if change is None:
        return ""
    good = formats.better_of(key) or "up"
    return trend(change[0], "Since the period before", 1, change[1], good=good)
