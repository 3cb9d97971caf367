"""Random companies changed in ways that must not matter, or matter in one way only."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customers.models import LineVersion
from metrics.formulas.money import CONTEXT
from metrics.rollups import checksum
from tests.factories.filled_ledgers import companies, company_parts, differences, fill, moves
from tests.factories.ledgers import make_version
from tests.factories.random_ledgers import (
    FIRST,
    Line,
    Rate,
    defined,
    definitions,
    ledgers,
    undone,
    write,
)

pytestmark = pytest.mark.django_db
# rates whose quotients have few digits, so that a doubled factor is exactly twice the other
EXACT = st.sampled_from([Decimal(text) for text in ("0.5", "0.8", "1", "1.25", "1.6", "2")])
MONEY = ("amount", "mrr_before", "mrr_after", "native_amount")


def seen(ledger, *columns, order=None, definition=None):
    with undone():
        ids = write(ledger, order=order)
        fill(**({} if definition is None else {"definition": definition}))
        return moves(ids, *columns), company_parts("closing", "fx", "kept", "then_12m", "lost_logos")


def split(ledger):
    """The first line of each customer as two lines that sum to it."""

    def halves(lines):
        first, *others = lines
        small = [replace(version, amount=version.amount / 4) for version in first.versions]
        large = [replace(version, amount=version.amount * 3 / 4) for version in first.versions]
        return (Line("quarter", tuple(small)), Line("rest", tuple(large)), *others)

    return replace(ledger, customers=tuple(halves(lines) for lines in ledger.customers))


def swapped(ledger):
    """Every version under another plan, and the product under another name each time it goes on."""

    def named(version):
        return replace(version, fields={**version.fields, "plan": f"plan of {version.from_on}"})

    return ledger.mapped(named)


def with_steps_as_lines(ledger):
    """Each version on a line of its own: a swap on the day of change."""
    customers = tuple(
        tuple(
            Line(f"{line.product} {number}", (version,))
            for line in lines
            for number, version in enumerate(line.versions)
        )
        for lines in ledger.customers
    )
    return replace(ledger, customers=customers)


@companies(9)
@given(ledger=ledgers(customers=5, plain=True), seed=st.integers(0, 99))
def test_m_9_and_i_8_splits_swaps_and_order_change_no_movement(ledger, seed):
    plain = ledger.mapped(lambda version: replace(version, amount=version.amount.quantize(Decimal("0.01"))))
    before = seen(plain, *MONEY, "churn_kind")
    assert seen(swapped(plain), *MONEY, "churn_kind") == before
    assert seen(with_steps_as_lines(plain), *MONEY, "churn_kind") == before
    assert seen(split(plain), *MONEY, "churn_kind") == before
    assert seen(plain, *MONEY, "churn_kind", order=Random(seed).shuffle) == before


@companies(12)
@given(ledger=ledgers(customers=5, plain=True), factor=st.sampled_from([2, 3, 7]))
def test_i_5_all_amounts_times_k(ledger, factor):
    one, parts = seen(ledger, *MONEY)
    many, larger = seen(
        ledger.mapped(lambda version: replace(version, amount=version.amount * factor)), *MONEY
    )
    assert [row[:4] for row in many] == [row[:4] for row in one]
    for row, times in zip(one, many, strict=True):
        assert [
            value if value is None else CONTEXT.multiply(value, Decimal(factor)) for value in row[4:]
        ] == list(times[4:])
    for month, (*money, logos) in parts.items():
        assert [CONTEXT.multiply(value, Decimal(factor)) for value in money] == list(larger[month][:-1])
        assert larger[month][-1] == logos


@companies(9)
@given(ledger=ledgers(customers=5), first=EXACT, second=EXACT, other=EXACT)
def test_x_6_rates_never_make_remove_or_relabel_a_movement(ledger, first, second, other):
    def under(*rates):
        table = tuple(
            Rate(currency, FIRST + timedelta(days=day), rate)
            for currency in ("USD", "CHF")
            for day, rate in zip((-5, 130), rates, strict=True)
        )
        found = seen(replace(ledger, rates=table), "churn_kind", "native_amount")[0]
        return [
            row for row in found if row[-1] is not None
        ]  # a net of two currencies takes the sign of its value

    assert under(first, second) == under(other, first) == under(second, second)


@companies(10)
@given(ledger=ledgers(customers=5, currencies=("EUR", "USD", "CHF"), plain=True), first=EXACT, second=EXACT)
def test_i_6_twice_the_rate_is_twice_the_money_of_that_currency_alone(ledger, first, second):
    def valued(share):
        table = (
            Rate("USD", FIRST - timedelta(days=5), first / share),
            Rate("USD", FIRST + timedelta(days=200), second / share),
            Rate("CHF", FIRST - timedelta(days=5), Decimal(2)),
            Rate("CHF", FIRST + timedelta(days=100), Decimal("1.6")),
        )
        return seen(replace(ledger, rates=table), "currency", "amount")[0]

    single = [
        len({version.currency for line in lines for version in line.versions}) == 1
        for lines in ledger.customers
    ]
    one, two = ([row for row in valued(share) if single[row[0]]] for share in (1, 2))
    for row, twice in zip(one, two, strict=True):
        assert row[:5] == twice[:5]
        assert twice[5] == (CONTEXT.multiply(row[5], Decimal(2)) if row[4] == "USD" else row[5])


@companies(8)
@given(ledger=ledgers(customers=4, currencies=("EUR",)), spec=definitions())
def test_one_currency_has_no_fx(ledger, spec):
    _, parts = seen(ledger, definition=defined(*spec))
    assert {row[1] for row in parts.values()} <= {0}


@companies(10)
@given(ledger=ledgers(customers=5), spec=definitions(), seed=st.integers(0, 99))
def test_i_12_customer_by_customer_is_the_same_as_all_at_once(ledger, spec, seed):
    definition = defined(*spec)
    with undone():
        ids = write(ledger)
        for pk in Random(seed).sample(ids, len(ids)):
            fill([pk], definition=definition)
        make_version(
            LineVersion.objects.filter(customer_id=ids[0]).first().customer,
            FIRST + timedelta(days=seed),
            None,
            "77",
            product="late",
        )
        fill([ids[0]], definition=definition)
        fill([ids[-1]], definition=definition)
        incremental = checksum.of_tables()
        assert differences(definition) == []
        fill(definition=definition)
        assert checksum.of_tables() == incremental
