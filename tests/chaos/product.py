"""The product as it runs: PostgreSQL, Valkey, web, workers and beat, each a process of its own that may be killed.

Everything lives in private folders. Processes are ended by the ids we got when we started them.
"""

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

from config.devstack import processes, signals
from config.devstack.locks import FileLock
from config.devstack.network import BACKLOG, HOST, answers
from config.devstack.paths import ROOT, DataFolder
from config.devstack.postgres import PROCESS_TABLE, Postgres, servers_on
from config.devstack.stack import web_command, worker_command
from config.devstack.valkey import Valkey
from tests.chaos import oracle
from tests.chaos.forks import SEEDS, Forks
from tests.chaos.sink import Sink
from tests.pgplugin import PREFIX
from tests.stack.conftest import clean_environment

TEMPLATE = "tend_prepared"
START_SECONDS = 90
COMMAND_SECONDS = 300
SEED_SECONDS = 600  # thousands of contacts for the long runs
# Processes die here and the machine does not: what was written is in the kernel's hands, and need not reach the disk.
KERNEL_LIVES = {"fsync": "off"}
QUIET_ROOT = {"PYTHONWARNINGS": "ignore:You're running the worker with superuser"}
# Leases as short as the tests can bear: a killed worker's rows come back within seconds.
SHORT_LEASES = {"MAIL_LEASE_S": "3", "MAIL_REPLY_S": "2", "JOB_LEASE_S": "6"}


class Cluster:
    """One PostgreSQL with durable settings and a migrated database that each test gets a copy of."""

    def __init__(self):
        self.folder = Path(
            tempfile.mkdtemp(prefix=PREFIX, dir="/tmp")
        )  # swept like the others if we are killed
        self.folder.chmod(0o755)  # the server may run as nobody, in folders of its own
        self.lock = FileLock(self.folder / "lock")
        self.lock.take()
        place = (self.folder / "pg", self.folder / "s", self.folder / "postgres.log")
        self.postgres = Postgres(*place, durable=False)  # nothing can be lost before the tests begin
        self.postgres.start()
        self.queues = self._prepare()
        self.postgres.stop()
        self.postgres = Postgres(*place, more=KERNEL_LIVES)
        self.postgres.start()

    def _prepare(self):
        self.run(f"CREATE DATABASE {TEMPLATE}")
        done = subprocess.run(
            [sys.executable, "-m", "config.devstack.prepare", "database"],
            cwd=ROOT,
            env=clean_environment(
                DATABASE_URL=self.postgres.url(TEMPLATE), TEND_ENV="dev", TEND_DATA=str(self.folder)
            ),
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])["queues"]

    def run(self, statement):
        with psycopg.connect(self.postgres.url("postgres"), autocommit=True) as connection:
            connection.execute(statement)

    def revive(self):
        """Start it again when a failing test has left it dead."""
        if self.postgres.service.exit_code() is not None:
            self.postgres.start()

    def kill(self, *, everything):
        """SIGKILL to the main server, whose sessions live on for a moment, or to all its processes at once."""
        pids = servers_on(self.postgres.cluster) if everything else [self.postgres.service.pid]
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.postgres.service.process.wait()

    def stop(self):
        self.postgres.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


@pytest.fixture(scope="session")
def cluster():
    """Shared by all tests with installations; the tests kill it and start it again."""
    if not PROCESS_TABLE.is_dir():
        pytest.skip("needs /proc to find the processes of a pool")
    made = Cluster()
    yield made
    made.stop()


