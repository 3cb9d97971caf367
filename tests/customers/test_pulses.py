"""The pulse: reasons of the list, and what a change of the CSM does to it."""

from datetime import timedelta

import pytest
from django.urls import reverse

from customers.models import CustomerSummary, ImportBatch, Pulse
from customers.services import assignments
from customers.services.assignments import NewOwner
from customers.services.imports.undo import undo_import
from customers.services.pulses import PulseError
from tests.factories.customers import NOW, make_assignment, make_customer, make_pulse

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def frozen(time_machine):
    time_machine.move_to(NOW, tick=False)


def levels(customer):
    return list(
        Pulse.objects.current().filter(customer=customer).order_by("seq").values_list("level", flat=True)
    )


def shown(customer):
    return CustomerSummary.objects.get(customer=customer).pulse


def test_hp_1_a_pulse_names_up_to_three_reasons_of_the_list(anna):
    customer = make_customer(owner=anna)
    pulse = make_pulse(customer, level=4, by=anna, reasons=["value_seen", "price", "value_seen"])
    assert pulse.reasons == ["value_seen", "price"]
    for wrong in (["value_seen", "price", "support", "competitor"], ["nonsense"]):
        with pytest.raises(PulseError) as refused:
            make_pulse(customer, level=4, by=anna, reasons=wrong)
        assert refused.value.field == "reasons"


def test_hp_1_the_form_takes_reasons_and_the_timeline_shows_them(client, anna):
    customer = make_customer(owner=anna)
    client.force_login(anna)
    href = reverse("customers:pulse_form", args=[customer.pk])
    too_many = {"level": "4", "reasons": ["value_seen", "price", "support", "competitor"]}
    assert client.post(href, too_many).status_code == 422
    assert client.post(href, {"level": "4", "reasons": ["value_seen", "price"]}).status_code == 302
    page = client.get(reverse("customers:customer_timeline", args=[customer.pk])).content.decode()
    assert "sees the value, price or budget" in page


def test_hp_3_a_new_primary_csm_unsets_the_pulse_and_history_stays(anna, ben):
    customer = make_customer(owner=anna)
    make_pulse(customer, level=4, by=anna, now=NOW - timedelta(days=3))
    make_assignment(customer, ben, from_on=NOW.date())
    assert levels(customer) == [4, None]
    assert shown(customer) is None
    make_assignment(customer, ben, from_on=NOW.date())  # nothing changes
    assert levels(customer) == [4, None]
    make_pulse(customer, level=2, note="sponsor leaves", by=ben, now=NOW + timedelta(minutes=1))
    assert shown(customer) == 2


def test_hp_3_a_change_that_lies_ahead_unsets_on_its_day(anna, ben):
    customer = make_customer(owner=anna)
    make_pulse(customer, level=4, by=anna)
    make_assignment(customer, ben, from_on=NOW.date() + timedelta(days=5))
    unset = Pulse.objects.get(level=None)
    assert unset.occurred_at > NOW + timedelta(days=4)
    assert shown(customer) == 4


def test_hp_3_co_owners_and_first_csms_unset_nothing(anna, ben):
    customer = make_customer(owner=anna)
    make_assignment(customer, ben, role="co_owner", from_on=NOW.date())
    make_assignment(make_customer(), ben, from_on=NOW.date())
    assert not Pulse.objects.exists()


def test_hp_3_unassigning_unsets(anna):
    customer = make_customer(owner=anna)
    make_pulse(customer, level=5, by=anna)
    assignments.unassign(customer=customer, from_on=NOW.date(), by=None, now=NOW)
    assert levels(customer) == [5, None]


def test_hp_3_many_at_once_and_back_again(anna, ben, vera):
    customers = [make_customer(owner=anna) for _ in range(2)]
    fresh = make_customer()
    for customer in customers:
        make_pulse(customer, level=4, by=anna, now=NOW - timedelta(days=1))
    batch = ImportBatch.objects.create(kind="customers", state="applied", applied_at=NOW, created_by=vera)
    owners = [NewOwner(one.pk, ben.pk, NOW.date()) for one in (*customers, fresh)]
    assignments.assign_many(owners=owners, by=vera, now=NOW, source="file", batch=batch)
    assert [levels(one) for one in (*customers, fresh)] == [[4, None], [4, None], []]
    undo_import(batch=batch, by=vera, now=NOW + timedelta(minutes=1))
    assert [shown(one) for one in customers] == [4, 4]
