"""Typed readers for the environment: nonsense is refused aloud, secrets may come from `<NAME>_FILE`."""

import os
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from zoneinfo import ZoneInfo

import environ

TRUE = frozenset({"1", "true", "yes", "on"})
FALSE = frozenset({"0", "false", "no", "off", ""})


class BadSettingError(ValueError):
    """An environment variable holds something Tend cannot use; the text names it and the fix."""


def text(name: str, default: str = "") -> str:
    """The variable, or the content of the file named by `<name>_FILE`; an unreadable file is refused."""
    path = os.environ.get(f"{name}_FILE")
    if path is None:
        return os.environ.get(name, default)
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        message = f"{name}_FILE={path} cannot be read ({error.strerror}). Fix the path or unset it."
        raise BadSettingError(message) from error


def boolean(name: str, *, default: bool = False) -> bool:
    """on/off, true/false, yes/no, 1/0."""
    raw = os.environ.get(name)
    if raw is None:
        return default
    if raw.lower() in TRUE:
        return True
    if raw.lower() in FALSE:
        return False
    message = f"{name}={raw!r} is neither on nor off. Use 1 or 0."
    raise BadSettingError(message)


def integer(name: str, default: int, *, least: int = 0) -> int:
    """A whole number of at least `least`."""
    raw = os.environ.get(name)
    if raw is None:
        return default
    if not raw.isascii() or not raw.isdigit() or int(raw) < least:
        message = f"{name}={raw!r} is not a whole number of at least {least}."
        raise BadSettingError(message)
    return int(raw)


def site_url(default: str) -> str:
    """The public base address, without a trailing slash; every mailed link starts with it."""
    raw = text("SITE_URL", default).rstrip("/")
    parts = urlsplit(raw)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path or parts.query:
        message = f"SITE_URL={raw!r} must look like https://tend.example.com, without a path."
        raise BadSettingError(message)
    return raw


def time_zone(default: str = "UTC") -> str:
    """An IANA zone name."""
    raw = text("TIME_ZONE", default)
    try:
        ZoneInfo(raw)
    except (KeyError, ValueError, OSError) as error:
        message = f"TIME_ZONE={raw!r} is not an IANA zone such as Europe/Berlin."
        raise BadSettingError(message) from error
    return raw


def database(default: str) -> dict[str, Any]:
    """Django's database settings from DATABASE_URL (`postgres://user:pass@host:port/name`)."""
    raw = text("DATABASE_URL", default)
    if not raw:
        message = (
            "DATABASE_URL is not set. `python3 manage.py dev` sets it; in production name your PostgreSQL."
        )
        raise BadSettingError(message)
    config = dict(environ.Env.db_url_config(raw))
    if "postgres" not in str(config.get("ENGINE")):
        message = "DATABASE_URL must name a PostgreSQL database (postgres://user:password@host:5432/name)."
        raise BadSettingError(message)
    config["ENGINE"] = "django.db.backends.postgresql"
    # The folder of a socket is written with %2F, as libpq reads it.
    config["HOST"] = unquote(str(config.get("HOST", "")))
    return config


def email(default: str) -> dict[str, Any]:
    """EMAIL_URL as {transport: smtp|smtps|outbox, host, port, user, password, starttls}."""
    raw = text("EMAIL_URL", default)
    parts = urlsplit(raw)
    if parts.scheme not in {"smtp", "smtps", "smtp+tls", "outbox"}:
        message = (
            f"EMAIL_URL={raw.split('@')[-1]!r} must be smtp://user:pass@host:port, smtps://… or outbox://."
        )
        raise BadSettingError(message)
    return {
        "transport": "outbox" if parts.scheme == "outbox" else "smtp",
        "tls": parts.scheme == "smtps",
        "starttls": parts.scheme == "smtp+tls",
        "host": parts.hostname or "",
        "port": parts.port or (465 if parts.scheme == "smtps" else 25),
        "user": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
    }
