"""An embedded PostgreSQL, driven directly: make the cluster, run it on a Unix socket, stop it."""

import contextlib
import os
import pwd
import shutil
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import psycopg

from config.devstack import binaries, processes
from config.devstack.paths import DataFolder, StackError, private_folder
from config.devstack.signals import pause, until

SUPERUSER = "tend"
DATABASE = "tend"
START_SECONDS = 60  # crash recovery after kill -9 replays up to max_wal_size
STOP_SECONDS = 15
LEFTOVER_SECONDS = 10
PROCESS_TABLE = Path("/proc")
COMMON = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "60",
    "jit": "off",  # plans of short queries lose more by compiling than they win
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
    "log_checkpoints": "off",
    "cluster_name": "tend",
}
DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
THROW_AWAY = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "dynamic_shared_memory_type": "mmap",  # files of the cluster, gone with its folder
}


def server_user() -> tuple[int, int] | None:
    """PostgreSQL refuses to run as root: then it runs as `nobody` (user id, group id)."""
    if os.geteuid() != 0:
        return None
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        return (65534, 65534)
    return (nobody.pw_uid, nobody.pw_gid)


@dataclass
class Postgres:
    """One cluster in `folder`/cluster, reachable through a socket in `sockets`."""

    folder: Path
    sockets: Path
    log: Path
    durable: bool = True
    more: Mapping[str, str] = field(default_factory=dict)  # settings that win over ours
    service: processes.Service | None = field(default=None, init=False)

    @classmethod
    def of(cls, data: DataFolder) -> "Postgres":
        """The one of this data folder."""
        return cls(data.postgres, data.postgres_sockets, data.logs / "postgres.log")

    @property
    def cluster(self) -> Path:
        return self.folder / "cluster"

    def url(self, database: str = DATABASE) -> str:
        """For DATABASE_URL and for psql."""
        return f"postgres://{SUPERUSER}@{quote(str(self.sockets), safe='')}/{database}"

    def start(self) -> None:
        """Make the cluster if there is none, start it and wait until it answers."""
        user = server_user()
        owner = user[0] if user else os.geteuid()
        programs = binaries.postgres_programs()
        if user:
            programs = binaries.reachable_copy(programs)
        private_folder(self.folder, owner)
        private_folder(self.sockets, owner)
        self._make_cluster(programs, user)
        self._stop_leftover()
        settings = (
            COMMON
            | (DURABLE if self.durable else THROW_AWAY)
            | self.more
            | {"unix_socket_directories": str(self.sockets)}
        )
        command: list[str | Path] = [programs / "postgres", "-D", self.cluster]
        for key, value in settings.items():
            command += ["-c", f"{key}={value}"]
        # Killed at once with its parent: the write-ahead log brings it back at the next start.
        self.service = self._service("postgres", command, user, death_signal=signal.SIGQUIT)
        self.service.stop_signal = signal.SIGINT if self.durable else signal.SIGQUIT
        self.service.stop_seconds = STOP_SECONDS
        self.service.start()
        self._wait_until_ready()
        self._make_database()

    def stop(self) -> None:
        """Stop it; committed work is kept."""
        if self.service:
            self.service.stop()
        with contextlib.suppress(OSError):
            self.sockets.rmdir()

    def _service(
        self, name: str, command: Sequence[str | Path], user: tuple[int, int] | None, *, death_signal: int
    ) -> processes.Service:
        return processes.Service(
            name,
            command,
            self.log,
            _environment(),
            self.folder,
            death_signal=death_signal,
            user=user[0] if user else None,
            group=user[1] if user else None,
        )

    def empty(self) -> None:
        """Throw the database's content away; for one that was never filled to the end."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
        self._make_database()

    def _make_cluster(self, programs: Path, user: tuple[int, int] | None) -> None:
        """`initdb` under another name first, so that an interrupted one is never taken for a cluster."""
        if self.cluster.exists():
            self._check_version(programs)
            return
        for half_made in self.folder.glob("making-*"):
            shutil.rmtree(half_made)
        making = self.folder / f"making-{os.getpid()}"
        command = [
            programs / "initdb",
            f"--pgdata={making}",
            f"--username={SUPERUSER}",
            "--auth=trust",  # the socket's folder lets only its owner in
            "--encoding=UTF8",
            "--locale=C",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--data-checksums",
            "--no-instructions",
            *(() if self.durable else ("--no-sync",)),
        ]
        if self._service("initdb", command, user, death_signal=signal.SIGKILL).run_to_end():
            message = f"PostgreSQL could not make its data folder. See {self.log}:\n{processes.last_lines(self.log)}"
            raise StackError(message)
        making.rename(self.cluster)

    def _check_version(self, programs: Path) -> None:
        have = (self.cluster / "PG_VERSION").read_text(encoding="ascii").strip()
        want = str(binaries.postgres_version(binaries.postgres_programs())[0])
        if have == want:
            return
        message = (
            f"The data in {self.cluster} was made by PostgreSQL {have}, but this installation has {want}. "
            f"Start the old version once more (TEND_POSTGRES_BIN=/path/to/postgresql-{have}/bin), save the data with "
            f"`pg_dump --format=custom`, move {self.cluster} away, start again and load it with `pg_restore`. "
            f"The new programs are in {programs}. Or begin anew: python3 manage.py dev --reset"
        )
        raise StackError(message)

    def _stop_leftover(self) -> None:
        """End what outlived its supervisor on this cluster, then forget a pid that now belongs to another program.

        The note of a dead server stays: PostgreSQL finds the shared memory to clean by it.
        """
        note = self.cluster / "postmaster.pid"
        if not note.exists():
            return
        main = note.read_text(encoding="ascii").split("\n", 1)[0]
        for how in (signal.SIGTERM, signal.SIGQUIT, signal.SIGKILL):
            self._signal_leftover(how, main)
            if until(lambda: not servers_on(self.cluster), seconds=LEFTOVER_SECONDS):
                break
        if not main.isdigit() or (PROCESS_TABLE / main).exists():
            note.unlink(missing_ok=True)  # safe only because nobody was found on the cluster

    def _signal_leftover(self, how: signal.Signals, main: str) -> None:
        """Without their main server the rest are sessions: SIGINT would only cancel what they are doing."""
        found = servers_on(self.cluster)
        alone = [pid for pid in found if str(pid) == main] if how == signal.SIGTERM else []
        for pid in alone or found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGINT if alone else how)

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            if self.service is None or self.service.exit_code() is not None:
                message = (
                    f"PostgreSQL stopped while starting. See {self.log}:\n{processes.last_lines(self.log)}"
                )
                raise StackError(message)
            try:
                with psycopg.connect(self.url("postgres"), connect_timeout=2) as connection:
                    connection.execute("SELECT 1")
            except psycopg.OperationalError as error:
                if time.monotonic() > deadline:
                    message = f"PostgreSQL did not answer within {START_SECONDS} s: {error}See {self.log}"
                    raise StackError(message) from error
                pause(0.03)
            else:
                return

    def _make_database(self) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
            if not known:
                connection.execute(f"CREATE DATABASE {DATABASE}")


def _environment() -> dict[str, str]:
    """The caller's environment without PostgreSQL's own variables and in plain language."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PG", "LC_", "LANG"))}
    return kept | {"LC_ALL": "C", "TZ": "UTC"}


def servers_on(cluster: Path) -> list[int]:
    """The PostgreSQL processes that work in this cluster; where there is no /proc the server looks for itself."""
    found = []
    for entry in PROCESS_TABLE.glob("[0-9]*"):
        try:
            named = (entry / "comm").read_text().strip() == "postgres"
            if named and (entry / "cwd").readlink() == cluster:
                found.append(int(entry.name))
        except OSError:
            continue  # ended meanwhile, or another user's
    return found
