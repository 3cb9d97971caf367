"""Generated facts in a database of the bench's cluster, by COPY; made once per scale and kept as a template."""

from collections.abc import Iterable, Sequence

import psycopg

from bench.cluster import Cluster, migrations_key
from bench.data import generate

RECORDED = "2022-01-01T00:00:00Z"  # everything was known in time
OVERLAP = "customers_lineversion_no_overlap"
WORK = "work"  # the database measured: a copy that may be spoiled


def facts(cluster: Cluster, scale: str) -> str:
    """The name of the kept database with the facts of this scale; made when it is missing."""
    name = f"facts_{scale}_{generate.VERSION}_{migrations_key()}"
    if not cluster.has(name):
        making = f"{name}_making"
        cluster.copy(cluster.migrated(), making)
        with psycopg.connect(cluster.url(making)) as connection:
            fill(connection, generate.SCALES[scale])
        cluster.run("VACUUM ANALYZE", database=making)
        cluster.run(f"ALTER DATABASE {making} RENAME TO {name}")
    return name


def copy_for_work(cluster: Cluster, scale: str) -> str:
    """A fresh database of this scale to measure in."""
    cluster.copy(facts(cluster, scale), WORK)
    return WORK


def fill(connection: psycopg.Connection, many: int) -> None:
    """Organisation, customers, lines, line versions and rates. The overlap check is made once, over all rows."""
    connection.execute(
        "INSERT INTO accounts_organisation (id, name, currency, time_zone, csm_read_scope) VALUES (1, 'Bench', 'EUR', 'UTC', 'own')"
        " ON CONFLICT (id) DO UPDATE SET currency = 'EUR', time_zone = 'UTC'"
    )
    _copy(
        connection, "customers_customer",
        ("id", "name", "currency", "domain", "segment", "tier", "industry", "region", "country", "time_zone", "phase",
         "custom", "search_text", "version"),
        ((*row, "", "", "", "", "", "", "", "", "{}", "", 1) for row in generate.customers(many)),
    )  # fmt: skip
    prices = list(generate.prices(many))
    lines = {row[0]: row for row in prices}
    _copy(
        connection, "customers_subscription", ("id", "customer_id", "currency", "external_id", "product"),
        ((line, row[1], row[2], f"S{line}", f"Product {line}") for line, row in lines.items()),
    )  # fmt: skip
    definition = connection.execute(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = %s", [OVERLAP]
    ).fetchone()[0]
    connection.execute(f"ALTER TABLE customers_lineversion DROP CONSTRAINT {OVERLAP}")
    _copy(
        connection, "customers_lineversion",
        ("customer_id", "subscription_id", "currency", "from_on", "to_on", "mrr", "amount", "mrr_after_discount", "plan",
         "interval", "interval_count", "status", "reason", "recorded_at", "source", "source_key", "voids", "backfilled"),
        (
            (customer, line, currency, from_on, to_on, *[f"{cents / 100:.2f}"] * 3, plan, "month", 1, "active", "",
             RECORDED, "bench", "", False, False)
            for line, customer, currency, from_on, to_on, cents, plan in prices
        ),
    )  # fmt: skip
    connection.execute("SET CONSTRAINTS ALL IMMEDIATE")  # an ALTER waits for no pending check
    connection.execute(f"ALTER TABLE customers_lineversion ADD CONSTRAINT {OVERLAP} {definition}")
    _copy(
        connection, "customers_fxrate",
        ("currency", "day", "rate", "base", "recorded_at", "source", "source_key", "voids", "backfilled"),
        ((*row, "", RECORDED, "bench", "", False, False) for row in generate.rates()),
    )  # fmt: skip
    for table in ("customers_customer", "customers_subscription"):
        connection.execute(
            f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))"
        )


def _copy(
    connection: psycopg.Connection, table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]
) -> None:
    with connection.cursor().copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)
