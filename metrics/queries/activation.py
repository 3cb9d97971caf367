"""Activation, time to first value and onboarding time (section 17), with who is not there yet counted as waiting."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import reduce
from operator import or_

from django.db.models import Min, Q

from customers.choices import Attribute, Phase
from customers.models import AttributeValue, UsageEvent
from metrics.formulas import activation, conversion
from metrics.formulas.activation import Watched
from metrics.formulas.periods import Period
from metrics.formulas.result import Result, unknown
from metrics.models import CustomerStart, DailyUsage, ValueEvent
from metrics.queries.questions import Question, Values
from metrics.queries.usage_windows import within

FIRST_MONTH = 30  # days of the share that reached value early
NO_USAGE = unknown("no_data")
Days = Mapping[int, date]  # customer -> a day


@dataclass(frozen=True, slots=True)
class Start:
    """A customer's first paid day: where its contract, and the clock of its activation, begin."""

    customer: int
    day: date


def activation_metrics(question: Question) -> list[Values]:
    """activation_rate and time to value of the customers whose first paid day lies in each period.

    What counts as activation and as first value is a ValueEvent per segment; without one any usage does. Usage before
    the first paid day counts as day 0. Values grow until `as_of`. No usage known at all: no_data.
    """
    starts = starts_of(question)
    has_usage = within(DailyUsage.objects.filter(day__lte=question.as_of), question.customers).exists()
    rules = list(ValueEvent.objects.all()) if has_usage else []
    activated = first_days(question, rules, ValueEvent.ACTIVATION) if has_usage else {}
    valued = first_days(question, rules, ValueEvent.FIRST_VALUE) if has_usage else {}
    rows = []
    for period in question.closed:
        cohort = [start for start in starts if period.start <= start.day < period.end]
        watched = _watched(cohort, valued, as_of=question.as_of) if has_usage else []
        rows.append(
            {
                "activation_rate": _activation(question, cohort, activated) if has_usage else NO_USAGE,
                **_time_to_value(watched),
            }
        )
    return rows


def maturing_until(question: Question, period: Period) -> date:
    """The last day on which the activation window of a customer of the period may still be open."""
    return period.last_day + timedelta(days=question.definition.activation_days)


def onboarding_metrics(question: Question) -> list[Values]:
    """onboarding_time_median_days per period: from the first day in the onboarding phase to the day it was left.

    Customers that entered the phase in the period; who is still in it waits (censored). Nobody: no_data.
    """
    rows = question.facts(AttributeValue).filter(
        key=Attribute.PHASE, value=Phase.ONBOARDING, from_on__lte=question.as_of
    )
    stretches = list(rows.values_list("from_on", "to_on"))
    values: list[Values] = []
    for period in question.closed:
        watched = [
            _days(from_on, to_on, as_of=question.as_of)
            for from_on, to_on in stretches
            if period.start <= from_on < period.end
        ]
        values.append({"onboarding_time_median_days": activation.onboarding_time(watched)})
    return values


def starts_of(question: Question) -> list[Start]:
    """First paid days up to the last day asked for."""
    rows = within(CustomerStart.objects.filter(first_paid_on__lte=question.as_of), question.customers)
    found = rows.order_by("customer_id").values_list("customer_id", "first_paid_on").distinct()
    return [Start(*row) for row in found]


def first_days(question: Question, rules: Sequence[ValueEvent], purpose: str) -> Days:
    """First day of the configured event per customer; segments without a rule take the rule of all, or any usage."""
    mine = [rule for rule in rules if rule.purpose == purpose]
    named = [rule.segment for rule in mine if rule.segment]
    first: dict[int, date] = {}
    if len(named) == len(mine):
        usage = within(DailyUsage.objects.filter(day__lte=question.as_of, events__gt=0), question.customers)
        others = usage.exclude(customer__segment__in=named) if named else usage
        first |= dict(others.order_by().values_list("customer_id").annotate(first=Min("day")))
    if mine:
        events = within(UsageEvent.objects.filter(day__lte=question.as_of), question.customers)
        said = events.filter(reduce(or_, (_matches(rule, named) for rule in mine)))
        first |= dict(said.order_by().values_list("customer_id").annotate(first=Min("day")))
    return first


def _matches(rule: ValueEvent, named: Sequence[str]) -> Q:
    whose = Q(customer__segment=rule.segment) if rule.segment else ~Q(customer__segment__in=named)
    if rule.event:
        whose &= Q(event=rule.event)
    return whose & Q(feature=rule.feature) if rule.feature else whose


def _activation(question: Question, cohort: Sequence[Start], activated: Days) -> Result:
    """Those who did it by day `activation_days`, of those whose window is over; the first paid day is day 0."""
    window = timedelta(days=question.definition.activation_days)
    ended = [start for start in cohort if start.day + window <= question.as_of]
    reached = [start for start in ended if activated.get(start.customer, date.max) <= start.day + window]
    return conversion.activation_rate(reached=len(reached), window_ended=len(ended))


def _watched(cohort: Sequence[Start], first: Days, *, as_of: date) -> list[Watched]:
    return [_days(start.day, first.get(start.customer), as_of=as_of) for start in cohort]


def _days(start: date, reached: date | None, *, as_of: date) -> Watched:
    """Local days from a start to what was waited for; not yet there at the end of `as_of`: censored."""
    if reached is not None and reached <= as_of:
        return Watched(max((reached - start).days, 0), reached=True)
    return Watched((as_of - start).days, reached=False)


def _time_to_value(watched: Sequence[Watched]) -> Values:
    return {
        "time_to_value_median_days": activation.time_to_value_median_days(watched),
        "time_to_value_p75_days": activation.time_to_value_p75_days(watched),
        "value_reached_share": activation.reached_share(watched),
        "value_reached_30d_share": activation.reached_by(watched, day=FIRST_MONTH),
    }
