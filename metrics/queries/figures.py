"""The figures of metric pages: one bridge and its rates per period, for the company or for a book."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from django.db.models import Count, Sum

from metrics.choices import MovementKind
from metrics.formulas.money import ZERO, exactly, total
from metrics.formulas.periods import Period
from metrics.formulas.result import Result, unknown
from metrics.models import Movement
from metrics.queries.spans import Span
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


def churn_by(name: str, span: Period, *, customers: Ids = None) -> list[ChurnKind]:
    """Churn of a span by `churn_kind` or `stated_reason`, largest first; kinds add up to all churn."""
    rows = Movement.objects.filter(kind=MovementKind.CHURN, day__gte=span.start, day__lt=span.end)
    found = within(rows, customers).order_by().values(name).annotate(times=Count("pk"), sum=Sum("amount"))
    kinds = [ChurnKind(row[name], row["times"], row["sum"].copy_abs()) for row in found]
    return sorted(kinds, key=lambda kind: (-kind.amount, kind.key))


def all_churn(kinds: Sequence[ChurnKind]) -> ChurnKind:
    """The sum of some kinds."""
    return ChurnKind("", sum(kind.times for kind in kinds), total(kind.amount for kind in kinds))
