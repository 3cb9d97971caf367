"""File locks that the system frees when their holder dies, however it dies."""

import fcntl
import os
from dataclasses import dataclass
from pathlib import Path

from config.devstack.signals import until

PROBE_SECONDS = 0.5  # others look at a lock by holding it shared for a moment


@dataclass(frozen=True)
class Holder:
    """Who has a lock, in its own words."""

    pid: int
    note: str


class FileLock:
    """`flock` on a file; its holder signs it so that others can say who has it."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)

    def take(self, *, shared: bool = False) -> None:
        """Wait until the lock is ours."""
        fcntl.flock(self._file, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)

    def try_take(self, *, shared: bool = False) -> bool:
        """Take it when it is free."""
        try:
            fcntl.flock(self._file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def try_take_patiently(self) -> bool:
        """Take it when nobody keeps it; a passing look of somebody else does not count."""
        return until(self.try_take, seconds=PROBE_SECONDS)

    def sign(self, note: str) -> None:
        """Write who we are and what for; only with the exclusive lock."""
        os.truncate(self._file, 0)
        os.pwrite(self._file, f"{os.getpid()} {note}".encode(), 0)

    def holder(self) -> Holder | None:
        """Who holds it exclusively, None when nobody does."""
        if self.try_take(shared=True):
            fcntl.flock(self._file, fcntl.LOCK_UN)
            return None
        pid, _, note = os.pread(self._file, 1000, 0).decode().partition(" ")
        return Holder(int(pid) if pid.isdigit() else 0, note)

    def close(self) -> None:
        """Free the lock and forget the file."""
        os.close(self._file)
