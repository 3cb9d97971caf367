"""Cases: the list with the closed loop in figures, one case, and what people do with it."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.queries import organisation
from config.web.access import declare
from config.web.errors import DomainError
from config.web.forms import refuse
from config.web.htmx import page_or_part, part_or_page
from config.web.replies import drawer, refused, saved
from config.web.tables import Column, Table
from surveys.choices import CaseState
from surveys.forms.cases import CloseForm, ContactForm, NoteForm, ReassignForm, WaitForm
from surveys.models import Case
from surveys.queries import cases as queries
from surveys.queries import extras
from surveys.queries.case_clock import clock_at
from surveys.queries.case_people import people_for
from surveys.services import cases as service
from surveys.views import case_cells

WRITERS = ("admin", "manager", "csm")
LEADERS = ("admin", "manager")
WORDS = {
    "mine": "Mine",
    "team": "My team",
    "unassigned": "Unassigned",
    "overdue": "Overdue",
    "closed": "Closed",
}
COLUMNS = (
    Column("score", "Score", "response__score"),
    Column("who", "Who said what", "customer__name"),
    Column("due", "Due", "next_due"),
    Column("assignee", "Works on it", "assignee__name", css="p1"),
    Column("mrr", "MRR", "customer__summary__mrr", css="num p1", down_first=True),
)
CLOSED_COLUMNS = (*COLUMNS[:2], Column("closed", "Closed", "closed_at", down_first=True), *COLUMNS[3:])
OPEN_TABLE, CLOSED_TABLE = Table(COLUMNS, default="due"), Table(CLOSED_COLUMNS, default="-closed")


@require_safe
@declare(access="login", scope="customer", roles=WRITERS)
def cases(request: HttpRequest) -> HttpResponse:
    """Cases by tab: mine, my team's, nobody's, overdue, closed; and the closed loop in figures."""
    now = timezone.now()
    tab = request.GET.get("tab", "")
    tab = tab if tab in queries.TABS else "mine"
    counts = queries.tab_counts(request.user, now=now)
    table = CLOSED_TABLE if tab == "closed" else OPEN_TABLE
    page = table.page(queries.of_tab(request.user, tab, now=now), request.GET)
    clock = clock_at(now)
    report = queries.report_for(request.user, now=now)
    context = {
        "now": now,
        "tab": tab,
        "tabs": [
            {"key": key, "name": WORDS[key], "n": counts[key], "current": key == tab} for key in queries.TABS
        ],
        "page": page,
        "rows": case_cells.lines(page.rows, clock, now=now),
        "query": request.GET.urlencode(),
        "report": report,
        "whole": case_cells.loop_cells(report.whole),
        "groups": [
            ("By person", [case_cells.loop_cells(loop) for loop in report.by_person]),
            ("By kind", [case_cells.loop_cells(loop) for loop in report.by_kind]),
        ],
        "contact_hours": clock.policy.case_first_contact_hours,
        "close_days": clock.policy.case_close_days,
    }
    return page_or_part(request, "surveys/cases.html", parts=["cases_table"], context=context)


@require_safe
@declare(access="login", scope="customer", roles=WRITERS)
def case(request: HttpRequest, pk: int) -> HttpResponse:
    """One case: the answer with all its revisions, the clock, the history."""
    now = timezone.now()
    found = queries.case_of(request.user, pk)
    events = queries.history_of(found)
    answers = queries.answers_of(found, events)
    context = {
        "now": now,
        "case": found,
        "line": case_cells.line(found, clock_at(now), now=now),
        "answers": case_cells.answers(answers, extras.questions_of(answers)),
        "history": case_cells.history(events),
        "may_work": found.customer.archived_at is None,
        "may_reassign": request.user.role in LEADERS,
        "is_open": found.state != CaseState.CLOSED,
    }
    return page_or_part(request, "surveys/case.html", parts=["case_body"], context=context)


@require_safe
@declare(access="login", scope="customer", roles=WRITERS)
def cases_panel(request: HttpRequest) -> HttpResponse:
    """The reader's next cases, for Today."""
    now = timezone.now()
    found, total = queries.mine_soonest(request.user)
    clock = clock_at(now)
    context = {"now": now, "cases": case_cells.lines(found, clock, now=now), "total": total}
    context["contact_hours"] = clock.policy.case_first_contact_hours
    return part_or_page(request, "surveys/parts/cases_panel.html", title="Cases", context=context)


