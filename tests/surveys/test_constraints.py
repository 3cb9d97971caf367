"""What the database itself refuses, whatever code asks for it."""

import pytest
from django.db import connection, transaction
from django.db.utils import DatabaseError

from surveys.models import (
    CampaignText,
    CampaignVersion,
    DeliveryEvent,
    Invitation,
    LinkToken,
    Message,
    Response,
    ResponseRevision,
    Suppression,
    SurveyPolicy,
    Visit,
    Wave,
)
from surveys.services import suppressions
from tests.factories.surveys import answer, make_sent_message

pytestmark = pytest.mark.django_db


def refused(sql, *params):
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, params)
    return True


def copied(model, row, **changes):
    """INSERT of a copy of the row with some columns changed."""
    names = [f.column for f in model._meta.concrete_fields if not f.primary_key]
    values = ", ".join("%s" if name in changes else connection.ops.quote_name(name) for name in names)
    quoted = ", ".join(connection.ops.quote_name(name) for name in names)
    table = model._meta.db_table
    sql = f"INSERT INTO {table} ({quoted}) SELECT {values} FROM {table} WHERE {model._meta.pk.column} = %s"
    return sql, [changes[name] for name in names if name in changes] + [row.pk]


@pytest.fixture
def answered(anna, vera, now):
    message, _ = make_sent_message(anna, by=vera, now=now)
    return message, answer(message, 9, now=now)


def refuse_copy(model, row, **changes):
    sql, params = copied(model, row, **changes)
    return refused(sql, *params)


def test_a_second_invitation_for_an_address_in_a_wave(answered):
    message, _ = answered
    assert refuse_copy(Invitation, message.invitation)


def test_a_second_message_of_a_kind_and_a_message_id_twice(answered):
    message, _ = answered
    assert refuse_copy(Message, message, message_id="<other@tend.example>")
    assert refuse_copy(Message, message, seq=1)


def test_a_second_response_to_an_invitation(answered):
    assert refuse_copy(Response, answered[1])


@pytest.mark.parametrize("score", [-1, 11, 100])
def test_a_score_outside_its_scale(answered, score):
    assert refused("UPDATE surveys_response SET score = %s", score)


def test_a_scale_that_is_not_the_kinds(answered):
    assert refused("UPDATE surveys_response SET kind = 'csat5'")
    assert refused("UPDATE surveys_response SET scale_max = 100")


@pytest.mark.parametrize(
    "model", [ResponseRevision, DeliveryEvent, SurveyPolicy, CampaignVersion, CampaignText]
)
def test_append_only_and_frozen_rows_change_and_vanish_for_nobody(answered, now, model):
    if model is SurveyPolicy:
        SurveyPolicy.objects.create(valid_from=now)
    if model is DeliveryEvent:
        DeliveryEvent.objects.create(message=answered[0], type="x", source="t", event_id="1", occurred_at=now)
    column = {
        ResponseRevision: "score = 1",
        DeliveryEvent: "text = 'x'",
        SurveyPolicy: "customer_cap = 0",
        CampaignVersion: "kind = 'csat5'",
        CampaignText: "question = 'Why?'",
    }[model]
    assert model.objects.exists()
    assert refused(f"UPDATE {model._meta.db_table} SET {column}")
    assert refused(f"DELETE FROM {model._meta.db_table}")


def test_a_second_revision_of_one_number(answered):
    assert refuse_copy(ResponseRevision, answered[1].revisions.get())


def test_a_suppression_may_be_lifted_once_and_never_rewritten(vera, now):
    suppressions.suppress(email_norm="a@b.example", reason="unsubscribed", source="t", now=now)
    suppressions.suppress(email_norm="a@b.example", reason="unsubscribed", source="t", now=now)
    row = Suppression.objects.get()
    assert refused("UPDATE surveys_suppression SET scope = 'nps'")
    assert refused("DELETE FROM surveys_suppression")
    assert refuse_copy(Suppression, row)
    with pytest.raises(suppressions.LiftRefusedError):
        suppressions.lift(suppression=row, reason=" ", by=vera, now=now)
    suppressions.lift(suppression=row, reason="Asked by phone", by=vera, now=now)
    suppressions.suppress(email_norm="a@b.example", reason="unsubscribed", source="t", now=now)
    assert Suppression.objects.in_force(now).count() == 1


@pytest.mark.parametrize(
    "change",
    [
        "delivery_state = 'sending'",
        "delivery_state = 'skipped'",
        "delivery_state = 'failed'",
        "accepted_at = NULL",
        "delivery_state = 'lost'",
        "phase = 'dot'",
    ],
)
def test_a_message_in_an_impossible_state(answered, change):
    assert refused(f"UPDATE surveys_message SET {change}")


def test_a_link_secret_and_a_wave_number_twice(answered):
    message, _ = answered
    token = LinkToken.objects.filter(message=message).first()
    assert refused(
        "INSERT INTO surveys_linktoken (sha256, purpose, message_id, minted_for) VALUES (%s, 'answer', %s, '')",
        token.pk,
        message.pk,
    )
    assert refuse_copy(Wave, Wave.objects.get())


def test_a_visit_is_counted_once_a_minute(answered, now):
    visit = Visit.objects.create(token="t", method="GET", fingerprint="f", minute=now, at=now)
    assert refuse_copy(Visit, visit)


def test_a_delivery_event_of_a_provider_comes_once(answered, now):
    event = DeliveryEvent.objects.create(
        message=answered[0], type="delivered", source="provider", event_id="7", occurred_at=now
    )
    assert refuse_copy(DeliveryEvent, event)


def test_a_clock_and_a_pepper_are_one(answered):
    assert refused("INSERT INTO surveys_sendclock (scope, key) SELECT scope, key FROM surveys_sendclock")
    assert refused("UPDATE surveys_addresspepper SET secret = ''")
