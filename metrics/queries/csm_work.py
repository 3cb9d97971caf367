"""Customer success work: reviews held, follow-ups on time, first contacts after a handover, results per CSM (section 19).

Referrals, testimonials, success plans, product feedback, playbooks and risk cases are no facts of the product yet:
what needs them answers not_configured.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from django.db.models import Count, F, Q
from django.db.models.functions import TruncDate

from customers.choices import AssignmentRole, Direction, FollowUpState, TouchpointKind
from customers.models import Assignment, FollowUp, Touchpoint
from metrics.formulas import activation, churn, retention
from metrics.formulas.activation import Watched
from metrics.formulas.periods import Period, trailing
from metrics.formulas.result import Result, known, ratio, unknown
from metrics.queries.paying import counts_until
from metrics.queries.questions import Question, Values
from metrics.queries.spans import Span, spans_for
from metrics.queries.usage_windows import within

NOT_KEPT = (
    "referral_cover",
    "advocacy",
    "outcome_attainment",
    "customer_outcome_growth",
    "feedback_loop",
    "playbooks_finished",
    "untouched_customers",
    "saves",
)


@dataclass(frozen=True, slots=True)
class Book:
    """What became of the customers a CSM held when the period began."""

    owner: int
    customers: int
    span: Span
    values: Mapping[str, Result]


def work_metrics(question: Question) -> list[Values]:
    """ebr_cover, follow_ups_on_time and days_to_first_touchpoint per period, and why the others have no value."""
    missing = dict.fromkeys(NOT_KEPT, unknown("not_configured"))
    reviews, on_time, first = _reviews(question), _on_time(question), _first_touch(question)
    return [
        {**missing, "ebr_cover": cover, "follow_ups_on_time": done, "days_to_first_touchpoint": days}
        for cover, done, days in zip(reviews, on_time, first, strict=True)
    ]


def _reviews(question: Question) -> list[Result]:
    """Customers with a business review in the `ebr_days` to the close / customers paying at the close."""
    windows = [
        trailing(question.close_on(period), question.definition.ebr_days) for period in question.periods
    ]
    held = {
        f"held_{number}": Count(
            "customer_id", distinct=True, filter=Q(occurred_at__gte=start, occurred_at__lt=end)
        )
        for number, (start, end) in enumerate(question.instants(window) for window in windows)
    }
    found = question.facts(Touchpoint).filter(kind=TouchpointKind.REVIEW).aggregate(**held)
    counts = counts_until(question.as_of, customers=question.customers)
    return [
        ratio(found[f"held_{number}"], counts.paying_on(window.last_day))
        for number, window in enumerate(windows)
    ]


def _on_time(question: Question) -> list[Result]:
    """Follow-ups done by the end of their day / follow-ups due in the period; cancelled ones are in neither part."""
    rows = within(FollowUp.objects.exclude(state=FollowUpState.CANCELLED), question.customers)
    punctual = Q(state=FollowUpState.DONE, done_on__lte=F("due_on"))
    sums: dict[str, Count] = {}
    for number, window in enumerate(question.closed):
        due = Q(due_on__gte=window.start, due_on__lt=window.end)
        sums[f"due_{number}"] = Count("pk", filter=due)
        sums[f"done_{number}"] = Count("pk", filter=due & punctual)
    found = rows.annotate(done_on=TruncDate("done_at", tzinfo=question.zone)).aggregate(**sums)
    return [ratio(found[f"done_{number}"], found[f"due_{number}"]) for number in range(len(question.periods))]


def _first_touch(question: Question) -> list[Result]:
    """Median days from a primary CSM's first day with a customer to the first contact made; who waits is censored."""
    held = question.facts(Assignment).filter(role=AssignmentRole.PRIMARY, from_on__lte=question.as_of)
    begun = list(held.values_list("customer_id", "from_on", "to_on"))
    touched: dict[int, list[date]] = defaultdict(list)
    if begun:
        start = question.start_of(min(from_on for _, from_on, _ in begun))
        contacts = question.facts(Touchpoint).exclude(direction=Direction.INTERNAL)
        rows = contacts.exclude(kind=TouchpointKind.NOTE).filter(occurred_at__gte=start)
        for customer, moment in rows.order_by("occurred_at").values_list("customer_id", "occurred_at"):
            touched[customer].append(question.local_day(moment))
    return [
        activation.quantile_days(
            [
                waited(from_on, to_on, touched.get(customer, ()), as_of=question.as_of)
                for customer, from_on, to_on in begun
                if period.start <= from_on < period.end
            ]
        )
        for period in question.closed
    ]


def waited(from_on: date, to_on: date | None, touched: Sequence[date], *, as_of: date) -> Watched:
    """Days until the first contact of an assignment, or days watched: to its end, or to `as_of`."""
    last = as_of if to_on is None else min(as_of, to_on - timedelta(days=1))
    place = bisect_left(touched, from_on)
    if place < len(touched) and touched[place] <= last:
        return Watched((touched[place] - from_on).days, reached=True)
    return Watched((last - from_on).days, reached=False)


def book_results(question: Question) -> list[list[Book]]:
    """Per period the books as they were held on its opening day, by primary CSM: MRR, NRR, GRR and logo churn.

    A customer handed over later stays in the book it was in (S-4). One reading of the ledger per CSM, none per
    customer. Renewals and saves are no part of it yet.
    """
    rows = question.facts(Assignment).filter(role=AssignmentRole.PRIMARY)
    held = list(rows.values_list("user_id", "customer_id", "from_on", "to_on"))
    return [_books(question, period, held) for period in question.periods]


def _books(
    question: Question, period: Period, held: Sequence[tuple[int, int, date, date | None]]
) -> list[Book]:
    books: dict[int, list[int]] = defaultdict(list)
    for owner, customer, from_on, to_on in held:
        if from_on <= period.opening_day and (to_on is None or to_on > period.opening_day):
            books[owner].append(customer)
    return [_book(question, period, owner, ids) for owner, ids in sorted(books.items())]


def _book(question: Question, period: Period, owner: int, ids: Sequence[int]) -> Book:
    (span,) = spans_for([period], as_of=question.as_of, customers=ids)
    values = {
        "mrr": known(span.closing),
        "nrr": retention.nrr_of_sums(opening=span.opening_at_close, closing_of_base=span.now_of_base),
        "grr": retention.grr_of_sums(opening=span.opening_at_close, kept_of_base=span.kept),
        "logo_churn_rate": churn.logo_churn_rate(opening=span.open_logos, lost=span.lost_logos),
        "renewals_won": unknown("not_configured"),
        "saves": unknown("not_configured"),
    }
    return Book(owner, len(ids), span, values)
