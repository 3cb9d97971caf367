"""A matrix from packed rows that are at hand already."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

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
