"""The web server's port, and asking it for pages."""

import socket
import urllib.error
import urllib.request

from config.devstack.logs import tell
from config.devstack.paths import StackError

HOST = "127.0.0.1"
PORT = 8000
PORTS_TO_TRY = 20
BACKLOG = 2048
OK = 200


def reserve_port(wanted: int | None) -> socket.socket:
    """A listening socket: on the wanted port, or on the first free one of 20. Browsers queue until we are ready."""
    for port in [wanted] if wanted is not None else range(PORT, PORT + PORTS_TO_TRY):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
            listener.listen(BACKLOG)
        except (OSError, OverflowError) as error:
            listener.close()
            if wanted is not None:
                why = getattr(error, "strerror", None) or "not between 0 and 65535"
                message = f"Port {wanted} cannot be used: {why}. Choose another --port, or leave it out."
                raise StackError(message) from error
        else:
            if port not in {wanted, PORT}:
                tell(f"Port {PORT} is taken; using {port}.")
            return listener
    message = f"Ports {PORT} to {PORT + PORTS_TO_TRY - 1} are all taken. Name a free one with --port."
    raise StackError(message)


def answers(url: str, *, seconds: float) -> bool:
    """Whether the page comes with status 200, after redirects and within `seconds`."""
    without_proxy = urllib.request.ProxyHandler({})
    try:
        with urllib.request.build_opener(without_proxy).open(url, timeout=seconds) as response:
            return bool(response.status == OK)
    except (urllib.error.URLError, OSError):
        return False
