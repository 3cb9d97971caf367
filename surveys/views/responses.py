"""The stream of answers: who said what, about which topic; and tags by hand."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe

from accounts.choices import Grant
from accounts.permissions import may_see_identities
from config.web.access import declare
from config.web.htmx import page_or_part
from surveys.choices import SurveyKind, TopicSource
from surveys.forms.results import BUCKETS, id_of, text_of
from surveys.formulas.extra import spoken
from surveys.formulas.scales import bucket_of, scale_of
from surveys.models import Response, Topic
from surveys.queries import extras, feed, slices
from surveys.queries import policy as policies
from surveys.queries import topics as topic_queries
from surveys.queries.feed import Wanted
from surveys.queries.responses import answers_for
from surveys.services import topics as service
from surveys.views.results_cells import TONES

WRITERS = ("admin", "manager", "csm")
KINDS = dict(SurveyKind.choices)
KEPT = ("kind", "bucket", "topic", "phase", "segment", "language", "series", "campaign", "owner", "commented")
BUCKET_WORDS = {"": "All", "negative": "Unhappy", "neutral": "Neutral", "positive": "Happy"}


def wanted_of(params: QueryDict) -> Wanted:
    """The filters of a URL; what cannot be read is off."""
    kind = params.get("kind", "")
    bucket = params.get("bucket", "")
    return Wanted(
        kind=kind if kind in KINDS else "",
        bucket=bucket if bucket in BUCKETS else "",
        topic=id_of(params, "topic"),
        phase=text_of(params, "phase"),
        segment=text_of(params, "segment"),
        language=text_of(params, "language"),
        series=text_of(params, "series"),
        campaign=id_of(params, "campaign"),
        owner=id_of(params, "owner"),
        commented=params.get("commented") == "1",
        after=_after(params.get("after", "")),
    )


def filters_of(params: QueryDict) -> dict[str, str]:
    """The filters of a URL as text that can be kept."""
    return {name: text_of(params, name) for name in KEPT if params.get(name)}


def _after(text: str) -> tuple[datetime, int] | None:
    """The key of a page: an instant and an id."""
    moment, _, pk = text.partition("_")
    try:
        at = datetime.fromisoformat(moment)
    except ValueError:
        return None
    if at.tzinfo is None or not (pk.isascii() and pk.isdigit() and len(pk) <= 18):  # noqa: PLR2004
        return None
    return at, int(pk)


@require_safe
@declare(access="login", scope="customer")
def responses(request: HttpRequest) -> HttpResponse:
    """Answers with comment, customer, band and topics, newest first; readers without the right to names see none."""
    if not may_see_identities(request.user):
        context: dict[str, Any] = {"hidden": True}
        return page_or_part(request, "surveys/responses.html", parts=["answers_feed"], context=context)
    least = policies.current(timezone.now()).anonymous_min_group
    wanted = wanted_of(request.GET)
    page = feed.page(request.user, wanted, least_anonymous=least)
    state = {name: request.GET[name] for name in KEPT if request.GET.get(name)}
    topics = topic_queries.active()
    questions = extras.questions_of(page.rows)
    context = {
        "items": [_item(row) | {"extras": spoken(questions.get(row.pk, ()), row.extra)} for row in page.rows],
        "next_href": _href(state, page.next_after) if page.next_after else "",
        "first_href": _href(state, None) if wanted.after else "",
        "wanted": wanted,
        "state": urlencode(state),
        "topics": topics,
        "tabs": _tabs(state, wanted),
        "may_tag": request.user.role in WRITERS,
        "may_void": request.user.role in ("admin", "manager"),
        "exports": _exports(state) if request.user.may(Grant.EXPORT) else [],
        **_menus(wanted, topics),
    }
    return page_or_part(request, "surveys/responses.html", parts=["answers_feed"], context=context)


def _href(state: dict[str, str], after: tuple[datetime, int] | None) -> str:
    key = {"after": f"{after[0].astimezone(UTC).isoformat()}_{after[1]}"} if after else {}
    return f"{reverse('surveys:responses')}?{urlencode({**state, **key})}"


def _tabs(state: dict[str, str], wanted: Wanted) -> list[dict[str, Any]]:
    return [
        {"href": _href({**state, "bucket": name}, None), "name": words, "current": name == wanted.bucket}
        for name, words in BUCKET_WORDS.items()
    ]


def _exports(state: dict[str, str]) -> list[tuple[str, str]]:
    return [
        (f"{reverse('surveys:survey_export', args=['responses', kind])}?{urlencode(state)}", kind.upper())
        for kind in ("csv", "json")
    ]


def _menus(wanted: Wanted, topics: list[Topic]) -> dict[str, Any]:
    """What the filters can name; and what is chosen."""
    found = slices.choices()
    words = {"segment": "Segment", "phase": "Phase", "owner": "CSM", "language": "Language"}
    menus = [
        ("kind", "Kind", list(KINDS.items())),
        ("campaign", "Campaign", feed.campaigns()),
        ("topic", "Topic", [(str(topic.pk), topic.name) for topic in topics]),
        *((name, label, found[name]) for name, label in words.items()),
    ]
    return {
        "menus": [
            {"name": name, "label": label, "values": values, "current": str(getattr(wanted, name) or "")}
            for name, label, values in menus
            if values
        ]
    }


def _item(row: Response) -> dict[str, Any]:
    scale = scale_of(row.kind, row.scale_min, row.scale_max, row.direction)
    tags: dict[int, dict[str, Any]] = {}
    for tag in row.topics.all():
        held = tags.setdefault(tag.topic_id, {"topic": tag.topic, "by_hand": False, "terms": []})
        held["by_hand"] |= tag.source == TopicSource.MANUAL
        held["terms"] += tag.terms
    return {
        "row": row,
        "tone": TONES[bucket_of(scale, row.score)],
        "summary": getattr(row.customer, "summary", None) if row.customer else None,
        "tags": list(tags.values()),
        "survey": row.campaign.name if row.campaign else row.campaign_name,
    }


@require_POST
@declare(access="login", scope="customer", roles=WRITERS)
def response_tag(request: HttpRequest, pk: int) -> HttpResponse:
    """Give an answer of one's own customers a topic by hand, or take it back."""
    response = answers_for(request.user).filter(pk=pk).first()
    if response is None:
        raise Http404
    topic = Topic.objects.filter(pk=id_of(request.POST, "topic") or 0).first()
    if topic is None:
        messages.error(request, "Choose a topic. Nothing was changed.")
    elif request.POST.get("act") == "remove":
        service.untag_by_hand(response=response, topic=topic, by=request.user, now=timezone.now())
        messages.success(request, f"“{topic.name}” is taken off by hand.")
    else:
        service.tag_by_hand(response=response, topic=topic, by=request.user, now=timezone.now())
        messages.success(request, f"The answer is tagged with “{topic.name}”.")
    back = request.POST.get("back", "")
    safe = url_has_allowed_host_and_scheme(back, allowed_hosts=None) and back.startswith(
        reverse("surveys:responses")
    )
    return redirect(back if safe else "surveys:responses")
