"""What came of a campaign: score, distribution, funnel, answers."""

from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.choices import Grant
from accounts.permissions import may_see_identities
from config.web.access import declare
from config.web.htmx import page_or_part
from config.web.tables import Column, Table
from surveys.choices import ResponseStatus, SkipReason
from surveys.forms.results import id_of, slice_of
from surveys.formulas.scales import SCALES
from surveys.models import Campaign, Wave
from surveys.queries import evidence, responses
from surveys.queries import policy as policies
from surveys.queries import results as queries
from surveys.queries.slices import Series
from surveys.views import score_figures
from surveys.views.results_cells import tone_of_answer, words_of
from surveys.views.score_figures import Subject

ANSWERS = Table((Column("answered", "Answered", "newest", nulls_last=False),), default="-answered")
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
    waves = list(found.waves.filter(is_test=False).order_by("number"))
    wave = next((one for one in waves if one.pk == id_of(request.GET, "wave")), None)
    context = {"campaign": found, "version": found.current, "wave": wave, "waves": waves}
    context |= _answers(request, found, wave, kind)
    if not _wants_answers_only(request):
        context |= _figures(request, found, wave)
        context["may_send"] = request.user.may(Grant.SEND_CAMPAIGN)
        context["text"] = found.current.texts.get(language="en")
    return page_or_part(request, "surveys/results.html", parts=["campaign_answers"], context=context)


def _wants_answers_only(request: HttpRequest) -> bool:
    htmx = getattr(request, "htmx", None)
    return bool(htmx) and htmx.target == "campaign-answers"


def _figures(request: HttpRequest, found: Campaign, wave: Wave | None) -> dict[str, Any]:
    """Score, methods and distribution of the campaign or of one of its waves."""
    version, now = found.current, timezone.now()
    scale = SCALES[version.kind]
    series = Series(
        key=version.series_key, kind=version.kind, low=scale.low, high=scale.high, direction="high_is_good",
        nature=version.nature, channel="email", n=0, last_at=now, name=found.name, anonymous=version.is_anonymous,
    )  # fmt: skip
    # Without a filter that changes nothing the answers are counted from an index.
    key = "" if queries.asked_one_question(found) else series.key
    wanted = slice_of(request.GET, series=key, campaign=found.pk, wave=wave.pk if wave else None, bucket="")
    population = queries.eligible(found, wave) if request.GET.get("fpc") == "1" else None
    subject = Subject(series, wanted, policies.current(now), now, population=population)
    state = urlencode({"series": series.key, "campaign": found.pk} | ({"wave": wave.pk} if wave else {}))
    return {
        **score_figures.figures(request, subject),
        "state": state,
        "wants_fpc": population is not None,
        "funnel": _funnel(queries.funnel(found, wave)),
        "automatic": evidence.automatic_opens(campaign_ids=[found.pk]).get(found.pk, 0),
        "suspects": found.responses.filter(status=ResponseStatus.SUSPECT).count(),
        "funnel_href": f"{reverse('surveys:funnel_panel')}?{state}&by={'domain' if wave else 'wave'}",
        "topics_href": f"{reverse('surveys:topic_effects')}?{state}",
    }


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


def _answers(request: HttpRequest, found: Campaign, wave: Wave | None, kind: str) -> dict[str, Any]:
    """A page of answers of the reader's customers; readers without the right to names see none."""
    if not may_see_identities(request.user):
        return {"answers": [], "answers_hidden": True}
    mine = responses.said_in(responses.answers_for(request.user), found, wave)
    bucket = request.GET.get("bucket", "")
    counts = responses.bucket_counts(mine, kind)
    total = counts.get(bucket, counts[""])
    ids = responses.in_bucket(mine, kind, bucket).values_list("pk", flat=True)
    page = ANSWERS.page(ids, request.GET, total=total)
    said = mine.in_bulk(page.rows)  # whole answers of this page alone
    words = {"": "All"} | {name: word.capitalize() for name, word in words_of(kind).items()}
    return {
        "answers": [
            {"row": said[pk], "tone": tone_of_answer(kind, said[pk].score)} for pk in page.rows if pk in said
        ],
        "answers_page": page,
        "tabs": [
            {"key": name, "name": words[name], "n": counts[name], "current": name == bucket}
            for name in counts
        ],
    }
