"""Stale marks, incremental against full, the nightly roll, and the sliced job."""

from datetime import UTC, date, datetime, timedelta
from random import Random
from threading import Timer

import pytest
from django.db import connections
from django.utils import timezone

from config.work import jobs
from config.work.models import Job, JobState
from customers.models import CustomerSummary, LineVersion, StaleMark
from metrics import tasks
from metrics.models import (
    CompanyMonth,
    CustomerMonth,
    DailyUsage,
    DirtyMonth,
    MonthlyUsage,
    Movement,
    RollupFill,
)
from metrics.queries.freshness import freshness, nothing_waits
from metrics.queries.verification import verify
from metrics.rollups import checksum
from metrics.services import recompute, refresh
from tests.factories.customers import make_usage
from tests.factories.ledgers import (
    FIRST,
    make_payer,
    make_random_ledger,
    make_rate,
    make_version,
    mark,
    set_currency,
)

AS_OF = date(2025, 6, 15)


@pytest.fixture
def larch(db):
    return make_payer("Larch")


def drain(now, as_of=AS_OF, limit=refresh.REFRESH_BATCH):
    return refresh.refresh_stale(as_of=as_of, now=now, limit=limit)


@pytest.mark.parametrize("seed", range(5))
def test_i_12_incremental_equals_full_row_by_row(db, now, seed):
    random = Random(seed)
    customers = make_random_ledger(seed)
    for customer in customers:
        mark(customer)
    while drain(now, limit=random.randint(1, 3)):
        refresh.fill_company(as_of=AS_OF, now=now)
    for customer in random.sample(customers, 3):
        make_version(
            customer, FIRST + timedelta(days=random.randint(0, 500)), None, "77", product=f"late {seed}"
        )
        mark(customer)
        drain(now)
        refresh.fill_company(as_of=AS_OF, now=now)
    incremental = checksum.of_tables()
    recompute.recompute_all(as_of=AS_OF, now=now)
    assert checksum.of_tables() == incremental


@pytest.mark.parametrize("seed", range(5, 10))
def test_the_independent_recount_finds_no_difference(db, now, seed):
    make_random_ledger(seed)
    recompute.recompute_all(as_of=AS_OF, now=now)
    found = [item for check in verify(now=now) for item in check.differences]
    assert found == []
    assert CompanyMonth.objects.exclude(fx=0).exists()


def test_a_refresh_touches_only_its_customers_and_deletes_exactly_its_marks(larch, now):
    oak = make_payer("Oak")
    for customer in (larch, oak):
        make_version(customer, FIRST)
        mark(customer)
    assert drain(now, limit=1) == 1
    assert list(StaleMark.objects.values_list("customer_id", flat=True)) == [oak.pk]
    assert set(Movement.objects.values_list("customer_id", flat=True)) == {larch.pk}


def test_two_marks_of_a_customer_are_one_refresh(larch, now):
    make_version(larch, FIRST)
    mark(larch)
    mark(larch, cause="pulse")
    assert (drain(now), StaleMark.objects.count(), drain(now)) == (1, 0, 0)


@pytest.mark.django_db(transaction=True)
def test_a_customer_that_is_being_refreshed_is_passed_over(now):
    larch, oak = make_payer("Larch"), make_payer("Oak")
    for customer in (larch, oak):
        make_version(customer, FIRST)
        mark(customer)
    other = connections.create_connection("default")
    try:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute(
                "SELECT 1 FROM customers_customersummary WHERE customer_id = %s FOR UPDATE", [larch.pk]
            )
        assert drain(now) == 1
    finally:
        other.rollback()
        other.close()
    assert list(StaleMark.objects.values_list("customer_id", flat=True)) == [larch.pk]


def test_a_refresh_that_fails_keeps_marks_and_rows(larch, now, monkeypatch):
    def refuse(**_anything):
        raise RuntimeError

    make_version(larch, FIRST)
    mark(larch)
    monkeypatch.setattr(refresh, "publish_revenue", refuse)
    with pytest.raises(RuntimeError):
        drain(now)
    assert (StaleMark.objects.count(), CustomerMonth.objects.count()) == (1, 0)


