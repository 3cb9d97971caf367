"""What a fresh or updated database needs before Tend runs on it. Imported only once Django is set up."""

from django.contrib.auth import get_user_model
from django.core.management import call_command, get_commands
from django.db import connection, connections
from django.db.migrations.executor import MigrationExecutor

from config.celery import app


def migrate_if_needed() -> bool:
    """Apply what is pending; False when there was nothing to do."""
    executor = MigrationExecutor(connection)
    if not executor.migration_plan(executor.loader.graph.leaf_nodes()):
        return False
    call_command("migrate", interactive=False, verbosity=0)
    call_command("createcachetable", verbosity=0)
    return True


def has_users() -> bool:
    """Whether anybody could sign in."""
    return get_user_model().objects.exists()


def has_user(email: str) -> bool:
    """Whether this person is there."""
    return get_user_model().objects.filter(email=email).exists()


def has_demo_command() -> bool:
    """Whether this build can make a demo company."""
    return "demo" in get_commands()


def load_demo() -> None:
    """Fill the empty database with the demo company."""
    call_command("demo")


def hang_up() -> None:
    """Close our database connections."""
    connections.close_all()


def queues() -> str:
    """Every queue that a task of ours can land in, for the worker of `dev`."""
    routed = {route["queue"] for route in app.conf.task_routes.values()}
    return ",".join(sorted({app.conf.task_default_queue, *routed}))


def worker_answers() -> bool:
    """Whether a worker is connected and takes work."""
    return bool(app.control.ping(timeout=0.5))
