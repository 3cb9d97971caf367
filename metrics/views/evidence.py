"""Evidence: what past outcomes say of scorecards. Managers and admins read it and ask; admins make drafts of it."""

from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.queries.organisation import local_day
from config.web.access import declare
from config.web.errors import DomainError
from config.web.forms import refuse
from config.web.htmx import page_or_part
from config.work.models import Job
from customers.queries.access import customers_for
from metrics.forms.evidence import CURVES, EvidenceForm
from metrics.queries import evidence as found
from metrics.services import backtests, evidence_jobs, suggestions

READERS = ("admin", "manager")
RUNNING = ("queued", "running")


@require_http_methods(["GET", "HEAD", "POST"])
@declare(access="login", scope="organisation", roles=READERS)
def evidence(request: HttpRequest) -> HttpResponse:
    """Everything found out so far, what is being found out, and the form that asks."""
    form = EvidenceForm(request.POST or None, versions=found.testable_versions())
    if request.method == "POST" and form.is_valid():
        try:
            _ask(request, form)
        except DomainError as error:
            refuse(form, error)
        else:
            return redirect("metrics:evidence")
    context = {
        "form": form,
        "jobs": Job.objects.filter(kind=evidence_jobs.JOB_KIND, state__in=RUNNING).order_by("-pk"),
        "backtests": [_entry(one) for one in found.backtests()],
        "suggestions": [_entry(one) for one in found.suggestions()],
        "calibrations": [_entry(one) for one in found.calibrations()],
    }
    status = 422 if form.errors else 200
    return page_or_part(request, "metrics/evidence.html", context=context, status=status)


def _ask(request: HttpRequest, form: EvidenceForm) -> None:
    said, today = form.cleaned_data, local_day(timezone.now(), request.organisation)  # type: ignore[attr-defined] - third-party-type
    what = said["what"]
    evidence_jobs.start(
        what=evidence_jobs.SUGGEST if what == CURVES else what,
        version=form.versions[said["version"]],
        other=form.versions.get(said["other"]) if what == evidence_jobs.BACKTEST else None,
        asked=backtests.trial(horizon=said["horizon"], population=said["population"], as_of=today),
        with_curves=what == CURVES,
        url=reverse("metrics:evidence"),
        by=request.user,
    )


def _entry(one: Any) -> dict[str, Any]:
    return {"row": one, "result": exact(one.result), "asked": one.parameters}


def exact(value: Any) -> Any:
    """Stored figures as decimals, which is what pages print."""
    if isinstance(value, dict):
        return {key: exact(part) for key, part in value.items()}
    if isinstance(value, list):
        return [exact(part) for part in value]
    return Decimal(str(value)) if isinstance(value, float) else value


@require_safe
@declare(access="login", scope="organisation", roles=READERS)
def backtest(request: HttpRequest, pk: int) -> HttpResponse:
    """One backtest: bands with intervals, ranking, worst part, misses; too few outcomes show the plain list."""
    row = found.backtest_by_id(pk)
    if row is None:
        raise Http404
    entry = _entry(row)
    for name in ("misses", "rows"):
        listed = entry["result"].get(name, [])
        seen = _seen_by(request, listed)
        entry[name], entry[f"{name}_hidden"] = seen, len(listed) - len(seen)
    return page_or_part(request, "metrics/backtest.html", context=entry)


def _seen_by(request: HttpRequest, listed: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of customers that the reader may see; the figures above count all of them."""
    ids = {one["customer"] for one in listed}
    seen = set(customers_for(request.user).filter(pk__in=ids).values_list("pk", flat=True))
    return [
        one | {"mrr": Decimal(one["mrr"]), "score": None if one["score"] is None else Decimal(one["score"])}
        for one in listed
        if one["customer"] in seen
    ]


@require_safe
@declare(access="login", scope="organisation", roles=READERS)
def suggestion(request: HttpRequest, pk: int) -> HttpResponse:
    """Suggested weights with bars and intervals, and the one button: make a draft of them."""
    row = found.suggestion_by_id(pk)
    if row is None:
        raise Http404
    context = _entry(row) | {"may_draft": request.user.role == "admin" and row.result["better"]}  # type: ignore[union-attr] - third-party-type
    return page_or_part(request, "metrics/suggestion.html", context=context)


@require_POST
@declare(access="login", scope="organisation", roles=("admin",))
def draft_from_suggestion(request: HttpRequest, pk: int) -> HttpResponse:
    """A draft that cites the suggestion."""
    row = found.suggestion_by_id(pk)
    if row is None:
        raise Http404
    try:
        draft = suggestions.make_draft(suggestion=row, by=request.user, now=timezone.now())  # type: ignore[arg-type] - third-party-type
    except DomainError as error:
        messages.error(request, str(error))
        return redirect("metrics:suggestion", pk=pk)
    return redirect("metrics:scorecard_draft", pk=draft.pk)


@require_safe
@declare(access="login", scope="organisation", roles=READERS)
def calibration(request: HttpRequest, pk: int) -> HttpResponse:
    """Renewal probability per band, and how well such predictions came true."""
    row = found.calibration_by_id(pk)
    if row is None:
        raise Http404
    return page_or_part(request, "metrics/calibration.html", context=_entry(row))
