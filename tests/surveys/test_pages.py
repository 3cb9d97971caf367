"""Staff pages: drafting, launching, reading results, deciding; and who sees whose answers."""

from datetime import timedelta

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils import timezone

from surveys.models import (
    Campaign,
    Invitation,
    Message,
    Response,
    SendingState,
    Suppression,
    SurveyPolicy,
)
from surveys.services import delivery, sending_state
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


def test_uncertain_mails_are_listed_with_two_decisions(client, anna, vera, carl, mia, now):
    message, _ = make_sent_message(anna, by=vera, now=now)
    Message.objects.update(delivery_state="uncertain", accepted_at=None, settled_by="")
    client.force_login(carl)
    assert client.get(url("deliveries")).status_code == 403
    client.force_login(mia)
    assert "c0.0@customer0.example" in client.get(url("deliveries")).content.decode()
    client.post(url("message_close", message.pk))
    message.refresh_from_db()
    assert message.delivery_state == "failed"
    assert (
        "no longer uncertain" in client.post(url("message_resend", message.pk), follow=True).content.decode()
    )


def test_an_admin_tries_a_failed_mail_again_but_not_one_a_person_closed(client, anna, vera, mia, now):
    message, _ = make_sent_message(anna, by=vera, now=now)
    Message.objects.update(delivery_state="failed", failure="attempts", attempts=5)
    client.force_login(mia)
    assert client.post(url("message_requeue", message.pk)).status_code == 403
    client.force_login(vera)
    assert "Try again" in client.get(url("deliveries") + "?state=failed").content.decode()
    client.post(url("message_requeue", message.pk))
    message.refresh_from_db()
    assert (message.delivery_state, message.attempts, message.accepted_at) == ("queued", 0, None)
    Message.objects.update(delivery_state="failed", failure="closed")
    refused = client.post(url("message_requeue", message.pk), follow=True).content.decode()
    assert "a person closed it" in refused


def test_s_35_a_domain_that_swallows_twenty_mails_unseen_is_a_finding(client, anna, vera, now):
    make_sent_message(anna, by=vera, now=now)
    first = Invitation.objects.get()
    for number in range(19):
        one = Invitation.objects.get(pk=first.pk)
        one.pk, one.email_norm = None, f"n{number}@customer0.example"
        one.save(force_insert=True)
        Message.objects.create(
            invitation=one,
            delivery_state="sent",
            not_before=now,
            max_at=now,
            message_id=f"<{number}@tend.example>",
            accepted_at=timezone.now(),
            settled_by="reply",
        )
    Message.objects.update(accepted_at=timezone.now())
    client.force_login(vera)
    assert (
        "customer0.example: 20 mails in 30 days, not one look"
        in client.get(url("deliveries")).content.decode()
    )
    Invitation.objects.filter(pk=first.pk).update(response_state="visited")
    assert "not one look" not in client.get(url("deliveries")).content.decode()


def test_a_suppression_by_hand_covers_one_kind_and_is_seen_with_the_customer(client, anna, vera, mia, now):
    message, _ = make_sent_message(anna, by=vera, now=now)
    client.force_login(mia)
    client.post(url("suppressions"), {"email": "c0.0@customer0.example", "scope": "nps"})
    assert Suppression.objects.get().scope == "nps"
    client.force_login(anna)
    shown = client.get(url("customer_panel", message.invitation.customer_id)).content.decode()
    assert "No surveys to: Robin Ash 0 (set by hand, NPS only)." in shown


def test_a_hold_after_a_move_names_both_places(client, vera, settings):
    SendingState.objects.create(instance_id="old.example:8443")
    settings.INSTANCE_ID = "old.example"
    assert sending_state.may_send(now=timezone.now())
    settings.INSTANCE_ID = "new.example"
    assert not sending_state.may_send(now=timezone.now())
    client.force_login(vera)
    page = client.get(url("deliveries")).content.decode()
    assert "Mails last left from old.example:8443; this is new.example." in page


def test_an_admin_lifts_a_suppression_with_a_reason(client, vera, mia):
    client.force_login(mia)
    client.post(url("suppressions"), {"email": "Stop@Customer.example "})
    row = Suppression.objects.get()
    assert (row.email, row.reason) == ("stop@customer.example", "manual")
    assert "stop@customer.example" in client.get(url("suppressions") + "?q=stop").content.decode()
    assert client.post(url("suppression_lift", row.pk), {"reason": "x"}).status_code == 403
    client.force_login(vera)
    client.post(url("suppression_lift", row.pk), {"reason": ""})
    row.refresh_from_db()
    assert row.lifted_at is None
    client.post(url("suppression_lift", row.pk), {"reason": "Asked by phone"})
    row.refresh_from_db()
    assert row.lifted_by == vera


