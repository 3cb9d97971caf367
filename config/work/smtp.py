"""Handing one mail to a server so that a crash never means a second copy.

Order per mail: connect, MAIL, RCPT, DATA, the body without its final dot, then `before_dot()` (the caller commits
"transmitting" there), then the dot, then the reply. Before the dot nothing can have been delivered; after it only
the server's reply says what happened, and no reply means `UNCERTAIN`.
"""

import contextlib
import re
import smtplib
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol
from urllib.parse import urlsplit

from django.conf import settings
from django.db.models.functions import Now

from config.work.faults import fault
from config.work.models import CapturedMail

COMMAND_S = 30  # seconds per command
BODY_S = 60  # seconds from DATA to the end of the body
MAILS_PER_CONNECTION = 100
IDLE_S = 5  # seconds after which a kept connection is asked whether it still lives
CHUNK = 64 * 1024  # bytes per write, so that the body's time limit is noticed
GO_ON = {"mail": (250,), "rcpt": (250, 251), "data": (354,)}  # replies after which the talk continues
OK, TRY_LATER, REFUSED = range(200, 300), range(400, 500), range(500, 600)
_LINE_END = re.compile(rb"\r\n|\r|\n")
_PLAIN = re.compile(r"[\w.+=-]+@[A-Za-z0-9.-]+", re.ASCII)
SERVICE_CLOSING = (421, 432)  # the host asks for a rest

BeforeDot = Callable[[], bool]


class Result(StrEnum):
    ACCEPTED = "accepted"
    DEFERRED = "deferred"  # 4xx, or lost before the dot: certainly not accepted
    BAD_ADDRESS = "bad_address"  # 5xx to RCPT
    POLICY = "policy"  # 5xx to MAIL or DATA, or 5.7.x anywhere before the dot: the server refuses us
    CONTENT = "content"  # 5xx to the dot
    UNREACHABLE = "unreachable"  # no conversation came about: connect, TLS, greeting, HELO
    LOGIN = "login"  # the server refused our credentials
    STOPPED = "stopped"  # before_dot said no: nothing was delivered
    UNCERTAIN = "uncertain"  # the dot went out and no reply came back


@dataclass(frozen=True)
class Outcome:
    """What became of one handing over. `phase` is the last step begun; `code` the reply code if there was one."""

    result: Result
    phase: str
    code: int | None = None
    text: str = ""

    @property
    def wants_rest(self) -> bool:
        return self.code in SERVICE_CLOSING

    @property
    def counts(self) -> bool:
        """Whether the try counts as an attempt: everything from MAIL on does."""
        return self.phase not in {"connect", "login"}


class Transport(Protocol):
    def deliver(self, *, sender: str, recipient: str, raw: bytes, before_dot: BeforeDot) -> Outcome: ...

    def close(self) -> None: ...


def open_transport() -> Transport:
    """The transport named by EMAIL_URL; connects when the first mail is delivered."""
    config = settings.EMAIL
    return OutboxTransport() if config["transport"] == "outbox" else SmtpTransport(config)


class OutboxTransport:
    """The built-in outbox: the mail becomes a row instead of leaving (development and demos)."""

    def deliver(self, *, sender: str, recipient: str, raw: bytes, before_dot: BeforeDot) -> Outcome:  # noqa: ARG002 - test-double
        """Ask `before_dot` and store the mail; the same Message-ID is stored once."""
        if not before_dot():
            return Outcome(Result.STOPPED, "write_ahead")
        headers = raw.split(b"\r\n\r\n", 1)[0].decode("utf-8", "replace").replace("\r\n ", " ").split("\r\n")
        found = dict(line.split(": ", 1) for line in reversed(headers) if ": " in line)
        CapturedMail.objects.update_or_create(
            message_id=found.get("Message-ID", "")[:200],
            defaults={
                "recipient": recipient[:254],
                "subject": found.get("Subject", "")[:300],
                "raw": raw,
                "created_at": Now(),
            },
        )
        return Outcome(Result.ACCEPTED, "reply", 250, "stored in the outbox")

    def close(self) -> None:
        """Nothing is open."""


