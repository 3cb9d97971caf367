"""What the ORM cannot say to PostgreSQL: COPY, try-locks. No business word here."""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, connections
from django.db.models import NOT_PROVIDED, Field, JSONField, Lookup, Model

RECORDED_AT = "tend.recorded_at"  # read by the default of every fact's recorded_at
ERASING = "tend.erasing"  # read by the triggers that let nobody rewrite what was said
COPY_FROM = 200  # rows from which COPY is worth its preparation


class Among(Lookup):
    """`Among(F("customer_id"), ids)`: one of many keys, as one array where `__in` sends every key by itself."""

    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        """`column = ANY(array)`."""
        column, params = self.process_lhs(compiler, connection)
        return f"{column} = ANY(%s)", [*params, list(self.rhs)]


def copy_rows(table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
    """COPY rows into a table (or temporary table) and return how many were sent; runs in the caller's transaction."""
    names = ", ".join(connection.ops.quote_name(column) for column in columns)
    sent = 0
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY {connection.ops.quote_name(table)} ({names}) FROM STDIN") as copy,
    ):
        for row in rows:
            copy.write_row(row)
            sent += 1
    return sent


def copy_new_rows(
    model: type[Model], columns: Sequence[str], rows: Iterable[Sequence[Any]], *, returning: str = ""
) -> tuple[int, list[Any]]:
    """Insert rows by COPY, leaving out those that hit a unique constraint.

    Returns (rows inserted, distinct values of the `returning` expression over the inserted rows).
    """
    scratch, _ = _copy_to_scratch(model, columns, rows)
    return _insert_new(model, columns, scratch, returning)


def copy_changed_rows(
    model: type[Model],
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    key: Sequence[str],
    compared: Sequence[str],
    returning: str,
) -> tuple[int, int, list[Any]]:
    """Insert rows by COPY and update those whose `key` is stored with other values in the `compared` columns.

    The rows given are distinct in `key`. Returns (inserted, updated, distinct values of `returning` over both).
    """
    scratch, sent = _copy_to_scratch(model, columns, rows)
    inserted, values = _insert_new(model, columns, scratch, returning)
    if inserted == sent:
        return inserted, 0, values
    name = connection.ops.quote_name
    table = name(model._meta.db_table)
    arrived = ", ".join(f"{name(column)} AS {name('new_' + column)}" for column in (*key, *compared))
    same_key = " AND ".join(f"{table}.{name(column)} = {name('new_' + column)}" for column in key)
    stored = ", ".join(f"{table}.{name(column)}" for column in compared)
    given = ", ".join(name("new_" + column) for column in compared)
    changes = ", ".join(f"{name(column)} = {name('new_' + column)}" for column in compared)
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH changed AS (UPDATE {table} SET {changes} FROM (SELECT {arrived} FROM {scratch}) AS arrived"
            f" WHERE {same_key} AND ({stored}) IS DISTINCT FROM ({given}) RETURNING {returning} AS value)"
            " SELECT value, count(*) FROM changed GROUP BY 1"
        )
        found = cursor.fetchall()
    return inserted, sum(count for _, count in found), [*values, *(value for value, _ in found)]


def _copy_to_scratch(
    model: type[Model], columns: Sequence[str], rows: Iterable[Sequence[Any]]
) -> tuple[str, int]:
    names = ", ".join(connection.ops.quote_name(column) for column in columns)
    scratch = f"incoming_{model._meta.model_name}"
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {scratch}")
        cursor.execute(
            f"CREATE TEMPORARY TABLE {scratch} ON COMMIT DROP AS"
            f" SELECT {names} FROM {connection.ops.quote_name(model._meta.db_table)} WITH NO DATA"
        )
    return scratch, copy_rows(scratch, columns, rows)


def _insert_new(
    model: type[Model], columns: Sequence[str], scratch: str, returning: str
) -> tuple[int, list[Any]]:
    table = connection.ops.quote_name(model._meta.db_table)
    names = ", ".join(connection.ops.quote_name(column) for column in columns)
    insert = f"INSERT INTO {table} ({names}) SELECT {names} FROM {scratch} ON CONFLICT DO NOTHING"
    with connection.cursor() as cursor:
        if not returning:
            cursor.execute(insert)
            return cursor.rowcount, []
        cursor.execute(
            f"WITH added AS ({insert} RETURNING {returning} AS value) SELECT value, count(*) FROM added GROUP BY 1"
        )
        found = cursor.fetchall()
    return sum(count for _, count in found), [value for value, _ in found]


def insert_models(rows: Sequence[Model]) -> None:
    """Insert unsaved rows of one model and set their keys; database defaults stay the database's.

    Many rows go by COPY, about five times as fast as bulk_create. Conflicts are errors.
    """
    if len(rows) < COPY_FROM:
        if rows:
            type(rows[0])._default_manager.bulk_create(rows)
        return
    model = type(rows[0])
    fields = [
        item for item in model._meta.concrete_fields if not item.generated and item.db_default is NOT_PROVIDED
    ]
    unnumbered = [row for row in rows if row.pk is None]
    for row, number in zip(unnumbered, next_ids(model, len(unnumbered)) if unnumbered else (), strict=True):
        row.pk = number
    values = _prepared(rows, fields)
    copy_rows(model._meta.db_table, [item.column for item in fields], values)
    for row in rows:
        row._state.adding, row._state.db = False, connection.alias


def update_models(rows: Sequence[Model], names: Sequence[str]) -> None:
    """Write some fields of many stored rows; by COPY and one join where bulk_update's CASE list would grow long."""
    if len(rows) < COPY_FROM:
        if rows:
            type(rows[0])._default_manager.bulk_update(rows, names)
        return
    fields = [type(rows[0])._meta.pk, *(type(rows[0])._meta.get_field(item) for item in names)]
    _write_over(fields, _prepared(rows, fields))


