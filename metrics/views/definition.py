"""The definition of the metrics: what is in force, a draft with its effect, publishing it, and earlier versions."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.choices import Role
from accounts.queries.jobs import jobs_for
from config.web.access import declare
from config.web.errors import DomainError
from config.web.forms import refuse
from config.web.htmx import part_or_page
from metrics.forms.definition import PRESET, DefinitionForm, PublishDefinitionForm, given_in, texts_of
from metrics.formulas.definition import NOT_REPRODUCED, PRESETS, Definition, differences
from metrics.queries import definitions
from metrics.queries.definition_versions import versions
from metrics.queries.freshness import is_other_basis
from metrics.services import definition_previews, recompute
from metrics.services.definitions import draft_of, publish
from metrics.views.company import today_of
from metrics.views.definition_tables import difference_rows, preview_rows, value_groups
from metrics.views.wording import short_month

ADMINS = (Role.ADMIN,)
PRESET_WORDS = {"chartmogul": "ChartMogul", "stripe": "Stripe", "profitwell": "ProfitWell"}
LONGEST_URL = 300  # characters a job keeps


@require_safe
@declare(access="login", scope="organisation")
def definition(request: HttpRequest) -> HttpResponse:
    """The definition in force, every key with its sentence, presets, and all versions."""
    every = versions()
    current = definitions.current()
    context = {
        "version": every[0],
        "groups": value_groups(current),
        "versions": every,
        "presets": _presets(current),
        "may_edit": request.user.role == Role.ADMIN,
        "jobs": jobs_for(request.user, state="open").filter(kind=recompute.JOB_KIND).order_by("-pk")[:1],
        "other_basis": is_other_basis(),
        "tab": "definition",
    }
    return render(request, "metrics/definition.html", context)


@require_safe
@declare(access="login", scope="organisation")
def definition_version(request: HttpRequest, number: int) -> HttpResponse:
    """What a version says or said, and how it differs from the one before."""
    every = versions()
    found = next((version for version in every if version.number == number), None)
    if found is None:
        raise Http404
    context = {
        "version": found,
        "in_force": every[0],
        "changes": difference_rows(found.changes),
        "groups": value_groups(found.definition),
        "tab": "definition",
    }
    return render(request, "metrics/definition_version.html", context)


@require_safe
@declare(access="login", scope="organisation", roles=ADMINS)
def definition_draft(request: HttpRequest) -> HttpResponse:
    """A draft that lives in the URL: what it changes, its effect, and the way to publish it."""
    form, draft = _read(given_in(request.GET))
    if draft is not None:
        state = _state(form, draft)
        if request.GET and request.GET.urlencode() != state:
            return redirect(f"{request.path}?{state}" if state else request.path)
    return _draft_page(request, form, draft)


@require_http_methods(["GET", "HEAD", "POST"])
@declare(access="login", scope="organisation", roles=ADMINS)
def definition_preview(request: HttpRequest) -> HttpResponse:
    """The last 12 months under the definition in force and under the draft; a worker's job for many customers."""
    form, draft = _read(given_in(request.GET))
    context: dict[str, Any] = {"tab": "definition"}
    if draft is None:
        context["problem"] = "The draft has an error. Correct it, then look at its effect."
    else:
        context |= _preview(request, draft, state=_state(form, draft))
        if request.method == "POST":
            return redirect(context["back"])
    return part_or_page(
        request, "metrics/parts/definition_preview.html", title="Effect of the draft", context=context
    )


@require_POST
@declare(access="login", scope="organisation", roles=ADMINS)
def publish_definition(request: HttpRequest) -> HttpResponse:
    """Put the draft in force under a new number, and start the recompute that it needs."""
    note = PublishDefinitionForm(request.POST)
    is_whole = note.is_valid()
    form, draft = _read(note.given() if "draft" in note.cleaned_data else {})
    if is_whole and draft is not None:
        try:
            version, _ = publish(
                draft=draft,
                by=request.user,
                now=timezone.now(),
                preset=form.cleaned_data[PRESET],
                note=note.cleaned_data["note"],
                seen=note.cleaned_data["seen"],
            )
        except DomainError as error:
            refuse(note, error)
        else:
            messages.success(request, f"Definition {version.number} is in force.")
            return redirect("metrics:definition")
    return _draft_page(request, form, draft, note=note, status=422)


