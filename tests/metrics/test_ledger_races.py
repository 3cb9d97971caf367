"""Fills, refreshes and what-if numbers at the same time, and ledgers at their odd edges."""

from datetime import date, timedelta
from random import Random
from threading import Thread

import pytest
from django.db import connections, transaction

from metrics.formulas.definition import DEFAULT, with_preset, with_values
from metrics.formulas.money import total
from metrics.formulas.periods import month_period, months_between, period_of
from metrics.models import DirtyMonth
from metrics.queries.segments import segment_spans
from metrics.queries.spans import read_spans, spans_for
from metrics.rollups import checksum, company_months
from metrics.services import recompute, refresh
from metrics.services.what_if import what_if
from tests.factories.ledgers import FIRST, make_random_ledger, make_version, mark
from tests.metrics.test_segments import tier

AS_OF = date(2025, 6, 15)
PARTS = (
    "opening", "closing", "new", "churn", "expansion", "contraction", "reactivation", "fx", "new_n", "churn_n",
    "base_churn", "base_expansion", "lost_logos", "then_12m",
)  # fmt: skip
READ = (
    "opening", "closing", "fx", "then_12m", "kept_12m", "now_12m", "logos_12m", "kept_logos_12m", "base_churn",
    "ever_paid",
)  # fmt: skip


def meanwhile(*jobs):
    """Run these in sessions of their own, all at once, to their end."""

    def alone(job):
        job()
        connections.close_all()

    threads = [Thread(target=alone, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.django_db(transaction=True)
def test_a_refresh_that_commits_inside_a_fill_is_neither_lost_nor_counted_twice(now, monkeypatch):
    customers = make_random_ledger(3)
    recompute.recompute_all(as_of=AS_OF, now=now)
    for customer in customers:
        make_version(customer, date(2024, 3, 1), None, "77", product="late")
        mark(customer)
    refresh.refresh_stale(as_of=AS_OF, now=now, limit=2)
    fold = company_months.fold

    def some_more():
        refresh.refresh_stale(as_of=AS_OF, now=now, limit=2)

    def fold_in_between():
        meanwhile(some_more)
        fold()
        meanwhile(some_more)

    monkeypatch.setattr(company_months, "fold", fold_in_between)
    refresh.fill_company(as_of=AS_OF, now=now)
    monkeypatch.setattr(company_months, "fold", fold)
    assert DirtyMonth.objects.exists()
    refresh.refresh_all_stale(as_of=AS_OF, now=now)
    refresh.fill_company(as_of=AS_OF, now=now)
    before = checksum.of_tables()
    recompute.recompute_all(as_of=AS_OF, now=now)
    assert checksum.of_tables() == before


@pytest.mark.django_db(transaction=True)
def test_what_if_numbers_of_several_sessions_do_not_meet(now):
    make_random_ledger(4)
    recompute.recompute_all(as_of=AS_OF, now=now)
    before = checksum.of_tables()
    found = {}

    def under(name):
        def run():
            with (
                transaction.atomic(),
                what_if(definition=with_preset(DEFAULT, name), as_of=AS_OF, now=now),
            ):
                found[name] = checksum.of_tables()

        return run

    with what_if(definition=with_preset(DEFAULT, "stripe"), as_of=AS_OF, now=now):
        mine = checksum.of_tables()
        meanwhile(under("stripe"), under("chartmogul"))
        assert checksum.of_tables() == mine
    assert found["stripe"] == mine != found["chartmogul"]
    assert checksum.of_tables() == before


@pytest.mark.django_db
@pytest.mark.parametrize("seed", range(2))
def test_customers_may_switch_between_one_and_several_currencies(now, seed):
    random = Random(seed)
    customers = make_random_ledger(seed + 40, currencies=("EUR",))
    recompute.recompute_all(as_of=AS_OF, now=now)
    for step in range(4):
        customer = random.choice(customers)
        start = FIRST + timedelta(days=random.randint(0, 500))
        line = make_version(
            customer,
            start,
            start + timedelta(days=random.randint(1, 300)),
            "50",
            product=f"x{step}",
            currency=random.choice(["USD", "EUR"]),
        )
        refill(customer, now)
        if step % 2:
            void = make_version(customer, date(2031, 1, 1), date(2031, 1, 2), product=f"v{step}")
            type(line).objects.filter(pk=line.pk).update(superseded_by=void)
            refill(customer, now)
    before = checksum.of_tables()
    recompute.recompute_all(as_of=AS_OF, now=now)
    assert checksum.of_tables() == before


def refill(customer, now):
    mark(customer)
    refresh.refresh_stale(as_of=AS_OF, now=now)
    refresh.fill_company(as_of=AS_OF, now=now)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "config", [{"same_period_new_churn": "suppress"}, {"movement_grain": "month"}], ids=str
)
def test_g_14_parts_sum_to_the_whole_under_every_reading(now, config):
    random = Random(1)
    for customer in make_random_ledger(1):
        for day in sorted(random.sample(range(0, 700, 17), 3)):
            tier(customer, random.choice("abc"), FIRST + timedelta(days=day), now)
    recompute.recompute_all(as_of=AS_OF, now=now)
    definition = with_values(DEFAULT, config)
    months = [month_period(month) for month in months_between(FIRST, AS_OF)]
    quarters = [period_of(date(2024, month, 1), "quarter") for month in (1, 4, 7, 10)]
    for periods in (months, quarters):
        whole = spans_for(periods, as_of=AS_OF, definition=definition)
        for field in ("tier", "plan"):
            found = segment_spans(field, periods, as_of=AS_OF, definition=definition).values()
            for no, span in enumerate(whole):
                for name in PARTS:
                    summed = total(getattr(spans[no], name) for spans in found)
                    assert summed == getattr(span, name), (field, name, span.period)


@pytest.mark.django_db
@pytest.mark.parametrize("as_of", [date(2024, 2, 29), date(2025, 2, 28), date(2025, 3, 30)])
def test_stored_months_and_spans_agree_around_leap_days(now, as_of):
    make_random_ledger(9)
    recompute.recompute_all(as_of=as_of, now=now)
    months = [month_period(month) for month in months_between(date(2024, 1, 1), as_of)]
    stored = spans_for(months, as_of=as_of)
    read = read_spans(months, close_days=[min(period.last_day, as_of) for period in months])
    for left, right in zip(stored, read, strict=True):
        for name in READ:
            assert getattr(left, name) == getattr(right, name), (name, left.period)
