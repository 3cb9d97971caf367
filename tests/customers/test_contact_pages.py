"""People at a customer are added and changed on the customer's page."""

import pytest
from django.urls import reverse

from customers.models import Contact
from tests.factories.customers import make_contact, make_customer


@pytest.fixture
def larch(anna, now):
    return make_customer(owner=anna, name="Larch", now=now)


def sent(**changes):
    return {"email": "kim@larch.example", "name": "Kim Low"} | changes


def test_a_csm_adds_a_person_with_the_basis_for_asking(client, anna, larch):
    client.force_login(anna)
    href = reverse("customers:contact_form", args=[larch.pk])
    wrong = client.post(href, sent(legal_basis="consent"))
    assert wrong.status_code == 422
    assert "Say since when" in wrong.content.decode()
    done = client.post(
        href, sent(legal_basis="consent", legal_basis_on="2026-01-05", legal_basis_source="form")
    )
    assert done.status_code == 302
    kim = Contact.objects.get()
    assert (kim.legal_basis, kim.legal_basis_source, kim.customer) == ("consent", "form", larch)


@pytest.mark.parametrize(
    "bad", [{"email": "no"}, {"time_zone": "Mars/Base"}, {"language": "english"}, {"left_on": "32.13.2026"}]
)
def test_bad_input_is_told_and_nothing_is_stored(client, anna, larch, bad):
    client.force_login(anna)
    assert client.post(reverse("customers:contact_form", args=[larch.pk]), sent(**bad)).status_code == 422
    assert not Contact.objects.exists()


def test_the_second_of_two_editors_is_told(client, anna, larch):
    kim = make_contact(larch, "kim@larch.example", name="Kim")
    client.force_login(anna)
    href = reverse("customers:contact_change", args=[larch.pk, kim.pk])
    assert client.post(href, sent(version="1", role="user")).status_code == 302
    late = client.post(href, sent(version="1", role="buyer"))
    assert late.status_code == 422
    assert "Somebody else has saved" in late.content.decode()
    kim.refresh_from_db()
    assert kim.role == "user"


def test_a_person_of_another_customer_is_not_found(client, anna, larch):
    kim = make_contact(make_customer(owner=anna, name="Elm"), "kim@elm.example")
    client.force_login(anna)
    assert client.get(reverse("customers:contact_change", args=[larch.pk, kim.pk])).status_code == 404


def test_the_part_offers_to_add_only_to_those_who_may(client, anna, vic, larch):
    href = reverse("customers:customer_contacts", args=[larch.pk])
    add = reverse("customers:contact_form", args=[larch.pk])
    client.force_login(anna)
    assert add in client.get(href).content.decode()
    client.force_login(vic)
    assert add not in client.get(href).content.decode()
