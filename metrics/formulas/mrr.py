"""MRR of a line: normalisation to a month, discounts, terms, counted states (N-1 to N-10, H-1 to H-6)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

from metrics.formulas.money import CONTEXT, ZERO, exactly, quantise
from metrics.formulas.periods import add_months, month_number, month_of
from metrics.formulas.result import Number, Result, known, ratio, unknown

WEEKLY_FACTOR = Fraction(52, 12)  # weeks of a month
DAILY_FACTOR = Fraction(365, 12)  # days of a month
MONTHS_OF_INTERVAL = {"month": 1, "quarter": 3, "year": 12}
TERM_POLICIES = frozenset({"whole_months", "days", "first_partial_prorated"})

COUNTED_STATES = frozenset({"active", "past_due", "non_renewing", "renewal_pending"})
UNCOUNTED_STATES = frozenset(
    {"trialing", "incomplete", "unpaid", "paused", "cancelled", "expired", "scheduled"}
)


@dataclass(frozen=True, slots=True)
class Discount:
    """A discount in force on [from_on, until_on); no until_on = for ever. `value` is percent or amount per invoice."""

    kind: str
    value: Decimal
    duration: str = "forever"
    from_on: date | None = None
    until_on: date | None = None

    def in_force(self, day: date) -> bool:
        """Whether the discount counts on that local day."""
        begun = self.from_on is None or self.from_on <= day
        return begun and (self.until_on is None or day < self.until_on)


@dataclass(frozen=True, slots=True)
class Policy:
    """The config keys that decide a line's MRR; defaults of the metrics specification, section 24."""

    weekly_factor: Fraction = WEEKLY_FACTOR
    daily_factor: Fraction = DAILY_FACTOR
    term_policy: str = "days"
    discount_policy: str = "in_force"
    pause_policy: str = "zero"
    unpaid_policy: str = "churn"


DEFAULT_POLICY = Policy()


@dataclass(frozen=True, slots=True)
class Price:
    """What one line costs per billing interval; with interval `term` the amount is the total of [from, to)."""

    amount: Decimal
    interval: str = "month"
    interval_count: int = 1
    quantity: Decimal = Decimal(1)
    kind: str = "recurring"
    term_start: date | None = None
    term_end: date | None = None


def exact(value: Decimal | Fraction) -> Decimal:
    """A fraction as a decimal of 50 digits."""
    if isinstance(value, Decimal):
        return value
    return CONTEXT.divide(Decimal(value.numerator), Decimal(value.denominator))


def months_of_interval(interval: str, count: int = 1, *, policy: Policy = DEFAULT_POLICY) -> Fraction:
    """Months of one billing interval: month n, quarter 3n, year 12n, week n / weekly_factor, day n / daily_factor.

    Source: N-1. An unknown interval or a count below 1 is a ValueError.
    """
    if count < 1:
        raise ValueError("interval_count is at least 1")
    if interval in MONTHS_OF_INTERVAL:
        return Fraction(MONTHS_OF_INTERVAL[interval] * count)
    if interval == "week":
        return count / policy.weekly_factor
    if interval == "day":
        return count / policy.daily_factor
    raise ValueError(f"unknown interval: {interval}")


def months_of_term(start: date, last_day: date) -> Fraction:
    """Months of a contract term: whole months when the last day is the day before the start's day of month,
    else days x 12/365. Source: N-2. A term that ends before it starts is a ValueError.
    """
    end = last_day + timedelta(days=1)
    if end <= start:
        raise ValueError("the term ends before it starts")
    if is_whole_term(start, last_day):
        return Fraction(month_number(end) - month_number(start))
    return Fraction((end - start).days * 12, 365)


def is_whole_term(start: date, last_day: date) -> bool:
    """Whether a term is whole months: it ends on the day before the start's day of month. Source: N-2."""
    end = last_day + timedelta(days=1)
    whole = month_number(end) - month_number(start)
    return whole > 0 and add_months(start, whole) == end


