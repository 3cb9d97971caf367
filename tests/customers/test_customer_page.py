"""A customer's page: what it shows, to whom, and what can be done there."""

import re
from datetime import date, timedelta
from uuid import uuid4

import pytest
from django.urls import reverse as url
from django.utils import timezone

from customers.models import AttributeValue, Pulse, Touchpoint
from customers.services import custom_fields, customers, touchpoints
from tests.factories.customers import (
    make_contact,
    make_customer,
    make_follow_up,
    make_pulse,
    make_subscription,
    make_ticket,
    make_touchpoint,
)

DRAWER = {"HX-Request": "true", "HX-Target": "drawer"}


@pytest.fixture
def alder(anna):
    return make_customer(owner=anna, name="Alder", industry="Forestry", mrr="100.00")


def touch(**changes):
    """What the touchpoint form sends."""
    sent = {
        "kind": "call",
        "direction": "out",
        "occurred_at": "2026-03-16T09:30",
        "subject": "Seats",
        "body": "Fine.",
    }
    return sent | {"is_meaningful": "on", "once": uuid4().hex} | changes


def test_the_page_shows_facts_people_work_and_history(client, anna, alder, now):
    make_contact(alder, "halvard@alder.example", name="Halvard Moen")
    make_follow_up(alder, title="Send the offer", owner=anna)
    make_touchpoint(alder, subject="Quarterly goals", by=anna)
    make_ticket(alder, ticket_id="T-77")
    make_pulse(alder, level=2, note="Sponsor left", by=anna)
    client.force_login(anna)
    content = client.get(url("customers:customer", args=[alder.pk])).content.decode()
    for text in (
        "Alder", "Forestry", "Halvard Moen", "Send the offer", "Quarterly goals", "T-77", "Sponsor left", "Anna Berg",
    ):  # fmt: skip
        assert text in content


def test_a_stranger_gets_404_for_the_page_and_every_part(client, carl, alder):
    client.force_login(carl)
    for name in ("customer", "customer_facts", "customer_follow_ups", "customer_timeline", "customer_contacts", "customer_fields", "touchpoint_form", "follow_up_form", "pulse_form", "phase_form", "fields_form"):  # fmt: skip
        response = client.get(url(f"customers:{name}", args=[alder.pk]))
        assert response.status_code == 404, name
        assert b"Alder" not in response.content


def test_the_page_and_its_parts_have_their_ids(client, anna, alder):
    client.force_login(anna)
    page = client.get(url("customers:customer", args=[alder.pk])).content.decode()
    for name in (
        "customer_facts",
        "customer_follow_ups",
        "customer_timeline",
        "customer_contacts",
        "customer_fields",
    ):
        part = client.get(
            url(f"customers:{name}", args=[alder.pk]), headers={"HX-Request": "true"}
        ).content.decode()
        element = name.replace("_", "-")
        assert re.match(rf'\s*<\w+ [^>]*id="{element}"', part), name
        assert "<html" not in part
        assert f'id="{element}"' in page
        assert "<html" in client.get(url(f"customers:{name}", args=[alder.pk])).content.decode()


def test_a_viewer_reads_without_names_texts_and_buttons(client, vic, anna, alder):
    contact = make_contact(alder, "halvard@alder.example", name="Halvard Moen")
    make_touchpoint(alder, subject="Secret subject", body="Secret body", contact=contact, by=anna)
    make_pulse(alder, level=2, note="Secret note", by=anna)
    client.force_login(vic)
    content = client.get(url("customers:customer", args=[alder.pk])).content.decode()
    for hidden in ("Halvard", "halvard@", "Secret", "Log touchpoint", "Set pulse"):
        assert hidden not in content
    assert "Name hidden" in content
    assert client.get(url("customers:touchpoint_form", args=[alder.pk])).status_code == 403


def test_the_read_scope_of_a_csm_gives_no_right_to_write(client, ben, alder):
    from tests.factories.users import make_organisation

    make_organisation(csm_read_scope="team")
    client.force_login(ben)
    content = client.get(url("customers:customer", args=[alder.pk])).content.decode()
    assert "Alder" in content
    assert "Log touchpoint" not in content
    response = client.post(url("customers:touchpoint_form", args=[alder.pk]), touch())
    assert response.status_code == 403
    assert not Touchpoint.objects.exists()


