"""What a line version is worth in a month, worked out once when the fact is written (metrics rules N-1 to N-5)."""

from decimal import Decimal

from config.web.errors import DomainError
from customers.choices import Interval
from customers.models import LineVersion
from metrics.formulas.money import quantise
from metrics.formulas.mrr import Discount, Price, line_mrr


class PriceError(DomainError):
    """No monthly value can be worked out from this price."""

    code = "price"


TOO_MUCH = Decimal(10) ** 12


def set_mrr(version: LineVersion) -> LineVersion:
    """Fill `mrr` (less the discount) and `mrr_after_discount` (from `discount_until` on) from the price fields.

    `amount` is the price of one interval for the whole line; the quantity is information. A term spreads the
    amount over [from_on, to_on), which then needs an end.
    """
    if version.interval == Interval.TERM and version.to_on is None:
        raise PriceError(
            "A price for the whole term needs the day the term ends.",
            hint="Give an end, or another interval.",
            field="end_date",
        )
    price = Price(
        amount=version.amount,
        interval=version.interval,
        interval_count=version.interval_count,
        kind=version.kind,
        term_start=version.from_on,
        term_end=version.to_on,
    )
    discounts = [
        Discount(kind, value)
        for kind, value in (("percent", version.discount_percent), ("fixed", version.discount_amount))
        if value is not None
    ]
    if not Decimal(0) <= version.amount < TOO_MUCH:
        raise PriceError(
            "An amount lies between 0 and a million million.",
            hint="Credits and refunds are no subscription lines.",
            field="amount",
        )
    version.mrr_after_discount = line_mrr(price)
    version.mrr = line_mrr(price, discounts) if discounts else version.mrr_after_discount
    return version


def set_given_mrr(version: LineVersion, mrr: Decimal) -> LineVersion:
    """Take a monthly value as it is given, quantised: the line then costs it per month."""
    version.amount, version.interval, version.interval_count = quantise(mrr), Interval.MONTH, 1
    return set_mrr(version)
