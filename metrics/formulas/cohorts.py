"""Cohort tables (section 11, R-1 to R-3)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from metrics.formulas.money import CONTEXT, ZERO, exactly
from metrics.formulas.result import Number, Result, ratio, unknown


def logo_retention(*, paying: int, size: int) -> Result:
    """Paying at month k / all customers first paid in the cohort's month. Empty cohort: zero_denominator."""
    return ratio(paying, size)


def mrr_vs_k0(*, mrr: Number, initial: Number) -> Result:
    """MRR at month k / MRR at k = 0 of the same cohort (NRR style). Nothing at k = 0: zero_denominator."""
    return ratio(mrr, initial)


def kept_vs_k0(*, kept: Number, initial: Number) -> Result:
    """Sum of min(initial, now) / initial (GRR style)."""
    return ratio(kept, initial)


@dataclass(frozen=True, slots=True)
class CohortRow:
    """A cohort's weight (customers, or initial MRR) and its cells from k = 0 on; cells not yet reached are absent or None."""

    weight: Decimal
    cells: Sequence[Decimal | None]

    def cell(self, k: int) -> Decimal | None:
        """Column k, or None when the cohort is not old enough."""
        return self.cells[k] if k < len(self.cells) else None


@exactly
def weighted_average(rows: Iterable[CohortRow], k: int) -> Result:
    """Column k weighted over the cohorts old enough for k; none is: immature. Source: R-1, R-2."""
    old_enough = [(row.weight, cell) for row in rows if (cell := row.cell(k)) is not None]
    if not old_enough:
        return unknown("immature")
    total = sum((CONTEXT.multiply(weight, cell) for weight, cell in old_enough), ZERO)
    return ratio(total, sum((weight for weight, _ in old_enough), ZERO))


def weighted_row(rows: Sequence[CohortRow]) -> list[Result]:
    """The last row of a cohort table: every column that some cohort has reached. Source: R-1."""
    columns = max((len(row.cells) for row in rows), default=0)
    return [weighted_average(rows, k) for k in range(columns)]
