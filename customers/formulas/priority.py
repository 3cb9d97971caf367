"""Which piece of work comes first on Today."""

from dataclasses import dataclass
from decimal import Decimal

DUE_SPAN_DAYS = 14  # from a week late (1) to a week ahead (0)
DUE_AHEAD_DAYS = 7
RENEWAL_SPAN_DAYS = 120
NO_SCORE = Decimal("0.5")  # a customer nobody can judge is neither safe nor lost
FULL = Decimal(100)


@dataclass(frozen=True)
class Weights:
    """Shares of the four parts; they add up to 1."""

    due: Decimal = Decimal("0.35")
    renewal: Decimal = Decimal("0.25")
    health: Decimal = Decimal("0.25")
    money: Decimal = Decimal("0.15")


@dataclass(frozen=True)
class Priority:
    """Points out of 100, and the four parts that add up to them."""

    due: Decimal
    renewal: Decimal
    health: Decimal
    money: Decimal

    @property
    def points(self) -> Decimal:
        return self.due + self.renewal + self.health + self.money


STANDARD = Weights()


def priority(
    *,
    days_to_due: int | None,
    days_to_renewal: int | None,
    score: Decimal | None,
    mrr_percentile: Decimal,
    weights: Weights = STANDARD,
) -> Priority:
    """100 x (0.35 due + 0.25 renewal + 0.25 health + 0.15 money), each part clamped to 0 to 1.

    due = (7 - days to due) / 14, renewal = (120 - days to renewal) / 120, health = (100 - score) / 100, money = the
    percentile of the MRR in the reader's book (0 to 1). No date gives 0, no score gives 0.5. Days are negative for
    the past.
    """
    due = _ratio(DUE_AHEAD_DAYS, days_to_due, DUE_SPAN_DAYS)
    renewal = _ratio(RENEWAL_SPAN_DAYS, days_to_renewal, RENEWAL_SPAN_DAYS)
    health = NO_SCORE if score is None else _clamped((FULL - score) / FULL)
    return Priority(
        due=FULL * weights.due * due,
        renewal=FULL * weights.renewal * renewal,
        health=FULL * weights.health * health,
        money=FULL * weights.money * _clamped(mrr_percentile),
    )


def percentile(values: list[Decimal], value: Decimal) -> Decimal:
    """Share of the values that are at most `value`; 0 for an empty list."""
    if not values:
        return Decimal(0)
    return Decimal(sum(1 for other in values if other <= value)) / len(values)


def _ratio(top: int, days: int | None, span: int) -> Decimal:
    return Decimal(0) if days is None else _clamped(Decimal(top - days) / span)


def _clamped(value: Decimal) -> Decimal:
    return min(max(value, Decimal(0)), Decimal(1))
