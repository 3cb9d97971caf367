"""The simulated CRM vendor of 584 customers: every month closes, and an independent walk over the file agrees."""

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import transaction

from config.work.pg import analyze
from customers.models import Customer, LineVersion, Subscription
from metrics.models import CompanyMonth, CustomerMonth, Movement
from metrics.queries.verification import verify
from metrics.services.recompute import recompute_all
from tests.factories.ledgers import CRM6, load_crm6

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(not CRM6.exists(), reason="the shared data folder is not beside the repository"),
]
AS_OF = date(2023, 6, 30)


@pytest.fixture(scope="module")
def vendor(django_db_setup, django_db_blocker):
    """Loaded and computed once; taken back at the end of the module."""
    with django_db_blocker.unblock(), transaction.atomic():
        loaded = load_crm6()
        analyze(LineVersion, Subscription, Customer)
        recompute_all(as_of=AS_OF, now=datetime(2023, 7, 1, 6, 0, tzinfo=UTC))
        yield loaded
        transaction.set_rollback(True)


def walk(rows):
    """(customer, day, kind, amount) of every change, by summing each customer's lines on its boundary days."""
    lines = defaultdict(list)
    for row in rows:
        lines[row["account_id"]].append((row["start_date"], row["end_date"], Decimal(row["mrr"])))
    for name, held in lines.items():
        last, ever = Decimal(0), False
        for day in sorted({day for start, end, _ in held for day in (start, end)}):
            now = sum((mrr for start, end, mrr in held if start <= day < end), Decimal(0))
            if now != last and day <= AS_OF.isoformat():
                kind = ("reactivation" if ever else "new") if not last else "churn" if not now else ""
                yield name, day, kind or ("expansion" if now > last else "contraction"), now - last
            last, ever = now, ever or now > 0


def test_the_ledger_is_what_a_walk_over_the_file_finds(vendor):
    customers, rows = vendor
    stored = {
        (customer.name, move.day.isoformat(), move.kind, move.amount)
        for customer in customers.values()
        for move in customer.movements.all()
    }
    assert stored == set(walk(rows))


def test_every_month_closes_and_opens_with_the_last_close(vendor):
    months = list(CompanyMonth.objects.order_by("month"))
    assert [row.month for row in months][:: len(months) - 1] == [date(2022, 1, 1), date(2023, 6, 1)]
    closing, logos = Decimal(0), 0
    for row in months:
        kinds = (row.new, row.reactivation, row.expansion, row.contraction, row.churn)
        assert (row.opening, row.open_logos, row.fx) == (closing, logos, 0)
        assert row.closing == row.opening + sum(kinds)
        assert row.close_logos == row.open_logos + row.new_n + row.reactivation_n - row.churn_n
        closing, logos = row.closing, row.close_logos


def test_the_close_of_each_month_is_the_sum_of_the_lines_of_its_last_day(vendor):
    _, rows = vendor
    for row in CompanyMonth.objects.all():
        day = row.close_on.isoformat()
        held = [item for item in rows if item["start_date"] <= day < item["end_date"]]
        assert row.closing == sum(Decimal(item["mrr"]) for item in held)
        assert row.close_logos == len({item["account_id"] for item in held})


def test_a_renewal_row_is_neither_churn_nor_return(vendor):
    _, rows = vendor
    starts = {(row["account_id"], row["start_date"]) for row in rows}
    renewed = [
        (row["account_id"], row["end_date"]) for row in rows if (row["account_id"], row["end_date"]) in starts
    ]
    assert len(renewed) > 10_000
    days = {
        (move.customer.name, move.day.isoformat())
        for move in Movement.objects.filter(kind__in=["churn", "reactivation"]).select_related("customer")
    }
    assert days.isdisjoint(renewed)


def test_nrr_of_a_year_pairs_the_same_customers(vendor):
    _, rows = vendor
    then, now = defaultdict(Decimal), defaultdict(Decimal)
    for row in rows:
        for day, sums in (("2022-06-30", then), ("2023-06-30", now)):
            if row["start_date"] <= day < row["end_date"]:
                sums[row["account_id"]] += Decimal(row["mrr"])
    june = CompanyMonth.objects.get(month=date(2023, 6, 1))
    assert june.then_12m == sum(then.values())
    assert june.now_12m == sum(now[name] for name in then)
    assert june.kept_12m == sum(min(mrr, now[name]) for name, mrr in then.items())
    assert (june.logos_12m, june.kept_logos_12m) == (len(then), sum(1 for name in then if now[name]))


def test_the_recount_agrees_everywhere(vendor, now):
    checks = verify(now=now)
    assert [item for check in checks for item in check.differences] == []
    assert CustomerMonth.objects.count() > 6_000
    assert {check.code: check.rows for check in checks}["VM-1"] == 14_055


def test_month_ends_are_whole_months(vendor):
    for row in CompanyMonth.objects.all():
        assert (row.close_on + timedelta(days=1)).day == 1
