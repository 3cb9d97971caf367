"""The stack that runs now: its addresses in `<data>/env`, valid while its lock is held."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping

from config.devstack import processes
from config.devstack.locks import FileLock
from config.devstack.logs import tell
from config.devstack.paths import ROOT, DataFolder, StackError
from config.devstack.signals import pause, until

COMMANDS = "commands"  # the note of a keeper in the lock; `dev` signs with its address
PATIENCE_SECONDS = 3  # then we tell what we wait for
GOODBYE_SECONDS = 2.0  # for the keeper to stop PostgreSQL; longer when other commands still use it


def announce(data: DataFolder, urls: Mapping[str, str]) -> None:
    """Write the addresses for other processes of the same user."""
    fresh = data.env_file.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    lines = {"STACK_PID": str(os.getpid()), **urls}
    with os.fdopen(os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
        file.writelines(f"{key}={value}\n" for key, value in lines.items())
    fresh.replace(data.env_file)


def forget(data: DataFolder) -> None:
    """Take the addresses back."""
    data.env_file.unlink(missing_ok=True)


def addresses(data: DataFolder, lock: FileLock) -> dict[str, str]:
    """What the running stack announced; empty when there is none or it is not ready yet."""
    holder = lock.holder()
    if holder is None:
        return {}
    try:
        lines = data.env_file.read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    found = dict(line.split("=", 1) for line in lines if "=" in line)
    return found if found.pop("STACK_PID", "") == str(holder.pid) else {}


@contextlib.contextmanager
def database(data: DataFolder) -> Iterator[dict[str, str]]:
    """The addresses of a running PostgreSQL for as long as the block runs, started for it when there is none."""
    users = FileLock(data.users_lock)
    users.take(shared=True)  # waits only while a keeper is stopping
    lock = FileLock(data.stack_lock)
    keeper: subprocess.Popen[bytes] | None = None

    def serving() -> bool:
        nonlocal keeper
        if addresses(data, lock):
            return True
        if keeper is not None and keeper.poll():
            raise StackError(processes.last_lines(data.logs / "commands.log"))
        if lock.holder() is None and (keeper is None or keeper.poll() is not None):
            keeper = _start_keeper(data)
        return False

    if not until(serving, seconds=PATIENCE_SECONDS):
        tell("Waiting for the database, which is being started ...")
        while not serving():
            pause(0.1)
    try:
        yield addresses(data, lock)
    finally:
        users.close()
        if keeper:
            with contextlib.suppress(subprocess.TimeoutExpired):
                keeper.wait(GOODBYE_SECONDS)


def _start_keeper(data: DataFolder) -> subprocess.Popen[bytes]:
    data.logs.mkdir(mode=0o700, exist_ok=True)
    with (data.logs / "commands.log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "config.devstack.keeper", COMMANDS, os.fspath(data.root)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            start_new_session=True,
        )
