"""The reporting commands: columns in their order, exit codes, exact numbers."""

import csv
import io
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import pairwise

import pytest
from django.core.management import CommandError, call_command

from customers.models import StaleMark
from customers.services.attributes import NewValue, set_attributes
from metrics.models import CohortMonth, CompanyMonth, DailyUsage, LineSegment, Movement
from metrics.rollups import checksum
from tests.factories.customers import make_usage
from tests.factories.ledgers import make_payer, make_version, mark

pytestmark = pytest.mark.django_db

METRIC_COLUMNS = [
    "month",
    "open_day",
    "close_day",
    "open_mrr",
    "close_mrr",
    "open_logos",
    "close_logos",
    "new_mrr",
    "new_n",
    "reactivation_mrr",
    "reactivation_n",
    "expansion_mrr",
    "expansion_n",
    "contraction_mrr",
    "contraction_n",
    "churn_mrr",
    "churn_n",
    "fx_mrr",
    "nrr",
    "grr",
    "nrr_12m",
    "grr_12m",
    "gross_mrr_churn_rate",
    "net_mrr_churn_rate",
    "logo_churn_rate",
    "customer_retention_rate",
    "survival_to_date",
    "expansion_rate",
    "expansion_growth",
    "arpa_close",
    "quick_ratio",
    "ltv",
    "cac",
    "ltv_cac",
    "cac_payback_months",
    "customer_retention_cost",
    "trial_to_paid_rate",
    "nps",
    "nps_low",
    "nps_high",
    "nps_n",
    "csat",
    "csat_n",
    "ces",
    "ces_n",
    "survey_response_rate",
    "dau_mean",
    "mau",
    "stickiness",
    "time_to_value_median_days",
    "activation_rate",
    "fcr_rate",
    "repeat_purchase_rate",
    "one_time_revenue",
    "arpu_revenue",
    "incomplete",
]


@pytest.fixture(autouse=True)
def today(time_machine):
    time_machine.move_to(datetime(2024, 4, 10, 12, 0, tzinfo=UTC))


@pytest.fixture
def two():
    """Larch grows and shrinks, Oak leaves; nobody has computed anything yet."""
    larch, oak = make_payer("Larch"), make_payer("Oak")
    make_version(larch, date(2024, 1, 15), date(2024, 2, 10), "100.5")
    make_version(larch, date(2024, 2, 10), date(2024, 3, 10), "300")
    make_version(larch, date(2024, 3, 10), None, "180")
    make_version(oak, date(2024, 1, 20), date(2024, 3, 5), "50")
    for customer in (larch, oak):
        mark(customer)
    return larch, oak


def run(name, *arguments):
    out = io.StringIO()
    call_command(name, *arguments, stdout=out, stderr=io.StringIO())
    return out.getvalue()


def table(name, *arguments):
    return list(csv.DictReader(io.StringIO(run(name, *arguments))))


def refused(name, *arguments):
    with pytest.raises(CommandError) as error:
        run(name, *arguments)
    assert error.value.returncode == 2
    return str(error.value)


def test_metrics_has_the_public_columns_and_six_decimals(two):
    rows = table("metrics", "--from", "2024-01", "--to", "2024-04")
    assert list(rows[0]) == METRIC_COLUMNS
    march = rows[2]
    assert {name: march[name] for name in METRIC_COLUMNS[:18]} == {
        "month": "2024-03-01",
        "open_day": "2024-02-29",
        "close_day": "2024-03-31",
        "open_mrr": "350.000000",
        "close_mrr": "180.000000",
        "open_logos": "2",
        "close_logos": "1",
        "new_mrr": "0.000000",
        "new_n": "0",
        "reactivation_mrr": "0.000000",
        "reactivation_n": "0",
        "expansion_mrr": "0.000000",
        "expansion_n": "0",
        "contraction_mrr": "120.000000",
        "contraction_n": "1",
        "churn_mrr": "50.000000",
        "churn_n": "1",
        "fx_mrr": "0.000000",
    }
    assert (march["logo_churn_rate"], march["nrr"], march["nrr_12m"]) == ("0.500000", "0.514286", "")
    assert [row["incomplete"] for row in rows] == ["false", "false", "false", "true"]
    assert not StaleMark.objects.exists()


