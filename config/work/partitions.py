"""Monthly range partitions, made before rows arrive."""

from datetime import date

from django.db import connection


def ensure_months(table: str, months: set[date]) -> list[str]:
    """Create the missing partitions of `table` for the given months (any day of each); returns the new names."""
    made = []
    with connection.cursor() as cursor:
        for month in sorted({day.replace(day=1) for day in months}):
            following = date(month.year + month.month // 12, month.month % 12 + 1, 1)
            name = f"{table}_{month:%Y_%m}"
            cursor.execute("SELECT to_regclass(%s)", [name])
            if cursor.fetchone()[0] is not None:
                continue
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [name])
            cursor.execute(
                f"CREATE TABLE IF NOT EXISTS {connection.ops.quote_name(name)} PARTITION OF"
                f" {connection.ops.quote_name(table)} FOR VALUES FROM ('{month} 00:00+00') TO ('{following} 00:00+00')"
            )
            made.append(name)
    return made
