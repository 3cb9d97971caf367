"""`python3 manage.py dev`: start everything in order, show the logs, stop everything together."""

import argparse
import json
import os
import shutil
import signal
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

from config.devstack import commands, processes, running
from config.devstack.locks import FileLock
from config.devstack.logs import LogView, say, tell
from config.devstack.paths import ROOT, DataFolder, StackError, data_folder
from config.devstack.postgres import Postgres
from config.devstack.valkey import Valkey

HOST = "127.0.0.1"
PORT = 8000
PORTS_TO_TRY = 20
BACKLOG = 2048
WEB_SECONDS = 60  # a cold import on a slow disk
WORKER_SECONDS = 60
LOOK_EVERY = 0.1  # seconds between looks at processes and logs
REPLACED_BY_RESET = ("postgres", "valkey", "logs", "files", "secret_key", "env")
DEMO_PASSWORD = "tend-demo-2026"
DEMO_LOGINS = (("vera@kestrel.example", "admin"), ("max@kestrel.example", "manager"), ("mara@kestrel.example", "CSM"))


class StopRequested(BaseException):
    """Ctrl-C, SIGTERM or SIGHUP: not a failure, and nothing on the way may swallow it."""


def dev(arguments: Sequence[str]) -> int:
    """Run the stack until it is told to stop (0) or a part of it dies (1)."""
    options = _options(arguments)
    data = data_folder(options.data)
    os.environ["TEND_DATA"] = str(data.root)
    lock = FileLock(data.stack_lock)
    if not _become_the_stack(lock):
        return 1
    stack = Stack(data, options)
    failure = "see the messages above"
    try:
        with _stopped_by_signals():
            stack.start(lock)
            failure = ""
            return stack.check() if options.check else stack.watch()
    except StopRequested:
        failure = "interrupted"
        return 1 if options.check else 0
    except (StackError, commands.BadSettingError) as error:
        failure = str(error)
        tell(failure)
        return 1
    finally:
        _ignore_signals()
        stack.stop()
        if options.check:
            stack.report(failure)
        lock.close()


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="manage.py dev", description="Start Tend with everything it needs.")
    parser.add_argument("--port", type=int, help=f"port of the web server (default: {PORT}, or the next free one)")
    parser.add_argument("--data", help="data folder (default: TEND_DATA, or .data in the checkout)")
    parser.add_argument("--reset", action="store_true", help="delete the data and begin anew")
    parser.add_argument("--no-demo", action="store_true", help="do not load the demo company into an empty database")
    parser.add_argument("--reload", action="store_true", help="restart the web server when code changes")
    parser.add_argument("--check", action="store_true", help="start, test, print one JSON line, stop")
    return parser.parse_args(arguments)


def _become_the_stack(lock: FileLock) -> bool:
    """Take the lock; wait for commands that use the database, give way to another `dev`."""
    if lock.try_take_patiently():
        return True
    holder = lock.holder()
    if holder and holder.note == running.COMMANDS:
        tell("Another command is using the database; starting when it has finished.")
        lock.take()
        return True
    where = holder.note if holder and holder.note else "about to print its address"
    say(f"Already running: {where} (pid {holder.pid if holder else 'unknown'})")
    return False


class _stopped_by_signals:  # noqa: N801 - reads as a verb where it is used
    """Inside the block the three stopping signals raise StopRequested."""

    def __enter__(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._stop)

    def __exit__(self, *_details: object) -> None:
        _ignore_signals()

    def _stop(self, number: int, _frame: FrameType | None) -> NoReturn:
        _ignore_signals()
        raise StopRequested(number)


