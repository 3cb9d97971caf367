"""CompanyMonth and CohortMonth: running sums of the change rows, valued. Sources: BridgeChange, CohortChange, CurrencyFactor.

Money of one currency is summed natively and meets a factor once per month; every value is exact.
"""

from datetime import timedelta

from metrics.models import BridgeChange, CohortChange, CohortMonth, CompanyMonth, CurrencyFactor
from metrics.rollups.month_changes import BRIDGE, COHORT, YEAR, month_days
from metrics.sql.engine import MONTHS, Frame, rows, run, table
from metrics.sql.spans import KINDS, SpanDays, totals

_COUNTS = [f"{kind}_n" for kind in KINDS]
_FLOWS = [*KINDS, *_COUNTS, "base_expansion", "base_contraction", "base_churn", "lost_logos"]
_NUMBER = "(extract(year FROM month) * 12 + extract(month FROM month) - 1)::int"
_RUNNING = ["mrr", "paying", "now_12m", "kept_12m", "kept_logos_12m"]

FIRST_MONTH = f"SELECT min(month) FROM {table(BridgeChange)}"

# native running sums per currency and month, valued at the closing day; months without a change go on
INSERT = f"""
INSERT INTO {table(CompanyMonth)}
    (month, close_on, opening, closing, fx, {", ".join(_FLOWS)}, opening_at_close, kept, now_of_base, then_12m, kept_12m,
     now_12m, open_logos, close_logos, logos_12m, kept_logos_12m, ever_paid)
WITH months AS (SELECT *, {_NUMBER} AS no FROM ({MONTHS}) m),
sums AS (
    SELECT month AS no, currency, {", ".join(f"sum({name}) AS {name}" for name in BRIDGE)}
    FROM {table(BridgeChange)} GROUP BY 1, 2
),
held AS (SELECT DISTINCT currency FROM sums WHERE currency <> ''),
states AS (
    SELECT m.no, m.close_on, c.currency, coalesce(s.lost, 0) AS lost, coalesce(s.base_net, 0) AS base_net,
        {", ".join(f"sum(coalesce(s.{name}, 0)) OVER w AS {name}" for name in _RUNNING)}
    FROM months m CROSS JOIN held c LEFT JOIN sums s ON s.no = m.no AND s.currency = c.currency
    WINDOW w AS (PARTITION BY c.currency ORDER BY m.no)
),
shifted AS (
    SELECT *, lag(mrr) OVER w AS mrr_before, lag(mrr, {YEAR}) OVER w AS mrr_12m, lag(paying, {YEAR}) OVER w AS paying_12m
    FROM states WINDOW w AS (PARTITION BY currency ORDER BY no)
),
valued AS (
    SELECT s.no, sum(s.mrr * f.factor) AS closing, sum(s.paying) AS paying, sum(s.now_12m * f.factor) AS now_12m,
        sum(s.kept_12m * f.factor) AS kept_12m, sum(s.kept_logos_12m) AS kept_logos_12m, sum(s.lost * f.factor) AS lost,
        sum(s.base_net * f.factor) AS base_net, coalesce(sum(s.mrr_before * f.factor), 0) AS opening_at_close,
        coalesce(sum(s.mrr_12m * f.factor), 0) AS then_12m, coalesce(sum(s.paying_12m), 0) AS logos_12m
    FROM shifted s JOIN {table(CurrencyFactor)} f ON f.currency = s.currency AND f.day = s.close_on
    GROUP BY s.no
),
flows AS (SELECT no, {", ".join(f"sum({name}) AS {name}" for name in [*_FLOWS, "ever_paid"])} FROM sums GROUP BY no),
own AS (SELECT * FROM sums WHERE currency = ''),
joined AS (
    SELECT m.month, m.close_on, m.no,
        coalesce(v.closing, 0) + coalesce(o.mrr, 0) AS closing, coalesce(v.paying, 0) + coalesce(o.paying, 0) AS paying,
        coalesce(v.now_12m, 0) + coalesce(o.now_12m, 0) AS now_12m,
        coalesce(v.kept_12m, 0) + coalesce(o.kept_12m, 0) AS kept_12m,
        coalesce(v.kept_logos_12m, 0) + coalesce(o.kept_logos_12m, 0) AS kept_logos_12m,
        coalesce(v.lost, 0) + coalesce(o.lost, 0) AS lost, coalesce(v.base_net, 0) + coalesce(o.base_net, 0) AS base_net,
        coalesce(v.opening_at_close, 0) + coalesce(o.opening_at_close, 0) AS opening_at_close,
        coalesce(v.then_12m, 0) + coalesce(o.then_12m, 0) AS then_12m,
        coalesce(v.logos_12m, 0) + coalesce(o.logos_12m, 0) AS logos_12m,
        {", ".join(f"coalesce(f.{name}, 0) AS {name}" for name in _FLOWS)},
        sum(coalesce(f.ever_paid, 0)) OVER (ORDER BY m.no) AS ever_paid
    FROM months m LEFT JOIN valued v USING (no) LEFT JOIN flows f USING (no) LEFT JOIN own o USING (no)
),
opened AS (
    SELECT *, coalesce(lag(closing) OVER (ORDER BY no), 0) AS opening, coalesce(lag(paying) OVER (ORDER BY no), 0) AS open_logos
    FROM joined
)
SELECT month, close_on, opening, closing, closing - opening - {" - ".join(KINDS)}, {", ".join(_FLOWS)}, opening_at_close,
    opening_at_close - lost, opening_at_close + base_net, then_12m, kept_12m, now_12m, open_logos, paying, logos_12m,
    kept_logos_12m, ever_paid
FROM opened ORDER BY month
"""

