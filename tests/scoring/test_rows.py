"""What is stored of a score is the same from the reference and from whole columns."""

from random import Random

import pytest

from metrics.formulas.health import explain, level
from metrics.formulas.health_measures import NO_DAY, REASONS
from metrics.formulas.health_numbers import FULL
from metrics.scoring.engine import score_matrix
from metrics.scoring.results import Result, costliest, results_of
from metrics.scoring.rows import PackedRow, matrix_of_rows
from tests.scoring.cards import (
    TODAY,
    random_actions_card,
    random_matrix,
    random_weighted_card,
    reference_rows,
)


def packed(row):
    return PackedRow(
        customer_id=row.customer_id,
        values=[value or 0 for value in row.values],
        days=[NO_DAY if day is None else day for day in row.days],
        reasons=[
            0 if value is not None else REASONS.index(reason) or 1
            for value, reason in zip(row.values, row.reasons, strict=True)
        ],
        phase=row.phase,
        tenure_months=row.tenure_months,
        labels=list(row.labels),
    )


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("kind", [random_weighted_card, random_actions_card])
def test_hn_6_stored_results_equal_those_of_the_reference(seed, kind):
    chance = Random(seed)
    card = kind(chance)
    rows, slots, _ = random_matrix(card, chance, 30)
    scored = score_matrix(card, matrix_of_rows(map(packed, rows)), as_of_day=TODAY, slots=slots)
    wanted = [Result.of(level(card, *one)) for one in reference_rows(card, rows, slots, {}, {})]
    assert list(results_of(scored)) == wanted


@pytest.mark.parametrize("seed", range(20))
def test_he_2_the_costliest_measure_is_the_one_of_the_explanation(seed):
    chance = Random(seed)
    card = random_weighted_card(chance)
    rows, slots, matrix = random_matrix(card, chance, 30)
    scored = score_matrix(card, matrix, as_of_day=TODAY, slots=slots, parts=True)
    for found, (readings, subject) in zip(
        costliest(scored), reference_rows(card, rows, slots, {}, {}), strict=True
    ):
        parts = explain(card, readings, subject).parts
        lost = [FULL * part.effective_share - part.contribution for part in parts]
        place = max(range(len(parts)), key=lambda one: (lost[one], parts[one].key))
        assert found == (place, int(lost[place]))
