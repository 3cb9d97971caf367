"""The page of one metric: its value and trend, how it is counted, what was reported, its parts, and the rows behind it."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from accounts.permissions import may
from config.web import charts
from config.web.access import declare
from config.web.htmx import page_or_part, part_or_page
from metrics.catalog import METRICS, variants_of
from metrics.formulas.periods import Period
from metrics.formulas.result import Result, unknown
from metrics.queries.freshness import freshness
from metrics.queries.metric_answers import REVENUE, TABLES, answers_of, keys_of, lead_of
from metrics.views import formats
from metrics.views.drawings import one_period, whole
from metrics.views.frame import Frame, frame_of
from metrics.views.reported import reported_rows
from metrics.views.row_pages import Rows, rows_of
from metrics.views.splits import field_choices, split_of
from metrics.views.tables_of import table_of
from metrics.views.tiles import Strip
from metrics.views.wording import period_word, short_period

MOST_POINTS = 13  # periods of a trend that is counted from answers, events or tickets
GIVEN = "given"


@require_safe
@declare(access="login", scope="customer")
def metric(request: HttpRequest, key: str) -> HttpResponse:
    """One metric of the catalogue, with the facts it is made of."""
    if key not in METRICS:
        raise Http404
    frame = frame_of(request)
    with frame.reading():
        strip = frame.strip(frame.figures())
        headline = strip.headline.period
        values = _series(frame, key, strip)
        now = {**values[headline], **_frozen(strip, key)}
        asked = _asked(request, key)
        rows = rows_of(frame, asked, headline, request.GET, request.user)
        context = {
            **frame.context(),
            "metric": METRICS[key],
            "headline": {"word": period_word(headline), "incomplete": strip.headline.incomplete},
            "number": _number(frame, strip, asked, now),
            "given": [_number(frame, strip, part, now) for part in keys_of(key)],
            "split_href": f"{reverse('metrics:metric_split', args=[key])}?{frame.span.query()}",
            "can_export": may(request.user, "export"),
            "is_table": key in TABLES,
            "table": table_of(key, frame, strip, request.user),
            **_plot(frame, asked, strip, values),
            **_panel(frame, key),
            "rows": rows,
            "reported": reported_rows(frame, [lead_of(key)], request.user),
        }
        return page_or_part(request, "metrics/metric.html", parts=["metric_rows"], context=context)


@require_safe
@declare(access="login", scope="customer")
def metric_split(request: HttpRequest, key: str) -> HttpResponse:
    """The metric of the last period that is over, split by a field; the parts make the whole."""
    if key not in METRICS:
        raise Http404
    frame = frame_of(request)
    field = request.GET.get("by", "")
    choices = field_choices()
    field = field if field in dict(choices) else choices[0][0]
    with frame.reading():
        strip = frame.strip(frame.figures(frame.latest))
        lines, totals = split_of(frame, _asked(request, key), strip.headline.period, field)
    context = {
        **frame.context(),
        "metric": METRICS[key],
        "field": field,
        "fields": choices,
        "lines": lines,
        "totals": totals,
        "is_revenue": lead_of(key) in REVENUE,
        "headline": {"word": period_word(strip.headline.period), "incomplete": strip.headline.incomplete},
    }
    return part_or_page(request, "metrics/parts/metric_split.html", title=METRICS[key].title, context=context)


def _asked(request: HttpRequest, key: str) -> str:
    """The number the rows and the trend are shown for: the leading one, or one given with it."""
    wanted = request.GET.get(GIVEN, "")
    return wanted if wanted in keys_of(key) else lead_of(key)


def _series(frame: Frame, key: str, strip: Strip) -> dict[Period, Mapping[str, Result]]:
    """The metric and what is given with it per period; for what is not of the ledger the latest periods only."""
    keys = keys_of(key)
    figures = list(strip.figures)
    if key in TABLES:
        return {strip.headline.period: {}}
    if not {lead_of(name) for name in keys} & REVENUE:
        place = figures.index(strip.headline) + 2
        figures = figures[max(0, place - MOST_POINTS) : place]
    spans = None if frame.shows_reported else figures
    rows = answers_of(frame.question([f.period for f in figures]), keys=keys, spans=spans)
    return {f.period: row for f, row in zip(figures, rows, strict=True)}


def _frozen(strip: Strip, key: str) -> dict[str, Result]:
    """What a closed month was reported with, where that is shown."""
    results = strip.headline.results
    return {part: results[part] for part in keys_of(key) if part in results}


def _number(frame: Frame, strip: Strip, key: str, values: Mapping[str, Result]) -> dict[str, Any]:
    result = values.get(key, unknown("no_data"))
    return {
        "key": key,
        "title": formats.title_of(key),
        "value": "" if result.value is None else formats.shown(key, result.value, frame.currency),
        "exact": formats.exact(result.value),
        "reason": "" if result.value is not None else formats.why(result),
        "low_n": result.value is not None and formats.is_low(key, values, frame.definition, strip.headline),
        "query": f"{one_period(strip, strip.headline)}&{GIVEN}={key}",
    }


def _plot(
    frame: Frame, key: str, strip: Strip, values: Mapping[Period, Mapping[str, Result]]
) -> dict[str, Any]:
    """The values of the periods that are over as a line, and all of them as a table."""
    listed = [f for f in strip.figures if f.period in values]
    results = [values[f.period].get(key, unknown("no_data")) for f in listed]
    drawn = [None if f.incomplete else r.value for f, r in zip(listed, results, strict=True)]
    known = [value for value in drawn if value is not None]
    if not known:
        return {}
    plot = charts.line(
        drawn,
        [short_period(f.period) for f in listed],
        message=f"{formats.title_of(key)} by period, {formats.shown(key, known[-1], frame.currency)} at the end",
        show=lambda value: whole(formats.shown(key, Decimal(str(value)), frame.currency)),
        low=min(Decimal(0), *known),
        height=262,
    )
    twin = [
        _twin(frame, key, period_word(f.period) + (", not over" if f.incomplete else ""), result)
        for f, result in zip(listed, results, strict=True)
    ]
    heads = ["Period", "Numerator", "Denominator", formats.title_of(key)]
    return {"plot": plot, "twin_heads": heads, "twin": twin}


def _twin(frame: Frame, key: str, word: str, result: Result) -> list[str]:
    parts = [formats.exact(part) or "–" for part in (result.numerator, result.denominator)]
    value = formats.shown(key, result.value, frame.currency)
    return [word, *parts, value if result.value is not None else f"n/a: {formats.why(result)}"]


def _panel(frame: Frame, key: str) -> dict[str, Any]:
    """The variant in force, the version of the definition, and what the numbers are complete to."""
    keys: Sequence[Any] = variants_of(METRICS[key])
    return {
        "variants": [(item.name, getattr(frame.definition, item.name), item.sentence) for item in keys],
        "version": frame.version,
        "freshness": freshness(),
        "whose_basis": frame.whose_words,
        "shows_reported": frame.shows_reported,
    }


def rows_for_export(frame: Frame, request: HttpRequest, key: str) -> Rows | None:
    """The same rows without pages."""
    strip = frame.strip(frame.figures(frame.latest))
    return rows_of(
        frame, _asked(request, key), strip.headline.period, request.GET, request.user, is_whole=True
    )


def series_for_export(frame: Frame, key: str) -> tuple[Strip, dict[Period, Mapping[str, Result]]]:
    """All periods with the metric and what is given with it."""
    strip = frame.strip(frame.figures())
    return strip, _series(frame, key, strip)
