"""IC-09: stored scores from their own readings and version, with parts, hash of the inputs and override."""

from collections.abc import Iterator
from typing import Any

from django.db.models import F
from django.db.models.functions import Mod

from metrics.models import HealthScore
from metrics.queries.score_receipts import receipt_problems

BATCH = 1_000
STEPS = 10_000  # the sample takes customers by their id, one part in so many
SPREAD = 7_919  # a prime, so that neighbours do not come together
PAST = 1_000  # scores of the past worked out again, besides those in force


def scores(*, share: float) -> tuple[int, list[tuple[str, Any, str]]]:
    """Open scores of a share of the customers, and a thousand of those that are closed."""
    ids = [*_open(int(share * STEPS)), *_closed()]
    wrong: list[tuple[str, Any, str]] = []
    for start in range(0, len(ids), BATCH):
        rows = HealthScore.objects.filter(pk__in=ids[start : start + BATCH]).select_related("override")
        wrong += [("metrics_healthscore", pk, text) for pk, text in sorted(receipt_problems(rows).items())]
    return len(ids), wrong


def _open(below: int) -> Iterator[int]:
    rows = HealthScore.objects.filter(to_at=None).order_by("customer_id").values_list("pk", "customer_id")
    return (pk for pk, customer_id in rows if customer_id * SPREAD % STEPS < below)


def _closed() -> list[int]:
    rows = HealthScore.objects.exclude(to_at=None).order_by(Mod(F("pk") * SPREAD, STEPS), "pk")
    return list(rows.values_list("pk", flat=True)[:PAST])
