"""Scorecards and their drafts: starter card, new cards, editing, notes on findings, and what a preview promised.

From review on a version is in `scorecard_review`. Published content is final by a database trigger.
"""

from collections.abc import Mapping
from copy import deepcopy
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils.text import slugify

from accounts.models import User
from config.web.errors import DomainError
from config.work import audit
from metrics.choices import CardKind, VersionState
from metrics.formulas.health_cards import CardError, body_hash, parse_card
from metrics.formulas.health_rules import parse_rules
from metrics.formulas.health_starter import (
    STARTER_KEY,
    STARTER_NOTE,
    STARTER_TITLE,
    empty_actions_body,
    starter_body,
)
from metrics.models import Scorecard, ScorecardVersion
from metrics.queries.scorecards import default_scorecard, latest_version, live_version
from metrics.services.alert_rules import install_alert_rules

RULES_KEY, RULES_TITLE = "rules", "Card rules"
LEAST_NOTE = 10  # characters; shorter notes say nothing a year later
LONGEST_KEY = 40


class DraftChangedError(DomainError):
    """Somebody else saved the draft first; `current` is the draft as it stands."""

    code = "draft_changed"

    def __init__(self, current: ScorecardVersion) -> None:
        who = current.edited_by or "somebody"
        super().__init__(
            f"{who} saved this draft while you were editing it, so nothing of yours was stored.",
            hint="Both are shown: take over what you still want and save again.",
        )
        self.current = current


class NotADraftError(DomainError):
    """The version has been sent to review, discarded, or never was a draft."""

    code = "not_a_draft"


class CannotPublishError(DomainError):
    """The draft breaks a rule of publishing."""

    code = "cannot_publish"


@transaction.atomic
def ensure_default_scorecard(*, now: datetime) -> ScorecardVersion:
    """The live version of the default card; installs the starter card as version 1 on a fresh database."""
    card, _ = Scorecard.objects.get_or_create(
        is_default=True, defaults={"key": STARTER_KEY, "title": STARTER_TITLE}
    )
    Scorecard.objects.select_for_update().get(pk=card.pk)
    live = live_version(card.pk)
    if live is not None:
        return live
    install_alert_rules()
    body = starter_body()
    return ScorecardVersion.objects.create(
        scorecard=card,
        number=1,
        state=VersionState.LIVE,
        body=body,
        body_hash=body_hash(body),
        note=STARTER_NOTE,
        edited_at=now,
        live_from=now,
    )


@transaction.atomic
def new_card(
    *, title: str, kind: str, by: User | None, now: datetime, source: ScorecardVersion | None = None
) -> ScorecardVersion:
    """A new scorecard with its first draft: empty for `actions`, the starter for `weighted`, or a copy of a version."""
    if kind not in {CardKind.ACTIONS, CardKind.WEIGHTED}:
        raise CannotPublishError(f"There is no kind {kind}.", hint="Use actions or weighted.", field="kind")
    card = Scorecard.objects.create(key=free_key(slugify(title) or "card"), title=title.strip())
    body = source.body if source else starter_body() if kind == CardKind.WEIGHTED else empty_actions_body()
    draft = draft_with(scorecard=card, body=body, base=None, by=by, now=now)
    audit.record(by=by, now=now, action="scorecard.created", subject=draft, after={"card": card.key})
    return draft


@transaction.atomic
def start_draft(
    *, scorecard: Scorecard, by: User | None, now: datetime, base: ScorecardVersion | None = None
) -> ScorecardVersion:
    """A new draft with the body of `base`, by default of the version in force. Any number of drafts may exist."""
    base = base or live_version(scorecard.pk) or latest_version(scorecard.pk)
    if base is None or base.scorecard_id != scorecard.pk:
        raise NotADraftError(
            "This scorecard has no version to start from.", hint="Import one, or make a new scorecard."
        )
    draft = draft_with(scorecard=scorecard, body=base.body, base=base, by=by, now=now)
    audit.record(by=by, now=now, action="scorecard.draft_started", subject=draft)
    return draft


@transaction.atomic
def start_rules_draft(*, by: User | None, now: datetime) -> ScorecardVersion:
    """A draft of the card rules: those in force, or at first the default card for everybody."""
    card, _ = Scorecard.objects.get_or_create(key=RULES_KEY, defaults={"title": RULES_TITLE})
    if live_version(card.pk) is not None:
        return start_draft(scorecard=card, by=by, now=now)
    default = default_scorecard()
    body = {"kind": CardKind.RULES.value, "rules": [], "default": default.key if default else ""}
    draft = draft_with(scorecard=card, body=body, base=None, by=by, now=now)
    audit.record(by=by, now=now, action="scorecard.draft_started", subject=draft)
    return draft


def draft_with(
    *,
    scorecard: Scorecard,
    body: Mapping[str, Any],
    base: ScorecardVersion | None,
    by: User | None,
    now: datetime,
) -> ScorecardVersion:
    """A stored draft with this body. The caller records what it was made for."""
    return ScorecardVersion.objects.create(
        scorecard=scorecard,
        kind=body["kind"],
        body=body,
        body_hash=body_hash(body),
        base=base,
        created_by=by,
        edited_by=by,
        edited_at=now,
    )


