"""Polars, one thread: the sparse ledger in whole cents; factors meet the grouped sums as exact decimals at the end."""

from collections import defaultdict
from datetime import date
from decimal import Decimal, getcontext
from pathlib import Path
from typing import Any

import polars as pl

_held: dict[str, Any] = {}
YEAR = 12
getcontext().prec = 80  # exact sums of products


def prepare(folder: str) -> int:
    """Load the files into memory; not timed."""
    source = Path(folder)
    lines = pl.read_csv(source / "lines.csv", try_parse_dates=True).with_columns(
        pl.col("currency").cast(pl.Categorical)
    )
    factors = pl.read_csv(
        source / "factors.csv", schema_overrides={"factor": pl.String}, try_parse_dates=True
    )
    _held["lines"] = lines
    _held["factors"] = {(currency, day): Decimal(text) for currency, day, text in factors.iter_rows()}
    return len(lines)


def run(as_of: str, first: int, last: int) -> dict[str, Any]:
    """Everything from the line versions on; returns the sums."""
    end = date.fromisoformat(as_of)
    moves, states = _ledger(_held["lines"], end)
    months: dict[int, dict[str, Decimal]] = {month: defaultdict(Decimal) for month in range(first, last + 1)}
    flows = moves.group_by("month", "kind", "currency", "day").agg(pl.col("d").sum())
    for month, kind, currency, day, cents in flows.iter_rows():
        months[month][kind] += cents * _held["factors"][currency, day] / 100
    _running(months, states, end)
    cohorts = _cohorts(states, last, end)
    names = (
        "closing",
        "new",
        "reactivation",
        "expansion",
        "contraction",
        "churn",
        "then_12m",
        "kept_12m",
        "now_12m",
        "close_logos",
    )
    return {
        "months": {str(month): {name: str(found[name]) for name in names} for month, found in months.items()},
        "cohorts": cohorts,
    }


def _ledger(lines: pl.DataFrame, end: date) -> tuple[pl.DataFrame, pl.DataFrame]:
    starts = lines.select("customer", "currency", day="from_on", d="cents")
    ends = lines.filter(pl.col("to_on") <= end).select(
        "customer", "currency", day="to_on", d=-pl.col("cents")
    )
    deltas = (
        pl.concat([starts, ends]).group_by("customer", "currency", "day").agg(pl.col("d").sum())
        .filter(pl.col("d") != 0).sort("customer", "day")
    )  # fmt: skip
    number = pl.int_range(pl.len()).over("customer")
    moves = deltas.with_columns(
        after=pl.col("d").cum_sum().over("customer"),
        number=number,
        month=pl.col("day").dt.year().cast(pl.Int32) * YEAR + pl.col("day").dt.month() - 1,
    ).with_columns(
        kind=pl.when((pl.col("after") == pl.col("d")) & (pl.col("number") == 0)).then(pl.lit("new"))
        .when(pl.col("after") == pl.col("d")).then(pl.lit("reactivation"))
        .when(pl.col("after") == 0).then(pl.lit("churn"))
        .when(pl.col("d") > 0).then(pl.lit("expansion")).otherwise(pl.lit("contraction")),
    )  # fmt: skip
    states = moves.group_by("customer", "currency", "month", maintain_order=True).agg(pl.col("after").last()).with_columns(
        until=pl.col("month").shift(-1).over("customer"), cohort=pl.col("month").first().over("customer"),
        initial=pl.col("after").first().over("customer"),
    )  # fmt: skip
    return moves, states


def _running(months: dict[int, dict[str, Decimal]], states: pl.DataFrame, end: date) -> None:
    """Running sums per currency from edges, valued at each month's close."""
    live = states.filter(pl.col("after") > 0)
    far = 10**6
    pairs = (
        live.join(live, on=["customer", "currency"], suffix="_now")
        .with_columns(
            first=pl.max_horizontal(pl.col("month") + YEAR, "month_now"),
            last=pl.min_horizontal(pl.col("until").fill_null(far) + YEAR, pl.col("until_now").fill_null(far)),
        )
        .filter(pl.col("first") < pl.col("last"))
    )
    edges: dict[tuple[str, str], dict[int, int]] = defaultdict(lambda: defaultdict(int))
    held = live.group_by("month", "until", "currency").agg(pl.col("after").sum(), pl.len())
    for month, until, currency, cents, n in held.iter_rows():
        for name, value in (("closing", cents), ("close_logos", n)):
            edges[name, currency][month] += value
            if until is not None:
                edges[name, currency][until] -= value
        edges["then_12m", currency][month + YEAR] += cents
        if until is not None:
            edges["then_12m", currency][until + YEAR] -= cents
    met = pairs.group_by("first", "last", "currency").agg(
        pl.min_horizontal("after", "after_now").sum().alias("kept"), pl.col("after_now").sum().alias("now")
    )
    for begins, until, currency, kept, now in met.iter_rows():
        for name, value in (("kept_12m", kept), ("now_12m", now)):
            edges[name, currency][begins] += value
            edges[name, currency][until] -= value
    for (name, currency), changes in edges.items():
        total = 0
        for month, sums in months.items():
            total += changes.get(month, 0)
            if name == "close_logos":
                sums[name] += total
            else:
                sums[name] += total * _factor(currency, month, end) / 100


def _cohorts(states: pl.DataFrame, last: int, end: date) -> dict[str, dict[str, str]]:
    sizes = states.filter(pl.col("month") == pl.col("cohort")).group_by("cohort", "currency").agg(
        pl.len().alias("size"), pl.col("initial").sum()
    )  # fmt: skip
    held = states.filter(pl.col("after") > 0).group_by("cohort", "month", "until", "currency").agg(
        pl.len(), pl.min_horizontal("initial", "after").sum().alias("kept"), pl.col("after").sum()
    )  # fmt: skip
    cells: dict[tuple[int, int], dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for cohort, currency, size, initial in sizes.iter_rows():
        for month in range(cohort, last + 1):
            cells[cohort, month]["size"] += size
            cells[cohort, month]["initial"] += initial * _factor(currency, month, end) / 100
    edges: dict[tuple[int, str], dict[int, list[int]]] = defaultdict(lambda: defaultdict(lambda: [0, 0, 0]))
    for cohort, month, until, currency, *values in held.iter_rows():
        for at, sign in ((month, 1), (until, -1)):
            if at is not None:
                edges[cohort, currency][at] = [
                    old + sign * value for old, value in zip(edges[cohort, currency][at], values, strict=True)
                ]
    for (cohort, currency), changes in edges.items():
        totals = [0, 0, 0]
        for month in range(cohort, last + 1):
            totals = [old + new for old, new in zip(totals, changes.get(month, [0, 0, 0]), strict=True)]
            value = _factor(currency, month, end)
            cell = cells[cohort, month]
            cell["paying"] += totals[0]
            cell["kept"] += totals[1] * value / 100
            cell["mrr"] += totals[2] * value / 100
    return {
        f"{cohort}+{month - cohort}": {
            name: str(cell[name]) for name in ("size", "paying", "initial", "kept", "mrr")
        }
        for (cohort, month), cell in cells.items()
    }


def _factor(currency: str, month: int, end: date) -> Decimal:
    year, number = divmod(month + 1, YEAR)
    first_of_next = date(year, number + 1, 1)
    return _held["factors"][currency, min(date.fromordinal(first_of_next.toordinal() - 1), end)]
