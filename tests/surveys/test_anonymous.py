"""Anonymous answers: nothing that is stored, and no order in which it is stored, leads from an answer to a person."""

import re
from datetime import UTC, datetime, time, timedelta

import pytest
import time_machine
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.test import Client
from django.utils import timezone

from surveys import tokens
from surveys.choices import MessageKind, TokenPurpose
from surveys.formulas.small_groups import hidden_groups, may_show
from surveys.models import (
    CampaignVersion,
    DeliveryEvent,
    Invitation,
    LinkToken,
    Message,
    Response,
    ResponseRevision,
    SurveyPolicy,
    Visit,
    WaitingAnswer,
    Wave,
)
from surveys.services import anonymous
from tests.factories.customers import make_contact, make_customer
from tests.factories.languages import speak
from tests.factories.surveys import launch, make_campaign

pytestmark = [pytest.mark.django_db, pytest.mark.stage2]


@pytest.fixture(autouse=True)
def _frozen(now):
    with time_machine.travel(now + timedelta(hours=1), tick=False):
        yield


@pytest.fixture
def asked(anna, vera, now):
    """Asks so many contacts of each customer anonymously; returns the paths of their answer links in order."""

    def ask(*sizes, languages=("en",), speaks=None):
        SurveyPolicy.objects.create(valid_from=now - timedelta(days=1), customer_cap=0)
        for number, size in enumerate(sizes):
            customer = make_customer(owner=anna, name=f"Customer {number}")
            for n in range(size):
                language = (speaks or {}).get((number, n), "en")
                make_contact(
                    customer, f"c{number}.{n}@c{number}.example", name=f"Robin {n}", language=language
                )
        draft = speak(make_campaign(by=vera, now=now), *languages, is_anonymous=True)
        launch(draft, by=vera, now=now)
        Message.objects.update(delivery_state="sent", accepted_at=now, settled_by="reply")
        paths = []
        for message in Message.objects.order_by("invitation__email_norm"):
            token, sha256 = tokens.mint()
            LinkToken.objects.create(
                sha256=sha256, purpose=TokenPurpose.ANSWER, message=message, minted_for="test"
            )
            paths.append(f"/s/{token}")
        return paths

    return ask


def send(path, *, ago=timedelta(minutes=5), browser=None, **fields):
    proof = tokens.form_nonce(tokens.digest(path.removeprefix("/s/")), timezone.now() - ago)
    return (browser or Client(enforce_csrf_checks=True)).post(path, {"form": proof, "score": "9", **fields})


def test_s_205_the_invitation_knows_only_that_it_was_answered(asked, django_assert_max_num_queries):
    path = asked(5)[0]
    before = dict(Invitation.objects.order_by("pk").values()[0])
    browser = Client(enforce_csrf_checks=True)
    with django_assert_max_num_queries(6 + 2):  # two of them are the test's own savepoint
        posted = send(path, browser=browser, score="3", comment="Slow", contact_me="1")
    assert (posted.status_code, posted.cookies) == (303, {})
    assert Response.objects.count() == 0
    after = dict(Invitation.objects.order_by("pk").values()[0])
    assert {name for name in after if after[name] != before[name]} == {"response_state"}
    assert (Visit.objects.count(), DeliveryEvent.objects.count()) == (0, 0)
    assert [(one.score, one.comment, one.day) for one in WaitingAnswer.objects.all()] == [
        (3, "Slow", datetime(2026, 3, 16, tzinfo=UTC).date())
    ]


def test_s_205_no_column_of_a_waiting_or_stored_answer_names_a_person_or_an_hour(asked):
    names = {field.name for field in WaitingAnswer._meta.get_fields()}
    assert names == {"key", "wave", "day", "language", "score", "comment", "extra", "customer_id"}
    for path in asked(5):
        send(path)
    anonymous.store_waiting(now=timezone.now())
    rows = list(Response.objects.values())
    for row in rows:
        told = {
            name
            for name in ("invitation_id", "message_id", "contact_id", "owner_at_answer_id")
            if row[name] is not None
        } | {name for name in ("device_hash", "phase", "external_id") if row[name]}
        assert told == set()
        for name in ("first_answered_at", "answered_at"):
            assert row[name].astimezone(UTC).time() == time(0)
    assert len({row["recorded_at"] for row in rows} | {row["updated_at"] for row in rows}) == 1
    assert len({row["anonymous_key"] for row in rows}) == 5
    revisions = list(ResponseRevision.objects.values())
    assert len({row["recorded_at"] for row in revisions}) == 1
    assert {(row["device_hash"], str(row["evidence"])) for row in revisions} == {("", "{}")}


def test_s_205_answers_wait_for_five_and_are_stored_in_a_drawn_order(asked):
    paths = asked(12)
    for number, path in enumerate(paths[:4]):
        send(path, comment=str(number))
    assert anonymous.store_waiting(now=timezone.now()) == 0
    for number, path in enumerate(paths[4:], 4):
        send(path, comment=str(number))
    assert anonymous.store_waiting(now=timezone.now()) == 12
    assert anonymous.store_waiting(now=timezone.now()) == 0
    stored = [int(one) for one in Response.objects.order_by("pk").values_list("comment", flat=True)]
    assert sorted(stored) == list(range(12))
    assert stored != sorted(stored)
    of_revisions = [
        int(one) for one in ResponseRevision.objects.order_by("pk").values_list("comment", flat=True)
    ]
    assert of_revisions == stored
    assert WaitingAnswer.objects.count() == 0


