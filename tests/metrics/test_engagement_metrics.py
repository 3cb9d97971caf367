"""Seats used, stickiness by mode, features adopted, users that come and go, contacts made."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from metrics.queries.engagement import (
    contact_metrics,
    feature_adoption,
    licence_metrics,
    lifecycle_metrics,
    nday_retention,
    usage_metrics,
)
from tests.factories.customers import make_ticket, make_touchpoint, make_usage
from tests.factories.ledgers import make_payer, make_version
from tests.factories.operations import AS_OF, ask, fill_all

pytestmark = pytest.mark.django_db
JAN, FEB, MAR, JUN = (date(2025, month, 1) for month in (1, 2, 3, 6))


@pytest.fixture
def fill():
    return fill_all


def use(customer, user, *days, **fields):
    for day in days:
        make_usage(customer, user=user, day=day, **fields)


def test_without_use_nothing_is_known(fill):
    fill()
    (row,) = usage_metrics(ask(JAN))
    assert {row[key].reason for key in ("dau_mean", "wau", "mau", "stickiness")} == {"no_data"}
    (row,) = lifecycle_metrics(ask(JAN))
    assert row["users_new"].reason == "no_data"


def test_stickiness_by_mode(fill):
    customer = make_payer()
    use(customer, "a", date(2025, 6, 15), date(2025, 6, 13), date(2025, 6, 2))
    use(customer, "b", date(2025, 6, 3))
    fill()
    found = {}
    for mode in ("mean_30", "workdays", "wau_mau", "single_day"):
        (row,) = usage_metrics(ask(JUN, stickiness_mode=mode))
        found[mode] = row["stickiness"].value
    # the 30 days to Sunday 15 June hold 20 workdays; one of the four user days is that Sunday
    assert found["mean_30"].quantize(Decimal("0.0001")) == Decimal("0.0667")
    assert found["workdays"].quantize(Decimal("0.0001")) == Decimal("0.0750")
    assert (found["wau_mau"], found["single_day"]) == (Decimal("0.5"), Decimal("0.5"))


def test_licence_use_is_users_by_seats_of_customers_that_bought_some(fill):
    seats, none = make_payer("seats"), make_payer("none")
    make_version(seats, JAN, quantity=Decimal(4))
    make_version(seats, JAN, mrr="1", product="credits", quantity=Decimal(1000))
    make_version(none, JAN)
    use(seats, "a", date(2025, 6, 14))
    use(none, "b", date(2025, 6, 14))
    fill()
    (row,) = licence_metrics(ask(JUN))
    assert (row["licence_use"].numerator, row["licence_use"].denominator) == (1, 4)
    (row,) = licence_metrics(ask(JUN, customers=[none.pk]))
    assert row["licence_use"].reason == "not_configured"


def test_a_feature_is_adopted_from_three_uses_on():
    ann, bob = make_payer("ann"), make_payer("bob")
    use(ann, "a", date(2025, 6, 10), count=3, feature="export")
    use(bob, "b", date(2025, 6, 10), count=2, feature="export")
    use(bob, "b", date(2025, 6, 10), count=5, event="search")
    found = feature_adoption(ask(JUN), day=AS_OF)
    assert {name: rate.value for name, rate in found.items()} == {"export": 0.5, "search": 0.5}
    found = feature_adoption(ask(JUN, adoption_min_uses=1), day=AS_OF, by_user=True)
    assert next(iter(found)) == "export"
    assert found["export"].value == 1


def test_users_are_new_returning_resurrecting_or_dormant(fill):
    customer = make_payer()
    use(customer, "stays", date(2025, 1, 5), date(2025, 2, 5), date(2025, 3, 5))
    use(customer, "pauses", date(2025, 1, 5), date(2025, 3, 5))
    use(customer, "fresh", date(2025, 3, 9))
    use(customer, "gone", date(2025, 2, 9))
    fill()
    rows = lifecycle_metrics(ask(JAN, MAR))
    names = ("users_new", "users_returning", "users_resurrecting", "users_dormant")
    assert [[int(row[name].value) for name in names] for row in rows] == [
        [2, 0, 0, 0],
        [1, 1, 0, 1],
        [1, 1, 1, 1],
    ]


def test_what_is_used_after_the_day_asked_for_is_not_seen(fill):
    customer = make_payer()
    use(customer, "early", date(2025, 6, 1))
    use(customer, "later", date(2025, 6, 12))
    fill()
    (row,) = lifecycle_metrics(ask(JUN, as_of=date(2025, 6, 10)))
    assert row["users_new"].value == 1


@pytest.mark.parametrize(
    ("rule", "value"), [("on", "0.5"), ("on_or_after", "1"), ("bracket", "1"), ("unbroken", "0")]
)
def test_day_n_retention_follows_its_rule(fill, rule, value):
    customer = make_payer()
    use(customer, "a", date(2025, 1, 5), date(2025, 1, 7))
    use(customer, "b", date(2025, 1, 5), date(2025, 1, 9))
    fill()
    assert nday_retention(ask(JAN, retention_rule=rule), ks=[2])[0][2].value == Decimal(value)


def test_a_cohort_that_has_not_reached_day_n_is_immature(fill):
    use(make_payer(), "a", date(2025, 6, 10))
    fill()
    assert nday_retention(ask(JUN), ks=[7])[0][7].reason == "immature"
    assert nday_retention(ask(JUN, retention_day="rolling_24h"), ks=[7])[0][7].reason == "not_configured"
    assert nday_retention(ask(JAN), ks=[7])[0][7].reason == "no_data"


def test_contacts_are_calls_meetings_mails_and_reviews_but_no_tickets(fill):
    customer = make_payer()
    make_version(customer, JAN)
    make_version(make_payer("other"), JAN)
    moment = datetime(2025, 6, 10, 9, tzinfo=UTC)
    for kind in ("call", "email", "meeting", "note"):
        make_touchpoint(customer, kind=kind, occurred_at=moment)
    make_touchpoint(customer, occurred_at=moment, direction="internal")
    make_ticket(customer, opened_at=moment)
    fill()
    (row,) = contact_metrics(ask(JUN))
    assert (row["contact_frequency"].numerator, row["contact_frequency"].denominator) == (3, 2)


def test_statements_do_not_grow_with_months_or_users(fill, django_assert_num_queries):
    customer = make_payer()
    for user in "abc":
        use(customer, user, date(2025, 1, 5), date(2025, 2, 5))
    fill()
    for question in (ask(JAN), ask(JAN, JUN)):
        with django_assert_num_queries(2):
            lifecycle_metrics(question)
        with django_assert_num_queries(1):
            nday_retention(question, ks=[1, 7])
        with django_assert_num_queries(2):
            contact_metrics(question)
