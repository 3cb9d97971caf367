"""Trials and whether they became paying customers (section 17), from line segments and the ledger."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from metrics.formulas import conversion
from metrics.formulas.conversion import Trial
from metrics.formulas.periods import Period
from metrics.formulas.result import Result, known
from metrics.models import LineSegment, Movement
from metrics.queries.paying import CAME
from metrics.queries.questions import Question, Values
from metrics.queries.usage_windows import within

TRIALING = "trialing"


@dataclass(frozen=True, slots=True)
class Stretch:
    """Days a customer was on trial without a break, and the lines it was on."""

    customer: int
    lines: frozenset[int]
    from_on: date
    to_on: date | None


@dataclass(frozen=True, slots=True)
class TrialCounts:
    """Trials of one period: converted + pending + abandoned = started. `maturing` while one may still convert."""

    rate: Result
    started: int
    converted: int
    pending: int
    abandoned: int

    @property
    def maturing(self) -> bool:
        """Whether the rate can still grow."""
        return self.pending > 0


def trial_metrics(question: Question) -> list[Values]:
    """trial_to_paid_rate under `trial_definition`, and its counts, per period. No trial: no_data."""
    return [
        {
            "trial_to_paid_rate": found.rate,
            "trials_started": known(found.started),
            "trials_converted": known(found.converted),
            "trials_pending": known(found.pending),
            "trials_abandoned": known(found.abandoned),
        }
        for found in trial_counts(question)
    ]


def trial_counts(question: Question) -> list[TrialCounts]:
    """Trials of each period with the rate of the definition; conversions count up to `as_of`, after the close too."""
    trials = trials_of(question)
    return [_counts(question, trials, period) for period in question.closed]


def trials_of(question: Question) -> list[Trial]:
    """Every trial known by `as_of`: when it began, ended, and converted. A sale without a trial is none."""
    return [trial for _, trial in trials_by_customer(question)]


def trials_by_customer(question: Question) -> list[tuple[int, Trial]]:
    """The same, each with its customer."""
    stretches = _stretches(question)
    paying = _paying_lines(question, stretches)
    came = _first_payments(question, stretches)
    trials = []
    for stretch in stretches:
        days = [paying.get(line, []) for line in stretch.lines]
        converted = _earliest_after(stretch.from_on, [*days, came.get(stretch.customer, [])])
        ended = stretch.to_on if stretch.to_on and stretch.to_on <= question.as_of else None
        trial = Trial(
            started=stretch.from_on,
            converted=converted,
            cancelled=ended if converted is None else None,
            until=stretch.to_on,
        )
        trials.append((stretch.customer, trial))
    return trials


def _counts(question: Question, trials: Sequence[Trial], period: Period) -> TrialCounts:
    definition = question.definition
    cohort = [trial for trial in trials if period.start <= trial.started < period.end]
    # an ended trial may still convert in its tail: for the states only the end counts, not that it was let go
    open_ended = [Trial(trial.started, trial.converted, None, trial.until) for trial in cohort]
    states = conversion.trial_states(open_ended, as_of=question.as_of, tail_days=definition.trial_tail_days)
    return TrialCounts(rate=_rate(question, trials, period), started=len(cohort), **states)


def _rate(question: Question, trials: Sequence[Trial], period: Period) -> Result:
    definition = question.definition
    if definition.trial_definition == "ended_in_period":
        return conversion.trial_to_paid_by_end(trials, period=period)
    if definition.trial_definition == "within_days":
        return conversion.trial_to_paid_within(trials, period=period, days=definition.trial_within_days)
    return conversion.trial_to_paid_by_start(trials, period=period)


def _stretches(question: Question) -> list[Stretch]:
    """Trials of one customer that touch or overlap are one."""
    rows = within(LineSegment.objects.filter(state=TRIALING, from_on__lte=question.as_of), question.customers)
    found: list[Stretch] = []
    for customer, line, from_on, to_on in rows.order_by(
        "customer_id", "from_on", "subscription_id"
    ).values_list("customer_id", "subscription_id", "from_on", "to_on"):
        last = found[-1] if found else None
        if last and last.customer == customer and (last.to_on is None or from_on <= last.to_on):
            ends = None if last.to_on is None or to_on is None else max(last.to_on, to_on)
            found[-1] = Stretch(customer, last.lines | {line}, last.from_on, ends)
        else:
            found.append(Stretch(customer, frozenset({line}), from_on, to_on))
    return found


def _paying_lines(question: Question, stretches: Sequence[Stretch]) -> Mapping[int, list[date]]:
    """First days on which the lines of these trials paid, in order."""
    if not stretches:
        return {}
    on_trial = LineSegment.objects.filter(state=TRIALING).values("subscription_id")
    rows = within(
        LineSegment.objects.filter(mrr__gt=0, from_on__lte=question.as_of, subscription_id__in=on_trial),
        question.customers,
    )
    days: dict[int, list[date]] = defaultdict(list)
    for line, day in rows.order_by("from_on").values_list("subscription_id", "from_on"):
        days[line].append(day)
    return days


def _first_payments(question: Question, stretches: Sequence[Stretch]) -> Mapping[int, list[date]]:
    """Days on which customers with a trial began to pay, in order: the sale may be another line than the trial."""
    if not stretches:
        return {}
    on_trial = LineSegment.objects.filter(state=TRIALING).values("customer_id")
    rows = within(
        Movement.objects.filter(kind__in=CAME, day__lte=question.as_of, customer_id__in=on_trial),
        question.customers,
    )
    days: dict[int, list[date]] = defaultdict(list)
    for customer, day in rows.order_by("day").values_list("customer_id", "day"):
        days[customer].append(day)
    return days


def _earliest_after(day: date, ordered: Sequence[Sequence[date]]) -> date | None:
    later = [days[place] for days in ordered if (place := bisect_right(days, day)) < len(days)]
    return min(later, default=None)
