"""One question and answer of the domain name system: TXT records, as in RFC 1035."""

import struct

TXT, INTERNET = 16, 1
RECURSE = 0x0100
POINTER = 0xC0
NO_SUCH_NAME = 3


class BadAnswerError(Exception):
    """The answer is not one to our question."""


def question(name: str, number: int) -> bytes:
    """A packet that asks for the TXT records of a name."""
    labels = b"".join(bytes([len(part)]) + part for part in name.encode("idna").split(b"."))
    return (
        struct.pack(">6H", number, RECURSE, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">2H", TXT, INTERNET)
    )


def texts(packet: bytes, number: int) -> list[str]:
    """The texts of the answer; none when the name has none. Raises BadAnswerError when it cannot be read."""
    try:
        return _texts(packet, number)
    except (struct.error, IndexError) as error:
        raise BadAnswerError(str(error)) from error


def _texts(packet: bytes, number: int) -> list[str]:
    got, flags, questions, answers, _, _ = struct.unpack(">6H", packet[:12])
    code = flags & 0x000F
    if got != number or code not in {0, NO_SUCH_NAME}:
        message = f"code {code}"
        raise BadAnswerError(message)
    at = 12
    for _ in range(questions):
        at = _after_name(packet, at) + 4
    found = []
    for _ in range(answers):
        at = _after_name(packet, at)
        kind, _, _, size = struct.unpack(">HHIH", packet[at : at + 10])
        at += 10
        if kind == TXT:
            found.append(_joined(packet[at : at + size]))
        at += size
    return found


def _after_name(packet: bytes, at: int) -> int:
    while packet[at]:
        if packet[at] >= POINTER:
            return at + 2
        at += 1 + packet[at]
    return at + 1


def _joined(data: bytes) -> str:
    """Character strings of at most 255 bytes each, put together."""
    parts, at = [], 0
    while at < len(data):
        parts.append(data[at + 1 : at + 1 + data[at]])
        at += 1 + data[at]
    return b"".join(parts).decode("utf-8", "replace")