def test_metrics_as_json_says_why_and_what(two):
    rows = json.loads(run("metrics", "--from", "2024-02", "--to", "2024-02", "--format", "json"))
    (row,) = rows
    assert (row["open_mrr"], row["new_n"], row["why"]["cac"]) == (150.5, 0, "not_configured")
    assert set(row["definition"]) == set(METRIC_COLUMNS)
    assert set(row["why"]) == {name for name in METRIC_COLUMNS if row[name] is None}


def test_json_carries_every_digit(two):
    text = run("metrics", "--from", "2024-02", "--to", "2024-02", "--json")
    (row,) = json.loads(text, parse_float=Decimal)
    assert row["nrr"].quantize(Decimal("1E-20")) == (Decimal(350) / Decimal("150.5")).quantize(
        Decimal("1E-20")
    )


def test_metrics_by_quarter_year_and_as_of(two):
    quarter = table("metrics", "--grain", "quarter")[0]
    assert (quarter["new_mrr"], quarter["close_day"], quarter["open_day"]) == (
        "150.500000",
        "2024-03-31",
        "2023-12-31",
    )
    (year,) = table("metrics", "--grain", "year")
    assert (year["month"], year["close_day"], year["incomplete"]) == ("2024-01-01", "2024-04-10", "true")
    last = table("metrics", "--as-of", "2024-03-04")[-1]
    assert (last["close_day"], last["close_mrr"], last["incomplete"]) == ("2024-03-04", "350.000000", "true")


def test_metrics_of_a_segment_and_by_a_field_add_up(two, now):
    larch, _ = two
    set_attributes(values=[NewValue(larch.pk, "segment", "large", date(2024, 1, 1))], by=None, now=now)
    whole = table("metrics", "--from", "2024-03", "--to", "2024-03")[0]
    rows = table("metrics", "--from", "2024-03", "--to", "2024-03", "--by", "segment")
    assert [(row["segment"], row["close_mrr"], row["churn_mrr"]) for row in rows] == [
        ("large", "180.000000", "0.000000"),
        ("unknown", "0.000000", "50.000000"),
    ]
    assert sum(Decimal(row["open_mrr"]) for row in rows) == Decimal(whole["open_mrr"])
    (large,) = table("metrics", "--from", "2024-03", "--to", "2024-03", "--segment", "segment=large")
    assert large["close_mrr"] == "180.000000"


def test_metrics_under_month_grain_movements(two):
    day, month = (
        table("metrics", "--from", "2024-02", "--to", "2024-03", *extra)
        for extra in ([], ["--set", "movement_grain=month"])
    )
    assert [row["close_mrr"] for row in day] == [row["close_mrr"] for row in month]
    assert month[0]["expansion_mrr"] == "199.500000"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--from", "2024-13"], "Write it as 2026-03"),
        (["--from", "2024-03", "--to", "2024-01"], "Swap"),
        (["--preset", "recurly"], "chartmogul, profitwell, stripe"),
        (["--by", "colour"], "There is no field colour"),
        (["--segment", "tier"], "field=value"),
        (["--set", "movement_grain=hour"], "day, event, month"),
        (["--set", "colour=red"], "no key 'colour'"),
        (["--as-of", "yesterday"], "2026-03-31"),
    ],
)
def test_metrics_refuses_what_it_does_not_know(arguments, words):
    assert words in refused("metrics", *arguments)


def test_metrics_under_the_rules_of_another_tool_leave_the_stored_numbers_alone(two):
    table("metrics")
    before = checksum.of_tables()
    for preset in ("chartmogul", "stripe", "profitwell"):
        rows = table("metrics", "--preset", preset)
        for last, row in pairwise(rows):
            assert row["open_mrr"] == last["close_mrr"]
    assert checksum.of_tables() == before


def test_metrics_as_known_on_an_earlier_day(two):
    assert table("metrics", "--known-at", "2023-12-31", "--from", "2024-03")[0]["close_mrr"] == "0.000000"
    today = table("metrics", "--from", "2024-03")[0]["close_mrr"]
    assert table("metrics", "--known-at", "2030-01-01", "--from", "2024-03")[0]["close_mrr"] == today