def _read(given: dict[str, str]) -> tuple[DefinitionForm, Definition | None]:
    """The form of a draft's state, and the draft when nothing is wrong with it."""
    preset = given.get(PRESET, "")
    base = draft_of(preset=preset if preset in PRESETS else "")
    form = DefinitionForm(given, base=base)
    valid = form.is_valid()
    try:
        unknown = {name: value for name, value in given.items() if name not in form.fields}
        values = form.values() | unknown if valid else unknown
        draft = draft_of(preset=form.cleaned_data.get(PRESET, ""), values=values)
    except DomainError as error:
        refuse(form, error)
        return form, None
    return form, draft if valid else None


def _state(form: DefinitionForm, draft: Definition) -> str:
    """The shortest URL state of a draft: its preset and what differs from it."""
    preset = form.cleaned_data[PRESET]
    texts = texts_of(draft)
    changed = {key: texts[key] for key, _, _ in differences(draft_of(preset=preset), draft)}
    return urlencode(({PRESET: preset} if preset else {}) | changed)


def _draft_page(
    request: HttpRequest,
    form: DefinitionForm,
    draft: Definition | None,
    *,
    note: PublishDefinitionForm | None = None,
    status: int = 200,
) -> HttpResponse:
    context: dict[str, Any] = {
        "form": form,
        "number": definitions.current_number(),
        "presets": _presets(definitions.current()),
        "tab": "definition",
    }
    if draft is None:
        status = 422
    else:
        state, preset = _state(form, draft), form.cleaned_data[PRESET]
        context |= {
            "changes": difference_rows(differences(definitions.current(), draft)),
            "preset": PRESET_WORDS.get(preset, ""),
            "not_reproduced": NOT_REPRODUCED.get(preset, ""),
            "preview_href": f"{reverse('metrics:definition_preview')}?{state}",
            "note": note or PublishDefinitionForm(initial={"draft": state, "seen": context["number"]}),
        }
    return render(request, "metrics/definition_draft.html", context, status=status)


def _preview(request: HttpRequest, draft: Definition, *, state: str) -> dict[str, Any]:
    """The table, or the job that makes it, or the button that starts the job."""
    now, today = timezone.now(), today_of(request)
    back = f"{reverse('metrics:definition_draft')}?{state}"
    context: dict[str, Any] = {"back": back, "preview_href": request.get_full_path()}
    if not definition_previews.is_for_job():
        return context | _table(definition_previews.preview_table(draft, now=now), draft)
    if request.method == "POST":
        url = back if len(back) <= LONGEST_URL else ""
        definition_previews.start_preview(draft=draft, as_of=today, by=request.user, url=url)
        return context
    job = definition_previews.preview_job(draft, as_of=today)
    if job is not None and job.state == "done":
        return context | {"made_at": job.finished_at} | _table(definition_previews.table_of_job(job), draft)
    return context | {"job": job, "is_for_job": True}


def _table(table: definition_previews.PreviewTable, draft: Definition) -> dict[str, Any]:
    currencies = definitions.current().reporting_currency, draft.reporting_currency
    changed = set(table.changed())
    rows = preview_rows(table, currencies)
    return {
        "months": [short_month(month) for month in table.months],
        "changed": [row for row in rows if row.key in changed],
        "same": [row for row in rows if row.key not in changed],
    }


def _presets(current: Definition) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "words": PRESET_WORDS[name],
            "changes": len(differences(current, draft_of(preset=name))),
            "missing": NOT_REPRODUCED[name],
            "href": f"{reverse('metrics:definition_draft')}?{urlencode({PRESET: name})}",
        }
        for name in PRESETS
    ]
