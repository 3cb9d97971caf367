"""One number over the rows of the rollups, the same for equal rows in any order and with any row ids."""

import hashlib

from django.db.models import Model

from metrics.models import (
    CohortMonth,
    CompanyMonth,
    CustomerStart,
    DailyUsage,
    LineSegment,
    MonthlyUsage,
    Movement,
)
from metrics.sql.engine import rows, table

TABLES = (
    LineSegment,
    Movement,
    CustomerStart,
    CompanyMonth,
    CohortMonth,
    DailyUsage,
    MonthlyUsage,
)
COMPANY = (CompanyMonth, CohortMonth)


def of_tables(models: tuple[type[Model], ...] = TABLES) -> str:
    """SHA-256 over the sums of the row hashes of each table, row ids left out."""
    digest = hashlib.sha256()
    for model in models:
        columns = ", ".join(
            f'"{field.column}"' for field in model._meta.concrete_fields if field.name != "id"
        )
        sql = f"SELECT count(*), coalesce(sum(hashtextextended(ROW({columns})::text, 0)::numeric), 0) FROM {table(model)}"
        count, total = rows(sql, {})[0]
        digest.update(f"{model.__name__} {count} {total}\n".encode())
    return digest.hexdigest()
