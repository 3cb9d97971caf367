"""F20, F21, F24, F35, F40 to F42, F45: answers at once, forwarded, late, of tests, and what leaks by a link."""

import re
import threading
from dataclasses import replace
from datetime import timedelta

import pytest
import time_machine
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from config.work.models import OutgoingMail
from customers.models import FollowUp, StaleMark
from surveys import tokens
from surveys.choices import TokenPurpose
from surveys.models import Invitation, LinkToken, Response, ResponseRevision, SurveyPolicy, Visit
from surveys.queries import links
from surveys.services import answer_sql, case_intake, edit_notices
from surveys.services.responses import Answer, record_response
from surveys.views import answer as answer_view
from surveys.views import answer_page, public
from tests.factories.surveys import answer, make_sent_message
from tests.surveys.failures.conftest import NONCE, Someone

PRESSES = 20


def pressed_at_once(message, scores, now):
    """Each score from a thread and a connection of its own, all let go at the same moment; what went wrong."""
    token = LinkToken.objects.get(message=message, purpose=TokenPurpose.ANSWER).sha256
    gate, wrong = threading.Barrier(len(scores)), []

    def press(score):
        link = links.find_for_press(token, TokenPurpose.ANSWER, clients=(), now=now)
        gate.wait(timeout=20)
        try:
            record_response(link=link, answer=Answer(score=score), now=now)
        except Exception as error:  # noqa: BLE001 - whatever a thread meets fails the test
            wrong.append(repr(error))
        finally:
            connection.close()

    threads = [threading.Thread(target=press, args=[score]) for score in scores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    return wrong


def one_answer_whose_last_revision_shows(wrong):
    assert wrong == []
    response = Response.objects.get()
    numbers = list(response.revisions.order_by("number").values_list("number", flat=True))
    assert numbers == list(range(1, response.revision + 1))
    assert response.revisions.get(number=response.revision).score == response.score
    return response


@pytest.mark.django_db(transaction=True)
def test_f20_twenty_presses_at_once_leave_one_answer(anna, vera, now):
    message, _ = make_sent_message(anna, by=vera, now=now)
    wrong = pressed_at_once(message, [score % 11 for score in range(PRESSES)], now)
    assert one_answer_whose_last_revision_shows(wrong).revision > 1
    Response.objects.update(score=5)
    revisions = ResponseRevision.objects.count()
    assert pressed_at_once(message, [5] * 4, now) == []
    assert ResponseRevision.objects.count() == revisions


@pytest.mark.django_db(transaction=True)
def test_f20_guard_off_without_the_lock_presses_at_once_fail(anna, vera, now, monkeypatch):
    held = "AND response_state = ANY(%(silent)s)"
    assert held in answer_sql.FIRST.sql
    unguarded = replace(answer_sql.FIRST, name="unguarded", sql=answer_sql.FIRST.sql.replace(held, ""))
    monkeypatch.setattr(answer_sql, "FIRST", unguarded)
    message, _ = make_sent_message(anna, by=vera, now=now)
    wrong = pressed_at_once(message, [score % 11 for score in range(PRESSES)], now)
    with pytest.raises(AssertionError):
        one_answer_whose_last_revision_shows(wrong)


@pytest.mark.django_db
def test_f20_the_same_form_sent_twice_is_one_revision(asked):
    me = Someone()
    form = {"form": NONCE.search(me.look(asked.answer).content.decode())[1], "score": 9}
    with time_machine.travel(timezone.now() + timedelta(seconds=9), tick=False):
        assert [me.post(asked.answer, form).status_code for _ in range(3)] == [303, 303, 303]
    assert ResponseRevision.objects.count() == 1


def a_forwarded_mail_shows_nothing(asked):
    Someone("Mine").press(asked.answer, 4, comment="A secret remark")
    other = Someone("Hers")
    for path in (asked.answer, f"{asked.answer}?r=7", f"{asked.answer}?change=1", f"{asked.answer}/thanks"):
        page = other.look(path).content.decode()
        assert "secret remark" not in page
        assert not re.search(r"You gave|value=\"4\"[^>]*checked", page)
    return other


@pytest.mark.django_db
def test_f21_a_forwarded_mail_shows_no_answer_allows_an_edit_and_tells_the_owner(asked, anna):
    other = a_forwarded_mail_shows_nothing(asked)
    assert edit_notices.tell_owners(now=timezone.now()) == 0
    assert other.press(asked.answer, 8).status_code == 303
    assert Response.objects.get().score == 8
    later = timezone.now() + timedelta(minutes=1)
    assert [edit_notices.tell_owners(now=later) for _ in range(2)] == [1, 0]
    told = FollowUp.objects.get(dedupe_key__startswith="survey-elsewhere")
    assert (told.owner, "another device" in told.title) == (anna, True)
    assert "secret remark" not in told.note


@pytest.mark.django_db
def test_f21_the_same_device_may_edit_without_anybody_being_told(asked):
    me = Someone("Mine")
    me.press(asked.answer, 4)
    me.press(asked.answer, 5)
    assert edit_notices.tell_owners(now=timezone.now() + timedelta(minutes=1)) == 0


@pytest.mark.django_db
def test_f21_guard_off_a_page_that_knows_everybody_is_noticed(asked, monkeypatch):
    monkeypatch.setattr(answer_view, "_is_same_device", lambda *_: True)
    with pytest.raises(AssertionError):
        a_forwarded_mail_shows_nothing(asked)


def late_answers_are_refused(asked, end):
    form = {"form": NONCE.search(Someone().look(asked.answer).content.decode())[1], "score": 9}
    after_end = tokens.form_nonce(tokens.digest(asked.answer.removeprefix("/s/")), end)
    for late, data, code in (
        (timedelta(seconds=1), form | {"form": after_end}, 410),
        (timedelta(minutes=31), form, 410),
        (timedelta(minutes=29), form, 303),
    ):
        with time_machine.travel(end + late, tick=False):
            assert Someone().post(asked.answer, data).status_code == code
            assert Response.objects.count() == (code == 303)


@pytest.fixture
def end(asked):
    at = timezone.now() + timedelta(minutes=5)
    Invitation.objects.update(expires_at=at)
    return at


@pytest.mark.django_db
def test_f24_an_answer_after_the_end_is_refused_except_in_the_minutes_of_grace(asked, end):
    late_answers_are_refused(asked, end)


@pytest.mark.django_db
@pytest.mark.parametrize("minutes", [0, 60])
def test_f24_guard_off_another_grace_is_noticed(asked, end, now, minutes):
    SurveyPolicy.objects.create(valid_from=now, grace_minutes=minutes)
    with pytest.raises(AssertionError):
        late_answers_are_refused(asked, end)


@pytest.mark.django_db
def test_f24_guard_off_a_link_without_an_end_is_noticed(asked, end, monkeypatch):
    monkeypatch.setattr(answer_view, "state_of", lambda *_: answer_page.OPEN)
    with pytest.raises(AssertionError):
        late_answers_are_refused(asked, end)


def counts_nowhere(message, now):
    answer(message, 0, now=now, comment="Only a test", wants_contact=True)
    assert Response.objects.counted().count() == 0
    assert not Response.objects.exclude(needs_follow_up_at=None).exists()
    assert not StaleMark.objects.filter(cause="survey answer").exists()
    assert case_intake.open_cases(now=now + timedelta(days=1)) == 0
    assert not OutgoingMail.objects.exists()


@pytest.mark.django_db
def test_f35_an_answer_to_a_test_mail_counts_nowhere(asked, now):
    Invitation.objects.update(is_test=True)
    counts_nowhere(asked.message, now)
    assert Response.objects.get().status == "test"


@pytest.mark.django_db
def test_f35_guard_off_the_same_answer_to_a_real_mail_is_noticed(asked, now):
    with pytest.raises(AssertionError):
        counts_nowhere(asked.message, now)


def nothing_leaks(page):
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["X-Robots-Tag"] == "noindex, nofollow"
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    policy = page.headers["Content-Security-Policy"]
    assert {"default-src 'none'", "form-action 'self'", "frame-ancestors 'none'"} <= {
        rule.strip() for rule in policy.split(";")
    }
    assert not re.search(r"""(?:src|href|action)=["'](?:https?:)?//""", page.content.decode())


@pytest.mark.django_db
def test_f40_no_page_behind_a_link_names_a_third_party_or_leaves_a_referrer(asked):
    for path in (asked.answer, asked.honeypot, asked.unsubscribe, "/s/unknown"):
        nothing_leaks(Someone().look(path))


@pytest.mark.django_db
def test_f40_guard_off_a_missing_header_is_noticed(asked, monkeypatch):
    monkeypatch.delitem(public.HEADERS, "Referrer-Policy")
    with pytest.raises(AssertionError):
        nothing_leaks(Someone().look(asked.answer))


def ids_open_nothing(asked):
    answered = answer(asked.message, 9, now=timezone.now())
    keys = {row.pk for row in (asked.message, asked.message.invitation, answered, answered.contact)}
    for key in keys | {LinkToken.objects.filter(purpose="answer").get().sha256}:
        assert Someone().look(f"/s/{key}").status_code == 404
        assert Someone().look(f"/u/{key}").status_code == 404


@pytest.mark.django_db
def test_f41_primary_keys_and_stored_hashes_open_nothing(asked):
    ids_open_nothing(asked)


@pytest.mark.django_db
def test_f41_guard_off_a_lookup_by_what_is_stored_is_noticed(asked, monkeypatch):
    monkeypatch.setattr(tokens, "digest", lambda secret: secret)
    with pytest.raises(AssertionError):
        ids_open_nothing(asked)


def links_outlive_the_key(asked, settings):
    me = Someone()
    form = NONCE.search(me.look(asked.answer).content.decode())[1]
    settings.SECRET_KEY = "n" * 50
    settings.SECRET_KEY_FALLBACKS = []
    with time_machine.travel(timezone.now() + timedelta(seconds=9), tick=False):
        assert {me.look(path).status_code for path in asked.links} == {200}
        again = me.post(asked.answer, {"form": form, "score": 9, "comment": "My words"})
        assert (again.status_code, "My words" in again.content.decode()) == (422, True)
        assert Response.objects.count() == 0
        fresh = NONCE.search(again.content.decode())[1]
        assert me.post(asked.answer, {"form": fresh, "score": 9}).status_code == 303


@pytest.mark.django_db
def test_f42_mailed_links_outlive_a_change_of_the_key_and_an_open_form_is_shown_once_more(asked, settings):
    links_outlive_the_key(asked, settings)


@pytest.mark.django_db
def test_f42_guard_off_a_form_proof_without_the_key_is_noticed(asked, settings, monkeypatch):
    monkeypatch.setattr(tokens, "_sign", lambda _key, token, stamp: tokens.digest(token + stamp))
    with pytest.raises(AssertionError):
        links_outlive_the_key(asked, settings)


def looks_wait_for_nobody(asked):
    """All links are opened while somebody else holds the invitation, its answer and its message."""
    held, done = threading.Event(), threading.Event()

    def hold():
        with transaction.atomic():
            Invitation.objects.select_for_update().get()
            type(asked.message).objects.select_for_update().get()
            list(Response.objects.select_for_update())
            held.set()
            done.wait(timeout=20)
        connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    assert held.wait(timeout=20)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '300ms'")
        gateway = Someone("Gateway")
        assert {gateway.look(path).status_code for path in asked.links} == {200}
        assert Visit.objects.count() == len(asked.links) - 1
    finally:
        done.set()
        holder.join()
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = 0")


@pytest.mark.django_db(transaction=True)
def test_f45_looks_take_no_lock_that_an_answer_needs(asked):
    looks_wait_for_nobody(asked)


@pytest.mark.django_db(transaction=True)
def test_f45_guard_off_a_look_that_locks_is_noticed(asked, monkeypatch):
    real = answer_view.note_visit

    def locking(*, link, look, now):
        with transaction.atomic():
            Invitation.objects.select_for_update().get(pk=link.message.invitation_id)
        real(link=link, look=look, now=now)

    monkeypatch.setattr(answer_view, "note_visit", locking)
    with pytest.raises(OperationalError):
        looks_wait_for_nobody(asked)
