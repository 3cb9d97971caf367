"""The card editor: a draft, its parts, and what they come to before anything is stored.

The card as it stands on the page travels with the form, signed; a button changes it, only saving stores it.
"""

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from accounts.choices import Role
from accounts.queries.organisation import local_day
from config.web.access import declare
from config.web.errors import DomainError
from config.web.forms import refuse
from config.web.htmx import page_or_part
from customers.queries.access import customers_for
from metrics.choices import CardKind
from metrics.forms.card import CardForm
from metrics.formulas.card_edits import EditError
from metrics.formulas.health_cards import parse_card
from metrics.models import ScorecardVersion
from metrics.queries.card_trial import names_like, trial_of
from metrics.queries.measures import Catalog, catalog
from metrics.queries.scorecards import draft_for
from metrics.services import lint, scorecards
from metrics.services.scorecards import DraftChangedError
from metrics.views.card_page import editor_context, trial_context
from metrics.views.card_steps import opened_by, step

ADMINS = (Role.ADMIN,)
LONGEST_NOTE = 500  # characters of a note on a finding
LONGEST_NAME = 200


@require_http_methods(["GET", "HEAD", "POST"])
@declare(access="login", scope="organisation", roles=ADMINS)
def scorecard_draft(request: HttpRequest, pk: int) -> HttpResponse:
    """Edit a draft. A save that comes second is told what the first one stored; `do` changes the card unsaved."""
    draft, measures = card_draft_or_404(pk), catalog()
    if request.method != "POST":
        return _page(request, draft, _fresh(request, draft, measures))
    if "do" in request.POST:
        return _stepped(request, draft, measures)
    form = _posted(request, draft, measures)
    if form.is_valid() and _save(request, draft, form):
        wanted = "metrics:scorecard_preview" if "preview" in request.POST else "metrics:scorecard_draft"
        return redirect(wanted, pk=pk)
    return _page(request, card_draft_or_404(pk), form, status=422)


@require_POST
@declare(access="login", scope="organisation", roles=ADMINS)
def scorecard_parts(request: HttpRequest, pk: int) -> HttpResponse:
    """The parts of the editor after a button changed the card; nothing is stored."""
    return _stepped(request, card_draft_or_404(pk), catalog())


@require_POST
@declare(access="login", scope="organisation", roles=ADMINS)
def card_trial(request: HttpRequest, pk: int) -> HttpResponse:
    """One customer under what is typed, with shares, curve and boundaries; nothing is stored."""
    draft, measures = card_draft_or_404(pk), catalog()
    form = _posted(request, draft, measures)
    body = form.body() if form.is_valid() else form.working
    context = {"draft": draft, "form": form, "live": True, **_trial(request, draft, body, measures)}
    context |= editor_context(form, draft, body) if form.is_valid() else {"typing": form.errors}
    return page_or_part(request, "metrics/scorecard_draft.html", parts=["card_trial"], context=context)


def draft_or_404(pk: int) -> ScorecardVersion:
    """The draft of a page, 404 for what is no draft (any more)."""
    draft = draft_for(pk)
    if draft is None:
        raise Http404
    return draft


def card_draft_or_404(pk: int) -> ScorecardVersion:
    """The draft of a card; card rules have an editor of their own."""
    draft = draft_or_404(pk)
    if draft.kind == CardKind.RULES:
        raise Http404
    return draft


def _fresh(request: HttpRequest, draft: ScorecardVersion, measures: Catalog) -> CardForm:
    return CardForm(
        body=draft.body, version=draft.version, catalog=measures, opened=opened_by(request.GET.dict())
    )


def _posted(request: HttpRequest, draft: ScorecardVersion, measures: Catalog) -> CardForm:
    return CardForm(
        request.POST,
        body=_working(request, draft),
        version=draft.version,
        catalog=measures,
        opened=opened_by(request.POST.dict()),
    )


def _working(request: HttpRequest, draft: ScorecardVersion) -> dict[str, Any]:
    """The unsaved card of the page; the stored one when none came along or somebody else wrote it."""
    try:
        found: dict[str, Any] = signing.loads(request.POST.get("working", ""), salt=_salt(draft))
    except signing.BadSignature:
        return draft.body
    return found


def _salt(draft: ScorecardVersion) -> str:
    return f"metrics.card.{draft.pk}"