def _ignore_signals() -> None:
    """Stopping is under way and short; a second Ctrl-C must not leave half of it running."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


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
            self._prepare()
            self._announce()
            self._start_web(listener)
            self._start_worker()
        self._wait_for("web", lambda: answers(f"{self.url}/healthz"), WEB_SECONDS)
        self.ready_seconds = time.monotonic() - self.began

    def watch(self) -> int:
        """Show where to go, then the logs, until a service dies."""
        say(f"Tend is ready: {self.url}   {self._logins()}")
        say(f"Data and logs are in {self.data.root}. Ctrl-C stops everything.")
        view = LogView([(service.name, service.log) for service in self.running])
        while True:
            view.show()
            for service in self.running:
                if (code := service.exit_code()) is not None:
                    view.show()
                    tell(f"{service.name} stopped unexpectedly ({_how(code)}). Its log: {service.log}")
                    tell("Stopping the rest. The next start recovers by itself.")
                    return 1
            processes.pause(LOOK_EVERY)

    def check(self) -> int:
        """For scripts: is everything well? One JSON line, and 0 or 1."""
        self._wait_for("worker", self._worker_answers, WORKER_SECONDS)
        for page in ("/readyz", "/"):  # a stranger is led from / to the login page
            if not answers(self.url + page):
                message = f"{self.url}{page} does not answer with 200. See {self.data.logs}/web.log"
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
        for name in REPLACED_BY_RESET:
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
            postgres = Postgres(self.data.postgres, self.data.postgres_sockets, self.data.logs / "postgres.log")
            if not postgres.cluster.exists():
                tell("Making the database ...")
            self._run("postgres", postgres)
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
        import django

        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
        django.setup()
        from config.devstack import prepare

        prepare.migrate_if_needed()
        if not self.options.no_demo and prepare.has_demo_command() and not prepare.has_users():
            tell("Loading the demo company ...")
            prepare.load_demo()
        self._people = [f"{email} ({role})" for email, role in DEMO_LOGINS if prepare.has_user(email)]
        self._anybody = prepare.has_users()
        self._queues = prepare.queues()
        self._worker_answers: Callable[[], bool] = prepare.worker_answers
        prepare.hang_up()

    def _announce(self) -> None:
        names = ("DATABASE_URL", "REDIS_URL", "SITE_URL")
        running.announce(self.data, {name: os.environ[name] for name in names if name in os.environ})

    def _logins(self) -> str:
        if self._people:
            return f"Sign in as {', '.join(self._people)}; password {DEMO_PASSWORD}"
        if self._anybody:
            return "Sign in with your e-mail address."
        return "Nobody can sign in yet: python3 manage.py create_user you@example.com --role admin"

    def _start_web(self, listener: socket.socket) -> None:
        number = listener.fileno()
        argv = [
            sys.executable, "-m", "gunicorn", "config.wsgi:application", "--bind", f"fd://{number}",
            "--workers", "1", "--threads", "8", "--worker-class", "gthread", "--graceful-timeout", "2",
            "--no-control-socket", "--log-level", "warning",
            "--access-logfile", "-", "--access-logformat", "%(m)s %(U)s %(s)s %(B)sB %(M)sms",
        ]  # fmt: skip
        if self.options.reload:
            listener.close()
            argv = [sys.executable, "manage.py", "runserver", self.url.removeprefix("http://")]
        self._spawn(
            "web",
            argv,
            environment={"STATEMENT_TIMEOUT_S": "15"},  # seconds: nobody waits longer for a page
            death_signal=signal.SIGTERM if self.options.reload else signal.SIGQUIT,
            pass_fds=() if self.options.reload else (number,),
        )

    def _start_worker(self) -> None:
        argv = [
            sys.executable, "-m", "celery", "--quiet", "--app", "config.celery", "worker", "--beat",
            "--schedule", self.data.beat_schedule, "--concurrency", "2", "--queues", self._queues,
            "--loglevel", "WARNING", "--without-gossip", "--without-mingle", "--without-heartbeat",
        ]  # fmt: skip
        # Celery warns root in ten lines; here root is the only user of a machine or container of its own.
        environment = {"PYTHONWARNINGS": "ignore:You're running the worker with superuser"}
        self._spawn("worker", argv, environment=environment, stop_seconds=15, death_signal=signal.SIGQUIT)

    def _spawn(
        self, name: str, argv: Sequence[str | Path], *, environment: dict[str, str] | None = None, **how: object
    ) -> None:
        env = os.environ | {"PYTHONUNBUFFERED": "1", "NO_BOOTSTRAP": "1"} | (environment or {})
        service = processes.Service(name, argv, self.data.logs / f"{name}.log", env, ROOT, **how)
        self.states[name] = "starting"
        service.start()
        self.running.append(service)

    def _wait_for(self, name: str, condition: Callable[[], bool], seconds: float) -> None:
        def ended() -> list[processes.Service]:
            return [service for service in self.running if service.exit_code() is not None]

        ready = False
        deadline = time.monotonic() + seconds
        while not ready and not ended() and time.monotonic() < deadline:
            ready = condition()
            if not ready:
                processes.pause(LOOK_EVERY)
        for service in ended():
            self.states[service.name] = "failed"
            code, end = service.exit_code() or 0, processes.last_lines(service.log)
            message = f"{service.name} ended while starting ({_how(code)}). Its log: {service.log}\n{end}"
            raise StackError(message)
        if not ready:
            message = f"{name} did not become ready within {seconds:.0f} s. Its log: {self.data.logs}/{name}.log"
            raise StackError(message)
        self.states[name] = "ok"


def reserve_port(wanted: int | None) -> socket.socket:
    """A listening socket: on the wanted port, or on the first free one of 20. Browsers queue until we are ready."""
    for port in [wanted] if wanted is not None else range(PORT, PORT + PORTS_TO_TRY):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
            listener.listen(BACKLOG)
        except (OSError, OverflowError) as error:
            listener.close()
            if wanted is not None:
                why = getattr(error, "strerror", None) or "not between 0 and 65535"
                message = f"Port {wanted} cannot be used: {why}. Choose another with --port, or leave --port out."
                raise StackError(message) from error
        else:
            if port not in {wanted, PORT}:
                tell(f"Port {PORT} is taken; using {port}.")
            return listener
    message = f"Ports {PORT} to {PORT + PORTS_TO_TRY - 1} are all taken. Name a free one with --port."
    raise StackError(message)


def answers(url: str) -> bool:
    """Whether the page comes with status 200, after redirects."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # this machine, never through a proxy
    try:
        with opener.open(url, timeout=10) as response:
            return response.status == 200  # noqa: PLR2004 - the name of the status is its number
    except (urllib.error.URLError, OSError):
        return False


def _how(code: int) -> str:
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
