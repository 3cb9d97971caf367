"""Usage charges and one-time charges: told apart from MRR, counted as metrics of their own."""

from datetime import UTC, date, datetime

import pytest

from metrics.formulas.definition import DEFAULT
from metrics.formulas.periods import month_period, months_between
from metrics.models import CompanyMonth, Movement
from metrics.queries.metric_values import values_of
from metrics.queries.questions import Question
from metrics.services.recompute import recompute_all
from tests.factories.ledgers import make_payer, make_rate, make_version

AS_OF = date(2024, 4, 10)
pytestmark = pytest.mark.django_db


@pytest.fixture
def larch():
    larch = make_payer("Larch")
    make_version(larch, date(2024, 1, 1), None, "100")
    make_version(larch, date(2024, 1, 15), None, "500", product="Set-up", kind="one_time")
    for month, amount in ((2, "30"), (3, "50")):
        make_version(
            larch, date(2024, month, 1), date(2024, month + 1, 1), amount, product="Calls", kind="usage"
        )
    recompute_all(as_of=AS_OF, now=datetime(2024, 4, 10, 12, tzinfo=UTC))
    return larch


def ask(*keys):
    periods = [month_period(month) for month in months_between(date(2024, 1, 1), AS_OF)]
    rows = values_of(Question(periods, AS_OF, DEFAULT), keys=keys)
    return [
        [row[key].value if row[key].value is not None else row[key].reason for key in keys] for row in rows
    ]


def test_n_6_n_13_charges_are_outside_mrr_and_make_no_movement(larch):
    assert list(CompanyMonth.objects.order_by("month").values_list("closing", flat=True)) == [100] * 4
    assert Movement.objects.count() == 1


def test_usage_mrr_is_that_of_the_last_complete_month(larch):
    assert [row[0] for row in ask("usage_mrr")] == ["no_data", 30, 50, 50]


def test_one_time_charges_are_revenue_of_their_month(larch):
    assert ask("one_time_revenue", "repeat_purchase_rate")[:2] == [[500, "no_data"], [0, "no_data"]]
    assert ask("arpu_revenue")[0] == [500]


def test_a_charge_in_a_currency_without_a_rate_says_so(larch):
    make_version(larch, date(2024, 3, 3), None, "10", product="Work", kind="one_time", currency="CHF")
    assert [row[0] for row in ask("one_time_revenue")] == [500, 0, "missing_rate", 0]
    make_rate("CHF", date(2024, 3, 1), "2")
    assert [row[0] for row in ask("one_time_revenue")] == [500, 0, 5, 0]


def test_without_charges_usage_mrr_is_not_configured():
    make_version(make_payer(), date(2024, 1, 1), None, "100")
    assert ask("usage_mrr")[0] == ["not_configured"]
