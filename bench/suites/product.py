"""The product's own steps as calls of a worker: what its recompute does for revenue, without health scores."""

from collections.abc import Sequence
from datetime import date
from random import Random
from typing import Any

from django.db import connection, transaction

from config.work.pg import analyze
from customers.models import LineVersion
from customers.services.pricing import set_mrr
from metrics.models import (
    BridgeChange,
    CohortChange,
    CohortMonth,
    CompanyMonth,
    CustomerStart,
    LineSegment,
    Movement,
)
from metrics.queries import definitions
from metrics.rollups import checksum, company_months
from metrics.services.factors import fill_factors
from metrics.services.refresh import REFRESH_BATCH, rebuild_revenue
from metrics.sql.engine import Frame, room_to_work

MONTH = (
    "closing", "new", "reactivation", "expansion", "contraction", "churn", "opening_at_close", "kept", "then_12m",
    "kept_12m", "now_12m", "close_logos",
)  # fmt: skip
COHORT = ("size", "paying", "initial", "kept", "mrr")


def factors(as_of: str) -> int:
    """The first step of a recompute: all currency factors, compared with the stored ones."""
    return fill_factors(_frame(None, as_of))


def slices(bounds: Sequence[Sequence[int]], as_of: str) -> int:
    """Rebuild the customers of some ranges of ids, one transaction each."""
    for first, last in bounds:
        with transaction.atomic():
            room_to_work()
            rebuild_revenue(_frame(range(first, last + 1), as_of))
    return len(bounds)


def finish(as_of: str) -> int:
    """After the last slice: planner statistics and the company's months."""
    analyze(LineSegment, Movement, CustomerStart, BridgeChange, CohortChange)
    with transaction.atomic():
        return company_months.fill(_frame(None, as_of))


def refresh(ids: Sequence[int], as_of: str) -> int:
    """What follows a change of these customers: rebuild just them, then the company's months."""
    for start in range(0, len(ids), REFRESH_BATCH):
        with transaction.atomic():
            room_to_work()
            rebuild_revenue(_frame(ids[start : start + REFRESH_BATCH], as_of))
    with transaction.atomic():
        company_months.fill(_frame(None, as_of))
    return len(ids)


def change(ids: Sequence[int], seed: int) -> int:
    """Correct the last price of these customers: a new line version supersedes the old one."""
    random = Random(seed)
    last: dict[int, LineVersion] = {}
    for version in LineVersion.objects.current().filter(customer_id__in=ids).order_by("from_on", "pk"):
        last[version.customer_id] = version
    with transaction.atomic():
        for old in last.values():
            fresh = LineVersion(
                customer_id=old.customer_id, subscription_id=old.subscription_id, from_on=old.from_on, to_on=old.to_on,
                plan=old.plan, amount=old.amount + random.randint(1, 500), currency=old.currency, source="bench",
            )  # fmt: skip
            set_mrr(fresh).save()
            LineVersion.objects.filter(pk=old.pk).update(superseded_by=fresh)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    return len(last)


def numbers() -> dict[str, Any]:
    """All company months and cohort cells, as references give them."""
    months = {
        str(row.month.year * 12 + row.month.month - 1): {name: str(getattr(row, name)) for name in MONTH}
        for row in CompanyMonth.objects.all()
    }
    cohorts = {
        f"{row.cohort.year * 12 + row.cohort.month - 1}+{row.k}": {
            name: str(getattr(row, name)) for name in COHORT
        }
        for row in CohortMonth.objects.all()
    }
    return {"months": months, "cohorts": cohorts}


def check_sum() -> str:
    """One number over all rows of the rollups."""
    return checksum.of_tables()


def sizes() -> dict[str, int]:
    """Rows of the tables the chain writes."""
    return {model.__name__: model.objects.count() for model in (LineSegment, Movement, CustomerStart)}


def _frame(ids: Sequence[int] | None, as_of: str) -> Frame:
    return Frame(ids, date.fromisoformat(as_of), definitions.current())
