"""Life of a scorecard: starter card, drafts, publishing. Published content is final by a database trigger."""

from collections.abc import Mapping
from copy import deepcopy
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F

from accounts.models import User
from accounts.queries.organisation import local_day
from config.web.errors import DomainError
from config.work import audit
from customers.models import CustomerSummary
from customers.services import staleness
from metrics.choices import CardKind, VersionState
from metrics.formulas.health_cards import CardError, WeightedCard, body_hash, parse_card, read_card
from metrics.formulas.health_starter import STARTER_KEY, STARTER_NOTE, STARTER_TITLE, starter_body
from metrics.models import Scorecard, ScorecardVersion
from metrics.queries.scorecards import live_version

LEAST_NOTE = 10  # characters; shorter notes say nothing a year later
STALE_CAUSE = "scorecard"


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
    """The version has been published, discarded, or never was a draft."""

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
def start_draft(*, scorecard: Scorecard, by: User, now: datetime) -> ScorecardVersion:
    """A new draft with the body of the version in force."""
    base = live_version(scorecard.pk)
    if base is None:
        raise NotADraftError(
            "This scorecard has no version in force.", hint="Install the starter scorecard first."
        )
    draft = ScorecardVersion.objects.create(
        scorecard=scorecard,
        kind=base.kind,
        body=base.body,
        body_hash=base.body_hash,
        base=base,
        created_by=by,
        edited_by=by,
        edited_at=now,
    )
    audit.record(by=by, now=now, action="scorecard.draft_started", subject=draft)
    return draft


@transaction.atomic
def save_draft(
    *,
    draft: ScorecardVersion,
    group_weights: Mapping[str, int],
    measure_weights: Mapping[str, int],
    version: int,
    by: User,
    now: datetime,
) -> ScorecardVersion:
    """Store new weights (in 10^-4) of groups and measures. `version` is the save the editor saw.

    Raises DraftChangedError when somebody saved in between. A draft may be incomplete; publishing checks it.
    """
    body = with_weights(draft.body, group_weights, measure_weights)
    saved = ScorecardVersion.objects.filter(pk=draft.pk, state=VersionState.DRAFT, version=version).update(
        body=body, body_hash=body_hash(body), edited_by=by, edited_at=now, version=F("version") + 1
    )
    current = _draft(draft.pk)
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


@transaction.atomic
def discard_draft(*, draft: ScorecardVersion, by: User, now: datetime) -> None:
    """Delete a draft; published versions stay for ever."""
    current = _draft(draft.pk)
    audit.record(
        by=by, now=now, action="scorecard.draft_discarded", subject=current, before={"body": current.body}
    )
    current.delete()


@transaction.atomic
def publish(*, draft: ScorecardVersion, version: int, note: str, by: User, now: datetime) -> ScorecardVersion:
    """Put a draft in force for every customer of its card, exactly as it was previewed.

    In the same transaction the version before is closed and every customer is marked stale, so that the worker
    scores all of them; scores of the past keep their version.
    """
    if len(note.strip()) < LEAST_NOTE:
        raise CannotPublishError(
            f"The note needs at least {LEAST_NOTE} characters.",
            hint="Say what changed and why.",
            field="note",
        )
    card = Scorecard.objects.select_for_update().get(pk=draft.scorecard_id)
    current = _draft(draft.pk)
    if current.version != version:
        raise DraftChangedError(current)
    check_publishable(current)
    before = live_version(card.pk)
    if before is not None:
        before.state, before.live_to = VersionState.SUPERSEDED, now
        before.save(update_fields=["state", "live_to"])
    current.number = 1 + (before.number or 0 if before else 0)
    current.state, current.live_from = VersionState.LIVE, now
    current.note, current.approved_by = note.strip(), by
    current.save(update_fields=["number", "state", "live_from", "note", "approved_by"])
    audit.record(
        by=by,
        now=now,
        action="scorecard.published",
        subject=current,
        before={"number": before.number, "body_hash": before.body_hash} if before else None,
        after={"number": current.number, "body_hash": current.body_hash, "note": current.note},
    )
    customers = CustomerSummary.objects.filter(customer__archived_at=None).values_list(
        "customer_id", flat=True
    )
    staleness.mark(customer_ids=customers, from_day=local_day(now), cause=STALE_CAUSE)
    return current


def check_publishable(draft: ScorecardVersion) -> None:
    """Raise CannotPublishError with every reason against this body, also when it equals the version in force."""
    try:
        read_card(draft.body)
    except CardError as error:
        raise CannotPublishError(
            " ".join(error.problems), hint="Change the draft and preview it again."
        ) from error
    live = live_version(draft.scorecard_id)
    if live is not None and live.body_hash == draft.body_hash:
        raise CannotPublishError(
            f"The draft equals {live.label}, so nothing would change.", hint="Change a weight first."
        )


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


def weighted_card(version: ScorecardVersion) -> WeightedCard:
    """The card of a version, also of a draft that could not be published yet."""
    card = parse_card(version.body)
    if not isinstance(card, WeightedCard):
        raise CannotPublishError("Only weighted scorecards have weights.")
    return card


def _draft(pk: int) -> ScorecardVersion:
    found = ScorecardVersion.objects.select_for_update(of=("self",)).filter(pk=pk).first()
    if found is None or found.state != VersionState.DRAFT:
        raise NotADraftError(
            "This draft has been published or discarded in the meantime.",
            hint="Start a new draft from the list.",
        )
    return found
