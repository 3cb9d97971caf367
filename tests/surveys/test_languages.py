"""Mails in every language: each passes the whole checklist, from right to left where one reads so."""

import re
from email import message_from_bytes, policy

import pytest

from surveys.choices import MessageKind, SenderMode
from surveys.emails import MailLinks, link, survey_mail
from surveys.models import Message
from surveys.services import senders
from surveys.services.mail_checks import check_survey_mail
from surveys.words import catalogue
from tests.factories.customers import make_contact, make_customer
from tests.factories.languages import speak
from tests.factories.surveys import launch, make_campaign
from tests.factories.users import make_organisation

pytestmark = pytest.mark.django_db

ALL = catalogue.languages()
BASE = "http://127.0.0.1:8000"


@pytest.fixture(autouse=True)
def _named():
    make_organisation(name="Kestrel")


def asked(anna, vera, now, *, languages=ALL, kind="nps", **version):
    """One contact per language at one customer, snapshot taken; the messages in the order of the languages."""
    customer = make_customer(owner=anna, name="Halden Freight")
    for n, language in enumerate(languages):
        make_contact(customer, f"c{n}@halden.example", name="Robin Ash", language=language)
    campaign = speak(make_campaign(by=vera, now=now, kind=kind, reminders=1), *languages, **version)
    launch(campaign, by=vera, now=now)
    return [
        Message.objects.get(invitation__language=language, kind=MessageKind.FIRST) for language in languages
    ]


def rendered(message, now):
    links = MailLinks(
        answer=link("s", "a" * 22), unsubscribe=link("u", "b" * 22), honeypot=link("s", "c" * 22)
    )
    return survey_mail(message, links=links, now=now)


def failing(raw):
    return [f"{one.id} {one.detail}" for one in check_survey_mail(raw, base=BASE) if not one.ok]


def html_of(raw):
    return message_from_bytes(raw, policy=policy.default).get_body(("html",)).get_content()


def text_of(raw):
    return message_from_bytes(raw, policy=policy.default).get_body(("plain",)).get_content()


@pytest.mark.parametrize("kind", ["nps", "csat7", "ces7"])
def test_a3_invitation_and_reminder_pass_the_checklist_in_every_language(anna, vera, now, kind):
    found = []
    for message in asked(anna, vera, now, kind=kind):
        reminder = Message.objects.create(
            invitation=message.invitation,
            kind=MessageKind.REMINDER,
            seq=1,
            message_id=f"<reminder.{message.pk}@tend.example>",
            not_before=now,
            max_at=message.max_at,
        )
        for one in (message, reminder):
            raw = rendered(one, now)
            assert f"/s/{'a' * 22}" in text_of(raw)
            found += [f"{message.invitation.language} {one.kind}: {line}" for line in failing(raw)]
    assert found == []


def test_s_204_an_arabic_mail_runs_from_right_to_left(anna, vera, now):
    (message,) = asked(anna, vera, now, languages=["ar"])
    html = html_of(rendered(message, now))
    assert '<html lang="ar" dir="rtl">' in html
    assert re.findall(r'dir="ltr"', html) == []
    ends = re.findall(r'<td class="soft" align="(\w+)"[^>]*>([^<]*)</td>', html)[:2]
    assert ends == [("right", "0 – غير محتمل إطلاقاً"), ("left", "10 – محتمل للغاية")]
    assert [int(n) for n in re.findall(r"\?r=(\d+)", html)] == list(range(11))


def test_no_sentence_of_ours_stays_english_in_another_language(anna, vera, now):
    english = catalogue.words("en")
    (message,) = asked(anna, vera, now, languages=["de"])
    mail = html_of(rendered(message, now)) + text_of(rendered(message, now))
    for sentence in (english.click, english.on_a_page, english.unsubscribe, english.sign_off, "Hello"):
        assert sentence not in mail


def test_s_82_padding_stands_on_cells_only_and_layout_needs_no_style_block(anna, vera, now):
    (message,) = asked(anna, vera, now, languages=["en"])
    html = html_of(rendered(message, now))
    padded = {tag for tag, style in re.findall(r'<(\w+)[^>]*style="([^"]*)"', html) if "padding:" in style}
    assert padded <= {"td", "body"}
    assert "@media" not in re.sub(r"<style>.*?</style>", "", html, flags=re.DOTALL)


def test_a_mail_with_a_direction_mark_in_a_name_is_not_turned(anna, vera, now):
    (message,) = asked(anna, vera, now, languages=["en"])
    message.invitation.contact.name = "Robin\u202e Ash"
    message.invitation.customer.name = "Halden\u2066 Freight"
    mail = html_of(rendered(message, now)) + text_of(rendered(message, now))
    assert not re.search("[\u202a-\u202e\u2066-\u2069]", mail)


def test_s_205_an_anonymous_mail_has_one_plain_link_and_passes(anna, vera, now):
    (message,) = asked(anna, vera, now, languages=["en"], is_anonymous=True)
    raw = rendered(message, now)
    html = html_of(raw)
    assert failing(raw) == []
    assert "?r=" not in html + text_of(raw)
    assert len(re.findall(r'href="[^"]*/s/', html)) == 1
    assert "c" * 22 not in html  # no hidden link either
    assert "anonymous" in html


def test_a_mail_that_is_not_anonymous_needs_its_rating_links(anna, vera, now):
    (message,) = asked(anna, vera, now, languages=["en"])
    raw = re.sub(rb"=\r\n", b"", rendered(message, now)).replace(b"?r=3D", b"?x=3D")
    assert any(line.startswith("C21") for line in failing(raw))


def test_s_203_the_mail_goes_out_in_the_name_of_the_csm(anna, vera, now):
    (message,) = asked(anna, vera, now, languages=["fr"], sender_mode=SenderMode.CSM)
    raw = rendered(message, now)
    mime = message_from_bytes(raw, policy=policy.default)
    assert failing(raw) == []
    assert mime["From"].addresses[0].display_name == "Anna Berg via Kestrel"
    assert mime["From"].addresses[0].addr_spec == message.invitation.wave.version.sender_email
    assert mime["Reply-To"] == anna.email


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"is_active": False}, "signed off"),
        ({"email": "no-reply@tend.example"}, "a box that nobody reads"),
        ({"email": "anna@localhost"}, "no usable address"),
    ],
)
def test_s_203_an_unusable_box_means_the_company_and_a_note(anna, vera, now, change, reason):
    (message,) = asked(anna, vera, now, languages=["en"], sender_mode=SenderMode.CSM)
    for name, value in change.items():
        setattr(anna, name, value)
    anna.save()
    message = Message.objects.get(pk=message.pk)
    mime = message_from_bytes(rendered(message, now), policy=policy.default)
    version = message.invitation.wave.version
    assert mime["From"].addresses[0].display_name == version.sender_name
    assert mime["Reply-To"] == version.reply_to
    notes = senders.unusable_boxes(senders.asked_by_owner(message.invitation.wave.campaign))
    assert [(note.name, note.reason, note.asked) for note in notes] == [("Anna Berg", reason, 1)]


def test_s_203_a_usable_box_is_no_note(anna, vera, now):
    (message,) = asked(anna, vera, now, languages=["en"], sender_mode=SenderMode.CSM)
    assert senders.unusable_boxes(senders.asked_by_owner(message.invitation.wave.campaign)) == []
    assert senders.unusable_boxes({None: 2})[0].reason == "no primary CSM"
