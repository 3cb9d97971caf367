"""Who is asked, who is not and why; how often; and when."""

from datetime import time, timedelta

import pytest

from customers.models import CustomerSummary
from customers.services import summaries
from surveys.choices import DeliveryState, SkipReason
from surveys.models import Invitation, Message, SurveyPolicy, WaveSkip
from surveys.services import advance, campaigns, delivery, suppressions, waves
from tests.factories.customers import make_contact, make_customer
from tests.factories.surveys import launch, make_audience, make_campaign

pytestmark = pytest.mark.django_db


def reasons(wave):
    return dict(WaveSkip.objects.filter(wave=wave).values_list("contact__email", "reason"))


def send(now):
    return delivery.send_due(clock=lambda: now, seconds=120)


def test_every_reason_of_contact_customer_and_address(anna, vera, now):
    customer = make_customer(owner=anna, name="Larch")
    day = now.date()
    make_contact(customer, "fine@larch.example")
    make_contact(customer, "quiet@larch.example", do_not_survey=True)
    make_contact(customer, "left@larch.example", left_on=day)
    make_contact(customer, "stopped@larch.example")
    make_contact(customer, vera.email)
    make_contact(customer, "röbin@larch.example")
    gone = make_customer(owner=anna, name="Gone")
    make_contact(gone, "fine@gone.example")
    summaries.publish({gone.pk: {"is_paying": False, "first_paid_on": day - timedelta(days=400)}})
    suppressions.suppress(email_norm="stopped@larch.example", reason="unsubscribed", source="t", now=now)
    wave = launch(make_campaign(by=vera, now=now), by=vera, now=now)
    assert reasons(wave) == {
        "quiet@larch.example": SkipReason.DO_NOT_SURVEY,
        "left@larch.example": SkipReason.CONTACT_INACTIVE,
        "stopped@larch.example": SkipReason.SUPPRESSED,
        vera.email: SkipReason.STAFF_ADDRESS,
        "röbin@larch.example": SkipReason.NO_VALID_ADDRESS,
        "fine@gone.example": SkipReason.CUSTOMER_INACTIVE,
    }
    assert list(Invitation.objects.values_list("email_norm", flat=True)) == ["fine@larch.example"]
    assert (wave.eligible_count, wave.planned_count) == (7, 1)


def test_one_person_at_two_customers_is_asked_once_for_the_larger_one(anna, vera, now):
    small, large = make_customer(owner=anna), make_customer(owner=anna)
    make_contact(small, "Robin@Ash.example")
    make_contact(large, "robin@ash.example")
    summaries.ensure([small.pk, large.pk])
    CustomerSummary.objects.filter(pk=large.pk).update(mrr=100, is_paying=True)
    wave = launch(make_campaign(by=vera, now=now), by=vera, now=now)
    assert Invitation.objects.get().customer == large
    assert list(reasons(wave).values()) == [SkipReason.DUPLICATE_ADDRESS]


def test_at_most_five_people_per_customer_in_thirty_days(anna, vera, now):
    make_audience(anna, customers=1, contacts=7)
    wave = launch(make_campaign(by=vera, now=now), by=vera, now=now)
    assert sorted(reasons(wave).values()) == [SkipReason.CUSTOMER_CAP] * 2
    assert send(now) == 5


def test_the_policy_may_switch_the_cap_off(anna, vera, now):
    SurveyPolicy.objects.create(valid_from=now, customer_cap=0)
    make_audience(anna, customers=1, contacts=7)
    wave = launch(make_campaign(by=vera, now=now), by=vera, now=now)
    assert wave.planned_count == 7


def test_filters_name_the_audience(anna, ben, vera, now):
    gold = make_customer(owner=anna, tier="gold", region="North")
    make_contact(gold, "gold@x.example")
    make_contact(make_customer(owner=ben, tier="silver", region="North"), "silver@x.example")

    def asked(**rule):
        campaign = make_campaign(by=vera, now=now, audience=rule)
        judged = waves.judged_audience(campaign.current, ends_at=None, user=vera, now=now)
        return sorted(one.email for one in judged if not one.reason)

    assert asked(tier=["gold"]) == ["gold@x.example"]
    assert asked(csm=[ben.pk]) == ["silver@x.example"]
    assert asked(region=["North"]) == ["gold@x.example", "silver@x.example"]
    assert asked(region=["North"], tier=["silver"], csm=[anna.pk]) == []


