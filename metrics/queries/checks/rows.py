"""VM-5 and VM-12: the stored rows among themselves, and how long anything has waited."""

from collections import defaultdict
from datetime import date, datetime, timedelta
from fractions import Fraction
from itertools import groupby, pairwise
from typing import Any

from customers.models import StaleMark
from metrics.models import CompanyMonth, CurrencyFactor, DirtyMonth, LineSegment, Movement
from metrics.queries.checks.comparison import Check, Difference
from metrics.queries.checks.customers import Months

OLD = timedelta(hours=1)  # a mark this old means that nobody works
ZERO = Fraction(0)
KINDS = ("new", "reactivation", "expansion", "contraction", "churn")


def identities(months: Months, chosen: list[int], as_of: date) -> Check:
    """M-1, M-7: each month adds up and opens with the last one's close. M-8: movements lead to what segments hold."""
    check = Check("VM-5", "months add up and chain; movements lead to the MRR of the segments")
    rows = list(CompanyMonth.objects.filter(month__range=months).order_by("month"))
    stored = {(row.month,): (row.opening, row.open_logos) for row in rows[1:]}
    again = {(row.month,): (last.closing, last.close_logos) for last, row in pairwise(rows)}
    check.compare("company_month", ("opening", "open_logos"), stored, again)
    stored = {(row.month,): (Fraction(row.closing), row.close_logos) for row in rows}
    again = {(row.month,): _added(row) for row in rows}
    check.compare("company_month", ("closing", "close_logos"), stored, again)
    _ledger(check, chosen, as_of)
    return check


def _added(row: CompanyMonth) -> tuple[Any, ...]:
    money = [Fraction(getattr(row, name)) for name in ("opening", *KINDS, "fx")]
    logos = row.open_logos + row.new_n + row.reactivation_n - row.churn_n
    return sum(money, ZERO), logos


def _ledger(check: Check, chosen: list[int], as_of: date) -> None:
    """After each day with a movement the customer's MRR is what its segments hold, and no other day changes it."""
    factors = {
        (currency, day): Fraction(factor)
        for currency, day, factor in CurrencyFactor.objects.values_list("currency", "day", "factor")
    }
    stored, again = {}, {}
    moves = Movement.objects.filter(customer_id__in=chosen, day__lte=as_of).order_by(
        "customer_id", "day", "event"
    )
    after: dict[int, dict[date, Movement]] = defaultdict(dict)
    for move in moves:
        after[move.customer_id][move.day] = move
    held = LineSegment.objects.filter(customer_id__in=chosen, mrr__gt=0).order_by("customer_id")
    for pk, listed in groupby(held, key=lambda row: row.customer_id):
        segments = list(listed)
        changes = _changes(segments, as_of)
        sums: dict[str, Fraction] = defaultdict(Fraction)
        for day in sorted(after[pk].keys() | changes.keys()):
            for currency, change in changes.get(day, {}).items():
                sums[currency] += change
            if day in after[pk]:
                stored[pk, day] = (Fraction(after[pk][day].mrr_after),)
                again[pk, day] = (
                    sum((factors.get((name, day), ZERO) * value for name, value in sums.items()), ZERO),
                )
    check.compare("movement", ("mrr_after",), stored, again)


def _changes(segments: list[LineSegment], as_of: date) -> dict[date, dict[str, Fraction]]:
    changes: dict[date, dict[str, Fraction]] = defaultdict(lambda: defaultdict(Fraction))
    for row in segments:
        if row.from_on <= as_of:
            changes[row.from_on][row.currency] += Fraction(row.mrr)
        if row.to_on is not None and row.to_on <= as_of:
            changes[row.to_on][row.currency] -= Fraction(row.mrr)
    return changes


def freshness(now: datetime, waiting: set[int]) -> Check:
    """No stale mark and no unfilled month older than an hour."""
    check = Check("VM-12", "nothing waits for long", rows=len(waiting))
    old = StaleMark.objects.filter(created_at__lt=now - OLD).values_list("customer_id", "created_at")
    check.differences = [
        Difference("stale_mark", str(pk), "created_at", moment.isoformat(), "refreshed within the hour")
        for pk, moment in old
    ]
    months = DirtyMonth.objects.filter(created_at__lt=now - OLD).values_list("month", "created_at")
    check.rows += len(months)
    check.differences += [
        Difference("dirty_month", str(month), "created_at", moment.isoformat(), "filled within the hour")
        for month, moment in months
    ]
    return check
