"""Exchange rates from a file, as rows or in the table layout of the European Central Bank."""

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from accounts.queries import organisation
from customers.connectors import cells
from customers.connectors.csv_reader import CsvFile
from customers.connectors.problems import CellError, Problems
from customers.connectors.table import Row
from customers.services.imports.context import Context
from customers.services.rates import DayRate, record_rates
from metrics.formulas.money import divide

ECB_BASE = "EUR"
PLACES = Decimal("0.000000000001")  # digits a rate is stored with
RATE = cells.number(least=Decimal(0), most=Decimal(10**9), digits=12, what="rate")


def is_table(header: Sequence[str]) -> bool:
    """Whether the header is a day followed by currencies (`Date,USD,JPY,…`)."""
    names = [name for name in header[1:] if name]
    return bool(names) and header[0].lower() == "date" and all(name in cells.currencies() for name in names)


def table_rows(file: CsvFile, writing: cells.Writing, problems: Problems) -> Iterator[Row]:
    """One row per currency of each line; cells without a rate (empty or N/A) are left out."""
    for number, line in file.rows():
        try:
            day = cells.day(line[0].strip(), writing)
        except CellError as error:
            problems.add_cell(number, file.header[0], line[0], error)
            problems.unreadable += 1
            continue
        for currency, cell in zip(file.header[1:], line[1:], strict=False):
            text = cell.strip()
            if not currency or text in {"", "N/A"}:
                continue
            try:
                rate = RATE(text, writing)
            except CellError as error:
                problems.add_cell(number, currency, text, error)
                problems.unreadable += 1
            else:
                yield Row(number, {"day": day, "currency": currency, "rate": rate, "base": ECB_BASE})


def apply(rows: Sequence[Row], context: Context) -> None:
    """Record the rates as units of each currency for one unit of the reporting currency."""
    context.refuse_all_but_admins("Exchange rates", "rates_by_admin")
    reporting = organisation.current().currency
    rows = context.without_twins(
        rows, lambda row: (row.values["day"], row.values["currency"]), "currency", "day and currency"
    )
    bases = _bases(rows, reporting)
    wanted = []
    for row in rows:
        rate = _to_reporting(row, reporting, bases, context)
        if rate is not None:
            wanted.append(rate)
    wanted += _base_itself(bases, reporting, {(rate.day, rate.currency) for rate in wanted})
    recorded = record_rates(
        rates=wanted, by=context.by, now=context.now, source=context.source, batch=context.batch
    )
    context.counts.created += recorded.created
    context.counts.updated += recorded.updated
    context.counts.unchanged += recorded.unchanged


def _bases(rows: Sequence[Row], reporting: str) -> dict[tuple[date, str], Decimal]:
    """Per day and foreign base: units of the reporting currency for one unit of that base."""
    return {
        (row.values["day"], row.values["base"]): row.values["rate"]
        for row in rows
        if row.values.get("base", reporting) != reporting and row.values["currency"] == reporting
    }


def _to_reporting(
    row: Row, reporting: str, bases: dict[tuple[date, str], Decimal], context: Context
) -> DayRate | None:
    values: dict[str, Any] = row.values
    rate, base = values["rate"], values.get("base", reporting)
    if rate == 0:
        context.problems.add(row.number, "rate", rate, "is zero", "Correct the rate.")
        return None
    if values["currency"] == reporting:
        return None
    if base != reporting:
        cross = bases.get((values["day"], base))
        if not cross:
            fix = f"Add the rate of {reporting} for that day and base."
            reason = f"cannot be turned into {reporting}: the file has no rate of {reporting} against {base} that day"
            context.problems.add(row.number, "rate", rate, reason, fix)
            return None
        rate = divide(rate, cross).quantize(PLACES)
    return DayRate(values["day"], values["currency"], rate)


def _base_itself(
    bases: dict[tuple[date, str], Decimal], reporting: str, known: set[tuple[date, str]]
) -> list[DayRate]:
    """The base currency is one more foreign currency: its rate is 1 over the rate of the reporting currency."""
    one = Decimal(1)
    return [
        DayRate(day, base, divide(one, rate).quantize(PLACES))
        for (day, base), rate in sorted(bases.items())
        if base != reporting and rate and (day, base) not in known
    ]
