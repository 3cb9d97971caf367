"""What is known of one press of Send: how the client showed itself and which links it opened before."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Press:
    """The HTTP side of one POST of an answer. `fingerprints` are today's and yesterday's of the same client.

    `typed_ms` and `input_events` are what the optional page script reports, 0 without it (`ran_script`).
    """

    fingerprints: tuple[str, ...] = ()
    form_issued_at: datetime | None = None
    is_scanner: bool = False
    is_chromium: bool = False
    fetch_mode: str = ""
    has_fetch_user: bool = False
    typed_ms: int = 0
    input_events: int = 0
    ran_script: bool = False
