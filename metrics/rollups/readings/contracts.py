"""Contracts: change of MRR and seats in 90 days, and days until a line renews. Source: line versions.

A customer whose first paid day lies less than 90 days back has no change yet. Lines of several currencies cannot be
added without rates, which are no facts of the customer: `unset`. Seats are the quantity of the paying line with the
highest MRR.

The end of a line that came in as history may be known only because the customer left. Where the past is read as it
was known then, such an end is not believed before its day; the day on which its term renews is.
"""

from customers.choices import Interval, LineStatus
from customers.models import LineVersion
from metrics.rollups.readings.parts import MILLION, NO_FACTS, UNSET, known, of_feed, slots, table

DAYS = 90

_MONTHS = f"CASE l.interval WHEN '{Interval.YEAR}' THEN 12 WHEN '{Interval.QUARTER}' THEN 3 ELSE 1 END * l.interval_count"

_SELECT = """
SELECT c.customer_id, r.slot, r.value, CASE WHEN r.reason = 0 THEN %(as_of)s::date END, r.reason
FROM (
    SELECT l.customer_id, min(l.first_paid) AS first_paid,
        count(DISTINCT l.currency) FILTER (WHERE l.mrr_now > 0 OR l.mrr_then > 0) AS currencies,
        coalesce(sum(l.mrr_now), 0) AS mrr_now, coalesce(sum(l.mrr_then), 0) AS mrr_then,
        (array_agg(l.quantity ORDER BY l.mrr_now DESC, l.subscription_id)
            FILTER (WHERE l.mrr_now > 0 AND l.quantity > 0))[1] AS seats_now,
        (array_agg(l.quantity ORDER BY l.mrr_then DESC, l.subscription_id)
            FILTER (WHERE l.mrr_then > 0 AND l.quantity > 0))[1] AS seats_then,
        min(l.renews) FILTER (WHERE l.mrr_now > 0) AS renews
    FROM (
        SELECT l.customer_id, l.subscription_id, l.currency, l.quantity,
            CASE WHEN l.mrr > 0 THEN l.paid_from END AS first_paid,
            CASE WHEN l.paid_from <= %(as_of)s AND (l.to_on IS NULL OR l.to_on > %(as_of)s)
                THEN CASE WHEN l.discount_until <= %(as_of)s THEN l.mrr_after_discount ELSE l.mrr END ELSE 0 END AS mrr_now,
            CASE WHEN l.paid_from <= %(as_of)s - {days} AND (l.to_on IS NULL OR l.to_on > %(as_of)s - {days})
                THEN CASE WHEN l.discount_until <= %(as_of)s - {days} THEN l.mrr_after_discount ELSE l.mrr END
                ELSE 0 END AS mrr_then,
            CASE WHEN l.to_on IS NOT NULL AND l.is_told THEN l.to_on
                WHEN l.months > 1 THEN (l.from_on + make_interval(months => l.months * (1 + div((
                    extract(year FROM age(%(as_of)s, l.from_on)) * 12
                    + extract(month FROM age(%(as_of)s, l.from_on)))::int, l.months)::int)))::date END AS renews
        FROM (
            SELECT l.*, {months} AS months,
                %(known_at)s::timestamptz IS NULL OR l.recorded_at <= %(known_at)s AS is_told,
                CASE WHEN l.status = '{trial}' THEN l.trial_end WHEN l.status IN ('{active}', '{past_due}')
                    THEN greatest(l.from_on, l.trial_end) END AS paid_from
            FROM {lines} l JOIN scope s ON s.customer_id = l.customer_id
            WHERE l.from_on <= %(as_of)s AND {known}
        ) l
    ) l
    GROUP BY l.customer_id
) c
CROSS JOIN LATERAL (VALUES
    ({mrr}, CASE WHEN c.mrr_then > 0 THEN metrics_div_even((c.mrr_now - c.mrr_then) * 100 * {million}, c.mrr_then)
            WHEN c.mrr_now > 0 THEN 100 * {million} ELSE 0 END,
        CASE WHEN c.first_paid IS NULL OR c.first_paid > %(as_of)s - {days} THEN {no_facts}
             WHEN c.currencies > 1 THEN {unset} ELSE 0 END),
    ({renewal}, (c.renews - %(as_of)s) * {million}::bigint, CASE WHEN c.renews IS NULL THEN {unset} ELSE 0 END),
    ({seats}, CASE WHEN c.seats_then > 0
            THEN metrics_div_even((c.seats_now - c.seats_then) * 100 * {million}, c.seats_then) END,
        CASE WHEN c.first_paid IS NULL OR c.first_paid > %(as_of)s - {days} THEN {no_facts}
             WHEN c.seats_now IS NULL OR c.seats_then IS NULL THEN {unset} ELSE 0 END)
) AS r (slot, value, reason)
"""

SELECT = of_feed("subscriptions", _SELECT).format(
    lines=table(LineVersion),
    known=known(LineVersion, "l"),
    months=_MONTHS,
    days=DAYS,
    trial=LineStatus.TRIAL,
    active=LineStatus.ACTIVE,
    past_due=LineStatus.PAST_DUE,
    million=MILLION,
    no_facts=NO_FACTS,
    unset=UNSET,
    **slots(mrr="mrr_change_pct", renewal="days_to_renewal", seats="seat_change_pct"),
)