def test_s_81_a_probe_goes_to_a_user_with_its_unsubscribe_header_on_one_line(vera, sink, capsys):
    call_command("mail_probe", "--to", vera.email)
    raw = sink.taken[0].raw
    assert sink.taken[0].recipient == vera.email
    assert raw.count(b"\r\nList-Unsubscribe: <http") == 1
    assert "dkim=pass" in capsys.readouterr().out
    with pytest.raises(CommandError, match="no active user"):
        call_command("mail_probe", "--to", "somebody@customer.example")


def test_the_rules_are_saved_as_a_further_version(client, vera, anna):
    client.force_login(anna)
    assert client.get(url("policy")).status_code == 403
    client.force_login(vera)
    values = {
        "form": "policy",
        "any_gap_days": 10,
        "relationship_gap_days": 60,
        "customer_cap": 0,
        "send_days": [0, 1],
        "send_from": "08:00",
        "send_until": "18:00",
        "max_delay_days": 3,
        "reminder_count": 1,
        "reminder_after_days": 5,
        "link_days": 60,
        "edit_days": 7,
        "canary_size": 50,
        "canary_hold_minutes": 10,
        "cap_per_hour": 2000,
        "cap_per_domain_hour": 500,
        "typed_count_over": 500,
    }
    client.post(url("policy"), values)
    client.post(url("policy"), {**values, "any_gap_days": 20})
    assert list(
        SurveyPolicy.objects.order_by("pk").values_list("any_gap_days", "customer_cap", "send_days")
    ) == [
        (10, 0, [0, 1]),
        (20, 0, [0, 1]),
    ]
    for wrong in ({"link_days": 0}, {"reminder_count": 3}, {"send_until": "07:00"}):
        assert client.post(url("policy"), {**values, **wrong}).status_code == 422
    sender = {"form": "sender", "name": "Kestrel", "email": "ask@kestrel.example", "legal_name": "Kestrel AS"}
    assert client.post(url("policy"), {**sender, "reply_to": "noreply@kestrel.example"}).status_code == 422
    assert client.post(url("policy"), {**sender, "reply_to": "success@kestrel.example"}).status_code == 302


def test_deadlines_and_limits_are_rules_too(client, vera):
    client.force_login(vera)
    cases = {
        "form": "cases",
        "case_first_contact_hours": 8,
        "case_close_days": 5,
        "work_days": [0, 1, 2],
        "work_from": "08:00",
        "work_until": "16:30",
        "holidays": "2026-12-25 2026-12-24",
    }
    assert client.post(url("policy"), {**cases, "holidays": "Christmas"}).status_code == 422
    assert client.post(url("policy"), {**cases, "case_close_days": 0}).status_code == 422
    assert client.post(url("policy"), {**cases, "work_until": "07:00"}).status_code == 422
    assert client.post(url("policy"), cases).status_code == 302
    judging = {
        "form": "judging", "many_scores": 3, "many_scores_s": 60, "form_ms": 1000, "accept_s": 20, "quick_look_s": 10,
        "many_links": 5, "many_links_minutes": 10, "scanners": "Barracuda\nNewScanner\n", "visit_days": 30,
        "min_show_n": 5, "normal_n": 30, "alpha": "0.05", "anonymous_min_group": 5,
    }  # fmt: skip
    for wrong in ({"scanners": "a"}, {"alpha": "0.9"}, {"anonymous_min_group": 2}):
        assert client.post(url("policy"), {**judging, **wrong}).status_code == 422
    assert client.post(url("policy"), judging).status_code == 302
    newest = SurveyPolicy.objects.order_by("-pk").first()
    assert (newest.case_close_days, newest.accept_s, newest.scanners) == (5, 20, ["Barracuda", "NewScanner"])
    assert [str(day) for day in newest.holidays] == ["2026-12-24", "2026-12-25"]


@pytest.mark.parametrize("path", ["campaigns", "deliveries", "suppressions", "policy"])
def test_nobody_signed_in_is_asked_to_sign_in(client, path):
    assert client.get(url(path)).status_code == 302


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
