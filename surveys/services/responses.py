"""Recording an answer: one response per invitation, a revision per changed content (S-93)."""

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction

from config.web.errors import DomainError
from config.work.nudge import nudge
from config.work.prepared import Statement
from customers.services import staleness
from surveys.choices import (
    Channel,
    DeliveryState,
    ResponseState,
    ResponseStatus,
    TokenPurpose,
)
from surveys.formulas.evidence import Verdict
from surveys.formulas.scales import SCALES, is_low
from surveys.models import LinkToken, Response
from surveys.queries import links
from surveys.services import answer_sql, locks, uncertain
from surveys.services.evidence import Press, verdict_on

MAX_REVISIONS = 20
MAX_COMMENT = 4000  # characters
CAUSE = "survey answer"  # of marks
LATE_COMMENT = timedelta(minutes=10)  # a low score without words waits for them
# States that take no answer whatever the clock says; an expired link is judged by its date and the grace.
CLOSED_STATES = frozenset(
    {
        ResponseState.LOCKED,
        ResponseState.DISCARDED,
        ResponseState.REVOKED,
        ResponseState.VOID,
        ResponseState.ANONYMISED,
    }
)
SILENT_STATES = frozenset({ResponseState.NONE, ResponseState.VISITED, ResponseState.EXPIRED})


class AnswerClosedError(DomainError):
    code = "answer_closed"


class TooManyEditsError(DomainError):
    code = "too_many_edits"


class BadAnswerError(DomainError):
    code = "bad_answer"


class _OvertakenError(Exception):
    """Somebody else answered between our reading and our writing."""


@dataclass(frozen=True)
class Answer:
    """What a person sent. `device_hash` recognises the same browser later; empty text keeps an earlier comment."""

    score: int
    comment: str = ""
    wants_contact: bool = False
    remove_comment: bool = False
    device_hash: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def has_words(self) -> bool:
        return bool(self.comment.strip())


def record_response(
    *, link: LinkToken, answer: Answer, now: datetime, press: Press | None = None
) -> Response:
    """The answer given by this link. Saying the same again adds nothing; another content adds a revision, last wins.

    `press` is how the client showed itself; without it nothing speaks against the answer. A suspect answer is kept
    apart: it counts nowhere, and the next one that counts replaces it. A link read by `links.find_for_press` spares
    a query.
    """
    version = link.message.invitation.wave.version
    if not SCALES[version.kind].holds(answer.score) or len(answer.comment) > MAX_COMMENT:
        raise BadAnswerError(
            "This score is not on the scale.", hint="Choose one of the points.", field="score"
        )
    try:
        return _write(link, answer, press, now, is_second=False)
    except _OvertakenError:
        return _write(link, answer, press, now, is_second=True)


def _write(
    link: LinkToken, answer: Answer, press: Press | None, now: datetime, *, is_second: bool
) -> Response:
    """Judge and store. The second try reads under locks that every other writer needs, so it cannot be overtaken."""
    is_read = hasattr(link, "looks") and not is_second
    is_proof = link.message.delivery_state == DeliveryState.UNCERTAIN
    with transaction.atomic() if is_second or is_proof else nullcontext():
        if is_second:
            locks.lock_answer(link.message.invitation_id)
        response = _record(link if is_read else _read(link, press, now), answer, press, now)
        if is_proof:
            uncertain.settle_as_sent(message_ids=[link.message_id], by="answer", now=now)
    return response


def _read(link: LinkToken, press: Press | None, now: datetime) -> LinkToken:
    clients = press.fingerprints if press else ()
    found = links.find_for_press(link.sha256, TokenPurpose.ANSWER, clients=clients, now=now)
    if found is None:
        raise AnswerClosedError("This survey is closed.")
    return found


def _record(link: LinkToken, answer: Answer, press: Press | None, now: datetime) -> Response:
    invitation = link.message.invitation
    if invitation.response_state in CLOSED_STATES:
        raise AnswerClosedError("This survey is closed.")
    response: Response | None = getattr(invitation, "response", None)
    verdict = Verdict()
    if press is not None:
        after_suspect = response is not None and response.status == ResponseStatus.SUSPECT
        verdict = verdict_on(
            link=link, press=press, has_comment=answer.has_words, after_suspect=after_suspect, now=now
        )
    today = now.astimezone(ZoneInfo(link.home_zone or settings.DEFAULT_TIME_ZONE)).date()
    given = Given(answer=answer, verdict=verdict, press=press, today=today, now=now)
    if response is None:
        return _first(link, given)
    if verdict.is_suspect and response.status == ResponseStatus.COUNTED:
        return _pressed(link, response, given, is_aside=True)
    return _again(link, response, given)


@dataclass(frozen=True)
class Given:
    """An answer with what was judged of it and the organisation's day."""

    answer: Answer
    verdict: Verdict
    press: Press | None
    today: date
    now: datetime

    @property
    def evidence(self) -> dict[str, object]:
        return self.verdict.as_json() if self.press else {}

    @property
    def client(self) -> str:
        return self.press.fingerprints[0] if self.press else ""

    @property
    def reason(self) -> str:
        return f"{self.answer.score}: {', '.join(self.verdict.reasons)}"


