"""Intervals of AUC in the bench: a draw is what the product says of the rows drawn."""

from decimal import Decimal

import numpy as np
import pytest

from bench.suites import intervals
from metrics.formulas import evidence
from metrics.formulas.evidence import Outcome

ROWS = 40


@pytest.fixture
def half():
    source = np.random.default_rng(1)
    return intervals.Ranked(
        customers=np.repeat(np.arange(ROWS // 2), 2),
        scores=source.integers(0, 12, ROWS),
        churned=source.random(ROWS) < 0.4,
    )


def test_a_draw_is_the_auc_of_the_rows_as_often_as_they_were_drawn(half):
    times = np.random.default_rng(2).integers(0, 3, (5, ROWS))
    for drawn, found in zip(times, intervals.areas(half, times), strict=True):
        rows = [
            Outcome(int(customer), int(score), Decimal(1), bool(churned))
            for customer, score, churned, count in zip(
                half.customers, half.scores, half.churned, drawn, strict=True
            )
            for _ in range(count)
        ]
        assert found == pytest.approx(float(evidence.auc(rows).value))


def test_customers_are_drawn_with_all_their_rows_and_alike_for_every_model(half):
    found = intervals.drawn({"card": [half, half], "same": [half]})
    assert found["card"] == pytest.approx(found["same"])
    ends = intervals.ends("auc", found["card"])
    assert 0 < ends["auc_low"] < ends["auc_high"] < 1
