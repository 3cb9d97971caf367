"""Monthly values of line versions where the definition gives another one than the fact carries (N-1 to N-3, H-1)."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

from django.db.models import QuerySet

from config.work.pg import copy_rows
from customers.choices import Interval, LineKind
from customers.models import LineVersion
from metrics.formulas.definition import DEFAULT, Definition
from metrics.formulas.money import quantise
from metrics.formulas.mrr import Discount, Policy, Price, exact, line_mrr, months_of_term
from metrics.models import LinePrice
from metrics.sql.engine import Frame
from metrics.sql.knowledge import ledger_versions

COLUMNS = ("version_id", "customer_id", "mrr", "mrr_after_discount")
Row = tuple[int, int, Decimal, Decimal]


def fill_prices(frame: Frame) -> int:
    """Replace the prices of these customers; none are kept where the facts' own values hold. Returns the rows written."""
    stored = LinePrice.objects.all()
    if frame.customer_ids is not None:
        stored = stored.filter(customer_id__in=frame.customer_ids)
    stored.delete()
    rows = {row[0]: row for row in _priced(frame)}
    return copy_rows(LinePrice._meta.db_table, COLUMNS, rows.values()) if rows else 0


def policy_of(definition: Definition) -> Policy:
    """The keys that decide the monthly value of a price."""
    return Policy(
        weekly_factor=definition.weekly_factor,
        daily_factor=definition.daily_factor,
        term_policy=definition.term_policy,
    )


def _priced(frame: Frame) -> Iterator[Row]:
    definition = frame.definition
    intervals = [
        *([Interval.WEEK] if definition.weekly_factor != DEFAULT.weekly_factor else []),
        *([Interval.DAY] if definition.daily_factor != DEFAULT.daily_factor else []),
        *([Interval.TERM] if definition.term_policy != DEFAULT.term_policy else []),
    ]
    versions = _versions(frame)
    policy = policy_of(definition)
    if intervals:
        for version in versions.filter(interval__in=intervals):
            yield version.pk, version.customer_id, *_values(version, policy)
    if definition.ramp_policy == "average":
        steps = versions.current() if frame.known_at is None else versions.known_at(frame.known_at)
        yield from _averaged(steps.exclude(interval=Interval.TERM), policy)


def _versions(frame: Frame) -> QuerySet[LineVersion]:
    rows = ledger_versions(frame).filter(kind=LineKind.RECURRING)
    return rows if frame.customer_ids is None else rows.filter(customer_id__in=frame.customer_ids)


def _values(version: LineVersion, policy: Policy) -> tuple[Decimal, Decimal]:
    price = Price(
        amount=version.amount,
        interval=version.interval,
        interval_count=version.interval_count,
        term_start=version.from_on,
        term_end=version.to_on,
    )
    discounts = [
        Discount(kind, value)
        for kind, value in (("percent", version.discount_percent), ("fixed", version.discount_amount))
        if value is not None
    ]
    return line_mrr(price, discounts, policy=policy), line_mrr(price, policy=policy)


def _averaged(versions: QuerySet[LineVersion], policy: Policy) -> Iterator[Row]:
    """Steps of a line that follow each other to a known end share their total evenly over all their months (N-3)."""
    lines: dict[int, list[LineVersion]] = defaultdict(list)
    for version in versions.order_by("subscription_id", "from_on"):
        lines[version.subscription_id].append(version)
    for steps in lines.values():
        if len(steps) > 1 and all(step.to_on == after.from_on for step, after in pairwise(steps)):
            yield from _evenly(steps, policy)


def _evenly(steps: Sequence[LineVersion], policy: Policy) -> Iterator[Row]:
    end = steps[-1].to_on
    if end is None:
        return
    months = [months_of_term(step.from_on, (step.to_on or end) - timedelta(days=1)) for step in steps]
    prices = [_values(step, policy) for step in steps]
    means = [
        quantise(
            exact(
                sum(
                    (Fraction(price[side]) * count for price, count in zip(prices, months, strict=True)),
                    Fraction(0),
                )
                / sum(months, Fraction(0))
            )
        )
        for side in (0, 1)
    ]
    for step in steps:
        yield step.pk, step.customer_id, means[0], means[1]
