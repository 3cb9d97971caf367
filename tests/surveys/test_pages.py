"""Staff pages: drafting, launching, reading results; and who sees whose answers."""

from datetime import timedelta

import pytest
import time_machine
from django.urls import reverse
from django.utils import timezone

from surveys.models import (
    Campaign,
    Message,
    Response,
)
from surveys.services import delivery
from tests.factories.customers import make_contact, make_customer
from tests.factories.surveys import answer, launch, make_audience, make_campaign, make_sent_message

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _frozen(now):
    with time_machine.travel(now + timedelta(hours=1), tick=False):
        yield


def url(name, *args):
    return reverse(f"surveys:{name}", args=args)


@pytest.fixture
def asked(anna, vera, now):
    """A launched campaign with six answers of anna's customers."""
    make_audience(anna, customers=3, contacts=2)
    campaign = make_campaign(by=vera, now=now, name="Spring NPS")
    launch(campaign, by=vera, now=now)
    delivery.send_due(clock=lambda: now)
    for message, score in zip(Message.objects.order_by("pk"), (10, 9, 9, 8, 3, 10), strict=True):
        answer(message, score, now=now, comment=f"Planted remark {score}")
    return campaign


def take_test(client, campaign):
    """The test mail that a launch asks for, taken by the server."""
    client.post(url("campaign_test", campaign.pk))
    delivery.send_due(clock=timezone.now)


def form_values(**changes):
    return {
        "name": "Autumn",
        "kind": "nps",
        "nature": "relationship",
        "window": "any",
        "on_throttle": "defer",
        **changes,
    }


def test_a_campaign_goes_from_form_to_launch(client, anna, vera, now):
    make_audience(anna, customers=2)
    client.force_login(vera)
    assert client.get(url("campaign_new")).status_code == 200
    posted = client.post(url("campaign_new"), form_values())
    campaign = Campaign.objects.get()
    assert posted.headers["Location"] == url("campaign", campaign.pk)
    page = client.get(url("campaign", campaign.pk)).content.decode()
    assert "2 people" in page
    assert "How likely is it that you would recommend" in page
    take_test(client, campaign)
    launched = client.post(url("campaign_launch", campaign.pk))
    assert launched.headers["Location"] == url("campaign", campaign.pk)
    campaign.refresh_from_db()
    assert (campaign.state, campaign.launched_by) == ("active", vera)
    again = client.post(url("campaign_launch", campaign.pk), follow=True)
    assert "Nothing was changed" in again.content.decode()


def test_the_draft_says_who_is_left_out_and_why(client, anna, vera, now):
    customer = make_customer(owner=anna, name="Larch")
    make_contact(customer, "fine@larch.example")
    make_contact(customer, "no@larch.example", name="Nora Quiet", do_not_survey=True)
    make_contact(customer, "gone@larch.example", name="Gil Gone", left_on=now.date() - timedelta(days=900))
    make_contact(customer, vera.email, name="Vera herself")
    campaign = make_campaign(by=vera, now=now)
    client.force_login(vera)
    page = client.get(url("campaign", campaign.pk)).content.decode()
    assert "1 person" in page
    names = client.get(url("left_out", campaign.pk)).content.decode()
    for name, reason in (
        ("Nora Quiet", "do not survey"),
        ("Gil Gone", "Contact has left"),
        ("Vera herself", "Address of a user"),
    ):
        assert name in names
        assert reason in names
    only = client.get(url("left_out", campaign.pk) + "?reason=staff_address").content.decode()
    assert "Nora Quiet" not in only


def test_the_live_count_follows_the_filters(client, anna, vera, now):
    make_contact(make_customer(owner=anna, tier="gold"))
    make_contact(make_customer(owner=anna, tier="silver"))
    client.force_login(vera)
    part = client.get(
        url("audience_count"),
        form_values(tier="gold"),
        headers={"hx-request": "true", "hx-target": "audience-count"},
    )
    assert part.content.decode().strip().startswith('<section class="card" id="audience-count"')
    assert "of 1 contact," in part.content.decode()


def test_a_draft_can_be_changed_and_deleted_but_a_launched_campaign_cannot(client, anna, vera, now):
    make_audience(anna)
    campaign = make_campaign(by=vera, now=now)
    client.force_login(vera)
    client.post(url("campaign_edit", campaign.pk), form_values(name="Renamed", kind="ces7"))
    campaign.refresh_from_db()
    assert (campaign.name, campaign.current.kind) == ("Renamed", "ces7")
    take_test(client, campaign)
    client.post(url("campaign_launch", campaign.pk))
    assert client.get(url("campaign_edit", campaign.pk)).status_code == 404
    client.post(url("campaign_delete", campaign.pk))
    assert Campaign.objects.filter(pk=campaign.pk).exists()


