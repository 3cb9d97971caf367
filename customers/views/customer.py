"""A customer's page: its head, its panels, and the forms that change the customer itself."""

from datetime import date, datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from accounts.queries import organisation
from config.web.access import declare
from config.web.errors import DomainError
from config.web.forms import refuse
from config.web.htmx import page_or_part, part_or_page
from config.web.replies import drawer, saved
from customers.choices import PULSE_WORDS, Attribute
from customers.forms.customer import AssignForm, CustomerFieldsForm, PhaseForm
from customers.forms.pulses import PulseForm
from customers.models import Customer
from customers.queries.access import customer_for, customer_to_edit, customers_to_edit
from customers.queries.alerts import alerts_of
from customers.queries.customer import CustomerHead, customer_head, fields_of, people_of
from customers.queries.follow_ups import due_days, open_follow_ups_of, people_who_may_own, shown_to
from customers.queries.subscriptions import lines_on
from customers.queries.timeline import KINDS, STEP, timeline_of
from customers.services import assignments, attributes, custom_fields, customers, pulses
from customers.views.portfolio_cells import band_word, days_word, due_word, nps_tone
from customers.views.timeline_lines import lines_of

WRITERS = ("admin", "manager", "csm")
KIND_WORDS = {
    "touchpoints": "Touchpoints",
    "follow_ups": "Follow-ups",
    "tickets": "Tickets",
    "changes": "Phase and tier",
    "pulses": "Pulses",
    "assignments": "CSMs",
}
SHOWN_DIGITS = 4
MONTHS_PER_YEAR = 12


@require_safe
@declare(access="login", scope="customer")
def customer(request: HttpRequest, pk: int) -> HttpResponse:
    """One customer: facts, follow-ups, people, fields and timeline; health, revenue, usage and surveys load apart."""
    now, today = _clock(request)
    head = customer_head(request.user, pk, today=today)
    if request.GET.get("as_of"):
        return redirect(f"{reverse('metrics:customer_as_of', args=[pk])}?{request.GET.urlencode()}")
    context = {
        **_head_context(head, now, today),
        **_follow_ups_context(request, head.customer, now),
        **_timeline_context(request, head.customer, may_edit=head.may_write),
        "alerts": list(alerts_of(request.user).filter(customer=head.customer)),
        "people": people_of(head.customer, request.user, may_write=head.may_write),
        "lines": lines_on(head.customer, day=today),
        "fields": fields_of(head.customer),
    }
    return page_or_part(request, "customers/customer.html", parts=["customer_facts"], context=context)


@require_safe
@declare(access="login", scope="customer")
def customer_facts(request: HttpRequest, pk: int) -> HttpResponse:
    """The head and the facts of a customer."""
    now, today = _clock(request)
    head = customer_head(request.user, pk, today=today)
    alerts = list(alerts_of(request.user).filter(customer=head.customer))
    return _part(
        request, head.customer, "customer_facts", {**_head_context(head, now, today), "alerts": alerts}
    )


@require_safe
@declare(access="login", scope="customer")
def customer_follow_ups(request: HttpRequest, pk: int) -> HttpResponse:
    """Open follow-ups of a customer."""
    now, today = _clock(request)
    head = customer_head(request.user, pk, today=today)
    context = {**_head_context(head, now, today), **_follow_ups_context(request, head.customer, now)}
    return _part(request, head.customer, "customer_follow_ups", context)


@require_safe
@declare(access="login", scope="customer")
def customer_timeline(request: HttpRequest, pk: int) -> HttpResponse:
    """What happened with a customer, newest first; `kind` filters, `shown` goes further back."""
    found = customer_for(request.user, pk)
    may_edit = customers_to_edit(request.user).active().filter(pk=pk).exists()
    context = _timeline_context(request, found, may_edit=may_edit)
    return _part(request, found, "customer_timeline", context)


@require_safe
@declare(access="login", scope="customer")
def customer_contacts(request: HttpRequest, pk: int) -> HttpResponse:
    """All contacts of a customer."""
    found = customer_for(request.user, pk)
    may_write = customers_to_edit(request.user).active().filter(pk=pk).exists()
    people = people_of(found, request.user, shown=1000, may_write=may_write)
    context = {"people": people, "today": _clock(request)[1]}
    return _part(request, found, "customer_contacts", context)


@require_safe
@declare(access="login", scope="customer")
def customer_fields(request: HttpRequest, pk: int) -> HttpResponse:
    """Attributes and own fields of a customer."""
    now, today = _clock(request)
    head = customer_head(request.user, pk, today=today)
    context = {**_head_context(head, now, today), "fields": fields_of(head.customer)}
    return _part(request, head.customer, "customer_fields", context)


@require_http_methods(["GET", "HEAD", "POST"])
@declare(access="login", scope="customer", roles=WRITERS)
def pulse_form(request: HttpRequest, pk: int) -> HttpResponse:
    """Set the pulse: the CSM's own judgement."""
    found = customer_to_edit(request.user, pk)
    form = PulseForm(_data(request))
    if form.is_bound and form.is_valid():
        try:
            pulses.record_pulse(customer=found, by=request.user, now=timezone.now(), **form.cleaned_data)
        except DomainError as error:
            refuse(form, error)
        else:
            return saved(request, f"The pulse of {found.name} is set.", href=_href(found))
    return _drawer(request, "pulse_form", found, form, "Set pulse")


