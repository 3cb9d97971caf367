"""The services of daily work: each adds facts, marks the customer stale and keeps its summary."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from config.web.errors import DomainError
from config.work.models import AuditEntry
from customers.choices import Attribute, FollowUpState
from customers.models import (
    Assignment,
    AttributeValue,
    Customer,
    CustomerSummary,
    FollowUp,
    LineVersion,
    StaleMark,
    Ticket,
    Touchpoint,
    UsageEvent,
)
from customers.services import (
    assignments,
    attributes,
    contacts,
    custom_fields,
    customers,
    follow_ups,
    pulses,
    rates,
    subscriptions,
    tickets,
    touchpoints,
)
from tests.factories.customers import (
    START,
    make_assignment,
    make_contact,
    make_customer,
    make_follow_up,
    make_pulse,
    make_subscription,
    make_ticket,
    make_touchpoint,
    make_usage,
)

pytestmark = pytest.mark.django_db


def periods(line):
    return [(v.from_on, v.to_on, v.mrr) for v in subscriptions.current_versions(line)]


def test_new_customer_has_summary_owner_search_text_and_stale_mark(anna, now):
    customer = make_customer(
        owner=anna, name="Ölwerk Ærø", domain="oelwerk.example", external_ids={"crm": "007"}
    )
    assert customer.search_text == "olwerk ærø oelwerk.example 007"
    assert CustomerSummary.objects.get(customer=customer).owner == anna
    assert StaleMark.objects.filter(customer=customer, from_day=START).exists()
    assert AuditEntry.objects.filter(action="customer.created", object_id=str(customer.pk)).count() == 1


def test_contact_makes_its_customer_findable_and_one_address_is_one_person(anna, now):
    customer = make_customer(owner=anna, name="Larch")
    make_contact(customer, "Zoe@larch.example", name="Zoë Byrne")
    customer.refresh_from_db()
    assert customer.search_text == "larch zoe byrne zoe@larch.example"
    with pytest.raises(DomainError, match="already has a contact"):
        make_contact(customer, "zoe@LARCH.example")


def test_update_of_a_customer_read_at_an_older_version_is_refused(vera, now):
    customer = make_customer(name="Larch")
    first = customers.update_customer(
        customer=customer, version=customer.version, changes={"name": "Larch Ltd"}, by=vera, now=now
    )
    with pytest.raises(customers.EditedMeanwhileError):
        customers.update_customer(
            customer=customer, version=customer.version, changes={"name": "Other"}, by=vera, now=now
        )
    assert (first.name, Customer.objects.get(pk=customer.pk).name) == ("Larch Ltd", "Larch Ltd")


def test_external_id_belongs_to_one_customer(db):
    make_customer(external_ids={"crm": "007"})
    with pytest.raises(customers.ExternalIdTakenError):
        make_customer(external_ids={"crm": "007"})
    assert Customer.objects.count() == 1


def test_custom_values_are_typed(vera, now):
    custom_fields.define_custom_field(key="seats", label="Seats", kind="number", by=vera, now=now)
    assert make_customer(custom={"seats": "12.50"}).custom == {"seats": "12.50"}
    for wrong in ("twelve", "NaN", "1_000", "\u0661\u0662", "1e99"):
        with pytest.raises(custom_fields.CustomFieldError):
            make_customer(custom={"seats": wrong})
    with pytest.raises(custom_fields.CustomFieldError):
        make_customer(custom={"unheard": "x"})


def test_price_change_from_a_day_keeps_what_was_before(now):
    line = make_subscription(make_customer(), mrr="100")
    change = {"amount": Decimal(150)}
    subscriptions.change_line(line=line, from_on=date(2025, 4, 1), by=None, now=now, **change)
    subscriptions.change_line(line=line, from_on=date(2025, 4, 1), by=None, now=now, amount=Decimal(160))
    assert periods(line) == [
        (START, date(2025, 4, 1), Decimal(100)),
        (date(2025, 4, 1), None, Decimal(160)),
    ]
    assert LineVersion.objects.filter(subscription=line).count() == 4


def test_backdated_change_ends_where_the_next_known_change_begins(now):
    line = make_subscription(make_customer(), mrr="100")
    subscriptions.change_line(line=line, from_on=date(2025, 6, 1), by=None, now=now, amount=Decimal(200))
    subscriptions.change_line(line=line, from_on=date(2025, 3, 1), by=None, now=now, amount=Decimal(150))
    assert periods(line) == [
        (START, date(2025, 3, 1), Decimal(100)),
        (date(2025, 3, 1), date(2025, 6, 1), Decimal(150)),
        (date(2025, 6, 1), None, Decimal(200)),
    ]


def test_end_of_a_line_cuts_it_and_takes_later_changes_back(now):
    line = make_subscription(make_customer(), mrr="100")
    subscriptions.change_line(line=line, from_on=date(2025, 6, 1), by=None, now=now, amount=Decimal(200))
    subscriptions.cancel_line(
        line=line, cancelled_on=date(2025, 3, 3), ends_on=date(2025, 4, 1), reason="price", by=None, now=now
    )
    assert periods(line) == [(START, date(2025, 4, 1), Decimal(100))]
    last = subscriptions.current_versions(line)[-1]
    assert (last.reason, last.cancelled_on) == ("price", date(2025, 3, 3))
    with pytest.raises(subscriptions.NoSuchPeriodError):
        subscriptions.end_line(line=line, on=date(2025, 5, 1), by=None, now=now)


def test_overlap_of_a_line_is_refused_with_a_sentence_and_touching_passes(now):
    customer = make_customer()
    make_subscription(customer, from_on=START, to_on=date(2025, 2, 1))
    make_subscription(customer, from_on=date(2025, 2, 1), to_on=date(2025, 3, 1))
    with pytest.raises(DomainError, match="overlap"):
        make_subscription(customer, from_on=date(2025, 2, 28), to_on=date(2025, 4, 1))
    assert LineVersion.objects.count() == 2


def test_monthly_value_follows_interval_and_discount(now):
    customer = make_customer()
    line = make_subscription(
        customer,
        amount="1200",
        interval="year",
        discount_percent=Decimal(25),
        discount_until=date(2025, 7, 1),
    )
    version = subscriptions.current_versions(line)[0]
    assert (version.mrr, version.mrr_after_discount) == (Decimal(75), Decimal(100))
    term = make_subscription(
        customer, amount="1200", interval="term", to_on=date(2026, 1, 1), product="Services"
    )
    assert subscriptions.current_versions(term)[0].mrr == Decimal(100)
    with pytest.raises(DomainError, match="term"):
        make_subscription(customer, amount="1200", interval="term", product="Open")


def test_corrected_version_replaces_the_wrong_one(now):
    line = make_subscription(make_customer(), mrr="100")
    wrong = subscriptions.current_versions(line)[0]
    subscriptions.correct_version(version=wrong, amount=Decimal(90), by=None, now=now)
    assert periods(line) == [(START, None, Decimal(90))]
    wrong.refresh_from_db()
    assert wrong.superseded_by.mrr == Decimal(90)


def test_new_primary_csm_ends_the_one_before(anna, ben, now):
    customer = make_customer(owner=anna)
    make_assignment(customer, ben, from_on=date(2025, 5, 1))
    held = Assignment.objects.current().filter(customer=customer).order_by("from_on")
    assert [(a.user, a.from_on, a.to_on) for a in held] == [
        (anna, START, date(2025, 5, 1)),
        (ben, date(2025, 5, 1), None),
    ]
    assert CustomerSummary.objects.get(customer=customer).owner == ben
    assignments.unassign(customer=customer, from_on=date(2025, 6, 1), by=None, now=now)
    assert CustomerSummary.objects.get(customer=customer).owner is None


def test_viewer_cannot_own_a_customer(vic, now):
    with pytest.raises(assignments.CannotOwnError):
        make_customer(owner=vic)
    assert Customer.objects.count() == 0


def test_phase_keeps_its_history_and_shows_on_the_customer(now):
    customer = make_customer(phase="onboarding")
    attributes.set_attribute(
        customer=customer, key="phase", value="adoption", from_on=date(2025, 3, 1), by=None, now=now
    )
    attributes.set_attribute(
        customer=customer, key="phase", value="renewal", from_on=date(2027, 1, 1), by=None, now=now
    )
    customer.refresh_from_db()
    assert (customer.phase, customer.phase_since) == ("adoption", date(2025, 3, 1))
    held = AttributeValue.objects.current().filter(customer=customer, key=Attribute.PHASE).order_by("from_on")
    assert [(a.value, a.from_on, a.to_on) for a in held] == [
        ("onboarding", START, date(2025, 3, 1)),
        ("adoption", date(2025, 3, 1), date(2027, 1, 1)),
        ("renewal", date(2027, 1, 1), None),
    ]


def test_parent_circle_is_refused(now):
    top = make_customer(name="Top")
    below = make_customer(name="Below", parent=top)
    with pytest.raises(attributes.ParentCircleError):
        attributes.set_attribute(
            customer=top, key="parent", value=str(below.pk), from_on=START, by=None, now=now
        )
    below.refresh_from_db()
    assert below.parent == top


def test_follow_up_with_a_key_is_open_once_and_the_summary_follows(anna, now):
    customer = make_customer(owner=anna)
    first = make_follow_up(customer, owner=anna, dedupe_key="nps:1", due_on=date(2026, 3, 20))
    assert make_follow_up(customer, owner=anna, dedupe_key="nps:1", title="Again") == first
    make_follow_up(customer, owner=anna, title="Sooner", due_on=date(2026, 3, 18))
    summary = CustomerSummary.objects.get(customer=customer)
    assert (summary.open_follow_ups, summary.next_follow_up) == (2, "Sooner")
    follow_ups.complete(follow_up=first, outcome="reached", by=anna, now=now)
    summary.refresh_from_db()
    assert (summary.open_follow_ups, summary.next_follow_up_on) == (1, date(2026, 3, 18))
    with pytest.raises(follow_ups.FollowUpStateError):
        follow_ups.complete(follow_up=first, outcome="again", by=anna, now=now)
    follow_ups.reopen(follow_up=first, by=anna, now=now)
    assert FollowUp.objects.filter(state=FollowUpState.OPEN).count() == 2


def test_follow_up_changes_hands_and_day(anna, ben, now):
    follow_up = make_follow_up(make_customer(owner=anna), owner=anna)
    follow_ups.reassign(follow_up=follow_up, owner=ben, by=anna, now=now)
    moved = follow_ups.reschedule(follow_up=follow_up, due_on=date(2026, 4, 1), by=anna, now=now)
    assert (moved.owner, moved.due_on, moved.version) == (ben, date(2026, 4, 1), 3)


def test_touchpoint_moves_the_last_touch_and_a_correction_keeps_the_original(anna, now):
    customer = make_customer(owner=anna)
    touchpoint = make_touchpoint(customer, by=anna, occurred_at=now - timedelta(days=2))
    assert CustomerSummary.objects.get(customer=customer).last_touch_at == now - timedelta(days=2)
    touchpoints.correct_touchpoint(touchpoint=touchpoint, subject="Quarterly", by=anna, now=now)
    assert [t.subject for t in Touchpoint.objects.current()] == ["Quarterly"]
    assert Touchpoint.objects.count() == 2
    with pytest.raises(touchpoints.TouchpointError):
        make_touchpoint(customer, occurred_at=now + timedelta(hours=1))


def test_newer_report_of_a_ticket_replaces_the_older(now):
    customer = make_customer()
    make_ticket(customer, ticket_id="T1")
    make_ticket(customer, ticket_id="T1")
    assert (Ticket.objects.count(), CustomerSummary.objects.get(customer=customer).open_tickets) == (1, 1)
    make_ticket(customer, ticket_id="T1", solved_at=now)
    assert [t.solved_at for t in Ticket.objects.current()] == [now]
    assert CustomerSummary.objects.get(customer=customer).open_tickets == 0
    with pytest.raises(tickets.TicketMovedError):
        make_ticket(make_customer(), ticket_id="T1")


def test_low_pulse_needs_a_note(anna, now):
    customer = make_customer(owner=anna)
    with pytest.raises(pulses.PulseError):
        make_pulse(customer, level=2)
    make_pulse(customer, level=2, note="Budget is cut", by=anna)
    assert CustomerSummary.objects.get(customer=customer).pulse == 2


def test_usage_events_are_kept_once_and_mark_the_customer_from_their_day(now):
    customer = make_customer()
    StaleMark.objects.all().delete()
    assert make_usage(customer, day=date(2025, 5, 3), message_id="a").new == 1
    assert make_usage(customer, day=date(2025, 5, 3), message_id="a").new == 0
    assert [(m.customer_id, m.from_day) for m in StaleMark.objects.all()] == [(customer.pk, date(2025, 5, 3))]
    assert UsageEvent.objects.get().day == date(2025, 5, 3)


def test_rates_are_corrected_by_newer_ones(now):
    make_customer(mrr="10", currency="USD")
    first = rates.DayRate(date(2025, 1, 2), "USD", Decimal("1.10"))
    again = rates.DayRate(date(2025, 1, 2), "USD", Decimal("1.11"))
    assert rates.record_rates(rates=[first], by=None, now=now).created == 1
    assert rates.record_rates(rates=[first], by=None, now=now).unchanged == 1
    assert rates.record_rates(rates=[again], by=None, now=now).updated == 1


def test_archived_customer_comes_back(vera, now):
    customer = make_customer()
    assert customers.archive_customer(customer=customer, by=vera, now=now).archived_at == now
    assert customers.restore_customer(customer=customer, by=vera, now=now).archived_at is None


def test_contact_change_needs_the_version_that_was_read(vera, now):
    contact = make_contact(make_customer())
    changed = contacts.update_contact(contact=contact, version=1, changes={"role": "buyer"}, by=vera, now=now)
    assert (changed.role, changed.version) == ("buyer", 2)
    with pytest.raises(customers.EditedMeanwhileError):
        contacts.update_contact(contact=contact, version=1, changes={"role": "user"}, by=vera, now=now)


def test_service_leaves_nothing_behind_when_it_is_refused(anna):
    before = {model: model.objects.count() for model in (Customer, StaleMark, AuditEntry)}
    with pytest.raises(DomainError), transaction.atomic():
        make_customer(owner=anna, phase="nowhere")
    assert {model: model.objects.count() for model in before} == before
    with pytest.raises(IntegrityError), transaction.atomic():
        Customer.objects.create(name="x", phase="nowhere")
