"""Sellers of one-off orders (section 18)."""

from collections import Counter
from collections.abc import Hashable, Iterable
from datetime import date

from metrics.formulas.result import Result, ratio


def repeat_purchase_rate(order_counts: Iterable[int]) -> Result:
    """Customers with 2 or more orders / customers with 1 or more; refunded orders are left out before. None: no_data."""
    counts = [count for count in order_counts if count > 0]
    return ratio(sum(1 for count in counts if count > 1), len(counts), if_zero="no_data")


def merged_orders(
    orders: Iterable[tuple[Hashable, date]], *, merge_same_day: bool = False
) -> dict[Hashable, int]:
    """Orders per customer from (customer, day); orders of one day count once when they are merged. Source: section 18."""
    kept = set(orders) if merge_same_day else list(orders)
    return dict(Counter(customer for customer, _ in kept))


def repeat_purchase_rate_of_counts(*, repeated: int, bought: int) -> Result:
    """The same quotient from counted customers: with 2 or more orders / with 1 or more. None: no_data."""
    return ratio(repeated, bought, if_zero="no_data")
