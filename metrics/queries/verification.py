"""Stored rollups against the independent recount: plain rows of facts in, one result per check out. Reads only."""

import hashlib
from datetime import date, datetime
from typing import Any

from customers.models import StaleMark
from metrics.models import DirtyMonth
from metrics.queries.checks.activity import activity
from metrics.queries.checks.company import company_checks
from metrics.queries.checks.comparison import SHOWN, Check, Difference
from metrics.queries.checks.customers import customer_checks, summaries
from metrics.queries.checks.rows import freshness, identities
from metrics.queries.freshness import last_fill
from metrics.queries.recounts import recounted

__all__ = ["SHOWN", "Check", "Difference", "NothingToVerifyError", "verify", "verify_known"]
TOTALS = {
    "VM-4": "company months",
    "VM-6": "fx in its closed form",
    "VM-7": "cohort months",
    "VM-8": "retention and churn",
}


class NothingToVerifyError(Exception):
    """No rollup has been filled yet."""


def verify(
    *,
    now: datetime,
    first: date | None = None,
    last: date | None = None,
    sample: int | None = None,
    seed: int = 0,
) -> list[Check]:
    """All checks over the months from `first` to `last`; `sample` limits the customer checks, totals stay complete.

    Customers that wait for a refresh are left out of the customer checks, and totals are not compared while any does.
    """
    fill = last_fill()
    if fill is None:
        raise NothingToVerifyError
    waiting = set(StaleMark.objects.values_list("customer_id", flat=True))
    counted = recounted(as_of=fill.as_of)
    months = (first or date.min, last or date.max)
    chosen = _chosen(counted.pieces, waiting, sample=sample, seed=seed)
    if waiting or DirtyMonth.objects.exists():
        note = f"not compared: {len(waiting)} customers wait for a refresh"
        company = [Check(code, title, note=note) for code, title in TOTALS.items()]
    else:
        company = company_checks(counted, months)
    checks = [
        *customer_checks(counted, chosen, months),
        *company,
        identities(months, chosen, fill.as_of),
        activity(waiting, definition=counted.definition, as_of=fill.as_of),
        summaries(counted, chosen),
        freshness(now, waiting),
    ]
    return sorted(checks, key=lambda check: int(check.code[3:]))


def verify_known(
    *,
    as_of: date,
    known_at: datetime,
    first: date | None = None,
    last: date | None = None,
    sample: int | None = None,
    seed: int = 0,
) -> list[Check]:
    """The checks of revenue where the rollups hold what was known at an earlier moment."""
    counted = recounted(as_of=as_of, known_at=known_at)
    months = (first or date.min, last or date.max)
    chosen = _chosen(counted.pieces, set(), sample=sample, seed=seed)
    checks = [
        *customer_checks(counted, chosen, months),
        *company_checks(counted, months),
        identities(months, chosen, as_of),
    ]
    return sorted(checks, key=lambda check: int(check.code[3:]))


def _chosen(pieces: Any, waiting: set[int], *, sample: int | None, seed: int) -> list[int]:
    """Customers to compare: all that do not wait, or as many of them as asked for, in an order only the seed decides."""
    found = sorted(pieces.keys() - waiting)
    if sample is None:
        return found
    return sorted(sorted(found, key=lambda pk: hashlib.sha256(f"{seed} {pk}".encode()).hexdigest())[:sample])
