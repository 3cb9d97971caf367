"""Rates follow the formulas of the definition."""

from datetime import date
from decimal import Decimal

import pytest

from metrics.formulas.result import Result
from metrics.queries.metric_rows import metric_rows
from metrics.queries.metric_values import KNOWN, values_of
from tests.factories.ledgers import make_payer, make_version
from tests.factories.operations import AS_OF, ask, fill_all

pytestmark = pytest.mark.django_db
JAN, FEB, MAR, MAY = (date(2025, month, 1) for month in (1, 2, 3, 5))


def pays(name, *steps):
    """A customer with (from, to, MRR) stretches of one line."""
    customer = make_payer(name)
    for from_on, to_on, mrr in steps:
        make_version(customer, from_on, to_on, mrr)
    return customer


def value(key, question):
    (row,) = values_of(question, keys=[key])
    return row[key]


@pytest.fixture
def february():
    """Ten paid at the opening of February: one left, one shrank, one grew, one left and came back; two joined, one of
    them left again."""
    old, mid = date(2024, 1, 1), date(2025, 2, 10)
    for number in range(6):
        pays(f"still {number}", (old, None, "100"))
    pays("left", (old, mid, "100"))
    pays("shrank", (old, mid, "100"), (mid, None, "60"))
    pays("grew", (old, mid, "100"), (mid, None, "150"))
    pays("back", (old, date(2025, 2, 5), "100"), (date(2025, 2, 20), None, "80"))
    pays("joined", (date(2025, 2, 3), None, "40"))
    pays("tried", (date(2025, 2, 3), date(2025, 2, 25), "30"))
    fill_all()


@pytest.mark.parametrize(
    ("formula", "parts"),
    [
        ("standard", (1, 10)),
        ("average_base", (2, 20)),
        ("events", (3, 10)),
        ("all_in_period", (2, 12)),
        ("stripe_30d", (3, 13)),
    ],
)
def test_logo_churn_by_formula(february, formula, parts):
    found = value("logo_churn_rate", ask(FEB, logo_churn_formula=formula))
    assert (found.numerator, found.denominator) == parts


def test_logo_churn_summed_over_days(february):
    found = value("logo_churn_rate", ask(FEB, logo_churn_formula="daily_sum"))
    # 5 Feb: 1 of 12, 10 Feb: 1 of 11, 25 Feb: 1 of 11
    assert found.value.quantize(Decimal("0.000001")) == Decimal("0.265152")


@pytest.mark.parametrize(
    ("config", "gross", "net"),
    [
        ({}, 160, 110),
        ({"mrr_churn_formula": "churn_only"}, 100, 50),
        ({"mrr_churn_formula": "all_flows"}, 270, 220),
        ({"net_churn_includes_reactivation": "true"}, 160, 30),
    ],
)
def test_mrr_churn_by_formula(february, config, gross, net):
    question = ask(FEB, **config)
    assert value("gross_mrr_churn_rate", question).numerator == gross
    assert value("net_mrr_churn_rate", question).numerator == net


def test_quick_ratio_may_leave_reactivation_out(february):
    assert value("quick_ratio", ask(FEB)).numerator == 200
    assert value("quick_ratio", ask(FEB, quick_ratio_includes_reactivation="false")).numerator == 120


@pytest.mark.parametrize("method", ["endpoints", "flows", "chained"])
def test_nrr_of_a_month_is_the_same_by_ends_and_flows_of_one_currency(february, method):
    question = ask(FEB, nrr_method=method)
    assert value("nrr", question).value == Decimal("0.89")
    assert value("grr", question).value == Decimal("0.84")


