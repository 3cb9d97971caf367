"""Failure modes of asking: twins, pauses, clock changes, people who leave between two steps, runaways."""

import re
import secrets
from collections import Counter
from datetime import UTC, date, datetime, time, timedelta, timezone
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.db import DatabaseError

from config.work import prepared
from customers.models import Contact
from customers.services import summaries
from customers.services.erasure import erase_person
from surveys.choices import DeliveryState, SkipReason
from surveys.formulas import windows
from surveys.formulas.planning import drip_slot
from surveys.formulas.windows import SendWindow, next_open, utc_of_local
from surveys.models import Campaign, Invitation, Message, SurveyPolicy, WaveSkip
from surveys.queries import policy as policies
from surveys.services import (
    advance,
    campaign_moves,
    campaigns,
    claims,
    delivery,
    drafts,
    erasure,
    mail_sql,
    suppressions,
    waves,
)  # fmt: skip
from tests.factories.customers import make_contact, make_customer, make_ticket
from tests.factories.surveys import launch, make_audience, make_campaign, make_sent_message

pytestmark = pytest.mark.django_db
DAY, HALF = timedelta(days=1), timedelta(minutes=30)


def send(now):
    return delivery.send_due(clock=lambda: now, seconds=120)


@pytest.mark.parametrize("twin", ["ROBIN@ash.example", " robin@ash.example ", "robin@ASH.example"])
def test_f15_two_contacts_with_one_address_get_one_invitation(anna, vera, now, twin):
    make_contact(make_customer(owner=anna), "robin@ash.example")
    other = make_contact(make_customer(owner=anna), "other@ash.example")
    Contact.objects.filter(pk=other.pk).update(email=twin)
    launch(make_campaign(by=vera, now=now), by=vera, now=now)
    assert list(Invitation.objects.values_list("email_norm", flat=True)) == ["robin@ash.example"]
    assert WaveSkip.objects.get().reason == SkipReason.DUPLICATE_ADDRESS


def test_f15_guard_off_without_the_key_both_would_be_asked(anna, vera, now, monkeypatch):
    make_contact(make_customer(owner=anna), "robin@ash.example")
    make_contact(make_customer(owner=anna), "ROBIN@ash.example")
    monkeypatch.setattr("surveys.queries.audience.address_key", lambda raw: raw)
    wave = launch(make_campaign(by=vera, now=now), by=vera, now=now)
    assert wave.planned_count == 2


def test_f16_a_paused_campaign_gives_nothing_to_claim_and_moves_to_open_hours(anna, vera, now):
    make_audience(anna)
    campaign = launch(make_campaign(by=vera, now=now, any_time=False), by=vera, now=now).campaign
    campaigns.pause(campaign=campaign, by=vera, now=now)
    claims.release_due(now=now)
    assert claims.claim_next(now=now) is None
    evening = now.replace(hour=20)
    campaigns.resume(campaign=campaign, by=vera, now=evening)
    assert Message.objects.get().not_before == (now + DAY).replace(hour=9)


ZONES = [
    ("Europe/Berlin", "2027-03-28 02:30", "2027-03-28 01:30"),
    ("Europe/Berlin", "2026-10-25 02:30", "2026-10-25 00:30"),
    ("Europe/Berlin", "2027-03-26 09:00", "2027-03-26 08:00"),
    ("Europe/Berlin", "2027-03-29 09:00", "2027-03-29 07:00"),
    ("Asia/Kathmandu", "2027-03-29 09:00", "2027-03-29 03:15"),
    ("Pacific/Kiritimati", "2027-01-01 09:00", "2026-12-31 19:00"),
    ("Australia/Lord_Howe", "2026-10-05 09:00", "2026-10-04 22:00"),
    ("Australia/Lord_Howe", "2027-04-05 09:00", "2027-04-04 22:30"),
]


@pytest.mark.parametrize(("zone", "wanted", "stored"), ZONES)
def test_f18_vectors_of_the_clock_change(zone, wanted, stored):
    local = datetime.fromisoformat(wanted)
    found = utc_of_local(local.date(), local.time(), ZoneInfo(zone))
    assert found.strftime("%Y-%m-%d %H:%M") == stored
    opens = SendWindow((0, 1, 2, 3, 4, 5, 6), local.time(), time(23))
    assert next_open(found - timedelta(minutes=45), opens, ZoneInfo(zone)) == found


