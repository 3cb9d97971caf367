"""What `manage.py` was asked for: `dev`, `test`, or one of Django's commands with a database under it."""

import os
import sys
from contextlib import ExitStack

from config.devstack import binaries, running
from config.devstack.locks import FileLock
from config.devstack.paths import DataFolder, StackError, data_folder, secret_key
from config.devstack.postgres import Postgres
from config.devstack.valkey import Valkey
from config.env import BadSettingError

WITHOUT_DATABASE = {
    "bench", "check", "collectstatic", "compilemessages", "diffsettings", "findstatic", "help", "makemessages", "routes",
    "startapp", "startproject", "version",
}  # fmt: skip
# They look at or change the state of the migrations themselves, or bring their own tables.
WITHOUT_MIGRATING = {
    "dbshell", "doctor", "inspectdb", "makemigrations", "migrate", "optimizemigration", "restore", "showmigrations",
    "sqlmigrate", "squashmigrations",
}  # fmt: skip
COMMAND_STATEMENT_SECONDS = "240"  # like the workers; the 15 s of a page would stop a recount
OURS = """\
Tend's own:
    dev     start everything on this machine: python3 manage.py dev --help
    test    run the tests: python3 manage.py test [pytest arguments]
"""


def run(argv: list[str]) -> None:
    """Run the command named in `argv` and leave with its exit code."""
    name = argv[1] if len(argv) > 1 else "help"
    try:
        if name == "dev":
            from config.devstack.launcher import dev

            sys.exit(dev(argv[2:]))
        if name == "test":
            from config.devstack.testing import run_tests

            sys.exit(run_tests(argv[2:]))
        _run_django(name, argv)
    except (StackError, BadSettingError) as error:
        print(error, file=sys.stderr)
        sys.exit(1 if name == "dev" else 2)
    except KeyboardInterrupt:
        sys.exit(130)


def _run_django(name: str, argv: list[str]) -> None:
    import django
    from django.core.management import execute_from_command_line, get_commands

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    if argv[1:] in ([], ["help"], ["--help"], ["-h"]):
        print(OURS)
    with ExitStack() as stack:
        if not brings_its_own_database():
            data = data_folder()
            use_embedded(data)
            django.setup()  # only then are all commands known
            asks_for_help = not {"-h", "--help", "--version"}.isdisjoint(argv[1:])
            if name in get_commands() and name not in WITHOUT_DATABASE and not asks_for_help:
                addresses = stack.enter_context(running.database(data))
                os.environ.update(addresses)
                served_by_dev = "SITE_URL" in addresses  # which has migrated it
                if not served_by_dev and name not in WITHOUT_MIGRATING:
                    _migrate(data)
        execute_from_command_line(argv)


def brings_its_own_database() -> bool:
    """Production and callers with a server of their own get no embedded database."""
    named = "DATABASE_URL" in os.environ or "DATABASE_URL_FILE" in os.environ
    return named or os.environ.get("TEND_ENV") == "production"


def use_embedded(data: DataFolder) -> None:
    """Point this process, and what it starts, at the embedded services of `data`, running or not."""
    for key in [key for key in os.environ if key.startswith("PG")]:
        del os.environ[key]  # meant for another server
    os.environ.setdefault("TEND_ENV", "dev")
    os.environ.setdefault("TEND_DATA", str(data.root))
    os.environ.setdefault("STATEMENT_TIMEOUT_S", COMMAND_STATEMENT_SECONDS)
    if "SECRET_KEY_FILE" not in os.environ:
        os.environ.setdefault("SECRET_KEY", secret_key(data))
    if not brings_its_own_database():
        os.environ["DATABASE_URL"] = Postgres.of(data).url()
        path = os.environ.get("PATH", os.defpath)  # for psql, pg_dump and pg_restore of the server's version:
        os.environ["PATH"] = os.pathsep.join([path, str(binaries.postgres_programs())])
    os.environ.setdefault("REDIS_URL", Valkey(data).url)


def _migrate(data: DataFolder) -> None:
    """A command of a script may be the first thing that ever runs here."""
    from config.devstack import prepare

    lock = FileLock(data.root / "migrate.lock")
    lock.take()
    try:
        prepare.migrate_if_needed()
    finally:
        lock.close()
