"""The services of `dev` and the order of their lives."""

import argparse
import json
import os
import shutil
import signal
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from config.devstack import commands, demo, processes, running
from config.devstack.locks import FileLock
from config.devstack.logs import LogView, say, tell
from config.devstack.network import HOST, answers, reserve_port
from config.devstack.paths import ROOT, DataFolder, StackError
from config.devstack.postgres import Postgres
from config.devstack.signals import pause, until
from config.devstack.valkey import Valkey

WEB_SECONDS = 60  # a cold import on a slow disk
PAGE_SECONDS = 30  # the first pages import and compile what they need
PATIENCE_SECONDS = 2  # for one try while it starts; Ctrl-C waits no longer
LOOK_EVERY = 0.1  # seconds between looks at processes and logs
DELETED_BY_RESET = ("postgres", "valkey", "logs", "files", "secret_key", "env", "demo-unfinished")


class Stack:
    """The services of one data folder, in the order in which they start."""

    def __init__(self, data: DataFolder, options: argparse.Namespace) -> None:
        self.data = data
        self.options = options
        self.began = time.monotonic()
        self.url = ""
        self.ready_seconds: float | None = None
        self.states = dict.fromkeys(("postgres", "valkey", "web", "worker"), "not started")
        self.running: list[processes.Service] = []
        self.servers: list[Postgres | Valkey] = []

    def start(self, lock: FileLock) -> None:
        """Lock, port, databases, migrations, demo data, web and worker; returns when the login page answers."""
        if self.options.reset:
            self._reset()
        self.data.logs.mkdir(mode=0o700, exist_ok=True)
        running.forget(self.data)
        with reserve_port(self.options.port) as listener:
            self.url = f"http://{HOST}:{listener.getsockname()[1]}"
            lock.sign(self.url)
            self._start_databases()
            # It imports its code while the database is made ready; the address is told later.
            self._start_web(listener)
            self._prepare()
            self._announce()
            self._start_worker()
        self._wait_for_web()
        self.ready_seconds = time.monotonic() - self.began

    def watch(self) -> int:
        """Show where to go, then the logs, until a service dies."""
        say(f"Tend is ready: {self.url}   {self._logins()}")
        say(f"Data and logs are in {self.data.root}. Ctrl-C stops everything.")
        view = LogView([(service.name, service.log) for service in self.running])
        while not (ended := self._ended()):
            view.show()
            pause(LOOK_EVERY)
        view.show()
        tell(f"{ended.name} stopped unexpectedly ({_how(ended.exit_code() or 0)}). Its log: {ended.log}")
        tell("Stopping the rest. The next start recovers by itself.")
        return 1

    def check(self) -> int:
        """For scripts: is everything well? One JSON line, and 0 or 1."""
        asking = self._program("ask", [sys.executable, "-m", "config.devstack.prepare", "worker"])
        if asking.run_to_end():
            message = f"The worker does not answer. Its log: {self.data.logs}/worker.log"
            raise StackError(message)
        self.states["worker"] = "ok"
        for page in ("/readyz", "/"):  # a stranger is led from / to the login page
            address = self.url + page
            if not until(
                partial(answers, address, seconds=PAGE_SECONDS), seconds=PAGE_SECONDS, every=LOOK_EVERY
            ):
                message = f"{address} does not answer with 200. See {self.data.logs}/web.log"
                raise StackError(message)
        return 0

    def report(self, failure: str) -> None:
        """The last line of `--check`."""
        document = {
            "url": self.url,
            "ready_seconds": None if self.ready_seconds is None else round(self.ready_seconds, 2),
            "services": self.states,
        }
        say(json.dumps(document | ({"error": failure.splitlines()[0]} if failure else {})))

    def stop(self) -> None:
        """Everything, last started first; the worker and the web server end their work side by side."""
        running.forget(self.data)
        programs = [service for service in self.running if service.name in {"web", "worker"}]
        for program in programs:
            program.ask_to_stop()
        for part in (*reversed(programs), *reversed(self.servers)):
            part.stop()

    def _reset(self) -> None:
        if "DATABASE_URL" in os.environ:
            message = (
                "--reset deletes Tend's own data folder only, but DATABASE_URL names a database of yours. "
                "Unset DATABASE_URL, or empty that database yourself."
            )
            raise StackError(message)
        tell(f"Deleting the data in {self.data.root} ...")
        shutil.rmtree(self.data.postgres, ignore_errors=True)
        for name in DELETED_BY_RESET:
            path = self.data.root / name
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        for schedule in self.data.root.glob(f"{self.data.beat_schedule.name}*"):
            schedule.unlink()

    def _start_databases(self) -> None:
        self.states["postgres"] = self.states["valkey"] = "named by the environment"
        embedded = not commands.brings_its_own_database()
        embedded_broker = "REDIS_URL" not in os.environ
        commands.use_embedded(self.data)
        os.environ.setdefault("SITE_URL", self.url)
        if embedded:
            postgres = Postgres.of(self.data)
            if not postgres.cluster.exists():
                tell("Making the database ...")
            self._run("postgres", postgres)
            if self.data.demo_unfinished.exists():
                tell("The demo company was not loaded to its end; beginning with an empty database again.")
                postgres.empty()
                self.data.demo_unfinished.unlink()
        if embedded_broker:
            self._run("valkey", Valkey(self.data))

    def _run(self, name: str, server: Postgres | Valkey) -> None:
        self.states[name] = "starting"
        self.servers.append(server)
        server.start()
        if server.service:
            self.running.append(server.service)
        self.states[name] = "ok"

    def _prepare(self) -> None:
        """Migrations and demo data in a process of their own; its lines are shown, the last one is for us."""
        log = self.data.logs / "prepare.log"
        argv = [sys.executable, "-m", "config.devstack.prepare", "database"]
        argv += [] if self.options.no_demo else ["--demo"]
        log.touch()
        view = LogView([("", log)])
        last = ""

        def show() -> None:
            nonlocal last
            for _, line in view.news():
                if last:
                    tell(last)
                last = line

        code = self._program("prepare", argv).run_to_end(meanwhile=show)
        show()
        if code:
            message = (
                f"The database could not be prepared ({_how(code)}). See {log}:\n{processes.last_lines(log)}"
            )
            raise StackError(message)
        self.found = json.loads(last)

    def _announce(self) -> None:
        names = ("DATABASE_URL", "REDIS_URL", "SITE_URL")
        running.announce(self.data, {name: os.environ[name] for name in names if name in os.environ})

    def _logins(self) -> str:
        people = [f"{email} ({role})" for email, role in demo.LOGINS.items() if email in self.found["demo"]]
        if people:
            return f"Sign in as {', '.join(people)}; password {demo.PASSWORD}"
        if self.found["anybody"]:
            return "Sign in with your e-mail address."
        return "Nobody can sign in yet: python3 manage.py create_user you@example.com --role admin"

    def _start_web(self, listener: socket.socket) -> None:
        number = listener.fileno()
        argv = web_command(number)
        if self.options.reload:
            listener.close()
            argv = [sys.executable, "manage.py", "runserver", self.url.removeprefix("http://")]
        self._launch(
            self._program(
                "web",
                argv,
                {"STATEMENT_TIMEOUT_S": "15"},  # seconds: nobody waits longer for a page
                death_signal=signal.SIGTERM if self.options.reload else signal.SIGQUIT,
                pass_fds=() if self.options.reload else (number,),
            )
        )

    def _start_worker(self) -> None:
        beat: list[str | Path] = ["--beat", "--schedule", self.data.beat_schedule]
        argv = [*worker_command(self.found["queues"]), *beat]
        # Celery warns root in ten lines; here root is the only user of a machine or container of its own.
        environment = {"PYTHONWARNINGS": "ignore:You're running the worker with superuser"}
        # Killed at once with us: in good order it could wait for a broker that is gone too. Its own processes follow.
        self._launch(self._program("worker", argv, environment, stop_seconds=15, death_signal=signal.SIGKILL))

    def _program(
        self, name: str, argv: Sequence[str | Path], environment: Mapping[str, str] | None = None, **how: Any
    ) -> processes.Service:
        """One of our own Python programs, with the addresses of this stack in its environment."""
        env = os.environ | {"PYTHONUNBUFFERED": "1", "NO_BOOTSTRAP": "1"} | dict(environment or {})
        return processes.Service(name, argv, self.data.logs / f"{name}.log", env, ROOT, **how)

    def _launch(self, service: processes.Service) -> None:
        self.states[service.name] = "starting"
        service.start()
        self.running.append(service)

    def _wait_for_web(self) -> None:
        def settled() -> bool:
            return self._ended() is not None or answers(f"{self.url}/healthz", seconds=PATIENCE_SECONDS)

        in_time = until(settled, seconds=WEB_SECONDS, every=LOOK_EVERY)
        if ended := self._ended():
            self.states[ended.name] = "failed"
            how, end = _how(ended.exit_code() or 0), processes.last_lines(ended.log)
            message = f"{ended.name} ended while starting ({how}). Its log: {ended.log}\n{end}"
            raise StackError(message)
        if not in_time:
            message = (
                f"The web server does not answer after {WEB_SECONDS} s. Its log: {self.data.logs}/web.log"
            )
            raise StackError(message)
        self.states["web"] = "ok"

    def _ended(self) -> processes.Service | None:
        return next((service for service in self.running if service.exit_code() is not None), None)


def web_command(descriptor: int) -> list[str]:
    """The web server on a listening socket that it inherits under this number."""
    return [
        sys.executable, "-m", "gunicorn", "config.wsgi:application", "--bind", f"fd://{descriptor}",
        "--workers", "1", "--threads", "8", "--worker-class", "gthread", "--graceful-timeout", "2",
        "--no-control-socket", "--log-level", "warning",
        "--access-logfile", "-", "--access-logformat", "%(m)s %(U)s %(s)s %(B)sB %(M)sms",
    ]  # fmt: skip


def worker_command(queues: Sequence[str]) -> list[str | Path]:
    """A worker with two processes for these queues."""
    return [
        sys.executable, "-m", "celery", "--quiet", "--app", "config.celery", "worker",
        "--concurrency", "2", "--queues", ",".join(queues),
        "--loglevel", "WARNING", "--without-gossip", "--without-mingle", "--without-heartbeat",
    ]  # fmt: skip


def _how(code: int) -> str:
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