def free_key(wanted: str) -> str:
    """The key, with a number behind it when a scorecard has it already."""
    start, key, number = wanted[: LONGEST_KEY - 4], wanted[:LONGEST_KEY], 2
    while key == RULES_KEY or Scorecard.objects.filter(key=key).exists():
        key, number = f"{start}-{number}", number + 1
    return key


@transaction.atomic
def save_body(
    *, draft: ScorecardVersion, body: Mapping[str, Any], version: int, by: User | None, now: datetime
) -> ScorecardVersion:
    """Store another body of a draft. `version` is the save the editor saw.

    Raises DraftChangedError when somebody saved in between, CannotPublishError for what is no card at all. A draft may
    be incomplete; the way to review checks it. A preview stays, but it is one of another body.
    """
    check_readable(body, draft.kind)
    saved = ScorecardVersion.objects.filter(pk=draft.pk, state=VersionState.DRAFT, version=version).update(
        body=body, body_hash=body_hash(body), edited_by=by, edited_at=now, version=F("version") + 1
    )
    current = draft_locked(draft.pk)
    if not saved:
        raise DraftChangedError(current)
    audit.record(
        by=by,
        now=now,
        action="scorecard.draft_saved",
        subject=current,
        before={"body_hash": draft.body_hash},
        after={"body_hash": current.body_hash},
    )
    return current


def save_draft(
    *,
    draft: ScorecardVersion,
    group_weights: Mapping[str, int],
    measure_weights: Mapping[str, int],
    version: int,
    by: User,
    now: datetime,
) -> ScorecardVersion:
    """Store new weights (in 10^-4) of groups and measures, as `save_body` does."""
    body = with_weights(draft.body, group_weights, measure_weights)
    return save_body(draft=draft, body=body, version=version, by=by, now=now)


@transaction.atomic
def discard_draft(*, draft: ScorecardVersion, by: User, now: datetime) -> None:
    """Delete a draft; published versions stay for ever."""
    current = draft_locked(draft.pk)
    audit.record(
        by=by, now=now, action="scorecard.draft_discarded", subject=current, before={"body": current.body}
    )
    current.delete()


@transaction.atomic
def acknowledge(
    *, draft: ScorecardVersion, notes: Mapping[str, str], by: User, now: datetime
) -> ScorecardVersion:
    """Note why warnings are accepted: {finding: note}, the finding named by `lint.name_of`. An empty note takes it back."""
    current = draft_locked(draft.pk)
    before = dict(current.acknowledged)
    kept = {**before, **{key: note.strip() for key, note in notes.items()}}
    current.acknowledged = {key: note for key, note in kept.items() if note}
    if current.acknowledged != before:
        current.save(update_fields=["acknowledged"])
        audit.record(
            by=by,
            now=now,
            action="scorecard.warnings_noted",
            subject=current,
            before=before,
            after=current.acknowledged,
        )
    return current


@transaction.atomic
def note_preview(
    *, draft: ScorecardVersion, summary: Mapping[str, Any], now: datetime
) -> ScorecardVersion | None:
    """Keep what a preview of a draft promised, with the hash of the body that was previewed.

    `summary` holds JSON values: customers, mrr (text), coverage (text), as_of, bands {key: {"customers", "mrr"}} and
    movers {customer id: band to come}, see `promises.promise`. None when the draft was saved or sent meanwhile.
    """
    noted = {**summary, "body_hash": draft.body_hash, "at": now.isoformat()}
    drafts = ScorecardVersion.objects.filter(pk=draft.pk, state=VersionState.DRAFT, body_hash=draft.body_hash)
    if not drafts.update(preview=noted):
        return None
    draft.preview = noted
    return draft


def check_readable(body: Mapping[str, Any], kind: str) -> None:
    """Raise CannotPublishError for a body that is no card, or of another kind."""
    if body.get("kind") != kind:
        raise CannotPublishError("A draft keeps its kind.", hint="Make a new scorecard for another kind.")
    try:
        if kind == CardKind.RULES:
            parse_rules(body)
        else:
            parse_card(body)
    except CardError as error:
        raise CannotPublishError(" ".join(error.problems), hint="Correct the draft.") from error


def with_weights(
    body: Mapping[str, Any], group_weights: Mapping[str, int], measure_weights: Mapping[str, int]
) -> dict[str, Any]:
    """A copy of a body with other weights; groups and measures that are not named keep theirs."""
    changed = deepcopy(dict(body))
    if changed["kind"] != CardKind.WEIGHTED:
        raise CannotPublishError("Only weighted scorecards have weights.")
    for group in changed["groups"]:
        group["weight"] = group_weights.get(group["key"], group["weight"])
        for measure in group["measures"]:
            measure["weight"] = measure_weights.get(measure["measure"], measure["weight"])
    return changed


def draft_locked(pk: int) -> ScorecardVersion:
    """The draft, locked until the transaction ends. Raises NotADraftError when it is none any more."""
    found = (
        ScorecardVersion.objects.select_for_update(of=("self",))
        .select_related("scorecard", "edited_by")
        .filter(pk=pk)
        .first()
    )
    if found is None or found.state != VersionState.DRAFT:
        raise NotADraftError(
            "This draft has been sent to review or discarded in the meantime.",
            hint="Start a new draft from the list.",
        )
    return found
