"""Identities of money and customers: IC-01 to IC-04, IC-07 and IC-08."""

from metrics.rollups.checks.identity import Identity

KINDS = ("new", "reactivation", "expansion", "contraction", "churn")
# while customers or months wait for a refresh, sums may lag behind their parts
QUIET = "NOT EXISTS (SELECT 1 FROM customers_stalemark) AND NOT EXISTS (SELECT 1 FROM metrics_dirtymonth)"
LAST = "(SELECT month, close_on FROM metrics_companymonth ORDER BY month DESC LIMIT 1)"
_SUMMED = ("opening", "closing", "fx", *KINDS, "opening_at_close", "kept", "then_12m", "kept_12m")


def _adds_up(table: str, key: str) -> str:
    return (
        f"SELECT '{table}', {key}::text, 'opening and movements lead to ' || opening + {' + '.join(KINDS)} + fx"
        f" || ', closing is ' || closing FROM {table} WHERE closing <> opening + {' + '.join(KINDS)} + fx"
    )


_CUSTOMERS_SUM = f"""
SELECT 'metrics_companymonth', c.month::text, 'customers sum to another ' || v.name
FROM metrics_companymonth c
JOIN (SELECT month, {", ".join(f"sum({name}) AS {name}" for name in _SUMMED)} FROM metrics_customermonth GROUP BY month) s
    USING (month),
LATERAL (VALUES {", ".join(f"('{name}', c.{name}, s.{name})" for name in _SUMMED)}) AS v (name, total, parts)
WHERE v.total <> v.parts AND {QUIET}
"""
_CHAIN = """
SELECT 'metrics_companymonth', month::text, 'opens with ' || opening || ', the month before closed with ' || before
FROM (SELECT month, opening, lag(closing) OVER (ORDER BY month) AS before FROM metrics_companymonth) m
WHERE before IS NOT NULL AND opening <> before
"""
_SEGMENTS = f"""
SELECT 'metrics_companymonth', m.month::text, 'closes with ' || m.closing || ', its segments hold ' || held.value
FROM metrics_companymonth m, LATERAL (
    SELECT coalesce(sum(s.mrr * f.factor), 0) AS value
    FROM metrics_linesegment s JOIN metrics_currencyfactor f ON f.currency = s.currency AND f.day = m.close_on
    WHERE s.mrr > 0 AND s.from_on <= m.close_on AND (s.to_on IS NULL OR s.to_on > m.close_on)
) held
WHERE m.closing <> held.value AND {QUIET}
"""
_COUNTS = """
SELECT 'metrics_companymonth', month::text, 'customers do not add up'
FROM metrics_companymonth WHERE close_logos <> open_logos + new_n + reactivation_n - churn_n
"""
_ONE_KIND = """
SELECT 'metrics_movement', customer_id || ' ' || day || ' ' || event, kind || ' with churn kind ' || quote_literal(churn_kind)
FROM metrics_movement
WHERE (kind = 'churn') <> (churn_kind IN ('left', 'downgraded_to_free', 'paused', 'involuntary'))
    OR (kind <> 'churn' AND churn_kind <> '')
"""
_TO_ZERO = """
SELECT 'metrics_movement', customer_id || ' ' || day || ' ' || event, kind || ' from ' || mrr_before || ' to ' || mrr_after
FROM metrics_movement
WHERE mrr_after <> mrr_before + amount OR (kind = 'churn') <> (mrr_after = 0)
    OR (kind IN ('new', 'reactivation')) <> (mrr_before = 0)
"""
_ATTRIBUTES = f"""
SELECT 'customers_attributevalue', min(a.id)::text,
    'customer ' || a.customer_id || ' has ' || count(*) || ' values of ' || a.key || ' at a close'
FROM customers_attributevalue a JOIN {LAST} m ON a.from_on <= m.close_on AND (a.to_on IS NULL OR a.to_on > m.close_on)
WHERE a.superseded_by_id IS NULL AND NOT a.voids GROUP BY a.customer_id, a.key HAVING count(*) > 1
"""
_PLANS = f"""
SELECT 'metrics_companymonth', m.month::text, 'plans sum to ' || sum(p.value) || ', closing is ' || m.closing
FROM {LAST} last JOIN metrics_companymonth m USING (month), LATERAL (
    SELECT s.plan, sum(s.mrr * f.factor) AS value
    FROM metrics_linesegment s JOIN metrics_currencyfactor f ON f.currency = s.currency AND f.day = m.close_on
    WHERE s.counted AND s.from_on <= m.close_on AND (s.to_on IS NULL OR s.to_on > m.close_on) GROUP BY s.plan
) p
WHERE {QUIET} GROUP BY m.month, m.closing HAVING sum(p.value) <> m.closing
"""
_PRIMARIES = """
SELECT 'customers_assignment', b.id::text, 'customer ' || a.customer_id || ' has two primary CSMs from ' || b.from_on
FROM customers_assignment a JOIN customers_assignment b ON b.customer_id = a.customer_id AND b.id <> a.id
    AND b.from_on >= a.from_on AND (a.to_on IS NULL OR b.from_on < a.to_on) AND (b.from_on > a.from_on OR b.id > a.id)
WHERE a.role = 'primary' AND b.role = 'primary' AND a.superseded_by_id IS NULL AND b.superseded_by_id IS NULL
    AND NOT a.voids AND NOT b.voids
"""
_OWNERS = """
SELECT 'customers_customersummary', s.customer_id::text,
    'shows owner ' || coalesce(s.owner_id::text, 'nobody') || ', assigned is ' || coalesce(a.user_id::text, 'nobody')
FROM customers_customersummary s LEFT JOIN customers_assignment a ON a.customer_id = s.customer_id
    AND a.role = 'primary' AND a.superseded_by_id IS NULL AND NOT a.voids AND a.from_on <= %(today)s
    AND (a.to_on IS NULL OR a.to_on > %(today)s)
WHERE s.owner_id IS DISTINCT FROM a.user_id
"""
_COHORTS = """
SELECT 'metrics_cohortmonth', id::text, 'cohort ' || cohort || ' after ' || k || ' months: ' || paying || ' of ' || size
    || ' pay, ' || kept || ' of ' || initial || ' is kept'
FROM metrics_cohortmonth WHERE paying > size OR kept > initial OR kept > mrr
"""
_SIZES = """
SELECT 'metrics_cohortmonth', min(id)::text, 'cohort ' || cohort || ' has several sizes'
FROM metrics_cohortmonth GROUP BY cohort HAVING min(size) <> max(size)
"""

MONTHS = ("metrics_companymonth",)
IDENTITIES = (
    Identity(
        "IC-01",
        "opening and movements lead to the closing, of the company and summed over customers",
        MONTHS,
        (_adds_up("metrics_companymonth", "month"), _CUSTOMERS_SUM),
    ),
    Identity(
        "IC-02",
        "each month opens with the last one's closing, which is what the line segments hold that day",
        ("metrics_companymonth", "metrics_linesegment"),
        (_CHAIN, _SEGMENTS),
    ),
    Identity(
        "IC-03",
        "customers add up, and every churn has exactly one kind",
        ("metrics_companymonth", "metrics_movement"),
        (_COUNTS, _ONE_KIND, _TO_ZERO),
    ),
    Identity(
        "IC-04",
        "every partition sums to the total",
        ("customers_attributevalue", "metrics_linesegment"),
        (_ATTRIBUTES, _PLANS),
    ),
    Identity(
        "IC-07",
        "a customer has one primary CSM or none, and shows that one",
        ("customers_assignment", "customers_customersummary"),
        (_PRIMARIES, _OWNERS),
    ),
    Identity("IC-08", "cohort cells stay within their cohort", ("metrics_cohortmonth",), (_COHORTS, _SIZES)),
)
