"""BS-1: the statements behind the answer page, and its form rendered ahead, where the page's own tests do not look."""

from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.utils.html import escape

from customers.models import Contact
from surveys import tokens
from surveys.choices import ResponseState, ResponseStatus, TokenPurpose
from surveys.models import CampaignText, Invitation, LinkToken, Message, Response, SurveyPolicy, Visit
from surveys.queries import links
from surveys.services import answer_sql, evidence, test_sends
from surveys.services.evidence import Press
from surveys.services.responses import Answer, AnswerClosedError, record_response
from surveys.views import answer_page
from tests.factories.surveys import launch, make_audience, make_campaign, make_sent_message
from tests.surveys.failures import conftest
from tests.surveys.failures.conftest import NONCE, Someone

an_hour_later, asked = conftest.an_hour_later, conftest.asked

SCANNER = Press(fingerprints=("s", "s"), is_scanner=True)
PERSON = Press(fingerprints=("p", "p"))


@pytest.fixture
def sha256(anna, vera, now):
    message, _ = make_sent_message(anna, by=vera, now=now)
    return LinkToken.objects.get(message=message, purpose=TokenPurpose.ANSWER).sha256


def read(sha256, now, clients=()):
    return links.find_for_press(sha256, TokenPurpose.ANSWER, clients=clients, now=now)


@pytest.mark.django_db
def test_without_clients_there_are_no_looks_and_nothing_is_none(sha256, anna, now):
    Visit.objects.create(token=sha256, method="GET", fingerprint="p", minute=now, at=now)
    link = read(sha256, now)
    assert (link.looks, link.domain_looks) == ([], [])
    assert links.owner_on(link, now.date()) == anna.pk
    assert [
        len(seen) for seen in (read(sha256, now, ["p"]).looks, read(sha256, now, ["p"]).domain_looks)
    ] == [1, 1]


@pytest.mark.django_db
def test_w3_each_link_of_the_same_domain_counts_once_however_often_it_was_opened(anna, vera, now):
    make_audience(anna, customers=2, contacts=2)
    launch(make_campaign(by=vera, now=now), by=vera, now=now)
    tokens_of = {}
    for number, message in enumerate(Message.objects.select_related("invitation")):
        token = LinkToken.objects.create(
            sha256=f"{number:064d}", purpose=TokenPurpose.ANSWER, message=message, minted_for="test"
        )
        tokens_of.setdefault(message.invitation.email_domain, []).append(token.sha256)
        for score in (1, 2):
            seen = now - timedelta(minutes=score)
            Visit.objects.create(
                token=token.sha256, method="GET", r=score, fingerprint="p", minute=seen, at=seen
            )
    assert sorted(map(len, tokens_of.values())) == [2, 2]
    for own in tokens_of.values():
        assert read(own[0], now, ["p"]).domain_looks == [now - timedelta(minutes=1)] * 2


@pytest.mark.django_db
def test_bs_1_all_limits_of_the_policy_are_read_with_the_link(sha256, now):
    SurveyPolicy.objects.create(valid_from=now, **dict.fromkeys(evidence.LIMITS, 77))
    assert set(vars(evidence.limits_of(read(sha256, now))).values()) == {77}


@pytest.mark.django_db
def test_bs_1_whole_rows_are_read_by_the_columns_the_page_needs(sha256, now, django_assert_num_queries):
    record_response(link=read(sha256, now), answer=Answer(score=3, extra={"why": "slow"}), now=now)
    with django_assert_num_queries(1):
        link = read(sha256, now)
        invitation = link.message.invitation
        assert invitation.response.extra == {"why": "slow"}
        known = (invitation.wave.version.company, invitation.text.question, invitation.contact.name)
        assert all((*known, invitation.customer.name))


@pytest.mark.django_db
@pytest.mark.parametrize("press", [PERSON, SCANNER])
def test_f20_a_press_that_was_overtaken_by_a_withdrawal_leaves_everything_as_it_was(sha256, now, press):
    record_response(link=read(sha256, now), answer=Answer(score=0), press=SCANNER, now=now)
    before = Response.objects.values().get()
    link = read(sha256, now, press.fingerprints)
    Invitation.objects.update(response_state=ResponseState.REVOKED)
    Response.objects.update(status=ResponseStatus.DISCARDED)
    with pytest.raises(AnswerClosedError):
        record_response(link=link, answer=Answer(score=9), press=press, now=now + timedelta(hours=1))
    assert Response.objects.values().get() == before | {"status": "discarded"}
    assert Response.objects.get().revisions.count() == 1


