"""The customers behind a number of the ledger: rows with the amounts it takes from them, and their exact sums."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from customers.models import Customer
from metrics.sql.engine import dicts, table
from metrics.sql.spans import FREE, PLAIN, Reading, SpanDays, ctes, params

PAYS = {"open": "opening > 0", "close": "closing > 0", "year": "then_12m > 0"}
EXISTS = {
    "open": "(opening > 0 OR free_open)",
    "close": "(closing > 0 OR free_close)",
    "year": "(then_12m > 0 OR free_year)",
}


def customer_sums(
    spans: Sequence[SpanDays],
    *,
    ids: Iterable[int] | None,
    where: str,
    columns: Mapping[str, str],
    reading: Reading = PLAIN,
) -> tuple[int, dict[str, Decimal]]:
    """(customers, {column: exact sum}) of the customers that meet a condition; see `customer_page`."""
    sums = ", ".join(f'coalesce(sum("{name}"), 0) AS "{name}"' for name in columns)
    sql = f"WITH {_source(reading)}, found AS ({_found(where, columns, reading)}) SELECT count(*) AS n, {sums} FROM found"
    (row,) = dicts(sql, params(spans, ids))
    return row.pop("n"), row


def customer_page(
    spans: Sequence[SpanDays],
    *,
    ids: Iterable[int] | None,
    where: str,
    columns: Mapping[str, str],
    order: str,
    limit: int | None = None,
    offset: int = 0,
    reading: Reading = PLAIN,
) -> list[dict[str, Any]]:
    """Rows of customer_id, customer and the columns: SQL over the column names of spans, summed over the spans `no`.

    {open}, {close} and {year} in a text stand for "is a customer then". The texts are this project's, never people's.
    """
    sql = f"""WITH {_source(reading)}, found AS ({_found(where, columns, reading)})
SELECT found.*, c.name AS customer FROM found JOIN {table(Customer)} c ON c.id = found.customer_id
ORDER BY {order}, customer_id LIMIT %(limit)s OFFSET %(offset)s"""
    return dicts(sql, {**params(spans, ids), "limit": limit, "offset": offset})


def _source(reading: Reading) -> str:
    return f"{ctes(reading)},\n{FREE}" if reading.with_free else ctes(reading)


def _found(where: str, columns: Mapping[str, str], reading: Reading) -> str:
    pays = EXISTS if reading.with_free else PAYS
    sums = ", ".join(f'sum({text.format(**pays)}) AS "{name}"' for name, text in columns.items())
    name = "counted" if reading.with_free else "shown"
    return f"SELECT customer_id, {sums} FROM {name} WHERE {where.format(**pays)} GROUP BY customer_id"
