"""The tickets, touchpoints, follow-ups, terms and customers behind support, success work, renewals and survival."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db.models import F, Q
from django.db.models.functions import TruncDate

from customers.choices import AssignmentRole, Direction, FollowUpState, TouchpointKind
from customers.models import Assignment, FollowUp, Ticket, Touchpoint
from metrics.formulas import activation, churn, retention, support
from metrics.formulas.activation import Watched
from metrics.formulas.engagement import WINDOW
from metrics.formulas.money import total
from metrics.formulas.periods import trailing
from metrics.formulas.result import Result, known, ratio, unknown
from metrics.queries.csm_work import waited
from metrics.queries.life_days import days_paid
from metrics.queries.questions import day_after
from metrics.queries.renewals import YEAR, terms_of
from metrics.queries.rows import (
    COUNT,
    DAY,
    FLAG,
    MOMENT,
    NUMBER,
    TEXT,
    Ask,
    ListSource,
    QuerySource,
    Receipt,
    RowColumn,
    Sums,
)
from metrics.queries.rows_use import paying_on
from metrics.queries.rows_use import users as users_receipt
from metrics.queries.rows_voice import flag
from metrics.queries.support import AT_FIRST_CONTACT, left_out
from metrics.queries.usage_windows import within

NO_DATA = unknown("no_data")
WAITING = "Tickets still waiting at the end of the day are counted as waiting."


def first_contact(ask: Ask) -> Receipt:
    """Tickets solved in the period."""
    start, end = ask.question.instants(ask.closed)
    out = left_out(ask.question)
    rows = (
        ask.question.facts(Ticket)
        .filter(solved_at__gte=start, solved_at__lt=end, agent_replies__isnull=False)
        .annotate(first=flag(AT_FIRST_CONTACT & ~out), counted=flag(~out))
    )
    columns = (
        RowColumn("solved_at", "Solved", MOMENT),
        RowColumn("first", "At first contact", FLAG),
        RowColumn("counted", "In the base", FLAG),
        RowColumn("agent_replies", "Answers", NUMBER),
        RowColumn("reopened", "Reopened", NUMBER),
    )
    source = QuerySource("Solved in the period", "tickets", rows, columns, "-solved_at")
    return Receipt(
        [source],
        lambda sums: ratio(sums[0]["first"], sums[0]["counted"], if_zero="no_data"),
        top="solved at first contact",
        bottom="solved",
        left_out="Tickets without a known number of answers are not listed; those given up while waiting are not in the base.",
    )


def times_of_tickets(ask: Ask) -> Receipt:
    """Tickets opened in the period with the hours until they were answered or solved."""
    question = ask.question
    is_answer = ask.key.startswith("first_response")
    hours = support.business_hours if "_business" in ask.key else support.clock_hours
    start, end = question.instants(ask.closed)
    until = question.start_of(day_after(question.as_of)).astimezone(question.zone)
    rows, watched = [], []
    found = question.facts(Ticket).filter(opened_at__gte=start, opened_at__lt=end)
    for pk, opened, first, solved in found.values_list(
        "customer_id", "opened_at", "first_response_at", "solved_at"
    ):
        begun, ended = opened.astimezone(question.zone), _by(first if is_answer else solved, until)
        if is_answer and ended is None and _by(solved, until):
            continue
        spent = max(hours(begun, ended or until), Decimal(0))
        watched.append(Watched(spent, ended is not None))
        rows.append((pk, (begun, ended, spent, int(ended is not None))))
    columns = (
        RowColumn("opened", "Opened", MOMENT),
        RowColumn("ended", "Answered" if is_answer else "Solved", MOMENT),
        RowColumn("hours", "Hours", "hours"),
        RowColumn("done", "Done", FLAG),
    )
    source = ListSource("Opened in the period", "tickets", rows, columns, "-opened")
    left = "0.1" if ask.key.endswith("_p90") else "0.5"

    def made(sums: Sequence[Sums]) -> Result:
        if is_answer and not sums[0]["done"]:
            return NO_DATA
        return activation.quantile_days(watched, left=Decimal(left))

    return Receipt([source], made, top="hours, waiting ones counted", left_out=WAITING)


def _by(moment: datetime | None, until: datetime) -> datetime | None:
    """A moment in local time, if it has come."""
    return moment.astimezone(until.tzinfo) if moment and moment < until else None


def ticket_load(ask: Ask) -> Receipt:
    """Tickets opened in 30 days, and the product users of those days."""
    day = ask.question.close_on(ask.period)
    start, end = ask.question.instants(trailing(day, WINDOW))
    rows = ask.question.facts(Ticket).filter(opened_at__gte=start, opened_at__lt=end)
    columns = (
        RowColumn("opened_at", "Opened", MOMENT),
        RowColumn("solved_at", "Solved", MOMENT),
        RowColumn("priority", "Priority", TEXT),
    )
    tickets = QuerySource("Opened in 30 days", "tickets", rows, columns, "-opened_at")
    people = users_receipt(Ask(ask.question, "mau"))

    def made(sums: Sequence[Sums]) -> Result:
        users = people.made(sums[1:])
        if users.value is None:
            return users
        return support.ticket_load(tickets=sums[0].rows, active_users=int(users.value))

    return Receipt([tickets, *people.sources], made, top="tickets", bottom="users of 30 days")


def reviews(ask: Ask) -> Receipt:
    """Customers with a business review, and who paid."""
    window = trailing(ask.question.close_on(ask.period), ask.question.definition.ebr_days)
    start, end = ask.question.instants(window)
    held = ask.question.facts(Touchpoint).filter(
        kind=TouchpointKind.REVIEW, occurred_at__gte=start, occurred_at__lt=end
    )
    listed: dict[int, list[datetime]] = defaultdict(list)
    for pk, moment in held.values_list("customer_id", "occurred_at"):
        listed[pk].append(moment)
    rows = [(pk, (max(moments), len(moments))) for pk, moments in listed.items()]
    columns = (RowColumn("last", "Last review", MOMENT), RowColumn("reviews", "Reviews", COUNT))
    source = ListSource(
        f"With a review in {ask.question.definition.ebr_days} days", "customers", rows, columns, "-last"
    )
    return Receipt(
        [source, paying_on(ask, window.last_day)],
        lambda sums: ratio(sums[0].rows, sums[1]["is_now"]),
        top="with a review",
        bottom="paying customers",
    )


def on_time(ask: Ask) -> Receipt:
    """Follow-ups due in the period."""
    rows = (
        within(FollowUp.objects.exclude(state=FollowUpState.CANCELLED), ask.question.customers)
        .filter(due_on__gte=ask.closed.start, due_on__lt=ask.closed.end)
        .annotate(done_on=TruncDate("done_at", tzinfo=ask.question.zone))
        .annotate(in_time=flag(Q(state=FollowUpState.DONE, done_on__lte=F("due_on"))))
    )
    columns = (
        RowColumn("due_on", "Due", DAY),
        RowColumn("done_on", "Done", DAY),
        RowColumn("in_time", "On time", FLAG),
        RowColumn("title", "Follow-up", TEXT),
    )
    source = QuerySource("Due in the period", "follow-ups", rows, columns, "-due_on")
    return Receipt(
        [source],
        lambda sums: ratio(sums[0]["in_time"], sums[0].rows),
        top="done by the end of their day",
        bottom="due",
        left_out="Cancelled follow-ups are in neither part.",
    )


def first_touch(ask: Ask) -> Receipt:
    """Customers handed to a CSM in the period, with the days to the first contact."""
    question = ask.question
    held = question.facts(Assignment).filter(
        role=AssignmentRole.PRIMARY, from_on__gte=ask.closed.start, from_on__lt=ask.closed.end
    )
    begun = list(held.values_list("customer_id", "from_on", "to_on", "user__name"))
    touched: dict[int, list[date]] = defaultdict(list)
    contacts = (
        question.facts(Touchpoint).exclude(direction=Direction.INTERNAL).exclude(kind=TouchpointKind.NOTE)
    )
    made_since = contacts.filter(
        occurred_at__gte=question.start_of(ask.closed.start), customer_id__in=[row[0] for row in begun]
    )
    for pk, moment in made_since.order_by("occurred_at").values_list("customer_id", "occurred_at"):
        touched[pk].append(question.local_day(moment))
    rows: list[tuple[int | None, tuple[Any, ...]]] = []
    watched = []
    for pk, from_on, to_on, who in begun:
        found = waited(from_on, to_on, touched.get(pk, ()), as_of=question.as_of)
        watched.append(found)
        rows.append((pk, (from_on, who, found.days, int(found.reached))))
    columns = (
        RowColumn("from_on", "Since", DAY),
        RowColumn("who", "CSM", TEXT),
        RowColumn("days", "Days", NUMBER),
        RowColumn("spoken", "Spoken to", FLAG),
    )
    source = ListSource("Handed over in the period", "customers", rows, columns, "from_on")
    return Receipt(
        [source],
        lambda _: activation.quantile_days(watched),
        top="days, waiting ones counted",
        left_out="Who was not spoken to yet counts as waiting.",
    )


def terms(ask: Ask) -> Receipt:
    """Terms that ended in the period, and what became of them."""
    found = [term for term in terms_of(ask.question) if ask.period.start <= term.ended_on < ask.period.end]
    if ask.key == "contract_base_churn":
        found = [term for term in found if term.months >= YEAR]
    rows = [
        (
            term.customer,
            (
                term.ended_on,
                term.months,
                term.due,
                term.renewed,
                int(term.renewed is None),
                None if term.renewed is None else min(term.due, term.renewed),
            ),
        )
        for term in found
    ]
    columns = (
        RowColumn("ended_on", "Ended", DAY),
        RowColumn("months", "Months", NUMBER),
        RowColumn("due", "MRR due"),
        RowColumn("renewed", "Renewed"),
        RowColumn("open", "Undecided", FLAG),
        RowColumn("kept", "Renewed, at most due"),
    )
    pairs = [(term.due, term.renewed) for term in found]
    decided = total(due for due, renewed in pairs if renewed is not None)

    def made(sums: Sequence[Sums]) -> Result:
        if ask.key == "renewals_undecided":
            return known(sums[0]["open"])
        if ask.key == "contract_base_churn":
            lost = total([decided, sums[0]["kept"].copy_negate()])
            return churn.contract_base_churn(not_renewed=lost, term_ended=decided)
        how = {
            "logo_renewal_rate": retention.logo_renewal_rate,
            "net_renewal_rate": retention.net_renewal_rate,
        }.get(ask.key, retention.renewal_rate)
        return how(pairs)

    source = ListSource("Terms that ended", "terms", rows, columns, "-ended_on")
    return Receipt(
        [source],
        made,
        top="renewed",
        bottom="due and decided",
        left_out="Terms of one month, and terms nobody has decided on yet, are in neither part.",
    )


def lives(ask: Ask) -> Receipt:
    """Everybody who ever paid, with the days paid; and of them who pays at the close."""
    day = ask.question.close_on(ask.period)
    found = days_paid(day, customers=ask.question.customers)
    if ask.key == "survival_to_date":
        return _still_paying(ask, [(life.customer, life.since) for life in found], day)
    rows = [(life.customer, (life.since, life.days, int(life.left))) for life in found]
    columns = (
        RowColumn("since", "First paid", DAY),
        RowColumn("days", "Days paid", NUMBER),
        RowColumn("left", "Left", FLAG),
    )
    watched = [Watched(life.days, life.left) for life in found]
    return Receipt(
        [ListSource("Ever paid", "customers", rows, columns, "-days")],
        lambda _: retention.survival_median_days(watched),
        top="days, who still pays counted as waiting",
        left_out="Who still pays counts as waiting, not as lost.",
    )


def _still_paying(ask: Ask, starts: Sequence[tuple[int, date]], day: date) -> Receipt:
    now = {row["customer_id"] for row in paying_on(ask, day).page(ids=None, sort="customer", limit=None)}
    rows = [(pk, (since, int(pk in now))) for pk, since in starts]
    columns = (RowColumn("since", "First paid", DAY), RowColumn("pays", "Paying", FLAG))
    return Receipt(
        [ListSource("Ever paid", "customers", rows, columns, "since")],
        lambda sums: retention.survival_to_date(paying=int(sums[0]["pays"]), ever_paid=sums[0].rows),
        top="paying at close",
        bottom="ever paid",
    )


_TIMES = ("first_response", "time_to_resolve")
_TERMS = (
    "renewal_rate",
    "logo_renewal_rate",
    "net_renewal_rate",
    "renewals_undecided",
    "contract_base_churn",
)
SERVICE_ROWS: Mapping[str, Callable[[Ask], Receipt]] = {
    "fcr_rate": first_contact,
    **{
        f"{name}{tail}": times_of_tickets
        for name in _TIMES
        for tail in ("", "_p90", "_business", "_business_p90")
    },
    "ticket_load": ticket_load,
    "ebr_cover": reviews,
    "follow_ups_on_time": on_time,
    "days_to_first_touchpoint": first_touch,
    **dict.fromkeys(_TERMS, terms),
    "survival_to_date": lives,
    "survival_median_days": lives,
}