def test_a_touchpoint_is_logged_once_though_the_form_is_sent_twice(client, anna, alder):
    client.force_login(anna)
    sent = touch()
    for _ in range(2):
        response = client.post(url("customers:touchpoint_form", args=[alder.pk]), sent, headers=DRAWER)
        assert response.status_code == 200
        assert response.headers["HX-Trigger"] == "customer-changed"
        assert b"The touchpoint is logged." in response.content
    assert list(Touchpoint.objects.values_list("subject", "author__name")) == [("Seats", "Anna Berg")]


def test_without_script_the_form_goes_back_to_the_page(client, anna, alder):
    client.force_login(anna)
    page = url("customers:customer", args=[alder.pk])
    response = client.post(url("customers:touchpoint_form", args=[alder.pk]), touch())
    assert (response.status_code, response.url) == (302, page)
    assert b"Seats" in client.get(page).content


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"subject": ""}, "This field is required."),
        ({"occurred_at": "soon"}, "Choose a day and a time."),
        ({"occurred_at": "2999-01-01T10:00"}, "A touchpoint lies in the past."),
        ({"kind": "telepathy"}, "Select a valid choice"),
        ({"subject": "a\x00b"}, "Null characters"),
    ],
)
def test_a_refused_form_comes_back_as_422_with_the_reason(client, anna, alder, change, text):
    client.force_login(anna)
    response = client.post(url("customers:touchpoint_form", args=[alder.pk]), touch(**change), headers=DRAWER)
    assert response.status_code == 422
    assert text in response.content.decode()
    assert response.content.decode().lstrip().startswith('<form id="touchpoint-form"')
    assert not Touchpoint.objects.exists()


def test_a_contact_of_another_customer_is_refused(client, anna, alder):
    other = make_contact(make_customer(owner=anna, name="Birch"))
    client.force_login(anna)
    response = client.post(
        url("customers:touchpoint_form", args=[alder.pk]), touch(contact=other.pk), headers=DRAWER
    )
    assert response.status_code == 422


def test_a_corrected_note_shows_its_original(client, anna, alder):
    row = make_touchpoint(alder, subject="Seats unusd", body="first wording", by=anna)
    client.force_login(anna)
    href = url("customers:touchpoint_correction", args=[alder.pk, row.pk])
    assert b"first wording" in client.get(href).content
    client.post(href, touch(subject="Seats unused", body="second wording"))
    content = client.get(url("customers:customer", args=[alder.pk])).content.decode()
    assert content.index("second wording") < content.index("Edited, show the original")
    assert content.index("Edited, show the original") < content.index("first wording")
    assert client.get(href).status_code == 404


def test_every_earlier_wording_is_kept(client, anna, alder, now):
    row = make_touchpoint(alder, subject="one", by=anna)
    for word in ("two", "three"):
        row = touchpoints.correct_touchpoint(touchpoint=row, by=anna, now=now, subject=word)
    client.force_login(anna)
    response = client.get(url("customers:customer_timeline", args=[alder.pk]), {"kind": "touchpoints"})
    (line,) = response.context["timeline_lines"]
    assert [original.subject for original in line.originals] == ["one", "two"]


def test_the_timeline_is_newest_first_filters_by_kind_and_goes_further_back(client, anna, alder, now):
    for day in range(20):
        make_touchpoint(alder, subject=f"call {day}", occurred_at=now - timedelta(days=day), by=anna)
    make_ticket(alder, ticket_id="T-1", opened_at=now - timedelta(days=5, hours=1))
    client.force_login(anna)
    href = url("customers:customer_timeline", args=[alder.pk])
    everything = client.get(href).context
    assert len(everything["timeline_lines"]) == 15
    assert everything["timeline"].has_older
    moments = [line.at for line in everything["timeline_lines"]]
    assert moments == sorted(moments, reverse=True)
    tickets = client.get(href, {"kind": "tickets"}).context["timeline_lines"]
    assert [line.title for line in tickets] == ["Ticket T-1"]
    assert not client.get(href, {"shown": "60"}).context["timeline"].has_older
    assert client.get(href, {"kind": "x", "shown": "9e9"}).status_code == 200


