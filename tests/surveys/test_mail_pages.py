"""Pages of what holds for all campaigns: deliveries, suppressions, the hold, the rules."""

from datetime import timedelta

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils import timezone

from surveys.models import (
    Invitation,
    Message,
    SendingState,
    Suppression,
    SurveyPolicy,
)
from surveys.services import sending_state
from tests.factories.surveys import make_sent_message

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _frozen(now):
    with time_machine.travel(now + timedelta(hours=1), tick=False):
        yield


def url(name, *args):
    return reverse(f"surveys:{name}", args=args)


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
