"""The account of all mails: it sums up whatever happened."""

import json
import os
import subprocess
import sys
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


POINTS = {
    "mail.after_claim": "queued",
    "mail.before_connect": "queued",
    "mail.before_write_ahead": "queued",
    "mail.after_write_ahead": "uncertain",
    "mail.after_dot": "uncertain",
    "mail.after_reply": "uncertain",
    "mail.before_record": "uncertain",
    "mail.after_record": "sent",
}
WORKER = """
import django; django.setup()
from datetime import datetime
from surveys.services import delivery
now = datetime.fromisoformat({now!r})
delivery.send_due(clock=lambda: now)
"""


@pytest.mark.chaos
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("point", POINTS)
def test_a_kill_at_any_point_leaves_each_address_with_at_most_one_mail(
    anna, vera, now, sink, settings, point
):
    make_audience(anna, customers=3)
    launch(make_campaign(by=vera, now=now), by=vera, now=now)
    base = settings.DATABASES["default"]
    user, host, port = base["USER"], base["HOST"], base["PORT"]
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "config.settings_test",
        "DATABASE_URL": f"postgres://{user}@{host}:{port}/{base['NAME']}"
        if host.startswith("1")
        else os.environ["DATABASE_URL"].rsplit("/", 1)[0] + f"/{base['NAME']}",
        "EMAIL_URL": f"smtp://127.0.0.1:{settings.EMAIL['port']}",
        "CHAOS": "1",
        "FAULTS": f"{point}=kill@2",
    }
    worker = subprocess.run(
        [sys.executable, "-c", WORKER.format(now=now.isoformat())],
        env=environment,
        check=False,
        capture_output=True,
    )
    assert worker.returncode == -9, worker.stderr.decode()
    Message.objects.filter(delivery_state="sending").update(lease_until=Now() - timedelta(seconds=1))
    delivery.reap_leases(now=now)
    states = sorted(Message.objects.values_list("delivery_state", flat=True))
    assert states == sorted([*["sent"] * (2 if point == "mail.after_record" else 1), *{
        "queued": ["queued", "queued"], "uncertain": ["queued", "uncertain"], "sent": ["queued"],
    }[POINTS[point]]])  # fmt: skip
    delivery.send_due(clock=lambda: now)
    assert max(sink.recipients.values()) == 1
    unsure = Message.objects.filter(delivery_state="uncertain").count()
    assert len(sink.recipients) >= 3 - unsure
    assert unsure <= 1
