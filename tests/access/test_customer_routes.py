"""Every customer route for every identity: status, scope, and planted names that must not appear.

One row per route. A route that is missing here fails the first test.
"""

from datetime import timedelta

import pytest
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from config.checks import routes
from customers.models import Alert, SavedView
from customers.services import touchpoints as touchpoint_services
from tests.factories.customers import make_contact, make_customer, make_follow_up, make_pulse, make_ticket

PEOPLE = ("anna", "ben", "carl", "vera", "mia", "vic")
PLANTED = (
    "Zyxalder",
    "Zyxperson",
    "zyxmail",
    "Zyxsubject",
    "Zyxbody",
    "Zyxtask",
    "Zyxnote",
    "zyx-id",
    "Zyxview",
    "Zyxalert",
)
HIDDEN_FROM_VIEWERS = ("Zyxperson", "zyxmail", "Zyxsubject", "Zyxbody", "Zyxnote")

ALL = dict.fromkeys(PEOPLE, 200)
READERS = {"anna": 200, "mia": 200, "vera": 200, "vic": 200, "ben": 404, "carl": 404}
WRITERS = {"anna": 200, "mia": 200, "vera": 200, "vic": 403, "ben": 404, "carl": 404}
MANAGERS = {"anna": 403, "mia": 200, "vera": 200, "vic": 403, "ben": 403, "carl": 403}
ADMINS = {**dict.fromkeys(PEOPLE, 403), "vera": 200}
NOT_VIEWERS = {**ALL, "vic": 403}
NO = dict.fromkeys(PEOPLE, 405)


def sent(allowed, code):
    """The same rights, with what a POST without data answers to those who may send it."""
    return {who: code if status == 200 else status for who, status in allowed.items()}


# route: (GET and HEAD, POST without data)
TABLE = {
    "today": (ALL, NO),
    "portfolio": (ALL, NO),
    "portfolio_export": (NOT_VIEWERS, NO),
    "follow_ups": (ALL, NO),
    "search": (ALL, NO),
    "customer": (READERS, NO),
    "customer_facts": (READERS, NO),
    "customer_follow_ups": (READERS, NO),
    "customer_timeline": (READERS, NO),
    "customer_contacts": (READERS, NO),
    "customer_fields": (READERS, NO),
    "contact_form": (WRITERS, sent(WRITERS, 422)),
    "contact_change": (WRITERS, sent(WRITERS, 422)),
    "contact_erase": (ADMINS, sent(ADMINS, 422)),
    "touchpoint_form": (WRITERS, sent(WRITERS, 422)),
    "touchpoint_correction": (WRITERS, sent(WRITERS, 422)),
    "follow_up_form": (WRITERS, sent(WRITERS, 422)),
    "follow_up_change": (WRITERS, sent(WRITERS, 422)),
    "pulse_form": (WRITERS, sent(WRITERS, 422)),
    "phase_form": (WRITERS, sent(WRITERS, 422)),
    "fields_form": (WRITERS, sent(WRITERS, 422)),
    "assign_form": (MANAGERS, sent(MANAGERS, 422)),
    "follow_up_done": (NO, sent(WRITERS, 302)),
    "follow_up_reopen": (NO, sent(WRITERS, 302)),
    "bulk_follow_up": (NOT_VIEWERS, sent(NOT_VIEWERS, 422)),
    "bulk_phase": (NOT_VIEWERS, sent(NOT_VIEWERS, 422)),
    "bulk_assign": (MANAGERS, sent(MANAGERS, 422)),
    "alert_answer": (NO, {**dict.fromkeys(PEOPLE, 404), "anna": 302}),
    "saved_view_add": (NO, sent(ALL, 302)),
    "saved_view_delete": (NO, {**dict.fromkeys(PEOPLE, 404), "anna": 302}),
}
QUERIES = {
    "portfolio": "?view=everyone",
    "portfolio_export": "?view=everyone",
    "follow_ups": "?tab=team",
    "search": "?q=zyx",
}