def test_s_205_the_last_few_are_stored_when_every_link_is_over(asked, now):
    send(asked(5)[0])
    Invitation.objects.update(expires_at=now + timedelta(days=2))
    assert anonymous.store_waiting(now=now + timedelta(days=2, hours=1)) == 0
    assert anonymous.store_waiting(now=now + timedelta(days=3, hours=1)) == 1


def test_s_205_a_customer_is_kept_only_where_enough_of_it_were_asked(asked):
    for path in asked(5, 3, 2):
        send(path)
    anonymous.store_waiting(now=timezone.now())
    kept = sorted(Response.objects.values_list("customer__name", flat=True), key=str)
    assert kept == ["Customer 0"] * 5 + [None] * 5


def test_s_205_one_small_customer_hides_a_second_one_with_it(asked):
    for path in asked(5, 6, 1):
        send(path)
    anonymous.store_waiting(now=timezone.now())
    assert list(Response.objects.values_list("customer__name", flat=True)).count(None) == 6


def test_s_205_a_rare_language_is_not_kept(asked):
    paths = asked(6, languages=("en", "ar"), speaks={(0, 0): "ar"})
    for path in paths:
        send(path)
    anonymous.store_waiting(now=timezone.now())
    assert set(Response.objects.values_list("language", flat=True)) == {"en"}


@pytest.mark.parametrize(
    ("sizes", "hidden"),
    [
        ({"a": 5, "b": 9}, set()),
        ({"a": 4, "b": 9}, {"a", "b"}),
        ({"a": 4, "b": 3, "c": 9}, {"a", "b"}),
        ({"a": 1, "b": 7, "c": 6}, {"a", "c"}),
        ({"a": 0, "b": 7}, set()),
        ({}, set()),
    ],
)
def test_small_groups_take_enough_others_with_them(sizes, hidden):
    assert hidden_groups(sizes, 5) == hidden


def test_a_group_is_shown_only_if_the_others_are_enough_too():
    assert [may_show(n, of=10, least=5) for n in (4, 5, 6, 9, 10)] == [False, True, False, False, True]


def test_s_205_there_is_no_edit_and_no_second_answer(asked):
    path = asked(5)[0]
    send(path, score="9")
    page = Client().get(f"{path}?change=1").content.decode()
    assert "<form" not in page
    assert "Change my answer" not in page + Client().get(f"{path}/thanks").content.decode()
    assert send(path, score="1").status_code == 303
    assert list(WaitingAnswer.objects.values_list("score", flat=True)) == [9]


def test_s_205_the_form_names_nobody_offers_no_call_and_ignores_a_score_in_the_link(asked):
    path = asked(5)[0]
    page = Client().get(f"{path}?r=3").content.decode()
    assert "This survey is anonymous" in page
    assert "Robin" not in page
    assert "Customer 0" not in page
    assert "contact_me" not in page
    assert " checked" not in page
    assert list(Visit.objects.values_list("r", flat=True)) == [-1]


def test_s_205_strong_evidence_stores_nothing_and_asks_to_press_once_more(asked):
    path = asked(5)[0]
    quick = send(path, ago=timedelta(), comment="Mine")
    page = quick.content.decode()
    assert quick.status_code == 422
    assert "Please press Send once more." in page
    assert "Mine</textarea>" in page
    assert (WaitingAnswer.objects.count(), Response.objects.count(), Visit.objects.count()) == (0, 0, 0)
    assert not Invitation.objects.exclude(response_state="none").exists()
    assert Wave.objects.get().turned_back == 1
    assert re.search(r'name="form" value="[^"]+"', page)
    assert send(path).status_code == 303


def test_s_205_the_choice_cannot_be_changed_after_launch(asked):
    asked(1)
    with pytest.raises(DatabaseError, match="Cannot update"), transaction.atomic():
        CampaignVersion.objects.update(is_anonymous=False)


def test_the_database_refuses_an_anonymous_answer_with_a_person(asked):
    asked(5)
    message = Message.objects.filter(kind=MessageKind.FIRST).first()
    for path_free in ({"invitation": message.invitation}, {"contact": message.invitation.contact}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Response.objects.create(
                kind="nps", series_key="s", scale_min=0, scale_max=10, score=9, is_anonymous=True,
                anonymous_key="0b2dca16-8f0c-4a55-9e2b-5b6f0a9c9a11", first_answered_at=timezone.now(),
                answered_at=timezone.now(), **path_free,
            )  # fmt: skip


def test_s_205_looks_at_anonymous_links_are_forgotten_after_a_day(asked, now):
    path = asked(5)[0]
    Client().get(path)
    Visit.objects.update(settled_at=now)
    assert anonymous.forget_visits(now=now + timedelta(hours=24)) == 0
    assert anonymous.forget_visits(now=now + timedelta(hours=26)) == 1


def test_a_test_answer_of_an_anonymous_survey_is_not_stored(asked):
    path = asked(5)[0]
    Invitation.objects.update(is_test=True)
    assert send(path).status_code == 303
    assert WaitingAnswer.objects.count() == 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM surveys_invitation WHERE response_state = 'answered'")
        assert cursor.fetchone() == (1,)
