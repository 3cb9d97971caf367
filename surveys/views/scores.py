"""Scores of a series: the company view with filters, trend, funnel by part and what topics do."""

from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from config.web import money as amounts
from config.web.access import declare
from config.web.htmx import page_or_part, part_or_page
from customers.models import Contact
from surveys.forms.results import BUCKETS, id_of, series_of, slice_of, span_of, text_of
from surveys.formulas import small_groups
from surveys.queries import funnels, slices
from surveys.queries import policy as policies
from surveys.queries import topics as topic_queries
from surveys.queries.slices import Series, Slice
from surveys.views import score_figures
from surveys.views.results_cells import words_of
from surveys.views.score_figures import Subject

PARTS = ("segment", "language", "domain", "wave", "customer")
KEPT = (
    "series",
    "span",
    "basis",
    "segment",
    "phase",
    "owner",
    "language",
    "bucket",
    "topic",
    "method",
    "fpc",
)


@require_safe
@declare(access="login", scope="organisation")
def scores(request: HttpRequest) -> HttpResponse:
    """The score of one series with interval and n, five ways to count it, its trend, funnel and topics."""
    now = timezone.now()
    held = slices.series_list()
    series = series_of(request.GET, held, slices.usual_series(held))
    context: dict[str, Any] = {"series_list": held, "series": series}
    if series is not None:
        subject, chosen = subject_of(request, series, now)
        context |= score_figures.figures(request, subject)
        context |= score_figures.trend(request, subject)
        context |= _filters(request, subject, chosen)
    return page_or_part(request, "surveys/scores.html", context=context)


def subject_of(request: HttpRequest, series: Series, now: Any) -> tuple[Subject, dict[str, Any]]:
    """What the URL asks about, and the periods it can choose from."""
    home = request.organisation  # type: ignore[attr-defined] - third-party-type
    policy = policies.current(now)
    listed = slices.spans(series, policy, now=now, home=home)
    span = span_of(request.GET, listed, series, home)
    wanted = slice_of(request.GET, series=series.key, start=span.start, end=span.end)
    if span.is_rolling:
        # A rolling window is over the answers of its days; send cohorts belong to months and waves (S-30).
        wanted = replace(wanted, basis=slices.ANSWERED)
    population = Contact.objects.filter(left_on=None, erased_at=None).count() if _wants_fpc(request) else None
    subject = Subject(series, wanted, policy, now, rolling=span.is_rolling, population=population)
    return subject, {"spans": listed, "span": span}


def _wants_fpc(request: HttpRequest) -> bool:
    return request.GET.get("fpc") == "1"


def _filters(request: HttpRequest, subject: Subject, chosen: dict[str, Any]) -> dict[str, Any]:
    state = {name: request.GET[name] for name in KEPT if request.GET.get(name)} | {
        "series": subject.series.key
    }
    return {
        **chosen,
        "wanted": subject.wanted,
        "menus": menus(slices.choices(), subject.wanted),
        "buckets": [(name, words_of(subject.series.kind)[name].capitalize()) for name in BUCKETS],
        "wants_fpc": _wants_fpc(request),
        "asked_basis": slice_of(request.GET).basis,
        "funnel_href": f"{reverse('surveys:funnel_panel')}?{urlencode(state)}",
        "topics_href": f"{reverse('surveys:topic_effects')}?{urlencode(state)}",
        "answers_href": f"{reverse('surveys:responses')}?{urlencode(state)}",
        "state": urlencode(state),
        "basis_tabs": [
            {
                "words": words,
                "query": urlencode({**state, "basis": basis}),
                "current": subject_basis(request) == basis,
            }
            for basis, words in ((slices.SENT, "By month of sending"), (slices.ANSWERED, "By answer date"))
        ],
    }


def subject_basis(request: HttpRequest) -> str:
    """Which day the trend goes by."""
    return slice_of(request.GET).basis


def menus(choices: dict[str, list[tuple[str, str]]], wanted: Slice) -> list[dict[str, Any]]:
    """Filters with more than one value to choose from, or one that is on."""
    words = {"segment": "Segment", "phase": "Phase", "owner": "CSM", "language": "Language"}
    found = []
    for name, label in words.items():
        current = str(getattr(wanted, name) or "")
        if len(choices[name]) > 1 or current:
            found.append({"name": name, "label": label, "values": choices[name], "current": current})
    return found


@require_safe
@declare(access="login", scope="organisation")
def funnel_panel(request: HttpRequest) -> HttpResponse:
    """The funnel of a campaign, wave or series in parts, with suspect rates and findings about domains."""
    by = request.GET.get("by", "")
    by = by if by in PARTS else PARTS[0]
    wanted = slice_of(
        request.GET,
        series=text_of(request.GET, "series"),
        campaign=id_of(request.GET, "campaign"),
        wave=id_of(request.GET, "wave"),
        bucket="",
        topic=None,
    )
    least = policies.current(timezone.now()).min_show_n
    lines = funnels.lines(wanted, by, user=request.user)
    hidden = (
        small_groups.hidden_groups({line.key: line.answered for line in lines}, least)
        if by != "customer"
        else set()
    )
    context = {
        "lines": [_funnel_line(line, by, hide=line.key in hidden) for line in lines],
        "by": by,
        "tabs": [
            {"query": _query(request.GET, by=part), "words": part.capitalize(), "current": part == by}
            for part in PARTS
        ],
        "state": _query(request.GET),
        "least": least,
    }
    return part_or_page(request, "surveys/parts/funnel_panel.html", title="Funnel by part", context=context)


def _funnel_line(line: funnels.Line, by: str, *, hide: bool) -> dict[str, Any]:
    def share(value: float | None) -> str:
        return amounts.percent(value) if value is not None else "–"

    return {
        "line": line,
        "hidden": hide,
        "rate": share(line.response_rate),
        "completion": share(line.completion),
        "suspect_rate": share(line.suspect_rate),
        "finding": line.finding if by == "domain" else "",
    }


def _query(params: QueryDict, **changed: str) -> str:
    kept = {name: params[name] for name in (*KEPT, "campaign", "wave") if params.get(name)}
    return urlencode({**kept, **changed})


@require_safe
@declare(access="login", scope="organisation")
def topic_effects(request: HttpRequest) -> HttpResponse:
    """What each topic of the comments does to the score: count, share, mean, impact."""
    now = timezone.now()
    held = slices.series_list()
    series = series_of(request.GET, held, slices.usual_series(held))
    context: dict[str, Any] = {"series": series, "lines": []}
    if series is not None:
        subject, _ = subject_of(request, series, now)
        campaign, wave = id_of(request.GET, "campaign"), id_of(request.GET, "wave")
        if campaign or wave:
            whole = replace(subject.wanted, campaign=campaign, wave=wave, start=None, end=None)
            subject = replace(subject, wanted=whole, rolling=False)
        least, guarded = score_figures.least_of(request.user, subject)
        context |= topic_queries.effects(
            subject.rows(replace(subject.wanted, topic=None)),
            series.scale,
            is_share=subject.is_share,
            least=least,
            hides_rest=guarded,
        )
        context["has_impact"] = series.scale is not None
        context["is_share"] = subject.is_share
    return part_or_page(request, "surveys/parts/topic_effects.html", title="Topics", context=context)
