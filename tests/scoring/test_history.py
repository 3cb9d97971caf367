"""Stored scores as columns say what one customer after the other says."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

import numpy as np

from metrics.formulas.health_numbers import MICRO, trend
from metrics.scoring.history import MOST, NO_SCORE, OPEN, Histories, micros, points, trends

FIRST = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = [FIRST + timedelta(days=number) for number in range(30)]


def drawn(seed, customers=40):
    """Stretches of customers: (customer, row, from, to, score), some without a score, some with gaps between them."""
    random, rows = Random(seed), []
    for customer in range(1, customers + 1):
        start = FIRST + timedelta(days=random.randrange(-5, 30))
        for _ in range(random.randrange(5)):
            end = start + timedelta(days=random.randrange(1, 9), microseconds=random.randrange(2))
            score = random.choice(
                [None, random.randrange(100) * MICRO + random.choice([0, 50_000, 150_000, 7])]
            )
            rows.append([customer, len(rows) + 1, start, end, score])
            start = end + timedelta(days=random.randrange(2))
        if rows and rows[-1][0] == customer and random.random() < 0.7:
            rows[-1][3] = None
    return rows


def packed(rows):
    return Histories.parse(
        np.array(
            [
                [
                    pk,
                    row,
                    *micros([start]),
                    OPEN if end is None else micros([end])[0],
                    NO_SCORE if score is None else score,
                ]
                for pk, row, start, end, score in rows
            ],
            dtype=">i8",
        ).tobytes(),
        sorted({row[0] for row in rows}),
    )


def score_at(rows, customer, moment):
    for pk, _, start, end, score in rows:
        if pk == customer and start <= moment and (end is None or end > moment):
            return score
    return None


def test_samples_trends_points_and_the_highest_are_those_of_one_after_the_other():
    for seed in range(5):
        rows = drawn(seed)
        history = packed(rows)
        scores = history.scores_at(history.at(DAYS))
        found = zip(trends(scores, 30), points(scores), strict=True)
        highest = history.highest(DAYS[10])
        for customer, (slope, drawn_points) in zip(history.customer_ids.tolist(), found, strict=True):
            days = [score_at(rows, customer, moment) for moment in DAYS]
            assert history.samples([customer], DAYS) == [days]
            assert slope == trend([(n, one) for n, one in enumerate(days) if one is not None], 30)
            tenths = [None if one is None else float(round(Decimal(one) / MICRO, 1)) for one in days]
            assert drawn_points == tenths
            later = [row[4] for row in rows if row[0] == customer and (row[3] is None or row[3] > DAYS[10])]
            assert highest.get(customer) == max((one for one in later if one is not None), default=None)


def test_trends_of_scores_that_columns_cannot_hold_are_exact():
    scores = np.array([[(number + 1) * (MOST + 1) for number in range(30)]], dtype=np.int64)
    assert trends(scores, 30) == [trend(list(enumerate(scores[0].tolist())), 30)]


def test_nobody_has_no_history():
    history = Histories.parse(b"", [])
    scores = history.scores_at(history.at(DAYS))
    assert (trends(scores, 30), points(scores), history.highest(FIRST)) == ([], [], {})