@require_http_methods(["GET", "HEAD", "POST"])
@declare(access="login", scope="customer", roles=WRITERS)
def case_contact(request: HttpRequest, pk: int) -> HttpResponse:
    """Log the first contact."""
    now = timezone.localtime(timezone.now())
    form = ContactForm(_data(request), initial={"occurred_at": now.replace(second=0, microsecond=0)})
    return _act(
        request, pk, form, service.contact, title="Log the first contact", done="The contact is logged."
    )


@require_http_methods(["GET", "HEAD", "POST"])
@declare(access="login", scope="customer", roles=WRITERS)
def case_wait(request: HttpRequest, pk: int) -> HttpResponse:
    """Stop the clock until the customer is back."""
    title = "Wait for the customer"
    return _act(
        request, pk, WaitForm(_data(request)), service.wait, title=title, done="The clock stands still."
    )


@require_POST
@declare(access="login", scope="customer", roles=WRITERS)
def case_resume(request: HttpRequest, pk: int) -> HttpResponse:
    """The customer is back: the clock runs again."""
    found = queries.case_to_work(request.user, pk)
    try:
        service.wait_over(case=found, by=request.user, now=timezone.now())
    except DomainError as error:
        return refused(request, str(error), href=_href(found))
    return saved(request, "The clock runs again.", href=_href(found))


@require_http_methods(["GET", "HEAD", "POST"])
@declare(access="login", scope="customer", roles=LEADERS)
def case_reassign(request: HttpRequest, pk: int) -> HttpResponse:
    """Give the case to somebody else who works for the customer."""
    found = queries.case_to_work(request.user, pk)
    today = organisation.local_day(timezone.now(), request.organisation)  # type: ignore[attr-defined] - third-party-type
    form = ReassignForm(_data(request), people=people_for(found.customer, today=today))
    return _act(
        request, pk, form, service.reassign, title="Reassign the case", done="The case is reassigned."
    )


@require_http_methods(["GET", "HEAD", "POST"])
@declare(access="login", scope="customer", roles=WRITERS)
def case_note(request: HttpRequest, pk: int) -> HttpResponse:
    """Write something into the history."""
    return _act(
        request, pk, NoteForm(_data(request)), service.add_note, title="Add a note", done="The note is kept."
    )


@require_http_methods(["GET", "HEAD", "POST"])
@declare(access="login", scope="customer", roles=WRITERS)
def case_close(request: HttpRequest, pk: int) -> HttpResponse:
    """End the case with its outcome."""
    return _act(
        request,
        pk,
        CloseForm(_data(request)),
        service.close,
        title="Close the case",
        done="The case is closed.",
    )


def _act(
    request: HttpRequest, pk: int, form: Any, act: Callable[..., Case], *, title: str, done: str
) -> HttpResponse:
    """Show a form of the case in the drawer, or do what it says. The part and the address are named by the view."""
    found = queries.case_to_work(request.user, pk)
    name = request.resolver_match.url_name
    if form.is_bound and form.is_valid():
        try:
            act(case=found, by=request.user, now=timezone.now(), **form.cleaned_data)
        except DomainError as error:
            refuse(form, error)
        else:
            return saved(request, done, href=_href(found))
    return drawer(
        request,
        f"surveys/parts/{name}.html",
        title=title,
        form=form,
        href=_href(found),
        action=reverse(f"surveys:{name}", args=[found.pk]),
        about=f"{case_cells.who(found)}, {found.customer.name}",
    )


def _href(found: Case) -> str:
    return reverse("surveys:case", args=[found.pk])


def _data(request: HttpRequest) -> Any:
    return request.POST if request.method == "POST" else None
