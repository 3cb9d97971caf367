"""Login sessions in the database that know when they began and when they were last used."""

import time
from typing import Any

from django.contrib.sessions.backends.db import SessionStore as DatabaseStore

STARTED, SEEN = "started_at", "seen_at"  # seconds since the epoch


class SessionStore(DatabaseStore):
    """Stamps every save, so that idle and absolute limits need no extra write."""

    @classmethod
    def get_model_class(cls) -> Any:
        return DatabaseStore.get_model_class()

    def _validate_session_key(self, key: str | None) -> bool:
        """Keys are letters and digits; anything else, NUL for instance, is no session."""
        return bool(key) and key.isascii() and key.isalnum() and super()._validate_session_key(key)

    def save(self, must_create: bool = False) -> None:
        """Store the session with the moment of its last use."""
        data = self._get_session(no_load=must_create)
        data[SEEN] = int(time.time())
        data.setdefault(STARTED, data[SEEN])
        super().save(must_create=must_create)

    def cycle_key(self) -> None:
        """A new key, as at sign-in, begins a new working day."""
        self.pop(STARTED, None)
        super().cycle_key()
