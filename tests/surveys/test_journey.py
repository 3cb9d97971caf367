"""From draft to health score: fifty contacts, a real mail server, an answer without script, an unsubscribe."""

import re
from collections import Counter
from datetime import timedelta
from email import message_from_bytes, policy

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from customers.models import CustomerSummary, FollowUp
from metrics.services.refresh import refresh_stale
from surveys import tasks
from surveys.models import Campaign, Response, Suppression
from surveys.services.mail_checks import check_survey_mail
from tests.factories.customers import make_contact
from tests.factories.health import make_scored_customer, starter
from tests.factories.surveys import make_audience
from tests.surveys.conftest import path_of

pytestmark = pytest.mark.django_db


def links_in(raw):
    html = message_from_bytes(raw, policy=policy.default).get_body(("html",)).get_content()
    return list(dict.fromkeys(re.findall(r'href="(http[^"]+/[su]/[^"]+)"', html)))


def test_fifty_mails_one_answer_and_what_follows(client, anna, vera, now, sink, settings):
    starter()
    customer = make_scored_customer(owner=anna, name="Larch")
    contacts = [make_contact(customer, f"robin{i}@larch.example") for i in range(5)]
    contacts += make_audience(anna, customers=9, contacts=5)
    refresh_stale(as_of=now.date(), now=now)
    before = CustomerSummary.objects.get(pk=customer.pk).score
    assert before is not None
    with time_machine.travel(now, tick=False):
        client.force_login(vera)
        values = {
            "name": "Spring",
            "kind": "nps",
            "nature": "relationship",
            "window": "policy",
            "on_throttle": "defer",
        }
        client.post(reverse("surveys:campaign_new"), values)
        campaign = Campaign.objects.get()
        launch = reverse("surveys:campaign_launch", args=[campaign.pk])
        assert client.post(launch).status_code == 422  # no test mail was taken yet (C48)
        client.post(reverse("surveys:campaign_test", args=[campaign.pk]), {"language": "en"})
        tasks.send_messages()
        assert [taken.recipient for taken in sink.taken] == [vera.email]
        sink.taken.clear()
        assert client.post(launch).status_code == 302
        client.post(launch)
        tasks.advance_campaigns()
        tasks.send_messages()
        tasks.send_messages()
    assert len(sink.taken) == 50
    assert set(sink.recipients.values()) == {1}
    assert Counter(sink.recipients) == Counter(contact.email for contact in contacts)
    wrong = {
        finding.id: finding.detail
        for taken in sink.taken
        for finding in check_survey_mail(taken.raw, base=settings.SITE_URL)
        if not finding.ok
    }
    assert wrong == {}

    browser = Client(enforce_csrf_checks=True)
    with time_machine.travel(now + timedelta(hours=1), tick=False):
        for taken in sink.taken:
            for href in links_in(taken.raw):
                assert browser.get(path_of(href)).status_code == 200
                assert browser.head(path_of(href)).status_code == 200
        assert (Response.objects.count(), Suppression.objects.count()) == (0, 0)

        mine = next(taken for taken in sink.taken if taken.recipient == contacts[0].email)
        hrefs = links_in(mine.raw)
        rating = next(path_of(href) for href in hrefs if href.endswith("?r=2"))
        person = {"user-agent": "Firefox/140"}  # the looks before were a scanner's
        form = browser.get(rating, headers=person).content.decode()
        nonce = re.search(r'name="form" value="([^"]+)"', form).group(1)
        answer = rating.partition("?")[0]
        data = {"form": nonce, "score": "2", "comment": "Three outages"}
        with time_machine.travel(now + timedelta(hours=1, seconds=9), tick=False):
            for _ in range(2):
                assert browser.post(answer, data, headers=person).status_code == 303
        assert Response.objects.count() == 1
        with time_machine.travel(now + timedelta(hours=1, minutes=1), tick=False):
            tasks.open_cases()
        follow_up = FollowUp.objects.get()
        assert (follow_up.customer, follow_up.owner) == (customer, anna)

        refresh_stale(as_of=now.date(), now=now + timedelta(hours=2))
        summary = CustomerSummary.objects.get(pk=customer.pk)
        assert summary.last_nps == 2
        assert summary.score < before

        unsubscribe = next(path_of(href) for href in hrefs if "/u/" in href)
        assert browser.post(unsubscribe, {"List-Unsubscribe": "One-Click"}).status_code == 200
        assert Suppression.objects.get().email == contacts[0].email
        page = client.get(reverse("surveys:results", args=[campaign.pk])).content.decode()
        assert "1 answer: too few for a score" in page
        assert "Three outages" in page