def update_values(model: type[Model], names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write some fields of many stored rows from plain values, the key first; no instance of the model is made."""
    fields = [model._meta.pk, *(model._meta.get_field(item) for item in names)]
    documents = [place for place, item in enumerate(fields) if isinstance(item, JSONField)]
    _write_over(fields, (_with_text(row, documents) for row in rows))


def _with_text(row: Sequence[Any], places: Sequence[int]) -> Sequence[Any]:
    found = list(row)
    for place in places:
        found[place] = json.dumps(found[place])
    return found


def _write_over(fields: Sequence[Field], values: Iterable[Sequence[Any]]) -> None:
    """Take values over by their key, the first field."""
    model, name = fields[0].model, connection.ops.quote_name
    scratch, _ = _copy_to_scratch(model, [item.column for item in fields], values)
    table, key = name(model._meta.db_table), name(fields[0].column)
    changes = ", ".join(f"{name(item.column)} = arrived.{name(item.column)}" for item in fields[1:])
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {table} AS stored SET {changes} FROM {scratch} AS arrived WHERE stored.{key} = arrived.{key}"
        )


def _prepared(rows: Iterable[Model], fields: Sequence[Field]) -> Iterator[list[Any]]:
    """Values of rows as the database takes them; the connection itself, for its proxy costs a third of the time."""
    database = connections[connection.alias]
    for row in rows:
        yield [item.get_db_prep_save(getattr(row, item.attname), database) for item in fields]


def point_to(model: type[Model], column: str, pairs: Sequence[tuple[int, int]]) -> int:
    """Set a key column of many rows: pairs of (row id, new value). Returns how many rows were changed."""
    name = connection.ops.quote_name
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {name(model._meta.db_table)} AS stored SET {name(column)} = pairs.target"
            " FROM unnest(%s::bigint[], %s::bigint[]) AS pairs (id, target) WHERE stored.id = pairs.id",
            [[old for old, _ in pairs], [new for _, new in pairs]],
        )
        return int(cursor.rowcount)


def next_ids(model: type[Model], many: int) -> list[int]:
    """Reserve primary keys, so that a row can be named before it is inserted."""
    table = connection.ops.quote_name(model._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)", [table, many]
        )
        return [number for (number,) in cursor.fetchall()]


def allow_long_statements(seconds: int) -> None:
    """Let statements of this transaction run longer than the usual limit, its deferred checks at the end included."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('statement_timeout', %s, true)", [f"{seconds}s"])


def copied_out(statement: str) -> bytes:
    """Everything that a COPY ... TO STDOUT sends."""
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        return b"".join(copy)


def try_lock(space: int, number: int) -> bool:
    """Transaction-level advisory lock that never waits."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [space, number])
        return bool(cursor.fetchone()[0])


COUNT_UP = """
INSERT INTO work_ratecounter AS counter (key, used, ends_at)
VALUES (%(key)s, 1, statement_timestamp() + %(window)s)
    ON CONFLICT (key) DO UPDATE SET
       used = CASE WHEN counter.ends_at <= statement_timestamp() THEN 1 ELSE counter.used + 1 END,
       ends_at = CASE WHEN counter.ends_at <= statement_timestamp() THEN excluded.ends_at ELSE counter.ends_at END
 WHERE counter.used < %(limit)s OR counter.ends_at <= statement_timestamp()
"""


def count_up(key: str, *, limit: int, window: timedelta) -> bool:
    """Count one more under that key, unless `limit` of the running window are used up; then False and nothing is written."""
    with connection.cursor() as cursor:
        cursor.execute(COUNT_UP, {"key": key, "limit": limit, "window": window})
        return bool(cursor.rowcount)


def analyze(*models: type[Model]) -> None:
    """Refresh planner statistics after a bulk write."""
    with connection.cursor() as cursor:
        for model in models:
            cursor.execute(f"ANALYZE {connection.ops.quote_name(model._meta.db_table)}")


def clock() -> datetime:
    """The database's own time."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT now()")
        found: datetime = cursor.fetchone()[0]
        return found


def server_settings(*names: str) -> dict[str, str]:
    """The server's settings by name, as text."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, setting FROM pg_settings WHERE name = ANY(%s)", [list(names)])
        return dict(cursor.fetchall())


def invalid_indexes() -> list[str]:
    """Indexes that a failed CREATE INDEX CONCURRENTLY left unusable."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid ORDER BY 1")
        return [name for (name,) in cursor.fetchall()]


@contextmanager
def recorded_at(moment: datetime) -> Iterator[None]:
    """Facts written inside carry this moment as their recorded clock: a replay of history, never a user's request.

    Needs an open transaction; the server's own clock is back afterwards.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config(%s, %s, true)", [RECORDED_AT, moment.isoformat()])
    yield
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config(%s, '', true)", [RECORDED_AT])


@contextmanager
def erasing() -> Iterator[None]:
    """Inside, the words of append-only rows may be changed, because a person asked to be forgotten; nothing else of them.

    Needs an open transaction.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config(%s, 'on', true)", [ERASING])
    yield
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config(%s, '', true)", [ERASING])


def settled_before() -> datetime:
    """A moment before which nothing more can become visible: older than every transaction that is still writing."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT least(min(xact_start), clock_timestamp()) - interval '1 microsecond' FROM pg_stat_activity"
            " WHERE backend_xid IS NOT NULL AND datname = current_database() AND pid <> pg_backend_pid()"
        )
        moment: datetime = cursor.fetchone()[0]
        return moment
