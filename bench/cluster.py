"""A PostgreSQL of the bench's own: durable, default tuning, never the user's. It is kept, so that data is made once."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import psycopg

from config.devstack.locks import FileLock
from config.devstack.postgres import Postgres

ROOT = Path(__file__).resolve().parent.parent
STATEMENT_S = "1200"  # a full recompute of a million customers is one long run of statements


def home() -> Path:
    """Where the cluster lies: TEND_BENCH_HOME, or a folder of this user in the temporary directory."""
    named = os.environ.get("TEND_BENCH_HOME")
    return Path(named) if named else Path(tempfile.gettempdir()) / f"tend-bench-{os.geteuid()}"


@dataclass(frozen=True, slots=True)
class Cluster:
    """The running server."""

    postgres: Postgres

    def url(self, database: str) -> str:
        return self.postgres.url(database)

    def run(self, sql: str, *, database: str = "postgres") -> None:
        """One statement outside a transaction."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            connection.execute(sql)

    def rows(self, sql: str, *, database: str = "postgres") -> list[tuple[object, ...]]:
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            return connection.execute(sql).fetchall()

    def has(self, database: str) -> bool:
        return bool(self.rows(f"SELECT 1 FROM pg_database WHERE datname = '{database}'"))

    def drop(self, database: str) -> None:
        self.run(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")

    def copy(self, source: str, target: str) -> None:
        """A fresh copy of a database nobody is connected to."""
        self.drop(target)
        self.run(f"CREATE DATABASE {target} TEMPLATE {source} STRATEGY file_copy")

    def migrated(self) -> str:
        """The name of an empty database with all tables as this code wants them; made when it is missing."""
        name = f"empty_{migrations_key()}"
        if not self.has(name):
            making = f"{name}_making"
            self.drop(making)
            self.run(f"CREATE DATABASE {making}")
            subprocess.run(
                [sys.executable, "-m", "django", "migrate", "--verbosity=0"],
                cwd=ROOT,
                env=environment(self.url(making)),
                check=True,
            )
            self.run(f"ALTER DATABASE {making} RENAME TO {name}")
        return name


@contextmanager
def running() -> Iterator[Cluster]:
    """The bench's server until the end of the block; one bench at a time on a machine."""
    folder = home()
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / "lock")
    lock.take()
    postgres = Postgres(folder / "postgres", folder / "sockets", folder / "postgres.log", durable=True)
    try:
        postgres.start()
        yield Cluster(postgres)
    finally:
        postgres.stop()
        lock.close()


def environment(url: str) -> dict[str, str]:
    """What a process of the product needs to work in a database of this cluster."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
    return kept | {
        "DATABASE_URL": url,
        "DJANGO_SETTINGS_MODULE": "config.settings_test",
        "STATEMENT_TIMEOUT_S": STATEMENT_S,
        "PYTHONPATH": str(ROOT),
    }


def migrations_key() -> str:
    """Changes whenever a table may look different."""
    files = sorted(ROOT.glob("*/migrations/*")) + sorted(ROOT.glob("config/*/migrations/*"))
    digest = sha256()
    for path in files:
        if path.is_file() and path.suffix in {".py", ".sql"}:
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:10]
