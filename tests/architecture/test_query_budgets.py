"""Every page and part of the customers app costs a fixed number of queries, whatever the number of rows."""

from datetime import timedelta

from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from config.checks import routes
from customers.models import Alert, SavedView
from tests.factories.customers import (
    NOW,
    make_contact,
    make_customer,
    make_follow_up,
    make_pulse,
    make_subscription,
    make_ticket,
    make_touchpoint,
)

# Statements of one GET by a signed-in CSM, session and user included.
BUDGETS = {
    "today": 16,
    "portfolio": 11,
    "portfolio_export": 5,
    "follow_ups": 8,
    "search": 7,
    "customer": 25,
    "customer_facts": 14,
    "customer_follow_ups": 13,
    "customer_timeline": 14,
    "customer_contacts": 8,
    "customer_fields": 13,
    "touchpoint_form": 8,
    "touchpoint_correction": 9,
    "follow_up_form": 9,
    "follow_up_change": 9,
    "pulse_form": 7,
    "contact_form": 7,
    "contact_change": 8,
    "phase_form": 7,
    "fields_form": 8,
    "bulk_follow_up": 7,
    "bulk_phase": 7,
}
BY_ADMINS = {"contact_erase": 6}
POST_ONLY = {"alert_answer", "follow_up_done", "follow_up_reopen", "saved_view_add", "saved_view_delete"}
BY_MANAGERS = {"assign_form": 11, "bulk_assign": 11}
PORTFOLIO_LIMIT = 12  # the most the portfolio may ever cost


def add_rows(anna, customer, count):
    """The same again of everything a page lists."""
    today = timezone.now().date()
    for number in range(count):
        make_customer(owner=anna, mrr="10.00")
        make_contact(customer)
        touch = make_touchpoint(customer, by=anna)
        make_ticket(customer)
        make_pulse(customer, by=anna)
        make_follow_up(customer, owner=anna, due_on=today + timedelta(days=number))
        make_subscription(customer, product=f"P{number}{count}")
        SavedView.objects.create(user=anna, name=f"View {number} of {count}")
        key = f"{number} of {count}"
        for one in (customer, None):
            Alert.objects.create(
                customer=one,
                receiver=anna,
                kind="drop",
                rule="1",
                dedupe_key=f"{key} {one}",
                title=key,
                opened_at=NOW,
            )
    return touch


def addresses(customer, touch, follow_up):
    contact = customer.contacts.first().pk
    args = {
        "touchpoint_correction": [customer.pk, touch.pk],
        "follow_up_change": [follow_up.pk],
        "contact_change": [customer.pk, contact],
        "contact_erase": [customer.pk, contact],
    }
    plain = ("today", "portfolio", "portfolio_export", "follow_ups", "search")
    for name in (*BUDGETS, *BY_MANAGERS, *BY_ADMINS):
        own = [] if name in plain or name.startswith("bulk_") else args.get(name, [customer.pk])
        yield name, reverse(f"customers:{name}", args=own)


def queries_of(client, href, **query):
    client.get(href, query)  # caches of the process are filled
    with CaptureQueriesContext(connection) as counted:
        response = client.get(href, query)
        if response.streaming:
            list(response.streaming_content)
    return len(counted)


def count_all(client, places, customer):
    return {name: queries_of(client, href, q="cust", sel=[customer.pk]) for name, href in places}


def test_every_page_and_part_has_a_budget():
    names = {route["name"].partition(":")[2] for route in routes() if route["name"].startswith("customers:")}
    own = {name for name in names if "import" not in name}
    assert own == {*BUDGETS, *BY_MANAGERS, *BY_ADMINS, *POST_ONLY}


def test_three_rows_cost_as_much_as_one(client, anna, mia, vera):
    customer = make_customer(owner=anna, name="Customer first", mrr="10.00")
    touch = add_rows(anna, customer, 1)
    follow_up = customer.follow_ups.first()
    places = list(addresses(customer, touch, follow_up))
    readers = ((anna, BUDGETS), (mia, BY_MANAGERS), (vera, BY_ADMINS))

    def all_counts():
        found = {}
        for user, budgets in readers:
            client.force_login(user)
            found |= count_all(client, [place for place in places if place[0] in budgets], customer)
        return found

    one = all_counts()
    add_rows(anna, customer, 2)
    assert all_counts() == one
    assert one == BUDGETS | BY_MANAGERS | BY_ADMINS


def test_the_portfolio_stays_below_its_limit_for_everybody(client, anna, mia, vera, vic):
    customer = make_customer(owner=anna, mrr="10.00")
    make_follow_up(customer, owner=anna)
    for user in (anna, mia, vera, vic):
        client.force_login(user)
        href = reverse("customers:portfolio")
        for query in ({}, {"view": "everyone", "q": "cust", "band": "none", "sort": "-mrr,renewal"}):
            assert queries_of(client, href, **query) <= PORTFOLIO_LIMIT
