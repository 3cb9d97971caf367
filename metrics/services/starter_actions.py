"""The starter card of kind `actions`: counts of usage events as own measures, and a draft that stands on them."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from django.db import transaction

from config.work import audit
from metrics.choices import MeasureKind
from metrics.formulas.health_starter import (
    STARTER_ACTIONS,
    STARTER_ACTIONS_KEY,
    STARTER_ACTIONS_TITLE,
    STARTER_WINDOW,
    starter_actions_body,
)
from metrics.models import OwnMeasure, Scorecard, ScorecardVersion
from metrics.services import own_measures
from metrics.services.scorecards import draft_with

# What the source calls each action; an installation names its own.
EVENTS: Mapping[str, Mapping[str, Any]] = {
    "core_event": {"event": "core_event"},
    "feature_first_use": {"first_uses": True},
    "invite": {"event": "invite_sent"},
    "bug_report": {"event": "bug_reported"},
    "downgrade": {"event": "plan_downgraded"},
}


@transaction.atomic
def install_starter_actions(
    *, by: Any, now: datetime, as_of: date, events: Mapping[str, Mapping[str, Any]] | None = None
) -> ScorecardVersion:
    """A draft of the starter; its counts are added where they are missing, the card where there is none.

    `events` say what an action is called in the usage feed: {"core_event": {"event": "worked"}}.
    """
    names = {**EVENTS, **(events or {})}
    versions = {
        key: _count(key, title, names[key], impact < 0, by=by, now=now, as_of=as_of)
        for key, title, impact, _ in STARTER_ACTIONS
    }
    card, _ = Scorecard.objects.get_or_create(
        key=STARTER_ACTIONS_KEY, defaults={"title": STARTER_ACTIONS_TITLE}
    )
    draft = draft_with(scorecard=card, body=starter_actions_body(versions), base=None, by=by, now=now)
    audit.record(by=by, now=now, action="scorecard.created", subject=draft, after={"card": card.key})
    return draft


def _count(
    key: str, title: str, spec: Mapping[str, Any], is_bad: bool, *, by: Any, now: datetime, as_of: date
) -> int:
    """The version of the count, made now where there is none in use."""
    stored = OwnMeasure.objects.filter(key=key, retired_at=None).order_by("-version").first()
    if stored is None:
        stored = own_measures.add(
            key=key,
            title=title,
            about=f"how often it happened in {STARTER_WINDOW} days",
            kind=MeasureKind.EVENT,
            spec=spec,
            better="down" if is_bad else "up",
            window_days=STARTER_WINDOW,
            by=by,
            now=now,
            as_of=as_of,
        )
    return stored.version
