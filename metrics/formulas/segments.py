"""Segment views: transfers between plans and size bands (S-5, S-6)."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction

from metrics.formulas.money import ZERO, exactly, quantise
from metrics.formulas.mrr import exact


@exactly
def plan_transfers(changes: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """Signed transfer per plan on one day: T = min(ups, downs) shared by size on both sides. Source: S-5.

    The remainder of the rounding goes to the largest change; transfers sum to zero. What is left of a plan's
    change (change - transfer) carries the customer's own movement.
    """
    ups = {plan: change for plan, change in changes.items() if change > 0}
    downs = {plan: -change for plan, change in changes.items() if change < 0}
    moved = min(sum(ups.values(), ZERO), sum(downs.values(), ZERO))
    shares = dict.fromkeys(changes, ZERO)
    shares.update(_shared(ups, moved))
    shares.update({plan: -part for plan, part in _shared(downs, moved).items()})
    return shares


def _shared(sizes: Mapping[str, Decimal], total: Decimal) -> dict[str, Decimal]:
    if not sizes or total == 0:
        return {}
    whole = sum(sizes.values(), ZERO)
    parts = {
        plan: quantise(exact(Fraction(total) * Fraction(size) / Fraction(whole)))
        for plan, size in sizes.items()
    }
    largest = max(sizes, key=lambda plan: (sizes[plan], plan))
    parts[largest] += total - sum(parts.values(), ZERO)
    return parts


def size_band(mrr: Decimal, edges: Sequence[Decimal]) -> int:
    """Index of the band of an opening MRR; a value on an edge belongs to the upper band. Source: S-6."""
    return sum(1 for edge in edges if mrr >= edge)
