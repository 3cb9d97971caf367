"""What came of a campaign: score, distribution, funnel, answers."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.choices import Grant
from accounts.permissions import may_see_identities
from config.web import charts
from config.web import money as amounts
from config.web.access import declare
from config.web.htmx import page_or_part
from config.web.tables import Column, Table
from metrics.formulas.satisfaction import nps_shown
from surveys.choices import SkipReason, SurveyKind
from surveys.models import Campaign
from surveys.queries import policy as policies
from surveys.queries import responses
from surveys.queries import results as queries
from surveys.queries.campaigns import scores_of
from surveys.views.results_cells import TONES, score_cell, tone_of_answer, words_of

ANSWERS = Table((Column("answered", "Answered", "answered_at"),), default="-answered")
BUCKETS = ("negative", "neutral", "positive")


@require_safe
@declare(access="login", scope="customer")
def results(request: HttpRequest, pk: int) -> HttpResponse:
    """Score with interval and n, distribution, funnel for everybody; answers of the reader's own customers."""
    found = (
        Campaign.objects.select_related("current", "launched_by").filter(pk=pk).exclude(state="draft").first()
    )
    if found is None:
        raise Http404
    kind = found.current.kind
    context = {"campaign": found, "version": found.current, **_answers(request, found, kind)}
    if not _wants_answers_only(request):
        context |= _figures(found, kind)
        context["may_send"] = request.user.may(Grant.SEND_CAMPAIGN)
        context["text"] = found.current.texts.get(language="en")
    return page_or_part(request, "surveys/results.html", parts=["campaign_answers"], context=context)


def _wants_answers_only(request: HttpRequest) -> bool:
    htmx = getattr(request, "htmx", None)
    return bool(htmx) and htmx.target == "campaign-answers"


def _figures(found: Campaign, kind: str) -> dict[str, Any]:
    policy = policies.current(timezone.now())
    from_all = scores_of(found.responses.all()).get(found.pk, {})
    points = queries.distribution(kind, from_all)
    score = queries.score_of(kind, from_all, policy)
    ways, customers = (
        queries.methods(found) if kind == SurveyKind.NPS and score.value is not None else ([], 0)
    )
    return {
        "ways": [(way.name, nps_shown(way.value) if way.value is not None else "–", way.use) for way in ways],
        "ways_customers": customers,
        "score": score_cell(score),
        "axis": _axis(score) if score.value is not None else None,
        "points": points,
        "plot": _plot(points),
        "point_heads": ["Score", "Answers"],
        "point_rows": [(point, count) for point, count, _ in points],
        "mix": [(score.negative, "risk"), (score.neutral, "none"), (score.positive, "good")],
        "mix_label": ", ".join(
            f"{count} {word}"
            for count, word in zip(
                (score.negative, score.neutral, score.positive), words_of(kind).values(), strict=True
            )
        ),
        "funnel": _funnel(queries.funnel(found)),
        "waves": found.waves.filter(is_test=False),
    }


def _axis(score: queries.Score) -> dict[str, str]:
    """Places of the interval and the value on a line of 0 to 100 per cent."""
    low, width = (-100, 200) if score.kind == SurveyKind.NPS else (0, 100)

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


def _funnel(funnel: queries.Funnel) -> dict[str, Any]:
    largest = max(funnel.eligible, 1)
    steps = [
        ("Audience", funnel.eligible, f"{funnel.skipped_total} left out"),
        ("Sent", funnel.sent, "accepted by the mail server"),
        ("Visited", funnel.visited, _share(funnel.visited, funnel.delivered, "of accepted")),
        ("Answered", funnel.answered, _share(funnel.answered, funnel.delivered, "of accepted")),
        ("Commented", funnel.commented, _share(funnel.commented, funnel.answered, "of answers")),
    ]
    return {
        "facts": funnel,
        "steps": [(name, count, f"{100 * count / largest:.1f}%", note) for name, count, note in steps],
        "skipped": [(reason, SkipReason(reason).label, count) for reason, count in funnel.skipped],
    }


def _share(part: int, whole: int, of: str) -> str:
    return f"{round(100 * part / whole)}\u00a0% {of}" if whole else ""


def _answers(request: HttpRequest, found: Campaign, kind: str) -> dict[str, Any]:
    """A page of answers of the reader's customers; readers without the right to names see none."""
    if not may_see_identities(request.user):
        return {"answers": [], "answers_hidden": True}
    mine = responses.answers_for(request.user).filter(campaign=found)
    bucket = request.GET.get("bucket", "")
    page = ANSWERS.page(responses.in_bucket(mine, kind, bucket), request.GET)
    counts = {name: responses.in_bucket(mine, kind, name).count() for name in ("", *BUCKETS)}
    words = {"": "All"} | {name: word.capitalize() for name, word in words_of(kind).items()}
    return {
        "answers": [{"row": row, "tone": tone_of_answer(kind, row.score)} for row in page.rows],
        "answers_page": page,
        "tabs": [
            {"key": name, "name": words[name], "n": counts[name], "current": name == bucket}
            for name in counts
        ],
    }
