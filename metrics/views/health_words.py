"""Scores, readings, curves and reasons as people read them."""

from collections.abc import Callable
from decimal import Decimal

from config.web.money import NO_BREAK, number, percent, signed
from customers.choices import PULSE_WORDS
from metrics.formulas.health_curves import Curve, Percentile, Step, Target
from metrics.formulas.health_measures import MeasureVersion
from metrics.formulas.health_numbers import MICRO
from metrics.queries.explanation import Driver

REASON_WORDS = {
    "no_facts": "no data",
    "unset": "not set",
    "out_of_range": "outside the curve",
    "thin_peers": "too few peers",
    "expired": "expired",
    "feed_lost": "feed lost",
}
POLICY_WORDS = {
    "redistribute": "shared out",
    "neutral": "neutral points",
    "worst": "0 points",
    "block": "no score",
}
INSUFFICIENT_WORDS = {
    "coverage": "Too little of the weight has a reading.",
    "blocked": "A measure without which there is no score has no reading.",
    "no_data": "Nothing is known yet.",
}


_BY_UNIT: dict[str, Callable[[Decimal], str]] = {
    "share": percent,
    "percent": lambda value: f"{signed(value, 0)}{NO_BREAK}%",
    "days": lambda value: f"{number(value)} {'day' if value == 1 else 'days'}",
    "count": lambda value: f"{number(value)} open",
    "level": lambda value: f"{number(value)} of {max(PULSE_WORDS)}",
    "yes_no": lambda value: "yes" if value else "no",
    "points": lambda value: number(value, 0 if value == int(value) else 1),
}


def value_words(value: Decimal | None, measure: MeasureVersion) -> str:
    """A raw value with its unit: 54 %, +12 %, 9 days, 3 open, 4 of 5."""
    if value is None:
        return ""
    if measure.unit == "count" and measure.window_days:
        return number(value)  # counted over days, nothing that stands open
    return _BY_UNIT.get(measure.unit, _plain)(value)


def _plain(value: Decimal) -> str:
    return number(value, 0 if value == int(value) else 2)


def reading_words(driver: Driver) -> str:
    """The reading of a driver, or why there is none."""
    if driver.value is not None and driver.reason != "expired":
        return value_words(driver.value, driver.measure)
    return REASON_WORDS.get(driver.reason, driver.reason)


def curve_words(curve: Curve, measure: MeasureVersion) -> str:
    """A curve in one sentence."""
    if isinstance(curve, Percentile):
        return "rank among peers" + (", low is good" if curve.low_is_good else "")
    if isinstance(curve, Target):
        low, high = (value_words(Decimal(at) / MICRO, measure) for at in (curve.b, curve.c))
        return f"100 from {low} to {high}, falling on both sides"
    pairs = curve.edges if isinstance(curve, Step) else curve.knots
    joined = ", ".join(
        f"{value_words(Decimal(at) / MICRO, measure)} → {number(Decimal(points) / MICRO)}"
        for at, points in pairs
    )
    return f"steps: {joined}" if isinstance(curve, Step) else joined


def curve_shape(curve: Curve, samples: int = 9) -> list[Decimal]:
    """Points at equal distances along a curve, for a small drawing."""
    if isinstance(curve, Percentile):
        return [Decimal(0), Decimal(100)] if not curve.low_is_good else [Decimal(100), Decimal(0)]
    if isinstance(curve, Target):
        low, high = curve.a, curve.d
    else:
        pairs = curve.edges if isinstance(curve, Step) else curve.knots
        low, high = pairs[0][0], pairs[-1][0]
    found = [curve.points(low + (high - low) * n // (samples - 1)) for n in range(samples)]
    return [Decimal(points) / MICRO for points in found if isinstance(points, int)]