def _stepped(request: HttpRequest, draft: ScorecardVersion, measures: Catalog) -> HttpResponse:
    form = _posted(request, draft, measures)
    if not form.is_valid():
        return _page(request, draft, form, status=422)
    try:
        body, opened = step(form, request.POST.dict())
    except EditError as error:
        form.add_error(None, str(error))
        return _page(request, draft, form, status=422)
    after = CardForm(body=body, version=form.cleaned_data["version"], catalog=measures, opened=opened)
    return _page(request, draft, after)


def _page(request: HttpRequest, draft: ScorecardVersion, form: CardForm, status: int = 200) -> HttpResponse:
    valid = form.is_bound and form.is_valid()
    body = form.body() if valid else form.working
    shown = replace_body(draft, body)
    context: dict[str, Any] = {
        "draft": draft,
        "form": form,
        "unsaved": body != draft.body,
        "working": signing.dumps(body, salt=_salt(draft), compress=True),
        **editor_context(form, draft, body),
        **_trial(request, draft, body, form.catalog),
        **_checks(request, shown),
    }
    parts = ["scorecard_parts"]
    return page_or_part(request, "metrics/scorecard_draft.html", parts=parts, context=context, status=status)


def replace_body(draft: ScorecardVersion, body: Mapping[str, Any]) -> ScorecardVersion:
    """The draft with another body, for looking at only."""
    shown = ScorecardVersion(pk=draft.pk, scorecard=draft.scorecard, kind=draft.kind, body=body)
    shown.body_hash, shown.acknowledged = draft.body_hash, draft.acknowledged
    return shown


def _checks(request: HttpRequest, shown: ScorecardVersion) -> dict[str, Any]:
    """Findings with the notes on warnings, those typed on this page first."""
    typed = _notes(request)
    rows = [
        {
            "finding": one,
            "name": lint.name_of(one),
            "note": typed.get(lint.name_of(one), shown.acknowledged.get(lint.name_of(one), "")),
        }
        for one in lint.findings_of(shown, now=timezone.now())
    ]
    errors = [row for row in rows if row["finding"].level == "E"]
    return {"errors": errors, "warnings": [row for row in rows if row["finding"].level != "E"]}


def _notes(request: HttpRequest) -> dict[str, str]:
    """{finding: note} of the fields of a page."""
    found = {
        name.removeprefix("note-"): text for name, text in request.POST.items() if name.startswith("note-")
    }
    return {name[:LONGEST_NAME]: str(text).replace("\x00", "")[:LONGEST_NOTE] for name, text in found.items()}


def _trial(
    request: HttpRequest, draft: ScorecardVersion, body: Mapping[str, Any], measures: Catalog
) -> dict[str, Any]:
    """The test strip: the named customer, or the one with the largest MRR."""
    text = (
        (request.POST.get("try") or request.GET.get("try") or "").replace("\x00", "").strip()[:LONGEST_NAME]
    )
    offered = names_like(customers_for(request.user), text)
    context: dict[str, Any] = {"try": text, "offered": offered}
    card = parse_card(body)
    known = all((one.key, one.version) in measures for one in card.measures)
    if not offered or not known or not card.measures or not getattr(card, "base_total", 1):
        return context
    now = timezone.now()
    today = local_day(now, request.organisation)  # type: ignore[attr-defined] - third-party-type
    trial = trial_of(draft, card, offered[0], catalog=measures, as_of=today, now=now)
    return context | trial_context(trial, measures)


def _save(request: HttpRequest, draft: ScorecardVersion, form: CardForm) -> bool:
    now, version = timezone.now(), form.cleaned_data["version"]
    try:
        body = form.body()
        saved = scorecards.save_body(draft=draft, body=body, version=version, by=request.user, now=now)
        names = {lint.name_of(one) for one in lint.findings_of(replace_body(saved, body), now=now)}
        notes = {name: note for name, note in _notes(request).items() if name in names}
        if notes:
            scorecards.acknowledge(draft=saved, notes=notes, by=request.user, now=now)
    except DraftChangedError as error:
        form.data = {**form.data, "version": str(error.current.version)}
        form.conflict = error.current.body
        refuse(form, error)
        return False
    except DomainError as error:
        refuse(form, error)
        return False
    messages.success(request, "The draft is saved.")
    return True
