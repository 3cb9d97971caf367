"""Forgetting a person: address and words are found nowhere, the score still counts, the address is never asked again."""

import json

import pytest
import time_machine
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.urls import reverse

from config.work.models import OutgoingMail
from customers.models import Contact, Erasure
from customers.services import contacts as contact_services
from customers.services.erasure import erase_person
from surveys.models import Case, Invitation, Message, Response, ResponseRevision, Suppression
from surveys.services import case_intake, cases, erasure, privacy_ledger
from tests.factories.customers import make_follow_up, make_touchpoint, make_usage
from tests.factories.surveys import answer, make_sent_message

pytestmark = pytest.mark.django_db
ADDRESS, NAME, COMMENT = "c0.0@customer0.example", "Robin Ash 0", "Zyxcomment about the invoices"


@pytest.fixture
def ledger(settings, tmp_path):
    settings.DATA_DIR = tmp_path
    return tmp_path / privacy_ledger.NAME


@pytest.fixture
def answered(anna, vera, now, ledger):
    """A contact with traces everywhere: mail, answer, follow-up, note, use, log."""
    message, _ = make_sent_message(anna, by=vera, now=now)
    response = answer(message, 2, now=now, comment=COMMENT, wants_contact=True, device_hash="d" * 64)
    contact = message.invitation.contact
    contact_services.update_contact(
        contact=contact, version=contact.version, changes={"role": "user"}, by=vera, now=now
    )
    make_touchpoint(
        contact.customer, by=anna, contact=contact, subject=f"Call with {NAME}", body=f"to {ADDRESS.upper()}"
    )
    make_follow_up(contact.customer, owner=anna, title=f"Write to {ADDRESS}")
    case_intake.open_cases(now=now)
    cases.add_note(case=Case.objects.get(), note=f"{NAME} is on leave", by=anna, now=now)
    make_usage(contact.customer, user=ADDRESS)
    return response


