"""F28, F29, F30: headers that fold, words that are markup, cells that are formulas. Each guard is also shown off."""

import re
from datetime import timedelta
from email import message_from_bytes, policy

import pytest
import time_machine
from django.template import engines
from django.urls import reverse

from config.web import sheets
from config.work.models import OutgoingMail
from customers.models import Customer
from surveys.emails import survey_mail
from surveys.models import Invitation, Message
from surveys.services import case_intake, claims
from surveys.services.topics import save_topic, tag_new
from tests.factories.customers import make_contact, make_customer
from tests.factories.surveys import answer, launch, make_audience, make_campaign
from tests.surveys.failures.conftest import Someone

pytestmark = pytest.mark.django_db

TAG, IMAGE = "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>'
NASTY = f"{TAG}{IMAGE}\u202e{{{{ 7|add:7 }}}}"


def raw_mail(anna, vera, now, length):
    """A rendered mail whose way out is an address of that many characters."""
    make_audience(anna)
    launch(make_campaign(by=vera, now=now), by=vera, now=now)
    claims.release_due(now=now)
    claim = claims.claim_next(now=now)
    way_out = "https://" + "h" * (length - len("https://" + "/u/") - 22 - 4) + ".com/u/" + "t" * 22
    links = type(claim.links)(claim.links.answer, way_out, claim.links.honeypot)
    return survey_mail(claim.message, links=links, now=now), way_out, claim.message.message_id


def is_whole(raw, way_out, message_id):
    """The address stands in one piece on a line of its header, nothing in it is encoded, and the id is ours."""
    head = raw.split(b"\r\n\r\n", 1)[0].decode("ascii")
    found = re.search(r"^List-Unsubscribe:((?:.*\r\n[ \t])*.*)$", head, re.MULTILINE)
    assert f"<{way_out}>" in found[1]
    assert head.count("\r\nMessage-ID:") == 1
    assert message_id in head


def test_f28_an_address_of_two_hundred_characters_stays_whole(anna, vera, now):
    is_whole(*raw_mail(anna, vera, now, 200))


def test_f28_guard_off_the_standard_folding_is_noticed(anna, vera, now):
    raw, way_out, message_id = raw_mail(anna, vera, now, 200)
    folded = message_from_bytes(raw, policy=policy.SMTP).as_bytes(
        policy=policy.SMTP.clone(refold_source="all")
    )
    with pytest.raises(AssertionError):
        is_whole(folded, way_out, message_id)


@pytest.fixture
def said(anna, vera, now):
    """Somebody whose every word is markup, at a customer and in a campaign called likewise."""
    customer = make_customer(owner=anna, name=f"Ash {NASTY}", segment=f"seg {IMAGE}")
    make_contact(customer, "robin@ash.example", name=f"Robin {NASTY}")
    campaign = make_campaign(by=vera, now=now, name=f"Spring {TAG}")
    launch(campaign, by=vera, now=now)
    claims.release_due(now=now)
    claims.claim_next(now=now)
    Message.objects.update(
        delivery_state="sent", phase="", lease_token="", lease_until=None, accepted_at=now, settled_by="reply"
    )
    given = answer(Message.objects.get(), 2, now=now, comment=f"Slow {NASTY}")
    case_intake.open_cases(now=now)
    save_topic(topic=None, name=f"Topic {IMAGE}", terms={"en": ["slow"]}, by=vera, now=now)
    tag_new(now=now)
    return {"customer": customer.pk, "campaign": campaign.pk, "case": given.cases.get().pk}


def shown(client, ids, now):
    """Every page, part, file and mail that repeats such words, by name."""
    places = {
        "case": [ids["case"]], "customer_panel": [ids["customer"]], "campaign": [ids["campaign"]],
        "results": [ids["campaign"]], "wave": [ids["campaign"], 1],
        **{name: [] for name in ("cases", "responses", "scores", "comparison", "topics", "topic_effects", "campaigns")},
    }  # fmt: skip
    with time_machine.travel(now + timedelta(hours=1), tick=False):
        for name, args in places.items():
            page = client.get(reverse(f"surveys:{name}", args=args))
            assert page.status_code == 200, name
            yield name, page.content.decode()
        yield "customer", client.get(reverse("customers:customer", args=[ids["customer"]])).content.decode()
        yield "today", client.get("/").content.decode()
    for mail in OutgoingMail.objects.all():
        html = message_from_bytes(bytes(mail.raw), policy=policy.default).get_body(("html",))
        yield "alert", html.get_content()


def words_are_words(client, ids, now):
    found = dict(shown(client, ids, now))
    assert "alert" in found
    raw = [name for name, text in found.items() if TAG in text or "<img src=x" in text]
    assert raw == []
    for name in ("case", "cases", "responses", "results", "customer_panel", "alert"):
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in found[name], name
        assert "{{ 7|add:7 }}" in found[name], name


def test_f29_words_of_others_are_escaped_on_every_page_and_in_the_alert(client, anna, said, now):
    client.force_login(anna)
    words_are_words(client, said, now)


def test_f29_guard_off_pages_that_do_not_escape_are_noticed(client, anna, said, now, monkeypatch):
    client.force_login(anna)
    monkeypatch.setattr(engines["django"].engine, "autoescape", False)
    with pytest.raises(AssertionError, match="case"):
        words_are_words(client, said, now)


def csv_is_inert(client, now):
    lines = b"".join(client.get(reverse("surveys:survey_export", args=["responses", "csv"]))).decode()
    assert "'=HYPERLINK(1)" in lines
    assert not re.search(r"(^|[,\n\"])=HYPERLINK", lines)


def test_f30_a_comment_that_is_a_formula_is_inert_in_the_file(client, vera, said, now):
    Customer.objects.get(pk=said["customer"]).responses.update(comment="=HYPERLINK(1)")
    client.force_login(vera)
    csv_is_inert(client, now)


def test_f30_guard_off_a_plain_cell_is_noticed(client, vera, said, now, monkeypatch):
    Customer.objects.get(pk=said["customer"]).responses.update(comment="=HYPERLINK(1)")
    client.force_login(vera)
    monkeypatch.setattr(sheets, "inert", lambda value: value)
    with pytest.raises(AssertionError):
        csv_is_inert(client, now)


def test_f29_ten_thousand_characters_are_refused_with_words(asked):
    assert Someone().press(asked.answer, 9, comment="x" * 10_000).status_code == 422
    assert Invitation.objects.get().response_state != "answered"
