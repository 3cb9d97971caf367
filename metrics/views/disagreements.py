"""The queue of disagreements: four views of each customer, and the form that closes an entry."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from accounts.choices import Role
from accounts.queries.organisation import local_day
from config.web.access import declare
from config.web.errors import DomainError
from config.web.forms import refuse
from config.web.htmx import page_or_part
from config.web.money import money
from config.web.replies import drawer, saved
from metrics.choices import Closing
from metrics.forms.disagreements import CloseForm
from metrics.formulas.disagreements import LISTED_AFTER, VIEWS
from metrics.models import Disagreement
from metrics.queries.disagreements import (
    closed_of,
    disagreements_of,
    facts_since,
    pending_versions,
    queue_of,
    side_of,
    view_rows,
)
from metrics.services.disagreements import close

WORKERS = (Role.CSM, Role.MANAGER, Role.ADMIN)
VIEW_WORDS = {
    "score": "Computed score",
    "pulse": "Pulse",
    "survey": "Latest survey",
    "usage": "Usage trend",
}
SHORT = {"score": "Score", "pulse": "Pulse", "survey": "Survey", "usage": "Usage"}
TONE_WORDS = {"red": "Red", "amber": "Amber", "green": "Green", "none": "None"}


@require_safe
@declare(access="login", scope="customer", roles=WORKERS)
def disagreements(request: HttpRequest) -> HttpResponse:
    """Customers whose views have been two tones apart for a week, the most MRR first."""
    org = request.organisation  # type: ignore[attr-defined] - third-party-type
    today = local_day(timezone.now(), org)
    rows, total = queue_of(request.user, today=today)
    context = {
        "rows": [_row(row, org.currency) for row in rows],
        "total": total,
        "heads": [(SHORT[view], word) for view, word in VIEW_WORDS.items()],
        "counts": [(VIEW_WORDS[row.view], row) for row in view_rows(request.user, today=today)],
        "closed": [(row, _ground_words(row)) for row in closed_of(request.user)],
        "days": LISTED_AFTER,
    }
    return page_or_part(request, "metrics/disagreements.html", parts=["disagreement_rows"], context=context)


@require_http_methods(["GET", "HEAD", "POST"])
@declare(access="login", scope="customer", roles=WORKERS)
def close_disagreement(request: HttpRequest, pk: int) -> HttpResponse:
    """Say how a disagreement ends."""
    entry = disagreements_of(request.user).select_related("customer").filter(pk=pk).first()
    if entry is None:
        raise Http404
    form = CloseForm(
        request.POST if request.method == "POST" else None,
        facts=[
            (fact.name, f"{fact.words}, {fact.at:%-d %b %Y}")
            for fact in facts_since(entry.customer_id, entry.since)
        ],
        drafts=[(f"draft {row.pk}", f"{row.scorecard.title}, {row.label}") for row in pending_versions()],
    )
    href = reverse("metrics:disagreements")
    if form.is_bound and form.is_valid():
        data = form.cleaned_data
        try:
            close(
                entry=entry,
                closing=data["closing"],
                link=form.link,
                note=data["note"],
                by=request.user,
                now=timezone.now(),
            )
        except DomainError as error:
            refuse(form, error)
        else:
            return saved(request, f"The disagreement about {entry.customer.name} is closed.", href=href)
    return drawer(
        request,
        "metrics/parts/close_disagreement.html",
        title="Close the disagreement",
        form=form,
        href=href,
        action=reverse("metrics:close_disagreement", args=[pk]),
        about=entry.customer.name,
    )


def _row(row: Disagreement, currency: str) -> dict[str, Any]:
    summary = row.customer.summary
    return {
        "row": row,
        "money": money(summary.mrr, summary.currency or currency),
        "tones": [(side := side_of(row.views, view), TONE_WORDS[side]) for view in VIEWS],
    }


def _ground_words(row: Disagreement) -> str:
    """What a closing rests on."""
    kind, _, name = row.evidence.partition(" ")
    if kind == "reading":
        return f"new reading: {', '.join(VIEW_WORDS[view].lower() for view in name.split(',') if view in VIEW_WORDS)}"
    if row.closing == Closing.BOTH_RIGHT and row.rests_until:
        return f"rests until {row.rests_until:%-d %B %Y}"
    return {"loss": "lost", "archived": "archived", "draft": "draft of a scorecard"}.get(kind, kind)