@require_http_methods(["GET", "HEAD", "POST"])
@declare(access="login", scope="customer", roles=WRITERS)
def phase_form(request: HttpRequest, pk: int) -> HttpResponse:
    """Change the lifecycle phase from a day on."""
    found = customer_to_edit(request.user, pk)
    now, today = _clock(request)
    form = PhaseForm(_data(request), initial={"phase": found.phase, "from_on": today})
    if form.is_bound and form.is_valid():
        try:
            attributes.set_attribute(
                customer=found,
                key=Attribute.PHASE,
                value=form.cleaned_data["phase"],
                from_on=form.cleaned_data["from_on"],
                by=request.user,
                now=now,
            )
        except DomainError as error:
            refuse(form, error)
        else:
            return saved(request, f"The phase of {found.name} is set.", href=_href(found))
    return _drawer(request, "phase_form", found, form, "Change phase")


@require_http_methods(["GET", "HEAD", "POST"])
@declare(access="login", scope="customer", roles=("admin", "manager"))
def assign_form(request: HttpRequest, pk: int) -> HttpResponse:
    """Give the customer to another primary CSM from a day on."""
    found = customer_to_edit(request.user, pk)
    now, today = _clock(request)
    people = people_who_may_own(request.user)
    form = AssignForm(_data(request), people=people, initial={"from_on": today})
    if form.is_bound and form.is_valid():
        owner, from_on = form.cleaned_data["owner"], form.cleaned_data["from_on"]
        try:
            assignments.assign(customer=found, user=owner, from_on=from_on, by=request.user, now=now)
        except DomainError as error:
            refuse(form, error)
        else:
            return saved(request, f"{found.name} is with {owner.name} from {from_on}.", href=_href(found))
    return _drawer(request, "assign_form", found, form, "Assign a CSM")


@require_http_methods(["GET", "HEAD", "POST"])
@declare(access="login", scope="customer", roles=WRITERS)
def fields_form(request: HttpRequest, pk: int) -> HttpResponse:
    """Edit name, attributes and own fields; refused when somebody else was first."""
    found = customer_to_edit(request.user, pk)
    own = list(custom_fields.active_fields().values())
    form = CustomerFieldsForm(_data(request), customer=found, own_fields=own)
    if form.is_bound and form.is_valid():
        changes: dict[str, Any] = {**form.fixed_changes(), **form.dated_changes()}
        if form.own_changes():
            changes["custom"] = form.own_changes()
        try:
            customers.update_customer(
                customer=found,
                version=form.cleaned_data["version"],
                changes=changes,  # type: ignore[arg-type]
                by=request.user,
                now=timezone.now(),
            )
        except DomainError as error:
            refuse(form, error)
        else:
            return saved(request, f"{found.name} is saved.", href=_href(found))
    return _drawer(request, "fields_form", found, form, "Edit fields")


def _head_context(head: CustomerHead, now: datetime, today: date) -> dict[str, Any]:
    summary, found = head.summary, head.customer
    renewal = summary.renewal_on
    before = (
        summary.score - summary.trend_30d
        if summary.score is not None and summary.trend_30d is not None
        else None
    )
    return {
        "customer": found,
        "head": head,
        "summary": summary,
        "now": now,
        "today": today,
        "band_word": band_word(summary.band_label),
        "before": before,
        "arr": summary.mrr * MONTHS_PER_YEAR,
        "renewal_word": days_word((renewal - today).days) if renewal else "",
        "phase_months": _months(found.phase_since, today),
        "customer_months": _months(summary.first_paid_on or found.created_on, today),
        "customer_since": summary.first_paid_on or found.created_on,
        "pulse_word": PULSE_WORDS.get(head.pulse.level, "") if head.pulse and head.pulse.level else "",
        "nps_tone": nps_tone(summary.last_nps),
    }


def _follow_ups_context(request: HttpRequest, found: Customer, now: datetime) -> dict[str, Any]:
    zone = organisation.zone(request.organisation)  # type: ignore[attr-defined] - third-party-type
    rows = shown_to(request.user, open_follow_ups_of(found))
    return {"follow_ups": [{"row": row, "due": due_word(due_days(row, now=now, zone=zone))} for row in rows]}


def _timeline_context(request: HttpRequest, found: Customer, *, may_edit: bool) -> dict[str, Any]:
    wanted = request.GET.get("shown", "")
    shown = int(wanted) if wanted.isascii() and wanted.isdigit() and len(wanted) <= SHOWN_DIGITS else STEP
    timeline = timeline_of(
        found,
        zone=organisation.zone(request.organisation),  # type: ignore[attr-defined] - third-party-type
        kind=request.GET.get("kind", ""),
        shown=shown,
    )
    return {
        "customer": found,
        "timeline": timeline,
        "may_edit_notes": may_edit,
        "timeline_lines": lines_of(timeline.entries, request.user),
        "timeline_kinds": [("", "Everything"), *((kind, KIND_WORDS[kind]) for kind in KINDS)],
    }


def _part(request: HttpRequest, found: Customer, part: str, context: dict[str, Any]) -> HttpResponse:
    return part_or_page(
        request, f"customers/parts/{part}.html", title=found.name, context={"customer": found, **context}
    )


def _drawer(request: HttpRequest, part: str, found: Customer, form: Any, title: str) -> HttpResponse:
    return drawer(
        request,
        f"customers/parts/{part}.html",
        title=title,
        form=form,
        href=_href(found),
        action=reverse(f"customers:{part}", args=[found.pk]),
        about=found.name,
        customer=found,
    )


def _months(since: date | None, today: date) -> int | None:
    """Whole months since a day."""
    if since is None or since > today:
        return None
    return (today.year - since.year) * 12 + today.month - since.month - (today.day < since.day)


def _clock(request: HttpRequest) -> tuple[datetime, date]:
    now = timezone.now()
    return now, organisation.local_day(now, request.organisation)  # type: ignore[attr-defined] - third-party-type


def _data(request: HttpRequest) -> Any:
    return request.POST if request.method == "POST" else None


def _href(found: Customer) -> str:
    return reverse("customers:customer", args=[found.pk])
