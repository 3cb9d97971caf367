"""Alert rules: the ones every installation starts with, and what an admin makes of them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction

from accounts.models import User
from config.web.errors import DomainError
from config.work import audit
from metrics.choices import AlertKind
from metrics.models import AlertRule
from metrics.services.alert_post import MANAGER, OWNER

EDITED = ("title", "kind", "scope", "points", "days", "receivers", "by_mail", "is_on")
STARTERS: Sequence[Mapping[str, Any]] = (
    {"kind": AlertKind.BAND_WORSE, "title": "Band got worse"},
    {"kind": AlertKind.BAND_BETTER, "title": "Band got better", "is_on": False},
    {"kind": AlertKind.DROP, "title": "Dropped 10 points in 14 days", "points": Decimal(10), "days": 14},
    {"kind": AlertKind.UNSCORED, "title": "No score any more"},
    {
        "kind": AlertKind.RED_BEFORE_RENEWAL,
        "title": "Red before renewal",
        "days": 90,
        "receivers": [OWNER, MANAGER],
    },
)


def install_alert_rules() -> None:
    """The rules of a new installation; nothing when there is any rule already."""
    if not AlertRule.objects.exists():
        AlertRule.objects.bulk_create([AlertRule(**{"receivers": [OWNER], **one}) for one in STARTERS])


@transaction.atomic
def save_alert_rule(*, rule: AlertRule, by: User, now: datetime, **values: Any) -> AlertRule:
    """Store a new or a changed rule; it judges from the next scoring on."""
    if not values["receivers"]:
        raise DomainError("Nobody would hear of it.", hint="Choose at least one receiver.", field="receivers")
    before = _content(rule) if rule.pk else None
    for name in EDITED:
        setattr(rule, name, values[name])
    rule.save()
    action = "alert_rule.changed" if before else "alert_rule.added"
    audit.record(by=by, now=now, action=action, subject=rule, before=before, after=_content(rule))
    return rule


@transaction.atomic
def switch_alert_rule(*, rule: AlertRule, is_on: bool, by: User, now: datetime) -> AlertRule:
    """Turn a rule on or off; open alerts stay with their receivers."""
    rule.is_on = is_on
    rule.save(update_fields=["is_on"])
    action = "alert_rule.switched_on" if is_on else "alert_rule.switched_off"
    audit.record(by=by, now=now, action=action, subject=rule)
    return rule


def _content(rule: AlertRule) -> dict[str, Any]:
    return {name: str(getattr(rule, name)) for name in EDITED}
