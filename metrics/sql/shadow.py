"""Temporary twins of the rollup tables: inside the transaction every statement and every query reads and writes them.

PostgreSQL looks for a table among the session's temporary ones first, so the same SQL serves the live numbers and numbers
that are worked out for one question only. The twins vanish when the block ends.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from accounts.models import Organisation
from metrics.models import (
    BridgeChange,
    CohortChange,
    CohortMonth,
    CompanyMonth,
    CurrencyFactor,
    CustomerMonth,
    CustomerStart,
    DefinitionVersion,
    DirtyMonth,
    LinePrice,
    LineSegment,
    Movement,
    RollupFill,
)
from metrics.sql.engine import rows, run, table

TABLES = (
    BridgeChange,
    CohortChange,
    CohortMonth,
    CompanyMonth,
    CurrencyFactor,
    CustomerStart,
    DefinitionVersion,
    DirtyMonth,
    LinePrice,
    LineSegment,
    Movement,
    RollupFill,
    Organisation,
)


@contextmanager
def shadowed() -> Iterator[None]:
    """Empty twins of all rollup tables (the organisation's row is copied) until the block ends; not to be nested.

    Needs an open transaction; when it is rolled back the twins are gone with it.
    """
    view = table(CustomerMonth)
    text = rows("SELECT pg_get_viewdef(%(name)s::regclass)", {"name": view})[0][0]
    for model in TABLES:
        name = table(model)
        run(f"CREATE TEMP TABLE {name} (LIKE public.{name} INCLUDING ALL) ON COMMIT DROP", {})
    run(f"INSERT INTO {table(Organisation)} SELECT * FROM public.{table(Organisation)}", {})
    run(f"CREATE TEMP VIEW {view} AS {text}", {})
    yield
    run(f"DROP VIEW pg_temp.{view}", {})
    for model in TABLES:
        run(f"DROP TABLE pg_temp.{table(model)}", {})


def analyze() -> None:
    """Planner statistics of the twins: nobody else makes them."""
    for model in (LineSegment, Movement, CustomerStart, CurrencyFactor):
        run(f"ANALYZE {table(model)}", {})
