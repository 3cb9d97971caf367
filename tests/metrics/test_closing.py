"""Closed months: frozen for good, restated by late facts, and explained."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import ProgrammingError, connection, transaction

from config.work.pg import recorded_at
from customers.services import subscriptions
from metrics.models import ClosedMonth, CompanyMonth, FrozenValue, Movement, Restatement
from metrics.queries.closed_months import reported, reported_months
from metrics.services import closing
from metrics.services.definitions import draft_of, publish
from metrics.services.recompute import bring_up_to_date
from tests.factories.ledgers import make_payer, make_rate, set_currency

NOW = datetime(2025, 6, 16, 10, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
EARLY = datetime(2025, 1, 3, tzinfo=UTC)
pytestmark = pytest.mark.django_db


@pytest.fixture
def larch():
    return make_payer("Larch")


def start(customer, day, amount, *, at=EARLY, product="Tend"):
    with recorded_at(at):
        return subscriptions.start_line(
            customer=customer, from_on=day, by=None, now=at, amount=amount, currency="EUR", product=product
        )


def refresh(now=NOW):
    bring_up_to_date(as_of=now.date(), now=now)


def test_a_closed_month_keeps_every_number_with_definition_and_knowledge(larch):
    start(larch, date(2025, 1, 10), 100)
    refresh()
    closed = closing.close_month(month=date(2025, 1, 1), by=None, now=NOW)
    numbers = reported(date(2025, 1, 1))
    assert (numbers["closing"].as_reported, numbers["new"].as_reported, numbers["new_n"].as_reported) == (
        100,
        100,
        1,
    )
    assert (numbers["ltv"].as_reported, numbers["ltv"].reason) == (None, "immature")
    assert (closed.definition, closed.known_at <= NOW) == (0, True)
    assert all(number.difference == 0 for number in numbers.values())


def test_months_close_one_after_the_other_and_never_again(larch):
    start(larch, date(2025, 1, 10), 100)
    closing.close_month(month=date(2025, 2, 1), by=None, now=NOW)
    for month, words in (
        (date(2025, 2, 1), "closed already"),
        (date(2025, 4, 1), "March 2025 is still open"),
        (date(2025, 6, 1), "not over"),
    ):
        with pytest.raises(closing.CannotCloseError, match=words):
            closing.close_month(month=month, by=None, now=NOW)


@pytest.mark.parametrize("model", [ClosedMonth, FrozenValue, Restatement])
@pytest.mark.parametrize("verb", ["UPDATE {} SET month_id = month_id", "DELETE FROM {}"])
def test_t_3_nobody_changes_frozen_numbers_by_sql(larch, model, verb):
    start(larch, date(2025, 1, 10), 100)
    refresh()
    closing.close_month(month=date(2025, 1, 1), by=None, now=NOW)
    start(larch, date(2025, 1, 20), 30, at=LATER, product="Late")
    refresh()
    closing.restate(now=NOW)
    if model is ClosedMonth:
        verb = verb.replace("month_id", "month")
    with (
        pytest.raises(ProgrammingError, match=r"Cannot (update|delete)"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(verb.format(model._meta.db_table))


def test_t_5_a_late_fact_three_months_back_restates_exactly_the_months_it_touches(larch):
    oak = make_payer("Oak")
    start(larch, date(2025, 1, 10), 100)
    start(oak, date(2025, 1, 10), 50)
    refresh()
    months = [date(2025, month, 1) for month in (1, 2, 3, 4, 5)]
    for month in months:
        closing.close_month(month=month, by=None, now=NOW)
    before = reported_months(months)
    start(larch, date(2025, 3, 5), 30, at=LATER, product="Late")
    refresh()
    assert closing.restate(now=NOW) > 0
    after = reported_months(months)
    assert [after[month]["closing"].difference for month in months] == [0, 0, 30, 30, 30]
    assert [after[month]["expansion"].difference for month in months] == [0, 0, 30, 0, 0]
    for month in months:
        for key, number in after[month].items():
            assert number.as_reported == before[month][key].as_reported
            assert number.difference == sum(step.difference for step in number.steps)
    assert not any(number.steps for month in months[:2] for number in after[month].values())
    (step,) = after[date(2025, 3, 1)]["closing"].steps
    assert (step.cause, [fact["fact"] for fact in step.facts]) == ("late_fact", ["line version"])
    assert step.facts[0]["customer"] == larch.pk
    assert closing.restate(now=NOW) == 0


def test_t_7_what_was_known_at_the_closing_gives_the_frozen_numbers_again(larch):
    line = start(larch, date(2025, 1, 10), 100)
    refresh()
    closed = closing.close_month(month=date(2025, 1, 1), by=None, now=NOW)
    subscriptions.end_line(line=line, on=date(2025, 1, 20), by=None, now=NOW)
    refresh()
    closing.restate(now=NOW)
    again = closing.frozen_again(closed, now=NOW)
    numbers = reported(date(2025, 1, 1))
    assert {key: number.as_reported for key, number in numbers.items()} == again
    assert (numbers["closing"].as_reported, numbers["closing"].restated) == (100, 0)


def test_months_close_by_themselves_from_the_first_recorded_one(larch):
    start(larch, date(2024, 1, 10), 100, at=datetime(2025, 3, 20, tzinfo=UTC))
    assert closing.due_months(now=datetime(2025, 5, 5, 12, tzinfo=UTC)) == [date(2025, 3, 1)]
    assert closing.due_months(now=datetime(2025, 5, 6, 12, tzinfo=UTC)) == [
        date(2025, 3, 1),
        date(2025, 4, 1),
    ]
    refresh()
    assert closing.close_due_months(now=datetime(2025, 5, 6, 12, tzinfo=UTC)) == 2
    assert closing.due_months(now=datetime(2025, 5, 6, 12, tzinfo=UTC)) == []


def test_nothing_is_compared_while_customers_wait(larch):
    start(larch, date(2025, 1, 10), 100)
    refresh()
    closing.close_month(month=date(2025, 1, 1), by=None, now=NOW)
    start(larch, date(2025, 1, 20), 30, at=LATER, product="Late")
    assert closing.restate(now=NOW) == 0


def test_t_8_without_restating_a_late_fact_is_booked_in_the_first_open_month(larch, vera):
    publish(draft=draft_of(values={"restate": "false"}), by=vera, now=NOW)
    oak = make_payer("Oak")
    start(larch, date(2025, 1, 10), 100)
    late_end = start(oak, date(2025, 1, 10), 50)
    refresh()
    months = [date(2025, month, 1) for month in (1, 2, 3, 4)]
    for month in months:
        closing.close_month(month=month, by=None, now=NOW)
    before = reported_months(months)
    start(larch, date(2025, 3, 5), 30, at=LATER, product="Late")
    with recorded_at(LATER):
        subscriptions.end_line(line=late_end, on=date(2025, 2, 10), by=None, now=LATER)
    refresh(LATER)
    assert closing.restate(now=LATER) == 0
    assert reported_months(months) == before
    moves = Movement.objects.filter(day__gte=date(2025, 3, 1)).order_by("-amount")
    assert [(row.day, row.kind, row.amount) for row in moves] == [
        (date(2025, 5, 1), "expansion", 30),
        (date(2025, 5, 1), "churn", -50),
    ]
    assert moves[0].reason == "prior_period_adjustment"
    rows = CompanyMonth.objects.order_by("month").values_list("closing", flat=True)
    assert list(rows) == [150, 150, 150, 150, 130, 130]


def test_t_9_another_currency_or_definition_restates_nothing(larch, vera):
    start(larch, date(2025, 1, 10), 100)
    refresh()
    closing.close_month(month=date(2025, 1, 1), by=None, now=NOW)
    make_rate("EUR", date(2025, 1, 1), "0.5")
    set_currency("USD")
    refresh(LATER)
    assert CompanyMonth.objects.get(month=date(2025, 1, 1)).closing == 200
    assert (closing.restate(now=LATER), Restatement.objects.count()) == (0, 0)
    assert closing.frozen_again(ClosedMonth.objects.get(), now=LATER)["closing"] == 100