def _first(link: LinkToken, given: Given) -> Response:
    invitation, answer, now = link.message.invitation, given.answer, given.now
    version, scale = invitation.wave.version, SCALES[invitation.wave.version.kind]
    is_suspect = given.verdict.is_suspect and not invitation.is_test
    counted = ResponseStatus.SUSPECT if is_suspect else ResponseStatus.COUNTED
    status = ResponseStatus.TEST if invitation.is_test else counted
    response = Response(
        invitation=invitation,
        message_id=link.message_id,
        campaign_id=invitation.wave.campaign_id,
        customer_id=invitation.customer_id,
        contact_id=invitation.contact_id,
        kind=version.kind,
        nature=version.nature,
        series_key=version.series_key,
        channel=Channel.EMAIL,
        status=status,
        scale_min=scale.low,
        scale_max=scale.high,
        score=answer.score,
        comment=answer.comment,
        wants_contact=answer.wants_contact,
        extra=dict(answer.extra),
        device_hash=answer.device_hash,
        language=invitation.language,
        phase=invitation.phase_at_send,
        owner_at_answer_id=links.owner_on(link, given.today),
        sent_at=link.message.accepted_at,
        first_answered_at=now,
        answered_at=now,
        needs_follow_up_at=_follow_up_at(version.kind, answer, now)
        if status == ResponseStatus.COUNTED
        else None,
    )
    state = ResponseState.SUSPECT if is_suspect else ResponseState.ANSWERED
    moves = {"response_state": state, "silent": list(SILENT_STATES), "is_suspect": is_suspect}
    _store(answer_sql.FIRST, link, response, given, moves)
    return response


def _again(link: LinkToken, response: Response, given: Given) -> Response:
    """A further revision, unless the content is the same. A counted answer takes the place of a suspect one."""
    answer = given.answer
    replaces = response.status == ResponseStatus.SUSPECT and not given.verdict.is_suspect
    kept = "" if answer.remove_comment else answer.comment or ("" if replaces else response.comment)
    extra = dict(answer.extra) or ({} if answer.remove_comment or replaces else response.extra)
    before = (response.score, response.comment, response.wants_contact, response.extra)
    if not replaces and before == (answer.score, kept, answer.wants_contact, extra):
        return _pressed(link, response, given)
    if response.revision >= MAX_REVISIONS and not replaces:
        if response.status == ResponseStatus.SUSPECT:
            return _pressed(
                link, response, given
            )  # evidence turns nobody away, and a machine has said enough
        raise TooManyEditsError("This answer has been changed very often.", hint="Write to us instead.")
    read = {
        "replaces": replaces,
        "revision_before": response.revision,
        "status_before": response.status,
        "edited_elsewhere_at": None,
    }
    changes: dict[str, Any] = {
        "score": answer.score,
        "comment": kept,
        "wants_contact": answer.wants_contact,
        "extra": extra,
        "device_hash": answer.device_hash,
        "answered_at": given.now,
        "revision": response.revision + 1,
    }
    changes |= _replaced(link, given) if replaces else _edited(response, given, kept)
    for name, value in changes.items():
        setattr(response, name, value)
    with transaction.atomic() if replaces else nullcontext():
        _store(answer_sql.AGAIN, link, response, given, read)
    return response


def _replaced(link: LinkToken, given: Given) -> dict[str, Any]:
    """What changes when an answer counts for the first time: its edit window begins now."""
    return {
        "status": ResponseStatus.COUNTED,
        "message_id": link.message_id,
        "sent_at": link.message.accepted_at,
        "first_answered_at": given.now,
        "owner_at_answer_id": links.owner_on(link, given.today),
        "needs_follow_up_at": _follow_up_at(
            link.message.invitation.wave.version.kind, given.answer, given.now
        ),
    }


def _edited(response: Response, given: Given, comment: str) -> dict[str, Any]:
    if response.status != ResponseStatus.COUNTED:
        return {}
    answer = given.answer
    elsewhere = bool(response.device_hash) and response.device_hash != answer.device_hash
    due = _follow_up_at(response.kind, replace(answer, comment=comment), given.now)
    was_low = is_low(response.kind, response.score) or response.wants_contact
    pending = response.needs_follow_up_at
    if pending is not None:
        due = min(pending, due) if due else pending  # raising the score closes nothing (S-131)
    elif was_low:
        due = None  # the open case shows every revision
    return {"needs_follow_up_at": due} | ({"edited_elsewhere_at": given.now} if elsewhere else {})


def _pressed(link: LinkToken, response: Response, given: Given, *, is_aside: bool = False) -> Response:
    """The answer stays as it is; that somebody pressed is kept."""
    if given.press:
        _store(answer_sql.PRESSED, link, response, given, {"is_aside": is_aside})
    return response


def _store(
    statement: Statement, link: LinkToken, response: Response, given: Given, more: Mapping[str, Any]
) -> None:
    """Write the answer as it stands in memory with all that follows from it, or find that somebody was first.

    Health follows in this transaction's wake, a case by the next run of its ticker.
    """
    about = {
        "token": link.sha256,
        "client": given.client,
        "reason": given.reason,
        "evidence": given.evidence,
        "today": given.today,
        "cause": CAUSE,
        "now": given.now,
    }
    found = answer_sql.run(statement, {**about, **more, **vars(response)})
    if found is None:
        raise _OvertakenError
    response.pk, response._state.adding = found, False
    if statement is answer_sql.PRESSED or response.status != ResponseStatus.COUNTED:
        return
    staleness.ring()
    if response.needs_follow_up_at is not None and response.needs_follow_up_at <= given.now:
        nudge("surveys.open_cases")


def _follow_up_at(kind: str, answer: Answer, now: datetime) -> datetime | None:
    """When somebody should look: at once with words or a wish, else when a late comment had its time (S-130)."""
    if not (is_low(kind, answer.score) or answer.wants_contact):
        return None
    return now if answer.has_words or answer.wants_contact else now + LATE_COMMENT
