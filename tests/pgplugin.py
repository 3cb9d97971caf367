"""A throw-away PostgreSQL for the tests, started before the settings are read and gone with us, however we end.

The keeper process owns it: our end of its standard input is the sign that we live.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from config.devstack.locks import FileLock
from config.devstack.paths import ROOT
from config.devstack.postgres import Postgres

MEMORY = Path("/dev/shm")
MEMORY_BYTES = 1 << 30  # below this a full test run could fill the shared memory
PREFIX = "tend-test-"
STALE_SECONDS = 3600


class ThrowAwayCluster:
    """Started at once, waited for when the first test needs it."""

    def __init__(self) -> None:
        roomy = (
            MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > MEMORY_BYTES
        )
        home = MEMORY if roomy else Path("/tmp")
        _sweep(home)
        self.folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=home))
        if os.geteuid() == 0:
            self.folder.chmod(0o755)  # the server runs as nobody, in folders of its own
        postgres = Postgres(self.folder / "pg", self.folder / "s", self.folder / "postgres.log")
        os.environ["DATABASE_URL"] = postgres.url()
        self.keeper = subprocess.Popen(
            [sys.executable, "-m", "config.devstack.keeper", "tests", str(self.folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            start_new_session=True,
        )

    def wait(self) -> None:
        if self.keeper.stdout.readline() != b"ready\n":
            pytest.exit("The throw-away PostgreSQL did not start; its message is above.", returncode=3)

    def stop(self) -> None:
        self.keeper.stdin.close()
        self.keeper.wait()
        os.environ.pop("DATABASE_URL", None)


def _sweep(home: Path) -> None:
    """Clear what a killed keeper left; a live one holds its lock."""
    for folder in home.glob(f"{PREFIX}*"):
        found = folder.stat()
        if found.st_uid == os.geteuid() and time.time() - found.st_mtime > STALE_SECONDS:
            lock = FileLock(folder / "lock")
            if lock.try_take():
                shutil.rmtree(folder, ignore_errors=True)
            lock.close()


_cluster: ThrowAwayCluster | None = None


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(early_config):
    """Before pytest-django reads the settings. A database of the caller's is used as it is; so do xdist's workers."""
    global _cluster  # noqa: PLW0603 - one per process, ended by the hook below
    if "DATABASE_URL" not in os.environ:
        _cluster = ThrowAwayCluster()
        early_config.add_cleanup(_cluster.stop)
    return (yield)


def pytest_sessionstart():
    if _cluster:
        _cluster.wait()