def test_an_audience_holds_only_customers_of_the_launching_users_scope(anna, carl, mia, now):
    make_contact(make_customer(owner=anna), "mine@x.example")
    make_contact(make_customer(owner=carl), "theirs@x.example")
    launch(make_campaign(by=mia, now=now), by=mia, now=now)
    assert list(Invitation.objects.values_list("email_norm", flat=True)) == ["mine@x.example"]


def test_nobody_is_asked_twice_within_thirty_days(anna, vera, now):
    make_audience(anna)
    launch(make_campaign(by=vera, now=now, kind="csat5"), by=vera, now=now)
    assert send(now) == 1
    later = now + timedelta(days=29)
    make_contact(make_customer(owner=anna), "other@x.example")
    wave = launch(make_campaign(by=vera, now=later, kind="ces7", on_throttle="skip"), by=vera, now=later)
    assert reasons(wave) == {"c0.0@customer0.example": SkipReason.THROTTLED}
    free = now + timedelta(days=31)
    launch(make_campaign(by=vera, now=free, kind="ces7", on_throttle="skip"), by=vera, now=free)
    assert send(free) == 2


def test_two_relationship_nps_are_ninety_days_apart_and_deferring_waits(anna, vera, now):
    make_audience(anna)
    launch(make_campaign(by=vera, now=now), by=vera, now=now)
    assert send(now) == 1
    later = now + timedelta(days=80)
    launch(make_campaign(by=vera, now=later), by=vera, now=later)
    waiting = Message.objects.get(delivery_state=DeliveryState.PLANNED)
    assert waiting.not_before == now + timedelta(days=90)
    assert send(later) == 0
    assert send(now + timedelta(days=91)) == 1


def test_the_claim_decides_when_the_snapshot_did_not_know_yet(anna, vera, now):
    make_audience(anna)
    for name in ("One", "Two"):
        launch(make_campaign(by=vera, now=now, name=name, on_throttle="skip"), by=vera, now=now)
    assert send(now) == 1
    skipped = Message.objects.get(delivery_state=DeliveryState.SKIPPED)
    assert skipped.skip_reason == SkipReason.THROTTLED


def test_even_a_policy_of_zero_days_keeps_the_floor_of_a_day(anna, vera, now):
    SurveyPolicy.objects.create(valid_from=now, any_gap_days=0, relationship_gap_days=0)
    make_audience(anna)
    for name in ("One", "Two"):
        launch(make_campaign(by=vera, now=now, name=name, on_throttle="skip"), by=vera, now=now)
    assert send(now) == 1
    assert Message.objects.filter(skip_reason=SkipReason.THROTTLED).count() == 1


def test_mails_wait_for_the_window_of_the_contacts_own_zone(anna, vera, now):
    customer = make_customer(owner=anna)
    make_contact(customer, "kathmandu@x.example", time_zone="Asia/Kathmandu")
    make_contact(customer, "berlin@x.example", time_zone="Europe/Berlin")
    make_contact(customer, "tokyo@x.example", time_zone="Asia/Tokyo")
    launch(make_campaign(by=vera, now=now, any_time=False), by=vera, now=now)
    found = dict(Message.objects.values_list("invitation__email_norm", "not_before"))
    assert found["berlin@x.example"] == now  # 11:00
    assert found["kathmandu@x.example"] == now  # 15:45
    assert found["tokyo@x.example"] == now.replace(hour=0) + timedelta(days=1)  # 19:00, so tomorrow at 9


