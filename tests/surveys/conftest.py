"""A mail server on loopback that writes down what it takes and misbehaves on order."""

import logging
import socket
from collections import Counter
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP

from config.work import smtp

logging.getLogger("mail.log").setLevel(logging.ERROR)


@dataclass
class Taken:
    recipient: str
    raw: bytes


@dataclass
class Sink:
    """`script` maps a recipient to a list of replies, used one per try; afterwards everything is taken.

    A reply is a code and text for RCPT (`rcpt:550 …`), for the dot (`dot:451 …`), or `drop` after the dot.
    """

    taken: list[Taken] = field(default_factory=list)
    script: dict[str, list[str]] = field(default_factory=dict)
    always: str = ""
    tries: Counter = field(default_factory=Counter)

    def order(self, recipient, step):
        for reply in [self.always, *self.script.get(recipient, [])[:1]]:
            if reply.startswith(step):
                if reply != self.always:
                    self.script[recipient].pop(0)
                return reply.removeprefix(step)
        return None

    async def handle_RCPT(self, server, session, envelope, address, rcpt_options):  # noqa: N802 - third-party-type
        self.tries[address] += 1
        reply = self.order(address, "rcpt:")
        if reply:
            return reply
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - third-party-type
        recipient = envelope.rcpt_tos[0]
        reply = self.order(recipient, "dot:")
        if reply:
            return reply
        self.taken.append(Taken(recipient, envelope.original_content))
        if self.order(recipient, "drop") is not None:
            server.transport.abort()
        return "250 taken"

    @property
    def recipients(self):
        return Counter(taken.recipient for taken in self.taken)


class _Controller(Controller):
    def factory(self):
        return SMTP(self.handler, decode_data=False, enable_SMTPUTF8=False)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def sink(settings):
    """The server is up and EMAIL_URL points to it."""
    handler = Sink()
    controller = _Controller(handler, hostname="127.0.0.1", port=free_port())
    controller.start()
    settings.EMAIL = {
        "transport": "smtp",
        "tls": False,
        "starttls": False,
        "host": "127.0.0.1",
        "port": controller.port,
        "user": "",
        "password": "",
    }
    yield handler
    controller.stop()


@pytest.fixture
def transport(sink):
    found = smtp.open_transport()
    yield found
    found.close()


def path_of(url):
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path
