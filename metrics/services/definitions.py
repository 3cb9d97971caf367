"""Changing the definition of the metrics: look at the effect first, then publish a new version (G-11, section 22)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from accounts.models import Organisation
from accounts.models.organisation import THE_ROW
from accounts.queries import organisation
from config.web.errors import DomainError
from config.work import audit
from config.work.models import Job
from metrics.formulas.definition import Definition, as_texts, differences, with_preset, with_values
from metrics.formulas.definition_effects import changes_ledger
from metrics.formulas.periods import Period, add_months, month_of, month_period
from metrics.formulas.result import Result
from metrics.models import DefinitionVersion
from metrics.queries import definitions
from metrics.queries.metric_rows import MetricRow, metric_rows
from metrics.services.recompute import start_recompute
from metrics.services.reports import reported

MONTHS_SHOWN = 12
NOT_BUILT: Mapping[str, Sequence[object]] = {
    "logo_level": ("parent",),
    "usage_policy": ("trailing_3m", "committed_only"),
}


class DefinitionError(DomainError):
    """A key or value that the definition cannot take, or a definition that says what is in force already."""

    code = "definition"


@dataclass(frozen=True, slots=True)
class Effect:
    """One month under the definition in force and under the draft."""

    period: Period
    before: MetricRow
    after: MetricRow

    def pair(self, key: str) -> tuple[Result, Result]:
        """A metric before and after."""
        return self.before.values[key], self.after.values[key]


def draft_of(*, preset: str = "", values: Mapping[str, object] | None = None) -> Definition:
    """The definition in force with a preset and some values over it; DefinitionError names what does not fit."""
    base = definitions.current()
    try:
        draft = with_values(with_preset(base, preset) if preset else base, values or {})
    except ValueError as error:
        text = str(error)
        raise DefinitionError(
            f"{text[:1].upper()}{text[1:]}.", hint="Correct the value.", field=_key_in(error)
        ) from error
    for key, missing in NOT_BUILT.items():
        if getattr(draft, key) in missing:
            raise DefinitionError(
                f"{key} = {getattr(draft, key)} cannot be computed yet.",
                hint="Choose another value.",
                field=key,
            )
    return draft


def _key_in(error: ValueError) -> str | None:
    name = str(error).split(" ", 1)[0]
    return name if name.isidentifier() else None


def preview(draft: Definition, *, now: datetime) -> list[Effect]:
    """The last 12 complete months under both definitions, oldest first. Nothing is stored."""
    today = organisation.local_day(now)
    over = today - timedelta(days=1)
    last = month_of(today)
    periods = [month_period(add_months(last, -step)) for step in range(MONTHS_SHOWN, 0, -1)]
    before = metric_rows(periods, as_of=today, complete_to=over)
    with reported(draft, as_of=today, now=now):
        after = metric_rows(periods, as_of=today, complete_to=over, definition=draft)
    return [Effect(*pair) for pair in zip(periods, before, after, strict=True)]


@transaction.atomic
def publish(
    *,
    draft: Definition,
    by: Any,
    now: datetime,
    preset: str = "",
    note: str = "",
    seen: int | None = None,
) -> tuple[DefinitionVersion, Job | None]:
    """Make the draft the definition in force and start the recompute it needs; earlier versions stay readable.

    `seen` is the version the draft was compared with: another one published since is a DefinitionError. Frozen months
    keep their numbers and get no restatements (T-9).
    """
    Organisation.objects.select_for_update().filter(pk=THE_ROW).first()
    current = definitions.current()
    if seen is not None and seen != definitions.current_number():
        raise DefinitionError(
            f"Definition {definitions.current_number()} was published while you were looking at this draft.",
            hint="Look at the differences again, then publish.",
        )
    changed = differences(current, draft)
    if not changed:
        raise DefinitionError(
            "This is the definition in force already.", hint="Change a value before you publish."
        )
    version = DefinitionVersion.objects.create(
        number=definitions.current_number() + 1,
        config=as_texts(draft),
        preset=preset,
        note=note,
        published_by=by,
        published_at=now,
    )
    Organisation.objects.update_or_create(
        pk=THE_ROW, defaults={"time_zone": draft.timezone, "currency": draft.reporting_currency}
    )
    audit.record(
        by=by,
        now=now,
        action="definition.published",
        subject=version,
        before={key: str(old) for key, old, _ in changed},
        after={key: str(new) for key, _, new in changed},
    )
    job = (
        start_recompute(as_of=organisation.local_day(now), by=by) if changes_ledger(current, draft) else None
    )
    return version, job