def test_a_claim_outside_the_window_goes_back_to_the_queue(anna, vera, now):
    make_audience(anna)
    campaign = make_campaign(by=vera, now=now, send_from=time(9), send_until=time(16), any_time=False)
    launch(campaign, by=vera, now=now)
    night = now.replace(hour=20)
    assert send(night) == 0
    message = Message.objects.get()
    assert (message.delivery_state, message.not_before) == (
        DeliveryState.QUEUED,
        now.replace(hour=9) + timedelta(days=1),
    )
    assert send(message.not_before) == 1


def test_a_finished_snapshot_changes_nothing_when_taken_again(anna, vera, now):
    make_audience(anna, customers=3)
    campaign = make_campaign(by=vera, now=now)
    wave = launch(campaign, by=vera, now=now)
    advance.advance_campaigns(now=now)
    assert waves.snapshot(wave_id=wave.pk, now=now) == wave
    assert Message.objects.count() == 3


def test_a_large_audience_needs_its_number_typed(anna, vera, now):
    SurveyPolicy.objects.create(valid_from=now, typed_count_over=2)
    make_audience(anna, customers=3)
    campaign = make_campaign(by=vera, now=now)
    with pytest.raises(campaigns.NotReadyError, match="Type 3"):
        campaigns.launch(campaign=campaign, by=vera, now=now)
    campaigns.launch(campaign=campaign, by=vera, now=now, typed_count=3)


def test_nobody_to_ask_refuses_the_launch(vera, now):
    with pytest.raises(campaigns.NotReadyError, match="Nobody would be asked"):
        campaigns.launch(campaign=make_campaign(by=vera, now=now), by=vera, now=now)


def test_large_waves_send_a_canary_first_and_the_rest_after_the_hold(anna, vera, now):
    SurveyPolicy.objects.create(valid_from=now, customer_cap=0, canary_size=5)
    make_audience(anna, customers=1, contacts=101)
    launch(make_campaign(by=vera, now=now), by=vera, now=now)
    assert send(now) == 5
    assert send(now) == 0
    advance.advance_campaigns(now=now)
    assert send(now + timedelta(minutes=9)) == 0
    after = now + timedelta(minutes=11)
    advance.advance_campaigns(now=after)
    assert send(after) == 96


def test_one_reminder_goes_to_the_silent_and_carries_the_first_mails_id(anna, vera, now):
    from config.work.models import CapturedMail
    from tests.factories.surveys import answer

    make_audience(anna, customers=2)
    launch(make_campaign(by=vera, now=now, reminders=1), by=vera, now=now)
    assert send(now) == 2
    first, second = Message.objects.order_by("pk")
    answer(first, 9, now=now)
    later = now + timedelta(days=5, hours=1)
    for _ in range(2):
        advance.advance_campaigns(now=later)
    assert send(later) == 1
    reminder = Message.objects.get(kind="reminder")
    assert reminder.invitation == second.invitation
    raw = bytes(CapturedMail.objects.get(message_id=reminder.message_id).raw)
    assert b"In-Reply-To: " + second.message_id.encode() in raw
    from surveys.services.mail_checks import check_survey_mail

    assert [one.id for one in check_survey_mail(raw, base="http://127.0.0.1:8000") if not one.ok] == []


def test_a_cancelled_campaign_withdraws_what_waits_and_never_comes_back(anna, vera, now):
    make_audience(anna, customers=2)
    campaign = make_campaign(by=vera, now=now)
    launch(campaign, by=vera, now=now)
    campaigns.cancel(campaign=campaign, by=vera, now=now, close_links=True)
    assert set(Message.objects.values_list("delivery_state", flat=True)) == {DeliveryState.REVOKED}
    assert send(now) == 0
    for act in (campaigns.resume, campaigns.pause, campaigns.cancel, campaigns.launch):
        with pytest.raises(campaigns.WrongStateError):
            act(campaign=campaign, by=vera, now=now)


def test_a_campaign_closes_after_its_last_day(anna, vera, now):
    make_audience(anna)
    campaign = make_campaign(by=vera, now=now)
    launch(campaign, by=vera, now=now)
    send(now)
    advance.advance_campaigns(now=now + timedelta(days=31))
    campaign.refresh_from_db()
    assert campaign.state == "closed"
