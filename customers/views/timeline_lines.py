"""Lines of the timeline: what an entry says, its icon, and what the reader may see of it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from accounts.models import User
from accounts.permissions import may_see_identities
from customers.choices import PULSE_WORDS, PulseReason
from customers.queries.follow_ups import unnamed_title
from customers.queries.timeline import Entry, Original, phase_word

HIDDEN = "The text is hidden, because you may not see who wrote or answered."


@dataclass(frozen=True)
class Line:
    """One entry as the page shows it; `edit_pk` is set for a note that can be corrected."""

    icon: str
    title: str
    detail: str
    by: str
    at: datetime
    whole_day: bool
    body: str = ""
    originals: tuple[Original, ...] = ()
    edit_pk: int | None = None


def lines_of(entries: Iterable[Entry], user: User) -> list[Line]:
    """Lines for a reader; who may not see identities sees that there was an exchange, not with whom or what."""
    named = may_see_identities(user)
    return [MAKERS[entry.kind](entry, named) for entry in entries]


TOUCH_ICONS = {
    "call": "phone",
    "meeting": "users-round",
    "email": "mail",
    "review": "presentation",
    "note": "sticky-note",
}


def _touchpoint(entry: Entry, named: bool) -> Line:
    row = entry.subject
    kind = row.get_kind_display().capitalize()
    person = f" with {row.contact.name or row.contact.email}" if row.contact and named else ""
    return Line(
        icon=TOUCH_ICONS.get(row.kind, "message-square"),
        title=f"{kind}{person}",
        detail=row.subject if named else "",
        by=row.author.name if row.author else "",
        at=entry.at,
        whole_day=entry.whole_day,
        body=row.body if named else HIDDEN if row.body else "",
        originals=entry.originals if named else (),
        edit_pk=row.pk if named else None,
    )


def _ticket(entry: Entry, _named: bool) -> Line:
    row = entry.subject
    state = "open" if row.solved_at is None else f"solved {row.solved_at:%-d %b}"
    urgent = f"{row.get_priority_display().capitalize()} ticket" if row.priority != "normal" else "Ticket"
    extra = [state, "escalated" if row.escalated else "", f"CSAT {row.csat}" if row.csat else ""]
    return Line(
        icon="life-buoy",
        title=f"{urgent} {row.source_key}".strip(),
        detail=", ".join(part for part in extra if part),
        by="",
        at=entry.at,
        whole_day=entry.whole_day,
    )


def _change(entry: Entry, _named: bool) -> Line:
    row, before = entry.subject, entry.before
    word: Callable[[str], str] = phase_word if row.key == "phase" else str
    return Line(
        icon="milestone" if row.key == "phase" else "layers",
        title=f"{row.get_key_display().capitalize()}: {word(row.value).capitalize() if row.value else 'none'}",
        detail=f"before: {word(before.value) or 'none'}" if before else "",
        by="",
        at=entry.at,
        whole_day=entry.whole_day,
    )


def _pulse(entry: Entry, named: bool) -> Line:
    row = entry.subject
    word = f"{row.level}, {PULSE_WORDS[row.level]}" if row.level else "taken back"
    before = entry.before
    notes = [PulseReason(code).label for code in row.reasons if code in PulseReason.values]
    if before and before.level and before.level != row.level:
        notes.insert(0, f"was {before.level}")
    return Line(
        icon="heart-pulse",
        title=f"Pulse {word}",
        detail=", ".join(notes),
        by=row.recorded_by.name if row.recorded_by else "",
        at=entry.at,
        whole_day=entry.whole_day,
        body=row.note if named else "",
    )


def _assignment(entry: Entry, _named: bool) -> Line:
    row = entry.subject
    role = "CSM" if row.role == "primary" else row.get_role_display()
    until = f"until {row.to_on:%-d %b %Y}" if row.to_on else ""
    return Line(
        icon="user-round-check",
        title=f"{role}: {row.user.name}",
        detail=until,
        by="",
        at=entry.at,
        whole_day=entry.whole_day,
    )


def _follow_up(entry: Entry, named: bool) -> Line:
    row = entry.subject
    return Line(
        icon="square-check",
        title=f"Done: {row.title if named else unnamed_title(row)}",
        detail=row.outcome if named else "",
        by=row.done_by.name if row.done_by else "",
        at=entry.at,
        whole_day=entry.whole_day,
    )


MAKERS: Mapping[str, Callable[[Entry, bool], Line]] = {
    "touchpoints": _touchpoint,
    "tickets": _ticket,
    "changes": _change,
    "pulses": _pulse,
    "assignments": _assignment,
    "follow_ups": _follow_up,
}