def test_the_summary_carries_revenue_in_the_reporting_currency(larch, now):
    make_rate("USD", FIRST, "1.25")
    make_version(larch, date(2024, 1, 1), date(2025, 1, 1), "100", plan="basic")
    make_version(larch, date(2025, 5, 1), date(2026, 1, 1), "500", product="pro", currency="USD")
    make_version(larch, date(2025, 1, 1), date(2025, 9, 1), "100", plan="basic")
    mark(larch)
    drain(now)
    summary = CustomerSummary.objects.get(customer=larch)
    assert (summary.mrr, summary.mrr_change_90d, summary.currency) == (500, 400, "EUR")
    assert (summary.is_paying, summary.first_paid_on) == (True, date(2024, 1, 1))
    assert (summary.plan, summary.renewal_on) == ("pro", date(2025, 9, 1))


def test_usage_is_counted_only_when_a_mark_asks_for_it(larch, now):
    for user, day in (("u1", 10), ("u2", 10), ("u1", 12)):
        make_usage(larch, day=date(2025, 6, day), user=user)
    make_usage(larch, day=date(2025, 6, 12), user="", count=40, users=7, source="totals")
    make_usage(larch, day=date(2025, 6, 13), user="", count=30, users=6, source="totals")
    assert drain(now) == 1
    assert list(DailyUsage.objects.order_by("day").values_list("day", "events", "users", "is_total")) == [
        (date(2025, 6, 10), 2, 2, False),
        (date(2025, 6, 12), 1, 1, False),
        (date(2025, 6, 13), 30, 6, True),
    ]
    masks = dict(MonthlyUsage.objects.values_list("user_ref", "days"))
    assert masks == {"u1": 1 << 9 | 1 << 11, "u2": 1 << 9}
    summary = CustomerSummary.objects.get(customer=larch)
    assert (summary.active_users_30d, summary.last_seen_on) == (2, date(2025, 6, 13))


def test_new_rates_change_values_and_no_movement(larch, now):
    make_rate("USD", FIRST, "1.25")
    make_version(larch, FIRST, None, "500", currency="USD")
    mark(larch)
    drain(now)
    make_rate("USD", date(2025, 6, 1), "1.00")
    mark(larch, cause="rate")
    drain(now)
    assert CustomerSummary.objects.get(customer=larch).mrr == 500
    refresh.fill_company(as_of=AS_OF, now=now)
    assert CustomerMonth.objects.filter(new_n=1).count() == 1
    assert CustomerMonth.objects.get(month=date(2025, 6, 1)).fx == 100


def test_the_company_is_filled_from_the_first_dirty_month_and_only_when_something_waits(larch, now):
    make_version(larch, date(2025, 3, 1))
    mark(larch)
    drain(now)
    assert refresh.fill_company(as_of=AS_OF, now=now) == 4
    assert (DirtyMonth.objects.count(), refresh.fill_company(as_of=AS_OF, now=now)) == (0, 0)
    make_version(larch, date(2025, 5, 1), product="add-on")
    mark(larch)
    drain(now)
    assert not freshness().is_complete
    refresh.fill_company(as_of=AS_OF, now=now)
    assert freshness().is_complete
    assert nothing_waits(as_of=AS_OF)
    assert CompanyMonth.objects.get(month=date(2025, 5, 1)).expansion == 100


def test_when_the_last_line_vanishes_the_months_vanish_too(larch, now):
    version = make_version(larch, date(2025, 3, 1))
    recompute.recompute_all(as_of=AS_OF, now=now)
    void = make_version(larch, date(2030, 1, 1), date(2030, 1, 2), product="void")
    LineVersion.objects.filter(pk=version.pk).update(superseded_by=void)
    mark(larch)
    drain(now)
    refresh.fill_company(as_of=AS_OF, now=now)
    assert (CompanyMonth.objects.count(), CustomerMonth.objects.count()) == (0, 0)


def test_the_tickers_do_all_of_it_and_twice_changes_nothing(larch):
    make_version(larch, FIRST)
    mark(larch)
    assert tasks.refresh_stale_customers() == 1
    assert tasks.fill_rollups() > 0
    before = checksum.of_tables()
    assert (tasks.refresh_stale_customers(), tasks.fill_rollups(), tasks.run_nightly()) == (0, 0, 0)
    assert checksum.of_tables() == before


