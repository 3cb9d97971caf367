"""A mail server on loopback with an append-only journal: what stands in it was taken, whatever the sender believes."""

import asyncio
import json
import logging
import socket
import threading
import time
from collections import Counter
from email import message_from_bytes

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP

logging.getLogger("mail.log").setLevel(logging.CRITICAL)  # killed senders are the point here


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


class Sink:
    """Takes every mail, writes it down, and only then, `delay` seconds later, says 250."""

    def __init__(self, journal, delay=0.0):
        self.journal, self.delay = journal, delay
        self.mails = []  # (recipient, raw) in the order of the journal
        self._file = journal.open("a")
        self._lock = threading.Lock()
        self._controller = _Controller(self, hostname="127.0.0.1", port=free_port())
        self._controller.start()

    @property
    def url(self):
        return f"smtp://127.0.0.1:{self._controller.port}"

    def stop(self):
        self._controller.stop()
        self._file.close()

    @property
    def taken(self):
        """How many mails the journal has."""
        return len(self.mails)

    def deliveries(self):
        """Mails per recipient, read back from the journal."""
        rows = [json.loads(line) for line in self.journal.read_text().splitlines()]
        return Counter(row["to"] for row in rows)

    async def handle_RCPT(self, _server, _session, envelope, address, _options):  # noqa: N802 - third-party-type
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server, _session, envelope):  # noqa: N802 - third-party-type
        raw = envelope.original_content
        for recipient in envelope.rcpt_tos:
            self._write(recipient, raw)
        await asyncio.sleep(self.delay)
        return "250 taken"

    def _write(self, recipient, raw):
        message_id = message_from_bytes(raw)["Message-ID"]
        with self._lock:
            row = {"at": time.time(), "phase": "taken", "message_id": message_id, "to": recipient}
            self._file.write(json.dumps(row) + "\n")
            self._file.flush()
            self.mails.append((recipient, raw))


class _Controller(Controller):
    def factory(self):
        return SMTP(self.handler, decode_data=False, enable_SMTPUTF8=False)