class Product:
    """One installation with a database of its own. `home` keeps logs, journal and timeline for a failing test."""

    def __init__(self, cluster, home, *, delay=0.0, **environment):
        self.cluster, self.home = cluster, home
        self.data = DataFolder(home)
        self.data.logs.mkdir()
        cluster.revive()
        self.database = f"tend_{secrets.token_hex(4)}"
        cluster.run(f"CREATE DATABASE {self.database} TEMPLATE {TEMPLATE}")
        self.sink = Sink(home / "mails.jsonl", delay)
        self.listener = socket.create_server((HOST, 0), backlog=BACKLOG)
        self.url = f"http://{HOST}:{self.listener.getsockname()[1]}"
        self.valkey = Valkey(self.data)
        self.services = {}
        self.kills = 0
        self._began = time.monotonic()
        self.env = clean_environment(
            DATABASE_URL=cluster.postgres.url(self.database),
            REDIS_URL=self.valkey.url,
            SITE_URL=self.url,
            EMAIL_URL=self.sink.url,
            DEFAULT_FROM_EMAIL="Kestrel <hello@kestrel.example>",
            TEND_ENV="dev",
            TEND_DATA=str(home),
            SECRET_KEY=secrets.token_hex(30),
            PYTHONUNBUFFERED="1",
            STATEMENT_TIMEOUT_S="240",
            **environment,
        )
        self.forks = Forks(self.env, home / "commands")

    # -- life ---------------------------------------------------------------------------------------------

    def start(self):
        """Valkey, web and a worker with its beat inside, as `dev` runs them."""
        self.start_valkey()
        self.start_web()
        self.start_worker(beat=True)
        self.wait_for_web()
        return self

    def wait_for_web(self):
        self.wait(lambda: answers(f"{self.url}/healthz", seconds=5), START_SECONDS, "the web server answers")

    def start_valkey(self):
        self.note("valkey starts")
        self.valkey.start()

    def stop_valkey(self):
        self.note("valkey stops")
        self.valkey.stop()

    def start_web(self):
        number = self.listener.fileno()
        self._launch("web", web_command(number), {"STATEMENT_TIMEOUT_S": "15"}, pass_fds=(number,))

    def start_worker(self, number=0, *, beat=False):
        schedule = ["--beat", "--schedule", self.home / f"beat-{number}"] if beat else []
        self._launch(f"worker{number}", [*worker_command(self.cluster.queues), *schedule], QUIET_ROOT)

    def start_beat(self):
        argv = [sys.executable, "-m", "celery", "--quiet", "--app", "config.celery", "beat"]
        self._launch("beat", [*argv, "--schedule", self.home / "beat", "--loglevel", "WARNING"])

    def _launch(self, name, argv, more=None, **how):
        env = self.env | (more or {})
        log = self.data.logs / f"{name}.log"
        service = processes.Service(
            name, argv, log, env, ROOT, stop_seconds=10, death_signal=signal.SIGKILL, **how
        )
        service.start()
        self.services[name] = service
        self.note(f"{name} starts", pid=service.pid)

    def stop(self):
        for service in self.services.values():
            service.ask_to_stop()
        for service in self.services.values():
            service.stop()
        self.valkey.stop()
        self.forks.stop()
        self.sink.stop()
        self.listener.close()
        self.cluster.revive()
        self.cluster.run(f"DROP DATABASE {self.database} WITH (FORCE)")

    # -- harm ---------------------------------------------------------------------------------------------

    def children_of(self, name):
        """The pool processes of a worker, from the kernel's table."""
        parent, found = self.services[name].pid, []
        for entry in PROCESS_TABLE.glob("[0-9]*/stat"):
            try:
                fields = entry.read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[1]) == parent and fields[0] != "Z":
                found.append(int(entry.parent.name))
        return sorted(found)

    def kill_process(self, pid):
        self.kills += 1
        self.note("kill -9", pid=pid)
        os.kill(pid, signal.SIGKILL)

    def kill_service(self, name):
        """The program and everything it has started."""
        self.kills += 1
        service = self.services[name]
        self.note(f"kill -9 {name} and its children", pid=service.pid)
        processes.kill_group(service.pid)
        service.process.wait()

    # -- looking ------------------------------------------------------------------------------------------

    def note(self, what, **more):
        """One line of the timeline."""
        row = {"s": round(time.monotonic() - self._began, 3), "what": what, **more}
        with (self.home / "timeline.jsonl").open("a") as file:
            file.write(json.dumps(row) + "\n")

    def about(self, text):
        """For a failing assertion: what, and where to look."""
        return f"{text}\nLogs, journal of mails and timeline are in {self.home}"

    def wait(self, condition, seconds, what):
        """A condition with a deadline; returns the seconds it took."""
        began = time.monotonic()
        assert signals.until(condition, seconds=seconds, every=0.1), self.about(
            f"after {seconds} s not yet: {what}"
        )
        took = time.monotonic() - began
        self.note(f"reached: {what}", seconds=round(took, 2))
        return took

    def rows(self, query, *parameters):
        with psycopg.connect(self.cluster.postgres.url(self.database), autocommit=True) as connection:
            cursor = connection.execute(query, parameters)
            return cursor.fetchall() if cursor.description else []

    def value(self, query, *parameters):
        return self.rows(query, *parameters)[0][0]

    def manage(self, *arguments, **more):
        """A management command against this installation, in a process of its own, run to its end."""
        return self.forks.run(arguments, seconds=COMMAND_SECONDS, **more)

    def tick_until(self, condition, seconds, what):
        """Passes of all tickers in processes of their own, for installations without a worker."""

        def reached():
            if not oracle.leases_are_over(self):
                return False
            self.manage("tick", "--once")
            return condition(self)

        return self.wait(reached, seconds, what)

    def json(self, *arguments, codes=(0,)):
        """What a command prints with --json."""
        done = self.manage(*arguments, "--json")
        assert done.returncode in codes, self.about(f"{arguments}: {done.stdout}{done.stderr}")
        return json.loads(done.stdout)

    def seed(self, name, /, **options):
        """Run a seed of tests.chaos.seeds inside this installation; its answer."""
        done = self.forks.run([SEEDS, name, json.dumps(options)], seconds=SEED_SECONDS)
        assert done.returncode == 0, self.about(done.stdout + done.stderr)
        self.note(f"seed {name}")
        return json.loads(done.stdout.strip().splitlines()[-1])
