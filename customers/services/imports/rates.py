"""Exchange rates from a file, as rows or in the table layout of the European Central Bank."""

from collections.abc import Iterator, Sequence
from decimal import Decimal

from customers.connectors import cells
from customers.connectors.csv_reader import CsvFile
from customers.connectors.problems import CellError, Problems
from customers.connectors.table import Row
from customers.services.imports.context import Context
from customers.services.rates import DayRate, record_rates

ECB_BASE = "EUR"
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
    """Record the rates as they are quoted; cross rates go through the base of the table where they are used."""
    context.refuse_all_but_admins("Exchange rates", "rates_by_admin")
    usual = context.organisation.currency
    rows = context.without_twins(
        rows,
        lambda row: (row.values["day"], row.values["currency"], row.values.get("base", usual)),
        "currency",
        "day and currency",
    )
    wanted = [
        DayRate(row.values["day"], row.values["currency"], row.values["rate"], row.values.get("base", usual))
        for row in rows
        if _is_rate(row, usual, context)
    ]
    recorded = record_rates(
        rates=wanted, by=context.by, now=context.now, source=context.source, batch=context.batch
    )
    context.counts.created += recorded.created
    context.counts.updated += recorded.updated
    context.counts.unchanged += recorded.unchanged


def _is_rate(row: Row, usual: str, context: Context) -> bool:
    """Whether the row says something new; the base against itself is 1 and says nothing."""
    rate = row.values["rate"]
    if rate == 0:
        context.problems.add(row.number, "rate", rate, "is zero", "Correct the rate.")
        return False
    if row.values["currency"] != row.values.get("base", usual):
        return True
    if rate == 1:
        context.counts.unchanged += 1
    else:
        fix = "Name the base, correct the currency, or leave the row out."
        context.problems.add(row.number, "rate", rate, "is the rate of the base itself and not 1", fix)
    return False
