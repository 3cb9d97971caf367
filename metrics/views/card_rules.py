"""Card rules: which scorecard scores whom, edited as a list of segments."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from accounts.choices import Role
from config.web.access import declare
from config.web.errors import DomainError
from config.web.forms import refuse
from config.web.htmx import invalid, page_or_part
from metrics.choices import CardKind
from metrics.forms.card_life import RulesForm
from metrics.formulas.health_rules import parse_rules
from metrics.models import ScorecardVersion
from metrics.queries import held_labels
from metrics.queries.scorecards import draft_for, titles_in_force
from metrics.services import lint, scorecards
from metrics.views.scorecard_body import differences_of

ADMINS = (Role.ADMIN,)


@require_POST
@declare(access="login", scope="organisation", roles=ADMINS)
def start_rules_draft(request: HttpRequest) -> HttpResponse:
    """A draft of the card rules, from those in force."""
    draft = scorecards.start_rules_draft(by=request.user, now=timezone.now())
    return redirect("metrics:rules_draft", pk=draft.pk)


@require_http_methods(["GET", "HEAD", "POST"])
@declare(access="login", scope="organisation", roles=ADMINS)
def rules_draft(request: HttpRequest, pk: int) -> HttpResponse:
    """Edit who gets which card. The page says how many customers each rule takes today."""
    draft = _rules_or_404(pk)
    form = RulesForm(
        request.POST or None,
        body=draft.body,
        cards=titles_in_force(),
        initial={"version": draft.version},
    )
    if form.is_bound and form.is_valid() and _saved(request, draft, form):
        return redirect(
            "metrics:scorecard_preview" if "preview" in request.POST else "metrics:rules_draft", pk=pk
        )
    status = invalid(not form.is_bound)
    return page_or_part(
        request, "metrics/rules_draft.html", context=_context(_rules_or_404(pk), form), status=status
    )


def _saved(request: HttpRequest, draft: ScorecardVersion, form: RulesForm) -> bool:
    try:
        scorecards.save_body(
            draft=draft,
            body=form.body(),
            version=form.cleaned_data["version"],
            by=request.user,
            now=timezone.now(),
        )
    except DomainError as error:
        refuse(form, error)
        return False
    messages.success(request, "The draft is saved.")
    return True


def _context(draft: ScorecardVersion, form: RulesForm) -> dict[str, Any]:
    sets, rules = held_labels.label_sets(), parse_rules(draft.body)
    taken = held_labels.taken_by(rules, sets)
    rows = form.table()
    for place, row in enumerate(rows):
        row["customers"] = taken.get(place, 0) if place < len(rules.rules) else None
    return {
        "draft": draft,
        "form": form,
        "rows": rows,
        "others": taken.get(None, 0),
        "labels": [label for label, _ in held_labels.most_held(sets)],
        "findings": lint.findings_of(draft, now=timezone.now()),
        "changes": differences_of(draft.base, draft),
    }


def _rules_or_404(pk: int) -> ScorecardVersion:
    draft = draft_for(pk)
    if draft is None or draft.kind != CardKind.RULES:
        raise Http404
    return draft
