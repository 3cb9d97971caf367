"""VM-1, VM-2, VM-3 and VM-11: what is stored about single customers against the recount."""

from datetime import date
from typing import Any

from customers.models import CustomerSummary
from metrics.formulas import recount
from metrics.formulas.recount import KINDS, Month
from metrics.models import CustomerMonth, LineSegment, Movement
from metrics.queries.checks.comparison import Check, by_place, exact, plain
from metrics.queries.recounts import Recounted, newest_nps, next_end, scores_again

Months = tuple[date, date]  # first and last month asked for

MONTH_COLUMNS = (
    "opening",
    *KINDS,
    *(f"{kind}_n" for kind in KINDS),
    "fx",
    "closing",
    "opening_at_close",
    "then_12m",
    "base_expansion",
    "base_contraction",
    "base_churn",
)


def customer_checks(counted: Recounted, chosen: list[int], months: Months) -> list[Check]:
    """Segments, movements and months of some customers."""
    return [
        _segments(counted, chosen),
        _movements(counted, chosen),
        _customer_months(counted, chosen, months),
    ]


def month_values(month: Month) -> tuple[Any, ...]:
    """The values of one customer's month in the order of `MONTH_COLUMNS`."""
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


def _segments(counted: Recounted, chosen: list[int]) -> Check:
    check = Check("VM-1", "line segments")
    stored = {
        (row.subscription_id, row.from_on): (
            row.to_on or recount.FOREVER,
            exact(row.mrr),
            row.currency,
            row.state,
            row.counted,
        )
        for row in LineSegment.objects.filter(customer_id__in=chosen)
    }
    again = {
        (piece.line, piece.from_on): (piece.to_on, piece.value, piece.currency, piece.state, piece.counted)
        for pk in chosen
        for piece in counted.pieces[pk]
    }
    check.compare("line_segment", ("to_on", "mrr", "currency", "state", "counted"), stored, again)
    return check


def _movements(counted: Recounted, chosen: list[int]) -> Check:
    check = Check("VM-2", "movements")
    columns = ("kind", "churn_kind", "amount", "mrr_before", "mrr_after", "native_amount")
    rows = Movement.objects.filter(customer_id__in=chosen, day__lte=counted.as_of)
    stored = by_place(
        ((row.customer_id, row.day), tuple(plain(getattr(row, name)) for name in columns))
        for row in rows.order_by("customer_id", "day", "event")
    )
    again = by_place(
        ((pk, move.day), (move.kind, move.churn_kind, move.amount, move.before, move.after, move.native))
        for pk in chosen
        for move in counted.moves[pk]
    )
    check.compare("movement", columns, stored, again)
    return check


def _customer_months(counted: Recounted, chosen: list[int], months: Months) -> Check:
    check = Check("VM-3", "customer months")
    rows = CustomerMonth.objects.filter(customer_id__in=chosen, month__range=months, month__lte=counted.as_of)
    stored = {
        (row.customer_id, row.month): tuple(plain(getattr(row, name)) for name in MONTH_COLUMNS)
        for row in rows
    }
    again = {
        (pk, start): month_values(month)
        for pk in chosen
        for start, month in counted.months[pk].items()
        if months[0] <= start <= months[1]
    }
    check.compare("customer_month", MONTH_COLUMNS, stored, again)
    return check


def summaries(counted: Recounted, chosen: list[int]) -> Check:
    """VM-11: the portfolio's row of each chosen customer."""
    check = Check("VM-11", "customer summaries")
    columns = ("mrr", "is_paying", "first_paid_on", "renewal_on", "last_nps", "score")
    rows = CustomerSummary.objects.filter(customer_id__in=chosen)
    stored = {
        (row.customer_id,): tuple(plain(getattr(row, name)) for name in columns)
        for row in rows
        if row.inputs_as_of is None or row.inputs_as_of <= counted.as_of
    }
    nps = newest_nps(chosen)
    scores = scores_again(chosen)
    again = {}
    for pk in chosen:
        if (pk,) not in stored:
            continue
        value = recount.valued(counted.pieces[pk], counted.as_of, counted.as_of, counted.rates)
        moves = counted.moves[pk]
        again[pk,] = (
            recount.half_away(value, 8),
            value > 0,
            moves[0].day if moves else None,
            next_end(counted, pk),
            nps.get(pk),
            plain(scores.get(pk)),
        )
    check.compare("customer_summary", columns, stored, again)
    return check
