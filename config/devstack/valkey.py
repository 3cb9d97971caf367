"""An embedded Valkey: the message broker, append-only, on a Unix socket of its own."""

import contextlib
import os
import socket
import time

from config.devstack import binaries, processes
from config.devstack.paths import DataFolder, StackError, private_folder
from config.devstack.signals import pause, until

START_SECONDS = 20
STOP_SECONDS = 5


class Valkey:
    """One server for one data folder."""

    def __init__(self, data: DataFolder) -> None:
        self.socket = data.valkey_socket
        self.folder = data.valkey
        self.log = data.logs / "valkey.log"
        self.service: processes.Service | None = None

    @property
    def url(self) -> str:
        """For REDIS_URL, in the form Celery's broker reads."""
        return f"redis+socket://{self.socket}"

    def start(self) -> None:
        """Start it and wait until it answers."""
        private_folder(self.socket.parent, os.geteuid())
        self.folder.mkdir(mode=0o700, exist_ok=True)
        self._end_leftover()
        options = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "dir": str(self.folder),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            "maxmemory-policy": "noeviction",  # an evicted message would be lost silently
            "daemonize": "no",
            "loglevel": "warning",
        }
        self.service = processes.Service(
            name="valkey",
            argv=[
                binaries.valkey_program(),
                *(part for key, value in options.items() for part in (f"--{key}", value)),
            ],
            log=self.log,
            env=os.environ,
            cwd=self.folder,
            stop_seconds=STOP_SECONDS,
        )
        self.service.start()
        deadline = time.monotonic() + START_SECONDS
        while not self.answers():
            if self.service.exit_code() is not None or time.monotonic() > deadline:
                message = f"Valkey did not start. See {self.log}:\n{processes.last_lines(self.log)}"
                raise StackError(message)
            pause(0.03)

    def stop(self) -> None:
        """Stop it; the append-only file keeps what was queued."""
        if self.service:
            self.service.stop()
        with contextlib.suppress(OSError):
            self.socket.parent.rmdir()

    def answers(self) -> bool:
        """Whether a server speaks on our socket; one that still loads its file does not count."""
        return self._ask(b"PING\r\n").startswith(b"+PONG")

    def _end_leftover(self) -> None:
        """A server that outlived its supervisor would hold the append-only file."""
        if self.answers():
            self._ask(b"SHUTDOWN\r\n")
            until(lambda: not self.answers(), seconds=STOP_SECONDS)
        self.socket.unlink(missing_ok=True)

    def _ask(self, command: bytes) -> bytes:
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(2)
                connection.connect(os.fspath(self.socket))
                connection.sendall(command)
                return connection.recv(100)
        except OSError:
            return b""
