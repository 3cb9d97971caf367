"""The mail filled from a form is, byte for byte, the mail that templates and mail library make (BS-2, BT-4)."""

import logging
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.web.errors import DomainError
from surveys import emails, tokens
from surveys.emails import MailLinks, Values, Wording, link
from surveys.models import CampaignText, CampaignVersion
from surveys.services import mail_forms
from surveys.services.senders import Sender
from surveys.services.standard_words import standard_words
from surveys.words import catalogue

SENT = datetime(2026, 3, 16, 10, 0, tzinfo=UTC)
COMPANY = "Käfer & Söhne, “<b>GmbH”"
NAMES = [
    ("Robin Ash", "Example Ltd"),
    ("", ""),
    ("Jürgen Öl, Jr 😀", ""),
    ("", '"><img src=x onerror=alert(1)> Ærlig, Ltd'),
    ('Robin "Bob" O\'Neil\\', "A & B = C; <i>100 %</i>"),
    ("ليلى حداد", "شركة الاتصالات \u202e«القاهرة»\u202c"),
    ("Wolfeschlegelsteinhausenbergerdorff" * 3, "Anything " * 25),
    ("From Robin", "From From " * 12),
    (".dot Ash", "x\u0085y\u2028z\tand\u00a0more  blanks\ud800"),
    ("{{ name }} {% if %} =20=E2=\u00ad", "=\n.\n"),
    ("=?utf-8?q?Robin?= Ash", "slot-answer-slot-slot-slot-"),
]


def links(**only):
    minted = {kind: tokens.mint()[0] for kind in ("answer", "unsubscribe", "honeypot")}
    made = {kind: link("u" if kind == "unsubscribe" else "s", token) for kind, token in minted.items()}
    return MailLinks(**(made | only))


def wording(kind="nps", language="en", *, signature="", version=None, text=None, **more):
    words = standard_words(kind, language=language, company=COMPANY, about="the new planner")
    made = CampaignVersion(
        campaign_id=5, kind=kind, company=COMPANY, sender_email="surveys@tend.example", legal_name="Käfer GmbH",
        postal_address="Am Ring 1,\r\n10115 Berlin", **(version or {}),
    )  # fmt: skip
    sender = Sender("Käfer & Söhne", "surveys@tend.example", "hello@tend.example", signature)
    return Wording(made, CampaignText(language=language, **(words | (text or {}))), sender, 5, **more)


def values(name="Robin Ash", customer="Example Ltd", **more):
    return Values(
        **(
            {
                "links": links(),
                "address": "c0@customer.example",
                "message_id": "<0123456789abcdef0123456789abcdef@tend.example>",
                "sent_at": SENT,
                "name": name,
                "customer": customer,
                "first_id": "<aaaa0123456789abcdef0123456789ab@tend.example>",
            }
            | more
        )
    )


def form_of(said, person):
    return mail_forms.Forms().of(said, person)


def assert_same(said, person):
    form = form_of(said, person)
    assert form.pieces, "the form was given up"
    assert form.filled(person) == emails.rendered(said, person)


KINDS = [*product(["nps"], catalogue.languages()), ("csat5", "en"), ("csat5", "ar"), ("ces7", "de")]


@pytest.mark.parametrize(("kind", "language"), KINDS)
def test_every_kind_and_language_is_the_same_for_names_of_all_sorts(kind, language):
    said = wording(kind, language, signature="Anna Berg")
    for name, customer in NAMES:
        assert_same(said, values(name, customer))


@pytest.mark.parametrize("kind", ["csat7", "ces5"])
def test_the_other_kinds_are_the_same(kind):
    assert_same(wording(kind), values())


def test_reminders_test_mails_anonymous_mails_and_mails_without_a_trap_are_the_same():
    for language in ("en", "ar"):
        assert_same(wording(language=language, is_reminder=True), values("Zoë", "Ærlig"))
        assert_same(wording(language=language, subject_prefix="[Test] "), values("", ""))
        assert_same(wording(language=language, version={"is_anonymous": True}), values())
        assert_same(wording(language=language), values(links=links(honeypot="")))


def test_addresses_and_ids_too_long_for_one_line_are_folded_the_same(settings):
    long = "c" * 60 + "@" + "d" * 60 + ".example"
    settings.SITE_URL = "https://" + "surveys" * 8 + ".example"
    person = values(
        "Maximiliane von und zu Hohenlohe-Öhringen", address=long, message_id=f"<{'0' * 150}@tend.example>"
    )
    assert_same(wording(), person)
    assert_same(
        wording(is_reminder=True), replace(person, name="Anna Maria Luise " * 8, first_id=person.message_id)
    )


