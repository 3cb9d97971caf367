"""File locks that the system frees when their holder dies, however it dies."""

import fcntl
import os
from pathlib import Path


class FileLock:
    """`flock` on a file that carries the holder's process id for others to read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)

    def take(self, *, shared: bool = False, wait: bool = True) -> bool:
        """Take or change the lock; False when somebody else has it and we do not wait."""
        mode = (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB)
        try:
            fcntl.flock(self._file, mode)
        except BlockingIOError:
            return False
        if not shared:
            os.truncate(self._file, 0)
            os.pwrite(self._file, str(os.getpid()).encode(), 0)
        return True

    def free(self) -> None:
        fcntl.flock(self._file, fcntl.LOCK_UN)

    def close(self) -> None:
        """Free the lock and forget the file."""
        os.close(self._file)


def holder(path: Path) -> int | None:
    """The process that holds the exclusive lock on `path`, or None when it is free."""
    if not path.exists():
        return None
    lock = FileLock(path)
    try:
        if lock.take(shared=True, wait=False):
            return None
        return int(os.pread(lock._file, 20, 0) or 0)  # 0: taken a moment ago, not yet signed
    finally:
        lock.close()
