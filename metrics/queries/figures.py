"""The figures of metric pages: one bridge and its rates per period, for the company or for a book."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import date
from decimal import Decimal

from django.db.models import Count, Sum

from metrics.choices import MovementKind
from metrics.formulas import churn, growth, retention
from metrics.formulas.money import ZERO, exactly, total
from metrics.formulas.periods import Period, add_months, month_of
from metrics.formulas.result import Result, known, ratio, unknown
from metrics.models import CompanyMonth, Movement
from metrics.queries.spans import YEAR, Span, spans_for
from metrics.queries.usage_windows import Ids, within

MOVES = (*MovementKind.values, "fx")


@dataclass(frozen=True, slots=True)
class Figures(Span):
    """A span with its rates, each a value or the reason why not. `incomplete` while its last day is not over."""

    incomplete: bool = False
    results: Mapping[str, Result] = field(default_factory=dict)

    @property
    @exactly
    def moved(self) -> Decimal:
        """Closing less opening."""
        return self.closing - self.opening

    @property
    @exactly
    def gap(self) -> Decimal:
        """Opening + movements + fx less closing; 0, or the rollup is broken."""
        return self.opening + sum((getattr(self, kind) for kind in MOVES), ZERO) - self.closing

    @property
    @exactly
    def gained(self) -> Decimal:
        """New, reactivation and expansion."""
        return self.new + self.reactivation + self.expansion

    @property
    @exactly
    def lost(self) -> Decimal:
        """Contraction and churn as a positive amount."""
        return -self.contraction - self.churn

    @property
    def is_empty(self) -> bool:
        """Nobody paid and nothing moved."""
        return not (self.opening or self.closing or self.gained or self.lost)

    def result(self, key: str) -> Result:
        """A rate of this period, or why there is none."""
        return self.results.get(key) or unknown("no_data")


@dataclass(frozen=True)
class ChurnKind:
    """Churn of one kind, or with one stated reason: how often, and how much (positive)."""

    key: str
    times: int
    amount: Decimal


def figures_for(periods: Sequence[Period], *, as_of: date, customers: Ids = None) -> list[Figures]:
    """Figures of each period, oldest first; `customers` None is the whole company. Today's period still runs."""
    history = CompanyMonth.objects.order_by("month").values_list("month", flat=True).first()
    return [
        Figures(
            **{item.name: getattr(span, item.name) for item in fields(Span)},
            incomplete=span.period.last_day >= as_of,
            results=_rates(span, history),
        )
        for span in spans_for(periods, as_of=as_of, customers=customers)
    ]


def churn_by(name: str, span: Period, *, customers: Ids = None) -> list[ChurnKind]:
    """Churn of a span by `churn_kind` or `stated_reason`, largest first; kinds add up to all churn."""
    rows = Movement.objects.filter(kind=MovementKind.CHURN, day__gte=span.start, day__lt=span.end)
    found = within(rows, customers).order_by().values(name).annotate(times=Count("pk"), sum=Sum("amount"))
    kinds = [ChurnKind(row[name], row["times"], row["sum"].copy_abs()) for row in found]
    return sorted(kinds, key=lambda kind: (-kind.amount, kind.key))


def all_churn(kinds: Sequence[ChurnKind]) -> ChurnKind:
    """The sum of some kinds."""
    return ChurnKind("", sum(kind.times for kind in kinds), total(kind.amount for kind in kinds))


def _rates(span: Span, history: date | None) -> dict[str, Result]:
    """The rates shown for every period; those over 12 months need 12 months of history."""
    young = history is None or month_of(span.close_on) < add_months(history, YEAR)
    year = {
        "nrr_12m": retention.nrr_of_sums(opening=span.then_12m, closing_of_base=span.now_12m),
        "grr_12m": retention.grr_of_sums(opening=span.then_12m, kept_of_base=span.kept_12m),
        "logo_retention_12m": ratio(span.kept_logos_12m, span.logos_12m),
    }
    flows = {"opening": span.opening, "churn": span.base_churn, "contraction": span.base_contraction}
    return {
        **(dict.fromkeys(year, unknown("immature")) if young else year),
        "mrr": known(span.closing),
        "logo_churn_rate": churn.logo_churn_rate(opening=span.open_logos, lost=span.lost_logos),
        "gross_mrr_churn_rate": churn.gross_mrr_churn_rate(**flows),
        "net_mrr_churn_rate": churn.net_mrr_churn_rate(**flows, expansion=span.base_expansion),
        "arpa_close": growth.arpa_close(mrr=span.closing, paying=span.close_logos),
        "quick_ratio": growth.quick_ratio(
            new=span.new,
            expansion=span.expansion,
            reactivation=span.reactivation,
            contraction=span.contraction.copy_abs(),
            churn=span.churn.copy_abs(),
        ),
    }
