"""A matrix from packed rows that are at hand already, and back to plain values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from metrics.formulas.health_measures import NO_DAY
from metrics.scoring.arrays import NO_TENURE, ReadingsMatrix


class PackedRow(NamedTuple):
    """One customer as readings are packed: elements by slot, 0 and `NO_DAY` where there is nothing."""

    customer_id: int
    values: Sequence[int]
    days: Sequence[int]
    reasons: Sequence[int]
    phase: str
    tenure_months: int | None
    labels: Sequence[str]


def matrix_of_rows(rows: Iterable[PackedRow]) -> ReadingsMatrix:
    """The matrix of rows of one width."""
    listed = list(rows)
    phases: dict[str, int] = {}
    labels: dict[frozenset[str], int] = {}
    return ReadingsMatrix(
        customer_ids=np.array([row.customer_id for row in listed], dtype=np.int64),
        values=np.asfortranarray(np.array([row.values for row in listed], dtype=np.int64)),
        days=np.asfortranarray(np.array([row.days for row in listed], dtype=np.int32)),
        reasons=np.asfortranarray(np.array([row.reasons for row in listed], dtype=np.int8)),
        phase_codes=np.array([phases.setdefault(row.phase, len(phases)) for row in listed], dtype=np.int32),
        tenure=np.array(
            [NO_TENURE if row.tenure_months is None else row.tenure_months for row in listed], dtype=np.int32
        ),
        label_codes=np.array(
            [labels.setdefault(frozenset(row.labels), len(labels)) for row in listed], dtype=np.int32
        ),
        phases=tuple(phases),
        label_sets=tuple(labels),
    )


Plain = tuple[int, int, str, int | None, list[int | None], list[int | None], list[int]]


def plain_columns(matrix: ReadingsMatrix, slots: Sequence[int]) -> Iterator[Plain]:
    """(customer, its set of labels, phase, tenure, values, days, reasons) of each customer; the lists hold these slots.

    A value counts only without a reason; what is missing is None.
    """
    picked = np.array(slots, dtype=np.intp)
    reasons, numbers = matrix.reasons[:, picked], matrix.days[:, picked]
    values, days = matrix.values[:, picked].astype(object), numbers.astype(object)
    values[reasons != 0] = None
    days[numbers == NO_DAY] = None
    tenure = matrix.tenure.astype(object)
    tenure[matrix.tenure == NO_TENURE] = None
    columns = (matrix.label_codes, matrix.phase_codes, tenure, values, days, reasons)
    listed = zip(matrix.customer_ids.tolist(), *(column.tolist() for column in columns), strict=True)
    for customer_id, labels, phase, *rest in listed:
        yield (customer_id, labels, matrix.phases[phase], *rest)
