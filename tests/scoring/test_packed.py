"""Packed readings read from PostgreSQL's own binary format."""

from random import Random

import numpy as np
import pytest
from django.db import connection

from metrics.formulas.health_measures import NO_DAY
from metrics.scoring.arrays import NO_TENURE
from metrics.scoring.packed import PackedError, parse_copy
from metrics.sql.packed_readings import JOINED
from tests.scoring.cards import random_matrix, random_weighted_card

COLUMNS = (
    "customer_ids", "values", "days", "reasons", "tenure",
)  # fmt: skip
TYPES = {
    "id": "bigint",
    "values": "bigint[]",
    "days": "int[]",
    "reasons": "smallint[]",
    "tenure": "int",
    "texts": "text[]",
}


def copied(rows, message=20):
    """What PostgreSQL sends for rows of a table with these types."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"CREATE TEMPORARY TABLE packed ({', '.join(map(' '.join, TYPES.items()))}) ON COMMIT DROP"
        )
        with cursor.copy("COPY packed FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        joined = f"SELECT {JOINED} FROM (SELECT *, array_send(texts) AS text FROM packed) p GROUP BY id / {message}"
        with cursor.copy(f"COPY ({joined} ORDER BY id / {message}) TO STDOUT (FORMAT BINARY)") as copy:
            return b"".join(copy)


def row_of(matrix, place):
    labels = sorted(matrix.label_sets[matrix.label_codes[place]])
    return (
        int(matrix.customer_ids[place]),
        matrix.values[place].tolist(),
        matrix.days[place].tolist(),
        matrix.reasons[place].tolist(),
        int(matrix.tenure[place]),
        [matrix.phases[matrix.phase_codes[place]], *labels],
    )


@pytest.mark.django_db
def test_a_matrix_comes_back_from_the_database_as_it_was():
    _, _, matrix = random_matrix(random_weighted_card(Random(1)), Random(1), 50)
    found = parse_copy(copied([row_of(matrix, place) for place in range(50)]), matrix.slots)
    for name in COLUMNS:
        assert np.array_equal(getattr(found, name), getattr(matrix, name))
        assert getattr(found, name).dtype == getattr(matrix, name).dtype
    assert [row_of(found, place) for place in range(50)] == [row_of(matrix, place) for place in range(50)]
    assert found.values.flags.f_contiguous


@pytest.mark.django_db
def test_extreme_numbers_letters_and_no_row_at_all():
    row = (2**62, [-(2**63), 2**63 - 1], [NO_DAY, 2**31 - 1], [0, 6], NO_TENURE, ["", "cf_größe=a & b"])
    found = parse_copy(copied([row]), 2)
    assert row_of(found, 0) == row
    assert found.holds("cf_größe=a").tolist() == [False]
    assert len(parse_copy(found_nothing(), 2)) == 0


def found_nothing():
    with (
        connection.cursor() as cursor,
        cursor.copy("COPY (SELECT 1 WHERE false) TO STDOUT (FORMAT BINARY)") as copy,
    ):
        return b"".join(copy)


@pytest.mark.django_db
def test_rows_of_another_form_are_refused():
    rows = [(1, [1, 2], [3, 4], [0, 0], 5, ["", "tier=gold"]), (2, [1, 2], [3, 4], [0, 0], 5, [""])]
    data = copied(rows)
    for slots in (1, 3):
        with pytest.raises(PackedError):
            parse_copy(data, slots)
    with pytest.raises(PackedError, match="binary"):
        parse_copy(b"1\t2\n", 2)


@pytest.mark.django_db
@pytest.mark.parametrize("place", [1, 4])
def test_a_null_is_refused(place):
    row = [1, [1, 2], [3, 4], [0, 0], 5, ["", "tier=gold"]]
    row[place] = [1, None] if place == 1 else None
    with pytest.raises(PackedError):
        parse_copy(copied([row]), 2)