@pytest.fixture
def planted(anna, now):
    """A customer of Anna's whose every text can be told from any other."""
    soon = timezone.now().date() + timedelta(days=2)
    customer = make_customer(owner=anna, name="Zyxalder", external_ids={"crm": "zyx-id"}, now=now)
    contact = make_contact(customer, "zyxmail@zyxalder.example", name="Zyxperson")
    touch = touchpoint_services.log_touchpoint(
        customer=customer, kind="call", occurred_at=now, by=anna, now=now, contact=contact, subject="Zyxsubject", body="Zyxbody",
    )  # fmt: skip
    make_pulse(customer, level=2, note="Zyxnote", by=anna)
    make_ticket(customer, ticket_id="zyx-id-ticket")
    follow_up = make_follow_up(customer, title="Zyxtask", owner=anna, due_on=soon)
    view = SavedView.objects.create(user=anna, name="Zyxview")
    alert = Alert.objects.create(
        customer=customer,
        receiver=anna,
        kind="drop",
        rule="1",
        dedupe_key="1",
        title="Zyxalert",
        opened_at=now,
    )
    return {
        "customer": customer,
        "contact": contact,
        "touchpoint": touch,
        "follow_up": follow_up,
        "view": view,
        "alert": alert,
    }


def addresses(planted):
    """Each route with the planted ids, and the query that would show them."""
    customer, row = planted["customer"].pk, planted["follow_up"].pk
    args = {
        "touchpoint_correction": [customer, planted["touchpoint"].pk],
        "saved_view_delete": [planted["view"].pk],
        "contact_change": [customer, planted["contact"].pk],
        "contact_erase": [customer, planted["contact"].pk],
        "alert_answer": [planted["alert"].pk],
        **{name: [row] for name in ("follow_up_change", "follow_up_done", "follow_up_reopen")},
    }
    plain = ("today", "portfolio", "portfolio_export", "follow_ups", "search", "saved_view_add")
    for name in TABLE:
        own = [] if name in plain or name.startswith("bulk_") else args.get(name, [customer])
        query = f"?sel={customer}" if name.startswith("bulk_") else QUERIES.get(name, "")
        yield name, reverse(f"customers:{name}", args=own) + query


def body(response):
    parts = response.streaming_content if response.streaming else [response.content]
    return b"".join(parts).decode("utf-8", "replace")


def own_routes():
    names = [route["name"] for route in routes() if route["name"].startswith("customers:")]
    return {name.removeprefix("customers:") for name in names if "import" not in name}


def test_the_table_knows_every_route():
    assert set(TABLE) == own_routes()


@pytest.mark.parametrize("who", PEOPLE)
@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}], ids=["page", "part"])
def test_reading(request, client, planted, who, headers):
    client.force_login(request.getfixturevalue(who))
    wrong = []
    for name, href in addresses(planted):
        expected = TABLE[name][0][who]
        for method in (client.get, client.head):
            response = method(href, headers=headers)
            if response.status_code != expected:
                wrong.append((name, method.__name__, response.status_code, expected))
        leaks = {"ben": PLANTED, "carl": PLANTED, "vic": HIDDEN_FROM_VIEWERS}.get(who, ())
        text = body(client.get(href, headers=headers))
        wrong += [(name, "shows", word) for word in leaks if word in text]
    assert wrong == []


@pytest.mark.parametrize("who", PEOPLE)
def test_writing(request, client, planted, who):
    client.force_login(request.getfixturevalue(who))
    wrong = []
    for name, href in addresses(planted):
        expected = TABLE[name][1][who]
        with transaction.atomic():
            response = client.post(href.partition("?")[0])
            transaction.set_rollback(True)
        if response.status_code != expected:
            wrong.append((name, response.status_code, expected))
    assert wrong == []


@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}], ids=["page", "part"])
def test_nobody_is_sent_to_the_login_and_sees_nothing(client, planted, headers):
    for name, href in addresses(planted):
        for method in (client.get, client.post):
            response = method(href, headers=headers)
            target = response.headers.get("HX-Redirect" if headers else "Location", "")
            assert target.startswith("/login/"), name
            assert not [word for word in PLANTED if word in body(response)], name


@pytest.mark.parametrize("who", ["anna", "mia", "vera"])
def test_those_who_may_see_do_see(request, client, planted, who):
    """Without this, the absence of names would prove nothing."""
    client.force_login(request.getfixturevalue(who))
    shown = {name: body(client.get(href)) for name, href in addresses(planted)}
    for name in ("portfolio", "portfolio_export", "search", "customer"):
        assert "Zyxalder" in shown[name], name
    for word in ("Zyxperson", "Zyxsubject", "Zyxbody", "Zyxnote", "Zyxtask", "zyx-id"):
        assert word in shown["customer"], word
