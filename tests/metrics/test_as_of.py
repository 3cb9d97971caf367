"""The portfolio and a customer as of a past day: what was known then, what is known now, and who may see it."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from config.work import pg
from customers.queries.portfolio import Filters, portfolio_for
from customers.services import attributes
from metrics.models import HealthScore
from metrics.services.refresh import refresh_all_stale
from tests.factories.customers import (
    NOW,
    make_assignment,
    make_customer,
    make_subscription,
)
from tests.factories.health import TODAY, make_scored_customer, score_now

pytestmark = pytest.mark.django_db
DAY = TODAY - timedelta(days=60)
THEN = datetime.combine(DAY, datetime.min.time(), UTC) - timedelta(days=30)


@pytest.fixture(autouse=True)
def frozen(time_machine):
    time_machine.move_to(NOW, tick=False)


def at(moment):
    """Facts written inside are recorded at a moment of the past."""
    return pg.recorded_at(moment)


def get(client, user, name="portfolio_as_of", *args, day=DAY, known="then", **query):
    client.force_login(user)
    query = {"as_of": day.isoformat(), "known": known, **query}
    return client.get(reverse(f"metrics:{name}", args=args), query)


def rows_of(response):
    return {row.stood.name: row for row in response.context["page"].rows}


@pytest.fixture
def larch(anna):
    """A customer of Anna's that pays 100 since last year, all of it known at once."""
    with transaction.atomic(), at(THEN):
        return make_customer(owner=anna, name="Larch", mrr="100", phase="adoption", tier="gold", now=THEN)


def test_as_2_owner_phase_mrr_and_renewal_of_that_day(client, anna, ben, mia, larch):
    make_assignment(larch, ben, from_on=TODAY - timedelta(days=5))
    attributes.set_attribute(
        customer=larch, key="phase", value="renewal", from_on=TODAY - timedelta(days=5), by=None, now=NOW
    )
    make_subscription(larch, mrr="900", from_on=TODAY - timedelta(days=5), external_id="more")
    refresh_all_stale(as_of=TODAY, now=NOW)
    for known in ("then", "now"):
        row = rows_of(get(client, mia, known=known))["Larch"].stood
        assert (row.owner, row.phase, row.tier, row.mrr) == ("Anna Berg", "adoption", "gold", Decimal(100))


def test_as_2_what_came_late_counts_as_known_now_and_not_as_known_then(client, mia, anna, larch):
    make_subscription(
        larch, mrr="50", from_on=DAY - timedelta(days=20), to_on=DAY + timedelta(days=40), external_id="late"
    )
    refresh_all_stale(as_of=TODAY, now=NOW)
    then, now = (rows_of(get(client, mia, known=known))["Larch"].stood for known in ("then", "now"))
    assert (then.mrr, then.renewal_on) == (Decimal(100), None)
    assert (now.mrr, now.renewal_on) == (Decimal(150), DAY + timedelta(days=40))


def test_as_2_a_customer_that_was_not_known_then_is_not_in_the_list(client, mia, anna, larch):
    make_customer(owner=anna, name="Maple", mrr="10")
    refresh_all_stale(as_of=TODAY, now=NOW)
    assert set(rows_of(get(client, mia))) == {"Larch"}
    assert set(rows_of(get(client, mia, known="now"))) == {"Larch", "Maple"}


def test_as_2_scores_are_the_stored_ones_of_that_day(client, anna):
    past = NOW - timedelta(days=10)
    customer = make_scored_customer(owner=anna, name="Birch", level=4)
    score_now(customer, now=past, as_of=past.date())
    stored = HealthScore.objects.get(customer=customer, to_at=None)
    score_now(customer)
    current = HealthScore.objects.get(customer=customer, to_at=None)
    assert current.pk != stored.pk
    row = rows_of(get(client, anna, day=past.date(), known="then", view="everyone")).get("Birch")
    assert row is None  # the customer itself was recorded later
    panel = get(client, anna, "health_panel", customer.pk, day=past.date())
    assert panel.context["score"] == stored
    now = get(client, anna, "health_panel", customer.pk, day=past.date(), known="now").context["score"]
    assert now.pk is None
    assert now.as_of == past.date()


def test_as_1_access_takes_that_day_and_today(client, anna, ben, carl, mia, vic, larch):
    """Anna had it then and lost it; Carl has it now and did not have it then; the viewer reads all."""
    make_assignment(larch, carl, from_on=TODAY - timedelta(days=5))
    refresh_all_stale(as_of=TODAY, now=NOW)
    assert rows_of(get(client, carl, view="everyone")) == {}
    assert rows_of(get(client, mia)) == {}  # the team has lost it
    assert set(rows_of(get(client, vic))) == {"Larch"}
    assert get(client, carl, "customer_as_of", larch.pk).status_code == 200
    for user in (anna, mia):
        assert get(client, user, "customer_as_of", larch.pk).status_code == 404
        assert get(client, user, "health_panel", larch.pk).status_code == 404


def test_as_1_the_bar_says_which_day_and_offers_the_other_knowledge(client, anna, larch):
    page = get(client, anna).content.decode()
    assert "as known then" in page
    assert f"?as_of={DAY.isoformat()}&amp;known=now" in page
    assert "To be read only" in page
    panel = get(client, anna, "health_panel", larch.pk).content.decode()
    assert "To be read only" in panel
    assert "override" not in panel