def test_nrr_of_twelve_months_by_method():
    pays("steady", (date(2024, 1, 1), None, "100"))
    pays("up and down", (date(2024, 1, 1), JAN, "100"), (JAN, MAR, "200"), (MAR, None, "150"))
    pays("later", (date(2024, 9, 1), None, "200"))
    fill_all()
    found = {}
    for method in ("endpoints", "flows", "chained"):
        (row,) = values_of(ask(MAY, nrr_method=method), keys=["nrr_12m", "grr_12m"])
        found[method] = (row["nrr_12m"].value, row["grr_12m"].value)
    assert found["endpoints"] == (Decimal("1.25"), 1)
    assert found["flows"] == (Decimal("1.25"), Decimal("0.75"))
    assert found["chained"] == (Decimal("1.25") * Decimal("0.9"), Decimal("0.9"))


def test_what_looks_back_a_year_needs_a_year(february):
    pays("young", (FEB, None, "10"))
    for method in ("endpoints", "flows", "chained"):
        (row,) = values_of(ask(date(2024, 6, 1), nrr_method=method), keys=["nrr_12m"])
        assert row["nrr_12m"].reason == "immature"


def test_lifetime_value_by_method(february):
    (row,) = values_of(ask(MAR, gross_margin="0.5"), keys=["ltv", "ltv_revenue"])
    assert row["ltv_revenue"].numerator == 2 * row["ltv"].numerator
    assert row["ltv_revenue"].denominator == row["ltv"].denominator
    assert value("ltv", ask(MAR, ltv_method="realised")).reason == "not_configured"
    assert value("ltv", ask(MAR, ltv_method="discounted")).reason == "not_configured"
    plain = value("ltv", ask(MAR))
    discounted = value("ltv", ask(MAR, ltv_method="discounted", ltv_discount="0.01"))
    assert 0 < discounted.value < plain.value
    assert value("ltv", ask(MAR, ltv_method="net_retention")).value > 0


def test_nobody_leaving_has_no_lifetime_but_a_cap():
    pays("stays", (date(2024, 1, 1), None, "100"))
    fill_all()
    assert value("ltv", ask(MAR)).reason == "no_churn"
    assert value("ltv", ask(MAR, ltv_cap_months=60)).value == 6000
    assert value("customer_lifetime", ask(MAR)).reason == "no_churn"


def test_averages_and_growth(february):
    (row,) = values_of(
        ask(FEB), keys=["net_new_mrr", "asp", "mrr_growth", "customer_growth", "arr", "annual_churn"]
    )
    assert (row["net_new_mrr"].value, row["asp"].value, row["arr"].value) == (-70, 35, 12 * 930)
    assert (row["mrr_growth"].value, row["customer_growth"].value) == (Decimal("-0.07"), 0)
    assert row["annual_churn"].value == 1 - Decimal("0.9") ** 12


def test_every_known_key_answers_with_a_value_or_a_reason(february):
    for row in values_of(ask(FEB, MAR), keys=KNOWN):
        assert set(row) == set(KNOWN)
        assert all(
            isinstance(found, Result) and (found.value is not None or found.reason) for found in row.values()
        )


def test_an_unknown_key_is_named():
    with pytest.raises(KeyError, match="nonsense"):
        values_of(ask(JAN), keys=["nonsense"])


def test_a_row_takes_the_definition_it_is_given(february):
    question = ask(FEB, quick_ratio_includes_reactivation="false")
    (row,) = metric_rows(question.periods, as_of=AS_OF, complete_to=AS_OF, definition=question.definition)
    assert row.values["quick_ratio"].numerator == 120


def test_t_12_what_can_still_grow_is_maturing(february):
    make_version(make_payer("trial"), date(2025, 5, 20), trial_end=date(2025, 6, 20))
    fill_all()
    february_row, may_row = (
        metric_rows(ask(month).periods, as_of=AS_OF, complete_to=AS_OF)[0] for month in (FEB, MAY)
    )
    assert february_row.maturing == frozenset()
    assert may_row.maturing == {"trial_to_paid_rate"}


def test_statements_of_all_rates_do_not_grow_with_customers(february, django_assert_max_num_queries):
    with django_assert_max_num_queries(20):
        values_of(
            ask(FEB, logo_churn_formula="all_in_period"), keys=["logo_churn_rate", "nrr_12m", "ltv", "cac"]
        )
