"""Keeps PostgreSQL alive for others who may die at any time.

python -m config.devstack.keeper commands DATA: while management commands hold the users lock.
python -m config.devstack.keeper tests FOLDER: while our standard input stays open; then FOLDER goes away.
"""

import shutil
import sys
from pathlib import Path

from config.devstack import running
from config.devstack.locks import FileLock
from config.devstack.paths import DataFolder, StackError
from config.devstack.postgres import Postgres


def for_commands(data: DataFolder) -> None:
    """One PostgreSQL for all commands that run now; the last one to end lets us stop it."""
    lock = FileLock(data.stack_lock)
    if not lock.try_take_patiently():
        return  # another keeper, or `dev`, was quicker and serves them
    lock.sign(running.COMMANDS)
    running.forget(data)
    postgres = Postgres.of(data)
    try:
        postgres.start()
        running.announce(data, {"DATABASE_URL": postgres.url()})
        FileLock(data.users_lock).take()
    finally:
        running.forget(data)
        postgres.stop()


def for_tests(folder: Path) -> None:
    """A cluster that need not survive anything, and leaves nothing behind."""
    postgres = Postgres(folder / "pg", folder / "s", folder / "postgres.log", durable=False)
    lock = FileLock(folder / "lock")
    lock.take()
    try:
        postgres.start()
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        sys.stdin.read()
    finally:
        postgres.stop()
        shutil.rmtree(folder, ignore_errors=True)


def main(purpose: str, place: str) -> None:
    """Run until nobody needs us."""
    try:
        if purpose == "tests":
            for_tests(Path(place))
        else:
            for_commands(DataFolder(Path(place)))
    except StackError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main(*sys.argv[1:])
