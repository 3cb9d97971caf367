"""Which line versions the ledger is made of: as known now, as known then, or never changing what was reported."""

from django.db.models import QuerySet

from customers.choices import LineKind
from customers.models import LineVersion
from metrics.models import ClosedMonth
from metrics.sql.engine import Frame, facts_as_known, table

LATE = "prior_period_adjustment"
_KEPT = (
    "id", "customer_id", "subscription_id", "plan", "quantity", "amount", "currency", "interval", "interval_count",
    "status", "discount_percent", "discount_amount", "discount_until", "trial_end", "cancelled_on", "mrr",
    "mrr_after_discount",
)  # fmt: skip

# a closed month sees what was known when it was closed; the days after the last closed month see everything (T-8)
BOOKED_LATE = """
SELECT {columns}, v.from_on AS began_on, greatest(v.from_on, e.begins) AS from_on,
    nullif(least(coalesce(v.to_on, 'infinity'), e.ends), 'infinity') AS to_on,
    CASE WHEN e.known_at IS NULL AND v.from_on < e.begins AND v.recorded_at > e.told_at THEN '{late}' ELSE v.reason END
        AS reason
FROM {versions} v
LEFT JOIN {versions} later ON later.id = v.superseded_by_id
JOIN (
    SELECT month AS begins, (month + interval '1 month')::date AS ends, known_at, known_at AS told_at
    FROM {closed} WHERE {earlier}
    UNION ALL
    SELECT '-infinity', coalesce(min(month), 'infinity'), NULL, '-infinity' FROM {closed} WHERE {earlier}
    UNION ALL
    SELECT (max(month) + interval '1 month')::date, 'infinity', NULL, max(known_at) FROM {closed} WHERE {earlier}
    HAVING count(*) > 0
) e ON v.from_on < e.ends AND (v.to_on IS NULL OR v.to_on > e.begins)
WHERE NOT v.voids AND v.kind = '{recurring}' AND v.recorded_at <= coalesce(e.known_at, {now}) AND (
    later.id IS NULL OR later.recorded_at > coalesce(e.known_at, {now}))
"""


def line_versions(frame: Frame) -> str:
    """SELECT of the versions the frame's ledger is made of, with alias v and a WHERE that may be continued.

    `began_on` is the first day of the whole version, of which a closed month may hold a part only.
    """
    if frame.definition.restate:
        known = facts_as_known(LineVersion, frame)
        return f"SELECT v.*, v.from_on AS began_on FROM ({known}) v WHERE v.kind = '{LineKind.RECURRING}'"
    has_limit = frame.known_at is not None
    return BOOKED_LATE.format(
        columns=", ".join(f"v.{name}" for name in _KEPT),
        versions=table(LineVersion),
        closed=table(ClosedMonth),
        earlier="known_at < %(known_at)s" if has_limit else "true",
        now="%(known_at)s" if has_limit else "'infinity'::timestamptz",
        late=LATE,
        recurring=LineKind.RECURRING,
    )


def ledger_versions(frame: Frame) -> QuerySet[LineVersion]:
    """Rows that the frame's ledger may hold: where closed months never change, also what was superseded since."""
    versions = LineVersion.objects.all()
    if frame.definition.restate:
        return versions.current() if frame.known_at is None else versions.known_at(frame.known_at)
    kept = versions.filter(voids=False)
    return kept if frame.known_at is None else kept.filter(recorded_at__lte=frame.known_at)