class _Conversation(smtplib.SMTP):
    """smtplib without delay on small writes; the DATA step is driven from outside."""

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        found = super()._get_socket(host, port, timeout)  # type: ignore[misc]
        found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return found


class _TlsConversation(smtplib.SMTP_SSL):
    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        found = super()._get_socket(host, port, timeout)  # type: ignore[misc]
        found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return found


class SmtpTransport:
    """One connection to one server, reused for up to 100 mails. Not shared between threads."""

    def __init__(self, config: dict[str, Any]) -> None:
        self._config = config
        self._server: smtplib.SMTP | None = None
        self._sent = 0
        self._used_at = 0.0

    def deliver(self, *, sender: str, recipient: str, raw: bytes, before_dot: BeforeDot) -> Outcome:
        """Hand one mail over; never raises for anything the server or the network does."""
        fault("mail.before_connect")
        refused = self._connect()
        if refused is not None:
            return refused
        self._sent += 1
        step = "mail"
        try:
            for step, command in self._envelope(sender, recipient):
                code, text = command()
                if code not in GO_ON[step]:
                    return self._refused(step, code, text)
            step = "body"
            self._send_body(raw)
        except (OSError, smtplib.SMTPException) as error:
            self._drop()
            if step == "mail":  # a kept connection that died meanwhile: no conversation came about
                return Outcome(Result.UNREACHABLE, "connect", None, _words(error))
            return Outcome(Result.DEFERRED, step, None, _words(error))
        return self._dot() if self._allowed(before_dot) else Outcome(Result.STOPPED, "write_ahead")

    def close(self) -> None:
        """Say goodbye if a connection is open."""
        if self._server is not None:
            with contextlib.suppress(OSError, smtplib.SMTPException):
                self._server.quit()
            self._drop()

    def _envelope(self, sender: str, recipient: str) -> list[tuple[str, Callable[[], tuple[int, bytes]]]]:
        server = self._server
        assert server is not None  # noqa: S101 - third-party-type
        return [
            ("mail", lambda: server.docmd("MAIL", f"FROM:{_bracketed(sender)}")),
            ("rcpt", lambda: server.docmd("RCPT", f"TO:{_bracketed(recipient)}")),
            ("data", lambda: server.docmd("DATA")),
        ]

    def _allowed(self, before_dot: BeforeDot) -> bool:
        """Ask the caller; anything but yes closes the socket without dot or QUIT, so the server delivers nothing."""
        allowed = False
        try:
            fault("mail.before_write_ahead")
            allowed = before_dot()
            fault("mail.after_write_ahead")
        finally:
            if not allowed:
                self._drop()
        return allowed

    def _connect(self) -> Outcome | None:
        if self._server is not None and self._still_alive():
            return None
        self._drop()
        phase = "connect"
        try:
            server = self._greet()
            self._server, self._sent = server, 0
            phase = "login"
            if self._config["user"]:
                server.login(self._config["user"], self._config["password"])
        except smtplib.SMTPAuthenticationError as error:
            self._drop()
            temporary = error.smtp_code in TRY_LATER
            return Outcome(
                Result.UNREACHABLE if temporary else Result.LOGIN,
                phase,
                error.smtp_code,
                _words(error.smtp_error),
            )
        except (OSError, smtplib.SMTPException) as error:
            self._drop()
            code = getattr(error, "smtp_code", None)
            return Outcome(Result.UNREACHABLE, phase, code, _words(error))
        return None

    def _greet(self) -> smtplib.SMTP:
        config = self._config
        hello = urlsplit(settings.SITE_URL).hostname or "localhost"
        if config["tls"]:
            server: smtplib.SMTP = _TlsConversation(
                config["host"],
                config["port"],
                local_hostname=hello,
                timeout=COMMAND_S,
                context=ssl.create_default_context(),
            )
        else:
            server = _Conversation(config["host"], config["port"], local_hostname=hello, timeout=COMMAND_S)
        server.ehlo_or_helo_if_needed()
        if config["starttls"]:
            server.starttls(context=ssl.create_default_context())
            server.ehlo()
        return server

    def _still_alive(self) -> bool:
        server = self._server
        if server is None or self._sent >= MAILS_PER_CONNECTION:
            self.close()
            return False
        if time.monotonic() - self._used_at < IDLE_S:
            return True
        try:
            return server.noop()[0] in OK
        except (OSError, smtplib.SMTPException):
            return False

    def _send_body(self, raw: bytes) -> None:
        server = self._server
        assert server is not None and server.sock is not None  # noqa: S101, PT018 - third-party-type
        body = _stuffed(raw)
        ends = time.monotonic() + BODY_S
        for start in range(0, len(body), CHUNK):
            left = ends - time.monotonic()
            if left <= 0:
                raise TimeoutError("the server took the text too slowly")
            server.sock.settimeout(left)
            server.send(body[start : start + CHUNK])

    def _dot(self) -> Outcome:
        server = self._server
        assert server is not None and server.sock is not None  # noqa: S101, PT018 - third-party-type
        try:
            server.sock.settimeout(settings.MAIL_REPLY_S)
            server.send(b".\r\n")
            fault("mail.after_dot")
            code, text = server.getreply()
        except (OSError, smtplib.SMTPException) as error:
            self._drop()
            return Outcome(Result.UNCERTAIN, "dot", None, _words(error))
        fault("mail.after_reply")
        self._used_at = time.monotonic()
        server.sock.settimeout(COMMAND_S)
        if code in OK:
            return Outcome(Result.ACCEPTED, "reply", code, _words(text))
        self._drop_if_closing(code)
        if code in TRY_LATER:
            return Outcome(Result.DEFERRED, "reply", code, _words(text))
        if code in REFUSED:
            return Outcome(Result.CONTENT, "reply", code, _words(text))
        self._drop()
        return Outcome(Result.UNCERTAIN, "reply", code, _words(text))

    def _refused(self, step: str, code: int, text: bytes) -> Outcome:
        """A 4xx or 5xx before the body: nothing was accepted."""
        words = _words(text)
        self._used_at = time.monotonic()
        self._drop_if_closing(code)
        if self._server is not None:
            try:
                self._server.rset()
            except (OSError, smtplib.SMTPException):
                self._drop()
        if code not in REFUSED:
            return Outcome(Result.DEFERRED, step, code, words)
        address = step == "rcpt" and not words.startswith("5.7.")
        return Outcome(Result.BAD_ADDRESS if address else Result.POLICY, step, code, words)

    def _drop_if_closing(self, code: int) -> None:
        if code in SERVICE_CLOSING:
            self._drop()

    def _drop(self) -> None:
        """Close the socket without a word."""
        if self._server is not None:
            self._server.close()
            self._server = None


def _stuffed(raw: bytes) -> bytes:
    """The body with CRLF line ends and doubled leading dots, ending in CRLF, without the final dot."""
    if not raw.count(b"\r\n") == raw.count(b"\n") == raw.count(b"\r"):
        raw = _LINE_END.sub(b"\r\n", raw)
    if not raw.endswith(b"\r\n"):
        raw += b"\r\n"
    return (b"." if raw.startswith(b".") else b"") + raw.replace(b"\r\n.", b"\r\n..")


def _bracketed(address: str) -> str:
    """The address as MAIL and RCPT want it; taking it apart first is left out where there is nothing to take apart."""
    return f"<{address}>" if _PLAIN.fullmatch(address) else smtplib.quoteaddr(address)


def _words(found: object) -> str:
    """At most 300 printable characters of a reply or an error."""
    text = found.decode("utf-8", "replace") if isinstance(found, bytes) else str(found)
    return "".join(letter if letter.isprintable() else " " for letter in text)[:300]
