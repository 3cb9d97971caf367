"""Every survey page costs a fixed number of queries, whatever the number of rows."""

from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from config.checks import routes
from surveys.models import Campaign, Case, Message, Response
from surveys.services import case_intake, delivery, suppressions
from surveys.services.topics import save_topic, tag_new
from tests.factories.surveys import answer, launch, make_audience, make_campaign

pytestmark = pytest.mark.django_db

# Statements of one GET by a signed-in admin, session and user included.
BUDGETS = {
    "campaigns": 8,
    "campaign_new": 11,
    "audience_count": 18,
    "campaign": 24,
    "campaign_preflight": 20,
    "campaign_words": 8,
    "campaign_mail": 6,
    "wave": 13,
    "campaign_edit": 14,
    "left_out": 13,
    "campaign_preview": 6,
    "results": 24,
    "deliveries": 11,
    "suppressions": 6,
    "suspects": 10,
    "policy": 9,
    "customer_panel": 17,
    "cases": 9,
    "cases_panel": 6,
    "case": 9,
    "case_contact": 5,
    "case_wait": 5,
    "case_note": 5,
    "case_close": 5,
    "case_reassign": 9,
    "scores": 22,
    "funnel_panel": 9,
    "topic_effects": 10,
    "comparison": 22,
    "responses": 15,
    "silence": 9,
    "topics": 8,
    "survey_export": 8,
    "api_responses": 5,
}
POST_ONLY = {
    "campaign_test", "campaign_launch", "campaign_pause", "campaign_resume", "campaign_cancel", "campaign_delete",
    "message_resend", "message_close", "message_requeue", "hold_release", "suppression_lift",
    "campaign_unschedule", "campaign_close", "campaign_extend", "campaign_adjust", "campaign_archive", "campaign_clone",
    "campaign_leave_out", "campaign_unspeak", "wave_add",
    "response_accept", "response_reject", "response_void", "response_restore", "response_tag", "topic_switch", "case_resume",
}  # fmt: skip
PUBLIC = {"answer", "thanks", "unsubscribe", "privacy"}  # their budgets stand with the page's own tests
ELSEWHERE = {"firings", "subject_export"}  # a triggered campaign, one person: tests of their own


def fill(anna, vera, now, number):
    """The same again of everything a page lists."""
    contacts = make_audience(anna, customers=2 * number, contacts=2)
    launched = make_campaign(by=vera, now=now, name=f"Launched {number}")
    wave = launch(launched, by=vera, now=now)
    delivery.send_due(clock=lambda: now, seconds=120)
    messages = list(Message.objects.filter(invitation__wave=wave).order_by("pk"))
    for message in messages[: number + 1]:
        suspect = answer(message, 3, now=now, comment="Slow")
    Response.objects.filter(pk=suspect.pk).update(status="suspect")
    case_intake.open_cases(now=now)
    Case.objects.update(assignee=vera)
    Message.objects.filter(pk__in=[message.pk for message in messages[number + 1 :]]).update(
        delivery_state="uncertain", accepted_at=None, settled_by=""
    )
    suppressions.suppress(email_norm=f"n{number}@x.example", reason="manual", source="t", now=now)
    save_topic(topic=None, name=f"Speed {number}", terms={"en": ["slow"]}, by=vera, now=now)
    tag_new(now=now)
    draft = make_campaign(by=vera, now=now, name=f"Draft {number}")
    return launched, draft, contacts[0].customer


def addresses(launched, draft, customer):
    of_drafts = {
        "campaign",
        "campaign_edit",
        "left_out",
        "campaign_preview",
        "campaign_mail",
        "campaign_preflight",
    }
    for name in BUDGETS:
        args = [draft.pk] if name in of_drafts else []
        args = (
            [Case.objects.latest("pk").pk]
            if name.startswith("case") and name not in {"cases", "cases_panel"}
            else args
        )
        args = [launched.pk] if name == "results" else [customer.pk] if name == "customer_panel" else args
        args = ["responses", "csv"] if name == "survey_export" else args
        args = {"wave": [launched.pk, 1], "campaign_words": [draft.pk, "en"]}.get(name, args)
        yield name, reverse(f"surveys:{name}", args=args)


def counted(client, rows):
    found = {}
    for name, href in addresses(*rows):
        client.get(href)
        with CaptureQueriesContext(connection) as captured:
            response = client.get(href)
            assert response.status_code == 200
            b"".join(response)  # a download runs its statements while it is sent
        found[name] = len(captured)
    return found


def test_pages_stay_within_their_budgets_at_one_and_at_three_rows(client, anna, vera, now):
    with time_machine.travel(now + timedelta(hours=1), tick=False):
        client.force_login(vera)
        one = counted(client, fill(anna, vera, now, 1))
        Campaign.objects.filter(state="active").update(state="closed")
        three = counted(client, fill(anna, vera, now + timedelta(minutes=1), 3))
    assert {name: n for name, n in one.items() if n > BUDGETS[name]} == {}
    assert {name: (one[name], n) for name, n in three.items() if n > one[name]} == {}


def test_every_survey_page_has_a_budget():
    names = {
        route["name"].removeprefix("surveys:") for route in routes() if route["name"].startswith("surveys:")
    }
    assert names == set(BUDGETS) | POST_ONLY | PUBLIC | ELSEWHERE
