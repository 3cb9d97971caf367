"""Which state follows which, for campaigns and waves. What is not listed here is refused."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType


class UnknownMoveError(Exception):
    """An event that the table does not know: an error of ours."""


Moves = Mapping[str, Mapping[str, str]]

# event: {state before: state after}
CAMPAIGN: Moves = MappingProxyType(
    {
        "edit": {"draft": "draft"},
        "delete": {"draft": "draft"},
        "schedule": {"draft": "scheduled"},
        "launch": {"draft": "active"},
        "unschedule": {"scheduled": "draft"},
        "start": {"scheduled": "active"},
        "fail_to_start": {"scheduled": "paused"},
        "pause": {"active": "paused"},
        "auto_pause": {"active": "paused"},
        "resume": {"paused": "active"},
        "cancel": {"active": "cancelled", "paused": "cancelled"},
        "close": {"active": "closed"},
        "extend": {"closed": "active"},
        "archive": {"closed": "archived", "cancelled": "archived", "draft": "archived"},
    }
)
# `planned` to `sending` is the snapshot: one transaction, so nobody sees the moment in between.
WAVE: Moves = MappingProxyType(
    {
        "snapshot": {"planned": "sending"},
        "pause": {"sending": "paused"},
        "resume": {"paused": "sending"},
        "all_sent": {"sending": "collecting"},
        "links_over": {"collecting": "closed"},
        "cancel": {"planned": "cancelled", "sending": "cancelled", "paused": "cancelled"},
    }
)


def before(moves: Moves, event: str) -> Sequence[str]:
    """States in which the event may happen."""
    if event not in moves:
        raise UnknownMoveError(event)
    return tuple(moves[event])


def after(moves: Moves, event: str, state: str) -> str | None:
    """The state after the event, or None when it is refused in this state."""
    return moves[event].get(state)