def test_the_pulse_needs_a_note_when_it_is_low(client, anna, alder):
    client.force_login(anna)
    href = url("customers:pulse_form", args=[alder.pk])
    refused = client.post(href, {"level": "1", "note": ""}, headers=DRAWER)
    assert refused.status_code == 422
    assert b"Levels 1 and 2 need a note." in refused.content
    client.post(href, {"level": "4", "note": ""})
    assert Pulse.objects.get().level == 4
    assert b"4 of 5" in client.get(url("customers:customer", args=[alder.pk])).content


def test_the_phase_changes_from_a_day_on(client, anna, alder):
    client.force_login(anna)
    client.post(url("customers:phase_form", args=[alder.pk]), {"phase": "adoption", "from_on": "2026-03-01"})
    row = AttributeValue.objects.get(customer=alder, key="phase")
    assert (row.value, row.from_on) == ("adoption", date(2026, 3, 1))
    assert b"Adoption phase" in client.get(url("customers:customer", args=[alder.pk])).content


def test_a_csm_cannot_assign_and_a_manager_can(client, anna, ben, mia, alder):
    sent = {"owner": ben.pk, "from_on": "2026-03-16"}
    href = url("customers:assign_form", args=[alder.pk])
    client.force_login(anna)
    assert client.post(href, sent).status_code == 403
    client.force_login(mia)
    client.post(href, sent)
    client.force_login(anna)
    assert client.get(url("customers:customer", args=[alder.pk])).status_code == 404
    client.force_login(ben)
    assert b"Ben Ode" in client.get(url("customers:customer", args=[alder.pk])).content


def fields(customer, **changes):
    return {"version": customer.version, "name": customer.name, "industry": customer.industry} | changes


def test_fields_are_edited_and_the_second_of_two_editors_is_told(client, anna, alder, now):
    custom_fields.define_custom_field(key="seats", label="Seats", kind="number", by=anna, now=now)
    client.force_login(anna)
    href = url("customers:fields_form", args=[alder.pk])
    first = client.post(href, fields(alder, tier="Gold", country="de", cf_seats="42"), headers=DRAWER)
    assert first.status_code == 200
    second = client.post(href, fields(alder, name="Elder"), headers=DRAWER)
    assert second.status_code == 422
    assert b"Somebody else has saved" in second.content
    alder.refresh_from_db()
    assert (alder.name, alder.tier, alder.country, alder.custom) == ("Alder", "Gold", "DE", {"seats": "42"})
    shown = client.get(url("customers:customer_fields", args=[alder.pk])).content.decode()
    assert "Seats" in shown
    assert "42" in shown


def test_fields_a_form_does_not_name_cannot_be_written(client, anna, alder):
    client.force_login(anna)
    client.post(
        url("customers:fields_form", args=[alder.pk]),
        fields(
            alder, archived_at="2026-01-01", search_text="x", score="99", mrr="5", id="999", phase="sales"
        ),
    )
    alder.refresh_from_db()
    assert (alder.archived_at, alder.phase) == (None, "")


def test_an_archived_customer_is_read_only(client, anna, alder, now):
    customers.archive_customer(customer=alder, by=anna, now=now)
    client.force_login(anna)
    content = client.get(url("customers:customer", args=[alder.pk])).content.decode()
    assert "Archived on" in content
    assert "Log touchpoint" not in content
    for name in ("touchpoint_form", "follow_up_form", "pulse_form", "phase_form", "fields_form"):
        assert client.get(url(f"customers:{name}", args=[alder.pk])).status_code == 403, name


def test_subscriptions_show_what_is_in_force_and_what_comes(client, anna, alder):
    today = timezone.now().date()
    make_subscription(
        alder, mrr="250.00", from_on=today + timedelta(days=20), product="Route", plan="Route add-on"
    )
    client.force_login(anna)
    content = client.get(url("customers:customer", args=[alder.pk])).content.decode()
    assert "Route add-on" in content
    assert "to come" in content


def test_texts_are_escaped(client, anna):
    customer = make_customer(owner=anna, name="<b>Bold</b>")
    make_touchpoint(customer, subject="<script>x</script>", body="<img src=x>\nline", by=anna)
    make_follow_up(customer, title="<i>t</i>", owner=anna)
    client.force_login(anna)
    content = client.get(url("customers:customer", args=[customer.pk])).content.decode()
    for text in ("<b>Bold", "<script>x", "<img src=x", "<i>t"):
        assert text not in content