def test_the_preview_shows_the_mail_without_live_links(client, vera, now):
    campaign = make_campaign(by=vera, now=now)
    client.force_login(vera)
    preview = client.get(url("campaign_mail", campaign.pk))
    assert "preview-preview-previe?r=10" in preview.content.decode()
    assert "frame-ancestors 'self'" in preview.headers["Content-Security-Policy"]
    assert "sandbox" in preview.headers["Content-Security-Policy"]
    assert (
        client.get(url("campaign_mail", campaign.pk) + "?as=text")
        .headers["Content-Type"]
        .startswith("text/plain")
    )


def test_a_test_mail_goes_to_oneself_and_its_answer_counts_nowhere(client, anna, vera, now):
    make_audience(anna)
    campaign = make_campaign(by=vera, now=now)
    client.force_login(vera)
    client.post(url("campaign_test", campaign.pk))
    message = Message.objects.get()
    assert delivery.send_due(clock=lambda: message.not_before) == 1
    response = answer(message, 1, now=now)
    assert (response.status, response.customer) == ("test", None)
    assert response.needs_follow_up_at is None
    client.post(url("campaign_launch", campaign.pk))
    assert "No data yet" in client.get(url("results", campaign.pk)).content.decode()


def test_results_show_score_interval_n_and_the_answers(client, asked, vera):
    client.force_login(vera)
    page = client.get(url("results", asked.pk)).content.decode()
    assert "+50" in page
    assert "n = 6" in page
    assert "between <b>−" in page or "between <b>+" in page
    assert "Planted remark 3" in page
    assert "adjusted Wald" in page
    part = client.get(
        url("results", asked.pk) + "?bucket=negative",
        headers={"hx-request": "true", "hx-target": "campaign-answers"},
    ).content.decode()
    assert part.strip().startswith('<section class="card" id="campaign-answers"')
    assert "Planted remark 3" in part
    assert "Planted remark 10" not in part


def test_below_five_answers_there_is_no_score_anywhere(client, anna, vera, now):
    message, _ = make_sent_message(anna, by=vera, now=now)
    answer(message, 10, now=now)
    client.force_login(vera)
    page = client.get(url("results", message.invitation.wave.campaign_id)).content.decode()
    assert "too few for a score" in page
    assert "+100" not in page
    assert "+100" not in client.get(url("campaigns")).content.decode()


def test_a_stranger_sees_the_score_but_no_answer_of_another_book(client, asked, carl):
    client.force_login(carl)
    for path in (
        url("results", asked.pk),
        url("responses"),
        url("campaigns"),
        url("left_out", asked.pk),
    ):
        page = client.get(path).content.decode()
        assert "Planted remark" not in page
        assert "Robin Ash" not in page
        assert "Customer 0" not in page
    assert "+50" in client.get(url("results", asked.pk)).content.decode()
    customer = Response.objects.first().customer
    assert client.get(url("customer_panel", customer.pk)).status_code == 404


def test_the_owner_sees_the_answers_and_the_viewer_no_names(client, asked, anna, vic):
    customer = Response.objects.get(score=3).customer
    client.force_login(anna)
    assert "Planted remark 3" in client.get(url("results", asked.pk)).content.decode()
    assert "Planted remark 3" in client.get(url("responses")).content.decode()
    assert "Planted remark 3" in client.get(url("customer_panel", customer.pk)).content.decode()
    client.force_login(vic)
    for path in (url("results", asked.pk), url("customer_panel", customer.pk)):
        page = client.get(path).content.decode()
        assert "Planted remark" not in page
        assert "Robin Ash" not in page


def test_only_people_with_the_right_start_and_stop(client, asked, anna, vic, mia):
    for person in (anna, vic):
        client.force_login(person)
        for name in ("campaign_launch", "campaign_pause", "campaign_resume", "campaign_cancel"):
            assert client.post(url(name, asked.pk)).status_code == 403
    client.force_login(mia)
    client.post(url("campaign_pause", asked.pk))
    asked.refresh_from_db()
    assert asked.state == "paused"
    client.post(url("campaign_resume", asked.pk))
    client.post(url("campaign_cancel", asked.pk))
    asked.refresh_from_db()
    assert asked.state == "cancelled"
    refused = client.post(url("campaign_resume", asked.pk), follow=True).content.decode()
    assert "is cancelled" in refused


def test_lists_need_the_same_number_of_queries_at_any_length(
    client, anna, vera, now, django_assert_num_queries
):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    client.force_login(vera)
    make_audience(anna, customers=1)
    counts = []
    for number in (1, 3):
        while Campaign.objects.count() < number:
            make_campaign(by=vera, now=now, name=f"C{Campaign.objects.count()}")
        with CaptureQueriesContext(connection) as captured:
            client.get(url("campaigns"))
        counts.append(len(captured))
    assert counts[0] == counts[1]
