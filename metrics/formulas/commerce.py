"""Sellers of one-off orders (section 18)."""

from collections.abc import Iterable

from metrics.formulas.result import Result, ratio


def repeat_purchase_rate(order_counts: Iterable[int]) -> Result:
    """Customers with 2 or more orders / customers with 1 or more; refunded orders are left out before. None: no_data."""
    counts = [count for count in order_counts if count > 0]
    return ratio(sum(1 for count in counts if count > 1), len(counts), if_zero="no_data")
