"""CompanyMonth: one row per month, sums of CustomerMonth. Sources: CustomerMonth, CustomerStart. Fifth of the chain."""

from datetime import date

from metrics.choices import MovementKind
from metrics.models import CompanyMonth, CustomerMonth, CustomerStart
from metrics.rollups.engine import MONTHS, Frame, rows, run, table

_SUMMED = [
    "opening",
    "fx",
    "closing",
    "base_expansion",
    "base_contraction",
    "base_churn",
    "opening_at_close",
    "kept",
    "then_12m",
    "kept_12m",
    *[kind.value for kind in MovementKind],
    *[f"{kind}_n" for kind in MovementKind],
]

INSERT = f"""
INSERT INTO {table(CompanyMonth)}
    (month, close_on, {", ".join(_SUMMED)}, now_of_base, now_12m, open_logos, close_logos, lost_logos, logos_12m,
     kept_logos_12m, ever_paid)
WITH months AS ({MONTHS})
SELECT m.month, m.close_on, {", ".join(f"coalesce(sum(c.{name}), 0)" for name in _SUMMED)},
    coalesce(sum(c.closing) FILTER (WHERE c.opening > 0), 0),
    coalesce(sum(c.closing) FILTER (WHERE c.then_12m > 0), 0),
    count(*) FILTER (WHERE c.opening > 0),
    count(*) FILTER (WHERE c.closing > 0),
    count(*) FILTER (WHERE c.opening > 0 AND c.closing = 0),
    count(*) FILTER (WHERE c.then_12m > 0),
    count(*) FILTER (WHERE c.then_12m > 0 AND c.closing > 0),
    (SELECT count(DISTINCT s.customer_id) FROM {table(CustomerStart)} s WHERE s.first_paid_on <= m.close_on)
FROM months m LEFT JOIN {table(CustomerMonth)} c ON c.month = m.month
GROUP BY m.month, m.close_on
ORDER BY m.month
"""


def fill(frame: Frame, *, from_month: date) -> int:
    """Replace all months from `from_month` to the open one; returns the rows written."""
    oldest = rows(f"SELECT min(month) FROM {table(CustomerMonth)}", {})[0][0]
    if oldest is None:
        run(f"DELETE FROM {table(CompanyMonth)}", {})
        return 0
    first = max(oldest, from_month)
    run(
        f"DELETE FROM {table(CompanyMonth)} WHERE month >= %(first)s OR month < %(oldest)s",
        {"first": first, "oldest": oldest},
    )
    return run(INSERT, {**frame.params, "first_month": first})
