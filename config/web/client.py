"""Where a request comes from: one answer for limits, sign-in and the audit log."""

import ipaddress

from django.conf import settings
from django.http import HttpRequest

NETWORK_V4, NETWORK_V6 = 24, 48  # bits that name a neighbourhood


def address(request: HttpRequest) -> str:
    """The client's address: behind n trusted proxies the n-th entry from the right of X-Forwarded-For.

    With fewer entries than proxies, or a value that is no address, the peer's own address counts.
    """
    peer = str(request.META.get("REMOTE_ADDR") or "")
    proxies = settings.TRUSTED_PROXIES
    entries = [
        entry.strip() for entry in request.headers.get("X-Forwarded-For", "").split(",") if entry.strip()
    ]
    if not proxies or len(entries) < proxies:
        return peer
    try:
        return str(ipaddress.ip_address(entries[-proxies]))
    except ValueError:
        return peer


def network(request: HttpRequest) -> str:
    """The neighbourhood of the client's address, /24 or /48."""
    try:
        ip = ipaddress.ip_address(address(request))
    except ValueError:
        return address(request)
    bits = NETWORK_V6 if isinstance(ip, ipaddress.IPv6Address) else NETWORK_V4
    return str(ipaddress.ip_network(f"{ip}/{bits}", strict=False))