def test_as_1_today_leads_to_the_page_of_today_and_as_of_leads_here(client, anna, larch):
    client.force_login(anna)
    for name, args in (("portfolio", []), ("customer", [larch.pk])):
        there = client.get(reverse(f"customers:{name}", args=args), {"as_of": DAY.isoformat()})
        assert there.status_code == 302
        assert there["Location"].startswith(reverse(f"metrics:{name}_as_of", args=args))
        back = client.get(reverse(f"metrics:{name}_as_of", args=args), {"as_of": TODAY.isoformat()})
        assert (back.status_code, back["Location"]) == (302, reverse(f"customers:{name}", args=args))


@pytest.mark.parametrize(
    "day", ["2026-03-17", "2999-01-01", "0001-01-01", "yesterday", "2026-02-30", "9" * 50]
)
def test_as_1_a_day_that_cannot_be_shown_is_told_and_never_an_error(client, anna, larch, day):
    client.force_login(anna)
    for name, args in (("portfolio_as_of", []), ("customer_as_of", [larch.pk]), ("health_panel", [larch.pk])):
        response = client.get(reverse(f"metrics:{name}", args=args), {"as_of": day})
        assert response.status_code == 200
        assert 'role="alert"' in response.content.decode()


def test_as_1_before_the_first_fact_the_page_names_the_first_day(client, anna, larch):
    page = get(client, anna, day=date(2020, 1, 1))
    assert "Nothing was known on that day" in page.content.decode()
    assert page.context["first_day"] == date(2025, 1, 1)


@pytest.mark.parametrize(
    "query", [{"page": "x"}, {"sort": "-'"}, {"band": "x"}, {"view": "x"}, {"q": "x" * 500}]
)
def test_nonsense_in_the_address_is_left_out(client, anna, larch, query):
    assert get(client, anna, **query).status_code == 200


def test_the_list_filters_sorts_and_exports_the_same_rows(client, vera, anna, larch):
    with transaction.atomic(), at(THEN):
        make_customer(owner=anna, name="Alder", mrr="900", now=THEN)
    refresh_all_stale(as_of=TODAY, now=NOW)
    assert list(rows_of(get(client, vera, sort="mrr"))) == ["Larch", "Alder"]
    assert list(rows_of(get(client, vera, sort="-health"))) == ["Alder", "Larch"]
    assert list(rows_of(get(client, vera, q="lar"))) == ["Larch"]
    assert list(rows_of(get(client, vera, band="good"))) == []
    response = get(client, vera, "portfolio_as_of_export", sort="mrr")
    lines = b"".join(response.streaming_content).decode("utf-8-sig").splitlines()
    assert [line.split(",")[2] for line in lines] == ["Customer", "Larch", "Alder"]


def test_the_export_of_a_past_day_needs_the_grant(client, anna, larch):
    anna.grants = []
    anna.save(update_fields=["grants"])
    allowed = anna.may("export")
    assert (get(client, anna, "portfolio_as_of_export").status_code == 200) is allowed


def test_more_customers_take_no_more_queries(client, anna, larch):
    def count(known):
        with CaptureQueriesContext(connection) as counted:
            assert get(client, anna, known=known).status_code == 200
        return len(counted)

    score_now()
    get(client, anna)
    before = [count(known) for known in ("then", "now")]
    with transaction.atomic(), at(THEN):
        for number in range(3):
            make_customer(owner=anna, name=f"More {number}", mrr="5", now=THEN)
    score_now()
    assert [count(known) for known in ("then", "now")] == before


def test_as_4_the_list_of_a_day_opened_later_is_what_the_list_showed(client, anna, ben, vera):
    with transaction.atomic(), at(THEN):
        held = [
            make_scored_customer(owner=anna, name="Alder", tier="gold"),
            make_customer(owner=anna, name="Birch", mrr="70", phase="value", now=THEN),
            make_customer(name="Cedar", now=THEN),
        ]
        make_subscription(held[1], mrr="30", to_on=THEN.date() + timedelta(days=80), external_id="ends")
        refresh_all_stale(as_of=THEN.date(), now=THEN)
    shown = portfolio_for(vera, filters=Filters(view="everyone"), today=THEN.date(), now=THEN).rows(0, 50)
    assert {row.name for row in shown} == {"Alder", "Birch", "Cedar"}
    make_assignment(held[0], ben, from_on=THEN.date())  # told late, and back to that very day
    attributes.set_attribute(
        customer=held[1], key="phase", value="renewal", from_on=THEN.date(), by=None, now=NOW
    )
    make_subscription(held[2], mrr="500", from_on=THEN.date(), external_id="late")
    refresh_all_stale(as_of=TODAY, now=NOW)
    later = rows_of(get(client, vera, day=THEN.date(), known="then"))
    assert {
        name: (row.stood.owner, row.stood.mrr, row.stood.phase, row.stood.tier, row.stood.renewal_on, row.score, row.tone)
        for name, row in later.items()
    } == {
        row.name: (
            row.summary__owner__name, row.mrr, row.phase, row.tier, row.summary__renewal_on, row.summary__score, row.tone,
        )
        for row in shown
    }  # fmt: skip
    changed = rows_of(get(client, vera, day=THEN.date(), known="now"))
    assert (changed["Alder"].stood.owner, changed["Birch"].stood.phase) == ("Ben Ode", "renewal")
    assert changed["Cedar"].stood.mrr == Decimal(500)
