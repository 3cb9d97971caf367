"""Health scoring as calls of a worker: generated readings of up to 30 measures, and the product's own steps over them."""

from datetime import UTC, date, datetime, time, timedelta
from random import Random
from time import sleep
from typing import Any

from django.db import connection, transaction

from bench.check import DifferError
from config.work import jobs
from config.work.models import Job, JobState
from customers.models import Customer, CustomerSummary
from metrics.choices import VersionState
from metrics.formulas.health import level
from metrics.formulas.health_cards import body_hash, read_card
from metrics.formulas.health_measures import DAY_ZERO, FIRST_OWN_SLOT, MEASURES, NO_DAY
from metrics.formulas.health_numbers import MICRO, WEIGHT_UNIT
from metrics.models import CurrentReading, OwnMeasure, ScorecardVersion
from metrics.queries.card_preview import preview_of
from metrics.queries.health_inputs import readings_matrix
from metrics.queries.health_matrix import load_matrix
from metrics.queries.measures import catalog
from metrics.scoring.engine import score_matrix
from metrics.scoring.measured import Setting
from metrics.scoring.reference import plain_rows
from metrics.services import rescoring
from metrics.services.scorecards import ensure_default_scorecard
from metrics.services.scores import rescore

OWN = 20  # measures besides the built-in ones
GROUP = 5  # measures in a group
SEED = 7
MISSING = 15  # % of readings
PAUSE_S = 0.02  # until a worker looks for slices again
FADING = (30, 90)  # days of fresh_for and expires_after, of every third measure

held: dict[str, Any] = {}  # what one call leaves for the next


def prepare(as_of: str) -> int:
    """Own measures, readings and summary rows of every customer, and scores by the starter card."""
    for number in range(OWN):
        OwnMeasure.objects.create(
            key=f"own-{number}", slot=FIRST_OWN_SLOT + number, title=f"Own {number}", kind="field", unit="number",
            better="up", spec={"field": f"own_{number}"},
        )  # fmt: skip
    day = date.fromisoformat(as_of)
    with connection.cursor() as cursor:
        cursor.execute(_READINGS, {"day": (day - DAY_ZERO).days, "as_of": as_of})
    random = Random(SEED)
    CustomerSummary.objects.bulk_create(
        [
            CustomerSummary(customer_id=pk, mrr=random.randrange(1_000), is_paying=True)
            for pk in Customer.objects.order_by("pk").values_list("pk", flat=True)
        ],
        batch_size=5_000,
    )
    for model in (CurrentReading, CustomerSummary):
        with connection.cursor() as cursor:
            cursor.execute(f"ANALYZE {model._meta.db_table}")
    ensure_default_scorecard(now=_now(as_of))
    return rescore(as_of=day, now=_now(as_of))


_READINGS = f"""
INSERT INTO {CurrentReading._meta.db_table} (customer_id, values, days, reasons, phase, tenure_months, labels, as_of)
SELECT c.id, found.values, found.days, found.reasons, (ARRAY['onboarding', 'adoption', 'renewal'])[1 + c.id %% 3],
    c.id %% 50, ARRAY['tier=' || c.id %% 3, 'region=' || c.id %% 5, 'country=' || c.id %% 20], %(as_of)s::date
FROM customers_customer c CROSS JOIN LATERAL (
    SELECT array_agg(CASE reason WHEN 0 THEN value ELSE 0 END ORDER BY slot) AS values,
        array_agg(CASE reason WHEN 0 THEN day ELSE {NO_DAY} END ORDER BY slot) AS days,
        array_agg(reason ORDER BY slot) AS reasons
    FROM (
        SELECT slot, abs(chance / 128 %% {120 * MICRO}) AS value, (%(day)s - abs(chance / 1024 %% 120))::int AS day,
            (abs(chance %% 100) < {MISSING} OR slot BETWEEN {len(MEASURES)} AND {FIRST_OWN_SLOT - 1})::int::smallint AS reason
        FROM (
            SELECT slot, hashint8extended(c.id * 64 + slot, {SEED}) AS chance
            FROM generate_series(0, {FIRST_OWN_SLOT + OWN - 1}) AS slot
        ) drawn
    ) cells
) found
"""