def contract_mrr(*, total: Decimal, start: date, last_day: date, policy: str = "days") -> Decimal:
    """MRR of a contract with a total: total / months of the term, quantised once. Source: N-2.

    A term of whole months is divided by them under every policy. `first_partial_prorated`: daily = total / days of
    the term; first = daily x days from the start to the end of its month; MRR = (total - first) / calendar months
    after it; without a later month the days rule applies. `whole_months` of any other term is the days rule too.
    9,000 for 10 Feb to 31 Aug 2025: 1,348.52 by days, 1,359.61 prorated. Another policy is a ValueError.
    """
    if policy not in TERM_POLICIES:
        raise ValueError(f"unknown term policy: {policy}")
    months = months_of_term(start, last_day)
    later = month_number(last_day) - month_number(start)
    if policy == "first_partial_prorated" and later > 0 and not is_whole_term(start, last_day):
        days = (last_day - start).days + 1
        first_days = (add_months(month_of(start), 1) - start).days
        return quantise(exact(Fraction(total) * (1 - Fraction(first_days, days)) / later))
    return quantise(exact(Fraction(total) / months))


def contract_mrr_of_months(*, total: Decimal, months: Decimal | int) -> Result:
    """MRR of a contract of so many months: total / months, quantised once. No months: zero_denominator. Source: N-2."""
    if months <= 0:
        return unknown("zero_denominator")
    return known(quantise(exact(Fraction(total) / Fraction(months))))


def price_months(price: Price, *, policy: Policy = DEFAULT_POLICY) -> Fraction:
    """Months the price covers: of the interval, or of the term for interval `term`. Source: N-1, N-2."""
    if price.interval != "term":
        return months_of_interval(price.interval, price.interval_count, policy=policy)
    if price.term_start is None or price.term_end is None:
        raise ValueError("a term price needs its start and end")
    return months_of_term(price.term_start, price.term_end - timedelta(days=1))


def counted_discounts(discounts: Iterable[Discount], *, policy: Policy = DEFAULT_POLICY) -> list[Discount]:
    """The discounts the policy deducts: all in force, only `forever` ones, or none. Source: H-2."""
    if policy.discount_policy == "list_price":
        return []
    if policy.discount_policy == "forever_only":
        return [discount for discount in discounts if discount.duration == "forever"]
    return list(discounts)


def discounted(amount: Fraction, discounts: Iterable[Discount]) -> Fraction:
    """Invoice amount after discounts: percent first, then fixed; never below 0. Source: N-4."""
    listed = list(discounts)
    for discount in listed:
        if discount.kind == "percent":
            amount *= 1 - Fraction(discount.value) / 100
    for discount in listed:
        if discount.kind == "fixed":
            amount -= Fraction(discount.value)
    return max(amount, Fraction(0))


def line_mrr(price: Price, discounts: Sequence[Discount] = (), *, policy: Policy = DEFAULT_POLICY) -> Decimal:
    """(unit price x quantity - discounts in force) / months of the interval, quantised once. Source: G-1, N-1, N-4.

    One-time and usage prices are outside MRR (N-6, N-13) and answer 0, as quantity 0 does. Negative amounts are a
    ValueError: credits are no MRR.
    """
    if price.amount < 0 or price.quantity < 0:
        raise ValueError("a price and a quantity are not negative")
    if price.kind != "recurring":
        return quantise(ZERO)
    gross = Fraction(price.amount) * Fraction(price.quantity)
    net = discounted(gross, counted_discounts(discounts, policy=policy))
    if price.interval == "term" and price.term_start and price.term_end:
        last_day = price.term_end - timedelta(days=1)
        return contract_mrr(
            total=exact(net), start=price.term_start, last_day=last_day, policy=policy.term_policy
        )
    return quantise(exact(net / price_months(price, policy=policy)))


def prorated_line_mrr(*, amount: Decimal, days: int, full_days: int, months: int = 1) -> Decimal:
    """MRR behind a prorated invoice line = amount x (full days / charged days) / months, quantised. Source: N-8.

    Credits are negative; a charge of 125 and a credit of 50 for 15 of 30 days give +250 and -100 = +150.
    """
    if days < 1 or full_days < 1 or months < 1:
        raise ValueError("days and months are at least 1")
    return quantise(exact(Fraction(amount) * full_days / days / months))


