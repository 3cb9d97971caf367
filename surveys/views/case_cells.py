"""Cases as pages print them: the clock in words, the history with its icons, hours of a first contact."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from config.web.money import NO_BREAK, number
from surveys.choices import CaseEventKind, CaseState
from surveys.formulas.extra import Extra, spoken
from surveys.models import Case, CaseEvent, Response
from surveys.queries.case_clock import CaseClock
from surveys.queries.cases import Due, Loop, due_in
from surveys.views.results_cells import tone_of_answer

ICONS = {
    CaseEventKind.OPENED: "inbox",
    CaseEventKind.ANSWERED: "message-square",
    CaseEventKind.CONTACTED: "phone",
    CaseEventKind.REASSIGNED: "user-round",
    CaseEventKind.WAITING: "hourglass",
    CaseEventKind.WAIT_OVER: "play",
    CaseEventKind.REMINDED: "bell",
    CaseEventKind.ESCALATED: "triangle-alert",
    CaseEventKind.CLOSED: "check-check",
    CaseEventKind.REOPENED: "rotate-ccw",
    CaseEventKind.NOTED: "pencil",
    CaseEventKind.ERASED: "trash-2",
}
HOUR = 3600  # seconds


def lines(cases: Iterable[Case], clock: CaseClock, *, now: datetime) -> list[dict[str, Any]]:
    """Rows of a list, each with its clock in words."""
    return [line(case, clock, now=now) for case in cases]


def line(case: Case, clock: CaseClock, *, now: datetime) -> dict[str, Any]:
    """One case with its clock in words."""
    due = due_in(case, clock, now=now)
    is_open = case.state != CaseState.CLOSED
    return {
        "row": case,
        "who": who(case),
        "tone": tone_of_answer(case.response.kind, case.response.score),
        "due": due,
        "due_text": due_text(due) if is_open else case.get_outcome_display(),
        "due_tone": due_tone(due) if is_open else "muted",
    }


def who(case: Case) -> str:
    """The person, or that it is not known any more."""
    contact = case.contact
    return (contact.name or contact.email or "Erased contact") if contact is not None else "A contact"


def due_text(due: Due) -> str:
    """“4 h left”, “2 d over”, in working time; that the clock stands still."""
    if due.is_waiting:
        return "waiting"
    length = (
        f"{due.days}{NO_BREAK}d"
        if due.days > 1
        else f"{due.hours}{NO_BREAK}h"
        if due.hours
        else "under 1\u00a0h"
    )
    return f"{length} {'over' if due.is_over else 'left'}"


def due_tone(due: Due) -> str:
    """Class of the words: red when over, amber on the last day."""
    if due.is_waiting:
        return "muted"
    return "down" if due.is_over else "amber" if due.days < 1 else ""


def history(events: Sequence[CaseEvent]) -> list[dict[str, Any]]:
    """Lines of the history; an answer shows its score."""
    return [
        {"row": event, "icon": ICONS[CaseEventKind(event.kind)], "title": _title(event)} for event in events
    ]


def _title(event: CaseEvent) -> str:
    return "Answer" if event.kind == CaseEventKind.ANSWERED else event.get_kind_display()


def answers(found: Sequence[Response], questions: Mapping[int, Sequence[Extra]]) -> list[dict[str, Any]]:
    """Answers with their revisions, each with its tone and further answers; one without revisions says what it holds itself."""
    return [
        {
            "row": response,
            "revisions": [
                {
                    "row": revision,
                    "tone": tone_of_answer(response.kind, revision.score),
                    "extras": spoken(questions.get(response.pk, ()), revision.extra),
                    "at": getattr(revision, "occurred_at", response.answered_at),
                }
                for revision in response.revisions.all() or [response]
            ],
        }
        for response in found
    ]


def loop_cells(loop: Loop) -> dict[str, Any]:
    """The closed loop of one group in words; a dash where nothing can be said."""
    still = loop.cases - loop.closed - loop.contacted
    return {
        "loop": loop,
        "open": still,
        "mix": [(loop.closed, "good"), (loop.contacted, "watch"), (still, "risk")],
        "closed_share": _share(loop.closed, loop.cases),
        "in_time_share": _share(loop.in_time, loop.judged),
        "reopened_share": _share(loop.reopened, loop.ended),
        "median": hours(loop.median_s),
        "slow": hours(loop.slow_s),
    }


def hours(seconds: float | None) -> str:
    """Working hours with one decimal below ten."""
    if seconds is None:
        return ""
    found = seconds / HOUR
    return f"{number(found, 1 if found < 10 else 0)}{NO_BREAK}h"  # noqa: PLR2004 - two figures are enough


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
