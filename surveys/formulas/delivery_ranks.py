"""What a report about a sent mail means, and the one state that all reports together give, in any order (S-206)."""

import re
from collections.abc import Iterable
from enum import StrEnum


class Effect(StrEnum):
    """Meaning of a report. The values are stored as types of delivery events."""

    SENT = "sent"
    SOFT_BOUNCE = "soft_bounce"
    FAILED = "failed"
    DELIVERED = "delivered"
    HARD_BOUNCE = "hard_bounce"
    COMPLAINED = "complained"
    UNSUBSCRIBED = "unsubscribed"  # changes no state
    NOTHING = ""  # written down at most


STATES = {
    Effect.SENT: "sent",
    Effect.SOFT_BOUNCE: "soft_bounced",
    Effect.FAILED: "failed",
    Effect.DELIVERED: "delivered",
    Effect.HARD_BOUNCE: "bounced",
    Effect.COMPLAINED: "complained",
}
RANKS = tuple(STATES)  # from the weakest to the strongest
PLAIN = {
    "sent": Effect.SENT,
    "delivered": Effect.DELIVERED,
    "failed": Effect.FAILED,
    "complained": Effect.COMPLAINED,
    "unsubscribed": Effect.UNSUBSCRIBED,
}
DROPPED = frozenset({"opened", "clicked"})  # never stored: looks are not measured by mail
_PERMANENT = re.compile(r"\b5\.[0-6]\.\d{1,3}\b")
_PASSING = re.compile(
    r"\b(4\.\d{1,3}\.\d{1,3}|5\.7\.\d{1,3}|5\.2\.2)\b"
)  # also: we are refused, the box is full


def effect_of(type_: str, *, reason: str = "", status: str = "") -> Effect:
    """What a report means. `type_` and `reason` are anymail's words, `status` holds an enhanced code such as 5.1.1.

    A bounce is hard only when the address itself is wrong: a full box or a refusal of our mail suppresses nobody.
    """
    if type_ == "bounced":
        return _bounce(reason, status)
    if type_ == "rejected":
        return Effect.HARD_BOUNCE if reason == "invalid" else Effect.FAILED
    return PLAIN.get(type_, Effect.NOTHING)


def _bounce(reason: str, status: str) -> Effect:
    if reason == "invalid":
        return Effect.HARD_BOUNCE
    if _PASSING.search(status) or reason in {"timed_out", "blocked", "spam"}:
        return Effect.SOFT_BOUNCE
    if _PERMANENT.search(status) or reason in {"", "bounced", "hard"}:
        return Effect.HARD_BOUNCE
    return Effect.SOFT_BOUNCE


def state_after(effects: Iterable[str]) -> str:
    """The state of the strongest effect; empty when none of them speaks of a state."""
    found = {effect for effect in effects if effect in STATES}
    return STATES[max(found, key=RANKS.index)] if found else ""
