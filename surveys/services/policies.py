"""Saving the rules of asking: each save is a further version, the newest rules."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from accounts.models import User
from config.web.errors import DomainError
from config.work import audit
from surveys.models import SenderIdentity, SurveyPolicy
from surveys.models.policy import THE_ROW
from surveys.queries import policy as policies


@transaction.atomic
def save_policy(*, values: Mapping[str, Any], by: User, now: datetime) -> SurveyPolicy:
    """A new version with these values and all others as before, in force from now on."""
    _check_admin(by)
    before = policies.current(now)
    names = [
        field.name for field in SurveyPolicy._meta.fields if field.name not in {"id", "by", "recorded_at"}
    ]
    kept = {name: getattr(before, name) for name in names}
    saved = SurveyPolicy.objects.create(**{**kept, **values, "valid_from": now, "by": by})
    audit.record(
        by=by,
        now=now,
        action="survey_policy.saved",
        subject=saved,
        before={name: str(kept[name]) for name in values},
        after={name: str(value) for name, value in values.items()},
    )
    return saved


@transaction.atomic
def save_sender(*, values: Mapping[str, Any], by: User, now: datetime) -> SenderIdentity:
    """Who the mails of campaigns launched from now on come from."""
    _check_admin(by)
    saved, _ = SenderIdentity.objects.update_or_create(pk=THE_ROW, defaults=dict(values))
    audit.record(by=by, now=now, action="survey_sender.saved", subject=saved, after=dict(values))
    return saved


def _check_admin(by: User) -> None:
    if not by.is_admin:
        raise DomainError("Only an admin changes the rules of asking.", hint="Ask an admin.")
