"""Numbers that once came out wrong, each with the facts that brought it out."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import call_command
from django.utils import timezone

from config.work import jobs
from config.work.models import Job, JobState
from config.work.pg import recorded_at
from customers.models import FxRate, LineVersion, UsageEvent
from customers.services.attributes import NewValue, set_attributes
from metrics import tasks
from metrics.formulas.definition import DEFAULT, with_values
from metrics.formulas.periods import month_period, period_of
from metrics.models import CompanyMonth, DailyUsage, DefinitionVersion, Movement
from metrics.queries.freshness import is_other_basis, nothing_waits
from metrics.queries.segments import segment_spans
from metrics.queries.spans import spans_for
from metrics.rollups import checksum
from metrics.services import closing, recompute, refresh
from metrics.services.definitions import draft_of, publish
from metrics.services.what_if import what_if
from tests.factories.customers import make_usage
from tests.factories.ledgers import FIRST, make_payer, make_rate, make_version, mark, set_currency

AS_OF = date(2025, 6, 15)
pytestmark = pytest.mark.django_db


def tier(customer, value, from_on, now):
    set_attributes(values=[NewValue(customer.pk, "tier", value, from_on)], by=None, now=now)


def drain(now, as_of=AS_OF):
    return refresh.refresh_stale(as_of=as_of, now=now)


def test_new_rates_reach_the_months_of_the_company(now):
    larch = make_payer("Larch")
    make_rate("USD", FIRST, "1.25")
    make_version(larch, FIRST, None, "500", currency="USD")
    recompute.recompute_all(as_of=AS_OF, now=now)
    make_rate("USD", date(2025, 6, 1), "1.00")
    mark(larch, cause="rate")
    drain(now)
    refresh.fill_company(as_of=AS_OF, now=now)
    assert CompanyMonth.objects.get(month=date(2025, 6, 1)).closing == 500


def test_a_fill_does_not_say_that_everybody_follows_a_new_definition(now):
    larch, oak = make_payer("Larch"), make_payer("Oak")
    for customer in (larch, oak):
        make_version(customer, FIRST, None, "100", status="paused")
    recompute.recompute_all(as_of=AS_OF, now=now)
    publish(draft=draft_of(values={"pause_policy": "keep"}), by=None, now=now)
    make_version(oak, FIRST, None, "7", product="add-on")
    mark(oak)
    drain(now)
    refresh.fill_company(as_of=AS_OF, now=now)
    assert is_other_basis()
    assert not nothing_waits(as_of=AS_OF)


def test_a_definition_published_while_a_recompute_runs_reaches_everybody(now, monkeypatch, time_machine):
    monkeypatch.setattr(recompute, "SLICE", 1)
    monkeypatch.setattr(recompute, "JOB_BUDGET_S", 0)
    time_machine.move_to(datetime(2025, 6, 15, 12, 0, tzinfo=UTC))
    for name in ("Larch", "Oak"):
        make_version(make_payer(name), FIRST, None, "100", status="paused")
    recompute.recompute_all(as_of=AS_OF, now=timezone.now())
    job = recompute.start_recompute(as_of=AS_OF)
    jobs.run(job.pk)
    publish(draft=draft_of(values={"pause_policy": "keep"}), by=None, now=timezone.now())
    for _ in range(10):
        tasks.run_nightly()
        due = Job.objects.filter(state=JobState.QUEUED, kind=recompute.JOB_KIND)
        due.update(due_at=timezone.now() - timedelta(minutes=1))
        for pk in due.values_list("pk", flat=True):
            jobs.run(pk)
    assert CompanyMonth.objects.get(month=date(2025, 6, 1)).closing == 200


def test_a_recompute_that_goes_on_after_midnight_does_not_claim_the_new_day(monkeypatch, time_machine):
    monkeypatch.setattr(recompute, "SLICE", 1)
    monkeypatch.setattr(recompute, "JOB_BUDGET_S", 0)
    time_machine.move_to(datetime(2025, 6, 30, 23, 58, tzinfo=UTC))
    for name in ("Larch", "Oak"):
        make_version(make_payer(name), FIRST, date(2025, 7, 1) if name == "Oak" else None)
    recompute.recompute_all(as_of=date(2025, 6, 30), now=timezone.now())
    job = recompute.start_recompute(as_of=date(2025, 6, 30))
    jobs.run(job.pk)
    time_machine.move_to(datetime(2025, 7, 1, 0, 1, tzinfo=UTC))
    for _ in range(10):
        tasks.run_nightly()
        due = Job.objects.filter(state=JobState.QUEUED, kind=recompute.JOB_KIND)
        due.update(due_at=timezone.now() - timedelta(minutes=1))
        for pk in due.values_list("pk", flat=True):
            jobs.run(pk)
    assert not Job.objects.filter(state=JobState.DEAD).exists()
    july = CompanyMonth.objects.get(month=date(2025, 7, 1))
    assert (july.opening, july.churn, july.closing) == (200, -100, 100)


def test_an_earlier_line_in_the_base_of_the_rate_table_has_its_rates_at_once(now):
    set_currency("USD")
    larch, oak = make_payer("Larch"), make_payer("Oak")
    FxRate.objects.create(currency="USD", day=FIRST, base="EUR", rate=Decimal("1.25"))
    make_version(larch, date(2024, 6, 1), None, "100", currency="EUR")
    recompute.recompute_all(as_of=AS_OF, now=now)
    make_version(oak, FIRST, None, "100", currency="EUR")
    mark(oak)
    drain(now)
    refresh.fill_company(as_of=AS_OF, now=now)
    incremental = checksum.of_tables()
    assert Movement.objects.get(customer=oak).day == FIRST
    recompute.recompute_all(as_of=AS_OF, now=now)
    assert checksum.of_tables() == incremental


@pytest.mark.parametrize(
    "config", [{"same_period_new_churn": "suppress"}, {"movement_grain": "month"}], ids=["suppress", "month"]
)
def test_one_currency_has_no_fx_in_any_segment(now, config):
    larch, oak = make_payer("Larch"), make_payer("Oak")
    make_version(larch, date(2024, 1, 5), None, "100")
    make_version(oak, date(2024, 1, 5), date(2024, 1, 25), "70")
    for customer in (larch, oak):
        tier(customer, "small", date(2024, 1, 1), now)
        tier(customer, "large", date(2024, 1, 20), now)
        tier(customer, "huge", date(2024, 2, 10), now)
    recompute.recompute_all(as_of=AS_OF, now=now)
    definition = with_values(DEFAULT, config)
    periods = [month_period(date(2024, month, 1)) for month in (1, 2, 3)]
    found = segment_spans("tier", periods, as_of=AS_OF, definition=definition)
    assert {(value, span.fx) for value, spans in found.items() for span in spans if span.fx} == set()
    whole = spans_for(periods, as_of=AS_OF, definition=definition)
    for no, span in enumerate(whole):
        assert sum(spans[no].new for spans in found.values()) == span.new
        assert sum(spans[no].transfer_in + spans[no].transfer_out for spans in found.values()) == 0


def test_suppress_leaves_the_churn_of_the_opening_base_in_the_bridge(now):
    larch = make_payer("Larch")
    make_version(larch, date(2023, 1, 1), date(2024, 1, 10), "100")
    make_version(larch, date(2024, 5, 1), date(2024, 6, 1), "100", product="second")
    definition = with_values(DEFAULT, {"same_period_new_churn": "suppress", "reactivation_window_days": 30})
    with what_if(definition=definition, as_of=AS_OF, now=now):
        (year,) = spans_for([period_of(FIRST, "year")], as_of=AS_OF, definition=definition)
    assert (year.opening, year.closing, year.fx) == (100, 0, 0)


def closed_months_without_restating(now, months, **config):
    DefinitionVersion.objects.create(number=1, config={"restate": False, **config}, published_at=now)
    for month in months:
        closing.close_month(month=month, by=None, now=now)


def test_days_past_due_run_on_over_closed_months_when_nothing_is_restated():
    at, now = datetime(2025, 1, 3, tzinfo=UTC), datetime(2025, 6, 15, 10, tzinfo=UTC)
    larch = make_payer("Larch")
    with recorded_at(at):
        make_version(larch, date(2025, 1, 20), None, "100", status="past_due")
    closed_months_without_restating(
        now, [date(2025, 1, 1), date(2025, 2, 1), date(2025, 3, 1)], auto_churn_days=45
    )
    recompute.recompute_all(as_of=AS_OF, now=now)
    assert Movement.objects.get(kind="churn").day == date(2025, 3, 6)


def test_t_8_a_corrected_currency_leaves_closed_months_alone():
    at, now = datetime(2025, 1, 3, tzinfo=UTC), datetime(2025, 6, 15, 10, tzinfo=UTC)
    make_rate("USD", FIRST, "1.25")
    larch = make_payer("Larch")
    with recorded_at(at):
        wrong = make_version(larch, date(2025, 1, 1), None, "100", currency="USD")
    closed_months_without_restating(now - timedelta(days=1), [date(2025, 1, 1)])
    with recorded_at(now):
        right = make_version(larch, date(2025, 1, 1), None, "100", currency="EUR")
    LineVersion.objects.filter(pk=wrong.pk).update(superseded_by=right)
    recompute.recompute_all(as_of=AS_OF, now=now)
    months = dict(CompanyMonth.objects.values_list("month", "closing"))
    assert (months[date(2025, 1, 1)], months[date(2025, 2, 1)]) == (80, 100)


def test_t_8_a_price_that_was_superseded_later_keeps_the_definitions_factor():
    at, now = datetime(2025, 1, 3, tzinfo=UTC), datetime(2025, 6, 15, 10, tzinfo=UTC)
    larch = make_payer("Larch")
    with recorded_at(at):
        wrong = make_version(larch, date(2025, 1, 1), None, "100", interval="week")
    closed_months_without_restating(now - timedelta(days=1), [date(2025, 1, 1)], weekly_factor="4")
    with recorded_at(now):
        right = make_version(larch, date(2025, 1, 1), None, "200", interval="week")
    LineVersion.objects.filter(pk=wrong.pk).update(superseded_by=right)
    recompute.recompute_all(as_of=AS_OF, now=now)
    months = dict(CompanyMonth.objects.values_list("month", "closing"))
    assert (months[date(2025, 1, 1)], months[date(2025, 2, 1)]) == (400, 800)


def test_a_pass_that_began_before_midnight_keeps_the_new_day(now):
    larch = make_payer("Larch")
    make_version(larch, FIRST, AS_OF)
    recompute.recompute_all(as_of=AS_OF, now=now)
    mark(larch)
    drain(now, as_of=AS_OF - timedelta(days=1))
    assert Movement.objects.filter(kind="churn", day=AS_OF).exists()


def test_m_6_rates_under_the_month_grain_are_made_of_its_own_movements(now):
    larch = make_payer("Larch")
    make_version(larch, date(2024, 1, 1), date(2024, 2, 10), "100")
    make_version(larch, date(2024, 2, 10), date(2024, 2, 20), "300")
    make_version(larch, date(2024, 2, 20), None, "180")
    recompute.recompute_all(as_of=AS_OF, now=now)
    definition = with_values(DEFAULT, {"movement_grain": "month"})
    (span,) = spans_for([month_period(date(2024, 2, 1))], as_of=AS_OF, definition=definition)
    assert (span.expansion, span.contraction) == (80, 0)
    assert (span.base_expansion, span.base_contraction) == (80, 0)


def test_h_13_a_late_return_is_new_under_the_month_grain_too(now):
    larch = make_payer("Larch")
    make_version(larch, date(2024, 1, 1), date(2024, 2, 1), "100")
    make_version(larch, date(2025, 2, 3), None, "100")
    definition = with_values(DEFAULT, {"movement_grain": "month", "reactivation_window_days": 90})
    with what_if(definition=definition, as_of=AS_OF, now=now):
        (span,) = spans_for([month_period(date(2025, 2, 1))], as_of=AS_OF, definition=definition)
    assert (span.new, span.reactivation) == (100, 0)


def test_p_1_years_of_the_command_begin_with_the_fiscal_year(now):
    make_version(make_payer("Larch"), date(2024, 1, 1), None, "100")
    out = StringIO()
    call_command(
        "metrics", "--grain", "year", "--from", "2024-05", "--to", "2024-06",
        "--set", "fiscal_year_start_month=4", stdout=out,
    )  # fmt: skip
    assert out.getvalue().splitlines()[1].startswith("2024-04-01,2024-03-31,2025-03-31")


def test_usage_whose_import_is_taken_back_is_no_longer_counted(now):
    larch = make_payer("Larch")
    make_usage(larch, day=date(2025, 6, 10), user="u1")
    mark(larch, cause="usage", day=date(2025, 6, 10))
    drain(now)
    UsageEvent.objects.all().delete()
    mark(larch, cause="undo", day=date(2025, 6, 10))
    drain(now)
    assert not DailyUsage.objects.exists()
