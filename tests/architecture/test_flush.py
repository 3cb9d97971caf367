"""Tests that commit leave nothing behind for those that follow."""

from django.core.management.color import no_style
from django.core.management.sql import sql_flush
from django.db import connection

KEPT = {
    "django_migrations",
    "work_cache",
}  # no facts: the list of migrations, and a cache that Django empties by itself


def test_a_flush_empties_every_table_that_holds_rows(db):
    emptied = " ".join(sql_flush(no_style(), connection, allow_cascade=False))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition"
            " AND relnamespace = current_schema()::regnamespace"
        )
        tables = [name for (name,) in cursor.fetchall()]
    assert len(tables) > 50
    assert [name for name in tables if name not in KEPT and f'"{name}"' not in emptied] == []
