"""The demo company is whole: people, customers, closed months, scores whose parts sum, answered surveys."""

from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.db.models import Sum

from accounts.models import User
from config.management.demo_company.asking import SCANNED
from customers.models import CostEntry, Customer, CustomerSummary, Order, StaleMark
from metrics.models import ClosedMonth, CustomerMonth, HealthScore
from metrics.queries.closed_months import reported
from surveys.models import Case, Response, ResponseTopic

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def demo(django_db_setup, django_db_blocker):
    """Loaded once; gone at the end of the module."""
    with django_db_blocker.unblock(), transaction.atomic():
        call_command("demo", seed=7, months=6, customers=24)
        yield
        transaction.set_rollback(True)


def test_the_demo_company_is_complete_and_its_totals_agree(demo):
    assert User.objects.count() == 8
    assert CustomerSummary.objects.exclude(owner=None).count() == Customer.objects.count() == 24
    now = CustomerSummary.objects.aggregate(total=Sum("mrr"))["total"]
    month = CustomerMonth.objects.order_by("-month").values_list("month", flat=True).first()
    closing = sum(row.closing for row in CustomerMonth.objects.filter(month=month))
    assert now > 0
    assert abs(closing - now) < Decimal("0.00001")
    assert not StaleMark.objects.exists()


def test_the_last_month_is_closed_and_a_late_line_restated_it(demo):
    closed = ClosedMonth.objects.get()
    numbers = reported(closed.month)
    assert numbers["closing"].difference > 0
    (fact,) = numbers["closing"].steps[0].facts
    assert fact["fact"] == "line version"
    assert numbers["opening"].difference == 0


def test_costs_and_orders_are_told(demo):
    assert CostEntry.objects.filter(kind="acquisition").exists()
    assert Order.objects.exists()


def test_every_score_of_the_demo_is_the_sum_of_its_lines(demo):
    scores = HealthScore.objects.exclude(score=None)
    assert scores.count() > 24
    for score in scores:
        assert sum(score.lines) + (score.cap or 0) + score.override_part == score.score * 1_000_000


def test_somebody_answered_and_the_demo_is_loaded_once(demo):
    assert Response.objects.exists()
    with pytest.raises(CommandError, match="people or customers already"):
        call_command("demo")


def test_unhappy_answers_of_the_demo_have_cases_and_a_gateway_counts_nowhere(demo):
    assert Case.objects.filter(state="closed").exclude(outcome="").exists()
    assert Response.objects.filter(status="suspect").count() == SCANNED
    assert ResponseTopic.objects.exists()
    assert not Response.objects.exclude(needs_follow_up_at=None).exists()