def test_a_new_local_day_rolls_everybody_on_through_a_job(larch, time_machine):
    time_machine.move_to(datetime(2025, 6, 30, 23, 0, tzinfo=UTC))
    make_version(larch, FIRST, date(2025, 7, 1))
    mark(larch)
    tasks.refresh_stale_customers()
    tasks.fill_rollups()
    assert CompanyMonth.objects.order_by("-month").first().closing == 100
    time_machine.move_to(datetime(2025, 7, 1, 0, 10, tzinfo=UTC))
    assert (tasks.run_nightly(), tasks.run_nightly()) == (1, 1)
    job = Job.objects.get(kind=recompute.JOB_KIND)
    done = jobs.run(job.pk)
    done.refresh_from_db()
    assert (done.state, done.progress_done, done.result["customers"]) == (JobState.DONE, 1, 1)
    july = CompanyMonth.objects.get(month=date(2025, 7, 1))
    assert (july.opening, july.churn, july.closing) == (100, -100, 0)
    assert (tasks.run_nightly(), RollupFill.objects.get().as_of) == (0, date(2025, 7, 1))


def test_another_reporting_currency_recomputes_everybody(larch, time_machine):
    time_machine.move_to(datetime(2025, 6, 30, 12, 0, tzinfo=UTC))
    make_rate("EUR", FIRST, "0.8")
    make_version(larch, FIRST)
    recompute.recompute_all(as_of=date(2025, 6, 30), now=timezone.now())
    set_currency("USD")
    assert tasks.run_nightly() == 1
    jobs.run(Job.objects.get().pk)
    assert CompanyMonth.objects.get(month=date(2025, 6, 1)).closing == 125
    assert tasks.run_nightly() == 0


def test_a_recompute_is_slices_that_any_worker_takes_and_goes_on_where_it_was(db, now, monkeypatch):
    monkeypatch.setattr(recompute, "SLICE", 2)
    monkeypatch.setattr(recompute, "JOB_BUDGET_S", 0)
    customers = [make_payer(f"Customer {number}") for number in range(5)]
    for customer in customers:
        make_version(customer, FIRST)
    job = recompute.start_recompute(as_of=AS_OF)
    jobs.run(job.pk)
    job.refresh_from_db()
    assert (job.state, job.progress_done, job.progress_total) == (JobState.QUEUED, 2, 5)
    slices = Job.objects.filter(kind=recompute.SLICE_KIND)
    assert slices.count() == 3
    other = slices.filter(state=JobState.QUEUED).first()
    jobs.run(other.pk)  # as another worker would
    for _ in range(2):
        Job.objects.filter(pk=job.pk).update(due_at=timezone.now() - timedelta(minutes=1))
        jobs.run(job.pk)
    job.refresh_from_db()
    assert (job.state, job.result["customers"]) == (JobState.DONE, 5)
    assert Movement.objects.count() == 5
    assert CompanyMonth.objects.get(month=FIRST).closing == 500


def test_a_recompute_says_which_slice_failed(larch, monkeypatch):
    make_version(larch, FIRST)
    job = recompute.start_recompute(as_of=AS_OF)

    def fail(**_anything):
        raise ValueError("no room")

    monkeypatch.setattr(recompute, "recompute_slice", fail)
    monkeypatch.setattr(jobs, "MAX_UNEXPECTED", 1)
    jobs.run(job.pk)
    job.refresh_from_db()
    assert (job.state, "no room" in job.last_error) == (JobState.DEAD, True)


@pytest.mark.django_db(transaction=True)
def test_a_command_waits_for_what_a_worker_is_refreshing(now):
    larch = make_payer("Larch")
    recompute.recompute_all(as_of=AS_OF, now=now)
    make_version(larch, FIRST)
    mark(larch)
    other = connections.create_connection("default")
    other.set_autocommit(False)
    with other.cursor() as cursor:
        cursor.execute("SELECT 1 FROM customers_customersummary FOR UPDATE")
    release = Timer(0.5, other.connection.rollback)
    release.start()
    covered = recompute.bring_up_to_date(as_of=AS_OF, now=now)
    release.join()
    other.close()
    assert covered.customers == 1
    assert nothing_waits(as_of=AS_OF)
