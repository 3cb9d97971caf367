"""Exchange rates as a page lists them: which currencies are used, how old their rates are, and which have none."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db.models import Count

from customers.models import CostEntry, FxRate, LineVersion, Order
from customers.models.facts import FactQuerySet
from metrics.models import LineSegment

OLD_DAYS = 7  # a newest rate older than this is flagged
Newest = Mapping[tuple[str, str], tuple[date, Decimal]]  # (currency, base) -> day and rate


@dataclass(frozen=True, slots=True)
class UsedCurrency:
    """A currency that facts are in, or that has rates: customers with lines in it, and the newest rate.

    `rate` is units of `currency` for one unit of `base`; `age_days` speaks of the older leg where the rate goes through
    a base. `left_out` are customers whose lines do not count on some days, because no rate is known by then.
    """

    currency: str
    customers: int
    day: date | None
    rate: Decimal | None
    base: str
    age_days: int | None
    left_out: int
    is_used: bool

    @property
    def shown(self) -> str:
        """The rate with the digits it was given with."""
        return "" if self.rate is None else plain_digits(self.rate)

    @property
    def is_old(self) -> bool:
        """Whether the newest rate is older than a week."""
        return self.age_days is not None and self.age_days > OLD_DAYS


def plain_digits(rate: Decimal) -> str:
    """All digits without zeros at the end, never with an exponent."""
    return format(rate.normalize(), "f")


def used_currencies(*, reporting: str, today: date) -> list[UsedCurrency]:
    """Currencies of lines, costs and orders other than the reporting one, by customers; then those with rates only."""
    payers = Counter(
        dict(
            LineVersion.objects.current()
            .order_by()
            .values_list("currency")
            .annotate(n=Count("customer_id", distinct=True))
        )
    )
    used = set(payers)
    for model in (CostEntry, Order):
        used |= set(model.objects.current().order_by().values_list("currency", flat=True).distinct())
    missing = dict(
        LineSegment.objects.filter(state="missing_rate")
        .order_by()
        .values_list("currency")
        .annotate(n=Count("customer_id", distinct=True))
    )
    newest = _newest(today)
    listed = (used | {currency for currency, _ in newest}) - {reporting}
    rows = [
        _line(
            currency,
            newest,
            reporting=reporting,
            today=today,
            customers=payers[currency],
            left_out=missing.get(currency, 0),
            is_used=currency in used,
        )
        for currency in listed
    ]
    return sorted(rows, key=lambda row: (not row.is_used, -row.customers, row.currency))


def rates_of(currency: str) -> FactQuerySet:
    """Rates of a currency as known now, against any base."""
    return FxRate.objects.current().filter(currency=currency)


def bases() -> list[str]:
    """Bases that rates are given for."""
    return sorted(set(FxRate.objects.current().order_by().values_list("base", flat=True).distinct()))


def _newest(today: date) -> dict[tuple[str, str], tuple[date, Decimal]]:
    rows = (
        FxRate.objects.current()
        .filter(day__lte=today)
        .order_by("currency", "base", "-day")
        .distinct("currency", "base")
        .values_list("currency", "base", "day", "rate")
    )
    return {(currency, base): (day, rate) for currency, base, day, rate in rows}


def _line(
    currency: str,
    newest: Newest,
    *,
    reporting: str,
    today: date,
    customers: int,
    left_out: int,
    is_used: bool,
) -> UsedCurrency:
    found = _quote(currency, newest, reporting, today)
    day, rate, base = found or (None, None, "")
    age = None if day is None else (today - day).days
    return UsedCurrency(currency, customers, day, rate, base, age, left_out, is_used)


def _quote(currency: str, newest: Newest, reporting: str, today: date) -> tuple[date, Decimal, str] | None:
    """(day, rate, base): given per reporting unit, or through the first base that has both legs (X-1)."""
    direct = [newest[currency, base] for base in ("", reporting) if (currency, base) in newest]
    if direct:
        day, rate = max(direct)
        return day, rate, reporting
    one = (today, Decimal(1))
    for base in sorted({base for _, base in newest} - {"", reporting}):
        native = one if currency == base else newest.get((currency, base))
        other = newest.get((reporting, base))
        if native and other:
            return min(native[0], other[0]), native[1], base
    return None