def test_movements_is_the_ledger(two):
    rows = table("movements")
    assert list(rows[0]) == [
        "customer",
        "day",
        "kind",
        "amount",
        "currency",
        "mrr_before",
        "mrr_after",
        "reason",
        "fx",
    ]
    assert [(row["customer"], row["day"], row["kind"], row["amount"]) for row in rows] == [
        ("Larch", "2024-01-15", "new", "100.500000"),
        ("Larch", "2024-02-10", "expansion", "199.500000"),
        ("Larch", "2024-03-10", "contraction", "-120.000000"),
        ("Oak", "2024-01-20", "new", "50.000000"),
        ("Oak", "2024-03-05", "churn", "-50.000000"),
    ]
    assert {row["currency"] for row in rows} == {"EUR"}
    assert len(table("movements", "--from", "2024-02-10", "--to", "2024-03-05")) == 2
    assert len(table("movements", "--customer", "Oak")) == 2
    assert len(json.loads(run("movements", "--customer", "ext:import:Oak", "--json"))) == 2
    assert "no customer" in refused("movements", "--customer", "Elm")


def test_cohorts(two):
    rows = table("cohorts")
    assert list(rows[0]) == ["cohort", "size", "k", "asof", "active", "logo_retention", "mrr", "mrr_vs_k0"]
    assert [tuple(row.values()) for row in rows] == [
        ("2024-01-01", "2", "0", "2024-01-31", "2", "1.000000", "150.500000", "1.000000"),
        ("2024-01-01", "2", "1", "2024-02-29", "2", "1.000000", "350.000000", "2.325581"),
        ("2024-01-01", "2", "2", "2024-03-31", "1", "0.500000", "180.000000", "1.196013"),
    ]
    by = table("cohorts", "--by", "segment", "--of", "mrr")
    assert next(iter(by[0])) == "segment"
    assert len(json.loads(run("cohorts", "--format", "json"))) == 3
    assert "There is no field" in refused("cohorts", "--by", "colour")


def test_recompute_says_what_it_did_and_twice_is_the_same(two):
    first = json.loads(run("recompute", "--json"))
    assert (first["customers"], first["months"], first["days"]) == (2, 4, 101)
    assert first["seconds"] >= 0
    second = json.loads(run("recompute", "--json"))
    assert (second["customers"], second["checksum"]) == (0, first["checksum"])
    full = json.loads(run("recompute", "--full", "--json"))
    assert (full["customers"], full["checksum"]) == (2, first["checksum"])
    assert "2 customers" in run("recompute", "--full")


def test_recompute_refuses_days_it_cannot_mean():
    assert "future" in refused("recompute", "--to", "2031-01-01")
    assert "Swap" in refused("recompute", "--from", "2024-04-01", "--to", "2024-03-01")


def test_verify_metrics_passes_and_needs_something_to_verify(two):
    assert "Run recompute first" in refused("verify_metrics")
    run("recompute")
    lines = run("verify_metrics").splitlines()
    assert all(line.endswith("0 differences") for line in lines)
    assert len(lines) == 12
    assert json.loads(run("verify_metrics", "--json", "--customers", "1"))["ok"] is True
    assert "neither" in refused("verify_metrics", "--customers", "some")


PLANTED = [
    (LineSegment, {"mrr": Decimal(1)}, "line_segment"),
    (Movement, {"churn_kind": "paused"}, "movement"),
    (CompanyMonth, {"kept": Decimal(7)}, "company_month"),
    (CompanyMonth, {"ever_paid": 7}, "company_month"),
    (CohortMonth, {"paying": 7}, "cohort_month"),
    (DailyUsage, {"events": 7}, "daily_usage"),
]


@pytest.mark.parametrize(("model", "fault", "name"), PLANTED, ids=lambda value: str(value)[:40])
def test_a_planted_fault_is_named(two, capsys, model, fault, name):
    make_usage(two[0], day=date(2024, 3, 3))
    run("recompute")
    row = model.objects.order_by("pk").first()
    model.objects.filter(pk=row.pk).update(**fault)
    out = io.StringIO()
    with pytest.raises(SystemExit) as left:
        call_command("verify_metrics", stdout=out)
    assert left.value.code == 1
    assert f"  {name} " in out.getvalue()
    assert f" {next(iter(fault))}: stored " in out.getvalue()


def test_a_missing_row_is_named(two):
    run("recompute")
    Movement.objects.filter(kind="churn").delete()
    out = io.StringIO()
    with pytest.raises(SystemExit):
        call_command("verify_metrics", stdout=out)
    assert "movement" in out.getvalue()
    assert "stored None" in out.getvalue()
