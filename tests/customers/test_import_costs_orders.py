"""Costs, orders and exchange rates from files: what rows become, what a second file changes, how it is taken back."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from accounts.models import Organisation
from customers.connectors.table import Columns
from customers.models import CostEntry, ImportBatch, Order, StaleMark
from customers.services import costs
from customers.services.imports.run import Request, run_import
from customers.services.imports.undo import undo_import
from tests.factories.customers import make_customer

pytestmark = pytest.mark.django_db
COSTS = (
    "period,kind,amount,currency,category,segment\n"
    "2026-01,acquisition,1000,EUR,sales,\n"
    "2026-01,acquisition,500.5,EUR,marketing,Mid\n"
    "2026-02,retention,70,USD,tools,\n"
)
ORDERS = (
    "order_id,customer_id,day,amount,currency,refunded\n"
    "007,k1,2026-01-05,12.5,USD,\no2,k1,2026-01-05,3,USD,no\no3,k2,2026-02-01,8,USD,yes\n"
)


@pytest.fixture
def bring(tmp_path, now):
    """Import a text as a file and return the outcome."""

    def run(kind, content, *, by=None, at=now, specs=None, **more):
        path = tmp_path / "file.csv"
        path.write_text(content)
        request = Request(
            kind=kind, path=path, file_name="file.csv", columns=Columns(specs=specs or {}), **more
        )
        return run_import(request=request, by=by, now=at)

    return run


@pytest.fixture
def buyers():
    return [make_customer(name=name, external_ids={"import": name}) for name in ("k1", "k2")]


def counts(outcome):
    assert outcome.problems == [] or outcome.rejected
    return (outcome.counts.created, outcome.counts.updated, outcome.counts.unchanged, outcome.rejected)


def bills():
    found = CostEntry.objects.current().order_by("from_on", "category", "amount")
    return list(found.values_list("from_on", "to_on", "kind", "amount", "currency", "category", "segment"))


def test_a_cost_of_a_month_covers_its_days(bring):
    assert counts(bring("costs", COSTS)) == (3, 0, 0, 0)
    january, february, march = date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 1)
    assert bills() == [
        (january, february, "acquisition", Decimal("500.5"), "EUR", "marketing", "Mid"),
        (january, february, "acquisition", Decimal(1000), "EUR", "sales", ""),
        (february, march, "retention", Decimal(70), "USD", "tools", ""),
    ]


def test_the_same_costs_twice_change_nothing_and_another_amount_corrects(bring):
    bring("costs", COSTS)
    assert counts(bring("costs", COSTS)) == (0, 0, 3, 0)
    assert counts(bring("costs", COSTS.replace("1000,EUR", "1100,EUR"))) == (0, 1, 2, 0)
    assert CostEntry.objects.get(amount=1000).superseded_by.amount == 1100


def test_two_bills_of_one_month_are_two_costs_in_any_order(bring):
    head, rows = (
        "period,kind,amount,currency\n",
        ["2026-01,retention,5,EUR\n"] * 2 + ["2026-01,retention,6,EUR\n"],
    )
    assert counts(bring("costs", head + "".join(rows))) == (3, 0, 0, 0)
    assert counts(bring("costs", head + "".join(reversed(rows)))) == (0, 0, 3, 0)
    assert counts(bring("costs", head + "".join(rows) + "2026-01,retention,7,EUR\n")) == (1, 0, 3, 0)
    assert sum(amount for *_, amount, _, _, _ in bills()) == 23


def test_costs_can_be_taken_back_and_imported_again(bring, now):
    bring("costs", COSTS)
    bring("costs", COSTS.replace("1000,EUR", "1100,EUR"))
    first, second = ImportBatch.objects.order_by("pk")
    assert undo_import(batch=second, by=None, now=now).rows == 1
    assert {amount for *_, amount, _, _, _ in bills()} == {1000, Decimal("500.5"), 70}
    undone = undo_import(batch=first, by=None, now=now)
    assert (undone.rows, len(undone.conflicts)) == (2, 1)
    assert counts(bring("costs", COSTS)) == (2, 0, 1, 0)


def test_only_an_admin_imports_costs(bring, mia, vera):
    assert "only an admin" in bring("costs", COSTS, by=mia).problems[0].reason
    assert counts(bring("costs", COSTS, by=vera)) == (3, 0, 0, 0)


@pytest.mark.parametrize(
    ("row", "column", "says"),
    [
        ("2026-1,retention,1,EUR,,", "period", "is no month"),
        ("2026-13,retention,1,EUR,,", "period", "is no day of the calendar"),
        ("2026-01,other,1,EUR,,", "kind", "not one of the words"),
        ("2026-01,retention,-1,EUR,,", "amount", "is negative"),
        ("2026-01,retention,1,euro,,", "currency", "no currency"),
        ("2026-01,retention,,EUR,,", "amount", "is empty"),
    ],
)
def test_a_wrong_cost_is_named_and_the_others_may_come(bring, row, column, says):
    outcome = bring("costs", f"{COSTS}{row}\n")
    assert (outcome.is_refused, CostEntry.objects.count()) == (True, 0)
    problem = outcome.problems[0]
    assert (problem.row, problem.column, bool(problem.fix)) == (5, column, True)
    assert says in problem.reason
    assert counts(bring("costs", f"{COSTS}{row}\n", may_skip_bad=True)) == (3, 0, 0, 1)


def test_orders_keep_their_ids_and_are_unchanged_the_second_time(bring, buyers):
    assert counts(bring("orders", ORDERS)) == (3, 0, 0, 0)
    assert counts(bring("orders", ORDERS)) == (0, 0, 3, 0)
    found = Order.objects.current().order_by("pk").values_list("source_key", "day", "amount", "refunded")
    assert list(found) == [
        ("007", date(2026, 1, 5), Decimal("12.5"), False),
        ("o2", date(2026, 1, 5), Decimal(3), False),
        ("o3", date(2026, 2, 1), Decimal(8), True),
    ]
    assert StaleMark.objects.filter(customer=buyers[1], from_day=date(2026, 2, 1), cause="order").count() == 1


def test_a_refund_replaces_the_order_and_the_undo_brings_it_back(bring, buyers, now):
    bring("orders", ORDERS)
    short = "order_id,customer_id,day,amount,refunded\no2,k1,2026-01-05,3,yes\n"
    assert counts(bring("orders", short)) == (0, 1, 0, 0)
    assert Order.objects.current().get(source_key="o2").currency == "USD"
    first, second = ImportBatch.objects.order_by("pk")
    undo_import(batch=second, by=None, now=now)
    assert not Order.objects.current().get(source_key="o2").refunded
    undo_import(batch=first, by=None, now=now + timedelta(days=1))
    assert set(Order.objects.current().values_list("source_key", flat=True)) <= {"o2"}


def test_an_order_without_currency_is_in_the_customers_or_the_reporting_one(bring, now):
    Organisation.objects.update_or_create(pk=1, defaults={"currency": "CHF"})
    make_customer(external_ids={"import": "k1"}, currency="USD")
    make_customer(external_ids={"import": "k2"}, currency="")
    bring("orders", "order_id,customer_id,day,amount\no1,k1,2026-01-05,1\no2,k2,2026-01-05,1\n")
    assert dict(Order.objects.values_list("source_key", "currency")) == {"o1": "USD", "o2": "CHF"}


def test_orders_without_an_id_are_numbered_where_they_are_equal(bring, buyers):
    spec = {"order_id": {"columns": ["customer_id", "day", "amount"], "join": " ", "numbered": "yes"}}
    rows = "customer_id,day,amount\nk1,2026-01-05,1\nk1,2026-01-05,1\nk1,2026-01-05,2\n"
    for expected in ((3, 0, 0, 0), (0, 0, 3, 0)):
        assert counts(bring("orders", rows, specs=spec)) == expected
    assert set(Order.objects.values_list("source_key", flat=True)) == {
        "k1 2026-01-05 1",
        "k1 2026-01-05 1#2",
        "k1 2026-01-05 2",
    }


def test_orders_of_unknown_customers_and_moved_ones_are_named(bring, buyers):
    bring("orders", ORDERS)
    outcome = bring("orders", "order_id,customer_id,day,amount\n007,k2,2026-01-05,1\no9,k9,2026-01-05,1\n")
    assert [(problem.row, problem.column) for problem in outcome.problems] == [
        (2, "customer_id"),
        (3, "customer_id"),
    ]


def test_costs_by_hand_are_added_corrected_and_taken_back(vera, now):
    cost = costs.add_cost(
        from_on=date(2026, 1, 1), to_on=date(2026, 4, 1), kind="retention", amount=Decimal(90), currency="EUR",
        category="tools", by=vera, now=now,
    )  # fmt: skip
    same = costs.correct_cost(cost=cost, by=vera, now=now, amount=Decimal(90))
    other = costs.correct_cost(cost=cost, by=vera, now=now, amount=Decimal(80), segment="Mid")
    assert same == cost
    assert list(CostEntry.objects.current()) == [other]
    costs.void_cost(cost=other, by=vera, now=now)
    assert not CostEntry.objects.current().exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [("to_on", date(2026, 1, 1)), ("kind", "other"), ("amount", Decimal(-1)), ("currency", "EURO")],
)
def test_a_cost_that_cannot_be_is_refused_by_its_field(field, value, vera, now):
    fields = {
        "from_on": date(2026, 1, 1), "to_on": date(2026, 2, 1), "kind": "retention", "amount": Decimal(1),
        "currency": "EUR",
    }  # fmt: skip
    with pytest.raises(costs.CostError) as refused:
        costs.add_cost(by=vera, now=now, **(fields | {field: value}))
    assert refused.value.field == field


def test_costs_and_orders_are_append_only(bring, buyers):
    bring("costs", COSTS)
    bring("orders", ORDERS)
    for rows in (CostEntry.objects.all(), Order.objects.all()):
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            rows.update(amount=1)
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            rows.delete()
