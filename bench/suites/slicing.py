"""How the customers are cut into slices."""


def bounds(customers: int, size: int) -> list[tuple[int, int]]:
    """Ranges of ids of this size, both ends inclusive."""
    return [(start, min(start + size - 1, customers)) for start in range(1, customers + 1, size)]
