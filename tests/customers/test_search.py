"""Global search: beginnings of words, the scope first, and nothing that may not be seen."""

import pytest
from django.urls import reverse as url

from customers.queries.search import search
from tests.factories.customers import make_contact, make_customer


@pytest.fixture
def halden(anna):
    customer = make_customer(
        owner=anna, name="Halden Freight", domain="halden.example", external_ids={"crm": "A-4711"}
    )
    make_contact(customer, "siri@halden.example", name="Siri Brekke")
    return customer


@pytest.mark.parametrize("text", ["hal", "HALDEN", "freight hal", "fre", "halden.ex", "a-4711", "  hal  "])
def test_customers_are_found_by_name_domain_and_id(anna, halden, text):
    assert [row["name"] for row in search(anna, text).customers] == ["Halden Freight"]


@pytest.mark.parametrize("text", ["alden", "halden x", "", "h", "%", "_", "\x00", "' OR 1=1 --"])
def test_middles_of_words_single_letters_and_nonsense_find_nothing(anna, halden, text):
    assert search(anna, text).is_empty


def test_contacts_are_found_by_name_and_address_without_naming_the_customer_as_a_hit(anna, halden):
    hits = search(anna, "brek")
    assert [row["name"] for row in hits.contacts] == ["Siri Brekke"]
    assert hits.customers == ()
    assert [row["email"] for row in search(anna, "siri@hal").contacts] == ["siri@halden.example"]


def test_accents_are_ignored_both_ways(anna):
    customer = make_customer(owner=anna, name="Ärzte Çelik")
    make_contact(customer, "j@c.example", name="Jörg Müller")
    assert search(anna, "arzte").customers
    assert search(anna, "çel").customers
    assert search(anna, "muller").contacts
    assert search(anna, "Mül").contacts


def test_a_stranger_finds_neither_customer_nor_contact(anna, carl, halden):
    for text in ("hal", "siri", "a-4711"):
        assert search(carl, text).is_empty


def test_a_viewer_without_the_right_finds_customers_but_no_people(vic, halden):
    assert search(vic, "hal").customers
    assert search(vic, "siri").is_empty


def test_at_most_eight_of_a_kind(anna):
    for number in range(12):
        make_customer(owner=anna, name=f"Oak {number}")
    assert len(search(anna, "oak").customers) == 8


def test_the_palette_gets_a_part_and_the_page_works_alone(client, anna, halden):
    client.force_login(anna)
    part = client.get(
        url("customers:search"), {"q": "hal"}, headers={"HX-Request": "true", "HX-Target": "search-hits"}
    ).content.decode()
    assert part.lstrip().startswith('<div id="search-hits"')
    assert url("customers:customer", args=[halden.pk]) in part
    page = client.get(url("customers:search"), {"q": "hal"}).content.decode()
    assert "<html" in page
    assert "Halden Freight" in page
    assert "Nothing begins with" in client.get(url("customers:search"), {"q": "<b>zz"}).content.decode()
