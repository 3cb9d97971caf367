"""Costs, orders, trials, usage and tickets reach the columns of the metrics command."""

import io
import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.core.management import call_command

from customers.models import Customer
from customers.services.costs import void_cost
from tests.factories.customers import make_ticket, make_usage
from tests.factories.ledgers import make_payer, make_version, mark
from tests.factories.operations import make_cost, make_order

pytestmark = pytest.mark.django_db
JAN = date(2025, 1, 1)
COSTS = ("cac", "ltv_cac", "cac_payback_months", "customer_retention_cost")


@pytest.fixture(autouse=True)
def today(time_machine):
    time_machine.move_to(datetime(2025, 6, 15, 12, tzinfo=UTC), tick=False)


def month_row(*arguments):
    out = io.StringIO()
    call_command("metrics", "--from", "2025-01", "--to", "2025-01", "--json", *arguments, stdout=out)
    rows = json.loads(out.getvalue(), parse_float=Decimal)
    return rows if "--by" in arguments else rows[0]


@pytest.fixture
def two(db):
    made = []
    for name, start, segment in (
        ("Larch", date(2024, 1, 1), "SMB"),
        ("Oak", date(2025, 1, 10), "Enterprise"),
    ):
        customer = make_payer(name)
        Customer.objects.filter(pk=customer.pk).update(segment=segment)
        make_version(customer, start, mrr="100")
        mark(customer)
        made.append(customer)
    return made


def test_costs_appear_and_are_not_configured_again_when_they_are_taken_back(two, vera, now):
    entries = [make_cost(JAN, 400), make_cost(JAN, 62, kind="retention")]
    row = month_row()
    assert (row["cac"], row["cac_payback_months"]) == (400, 4)
    # 31 days of Larch, 22 of Oak
    assert row["customer_retention_cost"].quantize(Decimal("0.0001")) == Decimal("36.2642")
    assert row["why"]["ltv_cac"] == "no_churn"
    for entry in entries:
        void_cost(cost=entry, by=vera, now=now)
    row = month_row()
    assert [row[key] for key in COSTS] == [None] * 4
    assert {row["why"][key] for key in ("cac", "cac_payback_months", "customer_retention_cost")} == {
        "not_configured"
    }


def test_costs_of_a_segment_stand_in_its_row(two):
    make_cost(JAN, 50, segment="Enterprise")
    make_cost(JAN, 350)
    rows = {row["segment"]: row for row in month_row("--by", "segment")}
    assert (rows["Enterprise"]["cac"], rows["SMB"]["cac"]) == (50, None)
    assert rows["SMB"]["why"]["cac"] == "not_configured"
    assert month_row()["cac"] == 400


def test_orders_trials_usage_and_tickets_have_their_columns(two):
    larch, oak = two
    make_order(larch, date(2025, 1, 3), "53")
    make_order(larch, date(2025, 1, 4), "0")
    make_order(oak, date(2025, 1, 4), "0")
    trial = make_payer("Trial")
    make_version(trial, date(2025, 1, 5), trial_end=date(2025, 2, 1))
    mark(trial)
    make_usage(oak, day=date(2025, 1, 14))
    make_ticket(
        oak,
        opened_at=datetime(2025, 1, 20, 9, tzinfo=UTC),
        first_response_at=datetime(2025, 1, 20, 10, tzinfo=UTC),
        solved_at=datetime(2025, 1, 20, 11, tzinfo=UTC),
        agent_replies=1,
    )
    row = month_row()
    assert (row["repeat_purchase_rate"], row["one_time_revenue"]) == (Decimal("0.5"), 53)
    assert row["arpu_revenue"] == 31
    assert row["trial_to_paid_rate"] == 1
    assert (row["activation_rate"], row["time_to_value_median_days"], row["fcr_rate"]) == (1, 4, 1)


def test_another_definition_is_asked_for_in_the_command(two):
    make_cost(JAN, 300)
    make_version(make_payer("Elm"), date(2025, 2, 3))
    make_cost(date(2025, 2, 1), 100)
    assert month_row()["cac"] == 300
    assert month_row("--set", "gross_margin=0.5")["cac_payback_months"] == 6
    assert month_row("--set", "cac_lag_months=1")["cac"] is None
