"""Integer arithmetic of health scores: units, rounding, exact division into parts, and how a score is shown.

Points and raw values are integers of 10^-6, weights and impacts integers of 10^-4.
No float and no Decimal context takes part, so equal inputs give equal digits on every machine.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

MICRO = 1_000_000  # one point, or one unit of a raw value, in the units used here
WEIGHT_UNIT = 10_000  # a weight or impact of 1
FULL = 100 * MICRO  # the highest points of a measure
NEUTRAL = 50 * MICRO  # the points of "nothing known", unless the card says otherwise
DECIMALS = 6


def div(numerator: int, denominator: int) -> int:
    """Numerator / denominator, rounded half to even, for all signs.

    >>> div(5, 2), div(7, 2), div(-5, 2), div(-7, 2)
    (2, 4, -2, -4)
    """
    if denominator < 0:
        numerator, denominator = -numerator, -denominator
    quotient, rest = divmod(numerator, denominator)
    twice = 2 * rest
    if twice > denominator or (twice == denominator and quotient % 2):
        return quotient + 1
    return quotient


def apportion(total: int, shares: Sequence[int]) -> tuple[int, ...]:
    """Split a total over shares >= 0 so that the parts add up to it exactly (largest remainder).

    Part i is the floor of total x share / sum of shares, then one more to the largest remainders until the
    total is reached; equal remainders go to the earlier position. A zero share gets 0; no share at all, all 0.
    """
    whole = sum(shares)
    if whole == 0:
        return tuple(0 for _ in shares)
    parts = [total * share // whole for share in shares]
    rests = [total * share % whole for share in shares]
    missing = total - sum(parts)
    for index in sorted(range(len(parts)), key=lambda i: (-rests[i], i))[:missing]:
        parts[index] += 1
    return tuple(parts)


def rounded(value: int, decimals: int) -> int:
    """The value at so many decimals, half away from zero, still in units of 10^-6."""
    step = int(10 ** (DECIMALS - decimals))
    sign = -1 if value < 0 else 1
    return sign * ((abs(value) * 2 + step) // (2 * step)) * step


def plain(value: int, decimals: int = DECIMALS) -> str:
    """The value as plain decimal text with so many digits after the point.

    >>> plain(66_666_667, 2), plain(-500_000, 1)
    ('66.67', '-0.5')
    """
    value = rounded(value, decimals)
    sign = "-" if value < 0 else ""
    whole, rest = divmod(abs(value), MICRO)
    if decimals == 0:
        return f"{sign}{whole}"
    return f"{sign}{whole}.{rest:06d}"[: len(sign) + len(str(whole)) + 1 + decimals]


def shown(value: int, band_of: Callable[[int], str]) -> str:
    """A score for people: one decimal, half up, or the fewest decimals that stay in the band of the exact score.

    69.96 of the band up to 70 is shown as 69.96, because 70.0 would be a number of the band above.
    """
    band = band_of(value)
    for decimals in range(1, DECIMALS):
        if band_of(rounded(value, decimals)) == band:
            return plain(value, decimals)
    return plain(value)


def shown_parts(parts: Sequence[int], decimals: int = 1) -> tuple[int, ...]:
    """Parts rounded for people so that they still add up to their rounded sum (largest remainder, also below 0)."""
    step = int(10 ** (DECIMALS - decimals))
    total = rounded(sum(parts), decimals) // step
    floors = [part // step for part in parts]
    rests = [part % step for part in parts]
    for index in sorted(range(len(parts)), key=lambda i: (-rests[i], i))[: total - sum(floors)]:
        floors[index] += 1
    return tuple(floor * step for floor in floors)


def percent(part: int, whole: int) -> str:
    """A share as whole per cent, half up; 100 only when it is exactly 1, 0 only when it is exactly 0."""
    if whole == 0 or part == 0:
        return "0"
    if part == whole:
        return "100"
    return str(min(99, max(1, (200 * part + whole) // (2 * whole))))


def trend(samples: Sequence[tuple[int, int]], window: int = 30, least_days: int = 14) -> int | None:
    """Least-squares slope x window of (day number, score) samples, in points per window of days.

    None with fewer than `least_days` days between the first and the last sample.
    """
    if not samples or max(day for day, _ in samples) - min(day for day, _ in samples) < least_days:
        return None
    count = len(samples)
    days = sum(day for day, _ in samples)
    scores = sum(score for _, score in samples)
    spread = count * sum(day * day for day, _ in samples) - days * days
    slope = count * sum(day * score for day, score in samples) - days * scores
    return div(slope * window, spread)
