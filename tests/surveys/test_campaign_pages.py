"""Pages of campaigns: the builder with its options, waves with every reason, why an event asked nobody."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from surveys.models import Campaign, SurveyPolicy, WaveSkip
from surveys.services import advance
from tests.factories.customers import make_contact, make_customer, make_ticket
from tests.factories.surveys import launch, make_audience, make_campaign

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _frozen(now):
    with time_machine.travel(now + 3 * HOUR, tick=False):
        yield


def url(name, *args):
    return reverse(f"surveys:{name}", args=args)


def values(**changes):
    return {"name": "Autumn", "kind": "nps", "nature": "relationship", "window": "policy", **changes}


def test_every_option_of_the_builder_is_kept_and_shown_again(client, anna, vera):
    make_audience(anna)
    client.force_login(vera)
    posted = client.post(
        url("campaign_new"),
        values(
            kind="csat7", subject_of_csat="the planner", default_language="de", prompt_negative="Warum?",
            window="own", send_days=[1, 3], send_from="10:00", send_until="12:00", cap_per_hour=40,
            starts_at="2026-04-01T10:00", ends_on="2026-06-30", cadence_days=30, drip_days=5, reminders=2,
            age_from=30, age_to=900, asks_escalated="on", is_sampled="on", per_customer=2, most_user=1,
            sender_mode="csm", is_anonymous="on", on_throttle="skip",
        ),
    )  # fmt: skip
    assert posted.status_code == 302
    campaign = Campaign.objects.get()
    version = campaign.current
    assert (version.kind, version.about, version.default_language) == ("csat7", "the planner", "de")
    assert version.per_role == {"decision maker": 3, "influencer": 3, "user": 1}
    assert (version.cadence_days, version.drip_days, version.reminders) == (30, 5, 2)
    assert version.audience == {"age_from": 30, "age_to": 900}
    assert (campaign.send_days, campaign.cap_per_hour) == ([1, 3], 40)
    assert version.texts.get().prompt_negative == "Warum?"
    page = client.get(url("campaign_edit", campaign.pk)).content.decode()
    for shown in ('value="the planner"', 'value="2026-04-01T10:00"', 'value="2026-06-30"', "Warum?"):
        assert shown in page


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": ""}, "This field is required"),
        ({"window": "own"}, "Own hours need this"),
        ({"trigger_event": "after_go_live"}, "This event needs it"),
        ({"trigger_event": "ticket_solved", "cadence_days": 7}, "nothing to repeat"),
        ({"trigger_event": "before_renewal", "trigger_from": 60, "trigger_to": 90}, "range runs backwards"),
        ({"age_from": 90, "age_to": 30}, "less than"),
    ],
)
def test_the_builder_says_what_is_wrong(client, vera, changes, words):
    client.force_login(vera)
    refused = client.post(url("campaign_new"), values(**changes))
    assert refused.status_code == 422
    assert words in refused.content.decode()
    assert not Campaign.objects.exists()


def test_words_of_a_second_language_with_a_further_question_and_its_removal(client, vera):
    campaign = make_campaign(by=vera)
    client.force_login(vera)
    words = {"subject": "Eine Frage", "type_1": "choice", "text_1": "Was?", "options_1": "Eins\nZwei"}
    assert client.post(url("campaign_words", campaign.pk, "de"), words).status_code == 302
    text = campaign.current.texts.get(language="de")
    assert text.subject == "Eine Frage"
    assert text.extra[0]["options"] == ["Eins", "Zwei"]
    page = client.get(url("campaign", campaign.pk)).content.decode()
    assert "further questions" in page  # the other language does not ask it: C44
    wrong = client.post(url("campaign_words", campaign.pk, "de"), {**words, "options_1": "Eins"})
    assert wrong.status_code == 422
    assert client.get(url("campaign_words", campaign.pk, "tlh")).status_code == 404
    client.post(url("campaign_unspeak", campaign.pk, "de"))
    client.post(url("campaign_unspeak", campaign.pk, "en"))
    assert list(campaign.current.texts.values_list("language", flat=True)) == ["en"]


def test_a_contact_is_left_out_by_hand_and_let_in_again(client, anna, ben, vera):
    one, two = make_audience(anna, customers=2)
    campaign = make_campaign(by=vera)
    client.force_login(ben)
    client.post(url("campaign_leave_out", campaign.pk, one.pk), {"out": "1"})
    client.force_login(vera)
    assert "2 contacts" in client.get(url("left_out", campaign.pk) + "?show=asked").content.decode()
    client.post(url("campaign_leave_out", campaign.pk, one.pk), {"out": "1"})
    page = client.get(url("left_out", campaign.pk)).content.decode()
    assert "Left out by hand" in page
    assert one.email in page
    assert two.email not in page
    client.post(url("campaign_leave_out", campaign.pk, one.pk), {"out": "0"})
    assert "Nobody is left out" in client.get(url("left_out", campaign.pk)).content.decode()


def test_a_launch_outside_the_hours_says_when_the_first_mails_leave(client, anna, vera, now):
    make_audience(anna)
    campaign = make_campaign(by=vera, any_time=False)
    with time_machine.travel(now.replace(hour=20), tick=False):
        client.force_login(vera)
        assert "The first mails leave" in client.get(url("campaign", campaign.pk)).content.decode()
        page = client.post(url("campaign_launch", campaign.pk), follow=True).content.decode()
    assert "The first mails leave Tue 17 Mar, 09:00" in page


def test_preview_shows_each_language_light_dark_wide_and_narrow(client, vera):
    campaign = make_campaign(by=vera)
    client.force_login(vera)
    client.post(url("campaign_words", campaign.pk, "ar"), {})
    page = client.get(url("campaign_words", campaign.pk, "ar")).content.decode()
    assert re.search(r'<textarea name="question"[^>]* lang="ar" dir="rtl"', page)
    page = client.get(url("campaign_preview", campaign.pk) + "?language=ar").content.decode()
    assert page.count("<iframe") == page.count("sandbox></iframe>") == 4
    assert "العربية" in page
    mail = url("campaign_mail", campaign.pk) + "?language=ar&scheme="
    assert 'dir="rtl"' in client.get(mail + "dark").content.decode()
    assert "@media all" in client.get(mail + "dark").content.decode()
    assert "@media not all" in client.get(mail + "light").content.decode()


def test_the_wave_page_shows_every_reason_and_only_names_of_the_readers_customers(
    client, anna, carl, vic, vera, now
):
    make_audience(anna)
    make_contact(
        make_customer(owner=anna, name="Larch"), "q@larch.example", name="Nora Quiet", do_not_survey=True
    )
    campaign = launch(make_campaign(by=vera, now=now), by=vera, now=now).campaign
    page_of = url("wave", campaign.pk, 1)
    client.force_login(anna)
    page = client.get(page_of).content.decode()
    assert "Nora Quiet" in page
    assert "do not survey" in page
    assert "Nora Quiet" not in client.get(page_of + "?reason=throttled").content.decode()
    for stranger in (carl, vic):
        client.force_login(stranger)
        page = client.get(page_of).content.decode()
        assert "Nora Quiet" not in page
        assert "do not survey" in page
    assert client.get(url("wave", campaign.pk, 9)).status_code == 404
    assert WaveSkip.objects.count() == 1


def test_why_not_this_one_in_a_fixed_number_of_queries(client, anna, carl, vera, now):
    campaign = make_campaign(
        by=vera, now=now, kind="csat5", trigger_event="ticket_solved", trigger_delay_hours=1
    )
    launch(campaign, by=vera, now=now)
    client.force_login(vera)
    counts = []
    for number in (1, 3):
        for step in range(number):
            customer = make_customer(owner=anna, name=f"Larch {number}{step}")
            make_contact(customer, f"a{number}{step}@larch.example", do_not_survey=bool(step))
            solved = now + (HOUR if step else HOUR * 2.5)
            make_ticket(customer, ticket_id=f"T{number}{step}", opened_at=now, solved_at=solved, now=now)
        advance.advance_campaigns(now=now + 3 * HOUR)
        with CaptureQueriesContext(connection) as captured:
            page = client.get(url("firings", campaign.pk)).content.decode()
        counts.append(len(captured))
    assert "Not asked: Marked" in page
    assert "Ticket T10 solved" in page
    assert max(counts) <= 14
    client.force_login(carl)
    assert "Larch" not in client.get(url("firings", campaign.pk)).content.decode()
    assert client.get(url("firings", make_campaign(by=vera).pk)).status_code == 404


def test_a_running_campaign_is_changed_ended_extended_archived_and_copied(client, anna, vera, now):
    make_audience(anna)
    campaign = launch(make_campaign(by=vera, now=now), by=vera, now=now).campaign
    client.force_login(vera)

    def press(name, **data):
        answer = client.post(url(name, campaign.pk), data)
        campaign.refresh_from_db()
        return answer

    changed = {"window": "policy", "cap_per_hour": 9, "ends_on": "2026-04-01", "reminders": 0}
    assert press("campaign_adjust", **changed).status_code == 302
    assert campaign.cap_per_hour == 9
    assert press("campaign_adjust", **{**changed, "ends_on": "2026-01-01"}).status_code == 422
    for name, data, state in (
        ("campaign_pause", {}, "paused"),
        ("campaign_resume", {}, "active"),
        ("campaign_close", {}, "closed"),
        ("campaign_extend", {"days": 3}, "active"),
        ("campaign_close", {}, "closed"),
        ("campaign_archive", {}, "archived"),
    ):
        press(name, **data)
        assert campaign.state == state
    assert press("campaign_extend", days=99).status_code == 422
    press("campaign_clone")
    assert Campaign.objects.get(cloned_from=campaign).state == "draft"
    assert "Spring" in client.get(url("campaigns") + "?state=archived").content.decode()


def test_ten_times_the_last_wave_is_typed_twice_on_the_page(client, anna, vera, now):
    SurveyPolicy.objects.create(valid_from=now, customer_cap=0, any_gap_days=1, relationship_gap_days=1)
    make_audience(anna)
    launch(make_campaign(by=vera, now=now), by=vera, now=now)
    make_audience(anna, customers=10)  # one of them has the same address again
    campaign = make_campaign(by=vera, now=now, name="Next")
    client.force_login(vera)
    assert 'name="typed_again"' in client.get(url("campaign", campaign.pk)).content.decode()
    for typed in ({}, {"typed_count": 10}):
        assert client.post(url("campaign_launch", campaign.pk), typed).status_code == 422
    client.post(url("campaign_launch", campaign.pk), {"typed_count": 10, "typed_again": 10})
    campaign.refresh_from_db()
    assert campaign.state == "active"
