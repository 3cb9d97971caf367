"""What happens to a stack when a part of it, or its supervisor, is killed; and to data folders in odd states."""

import os
import signal
import subprocess
import sys

import pytest

from config.devstack import signals
from config.devstack.paths import ROOT
from config.devstack.postgres import Postgres
from tests.stack.conftest import DEATH_SECONDS, END_SECONDS, clean_environment, manage

pytestmark = pytest.mark.stack

WORKING = 4  # the worker, the two processes of its pool and its beat


def test_a_killed_supervisor_takes_all_along_the_next_start_recovers_and_ends_with_its_terminal(
    start, prepared
):
    dev = start(prepared).wait_until_ready()
    _works(dev)
    dev.process.kill()
    dev.process.wait()
    assert dev.leaves_nothing_within(DEATH_SECONDS), dev.children()
    again = start(prepared).wait_until_ready()
    _works(again)
    assert again.signal_and_wait(signal.SIGHUP) == 0
    assert again.children() == {}


def _works(dev):
    assert signals.until(lambda: len(dev.parts("celery")) == WORKING, seconds=END_SECONDS), dev.children()


@pytest.mark.parametrize(
    ("name", "mark"),
    [
        ("postgres", "cluster_name=tend"),
        ("web", "gunicorn"),
        ("worker", "celery"),
        ("valkey", "valkey-server"),
    ],
)
def test_a_killed_service_is_named_with_its_log_and_stops_the_rest(start, prepared, name, mark):
    dev = start(prepared).wait_until_ready()
    os.kill(dev.part(mark), signal.SIGKILL)
    assert dev.wait() == 1
    assert f"{name} stopped unexpectedly (killed by SIGKILL). Its log: {dev.data.logs / name}.log" in dev.seen
    assert dev.leaves_nothing_within(DEATH_SECONDS), dev.children()


def test_stopping_while_starting_leaves_nothing(start, fresh):
    dev = start(fresh)
    signals.until(lambda: (fresh / "logs" / "postgres.log").exists() or dev.ended(), seconds=END_SECONDS)
    assert dev.signal_and_wait(signal.SIGINT) == 0
    assert dev.leaves_nothing_within(DEATH_SECONDS)


def test_a_half_made_cluster_is_made_again(fresh, start):
    dev = start(fresh, "--help")
    dev.wait()
    half = dev.data.postgres / "making-1"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18")
    done = manage("showmigrations", "work", data=fresh)
    assert done.returncode == 0, done.stderr
    assert not half.exists()


def test_a_half_loaded_demo_company_is_thrown_away(prepared, start):
    make = "from accounts.models import Team; Team.objects.create(name='Half a demo')"
    assert manage("shell", "-v0", "-c", make, data=prepared).returncode == 0
    dev = start(prepared, "--help")
    dev.wait()
    dev.data.demo_unfinished.touch()
    assert start(prepared, "--check").wait() == 0
    count = "from accounts.models import Team; print(Team.objects.count())"
    assert manage("shell", "-v0", "-c", count, data=prepared).stdout == "0\n"
    assert not dev.data.demo_unfinished.exists()


def test_data_of_another_postgresql_is_refused_with_the_way_out(fresh, start):
    dev = start(fresh, "--help")
    dev.wait()
    cluster = Postgres(dev.data.postgres, dev.data.postgres_sockets, dev.data.logs).cluster
    cluster.mkdir(parents=True)
    (cluster / "PG_VERSION").write_text("16\n")
    refused = start(fresh)
    assert refused.wait() == 1
    assert "made by PostgreSQL 16" in refused.seen
    assert "pg_dump" in refused.seen
    assert "--reset" in refused.seen
    assert (cluster / "PG_VERSION").read_text() == "16\n"
    assert "made by PostgreSQL 16" in manage("showmigrations", data=fresh).stderr


def test_two_commands_at_once_share_one_database(prepared):
    commands = [
        subprocess.Popen(
            [
                sys.executable,
                "manage.py",
                "shell",
                "-v0",
                "-c",
                "from accounts.models import User; print(User.objects.count())",
            ],
            cwd=ROOT,
            env=clean_environment(TEND_DATA=str(prepared)),
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    assert [command.communicate(timeout=60)[0] for command in commands] == ["0\n", "0\n"]
    assert [command.returncode for command in commands] == [0, 0]
    assert not (prepared / "env").exists()
