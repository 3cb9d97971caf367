"""Measures that the organisation adds: checked, named, given a slot of their own, and read for everybody at once."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.text import slugify

from config.web.errors import DomainError
from config.work import audit
from customers.choices import CustomFieldType
from customers.models import CustomField
from metrics.choices import MeasureKind
from metrics.formulas.health_measures import FIRST_OWN_SLOT, MEASURES
from metrics.formulas.health_numbers import WEIGHT_UNIT
from metrics.models import OwnMeasure
from metrics.queries.measure_use import cards_with
from metrics.queries.measures import own_measures
from metrics.services.reading_fills import start_fill

MOST = 100  # own measures, retired ones included: each makes every packed row longer
LONGEST_WINDOW = 366  # days of events that are read for everybody, every night
MOST_ACTIONS = 20
LARGEST_IMPACT = 1_000 * WEIGHT_UNIT
UNITS = {
    CustomFieldType.NUMBER: "number",
    CustomFieldType.MONEY: "number",
    CustomFieldType.DATE: "days",
    CustomFieldType.CHOICE: "choice",
    CustomFieldType.BOOLEAN: "yes_no",
}


class OwnMeasureError(DomainError):
    """What is asked for cannot be a measure."""

    code = "own_measure"


@transaction.atomic
def add(
    *,
    title: str,
    kind: str,
    spec: Mapping[str, Any],
    better: str,
    by: Any,
    now: datetime,
    as_of: date,
    key: str = "",
    about: str = "",
    window_days: int = 0,
) -> OwnMeasure:
    """A new measure, or a new meaning of one: a key that is taken gets its next version.

    `spec` of a field: {"field"}; of an event: {"event", "feature", "first_uses"}; of actions: {"actions": [{"event",
    "feature", "impact" in 10^-4, "max_count"}]}. A job then reads it for everybody.
    """
    known = own_measures()
    key = key or slugify(title).replace("-", "_")[:60]
    _refuse_bad_name(key, title, known)
    meaning, unit = _meaning(kind, spec)
    measure = OwnMeasure(
        key=key,
        version=1 + max((one.version for one in known if one.key == key), default=0),
        slot=1 + max([FIRST_OWN_SLOT - 1, *(one.slot for one in known)]),
        title=title,
        about=about,
        kind=kind,
        unit=unit,
        better=better,
        spec=meaning,
        window_days=_window(kind, window_days),
        created_by=by,
        created_at=now,
    )
    try:
        with transaction.atomic():
            measure.save()
    except IntegrityError as error:
        raise OwnMeasureError(
            "Somebody added a measure at the same moment.", hint="Look at the list and try again."
        ) from error
    after = {"key": key, "version": measure.version, "kind": kind, "spec": meaning}
    audit.record(by=by, now=now, action="measure.added", subject=measure, after=after)
    start_fill(measure=measure, as_of=as_of, by=by)
    return measure


@transaction.atomic
def retire(*, measure: OwnMeasure, by: Any, now: datetime) -> OwnMeasure:
    """Offer a measure no longer; scores of the past keep it. A card in force must have let go of it first."""
    stored = OwnMeasure.objects.select_for_update().get(pk=measure.pk)
    if stored.retired_at is not None:
        return stored
    users = cards_with(stored.key, stored.version)
    if users:
        raise OwnMeasureError(
            f"{stored.title} stands on {', '.join(users)}.",
            hint="Publish a version without it first; then it can be retired.",
        )
    stored.retired_at = now
    stored.save(update_fields=["retired_at"])
    audit.record(
        by=by,
        now=now,
        action="measure.retired",
        subject=stored,
        after={"key": stored.key, "version": stored.version},
    )
    return stored


def _refuse_bad_name(key: str, title: str, known: list[OwnMeasure]) -> None:
    if not key or not title.strip():
        raise OwnMeasureError("A measure needs a title with letters.", field="title")
    if any(measure.key == key for measure in MEASURES):
        raise OwnMeasureError(f"“{key}” is a built-in measure.", hint="Choose another title.", field="title")
    if len(known) >= MOST:
        raise OwnMeasureError(f"There are {MOST} own measures already.", hint="No more can be kept apart.")


def _window(kind: str, days: int) -> int:
    if kind == MeasureKind.FIELD:
        return 0
    if not 1 <= days <= LONGEST_WINDOW:
        raise OwnMeasureError(f"The window has 1 to {LONGEST_WINDOW} days.", field="window_days")
    return days


def _meaning(kind: str, spec: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """The checked spec as it is stored, and its unit."""
    if kind == MeasureKind.FIELD:
        return _field_meaning(str(spec.get("field", "")))
    if kind == MeasureKind.EVENT:
        return _event_meaning(spec), "count"
    if kind == MeasureKind.ACTIONS:
        actions = [_event_meaning(action) | _worth(action) for action in spec.get("actions", ())]
        if not 1 <= len(actions) <= MOST_ACTIONS:
            raise OwnMeasureError(f"List 1 to {MOST_ACTIONS} actions.", field="actions")
        return {"actions": actions}, "number"
    raise OwnMeasureError(f"There is no kind of measure “{kind}”.", field="kind")


def _field_meaning(key: str) -> tuple[dict[str, Any], str]:
    """The field with its type and options of today: another list of options is another meaning."""
    field = CustomField.objects.filter(key=key, is_archived=False).first()
    unit = UNITS.get(CustomFieldType(field.kind)) if field else None
    if field is None or unit is None:
        raise OwnMeasureError(f"No number, date, choice or yes-or-no field is called “{key}”.", field="field")
    return {"field": key, "type": field.kind, "options": list(field.options)}, unit


def _event_meaning(spec: Mapping[str, Any]) -> dict[str, Any]:
    event, feature = (str(spec.get(name) or "").strip()[:200] for name in ("event", "feature"))
    first_uses = bool(spec.get("first_uses"))
    if not event and not feature and not first_uses:
        raise OwnMeasureError("Name an event or a feature.", field="event")
    return {"event": event, "feature": feature, "first_uses": first_uses}


def _worth(action: Mapping[str, Any]) -> dict[str, Any]:
    impact, most = action.get("impact"), action.get("max_count")
    if not isinstance(impact, int) or not -LARGEST_IMPACT <= impact <= LARGEST_IMPACT:
        raise OwnMeasureError("An impact is a number from -1,000 to 1,000.", field="actions")
    if most is not None and (not isinstance(most, int) or most < 1):
        raise OwnMeasureError("The most that counts is 1 or more.", field="actions")
    return {"impact": impact, "max_count": most}