def load(measures: int) -> int:
    """The readings of a card of so many measures, as columns."""
    known = catalog()
    card = read_card(body(measures))
    slots = [known[one.key, one.version].slot for one in card.measures]
    held.update(card=card, slots=slots, matrix=load_matrix(known, slots=slots))
    return len(held["matrix"])


def load_rows() -> int:
    """The readings as rows, as the reference takes them."""
    return len(readings_matrix())


def same(as_of: str, sample: int) -> int:
    """Compare columns with the reference, in every field, on some customers."""
    card, slots = held["card"], held["slots"]
    matrix = held["matrix"].select(_sample(sample))
    scored = score_matrix(card, matrix, as_of_day=_day(as_of), slots=slots)
    for place, row in enumerate(plain_rows(card, matrix, slots, Setting(_day(as_of), {}, {}))):
        if scored.level(place) != level(card, *row):
            message = f"customer {matrix.customer_ids[place]}: columns and reference differ"
            raise DifferError(message)
    return len(matrix)


def score(as_of: str, *, lines: bool) -> list[int]:
    """Score what is loaded; customers per band."""
    scored = score_matrix(
        held["card"], held["matrix"], as_of_day=_day(as_of), slots=held["slots"], lines=lines
    )
    return scored.per_band().tolist()


def reference_rows(as_of: str, sample: int) -> int:
    """Make the rows that `reference` scores; no part of its time."""
    setting = Setting(_day(as_of), {}, {})
    matrix = held["matrix"].select(_sample(sample))
    held["rows"] = list(plain_rows(held["card"], matrix, held["slots"], setting))
    return len(held["rows"])


def reference() -> int:
    """`level`, one customer after the other."""
    return len([level(held["card"], *row) for row in held["rows"]])


def draft(measures: int, as_of: str, weight: int = 3) -> int:
    """A draft of the default card with so many measures; its id."""
    live = ensure_default_scorecard(now=_now(as_of))
    card = body(measures, weight)
    made = ScorecardVersion.objects.create(
        scorecard=live.scorecard, kind=card["kind"], body=card, body_hash=body_hash(card), base=live, edited_at=_now(as_of)
    )  # fmt: skip
    return made.pk


def preview(draft_id: int, as_of: str) -> int:
    """The blast radius of a draft; customers in its matrix."""
    made = ScorecardVersion.objects.select_related("scorecard", "base").get(pk=draft_id)
    return preview_of(made, as_of=date.fromisoformat(as_of), now=_now(as_of)).customers


def publish(measures: int, weight: int, as_of: str) -> int:
    """Put a card in force that nobody was scored by; its scores are `recompute`'s, or those of a run."""
    pass_minute()
    now = _now(as_of)
    with transaction.atomic():
        live = ensure_default_scorecard(now=now)
        made = draft(measures, as_of, weight)
        ScorecardVersion.objects.filter(pk=live.pk).update(state=VersionState.SUPERSEDED, live_to=now)
        ScorecardVersion.objects.filter(pk=made).update(
            state=VersionState.LIVE, live_from=now, number=live.number + 1
        )
    return made


def pass_minute() -> int:
    """A minute later: every version goes live in a minute of its own, on the clocks of all workers."""
    held["minutes"] = held.get("minutes", 0) + 1
    return int(held["minutes"])


def recompute(as_of: str) -> int:
    """Score everybody by the card in force and store what differs; how many did."""
    return rescore(as_of=date.fromisoformat(as_of), now=_now(as_of))


def start_run() -> int:
    """The job that scores everybody by the card in force, as publishing starts it; its id."""
    job = rescoring.start_rescore(version=None, by=None)
    return int(job.pk)


