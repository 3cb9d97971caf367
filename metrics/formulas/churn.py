"""Churn of customers and of MRR (section 10, C-1 to C-3)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from metrics.formulas.money import CONTEXT, ZERO, exactly
from metrics.formulas.result import Number, Result, known, ratio, unknown


def logo_churn_rate(*, opening: int, lost: int) -> Result:
    """Customers paying at opening and not at close / customers paying at opening.

    Joined-and-churned and churned-and-back customers are in neither part. Zero opening: zero_denominator.
    11 events of which one joined in the month, 100 at opening: 0.1. Source: section 10, C-1.
    """
    return ratio(lost, opening)


def logos_lost(*, churned: int, joined_and_churned: int = 0, churned_and_reactivated: int = 0) -> int:
    """Churn events that count in the default rate: without those who joined or came back inside the period."""
    return churned - joined_and_churned - churned_and_reactivated


def logo_churn_rate_average_base(*, opening: int, closing: int, lost: int) -> Result:
    """Default numerator / mean(opening, closing). Source: logo_churn_formula=average_base."""
    return ratio(2 * lost, opening + closing)


def logo_churn_rate_all_in_period(
    *, opening: int, new: int, reactivated: int, not_paying_at_close: int
) -> Result:
    """(opening, new and reactivated customers not paying at close) / all of them. Source: all_in_period."""
    return ratio(not_paying_at_close, opening + new + reactivated)


def logo_churn_rate_stripe_30d(*, churn_events: int, paying_30_days_ago: int, new_since: int) -> Result:
    """Churn events of the trailing 30 days / (paying 30 days ago + new since). Source: stripe_30d."""
    return ratio(churn_events, paying_30_days_ago + new_since)


def logo_churn_rate_events(*, opening: int, churn_events: int) -> Result:
    """Churn events / opening. Source: logo_churn_formula=events."""
    return ratio(churn_events, opening)


@exactly
def daily_sum(days: Iterable[tuple[Number, Number]]) -> Result:
    """Sum over days of lost / at start of the day; days that start with zero are skipped, none left: zero_denominator.

    Source: the daily_sum variants, C-1.
    """
    total, counted = ZERO, False
    for start, lost in days:
        if start:
            total += CONTEXT.divide(Decimal(lost), Decimal(start))
            counted = True
    return known(total) if counted else unknown("zero_denominator")


@exactly
def gross_mrr_churn_rate(*, opening: Number, churn: Number, contraction: Number) -> Result:
    """(churn + contraction of the opening base) / opening MRR, amounts positive: (10 + 10)/100 = 20 %. Source: C-1, C-2."""
    return ratio(churn + contraction, opening)


@exactly
def net_mrr_churn_rate(
    *, opening: Number, churn: Number, contraction: Number, expansion: Number, reactivation: Number = 0
) -> Result:
    """Gross - expansion of the opening base / opening MRR: (10 + 10 - 10)/100 = 10 %; may be negative.

    `reactivation` is given only under net_churn_includes_reactivation. Source: section 10.
    """
    return ratio(churn + contraction - expansion - reactivation, opening)


@exactly
def annual_churn(*, rate: Decimal, days: int | None = None) -> Decimal:
    """1 - (1 - m)^12, or from a rate over k days 1 - (1 - c)^(365/k); 3 % a month = 30.6 % a year. Source: section 10."""
    exponent = Decimal(12) if days is None else CONTEXT.divide(Decimal(365), Decimal(days))
    return 1 - CONTEXT.power(1 - rate, exponent)


def compound_retention(*, annual_retention: Decimal, years: Number) -> Decimal:
    """retention^years: what is left of a group after so many years."""
    return CONTEXT.power(annual_retention, years)


@dataclass(frozen=True, slots=True)
class BaseFlows:
    """Flows of one customer paying at opening, as positive amounts."""

    expansion: Decimal = ZERO
    contraction: Decimal = ZERO
    churn: Decimal = ZERO


@exactly
def base_flows(moves: Sequence[tuple[str, Decimal]]) -> BaseFlows:
    """Flows of a period from the (kind, signed amount) of one customer's movements in order of days.

    A churn that is followed by a return inside the period counts as their difference: lower is contraction, higher
    is expansion. Source: C-2.
    """
    gained, shrunk, left, pending = ZERO, ZERO, ZERO, ZERO
    for kind, amount in moves:
        if kind == "churn":
            left, pending = left + pending, -amount
        elif kind == "reactivation" and pending:
            difference, pending = amount - pending, ZERO
            gained += max(difference, ZERO)
            shrunk += max(-difference, ZERO)
        elif kind == "expansion":
            gained += amount
        elif kind == "contraction":
            shrunk -= amount
    return BaseFlows(expansion=gained, contraction=shrunk, churn=left + pending)


def logo_churn_of_ends(customers: Iterable[tuple[Number, Number]]) -> Result:
    """Default logo churn from one (MRR at opening, MRR at close) per customer. Nobody paying: zero_denominator."""
    closes = [close for opening, close in customers if opening > 0]
    return logo_churn_rate(opening=len(closes), lost=sum(1 for close in closes if close == 0))


@exactly
def mrr_churn_of_ends(customers: Iterable[tuple[Number, Number]]) -> Result:
    """Gross MRR churn from both ends: sum of max(0, opening - close) / sum of opening."""
    base = [(opening, close) for opening, close in customers if opening > 0]
    losses = sum((Decimal(max(opening - close, 0)) for opening, close in base), ZERO)
    return ratio(losses, sum((Decimal(opening) for opening, _ in base), ZERO))


@exactly
def gross_mrr_churn_all_flows(*, opening: Number, churn: Number, contraction: Number) -> Result:
    """(churn + contraction of everybody, also of customers new in the period) / opening. Source: mrr_churn_formula=all_flows."""
    return ratio(churn + contraction, opening)


def gross_mrr_churn_only(*, opening: Number, churn: Number) -> Result:
    """Churn of the opening base / opening, contraction left out. Source: mrr_churn_formula=churn_only."""
    return ratio(churn, opening)


@exactly
def gross_mrr_churn_day(*, start: Number, end: Number) -> Result:
    """One day of daily_sum: (start - end)/start, losses only; `end` is without what is new that day. Source: section 10."""
    return ratio(max(start - end, 0), start)


@exactly
def net_mrr_churn_day(*, start: Number, end: Number, new: Number) -> Result:
    """One day of daily_sum: 1 - (end - new)/start; may be negative. Source: section 10."""
    return ratio(start - (end - new), start)


@dataclass(frozen=True, slots=True)
class Lost:
    """Customers and MRR lost in one kind of churn."""

    customers: int = 0
    mrr: Decimal = ZERO


@exactly
def churn_by_kind(losses: Iterable[tuple[str, int, Number]]) -> dict[str, Lost]:
    """(kind, customers, MRR of each) summed by kind; the kinds add up to the whole. Source: section 10."""
    found: dict[str, Lost] = {}
    for kind, customers, each in losses:
        so_far = found.get(kind, Lost())
        found[kind] = Lost(so_far.customers + customers, so_far.mrr + customers * Decimal(each))
    return found


@exactly
def contract_base_churn(*, not_renewed: Number, term_ended: Number) -> Result:
    """Not renewed / MRR whose term ended in the period. No term ended: zero_denominator. Source: section 10."""
    return ratio(not_renewed, term_ended)


@exactly
def left_of_hundred(*, annual: Decimal) -> int:
    """Of 100 customers those still there after a year: 100 x (1 - annual churn), to the nearest whole, half up."""
    return int((100 * (1 - annual)).quantize(Decimal(1), rounding=ROUND_HALF_UP))
