"""Lines from a file: each row is a period of a line (customer, subscription id, product).

A row that starts on the day another one of its line ends is a renewal. A row with the start of a stored period and
other content corrects it; equal content changes nothing.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from config.work.pg import insert_models, update_models
from customers.choices import Interval, LineKind, LineStatus
from customers.connectors.table import Row
from customers.models import LineVersion, Subscription
from customers.services import facts, staleness
from customers.services.imports.context import Context
from customers.services.pricing import PriceError, set_given_mrr, set_mrr

SAME_NAME = (
    "plan",
    "amount",
    "quantity",
    "currency",
    "interval",
    "interval_count",
    "status",
    "kind",
    "discount_percent",
    "discount_amount",
    "discount_until",
    "trial_end",
    "cancelled_on",
    "reason",
)
EMPTY = {
    "plan": "",
    "reason": "",
    "interval_count": 1,
    "status": LineStatus.ACTIVE,
    "kind": LineKind.RECURRING,
    "interval": Interval.MONTH,
}
COMPARED = ("to_on", *SAME_NAME)
LINE_FIELDS = ("auto_renew", "notice_days")
OPEN = date.max

LineKey = tuple[int, str, str]


@dataclass(slots=True)
class Period:
    """A period of a line: from a row of the file, or stored (row None)."""

    from_on: date
    to_on: date | None
    row: Row | None
    version: LineVersion | None = None


def apply(rows: Sequence[Row], context: Context) -> None:
    """Write the periods of all lines in one go."""
    rows = context.without_twins(rows, _identity, "start_date", "line and start")
    pairs = [(row, pk) for row, pk in context.with_customers(rows) if _sensible(row, context)]
    lines = _lines({pk for _, pk in pairs})
    stored = _stored_periods(lines.values())
    by_line: dict[LineKey, list[Row]] = defaultdict(list)
    for row, pk in pairs:
        by_line[_line_key(row, pk)].append(row)
    kept = {key: _without_overlaps(by_line[key], stored.get(_pk(lines, key), {}), context) for key in by_line}
    updated_lines = _write_lines(kept, lines)
    change, first_days = facts.Change(), {}
    for key, line_rows in kept.items():
        held = stored.get(lines[key].pk, {}) if line_rows else {}
        for row in line_rows:
            _plan(row, lines[key], held.get(row.values["start_date"]), change, updated_lines, context)
    for version in change.added:
        first = first_days.get(version.customer_id, version.from_on)
        first_days[version.customer_id] = min(first, version.from_on)
    facts.write(change)
    staleness.mark_each(first_days=first_days, cause="subscription")


def _identity(row: Row) -> tuple[Any, ...]:
    values = row.values
    return (
        values["customer_id"],
        values.get("subscription_id", ""),
        values.get("product", ""),
        values["start_date"],
    )


def _line_key(row: Row, customer_id: int) -> LineKey:
    return customer_id, row.values.get("subscription_id", ""), row.values.get("product", "")


def _pk(lines: dict[LineKey, Subscription], key: LineKey) -> int | None:
    line = lines.get(key)
    return line.pk if line else None


def _sensible(row: Row, context: Context) -> bool:
    """Whether the cells of a row fit together; what does not is noted."""
    values = row.values
    end, start = values.get("end_date"), values["start_date"]
    wrong: tuple[str, str, str] | None = None
    if end is not None and end <= start:
        reason = f"ends ({end}) on or before its start ({start})"
        wrong = (
            "end_date",
            reason,
            "Choose an end after the start; the end is the first day that no longer counts.",
        )
    elif "amount" in values and "interval" not in values:
        wrong = (
            "interval",
            "is empty, but an amount needs its interval",
            "Fill it in, for instance month or year.",
        )
    elif values.get("interval") == Interval.TERM and end is None:
        wrong = (
            "end_date",
            "is empty, but the amount is for the whole term",
            "Fill in the end, or another interval.",
        )
    elif "mrr" in values and {"discount_percent", "discount_amount"} & values.keys():
        wrong = (
            "mrr",
            "is net already, so a discount would count twice",
            "Give amount and interval, or no discount.",
        )
    elif "trial_end" in values and values["trial_end"] < start:
        wrong = ("trial_end", f"lies before the start ({start})", "Correct the day.")
    if wrong is None:
        return True
    name, reason, fix = wrong
    context.problems.add(row.number, name, values.get(name), reason, fix)
    return False


def _lines(customer_ids: set[int]) -> dict[LineKey, Subscription]:
    return {
        (line.customer_id, line.external_id, line.product): line
        for line in Subscription.objects.filter(customer_id__in=customer_ids)
    }


def _stored_periods(lines: Iterable[Subscription]) -> dict[int | None, dict[date, LineVersion]]:
    found: dict[int | None, dict[date, LineVersion]] = defaultdict(dict)
    ids = {line.pk for line in lines}
    for version in LineVersion.objects.current().filter(subscription_id__in=ids):
        found[version.subscription_id][version.from_on] = version
    return found


def _without_overlaps(rows: Sequence[Row], stored: dict[date, LineVersion], context: Context) -> list[Row]:
    """Leave out rows whose days overlap an earlier row of their line, or a stored period they do not replace."""
    in_file = {row.values["start_date"] for row in rows}
    periods = [Period(row.values["start_date"], _end(row, stored, context), row) for row in rows]
    periods += [
        Period(version.from_on, version.to_on, None, version)
        for start, version in stored.items()
        if start not in in_file
    ]
    periods.sort(key=lambda period: (period.from_on, period.row is not None))
    last: Period | None = None
    rejected = set()
    for period in periods:
        if last is None or period.from_on >= (last.to_on or OPEN):
            last = period
            continue
        loser, other = (period, last) if period.row is not None else (last, period)
        if loser.row is not None:
            rejected.add(loser.row.number)
            _note_overlap(loser.row, other, context)
        last = other
    return [row for row in rows if row.number not in rejected]


def _end(row: Row, stored: dict[date, LineVersion], context: Context) -> date | None:
    """The end a row gives; a file without the column keeps the stored one."""
    old = stored.get(row.values["start_date"])
    if "end_date" not in context.given and old is not None:
        return old.to_on
    return row.values.get("end_date")


def _note_overlap(row: Row, other: Period, context: Context) -> None:
    days = f"{other.from_on} to {other.to_on or 'open'}"
    where = f"row {other.row.number}" if other.row else "a period that is stored already"
    context.problems.add(
        row.number,
        "start_date",
        row.values["start_date"],
        f"overlaps {where} of the same line ({days})",
        "End one period on the day the next one starts, or give parallel lines a product or subscription_id.",
    )


def _write_lines(kept: dict[LineKey, list[Row]], lines: dict[LineKey, Subscription]) -> set[int]:
    """Make the missing lines and change those whose renewal terms differ; returns the lines that changed."""
    missing, changed = [], []
    for key, rows in kept.items():
        if not rows:
            continue
        latest = max(rows, key=lambda row: row.values["start_date"]).values
        terms = {name: latest[name] for name in LINE_FIELDS if name in latest}
        line = lines.get(key)
        if line is None:
            customer_id, external_id, product = key
            lines[key] = Subscription(
                customer_id=customer_id,
                external_id=external_id,
                product=product,
                currency=latest["currency"],
                **terms,
            )
            missing.append(lines[key])
        elif any(getattr(line, name) != value for name, value in terms.items()):
            for name, value in terms.items():
                setattr(line, name, value)
            changed.append(line)
    insert_models(missing)
    update_models(changed, LINE_FIELDS)
    return {line.pk for line in changed}


def _plan(
    row: Row,
    line: Subscription,
    old: LineVersion | None,
    change: facts.Change,
    updated_lines: set[int],
    context: Context,
) -> None:
    try:
        new = _version(row, line, old, context)
    except PriceError as error:
        context.problems.add(row.number, error.field or "amount", "", error.message, error.hint)
        return
    if old is None:
        change.add(new)
        context.counts.created += 1
    elif any(getattr(old, name) != getattr(new, name) for name in COMPARED):
        change.add(new, instead_of=old)
        context.counts.updated += 1
    elif line.pk in updated_lines:
        updated_lines.discard(line.pk)
        context.counts.updated += 1
    else:
        context.counts.unchanged += 1


def _version(row: Row, line: Subscription, old: LineVersion | None, context: Context) -> LineVersion:
    values = row.values
    given = {name: values.get(name, EMPTY.get(name)) for name in SAME_NAME if name in context.given}
    if old is not None:
        start = {name: getattr(old, name) for name in SAME_NAME}
    else:
        start = {name: EMPTY.get(name) for name in SAME_NAME}
    version = LineVersion(
        customer_id=line.customer_id,
        subscription=line,
        from_on=values["start_date"],
        to_on=values.get("end_date") if old is None or "end_date" in context.given else old.to_on,
        **(start | given),
        **context.fact(),
    )
    return set_given_mrr(version, values["mrr"]) if "mrr" in values else set_mrr(version)
