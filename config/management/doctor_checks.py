"""What `doctor` looks at. Each check yields findings; a finding that is not ok says what to do."""

import os
import smtplib
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from kombu import Connection
from kombu.exceptions import KombuError

from config import health
from config.work import pg
from config.work.models import Job, JobState

OK, WARN, FAIL = "ok", "warn", "fail"
OLDEST_POSTGRES = 140_000  # server_version_num of 14.0
SOCKET_BYTES = 107  # the longest path of a Unix socket on Linux; macOS has 103
CLOCK_SKEW_S = 2
SMTP_SECONDS = 5
SECRET_LEAST = 40  # characters
# name: (what it does, example or default)
VARIABLES = {
    "DATABASE_URL": (
        "the PostgreSQL database",
        "postgres://user:password@host:5432/name; unset: embedded, in dev",
    ),
    "REDIS_URL": ("the broker of background work", "redis://host:6379/0; unset: embedded, in dev"),
    "SITE_URL": ("the address people use; every mailed link starts with it", "https://tend.example.com"),
    "SECRET_KEY": ("signs sessions and links; also SECRET_KEY_FILE", "50 random characters"),
    "EMAIL_URL": ("how mail leaves", "smtp://user:password@host:587, smtps://…, outbox:// keeps it inside"),
    "DEFAULT_FROM_EMAIL": ("the sender of service mails", "Tend <tend@example.com>"),
    "TIME_ZONE": ("the organisation's zone until an admin sets another", "Europe/Berlin"),
    "TRUSTED_PROXIES": ("how many proxies of yours stand in front", "1"),
    "TEND_DATA": ("the folder for uploads, logs and the embedded database", ".data in the checkout"),
    "TEND_ENV": ("production (default) or dev", "production"),
}
SECRETS = {"DATABASE_URL", "REDIS_URL", "SECRET_KEY", "EMAIL_URL"}


@dataclass(frozen=True)
class Finding:
    """One line of the report."""

    id: str
    level: str
    found: str
    fix: str = ""


def judged(name: str, good: bool, found: object, fix: str, *, otherwise: str = FAIL) -> Finding:
    """Ok without advice, or the other level with it."""
    return Finding(name, OK, str(found)) if good else Finding(name, otherwise, str(found), fix)


def environment() -> Iterator[Finding]:
    """Every variable; the settings have refused nonsense before we come here."""
    for name, (purpose, example) in VARIABLES.items():
        raw = os.environ.get(name) or ("from a file" if f"{name}_FILE" in os.environ else "")
        yield Finding(f"env.{name}", OK, f"{_shown(name, raw) or 'not set'} ({purpose}; {example})")
    production = settings.PRODUCTION
    address = urlsplit(settings.SITE_URL)
    https = "Set SITE_URL to the https:// address of the proxy in front of Tend."
    yield judged("site.https", address.scheme == "https" or not production, settings.SITE_URL, https)
    hosts = ", ".join(settings.ALLOWED_HOSTS)
    yield judged("site.hosts", address.hostname in settings.ALLOWED_HOSTS, hosts, "Correct SITE_URL.")
    long_enough = len(settings.SECRET_KEY) >= SECRET_LEAST or not production
    longer = f"Make SECRET_KEY at least {SECRET_LEAST} random characters long."
    yield judged("secret.length", long_enough, f"{len(settings.SECRET_KEY)} characters", longer)
    off = "Unset CHAOS: it lets tests break things on purpose."
    yield judged("chaos.off", not settings.CHAOS, "on" if settings.CHAOS else "off", off)


def _shown(name: str, raw: str) -> str:
    """The value without its secret."""
    if name not in SECRETS or not raw:
        return raw
    parts = urlsplit(raw)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}" if parts.scheme else "set"


def database(now: datetime) -> Iterator[Finding]:
    """Version, durability, clock, migrations, broken indexes."""
    found = pg.server_settings("fsync", "synchronous_commit", "full_page_writes", "data_checksums")
    version = connection.pg_version
    yield judged("database.version", version >= OLDEST_POSTGRES, version, "Move to PostgreSQL 14 or newer.")
    for name in ("fsync", "synchronous_commit", "full_page_writes"):
        back_on = f"Set {name} = on in postgresql.conf: without it a power cut can lose or damage data."
        yield judged(f"database.{name}", found[name] != "off", found[name], back_on)
    sums = "Stop the server and run pg_checksums --enable, so that damaged pages are noticed."
    yield judged(
        "database.checksums", found["data_checksums"] == "on", found["data_checksums"], sums, otherwise=WARN
    )
    skew = abs((pg.clock() - now).total_seconds())
    clocks = "Let both machines follow an NTP server."
    yield judged("database.clock", skew <= CLOCK_SKEW_S, f"{skew:.1f} s apart", clocks, otherwise=WARN)
    executor = MigrationExecutor(connection)
    pending = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    yield judged("database.migrations", not pending, f"{pending} pending", "python3 manage.py migrate")
    broken = pg.invalid_indexes()
    again = f"REINDEX INDEX CONCURRENTLY for each of: {', '.join(broken)}."
    yield judged("database.indexes", not broken, f"{len(broken)} invalid", again)


