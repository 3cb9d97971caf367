"""Identities of the machinery: IC-11 (rows, indexes, sequences) and IC-13 (leases, checksums)."""

from typing import Any

from metrics.models import DirtyMonth, RollupFill
from metrics.queries.freshness import REVENUE
from metrics.rollups import checksum
from metrics.rollups.checks.identity import Identity
from metrics.sql.engine import rows

Violation = tuple[str, Any, str]
# tables whose customer is no foreign key of the database
LOOSE = (
    "metrics_linesegment",
    "metrics_movement",
    "metrics_customerstart",
    "metrics_dailyusage",
    "metrics_monthlyusage",
)


def _orphans(table: str) -> str:
    return (
        f"SELECT '{table}', t.customer_id::text, count(*) || ' rows of customer ' || t.customer_id || ', who does not exist'"
        f" FROM {table} t WHERE NOT EXISTS (SELECT 1 FROM customers_customer c WHERE c.id = t.customer_id)"
        f" GROUP BY t.customer_id"
    )


_VERSIONS = """
SELECT 'metrics_linesegment', t.subscription_id || ' ' || t.from_on, 'comes from line version ' || t.version_id || ', which does not exist'
FROM metrics_linesegment t WHERE NOT EXISTS (SELECT 1 FROM customers_lineversion v WHERE v.id = t.version_id)
"""
_INDEXES = """
SELECT 'pg_index', indexrelid::regclass::text, 'the index is not valid' FROM pg_index WHERE NOT indisvalid
"""
_CONSTRAINTS = """
SELECT 'pg_constraint', conname::text, 'of ' || conrelid::regclass || ' was never validated'
FROM pg_constraint WHERE NOT convalidated
"""


def _leases(table: str, busy: str) -> tuple[str, ...]:
    is_over = "lease_until < %(now)s::timestamptz - interval '60 seconds'"
    head = f"SELECT '{table}', id::text"
    return (
        f"{head}, 'its lease ran out at ' || lease_until FROM {table} WHERE {busy} AND {is_over}",
        f"{head}, 'is at work without a lease' FROM {table} WHERE {busy} AND (lease_until IS NULL OR lease_token = '')",
    )


IDENTITIES = (
    Identity(
        "IC-11",
        "no row without its customer, no broken index, no unchecked constraint",
        LOOSE,
        (*(_orphans(table) for table in LOOSE), _VERSIONS, _INDEXES, _CONSTRAINTS),
    ),
    Identity(
        "IC-13",
        "what is at work holds a lease",
        ("work_job", "surveys_message"),
        (
            *_leases("work_job", "state = 'running'"),
            *_leases("surveys_message", "delivery_state = 'sending'"),
        ),
    ),
)

_SEQUENCES = """
SELECT t.oid::regclass::text, a.attname, s.oid::regclass::text
FROM pg_class s JOIN pg_depend d ON d.objid = s.oid AND d.deptype IN ('a', 'i') AND d.classid = 'pg_class'::regclass
JOIN pg_class t ON t.oid = d.refobjid JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid
WHERE s.relkind = 'S' AND t.relkind IN ('r', 'p')
"""


def sequences(**_: Any) -> tuple[int, list[Violation]]:
    """A sequence behind the ids of its table would give one of them again."""
    found = rows(_SEQUENCES, {})
    behind = []
    for table, column, sequence in found:
        reached, last, is_called = rows(
            f'SELECT (SELECT max("{column}") FROM {table}), last_value, is_called FROM {sequence}', {}
        )[0]
        following = last + 1 if is_called else last
        if reached is not None and reached >= following:
            behind.append((table, reached, f"{sequence} stands at {last}"))
    return len(found), behind


def checksums(**_: Any) -> tuple[int, list[Violation]]:
    """The company's months are the ones that were noted at their fill."""
    fill = RollupFill.objects.filter(rollup=REVENUE).exclude(checksum="").first()
    if fill is None or DirtyMonth.objects.exists():
        return 0, []
    found = checksum.of_tables(checksum.COMPANY)
    if found == fill.checksum:
        return 1, []
    return 1, [("metrics_rollupfill", fill.rollup, f"noted {fill.checksum[:12]}, found {found[:12]}")]
