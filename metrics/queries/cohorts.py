"""Cohort tables: customers by the month they first paid in, k months later."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from metrics.formulas import cohorts
from metrics.formulas.cohorts import CohortRow
from metrics.formulas.money import ZERO
from metrics.formulas.result import Result
from metrics.models import CohortMonth
from metrics.queries.spans import ids_of
from metrics.queries.usage_windows import Ids
from metrics.sql.cohorts import cells

LOGOS, MRR, KEPT = "logos", "mrr", "kept"


@dataclass(frozen=True, slots=True)
class CohortCell:
    """A cohort k months on; `initial` and `kept` are at the factors of the closing day."""

    cohort: date
    k: int
    close_on: date
    size: int
    paying: int
    initial: Decimal
    kept: Decimal
    mrr: Decimal

    def share(self, of: str) -> Result:
        """Paying / size, MRR / initial MRR, or min(initial, now) / initial MRR."""
        if of == LOGOS:
            return cohorts.logo_retention(paying=self.paying, size=self.size)
        if of == KEPT:
            return cohorts.kept_vs_k0(kept=self.kept, initial=self.initial)
        return cohorts.mrr_vs_k0(mrr=self.mrr, initial=self.initial)


@dataclass(frozen=True, slots=True)
class CohortTable:
    """Rows of cells by cohort, and the weighted last row over the cohorts old enough for each k (R-1)."""

    rows: Sequence[Sequence[CohortCell]]
    weighted: Sequence[Result]


def cohort_cells(*, customers: Ids = None) -> list[CohortCell]:
    """All cells reached, by cohort and k; months still running are left out (R-2)."""
    if customers is None:
        fields = [item for item in CohortCell.__dataclass_fields__ if item != "cohort"]
        rows = CohortMonth.objects.order_by("cohort", "k").values_list("cohort", *fields)
        return [CohortCell(*row) for row in rows]
    return [CohortCell(*row) for row in cells(ids_of(customers) or [])]


def cohort_table(*, of: str = LOGOS, customers: Ids = None, last: int | None = None) -> CohortTable:
    """The table of one cell kind (`logos`, `mrr`, `kept`); `last` keeps the newest cohorts only."""
    rows: dict[date, list[CohortCell]] = defaultdict(list)
    for cell in cohort_cells(customers=customers):
        rows[cell.cohort].append(cell)
    shown = [rows[cohort] for cohort in sorted(rows)][-(last or len(rows)) :]
    weighed = [_weighed(row, of) for row in shown]
    width = max((len(row) for row in shown), default=0)
    return CohortTable(shown, [cohorts.weighted_average(weighed, k) for k in range(width)])


def _weighed(row: Sequence[CohortCell], of: str) -> CohortRow:
    weight = Decimal(row[0].size) if of == LOGOS else row[0].initial
    return CohortRow(weight, [cell.share(of).value or ZERO for cell in row])