@pytest.mark.django_db
def test_f20_an_answer_counts_only_if_its_invitation_moves_with_it(sha256, now):
    record_response(link=read(sha256, now), answer=Answer(score=0), press=SCANNER, now=now)
    link = read(sha256, now, PERSON.fingerprints)
    Invitation.objects.update(response_state=ResponseState.REVOKED)
    with pytest.raises(AnswerClosedError):
        record_response(link=link, answer=Answer(score=9), press=PERSON, now=now + timedelta(hours=1))
    assert (Response.objects.get().status, Response.objects.get().score) == ("suspect", 0)


def setting():
    with connection.cursor() as cursor:
        cursor.execute("SHOW synchronous_commit")
        return cursor.fetchone()[0]


def a_look(now):
    return {
        "token": "t", "method": "GET", "score": 1, "client": "c", "at": now, "since_accept": None, "is_prefetch": False,
        "fetch_mode": "", "has_fetch_user": False, "is_scanner": False, "is_chromium": False,
    }  # fmt: skip


@pytest.mark.django_db
def test_bs_1_a_look_within_a_transaction_leaves_its_commit_as_it_is(now):
    usual = setting()
    answer_sql.look(a_look(now))
    assert (setting(), Visit.objects.count()) == (usual, 1)


@pytest.mark.django_db(transaction=True)
def test_bs_1_only_the_look_itself_waits_for_no_disk(now):
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = on")
    for _ in range(2):
        answer_sql.look(a_look(now))
        assert (setting(), Visit.objects.count()) == ("on", 1)
    connection.close()


def forms(path):
    """The untouched form in the states and languages it has."""
    shown = {}
    for query in ("", "?r=7", "?change=1&lang=en"):
        page = Someone().look(f"{path}{query}")
        shown[query] = page.content.decode() if page.status_code == 200 else page.status_code
    return shown


def rendered_ahead_equals_rendered(asked, monkeypatch):
    for answered in (False, True):
        if answered:
            Someone().press(asked.answer, 4, comment="Mine alone")
        Someone().look(asked.answer)
        ahead = forms(asked.answer)
        with monkeypatch.context() as patch:
            patch.setattr(answer_page, "untouched_form", answer_page.form)
            assert forms(asked.answer) == ahead
    assert "Mine alone" not in "".join(ahead.values())


@pytest.mark.django_db
def test_bt_4_a_form_rendered_ahead_equals_a_rendered_one(asked, monkeypatch):
    rendered_ahead_equals_rendered(asked, monkeypatch)


@pytest.mark.django_db
def test_bt_4_guard_off_a_form_that_forgets_its_state_is_noticed(asked, monkeypatch):
    real = answer_page.untouched_form
    forgetful = {"score": None, "clicked": False, "is_edit": False}
    monkeypatch.setattr(answer_page, "untouched_form", lambda *given: real(*given[:3], forgetful))
    with pytest.raises(AssertionError):
        rendered_ahead_equals_rendered(asked, monkeypatch)


@pytest.mark.django_db
def test_a_form_rendered_ahead_shows_nobody_but_its_reader(asked, monkeypatch):
    monkeypatch.setattr(answer_page, "_pieces", {})
    for name in ("Robin Ash", "<b>Ida & Co</b>", "\ue000nonce\ue001"):
        Contact.objects.update(name=name)
        page = Someone().look(asked.answer).content.decode()
        assert f"Asked of {escape(name)} at" in page
        assert len(NONCE.findall(page)) == 1
    [pieces] = answer_page._pieces.values()
    assert "Robin" not in "".join(pieces)


@pytest.mark.django_db
def test_the_form_of_a_test_mail_follows_a_draft_that_changes(vera, now):
    draft = make_campaign(by=vera, now=now)
    message = test_sends.send_test(campaign=draft, to=vera, now=now)
    token, sha256 = tokens.mint()
    LinkToken.objects.create(sha256=sha256, purpose=TokenPurpose.ANSWER, message=message, minted_for="test")
    for question in ("How was it?", "How was it really?"):
        CampaignText.objects.filter(version=draft.current).update(question=question)
        with time_machine.travel(now, tick=False):
            assert question in Someone().look(f"/s/{token}").content.decode()