def places() -> Iterator[Finding]:
    """Disk, data folder, socket paths."""
    free = health.readiness()["disk_free_pct"]
    room = "Free some space, or move TEND_DATA to a larger disk."
    yield judged("disk.free", free >= health.DISK_LOW_PCT, f"{free} %", room, otherwise=WARN)
    folder = settings.DATA_DIR
    mode = stat.S_IMODE(folder.stat().st_mode) if folder.exists() else 0o700
    yield judged(
        "data.mode", mode & 0o077 == 0, f"{folder} {mode:04o}", f"chmod 700 {folder}", otherwise=WARN
    )
    host = str(settings.DATABASES["default"].get("HOST") or "")
    if host.startswith("/"):
        length = len(os.fsencode(f"{host}/.s.PGSQL.5432"))
        shorter = "Use a database socket in a folder with a shorter path."
        yield judged("socket.length", length <= SOCKET_BYTES, f"{length} bytes", shorter)


def broker(_now: datetime) -> Iterator[Finding]:
    """Answering, never evicting, keeping its queue over a restart."""
    with Connection(settings.REDIS_URL, connect_timeout=2) as broker_connection:
        try:
            client = broker_connection.default_channel.client
            policy = client.config_get("maxmemory-policy").get("maxmemory-policy", "unknown")
            keeps = client.config_get("appendonly").get("appendonly", "unknown")
        except (OSError, KombuError, *broker_connection.channel_errors) as error:
            start = "Start the broker that REDIS_URL names (`python3 manage.py dev` brings its own)."
            yield Finding(
                "redis.answers", WARN if not settings.PRODUCTION else FAIL, type(error).__name__, start
            )
            return
    yield Finding("redis.answers", OK, "yes")
    yield judged("redis.policy", policy == "noeviction", policy, "set maxmemory-policy noeviction")
    yield judged(
        "redis.persistence", keeps == "yes", f"appendonly {keeps}", "set appendonly yes", otherwise=WARN
    )


def work(now: datetime) -> Iterator[Finding]:
    """Tickers, due and dead jobs, mails of unknown fate."""
    state = health.readiness()
    age = state["tick_age_s"]
    running = age is not None and age <= health.LATE_TICK_S
    start = "Start a worker with beat (`python3 manage.py dev` has one), or run `manage.py tick --once`."
    yield judged("work.tickers", running, "never" if age is None else f"{age} s ago", start, otherwise=WARN)
    late = state["oldest_due_job_s"]
    more = "Look at `manage.py jobs`; start more workers if they are busy."
    yield judged("work.oldest_due", late <= health.LATE_JOB_S, f"{late} s", more, otherwise=WARN)
    dead = Job.objects.filter(state=JobState.DEAD).count()
    yield judged(
        "work.dead_jobs",
        not dead,
        dead,
        "`manage.py jobs` names them; retry with --retry ID.",
        otherwise=WARN,
    )
    uncertain = state["uncertain_mails"]
    decide = "Decide in the outbox whether they arrived; Tend never sends them twice by itself."
    yield judged("mail.uncertain", not uncertain, uncertain, decide, otherwise=WARN)
    free_again = "When all is well: manage.py outbox --release"
    yield judged("mail.hold", state["hold"] is None, state["hold"] or "none", free_again, otherwise=WARN)


def mail_server(_now: datetime) -> Iterator[Finding]:
    """Whether the mail server greets us; nothing is sent."""
    mail = settings.EMAIL
    if mail["transport"] == "outbox":
        yield Finding("smtp.greeting", OK, "outbox:// keeps mail inside")
        return
    client = smtplib.SMTP_SSL if mail["tls"] else smtplib.SMTP
    try:
        with client(mail["host"], mail["port"], timeout=SMTP_SECONDS) as server:
            code, _ = server.noop()
    except (OSError, smtplib.SMTPException) as error:
        yield Finding(
            "smtp.greeting", FAIL, f"{type(error).__name__}: {error}", "Correct EMAIL_URL or its firewall."
        )
    else:
        yield Finding("smtp.greeting", OK, f"answered {code}")


def all_findings(now: datetime) -> list[Finding]:
    """Everything; a part that cannot be looked at becomes a finding itself."""
    found = [*environment()]
    parts: dict[str, Callable[..., Iterator[Finding]]] = {
        "database": database, "places": lambda _now: places(), "broker": broker, "work": work, "smtp": mail_server,
    }  # fmt: skip
    for name, part in parts.items():
        try:
            found += part(now)
        except DatabaseError as error:
            first: Any = str(error).strip().splitlines()
            advice = "Start the database, or correct DATABASE_URL; then `manage.py migrate`."
            found.append(
                Finding(f"{name}.readable", FAIL, first[0] if first else type(error).__name__, advice)
            )
    return found