OWN = {
    "question": 'How likely are you to recommend us?\r\n<script>alert("x")</script> & = \x0b 100\u2028 %',
    "intro": "From here on.\n\n.\r\n..dots\t\ttabs   blanks \r\n" + " wide" * 60,
    "labels": ["Not at all – überhaupt nicht " * 2, "Extremely likely =3D"],
    "preheader": "\ud83d lone, and 😀 whole",
    "subject": "Öne question, = & <b>bold</b>",
}


def test_words_of_an_author_that_break_lines_are_the_same():
    said = wording(text=OWN)
    for name, customer in NAMES:
        assert_same(said, values(name, customer))


@pytest.mark.parametrize("fake", [mail_forms.TOKENS["answer"], mail_forms.NAME, f"at {mail_forms.CUSTOMER}"])
def test_a_text_that_looks_like_a_slot_has_no_form_and_its_mails_are_rendered(fake, caplog):
    said, person = wording(text={"intro": f"Hello {fake}"}), values()
    with caplog.at_level(logging.WARNING):
        form = form_of(said, person)
    assert not form.pieces
    assert "rendered one by one" in caplog.text
    assert form.filled(person) == emails.rendered(said, person)


letters = st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"])
anything = st.text(letters, max_size=60) | st.sampled_from(["=", "From x", "a  b"])
FIXED = MailLinks(
    answer="http://127.0.0.1:8000/s/Aa0_-Aa0_-Aa0_-Aa0_-Aa",
    unsubscribe="http://127.0.0.1:8000/u/Zz9_-Zz9_-Zz9_-Zz9_-Zz",
    honeypot="http://127.0.0.1:8000/s/Mm5_-Mm5_-Mm5_-Mm5_-Mm",
)


@settings(max_examples=25, derandomize=True, deadline=None)
@given(anything, anything)
def test_any_name_of_person_and_customer_is_the_same(name, customer):
    said, person = wording(), values(name, customer, links=FIXED)
    assert form_of(said, person).filled(person) == emails.rendered(said, person)


def test_the_filled_mail_says_each_persons_own_values_and_nobody_elses():
    said = wording()
    mails = []
    for number in range(3):
        person = values(
            f"Person{number} Ash", f"Customer{number} & Co", address=f"p{number}@customer.example"
        )
        mime = message_from_bytes(form_of(said, person).filled(person), policy=policy.default)
        html, text = (" ".join(mime.get_body((kind,)).get_content().split()) for kind in ("html", "plain"))
        assert mime["To"].addresses[0].addr_spec == f"p{number}@customer.example"
        assert mime["List-Unsubscribe"] == f"<{person.links.unsubscribe}>"
        assert html.count(person.links.answer) == 12
        assert text.count(person.links.answer) == text.count(person.links.unsubscribe) == 1
        assert html.count(f"Customer{number} &amp; Co") == text.count(f"Customer{number} & Co") == 1
        mails.append(html + text)
    assert not any(
        f"Person{one}" in mails[other] for one, other in product(range(3), repeat=2) if one != other
    )


@pytest.mark.parametrize(
    "bad",
    [
        {"name": "Robin\r\nBcc: all@x.example"},
        {"address": "a@x.example\nBcc: b"},
        {"message_id": "<a\r\n@b>"},
    ],
)
def test_f28_a_line_break_in_a_header_value_is_refused(bad):
    person = values()
    with pytest.raises(DomainError):
        form_of(wording(), person).filled(replace(person, **bad))


def test_a_link_secret_of_another_length_is_rendered_not_cut():
    said, person = wording(), values(links=links(answer=link("s", "short")))
    assert form_of(said, person).filled(person) == emails.rendered(said, person)


def test_an_edited_draft_is_not_sent_with_the_words_of_before():
    person = values()
    first, second = (wording(text={"question": f"Question {number}?"}) for number in (1, 2))
    assert b"Question 1?" in form_of(first, person).filled(person)
    assert b"Question 2?" in form_of(second, person).filled(person)


def test_s_61_what_one_person_can_break_is_asked_of_every_mail():
    said = wording()
    wrong = {
        "": {"name": "robin@ash.example, Zoë @ Ash"},
        "C4": {"address": "robin@ash.example, ada@ash.example"},
        "C5": {"message_id": "<1@elsewhere.example>"},
        "C37": {"customer": "None"},
    }
    for item, bad in [("", {}), ("", {"customer": "None Such Ltd"}), *wrong.items()]:
        person = values(**bad)
        form = form_of(said, person)
        assert form.is_checked
        why = mail_forms.why_not(form.filled(person), form=form, values=person)
        assert why.partition(":")[0] == item


def test_s_61_a_text_that_fails_its_checks_fails_for_everybody():
    person = values()
    form = form_of(wording(text={"subject": "ALL CAPITALS"}), person)
    assert not form.is_checked
    assert mail_forms.why_not(form.filled(person), form=form, values=person).startswith("C15")