COHORTS = f"""
INSERT INTO {table(CohortMonth)} (cohort, k, close_on, size, paying, initial, kept, mrr)
WITH months AS (
    SELECT *, {_NUMBER} AS no FROM ({MONTHS}) m WHERE close_on = (month + interval '1 month')::date - 1
),
sums AS (
    SELECT cohort, month AS no, currency, {", ".join(f"sum({name}) AS {name}" for name in COHORT)}
    FROM {table(CohortChange)} GROUP BY 1, 2, 3
),
sizes AS (SELECT cohort, sum(size) AS size FROM sums GROUP BY cohort),
held AS (SELECT DISTINCT cohort, currency FROM sums WHERE currency <> ''),
states AS (
    SELECT c.cohort, c.currency, m.no, m.close_on,
        {", ".join(f"sum(coalesce(s.{name}, 0)) OVER w AS {name}" for name in ("paying", "initial", "kept", "mrr"))}
    FROM held c JOIN months m ON m.no >= c.cohort
    LEFT JOIN sums s ON s.cohort = c.cohort AND s.no = m.no AND s.currency = c.currency
    WINDOW w AS (PARTITION BY c.cohort, c.currency ORDER BY m.no)
),
valued AS (
    SELECT cohort, no, sum(paying) AS paying, sum(initial) AS initial, sum(kept) AS kept, sum(mrr) AS mrr
    FROM (
        SELECT s.cohort, s.no, s.paying, s.initial * f.factor AS initial, s.kept * f.factor AS kept, s.mrr * f.factor AS mrr
        FROM states s JOIN {table(CurrencyFactor)} f ON f.currency = s.currency AND f.day = s.close_on
        UNION ALL
        SELECT cohort, no, paying, initial, kept, mrr FROM sums WHERE currency = ''
    ) worth
    GROUP BY cohort, no
)
SELECT make_date(z.cohort / 12, z.cohort %% 12 + 1, 1), m.no - z.cohort, m.close_on, z.size,
    coalesce(v.paying, 0), coalesce(v.initial, 0), coalesce(v.kept, 0), coalesce(v.mrr, 0)
FROM sizes z JOIN months m ON m.no >= z.cohort
LEFT JOIN valued v ON v.cohort = z.cohort AND v.no = m.no
WHERE z.size > 0
ORDER BY 1, 2
"""


def fill(frame: Frame) -> int:
    """Replace all months of the company and all cohorts from the change rows; returns the months written."""
    fold()
    run(f"DELETE FROM {table(CompanyMonth)}", {})
    run(f"DELETE FROM {table(CohortMonth)}", {})
    first = rows(FIRST_MONTH, {})[0][0]
    if first is None:
        return 0
    year, month = divmod(first, YEAR)
    params = {**frame.params, "first_month": frame.as_of.replace(year=year, month=month + 1, day=1)}
    written = run(INSERT, params)
    run(COHORTS, params)
    _open_year(frame)
    return written


def fold() -> None:
    """Add the appended rows to the base rows: one row per month and currency, no row of zeros."""
    for model, keys, values in (
        (BridgeChange, ["month", "currency"], BRIDGE),
        (CohortChange, ["cohort", "month", "currency"], COHORT),
    ):
        if not rows(f"SELECT 1 FROM {table(model)} WHERE NOT folded LIMIT 1", {}):
            continue
        named, columns = ", ".join(keys), ", ".join(values)
        differs = " OR ".join(f"sum({name}) <> 0" for name in values)
        run(
            f"WITH gone AS (DELETE FROM {table(model)} WHERE customer_id IS NULL RETURNING {named}, {columns})"
            f" INSERT INTO {table(model)} ({named}, folded, {columns})"
            f" SELECT {named}, true, {', '.join(f'sum({name})' for name in values)} FROM gone"
            f" GROUP BY {named} HAVING {differs}",
            {},
        )


def _open_year(frame: Frame) -> None:
    """Where the open month closes inside a month, twelve months before is a day inside a month too (P-4)."""
    last: SpanDays = month_days(frame.as_of, frame.as_of)[-1]
    names = ["then_12m", "kept_12m", "now_12m", "logos_12m", "kept_logos_12m"]
    if (frame.as_of + timedelta(days=1)).day == 1:
        return
    found = totals([last], ids=None).get(0, dict.fromkeys(names, 0))
    sets = ", ".join(f"{name} = %({name})s" for name in names)
    run(
        f"UPDATE {table(CompanyMonth)} SET {sets} WHERE month = %(last_month)s",
        {**frame.params, **{name: found[name] for name in names}},
    )
