"""The parts of every revenue rate for any span of days, any customers: from stored months, or folded from the ledger.

Months come from the stored rollups. Quarters, years and spans cut at a day have their own opening (P-6) and are folded
from line segments and movements; over a whole month the two ways give the same numbers.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import Count, Q, Sum

from metrics.choices import MovementKind
from metrics.formulas.churn import base_flows
from metrics.formulas.money import ZERO, convert, exactly, total
from metrics.formulas.periods import Period, month_of, months_ago
from metrics.models import CompanyMonth, CurrencyFactor, CustomerMonth, CustomerStart, LineSegment, Movement
from metrics.queries.usage_windows import Ids, within

YEAR = 12  # months


@dataclass(frozen=True, slots=True)
class Span:
    """Sums of one span: opening + five kinds + fx = closing; contraction and churn are negative.

    `base_*` are positive flows of customers paying at opening; `opening_at_close` and `then_12m` are earlier MRR at
    the closing day's factors.
    """

    period: Period
    close_on: date
    opening: Decimal = ZERO
    new: Decimal = ZERO
    reactivation: Decimal = ZERO
    expansion: Decimal = ZERO
    contraction: Decimal = ZERO
    churn: Decimal = ZERO
    fx: Decimal = ZERO
    closing: Decimal = ZERO
    new_n: int = 0
    reactivation_n: int = 0
    expansion_n: int = 0
    contraction_n: int = 0
    churn_n: int = 0
    base_expansion: Decimal = ZERO
    base_contraction: Decimal = ZERO
    base_churn: Decimal = ZERO
    opening_at_close: Decimal = ZERO
    kept: Decimal = ZERO
    now_of_base: Decimal = ZERO
    then_12m: Decimal = ZERO
    kept_12m: Decimal = ZERO
    now_12m: Decimal = ZERO
    open_logos: int = 0
    close_logos: int = 0
    lost_logos: int = 0
    logos_12m: int = 0
    kept_logos_12m: int = 0
    ever_paid: int = 0


_PARTS = [item.name for item in fields(Span) if item.name not in {"period", "close_on"}]
_COUNTED = {
    "open_logos": Q(opening__gt=0),
    "close_logos": Q(closing__gt=0),
    "lost_logos": Q(opening__gt=0, closing=0),
    "logos_12m": Q(then_12m__gt=0),
    "kept_logos_12m": Q(then_12m__gt=0, closing__gt=0),
}
_OF_BASE = {"now_of_base": Q(opening__gt=0), "now_12m": Q(then_12m__gt=0)}
_SUMMED = [name for name in _PARTS if name not in {*_COUNTED, *_OF_BASE, "ever_paid"}]


def month_spans(months: Sequence[Period], *, close_days: Sequence[date], customers: Ids = None) -> list[Span]:
    """Whole calendar months from the stored rollups; a month without rows is a span of zeros."""
    stored = _company(months) if customers is None else _of_customers(months, customers)
    ever = _ever_paid(close_days, customers)
    return [
        Span(period, close_on, **{**stored.get(period.start, {}), "ever_paid": ever[close_on]})
        for period, close_on in zip(months, close_days, strict=True)
    ]


def _company(months: Sequence[Period]) -> dict[date, dict[str, Any]]:
    rows = CompanyMonth.objects.filter(month__in=[period.start for period in months])
    return {row["month"]: {name: row[name] for name in _PARTS} for row in rows.values("month", *_PARTS)}


def _of_customers(months: Sequence[Period], customers: Ids) -> dict[date, dict[str, Any]]:
    rows = within(CustomerMonth.objects.filter(month__in=[period.start for period in months]), customers)
    found = (
        rows.order_by()
        .values("month")
        .annotate(
            **{f"_{name}": Sum(name) for name in _SUMMED},
            **{f"_{name}": Count("pk", filter=condition) for name, condition in _COUNTED.items()},
            **{
                f"_{name}": Sum("closing", filter=condition, default=ZERO)
                for name, condition in _OF_BASE.items()
            },
        )
    )
    names = [*_SUMMED, *_COUNTED, *_OF_BASE]
    return {row["month"]: {name: row[f"_{name}"] for name in names} for row in found}


def _ever_paid(days: Iterable[date], customers: Ids) -> dict[date, int]:
    """Customers that had paid by the end of each day."""
    first = within(CustomerStart.objects.order_by(), customers).values_list("customer_id", "first_paid_on")
    started = sorted(set(first), key=lambda row: row[1])
    counts, position = {}, 0
    for day in sorted(set(days)):
        while position < len(started) and started[position][1] <= day:
            position += 1
        counts[day] = position
    return counts


@dataclass(frozen=True)
class Ledger:
    """Line segments, movements and factors of some customers, loaded once for many spans."""

    lines: list[tuple[int, str, date, date | None, Decimal]]
    moves: list[tuple[int, date, str, Decimal]]
    factors: Mapping[date, Mapping[str, Decimal]]
    held: dict[date, dict[int, dict[str, Decimal]]] = field(default_factory=dict)

    @exactly
    def natives(self, day: date) -> dict[int, dict[str, Decimal]]:
        """Native MRR at the end of the day: {customer: {currency: amount}}."""
        if day not in self.held:
            sums: dict[int, dict[str, Decimal]] = defaultdict(dict)
            for pk, currency, from_on, to_on, mrr in self.lines:
                if from_on <= day and (to_on is None or day < to_on):
                    sums[pk][currency] = sums[pk].get(currency, ZERO) + mrr
            self.held[day] = sums
        return self.held[day]

    def valued(self, day: date, *, at: date) -> dict[int, Decimal]:
        """MRR at the end of `day` at the factors of the day `at`; what has no rate yet is left out."""
        factors = self.factors.get(at, {})
        values = {
            pk: total(
                convert(mrr, factors[currency]) for currency, mrr in natives.items() if currency in factors
            )
            for pk, natives in self.natives(day).items()
        }
        return {pk: value for pk, value in values.items() if value}


def load_ledger(days: Iterable[date], *, customers: Ids = None) -> Ledger:
    """Everything that spans with these opening, closing and year-ago days need."""
    lines = within(LineSegment.objects.filter(mrr__gt=0).order_by(), customers)
    moves = within(Movement.objects.order_by("customer_id", "day"), customers)
    factors: dict[date, dict[str, Decimal]] = defaultdict(dict)
    for currency, day, value in CurrencyFactor.objects.filter(day__in=set(days)).values_list(
        "currency", "day", "factor"
    ):
        factors[day][currency] = value
    return Ledger(
        lines=list(lines.values_list("customer_id", "currency", "from_on", "to_on", "mrr")),
        moves=list(moves.values_list("customer_id", "day", "kind", "amount")),
        factors=factors,
    )


def folded_spans(
    periods: Sequence[Period], *, close_days: Sequence[date], customers: Ids = None
) -> list[Span]:
    """Spans of any length that close on the given days (the period's last day, or earlier where it still runs)."""
    edges = {period.opening_day for period in periods} | set(close_days)
    ledger = load_ledger(edges, customers=customers)
    ever = _ever_paid(close_days, customers)
    return [
        _fold(period, close_on, ledger, ever[close_on])
        for period, close_on in zip(periods, close_days, strict=True)
    ]


@exactly
def _fold(period: Period, close_on: date, ledger: Ledger, ever_paid: int) -> Span:
    opening = ledger.valued(period.opening_day, at=period.opening_day)
    before = ledger.valued(period.opening_day, at=close_on)
    closing = ledger.valued(close_on, at=close_on)
    year_ago = ledger.valued(months_ago(close_on, YEAR), at=close_on)
    moves: dict[int, list[tuple[str, Decimal]]] = defaultdict(list)
    for pk, day, kind, amount in ledger.moves:
        if period.start <= day <= close_on:
            moves[pk].append((kind, amount))
    sums = _kind_sums(moves)
    flows = [base_flows(moves[pk]) for pk in opening if pk in moves]
    moved = total(sums[kind] for kind in MovementKind.values)
    return Span(
        period=period,
        close_on=close_on,
        opening=total(opening.values()),
        closing=total(closing.values()),
        fx=total(closing.values()) - total(opening.values()) - moved,
        **sums,
        base_expansion=total(flow.expansion for flow in flows),
        base_contraction=total(flow.contraction for flow in flows),
        base_churn=total(flow.churn for flow in flows),
        opening_at_close=total(before.values()),
        kept=total(min(then, closing.get(pk, ZERO)) for pk, then in before.items()),
        now_of_base=total(closing.get(pk, ZERO) for pk in opening),
        then_12m=total(year_ago.values()),
        kept_12m=total(min(then, closing.get(pk, ZERO)) for pk, then in year_ago.items()),
        now_12m=total(closing.get(pk, ZERO) for pk in year_ago),
        open_logos=len(opening),
        close_logos=len(closing),
        lost_logos=len(opening.keys() - closing.keys()),
        logos_12m=len(year_ago),
        kept_logos_12m=len(year_ago.keys() & closing.keys()),
        ever_paid=ever_paid,
    )


def _kind_sums(moves: Mapping[int, Sequence[tuple[str, Decimal]]]) -> dict[str, Any]:
    sums: dict[str, Any] = {}
    for kind in MovementKind.values:
        amounts = [amount for listed in moves.values() for name, amount in listed if name == kind]
        sums[kind], sums[f"{kind}_n"] = total(amounts), len(amounts)
    return sums


def spans_for(periods: Sequence[Period], *, as_of: date, customers: Ids = None) -> list[Span]:
    """One span per period, closing at the latest on `as_of`; stored months where they say the same."""
    close_days = [min(period.last_day, as_of) for period in periods]
    fill = CompanyMonth.objects.order_by("-month").values_list("close_on", flat=True).first()
    stored = all(_is_month(period) for period in periods) and (
        fill is None or fill <= as_of or _all_over(periods, as_of)
    )
    if stored:
        return month_spans(periods, close_days=close_days, customers=customers)
    return folded_spans(periods, close_days=close_days, customers=customers)


def _is_month(period: Period) -> bool:
    return period.start.day == 1 and month_of(period.last_day) == period.start


def _all_over(periods: Sequence[Period], as_of: date) -> bool:
    """Whether every period had ended by `as_of`, so that later rows do not matter."""
    return all(period.last_day <= as_of for period in periods)


def net_by_month(spans: Sequence[Span], *, customers: Ids = None) -> list[Span]:
    """The same spans with movements netted per customer and month: what lies between two month ends only (M-6)."""
    rows = within(CustomerMonth.objects.all(), customers)
    kinds: dict[date, dict[str, list[Decimal]]] = defaultdict(lambda: defaultdict(list))
    for row in rows.values("month", "cohort", "opening", "closing", *MovementKind.values):
        net = total(row[kind] for kind in MovementKind.values)
        kind = _net_kind(row)
        if net and kind:
            kinds[row["month"]][kind].append(net)
    return [_renamed(span, kinds) for span in spans]


def _net_kind(row: Mapping[str, Any]) -> str:
    if not row["opening"] and not row["closing"]:
        return ""
    if not row["opening"]:
        return MovementKind.NEW if row["cohort"] == row["month"] else MovementKind.REACTIVATION
    if not row["closing"]:
        return MovementKind.CHURN
    grew = total(row[kind] for kind in MovementKind.values) > 0
    return MovementKind.EXPANSION if grew else MovementKind.CONTRACTION


def _renamed(span: Span, kinds: Mapping[date, Mapping[str, list[Decimal]]]) -> Span:
    values = {name: getattr(span, name) for name in _PARTS}
    for kind in MovementKind.values:
        amounts = [
            amount
            for month, found in kinds.items()
            if span.period.start <= month <= span.close_on
            for amount in found.get(kind, ())
        ]
        values |= {kind: total(amounts), f"{kind}_n": len(amounts)}
    moved = total(values[kind] for kind in MovementKind.values)
    values["fx"] = total([values["closing"], values["opening"].copy_negate(), moved.copy_negate()])
    return Span(span.period, span.close_on, **values)
