"""Reading the mailbox that BOUNCE_ADDRESS or the sender's address ends in."""

import argparse
import imaplib
import mailbox
import poplib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from surveys.services import provider_events, status_reports

PATIENCE_S = 30  # seconds for a mail server
MOST_MAILS = 5000  # per call


class Command(BaseCommand):
    help = (
        "Read delivery status reports and complaints from a mailbox and keep them for the ticker. Reading twice changes"
        " nothing. SOURCE: a Maildir folder, an mbox file, - for one mail on standard input, or"
        " imaps://user:password@host/folder, pops://user:password@host."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("source", metavar="SOURCE")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Store what is found; exit 2 when the mailbox cannot be read."""
        now = timezone.now()
        read = told = stored = 0
        try:
            for raw in mails_in(options["source"]):
                reports = status_reports.reports_in(raw, now=now)
                read, told = read + 1, told + len(reports)
                stored += provider_events.store(reports)
        except (OSError, imaplib.IMAP4.error, poplib.error_proto, ValueError) as error:
            message = f"The mailbox cannot be read: {error}. Check address, name and password."
            raise CommandError(message, returncode=2) from error
        self.stdout.write(f"{read} mails read, {told} reports found, {stored} of them new")


def mails_in(source: str) -> Iterator[bytes]:
    """Raw mails of a mailbox; mails on a server stay there, by IMAP marked as read once they were taken."""
    if source == "-":
        yield sys.stdin.buffer.read()
    elif source.startswith(("imap://", "imaps://")):
        yield from _by_imap(source)
    elif source.startswith(("pop://", "pops://")):
        yield from _by_pop(source)
    else:
        yield from _in_folder(Path(source))


def _in_folder(path: Path) -> Iterator[bytes]:
    if not path.exists():
        message = f"there is no {path.name}"
        raise FileNotFoundError(message)
    found: Any = mailbox.Maildir(path, create=False) if path.is_dir() else mailbox.mbox(path, create=False)
    try:
        for key in found.keys()[:MOST_MAILS]:
            yield found.get_bytes(key)
    finally:
        found.close()


def _by_imap(url: str) -> Iterator[bytes]:
    parts = urlsplit(url)
    kind = imaplib.IMAP4_SSL if parts.scheme == "imaps" else imaplib.IMAP4
    server = kind(
        parts.hostname or "", parts.port or (993 if parts.scheme == "imaps" else 143), timeout=PATIENCE_S
    )
    try:
        server.login(unquote(parts.username or ""), unquote(parts.password or ""))
        server.select(f'"{unquote(parts.path.strip("/")) or "INBOX"}"')
        for number in server.search(None, "UNSEEN")[1][0].split()[:MOST_MAILS]:
            for item in server.fetch(number, "(BODY.PEEK[])")[1]:
                if isinstance(item, tuple):
                    yield item[1]
            server.store(number, "+FLAGS", r"(\Seen)")
    finally:
        server.logout()


def _by_pop(url: str) -> Iterator[bytes]:
    parts = urlsplit(url)
    kind = poplib.POP3_SSL if parts.scheme == "pops" else poplib.POP3
    server = kind(
        parts.hostname or "", parts.port or (995 if parts.scheme == "pops" else 110), timeout=PATIENCE_S
    )
    try:
        server.user(unquote(parts.username or ""))
        server.pass_(unquote(parts.password or ""))
        for number in range(1, min(server.stat()[0], MOST_MAILS) + 1):
            yield b"\r\n".join(server.retr(number)[1])
    finally:
        server.quit()
