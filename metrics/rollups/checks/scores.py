"""IC-09: stored scores from their own readings and version."""

from typing import Any

from metrics.models import HealthScore
from metrics.queries.recounts import scores_again

BATCH = 1_000
STEPS = 10_000  # the sample takes customers by their id, one part in so many


def scores(*, share: float) -> tuple[int, list[tuple[str, Any, str]]]:
    """Open scores of a share of the customers."""
    below = int(share * STEPS)
    open_rows = HealthScore.objects.filter(to_at=None)
    stored = {
        pk: (row, score)
        for row, pk, score in open_rows.values_list("pk", "customer_id", "computed")
        if pk * 7919 % STEPS < below
    }
    wrong: list[tuple[str, Any, str]] = []
    ids = sorted(stored)
    for start in range(0, len(ids), BATCH):
        part = ids[start : start + BATCH]
        again = scores_again(part)
        wrong += [
            (
                "metrics_healthscore",
                stored[pk][0],
                f"stored {stored[pk][1]}, worked out again {again.get(pk)}",
            )
            for pk in part
            if stored[pk][1] != again.get(pk)
        ]
    return len(stored), wrong
