"""How rollups are written and read: table names from the models, one scope condition, one place that runs SQL."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import connection
from django.db.models import Model

from metrics.formulas.definition import DEFAULT, Definition

# the customer condition is repeated on every table; NULL means all customers. The range lets a slice of a large table be
# found through its key: with a list alone the planner reads the whole table for every slice
SCOPE = (
    "(%(ids)s::bigint[] IS NULL OR ({alias}customer_id BETWEEN %(lowest)s::bigint AND %(highest)s::bigint"
    " AND {alias}customer_id = ANY(%(ids)s::bigint[])))"
)


@dataclass(frozen=True, slots=True)
class Frame:
    """What a fill depends on besides the facts.

    Some customers or all (None), the last local day, the definition, and the moment up to which facts are known
    (None: everything recorded so far); `with_history` counts facts loaded as history as known from the day they speak of.
    """

    customer_ids: Sequence[int] | None
    as_of: date
    definition: Definition = DEFAULT
    known_at: datetime | None = None
    with_history: bool = False

    @property
    def params(self) -> dict[str, Any]:
        """Named parameters that every statement understands."""
        return {
            **who(self.customer_ids),
            "as_of": self.as_of,
            "last_month": self.as_of.replace(day=1),
            "known_at": self.known_at,
        }


def who(customer_ids: Iterable[int] | None) -> dict[str, Any]:
    """The parameters of `scope()`."""
    ids = None if customer_ids is None else sorted(customer_ids)
    return {"ids": ids, "lowest": ids[0] if ids else None, "highest": ids[-1] if ids else None}


def table(model: type[Model]) -> str:
    """Quoted table name of a model."""
    return connection.ops.quote_name(model._meta.db_table)


def scope(alias: str = "") -> str:
    """SQL condition "one of the wanted customers" for a table alias."""
    return SCOPE.format(alias=f"{alias}." if alias else "")


def facts_as_known(model: type[Model], frame: Frame) -> str:
    """SELECT of a fact table's rows as known now, or as known at the frame's moment (T-1); no scope."""
    name = table(model)
    if frame.known_at is None:
        return f"SELECT v.* FROM {name} v WHERE v.superseded_by_id IS NULL AND NOT v.voids"
    by_then = "({row}.recorded_at <= %(known_at)s" + (" OR {row}.backfilled)" if frame.with_history else ")")
    return (
        f"SELECT v.* FROM {name} v LEFT JOIN {name} later ON later.id = v.superseded_by_id"
        f" WHERE {by_then.format(row='v')} AND NOT v.voids"
        f" AND (later.id IS NULL OR NOT {by_then.format(row='later')})"
    )


def run(sql: str, params: Mapping[str, Any]) -> int:
    """Execute one statement and return the number of rows it wrote."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params or None)
        return cursor.rowcount


def rows(sql: str, params: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Execute one SELECT and return all rows."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params or None)
        return cursor.fetchall()


def dicts(sql: str, params: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Execute one SELECT and return all rows by column name."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params or None)
        names = [column.name for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def room_to_work() -> None:
    """Until the transaction ends: memory for sorts and hashes of events, and time that pages do not have."""
    run("SET LOCAL work_mem = '64MB'", {})
    run("SET LOCAL statement_timeout = '240s'", {})


# all months from the first to the open one, each with the local day that closes it
MONTHS = """
    SELECT month::date AS month, least((month + interval '1 month')::date - 1, %(as_of)s::date) AS close_on
    FROM generate_series(%(first_month)s::date, %(last_month)s::date, interval '1 month') AS month
"""
