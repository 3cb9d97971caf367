"""Child processes that never outlive us: started in their own group, stopped by their own signal, logged to a file."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from config.devstack.signals import pause

PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
KILL_GRACE_S = 2.0  # a killed group needs a moment until the kernel has reaped it
LOG_KEEP_BYTES = 5_000_000  # a larger log is put aside at the next start


def _die_with_parent(parent: int, death_signal: int) -> Callable[[], None] | None:
    """For `preexec_fn`: the kernel sends `death_signal` once our parent is gone, even by kill -9. Linux only."""
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(
        None, use_errno=True
    ).prctl  # looked up before the fork: only async-safe work after it

    def arm() -> None:
        prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
        if os.getppid() != parent:  # it died before we asked
            os.kill(os.getpid(), signal.SIGKILL)

    return arm


@dataclass
class Service:
    """One long-running program of the stack."""

    name: str
    argv: Sequence[str | Path]
    log: Path
    env: Mapping[str, str]
    cwd: Path
    stop_signal: int = signal.SIGTERM
    stop_seconds: float = 5.0
    death_signal: int = signal.SIGTERM
    user: int | None = None  # user id to run as, when we are root
    group: int | None = None
    pass_fds: Sequence[int] = ()
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def start(self) -> subprocess.Popen[bytes]:
        """Start it. Call from the main thread: the death signal is bound to the starting thread."""
        put_aside(self.log)
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                [os.fspath(part) for part in self.argv],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                cwd=self.cwd,
                env=dict(self.env),
                start_new_session=True,
                preexec_fn=_die_with_parent(os.getpid(), self.death_signal),  # noqa: PLW1509 - before-bootstrap
                pass_fds=self.pass_fds,
                **as_user(self.user, self.group),
            )
        return self.process

    @property
    def pid(self) -> int | None:
        return self.process.pid if self.process else None

    def exit_code(self) -> int | None:
        """None while it runs."""
        return self.process.poll() if self.process else None

    def run_to_end(self, meanwhile: Callable[[], None] | None = None) -> int:
        """Start it and wait, calling `meanwhile` now and then; when we are stopped, nothing of its group is left."""
        process = self.start()
        try:
            while (code := process.poll()) is None:
                pause(0.03)
                if meanwhile:
                    meanwhile()
            return code
        finally:
            kill_group(process.pid)
            process.wait(KILL_GRACE_S)

    def ask_to_stop(self) -> None:
        """Send the stop signal to the main process; its children are its own business."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(self.stop_signal)

    def stop(self) -> None:
        """Stop it in good order, or by force after `stop_seconds`; afterwards nothing of its group is left."""
        if self.process is None:
            return
        self.ask_to_stop()
        try:
            self.process.wait(self.stop_seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
        kill_group(self.process.pid)
        self.process.wait(KILL_GRACE_S)


def as_user(user: int | None, group: int | None) -> dict[str, Any]:
    """Popen's arguments for another user, without any of root's groups."""
    return {} if user is None else {"user": user, "group": group, "extra_groups": []}


def kill_group(group: int) -> None:
    """End what is left of a process group."""
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return  # empty; macOS says "not permitted" for a group of zombies


def put_aside(log: Path) -> None:
    """Keep one older log and start a new file when this one has grown large."""
    if log.exists() and log.stat().st_size > LOG_KEEP_BYTES:
        log.replace(log.with_suffix(".log.1"))


def last_lines(log: Path, count: int = 12) -> str:
    """The end of a log, for an error message."""
    if not log.exists():
        return ""
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-count:])
