"""A mail server on loopback that takes everything and keeps nothing but the recipients; so cheap that the sender counts."""

import asyncio
import threading
from typing import Self

PATIENCE_S = 10


class _Talk(asyncio.Protocol):
    def __init__(self, sink: "Sink") -> None:
        self.sink, self.buffer, self.in_body = sink, b"", False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        transport.write(b"220 bench\r\n")  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while True:
            end = b"\r\n.\r\n" if self.in_body else b"\r\n"
            head, found, rest = self.buffer.partition(end)
            if not found:
                return
            self.buffer = rest
            self.transport.write(self._said(head))  # type: ignore[attr-defined]

    def _said(self, line: bytes) -> bytes:
        if self.in_body:
            self.in_body = False
            self.sink.bytes += len(line)
            return b"250 taken\r\n"
        verb = line[:4].upper()
        if verb == b"RCPT":
            self.sink.recipients.append(line)
        self.in_body = verb == b"DATA"
        return {b"DATA": b"354 go on\r\n", b"QUIT": b"221 bye\r\n"}.get(verb, b"250 ok\r\n")


class Sink:
    """The server in a thread of its own while the block runs."""

    def __init__(self) -> None:
        self.recipients: list[bytes] = []
        self.bytes = 0
        self.port = 0

    def __enter__(self) -> Self:
        ready = threading.Event()
        self.loop = asyncio.new_event_loop()

        def serve() -> None:
            asyncio.set_event_loop(self.loop)
            server = self.loop.run_until_complete(
                self.loop.create_server(lambda: _Talk(self), "127.0.0.1", 0)
            )
            self.port = server.sockets[0].getsockname()[1]
            ready.set()
            self.loop.run_forever()
            server.close()
            self.loop.run_until_complete(server.wait_closed())
            self.loop.close()

        self.thread = threading.Thread(target=serve, daemon=True)
        self.thread.start()
        ready.wait(PATIENCE_S)
        return self

    def __exit__(self, *_: object) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(PATIENCE_S)

    def emptied(self) -> list[bytes]:
        """Recipients since the last call."""
        found, self.recipients = self.recipients, []
        return found