CHANGES = [  # launched the evening before, the one moment at which the mail may leave
    (datetime(2027, 3, 27, 20, tzinfo=UTC), datetime(2027, 3, 28, 1, 30, tzinfo=UTC)),
    (datetime(2026, 10, 24, 20, tzinfo=UTC), datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
]


def one_mail_in_the_night_of_the_change(anna, vera, evening, leaves):
    """A worker looks every half hour through the night in which 02:30 is missing or comes twice."""
    make_contact(make_customer(owner=anna, time_zone="Europe/Berlin"), "a@x.example")
    window = {"send_days": [0, 1, 2, 3, 4, 5, 6], "send_from": time(2, 30), "send_until": time(4)}
    launch(make_campaign(by=vera, now=evening, any_time=False, **window), by=vera, now=evening)
    left = [at for at in (leaves + step * HALF for step in range(-5, 6)) if send(at)]
    assert left == [leaves]


@pytest.mark.parametrize(("evening", "leaves"), CHANGES)
def test_f18_one_mail_leaves_inside_the_window_of_that_night(anna, vera, evening, leaves):
    one_mail_in_the_night_of_the_change(anna, vera, evening, leaves)


@pytest.mark.parametrize(("evening", "leaves"), CHANGES)
def test_f18_guard_off_the_later_of_two_readings_is_noticed(anna, vera, evening, leaves, monkeypatch):
    def later(day, clock, zone):
        return datetime.combine(day, clock, tzinfo=zone).replace(fold=1).astimezone(UTC)

    monkeypatch.setattr(windows, "utc_of_local", later)
    with pytest.raises(AssertionError):
        one_mail_in_the_night_of_the_change(anna, vera, evening, leaves)


def hour_across_the_change(anna, vera):
    """(UTC, local) hour of the first mail of the week before and after the clock change of 28 March."""
    make_contact(make_customer(owner=anna, time_zone="Europe/Berlin"), "a@x.example")
    hours = []
    for friday in (
        datetime(2027, 3, 19, 20, tzinfo=ZoneInfo("UTC")),
        datetime(2027, 3, 26, 20, tzinfo=ZoneInfo("UTC")),
    ):
        Message.objects.update(delivery_state=DeliveryState.REVOKED)
        Campaign.objects.update(state="closed")
        launch(make_campaign(by=vera, now=friday, any_time=False), by=vera, now=friday)
        opens = Message.objects.latest("pk").not_before
        hours.append((opens.hour, opens.astimezone(ZoneInfo("Europe/Berlin")).hour))
    assert hours == [(8, 9), (7, 9)]


def test_f19_a_contact_across_the_change_keeps_the_local_hour(anna, vera):
    hour_across_the_change(anna, vera)


def test_f19_guard_off_an_offset_in_the_place_of_a_zone_is_noticed(anna, vera, monkeypatch):
    monkeypatch.setattr(policies, "zone_named", lambda _name: timezone(timedelta(hours=1)))
    with pytest.raises(AssertionError):
        hour_across_the_change(anna, vera)


def between_claim_and_dot(anna, vera, now, change):
    """Claim one mail, let `change(contact)` happen, then ask for the dot."""
    (contact,) = make_audience(anna)
    launch(make_campaign(by=vera, now=now), by=vera, now=now)
    claims.release_due(now=now)
    claim = claims.claim_next(now=now)
    change(contact)
    return delivery.write_ahead(claim=claim, clock=lambda: now)


def erase(contact):
    Contact.objects.filter(pk=contact.pk).update(erased_at=datetime(2026, 3, 16, tzinfo=ZoneInfo("UTC")))


def test_f22_an_erased_contact_or_a_churned_customer_gets_no_mail(anna, vera, now):
    first, second, third = make_audience(anna, customers=3)
    launch(make_campaign(by=vera, now=now), by=vera, now=now)
    erase(first)
    summaries.publish({second.customer_id: {"is_paying": False, "first_paid_on": now.date() - 400 * DAY}})
    assert send(now) == 1
    found = dict(Message.objects.values_list("invitation__contact", "skip_reason"))
    assert found == {
        first.pk: SkipReason.CONTACT_INACTIVE, second.pk: SkipReason.CUSTOMER_INACTIVE, third.pk: ""
    }  # fmt: skip


def churn(contact):
    lost = {"is_paying": False, "first_paid_on": date(2025, 1, 1)}
    summaries.publish({contact.customer_id: lost})


def archive(contact):
    type(contact.customer).objects.filter(pk=contact.customer_id).update(
        archived_at=datetime(2026, 3, 16, tzinfo=UTC)
    )


@pytest.mark.parametrize("change", [erase, churn, archive])
def test_f22_and_not_between_claim_and_dot_either(anna, vera, now, change):
    assert not between_claim_and_dot(anna, vera, now, change)


@pytest.mark.parametrize(("change", "end"), [(erase, "revoked"), (churn, "skipped")])
def test_f22_a_mail_stopped_at_the_dot_ends_with_its_reason_and_its_links_are_closed(
    anna, vera, now, client, sink, transport, change, end
):
    (contact,) = make_audience(anna)
    launch(make_campaign(by=vera, now=now), by=vera, now=now)
    claims.release_due(now=now)
    claim = claims.claim_next(now=now)
    path = urlsplit(claim.links.answer).path
    with time_machine.travel(now, tick=False):
        assert client.get(path).status_code == 200
    change(contact)
    delivery.send_one(claim=claim, transport=transport, clock=lambda: now)
    assert sink.taken == []
    assert Message.objects.get().delivery_state == end
    with time_machine.travel(now, tick=False):
        assert client.get(path).status_code == 404  # this link was never mailed


def test_f22_a_mailed_link_is_closed_when_the_person_is_erased(anna, vera, now, client):
    message, links = make_sent_message(anna, by=vera, now=now)
    with time_machine.travel(now + DAY, tick=False):
        assert client.get(urlsplit(links.answer).path).status_code == 200
        erase_person(email=message.invitation.email_norm, by=None, now=now)
        erasure.erase_contacts(now=now)
        page = client.get(urlsplit(links.answer).path)
    assert page.status_code == 410
    assert "Robin" not in page.content.decode()


def unguarded(statement, condition):
    """The write-ahead without one of the things it asks; under a name of its own, as it is kept prepared."""
    assert re.search(condition, statement.sql)
    name = f"{statement.name}_{secrets.token_hex(4)}"
    return prepared.Statement(name, statement.types, re.sub(condition, "", statement.sql))


def test_f22_guard_off_without_the_question_the_dot_goes_out(anna, vera, now, monkeypatch):
    off = unguarded(mail_sql.ALLOW_DOT, r"AND contact.erased_at IS NULL")
    monkeypatch.setattr(mail_sql, "ALLOW_DOT", off)
    assert between_claim_and_dot(anna, vera, now, erase)


def test_f23_unsubscribed_after_the_snapshot_before_claim_and_before_the_dot(anna, vera, now):
    def stop(contact):
        suppressions.suppress(email_norm=contact.email, reason="unsubscribed", source="t", now=now)

    assert not between_claim_and_dot(anna, vera, now, stop)
    Message.objects.update(delivery_state="queued", phase="", lease_token="", lease_until=None)
    assert send(now) == 0
    assert Message.objects.get().skip_reason == SkipReason.SUPPRESSED


def test_f23_guard_off_without_the_question_the_dot_goes_out(anna, vera, now, monkeypatch):
    def stop(contact):
        suppressions.suppress(email_norm=contact.email, reason="unsubscribed", source="t", now=now)

    monkeypatch.setattr(
        mail_sql,
        "ALLOW_DOT",
        unguarded(mail_sql.ALLOW_DOT, r"(?s)AND NOT EXISTS \(\s+SELECT FROM surveys_suppression.*?\n\s+\)\n"),
    )
    assert between_claim_and_dot(anna, vera, now, stop)


def test_f36_the_question_of_a_running_campaign_cannot_change(anna, vera, now):
    make_audience(anna)
    campaign = launch(make_campaign(by=vera, now=now), by=vera, now=now).campaign
    plan = drafts.Plan(name="Other", kind="csat5", is_anonymous=True)
    for act in (
        lambda: drafts.edit_draft(campaign=campaign, plan=plan, by=vera, now=now),
        lambda: drafts.save_words(
            campaign=campaign, language="en", words={"question": "?"}, extra=[], by=vera, now=now
        ),
        lambda: drafts.remove_language(campaign=campaign, language="en", by=vera, now=now),
        lambda: drafts.delete_draft(campaign=campaign, by=vera, now=now),
    ):
        with pytest.raises(campaign_moves.WrongStateError):
            act()
    copy = drafts.clone(campaign=campaign, by=vera, now=now)
    drafts.save_words(campaign=copy, language="en", words={"question": "Other?"}, extra=[], by=vera, now=now)
    copy.refresh_from_db()
    assert copy.current.series_key != campaign.current.series_key


def test_f36_guard_off_the_row_itself_refuses_another_question(anna, vera, now, monkeypatch):
    make_audience(anna)
    campaign = launch(make_campaign(by=vera, now=now), by=vera, now=now).campaign
    monkeypatch.setattr(drafts, "_own_draft", lambda campaign, *_: campaign)
    with pytest.raises(DatabaseError, match="frozen"):
        drafts.save_words(
            campaign=campaign, language="en", words={"question": "?"}, extra=[], by=vera, now=now
        )


def test_f39_ten_times_the_last_wave_is_typed_twice(anna, vera, now):
    SurveyPolicy.objects.create(valid_from=now, customer_cap=0)
    make_audience(anna)
    launch(make_campaign(by=vera, now=now), by=vera, now=now)
    make_audience(anna, customers=10)
    campaign = make_campaign(by=vera, now=now)
    for typed in ({}, {"typed_count": 10}, {"typed_count": 9, "typed_again": 9}):
        with pytest.raises(campaign_moves.NotReadyError):
            campaigns.launch(campaign=campaign, by=vera, now=now, **typed)
    campaigns.launch(campaign=campaign, by=vera, now=now, typed_count=10, typed_again=10)


def test_f39_a_repeating_campaign_that_grew_tenfold_pauses_instead_of_mailing(anna, vera, now):
    make_audience(anna)
    campaign = make_campaign(by=vera, now=now, cadence_days=100)
    launch(campaign, by=vera, now=now)
    make_audience(anna, customers=10)
    advance.advance_campaigns(now=now + 100 * DAY)
    campaign.refresh_from_db()
    assert campaign.state == "paused"
    assert "10 people would be asked, 1 were expected" in campaign.pause_reason
    later = {"campaign": campaign, "by": vera, "now": now + 100 * DAY, "acknowledged": True}
    with pytest.raises(campaign_moves.NotReadyError):
        campaigns.resume(**later)
    campaigns.resume(**later, typed_count=10, typed_again=10)
    advance.advance_campaigns(now=now + 100 * DAY)
    assert campaign.waves.get(number=2).planned_count == 10


@pytest.mark.stage2
def test_s_201_a_drip_keeps_every_slot_and_spreads_evenly(anna, vera, now):
    slots = [drip_slot(7, 1, contact, 5) for contact in range(600)]
    assert slots == [drip_slot(7, 1, contact, 5) for contact in range(600)]
    assert all(90 <= count <= 150 for count in Counter(slots).values())
    make_audience(anna, customers=8)
    campaign = make_campaign(by=vera, now=now, any_time=False, drip_days=5)
    launch(campaign, by=vera, now=now)
    for message in Message.objects.select_related("invitation"):
        slot = drip_slot(campaign.pk, 1, message.invitation.contact_id, 5)
        assert (message.not_before.date() - now.date()).days == slot  # Monday to Friday
    with pytest.raises(campaign_moves.NotReadyError):
        launch(make_campaign(by=vera, now=now, drip_days=20, ends_at=now + 5 * DAY), by=vera, now=now)


@pytest.mark.stage2
def test_s_201_the_next_wave_is_counted_from_the_start_of_the_last(anna, vera, now):
    make_audience(anna)
    campaign = make_campaign(by=vera, now=now, cadence_days=91, ends_at=now + 200 * DAY)
    launch(campaign, by=vera, now=now)
    assert send(now) == 1
    for days in (90, 91, 92, 182, 273):
        advance.advance_campaigns(now=now + days * DAY)
        send(now + days * DAY)
    starts = campaign.waves.order_by("number").values_list("number", "starts_at")
    assert list(starts) == [(1, now), (2, now + 91 * DAY), (3, now + 182 * DAY)]
    assert Message.objects.filter(delivery_state="sent").count() == 3


@pytest.mark.stage2
def test_s_202_a_sample_is_drawn_the_same_way_again(anna, vera, now):
    customer = make_customer(owner=anna)
    for number in range(6):
        make_contact(customer, f"u{number}@x.example", role="User" if number < 4 else "decision maker")
    campaign = make_campaign(by=vera, now=now, per_customer=4, per_role={"user": 2, "decision maker": 3})
    wave = launch(campaign, by=vera, now=now)
    reasons = Counter(WaveSkip.objects.values_list("reason", flat=True))
    assert reasons == {"sampled_out": 2}
    judged = waves.judged_audience(campaign.current, ends_at=None, user=vera, now=now, seed=wave.seed)
    assert {one.contact_id for one in judged if not one.reason} == set(
        Invitation.objects.values_list("contact", flat=True)
    )


def test_s_42_customers_in_escalation_are_left_out_unless_the_campaign_asks_them(anna, vera, now):
    (contact,) = make_audience(anna)
    make_ticket(contact.customer, opened_at=now - DAY, escalated=True, now=now)
    with pytest.raises(campaign_moves.NotReadyError):
        launch(make_campaign(by=vera, now=now), by=vera, now=now)
    launch(make_campaign(by=vera, now=now, asks_escalated=True), by=vera, now=now)
    assert send(now) == 1


def test_s_42_an_escalation_after_the_snapshot_stops_the_mail(anna, vera, now):
    (contact,) = make_audience(anna)
    launch(make_campaign(by=vera, now=now), by=vera, now=now)
    make_ticket(contact.customer, opened_at=now, escalated=True, now=now)
    assert send(now) == 0
    assert Message.objects.get().skip_reason == SkipReason.CUSTOMER_ESCALATED
