"""Looking at the outside: does the public address answer, does the sender's domain say who may send for it.

Everything is optional: on a machine of its own, or offline, the answer is "not known".
"""

import http.client
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings

from surveys.formulas import dns
from surveys.models import CampaignVersion

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
WAIT_S = 2.0
RESOLVERS = Path("/etc/resolv.conf")


@dataclass(frozen=True)
class Looked:
    """None: not known. `records` says per kind of record whether the sender's domain has it."""

    is_reachable: bool | None = None
    records: Mapping[str, bool] | None = None


def is_here() -> bool:
    """Whether the public address is this machine, as on a laptop."""
    return urlsplit(settings.SITE_URL).hostname in LOOPBACK


def look(version: CampaignVersion) -> Looked:
    """One look before a launch; on this machine there is nothing to look at."""
    if is_here():
        return Looked()
    domain = version.sender_email.rpartition("@")[2]
    return Looked(_answers(settings.SITE_URL), _records(domain))


def _answers(url: str) -> bool:
    """Whether an https address answers anything at all."""
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname:
        return False
    connection = http.client.HTTPSConnection(parts.hostname, parts.port, timeout=WAIT_S)
    try:
        connection.request("HEAD", "/healthz")
        connection.getresponse()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return True


def _records(domain: str) -> Mapping[str, bool] | None:
    try:
        return {
            "SPF": any(text.startswith("v=spf1") for text in _texts(domain)),
            "DMARC": any(text.startswith("v=DMARC1") for text in _texts(f"_dmarc.{domain}")),
        }
    except (OSError, dns.BadAnswerError):
        return None


def _texts(name: str) -> list[str]:
    """TXT records by one UDP question to the machine's resolver."""
    number = secrets.randbelow(2**16)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(WAIT_S)
        asking.sendto(dns.question(name, number), (_resolver(), 53))
        return dns.texts(asking.recv(4096), number)


def _resolver() -> str:
    lines = RESOLVERS.read_text().splitlines()
    found = [line.split()[1] for line in lines if line.startswith("nameserver ")]
    if not found:
        raise OSError("no resolver")
    return found[0]
