"""Committed MRR (N-12): it drops when a notice is recorded, returns when it is withdrawn, and shows its lines."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from config.work.pg import recorded_at
from customers.services import subscriptions
from metrics.formulas.definition import DEFAULT
from metrics.queries.committed import committed_at
from metrics.services.what_if import what_if
from tests.factories.customers import make_customer
from tests.factories.ledgers import make_rate

pytestmark = pytest.mark.django_db

JANUARY = datetime(2024, 1, 1, tzinfo=UTC)
DAY = date(2024, 1, 31)


def start(customer, from_on, amount, *, recorded=JANUARY, **fields):
    with recorded_at(recorded):
        return subscriptions.start_line(
            customer=customer,
            from_on=from_on,
            by=None,
            now=JANUARY,
            amount=Decimal(amount),
            **({"currency": "EUR"} | fields),
        )


def committed(day=DAY, *, known_at=None, as_of=None):
    with what_if(definition=DEFAULT, as_of=as_of or day, now=JANUARY):
        return committed_at(day, known_at=known_at)


def test_n_12_notice_takes_it_away_at_once_and_withdrawal_brings_it_back():
    customer = make_customer(name="Larch")
    line = start(customer, date(2024, 1, 1), 100, product="a")
    start(customer, date(2024, 1, 1), 30, product="b")
    notice = JANUARY + timedelta(days=10)
    with recorded_at(notice):
        subscriptions.cancel_line(
            line=line,
            cancelled_on=date(2024, 1, 11),
            ends_on=date(2024, 3, 1),
            reason="price",
            by=None,
            now=notice,
        )
    withdrawn = JANUARY + timedelta(days=20)
    with recorded_at(withdrawn):
        subscriptions.start_line(
            customer=customer, from_on=date(2024, 3, 1), by=None, now=withdrawn, product="a",
            amount=Decimal(100), currency="EUR",
        )  # fmt: skip
    before, after = (
        committed(known_at=notice - timedelta(hours=1)),
        committed(known_at=notice + timedelta(hours=1)),
    )
    assert (before.mrr, before.kept, before.committed) == (130, 130, 130)
    assert (after.mrr, after.kept, after.committed) == (130, 30, 30)
    assert [line.ends for line in after.lines] == [True, False]
    assert committed().committed == 130


def test_n_12_signed_starts_and_changes_count_before_they_run():
    customer = make_customer(name="Larch")
    line = start(customer, date(2024, 1, 1), 100, product="a")
    start(customer, date(2024, 2, 15), 50, product="b")
    with recorded_at(JANUARY):
        subscriptions.change_line(
            line=line, from_on=date(2024, 2, 1), by=None, now=JANUARY, amount=Decimal(120)
        )
    found = committed()
    assert (found.mrr, found.kept, found.committed) == (100, 100, 170)


def test_a_term_that_renews_by_itself_has_no_known_end():
    customer = make_customer(name="Larch")
    start(customer, date(2024, 1, 1), 10, product="a", to_on=date(2025, 1, 1), auto_renew=True)
    start(customer, date(2024, 1, 1), 20, product="b", to_on=date(2025, 1, 1))
    assert (committed().mrr, committed().committed) == (30, 10)


def test_lines_are_valued_at_the_rate_of_the_day_and_left_out_without_one():
    customer = make_customer(name="Larch")
    make_rate("USD", date(2024, 1, 1), "1.25")
    start(customer, date(2024, 1, 1), 500, product="a", currency="USD")
    start(customer, date(2024, 1, 1), 500, product="b", currency="SEK")
    assert (committed().mrr, committed().committed) == (400, 400)


def test_i_14_without_anything_scheduled_it_is_mrr():
    customer = make_customer(name="Larch")
    start(customer, date(2024, 1, 1), 10, product="a")
    start(customer, date(2024, 1, 5), 0, product="b")
    found = committed()
    assert found.mrr == found.kept == found.committed == 10
    assert committed(date(2023, 12, 31), as_of=DAY).mrr == 0
