"""CAC, payback and retention cost from cost entries spread over days."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from metrics.formulas.result import known, unknown
from metrics.queries.costs import cost_metrics
from metrics.queries.spans import spans_for
from tests.factories.ledgers import make_payer, make_rate, make_version
from tests.factories.operations import AS_OF, ask, ask_quarter, fill_all, make_cost

pytestmark = pytest.mark.django_db
JAN, FEB, APR, JUN = date(2025, 1, 1), date(2025, 2, 1), date(2025, 4, 1), date(2025, 6, 1)


@pytest.fixture
def metrics(now):
    def run(question, *, revenue=None):
        fill_all()
        spans = spans_for(question.periods, as_of=question.as_of, customers=question.customers)
        each = len(question.periods)
        money = unknown("not_configured") if revenue is None else known(revenue)
        return cost_metrics(question, spans=spans, ltv=[known(1200)] * each, revenue=[money] * each)

    return run


def customers_from(*days, mrr="50"):
    made = [make_payer(f"{mrr} from {number}") for number, _ in enumerate(days)]
    for customer, day in zip(made, days, strict=True):
        make_version(customer, day, mrr=mrr)
    return made


def test_without_a_cost_entry_nothing_is_configured(metrics):
    customers_from(JAN)
    (row,) = metrics(ask(JAN))
    for key in ("cac", "ltv_cac", "cac_payback_months", "customer_retention_cost"):
        assert (row[key].value, row[key].reason) == (None, "not_configured"), key


def test_cac_of_a_quarter_is_its_cost_by_its_new_customers(metrics):
    customers_from(JAN, FEB)
    make_cost(JAN, 300)
    make_cost(FEB, 100)
    (row,) = metrics(ask_quarter(FEB))
    assert (row["cac"].value, row["cac"].numerator, row["cac"].denominator) == (200, 400, 2)
    assert row["ltv_cac"].value == 6
    assert row["ltv_cac_gain"].value == 1000
    assert row["cac_payback_months"].value == 4


def test_a_month_takes_the_cac_period_that_holds_its_close(metrics):
    customers_from(JAN, FEB)
    make_cost(JAN, 300)
    make_cost(FEB, 100)
    january, february = metrics(ask(JAN, FEB))
    assert (january["cac"].value, february["cac"].value) == (300, 200)
    january, february = metrics(ask(JAN, FEB, cac_period="month"))
    assert (january["cac"].value, february["cac"].value) == (300, 100)


def test_an_entry_is_spread_over_its_days_and_the_open_month_takes_its_part(metrics):
    customers_from(JUN)
    make_cost(JUN, 300)
    (row,) = metrics(ask(JUN, cac_period="month"))
    assert row["acquisition_cost"].value == 150


def test_nobody_new_has_no_cac(metrics):
    customers_from(JAN)
    make_cost(APR, 300)
    (row,) = metrics(ask(APR))
    assert (row["cac"].value, row["cac"].reason) == (None, "zero_denominator")
    assert row["ltv_cac"].reason == "zero_denominator"


def test_the_lag_takes_the_cost_of_earlier_months(metrics):
    customers_from(FEB)
    make_cost(JAN, 90)
    make_cost(FEB, 500)
    (row,) = metrics(ask(FEB, cac_period="month", cac_lag_months=1))
    assert row["cac"].value == 90


def test_payback_counts_margin_and_may_take_everybody(metrics):
    customers_from(JAN, mrr="150")
    customers_from(FEB, mrr="50")
    make_cost(FEB, 200)
    (row,) = metrics(ask(FEB, cac_period="month", gross_margin="0.75"))
    assert row["cac_payback_months"].value.quantize(Decimal("0.01")) == Decimal("5.33")
    (row,) = metrics(ask(FEB, cac_period="month", cac_payback_arpa="blended"))
    assert row["cac_payback_months"].value == 2


def test_retention_cost_is_by_the_mean_of_daily_paying_customers_or_by_those_kept(metrics):
    _first, second = customers_from(JAN, JAN)
    make_version(second, JAN, date(2025, 4, 16), product="Other")
    leaver = make_payer("leaver")
    make_version(leaver, JAN, date(2025, 4, 16))
    make_cost(APR, 500, kind="retention")
    (row,) = metrics(ask(APR))
    assert row["customer_retention_cost"].denominator == Decimal("2.5")
    assert row["customer_retention_cost"].value == 200
    (row,) = metrics(ask(APR, crc_base="retained"))
    assert row["customer_retention_cost"].value == 250


def test_v_4_costs_of_a_segment_are_its_own_and_the_rest_is_never_spread(metrics):
    mine, _ = customers_from(JAN, JAN)
    make_cost(JAN, 100, segment="SMB")
    make_cost(JAN, 900)
    ids = [mine.pk]
    (row,) = metrics(ask(JAN, customers=ids, segment="SMB"))
    assert row["cac"].value == 100
    (row,) = metrics(ask(JAN, customers=ids))
    assert row["cac"].reason == "not_configured"
    (row,) = metrics(ask(JAN))
    assert row["cac"].value == 500


def test_other_currencies_take_the_rate_of_the_close_and_without_one_say_so(metrics):
    make_rate("USD", JAN, "1.25")
    payer = make_payer()
    make_version(payer, JAN, currency="USD")
    make_cost(JAN, 250, currency="USD")
    (row,) = metrics(ask(JAN))
    assert row["cac"].value == 200
    make_cost(JAN, 1, currency="JPY")
    (row,) = metrics(ask(JAN))
    assert row["cac"].reason == "missing_rate"


def test_net_customer_value_is_revenue_less_both_costs(metrics):
    customers_from(JAN)
    make_cost(JAN, 30)
    make_cost(JAN, 20, kind="retention")
    (row,) = metrics(ask(JAN), revenue=100)
    assert row["net_customer_value"].value == 50
    (row,) = metrics(ask(JAN))
    assert row["net_customer_value"].reason == "not_configured"


def test_costs_take_as_many_statements_for_a_year_as_for_a_month(now, django_assert_num_queries):
    customers_from(JAN, FEB, APR)
    for month in (JAN, FEB, APR):
        make_cost(month, 10)
    fill_all()
    for question in (ask(JAN), ask(JAN, JUN)):
        spans = spans_for(question.periods, as_of=AS_OF)
        nothing = [unknown("no_data")] * len(spans)
        with django_assert_num_queries(3):
            cost_metrics(question, spans=spans, ltv=nothing, revenue=nothing)


def test_a_currency_only_costs_have_takes_the_latest_rate_of_the_close_or_before(metrics):
    make_rate("GBP", date(2025, 1, 20), "0.8")
    make_rate("GBP", date(2025, 2, 2), "0.5")
    customers_from(JAN)
    make_cost(JAN, 80, currency="GBP")
    (row,) = metrics(ask(JAN, cac_period="month"))
    assert row["cac"].value == 100


def test_t_10_costs_are_asked_as_they_were_known(metrics, now):
    customers_from(JAN)
    make_cost(JAN, 80)
    (row,) = metrics(ask(JAN, known_at=datetime(2020, 1, 1, tzinfo=UTC)))
    assert row["cac"].reason == "not_configured"