def places_with(text):
    """(table, column) of every text, array or document that holds the words, in the whole database."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = current_schema()"
            " AND data_type IN ('text', 'character varying', 'jsonb', 'ARRAY', 'bytea')"
        )
        columns = cursor.fetchall()
        found = []
        for table, column in columns:
            cursor.execute(f'SELECT 1 FROM "{table}" WHERE "{column}"::text ILIKE %s LIMIT 1', [f"%{text}%"])
            if cursor.fetchone():
                found.append((table, column))
    return found


def forget(now):
    OutgoingMail.objects.update(raw=b"")  # as when they have left
    row, _ = erase_person(email=ADDRESS, by=None, now=now)
    assert erasure.erase_contacts(now=now) == 1
    return row


def test_address_and_words_are_found_nowhere_and_the_score_still_counts(answered, now):
    assert len(places_with(ADDRESS)) > 5  # the search itself works
    assert len(places_with("Zyxcomment")) > 1
    forget(now)
    assert places_with(ADDRESS) == []
    assert places_with("Zyxcomment") == []
    assert places_with(NAME) == []
    answered.refresh_from_db()
    assert (answered.score, answered.status, answered.customer_id is not None) == (2, "counted", True)


def test_the_address_stays_suppressed_as_a_hash_and_is_refused_when_it_comes_back(answered, now, vera):
    customer = answered.customer
    forget(now)
    kept = Suppression.objects.get(reason="erased")
    assert (kept.email, len(kept.email_hash), kept.scope) == (None, 64, "all")
    with pytest.raises(contact_services.ErasedContactError):
        contact_services.create_contact(customer=customer, email=ADDRESS.upper(), by=vera, now=now)


def test_the_link_is_gone_and_says_nothing(client, anna, vera, now, ledger):
    _, links = make_sent_message(anna, by=vera, now=now)
    path = f"/s/{links.answer.rpartition('/')[2]}"
    with time_machine.travel(now, tick=False):
        assert client.get(path).status_code == 200
        forget(now)
        page = client.get(path)
        assert page.status_code == 410
        assert NAME not in page.content.decode()
        assert client.post(path, {"score": "1"}).status_code == 410
    assert not Response.objects.exists()


def test_forgetting_twice_changes_nothing_more(answered, now):
    forget(now)
    before = (
        list(Invitation.objects.values()),
        list(ResponseRevision.objects.values()),
        Suppression.objects.count(),
    )
    assert erasure.erase_contacts(now=now) == 0
    row, changed = erase_person(email=ADDRESS, by=None, now=now)
    assert (row.contact_ids, changed) == ([], {})
    erasure.erase_contacts(now=now)
    after = (
        list(Invitation.objects.values()),
        list(ResponseRevision.objects.values()),
        Suppression.objects.count(),
    )
    assert after == before


def test_an_older_copy_of_the_database_is_worked_through_again(answered, now, ledger):
    with transaction.atomic():
        copy = transaction.savepoint()
        forget(now)
        transaction.savepoint_rollback(copy)  # as a restore of yesterday's backup does
    assert len(places_with(ADDRESS)) > 5
    assert not Suppression.objects.exists()
    again = erasure.replay(now=now)
    assert again["erasures_replayed"] == 1
    assert places_with(ADDRESS) == places_with("Zyxcomment") == []
    assert Suppression.objects.filter(reason="erased", lifted_at=None).count() == 1
    assert answered.__class__.objects.counted().filter(score=2).count() == 1
    lines = [json.loads(line) for line in ledger.read_text().splitlines()]
    assert all(ADDRESS not in json.dumps(line) for line in lines)
    assert erasure.replay(now=now) == {"erasures_replayed": 0, "suppressions_replayed": 0}


def test_who_unsubscribed_since_the_backup_is_not_asked_after_the_restore(ledger, now):
    with transaction.atomic():
        copy = transaction.savepoint()
        Suppression.objects.create(
            email_hash="a" * 64, email="x@y.example", reason="unsubscribed", source="t", occurred_at=now
        )
        privacy_ledger.catch_up(now=now)
        transaction.savepoint_rollback(copy)
    assert erasure.replay(now=now)["suppressions_replayed"] == 1
    assert Suppression.objects.get().reason == "unsubscribed"
    assert "x@y.example" not in ledger.read_text()


def test_the_words_of_an_answer_can_be_erased_and_nothing_else_of_it(answered):
    revision = ResponseRevision.objects.get(response=answered)
    for changes in ({"score": 9, "comment": "", "device_hash": ""}, {"comment": "other"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            ResponseRevision.objects.filter(pk=revision.pk).update(**changes)


def test_the_command_counts_first_and_says_what_it_did(answered, capsys):
    call_command("erase", contact=ADDRESS, dry_run=True, json=True)
    asked = json.loads(capsys.readouterr().out)
    assert (asked["dry_run"], asked["contacts"]) == (True, 1)
    assert Contact.objects.filter(email=ADDRESS).exists()
    call_command("erase", contact=ADDRESS, json=True)
    done = json.loads(capsys.readouterr().out)
    assert done["rows"] == asked["rows"]
    assert done["rows"]["surveys_responserevision"] == 1
    assert (done["suppressed"], done["ledger_seq"] > 0) == (True, True)
    call_command("erase", contact="nobody@nowhere.example", json=True)
    unknown = json.loads(capsys.readouterr().out)
    assert (unknown["contacts"], unknown["suppressed"]) == (0, True)


def test_waiting_mails_are_withdrawn(anna, vera, now, ledger):
    message, _ = make_sent_message(anna, by=vera, now=now)
    reminder = Message.objects.create(
        invitation=message.invitation, kind="reminder", not_before=now, max_at=now, message_id="<r@x.example>"
    )
    forget(now)
    reminder.refresh_from_db()
    assert reminder.delivery_state == "revoked"


def test_an_admin_forgets_a_person_by_typing_the_address(client, answered, vera):
    contact = answered.contact
    href = reverse("customers:contact_erase", args=[contact.customer_id, contact.pk])
    client.force_login(vera)
    assert client.post(href, {"email": "other@x.example", "reason": "letter"}).status_code == 422
    assert not Erasure.objects.exists()
    assert client.post(href, {"email": ADDRESS, "reason": "letter of 3 March"}).status_code == 302
    contact.refresh_from_db()
    assert contact.erased_at is not None


def test_all_that_is_known_of_a_person_comes_as_one_document(client, answered, vera, anna):
    href = reverse("surveys:subject_export", args=[answered.contact_id])
    client.force_login(anna)
    assert client.get(href).status_code == 403
    client.force_login(vera)
    known = client.get(href).json()
    assert known["person"]["email"] == ADDRESS
    assert known["answers"][0]["revisions"][0]["comment"] == COMMENT
    assert known["invitations"][0]["mails"][0]["delivery_state"] == "sent"
    assert known["touchpoints"][0]["subject"] == f"Call with {NAME}"
