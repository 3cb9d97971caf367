"""The miss ledger: a page per loss, filled from what was known before it, and the label the team gives it (HD-3, HD-4)."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Count, Q

from accounts.models import User
from accounts.queries import organisation
from config.web.errors import DomainError
from config.work import audit
from customers.models import FollowUp, Touchpoint
from metrics.choices import MissLabel
from metrics.formulas.health_measures import measure_of
from metrics.formulas.health_numbers import MICRO
from metrics.models import Miss
from metrics.queries.health_inputs import PackedReadings
from metrics.queries.misses import Loss, losses_until
from metrics.queries.past_scores import past_scores
from metrics.rollups import readings

BEFORE = (180, 90, 60, 30)  # days before the loss
TOUCH_DAYS = 30
DAYS_PER_RUN = 15  # days of losses filled in one run: four looks at the past each
READ = {
    "pulse": "pulse",
    "survey": "nps_latest",
    "usage": "usage_change_pct",
    "tickets": "open_tickets",
}
PLACES = Decimal("0.00000001")
LEAST_NOTE = 10  # characters

Found = dict[int, dict[str, Any]]


class MissError(DomainError):
    """The label cannot be set like this."""

    code = "miss"


def find_misses(*, today: date, now: datetime) -> int:
    """Open a page for each new loss, newest days first; returns how many. The rest waits for the next run.

    A loss that later facts took back loses its page while nobody has labelled it.
    """
    losses = losses_until(today)
    known = {(row.customer_id, row.day): row for row in Miss.objects.defer("history")}
    _follow_corrections(losses, known)
    days: dict[date, list[int]] = defaultdict(list)
    for pk, day in losses:
        if (pk, day) not in known:
            days[day].append(pk)
    return sum(
        _open_pages(day, {pk: losses[pk, day] for pk in days[day]}, now=now)
        for day in sorted(days, reverse=True)[:DAYS_PER_RUN]
    )


@transaction.atomic
def _open_pages(day: date, losses: Mapping[int, Loss], *, now: datetime) -> int:
    ids = sorted(losses)
    history = {before: what_was_known(ids, day=day - timedelta(days=before), now=now) for before in BEFORE}
    pages = [
        Miss(
            customer_id=pk,
            day=day,
            lost_mrr=losses[pk].mrr.quantize(PLACES),
            is_churn=losses[pk].is_churn,
            history={str(before): found[pk] for before, found in history.items()},
        )
        for pk in ids
    ]
    Miss.objects.bulk_create(pages, ignore_conflicts=True)
    return len(pages)


def _follow_corrections(
    losses: Mapping[tuple[int, date], Loss], known: Mapping[tuple[int, date], Miss]
) -> None:
    if not losses:
        return  # movements are being computed anew
    oldest = min(day for _, day in losses)
    gone = [row.pk for key, row in known.items() if key not in losses and row.day >= oldest]
    Miss.objects.filter(pk__in=gone, label="").delete()
    changed = []
    for key, row in known.items():
        loss = losses.get(key)
        if loss is not None and (row.lost_mrr, row.is_churn) != (loss.mrr.quantize(PLACES), loss.is_churn):
            row.lost_mrr, row.is_churn = loss.mrr.quantize(PLACES), loss.is_churn
            changed.append(row)
    Miss.objects.bulk_update(changed, ["lost_mrr", "is_churn"], batch_size=1_000)


def what_was_known(customer_ids: Sequence[int], *, day: date, now: datetime) -> Found:
    """What Tend knew of these customers at the end of a day, as JSON: numbers as text, None where nothing was known.

    Facts loaded as history count as known at the time they speak of.
    """
    end = datetime.combine(day + timedelta(days=1), time.min, organisation.zone()) - timedelta(microseconds=1)
    scores = past_scores(customer_ids, end)
    packed = {
        row.customer_id: row
        for row in readings.read(customer_ids=customer_ids, as_of=day, now=now, known_at=end)
    }
    waiting, touches = _open_follow_ups(customer_ids, end), _touches(customer_ids, end)
    found = {}
    for pk in customer_ids:
        score = scores.get(pk)
        found[pk] = {
            "score": _text(score.score if score else None),
            "computed": _text(score.computed if score else None),
            "coverage": _text(score.coverage if score else None),
            "follow_ups": waiting.get(pk, 0),
            "touchpoints": touches.get(pk, 0),
            **_read(packed.get(pk)),
        }
    return found


def _open_follow_ups(customer_ids: Sequence[int], end: datetime) -> dict[int, int]:
    rows = FollowUp.objects.filter(customer_id__in=customer_ids, created_at__lte=end)
    rows = rows.filter(Q(done_at=None) | Q(done_at__gt=end)).order_by()
    return dict(rows.values("customer_id").annotate(n=Count("pk")).values_list("customer_id", "n"))


def _touches(customer_ids: Sequence[int], end: datetime) -> dict[int, int]:
    rows = Touchpoint.objects.filter(
        Q(recorded_at__lte=end) | Q(backfilled=True),
        Q(superseded_by=None) | Q(superseded_by__recorded_at__gt=end),
        voids=False,
        customer_id__in=customer_ids,
        occurred_at__gt=end - timedelta(days=TOUCH_DAYS),
        occurred_at__lte=end,
    )
    counted = rows.order_by().values("customer_id").annotate(n=Count("pk"))
    return dict(counted.values_list("customer_id", "n"))


def _read(packed: PackedReadings | None) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for name, key in READ.items():
        value = packed.at(measure_of(key).slot)[0] if packed else None
        found[name] = None if value is None else _text(Decimal(value) / MICRO)
    return found


def _text(value: Decimal | None) -> str | None:
    return None if value is None else f"{value.normalize():f}"


@transaction.atomic
def label_miss(*, miss: Miss, label: str, note: str, by: User, now: datetime) -> Miss:
    """Say what a loss teaches, with a note; a later label takes the place of an earlier one, and the log keeps both."""
    if label not in MissLabel.values:
        raise MissError("Choose one of the labels.", hint="They say what could be seen.", field="label")
    if len(note.strip()) < LEAST_NOTE:
        raise MissError(
            f"Say in at least {LEAST_NOTE} characters what happened.",
            hint="What could be seen?",
            field="note",
        )
    row = Miss.objects.select_for_update().get(pk=miss.pk)
    before = {"label": row.label, "note": row.note}
    row.label, row.note, row.labelled_by, row.labelled_at = label, note.strip(), by, now
    row.save(update_fields=["label", "note", "labelled_by", "labelled_at"])
    after = {"label": row.label, "note": row.note}
    audit.record(by=by, now=now, action="miss.labelled", subject=row, before=before, after=after)
    return row
