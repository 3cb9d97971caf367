"""From a draft to a version in force: review, approval by a second person, going live on a day, withdrawing, roll back."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import Max, Q, QuerySet

from accounts.choices import Grant, Role
from accounts.models import User
from accounts.queries.organisation import local_day
from config.web.errors import DomainError
from config.work import audit
from metrics.choices import VersionState
from metrics.formulas.health_cards import CardError, read_card
from metrics.formulas.health_facts import Finding
from metrics.formulas.health_rules import read_rules
from metrics.models import Scorecard, ScorecardVersion
from metrics.queries.scorecards import live_version
from metrics.services import lint, rescoring
from metrics.services.scorecards import (
    LEAST_NOTE,
    RULES_KEY,
    CannotPublishError,
    DraftChangedError,
    draft_locked,
)

PREVIEW_LASTS = timedelta(hours=24)


class NotInReviewError(DomainError):
    """The version is not in the state that the act needs."""

    code = "not_in_review"


class NeedsAnotherPersonError(DomainError):
    """The last editor may not approve while somebody else could; `others` are those who may."""

    code = "needs_another_person"

    def __init__(self, others: list[User]) -> None:
        names = ", ".join(str(one) for one in others[:3])
        super().__init__("You edited this draft last, so somebody else approves it.", hint=f"Ask {names}.")
        self.others = others


@dataclass(frozen=True, slots=True)
class Gate:
    """What stands between a draft and its review: every finding, and what is wrong with the preview."""

    findings: tuple[Finding, ...]
    acknowledged: dict[str, str]
    preview_problem: str
    same_as: str  # label of the version in force when the draft equals it

    @property
    def errors(self) -> tuple[Finding, ...]:
        """Findings that stop publishing."""
        return tuple(one for one in self.findings if one.level == "E")

    @property
    def unanswered(self) -> tuple[Finding, ...]:
        """Warnings without a note."""
        return tuple(one for one in self.findings if one.level == "W" and not self.note_on(one))

    def note_on(self, finding: Finding) -> str:
        """The note somebody gave on a warning."""
        return self.acknowledged.get(lint.name_of(finding), "")

    @property
    def is_open(self) -> bool:
        """Whether note and date are all that is missing."""
        return not (self.errors or self.unanswered or self.preview_problem or self.same_as)


def gate_of(draft: ScorecardVersion, *, now: datetime) -> Gate:
    """Everything HC-3 asks of a draft before it may be sent to review, besides note and date."""
    live = live_version(draft.scorecard_id)
    return Gate(
        findings=lint.findings_of(draft, now=now),
        acknowledged=draft.acknowledged,
        preview_problem=_preview_problem(draft, now),
        same_as=live.label if live is not None and live.body_hash == draft.body_hash else "",
    )


def _preview_problem(draft: ScorecardVersion, now: datetime) -> str:
    noted = draft.preview
    if not noted or "at" not in noted:
        return "The draft has not been previewed."
    if noted.get("body_hash") != draft.body_hash:
        return "The draft was changed after its last preview."
    if now - datetime.fromisoformat(noted["at"]) > PREVIEW_LASTS:
        return "The last preview is older than 24 hours."
    return ""


@transaction.atomic
def send_to_review(
    *, draft: ScorecardVersion, version: int, note: str, effective_on: date, by: User, now: datetime
) -> ScorecardVersion:
    """Make the content of a draft final and ask somebody else for approval (HC-3).

    `version` is the save that was previewed. Raises CannotPublishError with the first rule that the draft breaks.
    """
    current = draft_locked(draft.pk)
    if current.version != version:
        raise DraftChangedError(current)
    _check_gate(gate_of(current, now=now))
    if len(note.strip()) < LEAST_NOTE:
        raise CannotPublishError(
            f"The note needs at least {LEAST_NOTE} characters.",
            hint="Say what changed and why.",
            field="note",
        )
    if effective_on < local_day(now):
        raise CannotPublishError(
            "A version cannot be in force in the past.",
            hint="Choose today or a later day.",
            field="effective_on",
        )
    current.state, current.note, current.effective_on = VersionState.IN_REVIEW, note.strip(), effective_on
    current.sent_by, current.sent_at, current.review_note = by, now, ""
    current.save(update_fields=["state", "note", "effective_on", "sent_by", "sent_at", "review_note"])
    audit.record(by=by, now=now, action="scorecard.sent_to_review", subject=current, after=_said(current))
    return current


def _check_gate(gate: Gate) -> None:
    if gate.same_as:
        raise CannotPublishError(
            f"The draft equals {gate.same_as}, so nothing would change.", hint="Change something first."
        )
    if gate.errors:
        raise CannotPublishError(
            " ".join(one.text for one in gate.errors), hint="Change the draft and preview it again."
        )
    if gate.unanswered:
        raise CannotPublishError(
            f"Without a note: {' '.join(one.text for one in gate.unanswered)}",
            hint="Say of each warning why it is accepted, or change the draft.",
        )
    if gate.preview_problem:
        raise CannotPublishError(gate.preview_problem, hint="Preview it, then send it.")


@transaction.atomic
def send_back(*, version: ScorecardVersion, note: str, by: User, now: datetime) -> ScorecardVersion:
    """From review back to a draft, with what has to change."""
    current = _in_state(version.pk, VersionState.IN_REVIEW)
    if not note.strip():
        raise CannotPublishError("Say what has to change.", hint="The author reads it.", field="note")
    current.state, current.review_note = VersionState.DRAFT, note.strip()
    current.save(update_fields=["state", "review_note"])
    audit.record(
        by=by, now=now, action="scorecard.sent_back", subject=current, after={"note": current.review_note}
    )
    return current


@transaction.atomic
def approve(
    *, version: ScorecardVersion, by: User, now: datetime, alone_reason: str = ""
) -> ScorecardVersion:
    """Approve what is in review (HC-4): in force at once when its day has come, else from 00:00 of that day.

    The last editor approves only when nobody else may, and with a written reason. Raises NeedsAnotherPersonError,
    CannotPublishError, NotInReviewError.
    """
    card = Scorecard.objects.select_for_update().get(pk=version.scorecard_id)
    current = _in_state(version.pk, VersionState.IN_REVIEW)
    reason = _reason_alone(current, by, alone_reason)
    errors = [one for one in lint.findings_of(current, now=now) if one.level == "E"]
    if errors:
        raise CannotPublishError(" ".join(one.text for one in errors), hint="Send it back with a note.")
    current.state, current.approved_by, current.approved_at = VersionState.SCHEDULED, by, now
    current.approved_alone = reason
    current.save(update_fields=["state", "approved_by", "approved_at", "approved_alone"])
    after = {**_said(current), "approved_alone": reason} if reason else _said(current)
    audit.record(by=by, now=now, action="scorecard.approved", subject=current, after=after)
    if current.effective_on is None or current.effective_on <= local_day(now):
        _go_live(card, current, by=by, now=now)
    return current


def _reason_alone(current: ScorecardVersion, by: User, reason: str) -> str:
    if not by.may(Grant.PUBLISH_SCORECARD):
        raise CannotPublishError(
            "You may not publish scorecards.", hint="An admin can give you that right under Settings, Users."
        )
    if by.pk != current.edited_by_id:
        return ""
    others = list(approvers().exclude(pk=by.pk)[:4])
    if others:
        raise NeedsAnotherPersonError(others)
    if len(reason.strip()) < LEAST_NOTE:
        raise CannotPublishError(
            f"You are the only one who may approve. Write a reason of at least {LEAST_NOTE} characters.",
            hint="It stays with the version as “approved alone”.",
            field="alone_reason",
        )
    return reason.strip()


def approvers() -> QuerySet[User]:
    """Active users who may publish scorecards."""
    granted = Q(role=Role.ADMIN) | Q(grants__contains=[Grant.PUBLISH_SCORECARD.value])
    return User.objects.filter(granted, is_active=True).order_by("name")


@transaction.atomic
def withdraw(*, version: ScorecardVersion, by: User, now: datetime) -> ScorecardVersion:
    """Take back an approved version before its day. Its content stays to be read and copied."""
    current = _in_state(version.pk, VersionState.SCHEDULED)
    current.state = VersionState.WITHDRAWN
    current.save(update_fields=["state"])
    audit.record(by=by, now=now, action="scorecard.withdrawn", subject=current)
    return current


@transaction.atomic
def roll_back(*, to: ScorecardVersion, reason: str, by: User, now: datetime) -> ScorecardVersion:
    """A new version with the body of an earlier one, in force now (HC-6). One admin and a reason suffice."""
    if not by.is_admin:
        raise CannotPublishError("Only admins roll back.", hint="Ask an admin.")
    if len(reason.strip()) < LEAST_NOTE:
        raise CannotPublishError(
            f"The reason needs at least {LEAST_NOTE} characters.",
            hint="Say what went wrong.",
            field="reason",
        )
    card = Scorecard.objects.select_for_update().get(pk=to.scorecard_id)
    earlier, live = _in_state(to.pk, VersionState.SUPERSEDED), live_version(card.pk)
    if live is not None and live.body_hash == earlier.body_hash:
        raise CannotPublishError(f"{live.label} says the same already.", hint="Choose another version.")
    _check_body(earlier)
    back = ScorecardVersion.objects.create(
        scorecard=card,
        kind=earlier.kind,
        state=VersionState.SCHEDULED,
        body=earlier.body,
        body_hash=earlier.body_hash,
        base=live,
        rollback_of=earlier,
        note=f"Back to {earlier.label}: {reason.strip()}"[:500],
        created_by=by,
        edited_by=by,
        edited_at=now,
        approved_by=by,
        approved_at=now,
        effective_on=local_day(now),
    )
    audit.record(by=by, now=now, action="scorecard.rolled_back", subject=back, after=_said(back))
    return _go_live(card, back, by=by, now=now)


def _check_body(version: ScorecardVersion) -> None:
    """A body that was in force once may have become unreadable only by a fault of ours; say so before it scores."""
    try:
        read_rules(version.body) if version.scorecard.key == RULES_KEY else read_card(version.body)
    except CardError as error:
        raise CannotPublishError(
            " ".join(error.problems), hint="Start a draft from it and correct that."
        ) from error


def put_live_due(*, now: datetime) -> int:
    """Put scheduled versions in force whose day has begun, each in a transaction of its own; returns how many."""
    due = ScorecardVersion.objects.filter(state=VersionState.SCHEDULED, effective_on__lte=local_day(now))
    order = due.order_by("effective_on", "approved_at", "pk").values_list("pk", "scorecard_id")
    return sum(_put_live_one(pk, card_id, now=now) for pk, card_id in order)


@transaction.atomic
def _put_live_one(pk: int, card_id: int, *, now: datetime) -> int:
    card = Scorecard.objects.select_for_update().get(pk=card_id)
    try:
        current = _in_state(pk, VersionState.SCHEDULED)
    except NotInReviewError:  # withdrawn, or another worker was first
        return 0
    _go_live(card, current, by=None, now=now)
    return 1


def _go_live(
    card: Scorecard, current: ScorecardVersion, *, by: User | None, now: datetime
) -> ScorecardVersion:
    """Close the version in force, give the next number, and let a job score everybody. Needs the lock of the card."""
    before = live_version(card.pk)
    if before is not None:
        before.state, before.live_to = VersionState.SUPERSEDED, now
        before.save(update_fields=["state", "live_to"])
    last = ScorecardVersion.objects.filter(scorecard=card).aggregate(last=Max("number"))["last"]
    current.number, current.state, current.live_from = 1 + (last or 0), VersionState.LIVE, now
    current.save(update_fields=["number", "state", "live_from"])
    audit.record(
        by=by,
        now=now,
        action="scorecard.published",
        subject=current,
        before={"number": before.number, "body_hash": before.body_hash} if before else None,
        after=_said(current),
    )
    rescoring.start_rescore(version=current, by=by)
    return current


def _in_state(pk: int, state: VersionState) -> ScorecardVersion:
    found = (
        ScorecardVersion.objects.select_for_update(of=("self",)).select_related("scorecard").filter(pk=pk)
    ).first()
    if found is None or found.state != state:
        raise NotInReviewError(
            f"This version is not {state.label} any more.", hint="Look at the list of versions."
        )
    return found


def _said(version: ScorecardVersion) -> dict[str, str | int | None]:
    return {
        "number": version.number,
        "body_hash": version.body_hash,
        "note": version.note,
        "effective_on": version.effective_on.isoformat() if version.effective_on else None,
    }
