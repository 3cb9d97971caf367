"""Currency factors from quotes: reporting units per native unit on a day, 16 digits (X-1 to X-5)."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

from metrics.formulas.recount.numbers import half_away

FACTOR_DIGITS = 16
Series = list[tuple[date, Fraction]]  # (day, factor) by day: each holds until the next


@dataclass(frozen=True, slots=True)
class Quote:
    """Units of `currency` for one unit of `base` on a day; no base is the reporting currency."""

    currency: str
    base: str
    day: date
    rate: Decimal


class Rates:
    """All factors up to a day. `yearly_from` is the month a fiscal year begins in, where each year keeps one factor."""

    def __init__(
        self, quotes: Iterable[Quote], *, reporting: str, as_of: date, yearly_from: int | None = None
    ) -> None:
        self.reporting = reporting
        self.yearly_from = yearly_from
        self._by_base: dict[str, dict[str, dict[date, Decimal]]] = defaultdict(lambda: defaultdict(dict))
        for quote in quotes:
            if quote.day <= as_of:
                self._by_base[quote.base][quote.currency][quote.day] = quote.rate
        self._series: dict[str, Series] = {}
        self._known: dict[tuple[str, date], Fraction | None] = {}

    def factor(self, currency: str, day: date) -> Fraction | None:
        """Reporting units per unit of the currency; None before its first rate."""
        if currency == self.reporting:
            return Fraction(1)
        key = currency, day
        if key not in self._known:
            self._known[key] = self._find(currency, day)
        return self._known[key]

    def first_day(self, currency: str) -> date | None:
        """The first day with a rate; None when there never was one."""
        if currency == self.reporting:
            return date.min
        series = self._of(currency)
        return series[0][0] if series else None

    def _find(self, currency: str, day: date) -> Fraction | None:
        reached = [item for item in self._of(currency) if item[0] <= day]
        if self.yearly_from is None or not reached:
            return reached[-1][1] if reached else None
        year = day.year - (day.month < self.yearly_from)
        begins = date(year, self.yearly_from, 1)
        before = [value for since, value in reached if since <= begins]
        inside = [value for since, value in reached if since > begins]
        return before[-1] if before else inside[0]

    def _of(self, currency: str) -> Series:
        if currency not in self._series:
            self._series[currency] = self._direct(currency) or self._through_a_base(currency)
        return self._series[currency]

    def _direct(self, currency: str) -> Series:
        """Quotes per one unit of the reporting currency."""
        found = dict(self._by_base.get("", {}).get(currency, {}))
        found |= self._by_base.get(self.reporting, {}).get(currency, {})
        return [(day, half_away(1 / Fraction(found[day]), FACTOR_DIGITS)) for day in sorted(found)]

    def _through_a_base(self, currency: str) -> Series:
        """Both currencies against a third (or the native one as the base itself)."""
        for base in sorted(name for name in self._by_base if name):
            legs = [self._leg(base, name) for name in (currency, self.reporting)]
            if all(legs):
                return self._cross(legs[0], legs[1])
        return []

    def _leg(self, base: str, currency: str) -> dict[date, Decimal]:
        return {date.min: Decimal(1)} if currency == base else dict(self._by_base[base].get(currency, {}))

    @staticmethod
    def _cross(native: dict[date, Decimal], reporting: dict[date, Decimal]) -> Series:
        days = sorted({*native, *reporting})
        series = []
        for day in days:
            below = [max((d for d in leg if d <= day), default=None) for leg in (native, reporting)]
            if below[0] is not None and below[1] is not None:
                value = Fraction(reporting[below[1]]) / Fraction(native[below[0]])
                series.append((day, half_away(value, FACTOR_DIGITS)))
        return series
