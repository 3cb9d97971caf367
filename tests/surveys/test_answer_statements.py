"""BS-1: the statements behind the answer page, where the page's own tests do not look."""

from datetime import timedelta

import pytest
from django.db import connection

from surveys.choices import ResponseState, ResponseStatus, TokenPurpose
from surveys.models import Invitation, LinkToken, Response, SurveyPolicy, Visit
from surveys.queries import links
from surveys.services import answer_sql, evidence
from surveys.services.evidence import Press
from surveys.services.responses import Answer, AnswerClosedError, record_response
from tests.factories.surveys import make_sent_message

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
