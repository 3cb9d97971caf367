"""What nobody types on survey pages and in the facts they mail: NUL, line breaks, markup, foreign addresses."""

from email import message_from_bytes, policy

import pytest
import time_machine
from django.urls import reverse

from config.work.models import AuditEntry
from customers.models import Contact
from surveys.models import SenderIdentity, SurveyPolicy
from surveys.services import delivery
from tests.factories.customers import make_contact, make_customer
from tests.factories.surveys import answer, launch, make_campaign, make_sent_message

pytestmark = pytest.mark.django_db
BREAKS = "Ada\r\nBcc: stranger@elsewhere.example\r\n\r\n<b>bold</b>"


@pytest.fixture(autouse=True)
def _frozen(now):
    with time_machine.travel(now, tick=False):
        yield


def url(name, *args):
    return reverse(f"surveys:{name}", args=args)


@pytest.mark.parametrize("what", ["responses", "events"])
def test_an_export_with_odd_filters_is_logged_with_those_it_knows(client, vera, anna, now, what):
    answer(make_sent_message(anna, by=vera)[0], 3, now=now)
    client.force_login(vera)
    page = client.get(url("survey_export", what, "json") + f"?phase=li%00ve&zz=%00&language={'z' * 5000}")
    assert page.status_code == 200
    b"".join(page)
    kept = AuditEntry.objects.get(action="survey.exported").after["filters"]
    assert kept == {"phase": "live", "language": "z" * 100}


def test_an_odd_reason_on_the_page_of_a_wave_is_no_reason(client, vera, anna):
    message, _ = make_sent_message(anna, by=vera)
    client.force_login(vera)
    wave = message.invitation.wave
    for reason in ("%00", "nonsense", "9" * 30):
        page = client.get(url("wave", wave.campaign_id, wave.number) + f"?reason={reason}")
        assert (page.status_code, page.context["reason"]) == (200, "")


def test_line_breaks_and_markup_in_names_stay_words_in_the_mail(client, vera, anna, now, sink):
    client.force_login(vera)
    sender = {"form": "sender", "name": "Kes\r\nBcc: a@b.example", "legal_name": "Kestrel <AS>"}
    sender |= {"email": "ask@kestrel.example", "reply_to": "help@kestrel.example"}
    assert client.post(url("policy"), sender).status_code == 302
    customer = make_customer(owner=anna, name=BREAKS)
    person = {"email": "ada@larch.example", "name": BREAKS, "role": "user", "legal_basis": ""}
    client.post(reverse("customers:contact_form", args=[customer.pk]), person)
    assert Contact.objects.get().name == "Ada Bcc: stranger@elsewhere.example <b>bold</b>"
    make_contact(customer, "bo@larch.example", name=BREAKS)  # as an import may bring it
    launch(make_campaign(by=vera, now=now), by=vera, now=now)
    delivery.send_due(clock=lambda: now)
    assert [taken.recipient for taken in sink.taken] == [
        "ada@larch.example"
    ]  # the other one is listed as failed
    assert "line break" in client.get(url("deliveries") + "?state=failed").content.decode()
    for taken in sink.taken:
        mail = message_from_bytes(taken.raw, policy=policy.default)
        assert (mail["Bcc"], mail["From"].addresses[0].addr_spec) == (None, "ask@kestrel.example")
        assert "<b>bold" not in mail.get_body(("html",)).get_content()


def test_a_decision_leads_back_to_our_own_pages_only(client, vera, anna, now):
    response = answer(make_sent_message(anna, by=vera)[0], 3, now=now)
    client.force_login(vera)
    for place in ("https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"):
        for act in ("response_void", "response_restore"):
            page = client.post(url(act, response.pk), {"reason": "x", "next": place})
            assert page.headers["Location"] == url("suspects")
        page = client.post(url("response_tag", response.pk), {"topic": "0", "back": place})
        assert page.headers["Location"] == url("responses")


def test_rules_beyond_any_sense_are_refused(client, vera):
    client.force_login(vera)
    for which in ("policy", "cases", "judging", "sender"):
        for value in ("\x00", "9" * 30, "-1", "NaN", "1e999999", "٣", "24:00", "z" * 70_000):
            names = client.get(url("policy")).context["rules"].get(which)
            fields = list(names.fields) if names else ["name", "email", "reply_to", "legal_name"]
            posted = client.post(url("policy"), {"form": which, **dict.fromkeys(fields, value)})
            assert posted.status_code == 422
    assert not SurveyPolicy.objects.exists()
    assert not SenderIdentity.objects.exists()
