"""What a fresh or updated database needs before Tend runs on it, in a process of its own.

python -m config.devstack.prepare database [--demo]: migrate, fill; the last line is JSON.
python -m config.devstack.prepare worker: wait until a worker takes work.
"""

import json
import os
import sys

import django
from django.contrib.auth import get_user_model
from django.core.management import call_command, get_commands
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from config.celery import app
from config.devstack.demo import LOGINS
from config.devstack.paths import data_folder
from config.devstack.signals import until

WORKER_SECONDS = 60


def migrate_if_needed() -> None:
    """Apply what is pending; quick when there is nothing to do."""
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        call_command("migrate", interactive=False, verbosity=0)
        call_command("createcachetable", verbosity=0)


def prepare_database(*, demo: bool) -> dict[str, object]:
    """Migrate, load the demo company into an empty database; say who can sign in and which queues need a worker."""
    migrate_if_needed()
    users = get_user_model().objects
    if demo and "demo" in get_commands() and not users.exists():
        sys.stdout.write("Loading the demo company ...\n")
        sys.stdout.flush()
        unfinished = data_folder().demo_unfinished
        unfinished.touch()
        call_command("demo")
        unfinished.unlink()
    routed = {route["queue"] for route in app.conf.task_routes.values()}
    return {
        "anybody": users.exists(),
        "demo": list(users.filter(email__in=LOGINS).values_list("email", flat=True)),
        "queues": sorted({app.conf.task_default_queue, *routed}),
    }


def worker_answers() -> bool:
    """Whether a worker is connected and takes work."""
    return bool(app.control.ping(timeout=0.5))


def main(purpose: str, *options: str) -> int:
    """0 when it is done."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    if purpose == "worker":  # which needs the broker alone
        return 0 if until(worker_answers, seconds=WORKER_SECONDS) else 1
    django.setup()
    found = prepare_database(demo="--demo" in options)
    sys.stdout.write(json.dumps(found) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