def lead(job_id: int, as_of: str) -> int:
    """A worker that takes the run: it plans slices, takes some, and ends it; how many scores changed."""
    _slices_on(as_of)
    while (ended := Job.objects.get(pk=job_id)).state not in {JobState.DONE, JobState.DEAD}:
        if jobs.run(job_id) is None:
            sleep(PAUSE_S)  # it has gone back to the queue for a moment
    if ended.state == JobState.DEAD:
        raise DifferError(ended.last_error)
    return int(ended.result["changed"])


def follow(job_id: int, as_of: str) -> int:
    """Another worker that takes slices of the run as they come; how many."""
    _slices_on(as_of)
    slices, taken = Job.objects.filter(kind=rescoring.SLICE_KIND, args__run=job_id), 0
    while not slices.exists():
        sleep(PAUSE_S)
    while pk := slices.filter(state=JobState.QUEUED).order_by("-pk").values_list("pk", flat=True).first():
        taken += jobs.run(pk) is not None
    return taken


def _slices_on(as_of: str) -> None:
    """Slices of the day of the readings; a worker's own would be today's."""
    day, now = date.fromisoformat(as_of), _now(as_of)
    jobs.KINDS[rescoring.JOB_KIND] = rescoring.run_rescore_job
    jobs.KINDS[rescoring.SLICE_KIND] = lambda job: rescoring.run_slice_job(job, as_of=day, now=now)


def body(measures: int, weight: int = 3) -> dict[str, Any]:
    """A card of groups of five with all curves but percentiles, decay, a weakest link and a cap."""
    keys = [one.key for one in MEASURES] + [f"own-{number}" for number in range(OWN)]
    listed = [_measure(place, key) for place, key in enumerate(keys[:measures])]
    parts = [listed[start : start + GROUP] for start in range(0, measures, GROUP)]
    return {
        "kind": "weighted",
        "groups": [
            {
                "key": f"g{number}",
                "title": f"Group {number}",
                "weight": (weight + number % 3) * WEIGHT_UNIT,
                "rule": "min" if number == 1 else "mean",
                "measures": part,
            }
            for number, part in enumerate(parts)
        ],
        "caps": [{"of": keys[0], "below": 20 * MICRO, "at_most": 60 * MICRO}],
    }


def _measure(place: int, key: str) -> dict[str, Any]:
    curves = (
        {"type": "linear", "points": _points((0, 0), (30, 20), (60, 60), (80, 90), (100, 100))},
        {"type": "linear", "points": _points((0, 100), (120, 0))},
        {"type": "step", "points": _points((0, 100), (10, 60), (20, 40), (40, 0))},
        {"type": "target", **{name: n * MICRO for name, n in zip("abcd", (10, 30, 60, 90), strict=True)}},
        {"type": "linear_bounded", "points": _points((0, 0), (50, 70), (110, 100))},
    )
    fresh_for, expires_after = FADING if place % 3 == 0 else (None, None)
    return {
        "measure": key,
        "weight": (1 + place % 4) * WEIGHT_UNIT,
        "curve": curves[place % len(curves)],
        "fresh_for": fresh_for,
        "expires_after": expires_after,
    }


def _points(*pairs: tuple[int, int]) -> list[list[int]]:
    return [[value * MICRO, points * MICRO] for value, points in pairs]


def _sample(count: int) -> Any:
    ids = held["matrix"].customer_ids
    return ids.argsort()[:: max(1, len(ids) // count)][:count]


def _day(as_of: str) -> int:
    return (date.fromisoformat(as_of) - DAY_ZERO).days


def _now(as_of: str) -> datetime:
    """Ten o'clock, and a minute more with every version that went live."""
    return datetime.combine(date.fromisoformat(as_of), time(10), UTC) + timedelta(
        minutes=held.get("minutes", 0)
    )
