"""Support: solved at first contact, times to answer and to solve, tickets per active user (section 18)."""

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal

from django.db.models import Count, Q

from customers.models import Ticket
from metrics.formulas import support
from metrics.formulas.activation import Watched
from metrics.formulas.engagement import WINDOW
from metrics.formulas.periods import Period, trailing
from metrics.formulas.result import Result, unknown
from metrics.queries import usage_windows
from metrics.queries.questions import Question, Values, day_after

# Solved with at most one answer, never passed on, never reopened. Sources give how often a ticket was reopened, not when.
AT_FIRST_CONTACT = Q(agent_replies__lte=1, reopened=0, transferred=False)
NEVER_ANSWERED = Q(agent_replies=0, first_response_at=None)  # given up while waiting: in neither part
OUT_OF_REACH = Q(escalated=True)  # what the first level can never solve leaves the base under fcr_base=net
Times = Sequence[tuple[datetime, datetime | None, datetime | None]]
Hours = Callable[[datetime, datetime], Decimal]


def fcr_metrics(question: Question) -> list[Values]:
    """fcr_rate per period, by the day of solving. Tickets whose number of answers is not known are left out."""
    if not question.periods:
        return []
    counts: dict[str, Count] = {}
    for number, window in enumerate(question.closed):
        start, end = question.instants(window)
        inside = Q(solved_at__gte=start, solved_at__lt=end, agent_replies__isnull=False)
        counts[f"solved_{number}"] = Count("pk", filter=inside)
        counts[f"first_{number}"] = Count("pk", filter=inside & AT_FIRST_CONTACT & ~left_out(question))
        counts[f"out_{number}"] = Count("pk", filter=inside & left_out(question))
    found = question.facts(Ticket).aggregate(**counts)
    return [
        {
            "fcr_rate": support.fcr_rate(
                solved_first=found[f"first_{number}"],
                solved=found[f"solved_{number}"],
                excluded=found[f"out_{number}"],
            )
        }
        for number in range(len(question.periods))
    ]


def left_out(question: Question) -> Q:
    """Solved tickets that are in neither part."""
    return NEVER_ANSWERED | OUT_OF_REACH if question.definition.fcr_base == "net" else NEVER_ANSWERED


def response_metrics(question: Question) -> list[Values]:
    """Median and P90 hours to the first answer and to the solution of tickets opened in the period.

    first_response and time_to_resolve count clock hours, `_business` Monday to Friday from 9 to 17. Tickets that still
    wait at the end of `as_of` are censored (Kaplan-Meier). No ticket, or no first answer ever reported: no_data.
    """
    tickets = _tickets(question)
    until = question.start_of(day_after(question.as_of)).astimezone(question.zone)
    rows: list[Values] = []
    for window in question.closed:
        inside = [row for row in tickets if window.start <= row[0].date() < window.end]
        # a ticket solved without a known first answer says nothing about how long that took
        answered = [(opened, first) for opened, first, done in inside if first or not done]
        solved = [(opened, done) for opened, _, done in inside]
        told = answered if any(first for _, first in answered) else []
        rows.append({**_times("first_response", told, until), **_times("time_to_resolve", solved, until)})
    return rows


def _tickets(question: Question) -> Times:
    """(opened, first answered, solved) in local time; what lies after `as_of` has not happened."""
    if not question.periods:
        return []
    start = question.start_of(min(period.start for period in question.periods))
    until = question.start_of(day_after(question.as_of))
    found = question.facts(Ticket).filter(opened_at__gte=start, opened_at__lt=until)
    zone = question.zone

    def local(moment: datetime | None) -> datetime | None:
        return moment.astimezone(zone) if moment and moment < until else None

    rows = found.values_list("opened_at", "first_response_at", "solved_at")
    return [(opened.astimezone(zone), local(first), local(done)) for opened, first, done in rows]


def _times(name: str, rows: Sequence[tuple[datetime, datetime | None]], until: datetime) -> Values:
    values: Values = {}
    for suffix, hours in (("", support.clock_hours), ("_business", support.business_hours)):
        watched = [
            Watched(max(hours(opened, done or until), Decimal(0)), done is not None) for opened, done in rows
        ]
        values[f"{name}{suffix}"] = support.median_hours(watched)
        values[f"{name}{suffix}_p90"] = support.p90_hours(watched)
    return values


def load_metrics(question: Question) -> list[Values]:
    """ticket_load per period: tickets opened in the 30 days to the close per 100 product users active in them.

    No single users known: no_data.
    """
    windows = [trailing(question.close_on(period), WINDOW) for period in question.periods]
    opened = {
        f"opened_{number}": Count("pk", filter=Q(opened_at__gte=start, opened_at__lt=end))
        for number, (start, end) in enumerate(question.instants(window) for window in windows)
    }
    found = question.facts(Ticket).aggregate(**opened)
    return [
        {"ticket_load": _load(question, window, found[f"opened_{number}"])}
        for number, window in enumerate(windows)
    ]


def _load(question: Question, window: Period, tickets: int) -> Result:
    users = usage_windows.active_users(window, customers=question.customers)
    return unknown("no_data") if users is None else support.ticket_load(tickets=tickets, active_users=users)
