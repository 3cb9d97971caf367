"""The account of all mails: it sums up whatever happened."""

import json
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.models.functions import Now

from surveys import tasks
from surveys.models import Message
from surveys.services import claims, delivery
from tests.factories.customers import make_contact, make_customer
from tests.factories.surveys import answer, launch, make_audience, make_campaign, make_sent_message


def outbox(capsys, code=0):
    capsys.readouterr()
    if code:
        with pytest.raises(SystemExit) as ended:
            call_command("outbox", "--json")
        assert ended.value.code == code
    else:
        call_command("outbox", "--json")
    return json.loads(capsys.readouterr().out)


@pytest.mark.django_db
def test_every_contact_of_the_audience_is_accounted_for(anna, vera, now, capsys):
    make_audience(anna, customers=4)
    make_contact(make_customer(owner=anna), "quiet@x.example", do_not_survey=True)
    launch(make_campaign(by=vera, now=now), by=vera, now=now)
    claims.release_due(now=now)
    first, second, third = (claims.claim_next(now=now) for _ in range(3))
    delivery.write_ahead(claim=second, clock=lambda: now)
    found = outbox(capsys)
    expected = {"queued": 1, "claimed": 2, "transmitting": 1, "suppressed": 1}
    assert {state: n for state, n in found["counts"].items() if n} == expected
    assert sum(found["counts"].values()) == found["eligible"] == 5
    assert found["waves"][0]["eligible"] == sum(found["waves"][0]["counts"].values()) == 5
    assert found["hold"] is None
    assert found["breaker"] == {"state": "closed", "since": None, "error": None}
    assert set(found["oldest_age_s"]) == {"queued", "claimed", "transmitting", "uncertain"}
    Message.objects.filter(pk=second.message.pk).update(lease_until=Now() - timedelta(seconds=1))
    delivery.reap_leases(now=now)
    assert outbox(capsys, code=1)["counts"]["uncertain"] == 1
    call_command("survey_ledger")
    assert "every wave sums up" in capsys.readouterr().out
    assert first.message.pk != third.message.pk


@pytest.mark.django_db
def test_a_hold_is_shown_and_released_from_the_command_line(vera, now, capsys):
    from surveys.services import sending_state

    sending_state.hold(reason="restore", now=now)
    assert outbox(capsys, code=1)["hold"]["reason"] == "restore"
    call_command("outbox", "--release")
    assert outbox(capsys)["hold"] is None


@pytest.mark.django_db
def test_every_ticker_run_twice_changes_nothing_the_second_time(anna, vera, now):
    message, _ = make_sent_message(anna, by=vera, now=now)
    answer(message, 2, now=now)
    runs = (
        tasks.advance_campaigns,
        tasks.send_messages,
        tasks.reap_leases,
        tasks.open_cases,
        tasks.escalate_cases,
        tasks.settle_visits,
    )
    for run in runs:
        run()

    def picture():
        tables = [
            name
            for name in connection.introspection.table_names()
            if name.startswith(("surveys_", "customers_"))
        ]
        with connection.cursor() as cursor:
            found = {}
            for table in tables:
                cursor.execute(
                    f"SELECT count(*), md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {table} t"
                )
                found[table] = cursor.fetchone()
        return found

    before = picture()
    for run in reversed(runs):
        run()
    assert picture() == before
