"""`doctor`: every finding that is not ok says what to do."""

import json
from io import StringIO

import pytest
from django.core.management import call_command

from config.management import doctor_checks
from config.management.doctor_checks import VARIABLES, all_findings
from config.work import pg

pytestmark = pytest.mark.django_db


def found(now):
    return {finding.id: finding for finding in all_findings(now)}


def run(*arguments):
    out = StringIO()
    try:
        call_command("doctor", *arguments, stdout=out)
    except SystemExit as end:
        return end.code, out.getvalue()
    return 0, out.getvalue()


def test_doctor_documents_every_variable_of_the_environment(now):
    assert {f"env.{name}" for name in VARIABLES} <= found(now).keys()


def test_doctor_says_what_to_do_about_everything_that_is_not_ok(now, settings):
    settings.REDIS_URL = "redis+socket:///nowhere/valkey.sock"
    findings = found(now)
    assert findings["redis.answers"].level == "warn"
    assert "manage.py dev" in findings["redis.answers"].fix
    assert [finding.id for finding in findings.values() if finding.level != "ok" and not finding.fix] == []


def test_doctor_fails_exactly_when_the_database_may_lose_data():
    durable = pg.server_settings("fsync")["fsync"] == "on"  # off in the cluster of the tests
    code, text = run("--json")
    document = json.loads(text)
    levels = {check["id"]: check["level"] for check in document["checks"]}
    assert levels["database.fsync"] == ("ok" if durable else "fail")
    assert (code, document["ok"], levels["database.migrations"]) == (0 if durable else 1, durable, "ok")
    assert set(document["checks"][0]) == {"id", "level", "found", "fix"}


def test_doctor_never_prints_a_secret(monkeypatch):
    monkeypatch.setenv("EMAIL_URL", "smtp://robot:hunter2@mail.example.com:587")
    code, text = run()
    assert "hunter2" not in text
    assert "smtp://mail.example.com:587" in text
    assert code in {0, 1}


def test_doctor_names_a_mail_server_that_does_not_answer(now, settings):
    settings.EMAIL = settings.EMAIL | {"transport": "smtp", "host": "127.0.0.1", "port": 1}
    (finding,) = doctor_checks.mail_server(now)
    assert (finding.level, "EMAIL_URL" in finding.fix) == ("fail", True)
