"""Whether mail may leave at all: hold, rest and breaker (S-68, S-73)."""

import secrets
import time
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import F, Q

from accounts.models import User
from config.web.errors import DomainError
from config.work import audit
from surveys.models import SendingState
from surveys.models.policy import THE_ROW

CONNECT_LIMIT = 20  # failures in a row before the breaker opens
OPEN_BREAKER_S = 30  # then one try per so many seconds
REFUSAL_LIMIT = 5  # refused logins or policies in a row before a campaign is paused
REST_S, LONGEST_REST_S = 60, 900  # a host that asked for a rest
LOOK_S = 1  # seconds for which a run trusts that mail may leave; the hold is asked before every dot besides
COPY = "instance"
RESTORE = "restore"


def is_foreign(row: SendingState) -> bool:
    """Whether the data was last sent from elsewhere: a copy, a move. Another port of the same host is not elsewhere."""
    return row.instance_id.partition(":")[0] != settings.INSTANCE_ID.partition(":")[0]


def state() -> SendingState:
    """The one row; the first caller binds it to this instance."""
    row, _ = SendingState.objects.get_or_create(pk=THE_ROW, defaults={"instance_id": settings.INSTANCE_ID})
    return row


def may_send(*, now: datetime) -> bool:
    """False while held, resting, or when the open breaker has no try left; takes the try otherwise."""
    return _may(state(), now)


def _may(row: SendingState, now: datetime) -> bool:
    if is_foreign(row):
        hold(reason=COPY, now=now)
        return False
    if row.hold_reason or (row.rest_until and row.rest_until > now):
        return False
    if row.connect_failures < CONNECT_LIMIT:
        return True
    free = Q(rest_until=None) | Q(rest_until__lte=now)
    until = now + timedelta(seconds=OPEN_BREAKER_S)
    return bool(SendingState.objects.filter(free, pk=THE_ROW).update(rest_until=until))


class Gate:
    """Whether one run may go on: asked at its start, once a second, and before every mail while something is wrong."""

    def __init__(self) -> None:
        self._until = 0.0  # on the monotonic clock
        self.counts = True  # whether a counter against the server stood above zero at the last look
        self.was_asked = False

    def is_open(self, *, now: datetime) -> bool:
        """Look again when the last look is over."""
        self.was_asked = time.monotonic() >= self._until
        if not self.was_asked:
            return True
        row = state()
        self.counts = bool(row.connect_failures or row.refusals or row.rest_until or row.rest_s)
        self._until = 0.0 if self.counts else time.monotonic() + LOOK_S
        return _may(row, now)

    def ask_again(self) -> None:
        """Something other than a yes was heard."""
        self._until = 0.0


def hold(*, reason: str, now: datetime) -> None:
    """Nothing leaves until an admin says so; a hold in force keeps its reason."""
    state()
    SendingState.objects.filter(pk=THE_ROW, hold_reason="").update(hold_reason=reason, hold_since=now)


def release(*, by: User | None, now: datetime) -> None:
    """Let mail leave again from this instance. From a page only by an admin; from the command line by nobody named."""
    if by is not None and not by.is_admin:
        raise DomainError("Only an admin releases a hold.", hint="Ask an admin.")
    row = state()
    SendingState.objects.filter(pk=THE_ROW).update(
        instance_id=settings.INSTANCE_ID, hold_reason="", hold_since=None
    )
    audit.record(by=by, now=now, action="sending.released", subject=row, before={"reason": row.hold_reason})


def note_success() -> None:
    """The server took a mail: all counters are over."""
    SendingState.objects.filter(pk=THE_ROW).exclude(
        connect_failures=0, refusals=0, rest_until=None, rest_s=0
    ).update(connect_failures=0, refusals=0, rest_until=None, rest_s=0)


def note_unreachable(*, text: str, now: datetime) -> None:
    """No conversation came about."""
    state()
    SendingState.objects.filter(pk=THE_ROW).update(
        connect_failures=F("connect_failures") + 1, last_error=text[:300], last_error_at=now
    )


def note_refusal(*, text: str, now: datetime) -> bool:
    """The server refuses us, not the recipient; True when it is time to pause the campaign."""
    state()
    SendingState.objects.filter(pk=THE_ROW).update(
        refusals=F("refusals") + 1, connect_failures=0, last_error=text[:300], last_error_at=now
    )
    reached = SendingState.objects.filter(pk=THE_ROW, refusals__gte=REFUSAL_LIMIT)
    return bool(reached.update(refusals=0))


def note_rest(*, text: str, now: datetime) -> None:
    """The host asked for a pause: 60 s ± 20 %, doubling to 15 minutes."""
    row = state()
    seconds = min(LONGEST_REST_S, row.rest_s * 2 or REST_S)
    until = now + timedelta(seconds=seconds * spread())
    SendingState.objects.filter(pk=THE_ROW).update(
        rest_s=seconds, rest_until=until, last_error=text[:300], last_error_at=now
    )


def spread() -> float:
    """A factor between 0.8 and 1.2, so that waiting rows do not all come back at once."""
    return 0.8 + secrets.randbelow(401) / 1000
