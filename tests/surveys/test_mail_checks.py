"""The mails as they travel pass their checklist, and each planted fault is named."""

import re
from email import message_from_bytes, policy

import pytest
from django.core.management import call_command

from config.web.errors import DomainError
from config.work.models import CapturedMail
from surveys.services import claims, delivery
from surveys.services.mail_checks import check_survey_mail
from tests.factories.customers import make_contact, make_customer
from tests.factories.surveys import launch, make_audience, make_campaign
from tests.factories.users import make_organisation

pytestmark = pytest.mark.django_db

BASE = "http://127.0.0.1:8000"


def sent_mail(by, now, **plan):
    launch(make_campaign(by=by, now=now, **plan), by=by, now=now)
    delivery.send_due(clock=lambda: now)
    return bytes(CapturedMail.objects.latest("pk").raw)


def failing(raw):
    return [finding.id for finding in check_survey_mail(raw, base=BASE) if not finding.ok]


@pytest.mark.parametrize("kind", ["nps", "csat5", "csat7", "ces7", "ces5"])
def test_every_kind_passes_every_mechanical_item(anna, vera, now, kind):
    make_organisation(name="Kestrel")
    make_audience(anna)
    raw = sent_mail(vera, now, kind=kind, about="the new planner")
    found = check_survey_mail(raw, base=BASE)
    assert [f"{one.id} {one.detail}" for one in found if not one.ok] == []
    assert len({one.id for one in found}) >= 35


def test_f28_f29_a_mail_from_names_with_commas_umlauts_and_markup_still_passes(anna, vera, now):
    make_organisation(name="Käfer & Söhne, <b>GmbH</b>")
    customer = make_customer(owner=anna, name='"><img src=x> Ærlig, Ltd')
    make_contact(customer, "olé.none@customer.example".replace("é", "e"), name="Jürgen Öl, Jr 😀")
    raw = sent_mail(vera, now)
    assert failing(raw) == []
    mime = message_from_bytes(raw, policy=policy.default)
    assert "<img src=x>" not in mime.get_body(("html",)).get_content()
    assert mime["To"].addresses[0].display_name == "Jürgen Öl, Jr 😀"


@pytest.mark.parametrize("length", [58, 59, 70])
def test_f28_the_unsubscribe_address_is_never_folded_or_encoded(anna, vera, now, settings, length):
    make_audience(anna)
    launch(make_campaign(by=vera, now=now), by=vera, now=now)
    settings.SITE_URL = "https://" + "h" * (length - 8 - 3 - 22 - 4) + ".com"
    delivery.send_due(clock=lambda: now)
    raw = bytes(CapturedMail.objects.latest("pk").raw)
    line = next(part for part in raw.split(b"\r\nList-Unsubscribe:")[1:]).split(b">")[0].replace(b"\r\n", b"")
    uri = line.strip().removeprefix(b"<").decode()
    assert uri.startswith(settings.SITE_URL + "/u/")
    assert len(uri) == length


def test_f28_a_line_break_in_a_name_is_refused_before_anything_leaves(anna, vera, now):
    make_audience(anna)
    launch(make_campaign(by=vera, now=now), by=vera, now=now)
    claims.release_due(now=now)
    claim = claims.claim_next(now=now)
    claim.message.invitation.contact.name = "Robin\r\nBcc: all@customer.example"
    from surveys.emails import survey_mail

    with pytest.raises(DomainError):
        survey_mail(claim.message, links=claim.links, now=now)


PLANTED = [
    (b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n", b"", "C7"),
    (b"Auto-Submitted: auto-generated\r\n", b"Auto-Submitted: auto-generated\r\nPrecedence: bulk\r\n", "C11"),
    (b"Subject: One question", b"Subject: {{ Question }}", "C15"),
    (b"?r=3D10", b"?r=3D9", "C21"),
    (b'height=3D"46"', b'height=3D"20"', "C34"),
    (b"</h1>", b"</h1><form>", "C28"),
    (b"color:#1a1a1a", b"color:#aaaaaa", "C31"),
    (b'role=3D"presentation"', b"", "C29"),
    (b"<title>", b"<title>Other ", "C27"),
]  # fmt: skip


def test_a_planted_fault_is_named(anna, vera, now):
    make_audience(anna)
    raw = re.sub(rb"(?<!=)=\r\n", b"", sent_mail(vera, now))  # soft line breaks out of the way
    for old, new, item in PLANTED:
        assert old in raw, old
        assert item in failing(raw.replace(old, new)), item


def test_the_command_reads_a_file(anna, vera, now, tmp_path, capsys):
    make_audience(anna)
    path = tmp_path / "mail.eml"
    path.write_bytes(sent_mail(vera, now))
    call_command("check_survey_mail", str(path))
    assert capsys.readouterr().out.splitlines()[-1].endswith("0 failed")
