"""Terms that ended and what became of them (section 11), and how long customers stay (R-5)."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from django.db.models import Min, Q

from customers.choices import Interval, LineStatus
from customers.models import LineVersion
from metrics.choices import MovementKind
from metrics.formulas import churn, retention
from metrics.formulas.activation import Watched
from metrics.formulas.money import ZERO, convert, total
from metrics.formulas.periods import MONTHS_OF_GRAIN, add_months, month_number, step
from metrics.formulas.result import Result, known
from metrics.models import CustomerStart, LineSegment, Movement
from metrics.queries.questions import Question, Values
from metrics.queries.usage_windows import within
from metrics.queries.valuation import Factors, factors_of

YEAR = 12  # months from which a term is in the contract base
LONGEST_STEPS = 1_200  # billing periods of one line that are looked at
Line = tuple[int, str]  # customer and product
Begun = Mapping[Line, Sequence[tuple[date, Decimal, str]]]


@dataclass(frozen=True, slots=True)
class Term:
    """A term that ended on a day (its first day after): MRR due, and MRR renewed or None while that is open."""

    customer: int
    ended_on: date
    months: int
    due: Decimal
    renewed: Decimal | None


def renewal_metrics(question: Question) -> list[Values]:
    """renewal_rate (MRR), logo_renewal_rate, net_renewal_rate, renewals_undecided, contract_base_churn per period.

    A term is longer than a month and ends on a day its months come full; what stops in between was cancelled, not left
    unrenewed. It is renewed when the customer's same product goes on within `renewal_grace_days`; a line without an end
    renews itself. No term decided: zero_denominator.
    """
    terms = terms_of(question)
    rows: list[Values] = []
    for period in question.periods:
        mine = [term for term in terms if period.start <= term.ended_on < period.end]
        pairs = [(term.due, term.renewed) for term in mine]
        rows.append(
            {
                "renewal_rate": retention.renewal_rate(pairs),
                "logo_renewal_rate": retention.logo_renewal_rate(pairs),
                "net_renewal_rate": retention.net_renewal_rate(pairs),
                "renewals_undecided": known(sum(1 for _, renewed in pairs if renewed is None)),
                "contract_base_churn": _contract_base(mine),
            }
        )
    return rows


def _contract_base(terms: Sequence[Term]) -> Result:
    decided = [(term.due, term.renewed) for term in terms if term.months >= YEAR and term.renewed is not None]
    ended = total(due for due, _ in decided)
    kept = total(min(due, renewed) for due, renewed in decided)
    return churn.contract_base_churn(not_renewed=total([ended, kept.copy_negate()]), term_ended=ended)


def terms_of(question: Question) -> list[Term]:
    """Every term that ends in one of the periods, valued at the day it ends (or at `as_of` when that lies ahead)."""
    if not question.periods:
        return []
    first, last = min(p.start for p in question.periods), max(p.end for p in question.periods)
    versions = question.facts(LineVersion).filter(
        Q(to_on=None) | Q(to_on__gte=first),
        from_on__lt=last,
        status__in=[LineStatus.ACTIVE, LineStatus.PAST_DUE],
        mrr__gt=0,
    )
    ends: list[tuple[LineVersion, date, int]] = []
    for version in versions.select_related("subscription").order_by("pk"):
        ends += [(version, day, months) for day, months in _ends(version, first, last)]
    begun = _begun(question, first)
    factors = _factors(question, ends, begun)
    return [term for end in ends if (term := _term(question, *end, begun=begun, factors=factors))]


def _ends(version: LineVersion, first: date, last: date) -> Iterator[tuple[date, int]]:
    """(first day after a term, its months) of a version within [first, last)."""
    months = _months_between(version.from_on, version.to_on) if version.to_on else 0
    if version.to_on and months > 1 and first <= version.to_on < last:
        yield version.to_on, months
    length = version.interval_count * MONTHS_OF_GRAIN.get(version.interval, 0)
    if version.to_on is not None or length <= 1 or version.interval == Interval.TERM:
        return
    for number in range(1, LONGEST_STEPS):
        day = step(version.from_on, version.interval, version.interval_count, number)
        if day >= last:
            return
        if day >= first:
            yield day, length


def _months_between(start: date, end: date) -> int:
    """Whole months from start to end, 0 where they do not come full."""
    months = month_number(end) - month_number(start)
    return months if months > 0 and add_months(start, months) == end else 0


def _begun(question: Question, first: date) -> Begun:
    """Stretches that pay and began since a day, by customer and product."""
    rows = within(LineSegment.objects.filter(mrr__gt=0, from_on__gte=first), question.customers)
    found: dict[Line, list[tuple[date, Decimal, str]]] = defaultdict(list)
    for customer, product, day, mrr, currency in rows.order_by("from_on", "pk").values_list(
        "customer_id", "subscription__product", "from_on", "mrr", "currency"
    ):
        found[customer, product].append((day, mrr, currency))
    return found


def _factors(question: Question, ends: Sequence[tuple[LineVersion, date, int]], begun: Begun) -> Factors:
    days = {min(day, question.as_of) for _, day, _ in ends}
    currencies = {version.currency for version, _, _ in ends} | {
        currency for listed in begun.values() for _, _, currency in listed
    }
    return factors_of(
        ((currency, day) for currency in currencies for day in days),
        reporting=question.definition.reporting_currency,
        known_at=question.known_at,
    )


def _term(
    question: Question, version: LineVersion, ended_on: date, months: int, *, begun: Begun, factors: Factors
) -> Term | None:
    """The term, or None where there is no rate for it."""
    at = min(ended_on, question.as_of)
    if (version.currency, at) not in factors:
        return None
    due = convert(_mrr_at_end(version, ended_on), factors[version.currency, at])
    grace = timedelta(days=question.definition.renewal_grace_days)
    if version.to_on is None:
        renewed: Decimal | None = due if ended_on <= question.as_of else None
    else:
        after = [
            convert(mrr, factors[currency, at])
            for day, mrr, currency in begun.get((version.customer_id, version.subscription.product), ())
            if ended_on <= day <= ended_on + grace and (currency, at) in factors
        ]
        waits = ended_on + grace > question.as_of
        renewed = total(after) if after else None if waits else ZERO
    return Term(version.customer_id, ended_on, months, due, renewed)


def _mrr_at_end(version: LineVersion, ended_on: date) -> Decimal:
    """Monthly value on the last day of the term: after the discount where that ended before."""
    over = version.discount_until is not None and version.discount_until < ended_on
    return version.mrr_after_discount if over else version.mrr


def survival_metrics(question: Question) -> list[Values]:
    """survival_median_days per period: days until half of all customers that ever paid had left, at its close.

    Who still pays is censored (Kaplan-Meier). Nobody ever paid: no_data; more than half still pay: not_reached.
    """
    return [
        {"survival_median_days": retention.survival_median_days(watched)}
        for watched in (days_paid(question, question.close_on(period)) for period in question.periods)
    ]


def days_paid(question: Question, day: date) -> list[Watched]:
    """Days from a customer's first paid day to its first churn, or watched until the end of a day."""
    starts = within(CustomerStart.objects.filter(first_paid_on__lte=day), question.customers)
    first = dict(starts.order_by().values_list("customer_id").annotate(day=Min("first_paid_on")))
    gone = within(Movement.objects.filter(kind=MovementKind.CHURN, day__lte=day), question.customers)
    left = dict(gone.order_by().values_list("customer_id").annotate(day=Min("day")))
    return [
        Watched((left.get(customer, day) - start).days, customer in left) for customer, start in first.items()
    ]
