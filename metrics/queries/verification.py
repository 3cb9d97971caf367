"""Stored rollups against the independent recount: plain rows of facts in, one result per check out. Reads only."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any

from customers.models import CustomerSummary, StaleMark
from metrics.formulas import recount
from metrics.formulas.recount import KINDS, ZERO, Month
from metrics.models import (
    CohortMonth,
    CompanyMonth,
    CustomerMonth,
    DailyUsage,
    DirtyMonth,
    LineSegment,
    MonthlyUsage,
    Movement,
)
from metrics.queries.freshness import last_fill
from metrics.queries.recounts import Recounted, cohorts_again, recounted, usage_again

SHOWN = 20  # differences listed per check
OLD_MARK = timedelta(hours=1)  # a stale mark this old means that nobody works
SAMPLED_DAYS = 5
Rows = Mapping[tuple[Any, ...], tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Difference:
    """One value that is not what the facts say; None stands for a row that is missing on that side."""

    table: str
    key: str
    column: str
    stored: str
    recounted: str


@dataclass(slots=True)
class Check:
    """One check of section 27: rows compared and what differed."""

    code: str
    title: str
    rows: int = 0
    differences: list[Difference] = field(default_factory=list)
    note: str = ""

    def compare(self, table: str, columns: tuple[str, ...], stored: Rows, counted: Rows) -> None:
        """Equal, not close: every key on both sides, every column the same."""
        self.rows += len(stored.keys() | counted.keys())
        for key in sorted(stored.keys() | counted.keys(), key=str):
            left, right = stored.get(key), counted.get(key)
            if left == right:
                continue
            name = " ".join(map(str, key))
            if left is None or right is None:
                self.differences.append(Difference(table, name, "row", str(left), str(right)))
                continue
            self.differences += [
                Difference(table, name, column, str(a), str(b))
                for column, a, b in zip(columns, left, right, strict=True)
                if a != b
            ]


class NothingToVerifyError(Exception):
    """No rollup has been filled yet."""


def verify(
    *,
    now: datetime,
    first: date | None = None,
    last: date | None = None,
    sample: int | None = None,
    seed: int = 0,
) -> list[Check]:
    """All checks over the months from `first` to `last`; `sample` limits the customer checks, totals stay complete.

    Customers that wait for a refresh are left out of the customer checks, and totals are not compared while any does.
    """
    fill = last_fill()
    if fill is None:
        raise NothingToVerifyError
    waiting = set(StaleMark.objects.values_list("customer_id", flat=True))
    counted = recounted(as_of=fill.as_of)
    months = (first or date.min, last or date.max)
    chosen = sorted(counted.pieces.keys() - waiting)
    if sample is not None:
        chosen = sorted(sorted(chosen, key=lambda pk: _draw(seed, pk))[:sample])
    checks = customer_checks(counted, chosen, months)
    if waiting or DirtyMonth.objects.exists():
        note = f"not compared: {len(waiting)} customers wait for a refresh"
        checks += [Check("VM-4", "company months", note=note), Check("VM-7", "cohort months", note=note)]
    else:
        checks += company_checks(counted, months)
    return [
        *checks,
        _identities(months),
        _usage(waiting),
        _summaries(counted, chosen),
        _freshness(now, waiting),
    ]


def customer_checks(counted: Recounted, chosen: list[int], months: tuple[date, date]) -> list[Check]:
    """Segments, movements and months of some customers against the recount."""
    return [
        _segments(counted, chosen),
        _movements(counted, chosen),
        _customer_months(counted, chosen, months),
    ]


def company_checks(counted: Recounted, months: tuple[date, date]) -> list[Check]:
    """What is summed over all customers against the recount."""
    return [_company_months(counted, months), _cohort_months(counted)]


def _draw(seed: int, pk: int) -> str:
    """A place in an order that only the seed decides."""
    return hashlib.sha256(f"{seed} {pk}".encode()).hexdigest()


def _exact(value: Decimal | None) -> Fraction | None:
    return None if value is None else Fraction(value)


def _by_place(rows: Iterable[tuple[tuple[Any, ...], tuple[Any, ...]]]) -> Rows:
    """Rows by key and place among rows of the same key, which stand in their order."""
    found: dict[tuple[Any, ...], tuple[Any, ...]] = {}
    seen: Counter[tuple[Any, ...]] = Counter()
    for key, values in rows:
        place = (f"no. {seen[key] + 1}",) if seen[key] else ()
        seen[key] += 1
        found[*key, *place] = values
    return found


def _segments(counted: Recounted, chosen: list[int]) -> Check:
    check = Check("VM-1", "line segments")
    stored = {
        (row.subscription_id, row.from_on): (
            row.to_on or recount.FOREVER,
            _exact(row.mrr),
            row.state,
            row.counted,
        )
        for row in LineSegment.objects.filter(customer_id__in=chosen)
    }
    again = {
        (piece.line, piece.from_on): (piece.to_on, piece.value, piece.state, piece.counted)
        for pk in chosen
        for piece in counted.pieces[pk]
    }
    check.compare("line_segment", ("to_on", "mrr", "state", "counted"), stored, again)
    return check


def _movements(counted: Recounted, chosen: list[int]) -> Check:
    check = Check("VM-2", "movements")
    columns = ("kind", "churn_kind", "amount", "mrr_before", "mrr_after", "native_amount")
    rows = Movement.objects.filter(customer_id__in=chosen, day__lte=counted.as_of)
    stored = _by_place(
        (
            (row.customer_id, row.day),
            (row.kind, row.churn_kind, *(_exact(getattr(row, name)) for name in columns[2:])),
        )
        for row in rows.order_by("customer_id", "day", "event")
    )
    again = _by_place(
        ((pk, move.day), (move.kind, move.churn_kind, move.amount, move.before, move.after, move.native))
        for pk in chosen
        for move in counted.moves[pk]
    )
    check.compare("movement", columns, stored, again)
    return check


_MONTH_COLUMNS = (
    "opening",
    *KINDS,
    *(f"{kind}_n" for kind in KINDS),
    "fx",
    "closing",
    "opening_at_close",
    "then_12m",
)
_BASE_COLUMNS = ("base_expansion", "base_contraction", "base_churn")


def _month_values(month: Month) -> tuple[Any, ...]:
    return (
        month.opening,
        *(month.sums[kind] for kind in KINDS),
        *(month.counts[kind] for kind in KINDS),
        month.fx,
        month.closing,
        month.opening_at_close,
        month.then_12m,
        *month.base,
    )


def _customer_months(counted: Recounted, chosen: list[int], months: tuple[date, date]) -> Check:
    check = Check("VM-3", "customer months")
    columns = (*_MONTH_COLUMNS, *_BASE_COLUMNS)
    rows = CustomerMonth.objects.filter(customer_id__in=chosen, month__range=months, month__lte=counted.as_of)
    stored = {
        (row.customer_id, row.month): tuple(
            value if name.endswith("_n") else _exact(value)
            for name, value in ((name, getattr(row, name)) for name in columns)
        )
        for row in rows
    }
    again = {
        (pk, start): _month_values(month)
        for pk in chosen
        for start, month in counted.months[pk].items()
        if months[0] <= start <= months[1]
    }
    check.compare("customer_month", columns, stored, again)
    return check


def _company_months(counted: Recounted, months: tuple[date, date]) -> Check:
    check = Check("VM-4", "company months")
    sums = (*_MONTH_COLUMNS, *_BASE_COLUMNS)
    logos = ("open_logos", "close_logos", "lost_logos", "logos_12m", "kept_logos_12m")
    parts = ("kept", "now_of_base", "kept_12m", "now_12m", "ever_paid")
    columns = (*sums, *logos, *parts)
    stored = {
        (row.month,): tuple(
            _exact(value) if isinstance(value, Decimal) else value
            for value in (getattr(row, name) for name in columns)
        )
        for row in CompanyMonth.objects.filter(month__range=months)
    }
    by_month: dict[date, list[Month]] = defaultdict(list)
    for listed in counted.months.values():
        for start, month in listed.items():
            by_month[start].append(month)
    again = {}
    for start in stored.keys() | {(start,) for start in by_month if months[0] <= start <= months[1]}:
        held = by_month[start[0]]
        close = min(recount.later(start[0], 1) - timedelta(days=1), counted.as_of)
        paid = sum(1 for moves in counted.moves.values() if moves and moves[0].day <= close)
        again[start] = (*_summed(held, len(sums)), *_logos(held), *_kept(held), paid)
    check.compare("company_month", columns, stored, again)
    return check


def _summed(held: list[Month], width: int) -> tuple[Any, ...]:
    columns = list(zip(*(_month_values(month) for month in held), strict=True)) or [()] * width
    return tuple(sum(column) for column in columns[:width])


def _logos(held: list[Month]) -> tuple[int, ...]:
    return (
        sum(1 for m in held if m.opening),
        sum(1 for m in held if m.closing),
        sum(1 for m in held if m.opening and not m.closing),
        sum(1 for m in held if m.then_12m),
        sum(1 for m in held if m.then_12m and m.closing),
    )


def _kept(held: list[Month]) -> tuple[Fraction, ...]:
    return (
        sum((min(m.opening_at_close, m.closing) for m in held), ZERO),
        sum((m.closing for m in held if m.opening), ZERO),
        sum((min(m.then_12m, m.closing) for m in held), ZERO),
        sum((m.closing for m in held if m.then_12m), ZERO),
    )


def _cohort_months(counted: Recounted) -> Check:
    check = Check("VM-7", "cohort months")
    columns = ("size", "paying", "initial", "kept", "mrr")
    stored = {
        (row.cohort, row.k): (row.size, row.paying, _exact(row.initial), _exact(row.kept), _exact(row.mrr))
        for row in CohortMonth.objects.all()
    }
    again = dict(cohorts_again(counted))
    check.compare("cohort_month", columns, stored, again)
    return check


def _identities(months: tuple[date, date]) -> Check:
    """M-1 and M-7 over time on the stored rows: each month opens with what the last one closed with."""
    check = Check("VM-5", "each month opens with the last one's close")
    rows = list(CompanyMonth.objects.filter(month__range=months).order_by("month"))
    stored = {(row.month,): (row.opening, row.open_logos) for row in rows[1:]}
    again = {(row.month,): (last.closing, last.close_logos) for last, row in pairwise(rows)}
    check.compare("company_month", ("opening", "open_logos"), stored, again)
    return check


def _usage(waiting: set[int]) -> Check:
    """Daily and monthly usage of the newest days with activity, counted again from the events."""
    check = Check("VM-9", "usage of sampled days")
    newest = DailyUsage.objects.order_by("-day").values_list("day", flat=True).distinct()[:SAMPLED_DAYS]
    for day in list(newest):
        again, met = usage_again(day)
        stored = {
            (row.customer_id, row.day): (row.events, row.users) for row in DailyUsage.objects.filter(day=day)
        }
        check.compare("daily_usage", ("events", "users"), _without(stored, waiting), _without(again, waiting))
        bits = MonthlyUsage.objects.filter(month=day.replace(day=1))
        seen = {
            (pk, user): (True,)
            for pk, user, days in bits.values_list("customer_id", "user_ref", "days")
            if days >> (day.day - 1) & 1
        }
        check.compare("monthly_usage", ("active",), _without(seen, waiting), _without(met, waiting))
    return check


def _without(rows: Rows, waiting: set[int]) -> Rows:
    return {key: value for key, value in rows.items() if key[0] not in waiting}


def _summaries(counted: Recounted, chosen: list[int]) -> Check:
    check = Check("VM-11", "customer summaries")
    stored = {
        (row.customer_id,): (_exact(row.mrr), row.is_paying)
        for row in CustomerSummary.objects.filter(customer_id__in=chosen)
        if row.inputs_as_of is None or row.inputs_as_of <= counted.as_of
    }
    again = {}
    for pk in chosen:
        if (pk,) in stored:
            value = recount.valued(counted.pieces[pk], counted.as_of, counted.as_of, counted.rates)
            again[pk,] = (recount.half_away(value, 8), value > 0)
    check.compare("customer_summary", ("mrr", "is_paying"), stored, again)
    return check


def _freshness(now: datetime, waiting: set[int]) -> Check:
    check = Check("VM-12", "nothing waits for long", rows=len(waiting))
    old = StaleMark.objects.filter(created_at__lt=now - OLD_MARK).values_list("customer_id", "created_at")
    check.differences = [
        Difference("stale_mark", str(pk), "created_at", moment.isoformat(), "refreshed within the hour")
        for pk, moment in old
    ]
    return check
