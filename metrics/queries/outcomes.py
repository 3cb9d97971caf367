"""What became of customers: the rows that backtests, suggestions and calibration judge scores by.

Outcomes come from the ledger as it is known now, by effective day. A customer counts as churned when its MRR is 0
because it left or its payment failed; paused or moved to a free plan is not churned.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from django.db.models import Min

from customers.models import CustomerSummary
from metrics.choices import ChurnKind, MovementKind
from metrics.formulas.money import ZERO
from metrics.formulas.periods import Period, add_months, month_number, month_of
from metrics.models import Movement
from metrics.queries import definitions
from metrics.queries.questions import Question
from metrics.queries.renewals import terms_of

LOST = frozenset({ChurnKind.LEFT, ChurnKind.INVOLUNTARY})
AFTER_DUE = timedelta(days=30)  # a renewal is lost when nothing is paid so long after it was due
RENEWING, PAYING = "renewing", "paying"


@dataclass(frozen=True, slots=True)
class Fate:
    """One row: scored at the end of `scored_on`, decided by `decided_on`. Amounts in the reporting currency."""

    customer: int
    scored_on: date
    decided_on: date
    mrr: Decimal
    mrr_after: Decimal
    churned_on: date | None

    @property
    def churned(self) -> bool:
        """Whether the customer was lost."""
        return self.churned_on is not None

    @property
    def expanded(self) -> bool:
        """Whether it paid more at the end."""
        return self.mrr_after > self.mrr


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Decided rows, how many are still open, and whole months of facts up to `as_of`."""

    rows: Sequence[Fate]
    open: int
    months: int


@dataclass(frozen=True, slots=True)
class _Step:
    day: date
    mrr: Decimal
    is_loss: bool


class Ledger:
    """Every change of MRR per customer, read once."""

    def __init__(self) -> None:
        self.steps: dict[int, list[_Step]] = {}
        rows = Movement.objects.order_by("customer_id", "day", "event")
        for customer, day, kind, churn_kind, mrr in rows.values_list(
            "customer_id", "day", "kind", "churn_kind", "mrr_after"
        ):
            is_loss = kind == MovementKind.CHURN and churn_kind in LOST
            self.steps.setdefault(customer, []).append(_Step(day, mrr, is_loss))
        self.days = {customer: [step.day for step in steps] for customer, steps in self.steps.items()}

    def at(self, customer: int, day: date) -> _Step | None:
        """The last change up to and with a day."""
        place = bisect_right(self.days.get(customer, ()), day)
        return self.steps[customer][place - 1] if place else None

    def mrr(self, customer: int, day: date) -> Decimal:
        """MRR at the end of a day."""
        step = self.at(customer, day)
        return step.mrr if step else ZERO

    def loss_in(self, customer: int, after: date, until: date) -> date | None:
        """The first day in (after, until] on which the customer was lost."""
        days = self.days.get(customer, [])
        for place in range(bisect_right(days, after), bisect_right(days, until)):
            if self.steps[customer][place].is_loss:
                return days[place]
        return None


def outcomes_of(population: str, *, horizon: int, first: date, last: date, as_of: date) -> Outcomes:
    """Rows of a population scored at month ends in [first, last]; what is not decided by `as_of` is counted only."""
    ledger = Ledger()
    fates = _paying if population == PAYING else _renewing
    decided, waiting = [], 0
    for fate in fates(ledger, horizon=horizon, first=first, last=last, as_of=as_of):
        if fate.decided_on > as_of:
            waiting += 1
        else:
            decided.append(fate)
    decided.sort(key=lambda fate: (fate.scored_on, fate.customer, fate.decided_on))
    begun = Movement.objects.aggregate(day=Min("day"))["day"]
    months = max(0, month_number(as_of) - month_number(begun)) if begun else 0
    return Outcomes(decided, waiting, months)


def _renewing(ledger: Ledger, *, horizon: int, first: date, last: date, as_of: date) -> Iterator[Fate]:
    """Every renewal due counts once, scored at the last month end at least `horizon` days before, if it paid then."""
    until = add_months(month_of(last), 1) + timedelta(days=horizon + 31)
    due = Period(first + timedelta(days=horizon), until)
    question = Question([due], as_of=as_of, definition=definitions.current())
    for customer, day in sorted({(term.customer, term.ended_on) for term in terms_of(question)}):
        scored_on = month_end_before(day - timedelta(days=horizon))
        mrr = ledger.mrr(customer, scored_on)
        if not first <= scored_on <= last or mrr <= 0:
            continue
        decided_on = day + AFTER_DUE
        step = ledger.at(customer, decided_on)
        lost = step is not None and step.mrr == 0 and step.is_loss
        yield Fate(
            customer,
            scored_on,
            decided_on,
            mrr,
            step.mrr if step else ZERO,
            step.day if step and lost else None,
        )


def _paying(ledger: Ledger, *, horizon: int, first: date, last: date, as_of: date) -> Iterator[Fate]:
    """All paying customers at month ends at least `horizon` days apart, so that no window overlaps another."""
    for day in spaced_month_ends(first, last, horizon, as_of=as_of):
        until = day + timedelta(days=horizon)
        for customer in ledger.steps:
            mrr = ledger.mrr(customer, day)
            if mrr > 0:
                lost_on = ledger.loss_in(customer, day, until)
                yield Fate(customer, day, until, mrr, ledger.mrr(customer, until), lost_on)


def month_end_before(day: date) -> date:
    """The last month end at or before a day."""
    after = day + timedelta(days=1)
    return after - timedelta(days=1) if after.day == 1 else month_of(day) - timedelta(days=1)


def month_ends(first: date, last: date) -> list[date]:
    """All month ends in [first, last]."""
    found, day = [], month_end_before(last)
    while day >= first:
        found.append(day)
        day = month_of(day) - timedelta(days=1)
    return found[::-1]


def spaced_month_ends(first: date, last: date, apart: int, *, as_of: date) -> list[date]:
    """Month ends in [first, last] at least `apart` days from each other: the latest decided one, and back from there.

    The one whose window is still open comes last, so that its customers can be counted.
    """
    found, day = [], month_end_before(min(last, as_of - timedelta(days=apart)))
    latest = day
    while day >= first:
        found.append(day)
        day = month_end_before(day - timedelta(days=apart))
    ahead = month_end_before(min(last, as_of))
    waiting = [ahead] if ahead >= max(first, latest + timedelta(days=apart)) else []
    return found[::-1] + waiting


def names_of(customer_ids: Iterable[int]) -> dict[int, str]:
    """Names by customer id."""
    rows = CustomerSummary.objects.filter(customer_id__in=set(customer_ids)).order_by()
    return dict(rows.values_list("customer_id", "customer__name"))
