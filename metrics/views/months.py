"""Closed months: closing the next one, and what was reported beside what the numbers are today."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts.choices import Role
from accounts.permissions import may
from accounts.queries.jobs import jobs_for
from config.web.access import declare
from config.web.errors import DomainError
from config.web.sheets import csv_response
from customers.queries.access import customers_for
from metrics.queries import definitions
from metrics.queries.closed_months import Reported, closed_among, reported
from metrics.queries.month_list import MonthLine, Run, month_list, names_of, runs_of
from metrics.services import closing_jobs
from metrics.services.closing import close_month
from metrics.services.definition_previews import is_for_job
from metrics.views.company import company_only, today_of
from metrics.views.numbers import difference_written, in_order, name_of, without_twins, written

ADMINS = (Role.ADMIN,)
EXPORT_HEADER = (
    "month",
    "key",
    "title",
    "as_reported",
    "restated",
    "difference",
    "reason",
    "maturing",
    "causes",
    "facts",
)
MONTHS_OF_YEAR = 12


@require_safe
@declare(access="login", scope="organisation")
def months(request: HttpRequest) -> HttpResponse:
    """Closed and open months, and the way to close the next one."""
    company_only(request)
    return _months_page(request)


@require_POST
@declare(access="login", scope="organisation", roles=ADMINS)
def close_month_now(request: HttpRequest) -> HttpResponse:
    """Freeze every number of a month; a worker does it where customers are many."""
    month = _month(request.POST.get("month", ""))
    if month is None:
        return _months_page(request, problem="Choose the month to close.", status=422)
    try:
        if is_for_job():
            closing_jobs.start_closing(month=month, by=request.user, url=reverse("metrics:months"))
        else:
            close_month(month=month, by=request.user, now=timezone.now())
            messages.success(request, f"{month:%B %Y} is closed. What was reported stays.")
    except DomainError as error:
        return _months_page(request, problem=str(error), status=422)
    return redirect("metrics:months")


@require_safe
@declare(access="login", scope="organisation")
def closed_month(request: HttpRequest, month: str) -> HttpResponse:
    """A closed month in three columns: as reported, restated, difference, with the facts behind each difference."""
    company_only(request)
    closed, numbers = _closed(month)
    runs = runs_of(numbers)
    everything = without_twins(list(numbers))
    differing = {key for key in everything if numbers[key].restated != numbers[key].as_reported}
    shows_all = request.GET.get("show") == "all" or not differing
    currency = definitions.current().reporting_currency
    shown = [key for key in everything if shows_all or key in differing]
    context = {
        "closed": closed,
        "rows": [_row(numbers[key], runs, currency) for key in shown],
        "counts": {"differing": len(differing), "total": len(everything)},
        "shows_all": shows_all,
        "runs": _told(runs, names_of(customers_for(request.user), runs), currency),
        "can_export": may(request.user, "export"),
        "is_other_definition": closed.definition != definitions.current_number(),
        "tab": "months",
    }
    return render(request, "metrics/closed_month.html", context)


@require_safe
@declare(access="login", scope="organisation", grant="export")
def closed_month_export(request: HttpRequest, month: str) -> StreamingHttpResponse:
    """The three columns of every number with all stored digits, and the facts that caused a difference."""
    company_only(request)
    closed, numbers = _closed(month)
    return csv_response(f"closed-{closed.month:%Y-%m}.csv", EXPORT_HEADER, _lines(closed.month, numbers))


def _months_page(request: HttpRequest, *, problem: str = "", status: int = 200) -> HttpResponse:
    definition = definitions.current()
    lines = month_list(today=today_of(request), definition=definition)
    open_jobs = jobs_for(request.user, state="open").filter(kind=closing_jobs.JOB_KIND)
    context = {
        "lines": lines,
        "next": next((line for line in lines if line.is_next), None),
        "choices": _first_choices(lines),
        "has_begun": any(line.closed for line in lines),
        "definition": definition,
        "problem": problem,
        "jobs": open_jobs.order_by("-pk")[:1],
        "may_close": request.user.role == Role.ADMIN,  # type: ignore[union-attr] - third-party-type
        "tab": "months",
    }
    return render(request, "metrics/months.html", context, status=status)


def _first_choices(lines: list[MonthLine]) -> list[date]:
    """Months that the first closing may begin with; empty once a month is closed."""
    if any(line.closed for line in lines):
        return []
    return [line.month for line in lines if line.is_over]


def _month(text: str) -> date | None:
    """The first day of a month written as 2026-03."""
    plain = len(text) == len("2026-03") and text.isascii() and text.replace("-", "", 1).isdigit()
    if not plain or text[4] != "-" or not 1 <= int(text[5:]) <= MONTHS_OF_YEAR or not int(text[:4]):
        return None
    return date(int(text[:4]), int(text[5:]), 1)


def _closed(text: str) -> tuple[Any, Mapping[str, Reported]]:
    month = _month(text)
    closed = closed_among([month]).get(month) if month else None
    if month is None or closed is None:
        raise Http404
    return closed, reported(month)


def _row(number: Reported, runs: list[Run], currency: str) -> dict[str, Any]:
    found = [step.found_at for step in number.steps]
    differs = number.restated != number.as_reported
    return {
        "key": number.key,
        "title": name_of(number.key).title,
        "as_reported": written(number.key, number.as_reported, currency, reason=number.reason),
        "restated": written(number.key, number.restated, currency, reason="" if differs else number.reason),
        "difference": difference_written(number.key, number.difference, currency) if differs else "",
        "maturing": number.maturing,
        "causes": [
            {"place": place, "cause": run.cause}
            for place, run in enumerate(runs, start=1)
            if differs and run.found_at in found
        ],
    }


def _told(runs: list[Run], names: Mapping[int, str], currency: str) -> list[dict[str, Any]]:
    """Each comparison with its facts; customers outside the reader's scope stay unnamed."""
    return [
        {
            "run": run,
            "facts": [
                {
                    **fact,
                    "day": date.fromisoformat(fact["day"]),
                    "recorded_at": datetime.fromisoformat(fact["recorded_at"]),
                    "name": names.get(fact["customer"], ""),
                }
                for fact in run.facts
            ],
            "steps": [
                {
                    "title": name_of(step.key).title,
                    "before": written(step.key, step.before, currency),
                    "after": written(step.key, step.after, currency),
                }
                for step in _in_order(run)
            ],
        }
        for run in runs
    ]


def _in_order(run: Run) -> list[Any]:
    by_key = {step.key: step for step in run.steps}
    return [by_key[key] for key in without_twins(list(by_key))]


def _lines(month: date, numbers: Mapping[str, Reported]) -> Iterator[list[Any]]:
    for key in in_order(list(numbers)):
        number = numbers[key]
        facts = [fact for step in number.steps for fact in step.facts]
        yield [
            f"{month:%Y-%m}",
            key,
            name_of(key).title,
            _exact(number.as_reported),
            _exact(number.restated),
            _exact(number.difference),
            number.reason,
            number.maturing,
            ", ".join(dict.fromkeys(step.get_cause_display() for step in number.steps)),
            ", ".join(dict.fromkeys(f"{fact['fact']} {fact['id']} of {fact['day']}" for fact in facts)),
        ]


def _exact(value: Decimal | None) -> Decimal | None:
    """All stored digits, without zeros at the end."""
    return None if value is None else (value.normalize() if value else Decimal(0))