def state_counts(state: str, *, policy: Policy = DEFAULT_POLICY) -> bool:
    """Whether a line in this state counts towards MRR. Source: N-7, H-5, H-6. `free` is active at MRR 0."""
    if state == "paused":
        return policy.pause_policy == "keep"
    if state == "unpaid":
        return policy.unpaid_policy == "keep"
    return state in COUNTED_STATES or state == "free"


def normal_state(word: str) -> str:
    """The state an import word stands for: `trial` = trialing, `free` = active (at MRR 0). Source: L-4."""
    return {"trial": "trialing", "free": "active"}.get(word, word)


@dataclass(frozen=True, slots=True)
class Stretch:
    """A constant stretch of one line: local days [from_on, to_on), native MRR, state, counted or not."""

    from_on: date
    to_on: date | None
    mrr: Decimal
    state: str
    counted: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that decides one line over its life: price, discounts, trial end and dated states."""

    price: Price
    from_on: date
    to_on: date | None = None
    discounts: Sequence[Discount] = ()
    trial_until: date | None = None
    states: Sequence[tuple[date, str]] = field(default=())


def stretches(plan: Plan, *, policy: Policy = DEFAULT_POLICY) -> list[Stretch]:
    """The line cut at every boundary of trial, discounts and states; each stretch with its MRR. Source: N-1 to N-7.

    A stretch that does not count keeps MRR 0 (N-5, H-3, H-5, H-6). An empty or reversed range gives no stretch (G-5).
    """
    cuts = _boundaries(plan)
    found: list[Stretch] = []
    for begin, end in zip(cuts, [*cuts[1:], plan.to_on], strict=False):
        state = _state_on(plan, begin)
        counted = state_counts(state, policy=policy)
        in_force = [discount for discount in plan.discounts if discount.in_force(begin)]
        free = not counted or state == "free"
        mrr = quantise(ZERO) if free else line_mrr(plan.price, in_force, policy=policy)
        stretch = Stretch(begin, end, mrr, normal_state(state), counted)
        last = found[-1] if found else None
        if last and (last.mrr, last.state, last.counted) == (stretch.mrr, stretch.state, stretch.counted):
            found[-1] = Stretch(last.from_on, end, mrr, last.state, counted)
        else:
            found.append(stretch)
    return found


def _boundaries(plan: Plan) -> list[date]:
    if plan.to_on is not None and plan.to_on <= plan.from_on:
        return []
    days = {plan.from_on, *(day for day, _ in plan.states)}
    days.update(day for item in plan.discounts for day in (item.from_on, item.until_on) if day)
    if plan.trial_until:
        days.add(plan.trial_until)
    return sorted(day for day in days if day >= plan.from_on and (plan.to_on is None or day < plan.to_on))


def _state_on(plan: Plan, day: date) -> str:
    reached = [state for since, state in sorted(plan.states, key=lambda item: item[0]) if since <= day]
    state = reached[-1] if reached else "active"
    if state in {"active", "trial", "trialing"} and plan.trial_until:
        return "trialing" if day < plan.trial_until else "active"
    return state


def arr(mrr: Decimal) -> Decimal:
    """ARR = 12 x MRR. Source: N-11."""
    return CONTEXT.multiply(mrr, Decimal(12))


@exactly
def usage_mrr(charges: Sequence[Number], *, policy: str = "separate") -> Result:
    """Usage part of MRR from the charges of the complete service months, oldest first. Source: N-13.

    `separate`: the last month, as a metric of its own; `trailing_3m`: mean of the last three. No month: no_data.
    """
    window = charges[-(3 if policy == "trailing_3m" else 1) :]
    total = sum((Decimal(charge) for charge in window), ZERO)
    return ratio(total, len(window), if_zero="no_data")


@exactly
def one_time_revenue(amounts: Iterable[Decimal]) -> Decimal:
    """Sum of one-time charges of the period: what MRR leaves out. Source: N-6."""
    return sum(amounts, ZERO)
