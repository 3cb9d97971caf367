"""Follow-ups: the list with its tabs, new ones, and what happens to open ones."""

from typing import Any
from uuid import uuid4

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.queries import organisation
from config.web.access import declare
from config.web.errors import DomainError
from config.web.forms import refuse
from config.web.htmx import page_or_part
from config.web.replies import drawer, refused, saved
from config.web.tables import Column, Table
from customers.forms.follow_ups import FollowUpChangeForm, FollowUpForm, OutcomeForm
from customers.queries.access import customer_to_edit
from customers.queries.customer import holders_of
from customers.queries.follow_ups import (
    TABS,
    due_days,
    follow_up_to_edit,
    follow_ups_for,
    people_who_may_own,
    shown_to,
)
from customers.services import follow_ups as service
from customers.views.portfolio_cells import due_word

WRITERS = ("admin", "manager", "csm")
TAB_WORDS = {"mine": "Mine", "team": "My team", "unassigned": "Unassigned", "done": "Done"}
COLUMNS = (
    Column("title", "What", "title"),
    Column("due", "Due", "due_on"),
    Column("priority", "Priority", "priority_rank", css="p1"),
    Column("kind", "Kind", "kind", css="p2"),
    Column("owner", "Owner", "owner__name", css="p1"),
)
OPEN_TABLE = Table(COLUMNS, default="due")
DONE_TABLE = Table(
    (*COLUMNS[:1], Column("done", "Done", "done_at", down_first=True), *COLUMNS[2:]), default="-done"
)


@require_safe
@declare(access="login", scope="customer")
def follow_ups(request: HttpRequest) -> HttpResponse:
    """Follow-ups by tab: mine, my team's, nobody's, finished."""
    tab = request.GET.get("tab", "")
    tab = tab if tab in TABS else "mine"
    now = timezone.now()
    zone = organisation.zone(request.organisation)  # type: ignore[attr-defined] - third-party-type
    lists = follow_ups_for(request.user)
    table = DONE_TABLE if tab == "done" else OPEN_TABLE
    page = table.page(lists.of(tab), request.GET)
    counts = lists.counts()
    context = {
        "tab": tab,
        "tabs": [
            {"key": key, "name": TAB_WORDS[key], "n": counts[key], "current": key == tab} for key in TABS
        ],
        "page": page,
        "rows": [
            {"row": row, "due": due_word(due_days(row, now=now, zone=zone))}
            for row in shown_to(request.user, page.rows)
        ],
        "now": now,
        "query": request.GET.urlencode(),
        "may_write": request.user.role != "viewer",
        "done": tab == "done",
    }
    return page_or_part(request, "customers/follow_ups.html", parts=["follow_ups_table"], context=context)


@require_http_methods(["GET", "HEAD", "POST"])
@declare(access="login", scope="customer", roles=WRITERS)
def follow_up_form(request: HttpRequest, pk: int) -> HttpResponse:
    """A new follow-up for a customer; sending the form twice opens it once."""
    customer = customer_to_edit(request.user, pk)
    now = timezone.now()
    today = organisation.local_day(now, request.organisation)  # type: ignore[attr-defined] - third-party-type
    people = people_who_may_own(request.user)
    owner = next(
        (held.user for held in holders_of(customer, today=today) if held.role == "primary"), request.user
    )
    initial = {"due_on": today, "owner": owner, "once": uuid4().hex}
    form = FollowUpForm(_data(request), people=people, initial=initial)
    if form.is_bound and form.is_valid():
        values = dict(form.cleaned_data)
        key = f"form:{values.pop('once')}"
        try:
            service.open_follow_up(customer=customer, by=request.user, now=now, dedupe_key=key, **values)
        except DomainError as error:
            refuse(form, error)
        else:
            return saved(request, "The follow-up is open.", href=_customer_href(customer.pk))
    return drawer(
        request,
        "customers/parts/follow_up_form.html",
        title="New follow-up",
        form=form,
        href=_customer_href(customer.pk),
        action=reverse("customers:follow_up_form", args=[customer.pk]),
        about=customer.name,
        customer=customer,
    )


@require_http_methods(["GET", "HEAD", "POST"])
@declare(access="login", scope="customer", roles=WRITERS)
def follow_up_change(request: HttpRequest, pk: int) -> HttpResponse:
    """Move an open follow-up to another day or person."""
    row = follow_up_to_edit(request.user, pk)
    people = people_who_may_own(request.user)
    form = FollowUpChangeForm(
        _data(request), people=people, initial={"due_on": row.due_on, "owner": row.owner}
    )
    if form.is_bound and form.is_valid():
        due_on, owner, now = form.cleaned_data["due_on"], form.cleaned_data["owner"], timezone.now()
        try:
            if due_on != row.due_on:
                service.reschedule(follow_up=row, due_on=due_on, by=request.user, now=now)
            if owner is not None and owner.pk != row.owner_id:
                service.reassign(follow_up=row, owner=owner, by=request.user, now=now)
        except DomainError as error:
            refuse(form, error)
        else:
            return saved(request, "The follow-up is changed.", href=reverse("customers:follow_ups"))
    return drawer(
        request,
        "customers/parts/follow_up_change.html",
        title="Move or reassign",
        form=form,
        href=reverse("customers:follow_ups"),
        action=reverse("customers:follow_up_change", args=[row.pk]),
        about=f"{row.title}, {row.customer.name}",
    )


@require_POST
@declare(access="login", scope="customer", roles=WRITERS)
def follow_up_done(request: HttpRequest, pk: int) -> HttpResponse:
    """Finish a follow-up with what came of it."""
    row = follow_up_to_edit(request.user, pk)
    form = OutcomeForm(request.POST)
    if not form.is_valid():
        return refused(request, "The outcome is longer than 300 characters. Shorten it.", href=_list())
    try:
        service.complete(
            follow_up=row, outcome=form.cleaned_data["outcome"], by=request.user, now=timezone.now()
        )
    except DomainError as error:
        return refused(request, str(error), href=_list())
    undo = reverse("customers:follow_up_reopen", args=[row.pk])
    return saved(request, f"Done: {row.title}", href=_list(), undo=undo)


@require_POST
@declare(access="login", scope="customer", roles=WRITERS)
def follow_up_reopen(request: HttpRequest, pk: int) -> HttpResponse:
    """Open a finished follow-up again."""
    row = follow_up_to_edit(request.user, pk)
    try:
        service.reopen(follow_up=row, by=request.user, now=timezone.now())
    except DomainError as error:
        return refused(request, str(error), href=_list())
    return saved(request, f"Open again: {row.title}", href=_list())


def _list() -> str:
    return reverse("customers:follow_ups")


def _customer_href(pk: int) -> str:
    return reverse("customers:customer", args=[pk])


def _data(request: HttpRequest) -> Any:
    return request.POST if request.method == "POST" else None
