CREATE VIEW metrics_customermonth AS
WITH months AS NOT MATERIALIZED (
    SELECT month, close_on, month - 1 AS open_on,
        CASE WHEN (month + interval '1 month')::date - 1 = close_on THEN (month - interval '11 months')::date - 1
            ELSE (close_on - interval '1 year')::date END AS year_on
    FROM metrics_companymonth
),
held AS NOT MATERIALIZED (
    SELECT l.customer_id, m.month, l.currency,
        coalesce(sum(l.mrr) FILTER (WHERE l.from_on <= m.open_on AND (l.to_on IS NULL OR l.to_on > m.open_on)), 0)
            AS opening,
        coalesce(sum(l.mrr) FILTER (WHERE l.to_on IS NULL OR l.to_on > m.close_on), 0) AS closing,
        coalesce(sum(l.mrr) FILTER (WHERE l.from_on <= m.year_on AND (l.to_on IS NULL OR l.to_on > m.year_on)), 0)
            AS year_ago
    FROM metrics_linesegment l
    JOIN months m ON l.from_on <= m.close_on AND (l.to_on IS NULL OR l.to_on > m.year_on)
    WHERE l.mrr > 0
    GROUP BY l.customer_id, m.month, l.currency
),
parts AS NOT MATERIALIZED (
    SELECT h.customer_id, h.month, h.opening * coalesce(o.factor, 0) AS opening,
        h.opening * coalesce(c.factor, 0) AS opening_at_close, h.closing * coalesce(c.factor, 0) AS closing,
        h.year_ago * coalesce(c.factor, 0) AS then_12m,
        0::numeric AS new, 0::numeric AS reactivation, 0::numeric AS expansion, 0::numeric AS contraction,
        0::numeric AS churn, 0 AS new_n, 0 AS reactivation_n, 0 AS expansion_n, 0 AS contraction_n, 0 AS churn_n,
        0::numeric AS base_expansion, 0::numeric AS base_contraction, 0::numeric AS base_churn, 0 AS moved
    FROM held h
    JOIN months m ON m.month = h.month
    LEFT JOIN metrics_currencyfactor o ON o.currency = h.currency AND o.day = m.open_on
    LEFT JOIN metrics_currencyfactor c ON c.currency = h.currency AND c.day = m.close_on
    UNION ALL
    SELECT customer_id, month, 0, 0, 0, 0,
        CASE WHEN kind = 'new' THEN amount ELSE 0 END, CASE WHEN kind = 'reactivation' THEN amount ELSE 0 END,
        CASE WHEN kind = 'expansion' THEN amount ELSE 0 END, CASE WHEN kind = 'contraction' THEN amount ELSE 0 END,
        CASE WHEN kind = 'churn' THEN amount ELSE 0 END,
        (kind = 'new')::int, (kind = 'reactivation')::int, (kind = 'expansion')::int, (kind = 'contraction')::int,
        (kind = 'churn')::int,
        CASE WHEN kind = 'expansion' THEN amount
            WHEN kind = 'reactivation' AND prior IS NOT NULL THEN greatest(amount + prior, 0) ELSE 0 END,
        CASE WHEN kind = 'contraction' THEN -amount
            WHEN kind = 'reactivation' AND prior IS NOT NULL THEN greatest(-amount - prior, 0) ELSE 0 END,
        CASE WHEN kind = 'churn' AND NOT returns THEN -amount ELSE 0 END, 1
    FROM (
        SELECT customer_id, date_trunc('month', day)::date AS month, kind, amount,
            lag(amount) OVER w AS prior, coalesce(lead(kind) OVER w = 'reactivation', false) AS returns
        FROM metrics_movement
        WHERE amount <> 0
        WINDOW w AS (PARTITION BY customer_id, date_trunc('month', day)::date, kind IN ('churn', 'reactivation')
            ORDER BY day, event)
    ) paired
),
joined AS NOT MATERIALIZED (
    SELECT customer_id, month, sum(opening) AS opening, sum(opening_at_close) AS opening_at_close,
        sum(closing) AS closing, sum(then_12m) AS then_12m, sum(new) AS new, sum(reactivation) AS reactivation,
        sum(expansion) AS expansion, sum(contraction) AS contraction, sum(churn) AS churn, sum(new_n) AS new_n,
        sum(reactivation_n) AS reactivation_n, sum(expansion_n) AS expansion_n, sum(contraction_n) AS contraction_n,
        sum(churn_n) AS churn_n, sum(base_expansion) AS base_expansion, sum(base_contraction) AS base_contraction,
        sum(base_churn) AS base_churn
    FROM parts
    GROUP BY customer_id, month
    HAVING sum(opening) <> 0 OR sum(closing) <> 0 OR sum(then_12m) <> 0 OR sum(moved) > 0
)
SELECT j.customer_id * 100000 + (extract(year FROM j.month) * 12 + extract(month FROM j.month))::bigint AS id,
    j.customer_id, j.month, m.close_on, j.opening, j.new, j.reactivation, j.expansion, j.contraction, j.churn,
    j.closing - j.opening - j.new - j.reactivation - j.expansion - j.contraction - j.churn AS fx, j.closing,
    j.new_n, j.reactivation_n, j.expansion_n, j.contraction_n, j.churn_n,
    CASE WHEN j.opening > 0 THEN j.base_expansion ELSE 0 END AS base_expansion,
    CASE WHEN j.opening > 0 THEN j.base_contraction ELSE 0 END AS base_contraction,
    CASE WHEN j.opening > 0 THEN j.base_churn ELSE 0 END AS base_churn,
    j.opening_at_close, least(j.opening_at_close, j.closing) AS kept, j.then_12m,
    least(j.then_12m, j.closing) AS kept_12m
FROM joined j JOIN months m ON m.month = j.month
