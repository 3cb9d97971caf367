"""`manage.py dev` from outside: starting, being asked twice, ports, other commands beside it."""

import contextlib
import json
import signal
import socket
import stat
import urllib.error
import urllib.request

import pytest

from tests.stack.conftest import END_SECONDS, clean_environment, last_json, manage

pytestmark = pytest.mark.stack

POSTMASTER = "from django.db import connection as c; k = c.cursor(); k.execute('SELECT pg_postmaster_start_time()'); print('since', k.fetchone()[0])"


def since(done):
    assert done.returncode == 0, done.stderr
    return next(line for line in done.stdout.splitlines() if line.startswith("since"))


@contextlib.contextmanager
def taken(port):
    """Hold the port, unless somebody on this machine already does."""
    with socket.socket() as squatter:
        squatter.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):
            squatter.bind(("127.0.0.1", port))
            squatter.listen()
        yield


def test_check_starts_all_prints_one_json_line_and_leaves_nothing(start, prepared):
    dev = start(prepared, "--check")
    assert dev.wait() == 0, dev.seen
    document = last_json(dev.seen)
    assert document["services"] == dict.fromkeys(("postgres", "valkey", "web", "worker"), "ok")
    assert document["url"].startswith("http://127.0.0.1:")
    assert 0 < document["ready_seconds"] < 60
    assert dev.children() == {}


def test_a_running_stack_serves_other_commands_and_refuses_a_second_one(start, prepared):
    dev = start(prepared).wait_until_ready()

    with urllib.request.urlopen(f"{dev.url}/healthz", timeout=10) as answer:
        assert answer.status == 200
    assert stat.S_IMODE(dev.data.env_file.stat().st_mode) == 0o600
    announced = dict(line.split("=", 1) for line in dev.data.env_file.read_text().splitlines())
    assert announced["SITE_URL"] == dev.url
    assert {"DATABASE_URL", "REDIS_URL"} <= announced.keys()

    first = since(manage("shell", "-v0", "-c", POSTMASTER, data=prepared))
    assert first == since(manage("shell", "-v0", "-c", POSTMASTER, data=prepared))

    second = manage("dev", data=prepared)
    assert second.returncode == 1
    assert f"Already running: {dev.url} (pid {dev.process.pid})" in second.stdout
    assert not dev.ended()

    secret = "s3cr3t-of-a-mailed-link"
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"{dev.url}/s/{secret}?r=9", timeout=10)

    assert dev.signal_and_wait(signal.SIGINT) == 0
    assert dev.children() == {}
    assert not dev.data.env_file.exists()
    written = (dev.data.logs / "web.log").read_text()
    assert "GET /s/*** 404" in written
    assert secret not in written


def test_a_command_with_nothing_running_brings_a_migrated_database_and_takes_it_away(fresh, start):
    done = manage(
        "shell",
        "-v0",
        "-c",
        "from accounts.models import User; print('users', User.objects.count())",
        data=fresh,
    )
    assert (done.returncode, done.stdout) == (0, "users 0\n"), done.stderr
    assert not (fresh / "env").exists()
    assert start(fresh, "--help").leaves_nothing_within(END_SECONDS)


def test_a_command_of_ours_finds_a_migrated_database_at_its_very_first_start(fresh):
    done = manage("jobs", "--json", data=fresh)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["dead"] == []


def test_a_command_without_need_for_a_database_starts_none(fresh):
    done = manage("version", data=fresh)
    assert done.returncode == 0, done.stderr
    assert not (fresh / "logs").exists()


def test_a_taken_port_is_refused_when_asked_for_and_passed_over_otherwise(start, prepared):
    with socket.socket() as squatter:
        squatter.bind(("127.0.0.1", 0))
        squatter.listen()
        refused = manage("dev", "--no-demo", "--port", str(squatter.getsockname()[1]), data=prepared)
        assert refused.returncode == 1
        assert "--port" in refused.stderr
    with taken(8000):
        dev = start(prepared).wait_until_ready()
    assert "Port 8000 is taken; using 80" in dev.seen
    assert dev.url != "http://127.0.0.1:8000"
    assert dev.signal_and_wait(signal.SIGTERM) == 0


def test_reset_begins_anew_and_spares_what_is_not_ours(start, fresh):
    assert start(fresh, "--check").wait() == 0
    (fresh / "my notes.txt").write_text("keep")
    key = (fresh / "secret_key").read_text()
    make = (
        "from accounts.models import User; User.objects.create(email='x@example.com', name='X', role='csm')"
    )
    assert manage("shell", "-v0", "-c", make, data=fresh).returncode == 0

    dev = start(fresh, "--reset", "--check")
    assert dev.wait() == 0, dev.seen
    assert (fresh / "my notes.txt").read_text() == "keep"
    assert (fresh / "secret_key").read_text() != key
    count = manage(
        "shell", "-v0", "-c", "from accounts.models import User; print(User.objects.count())", data=fresh
    )
    assert count.stdout == "0\n"


def test_production_gets_no_embedded_database(fresh):
    done = manage("showmigrations", data=fresh, TEND_ENV="production", SECRET_KEY="x" * 50)
    assert done.returncode == 2
    assert "DATABASE_URL is not set" in done.stderr
    assert "NO_BOOTSTRAP" in clean_environment()
