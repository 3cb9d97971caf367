"""Cohort tables: customers by the month they first paid in, k months later."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db.models import Count, F, Sum
from django.db.models.functions import Least

from metrics.formulas import cohorts
from metrics.formulas.cohorts import CohortRow
from metrics.formulas.money import ZERO, convert, total
from metrics.formulas.periods import month_number, month_period, months_between
from metrics.formulas.result import Result
from metrics.models import CohortMonth, CurrencyFactor, CustomerMonth, CustomerStart
from metrics.queries.freshness import last_fill
from metrics.queries.usage_windows import Ids, within

LOGOS, MRR, KEPT = "logos", "mrr", "kept"
Cell = tuple[int, int]  # cohort and month as month numbers


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
    return _cells_of(customers)


def cohort_table(*, of: str = LOGOS, customers: Ids = None, last: int | None = None) -> CohortTable:
    """The table of one cell kind (`logos`, `mrr`, `kept`); `last` keeps the newest cohorts only."""
    rows: dict[date, list[CohortCell]] = defaultdict(list)
    for cell in cohort_cells(customers=customers):
        rows[cell.cohort].append(cell)
    shown = [rows[cohort] for cohort in sorted(rows)][-(last or len(rows)) :]
    weighed = [_weighed(cells, of) for cells in shown]
    width = max((len(cells) for cells in shown), default=0)
    return CohortTable(shown, [cohorts.weighted_average(weighed, k) for k in range(width)])


def _weighed(cells: Sequence[CohortCell], of: str) -> CohortRow:
    weight = Decimal(cells[0].size) if of == LOGOS else cells[0].initial
    return CohortRow(weight, [cell.share(of).value or ZERO for cell in cells])


def _cells_of(customers: Ids) -> list[CohortCell]:
    """The same cells for some customers, from their starts and months."""
    fill = last_fill()
    starts = list(
        within(CustomerStart.objects.order_by(), customers).values_list(
            "cohort", "currency", "initial", "customer_id"
        )
    )
    if fill is None or not starts:
        return []
    months = [
        period
        for period in map(month_period, months_between(min(row[0] for row in starts), fill.as_of))
        if period.last_day <= fill.as_of
    ]
    factors = _factors([period.last_day for period in months])
    held = _held(customers)
    sizes: dict[date, set[int]] = defaultdict(set)
    natives: dict[date, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for cohort, currency, initial, pk in starts:
        sizes[cohort].add(pk)
        natives[cohort][currency] += initial
    cells = []
    for cohort in sorted(sizes):
        for period in (period for period in months if period.start >= cohort):
            paying, kept, mrr = held.get((month_number(cohort), month_number(period.start)), (0, ZERO, ZERO))
            initial = total(
                convert(native, factors[period.last_day, currency])
                for currency, native in natives[cohort].items()
                if (period.last_day, currency) in factors
            )
            k = month_number(period.start) - month_number(cohort)
            cells.append(
                CohortCell(cohort, k, period.last_day, len(sizes[cohort]), paying, initial, kept, mrr)
            )
    return cells


def _factors(days: Iterable[date]) -> dict[tuple[date, str], Decimal]:
    rows = CurrencyFactor.objects.filter(day__in=list(days)).values_list("day", "currency", "factor")
    return {(day, currency): factor for day, currency, factor in rows}


def _held(customers: Ids) -> dict[Cell, tuple[int, Decimal, Decimal]]:
    rows = (
        within(CustomerMonth.objects.filter(closing__gt=0), customers)
        .order_by()
        .values_list("cohort", "month")
        .annotate(n=Count("pk"), kept_sum=Sum(Least(F("initial_at_close"), F("closing"))), mrr=Sum("closing"))
    )
    return {
        (month_number(cohort), month_number(month)): (paying, kept, mrr)
        for cohort, month, paying, kept, mrr in rows
    }
