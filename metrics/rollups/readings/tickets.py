"""Tickets in numbers: how many are open, and which share of those solved in 90 days came back. Source: tickets.

Reopenings carry no day, so only tickets solved by the moment count: whatever reopened them happened before.
"""

from customers.models import Ticket
from metrics.rollups.readings.parts import MILLION, known, of_feed, slots, table

WINDOW = 90

_SELECT = """
SELECT t.customer_id, r.slot, r.value, r.day, 0
FROM (
    SELECT t.customer_id, count(*) FILTER (WHERE t.solved_on IS NULL) AS open,
        count(*) FILTER (WHERE t.solved_on > %(last_day)s - {window} AND t.solved_on <= %(last_day)s) AS solved,
        count(*) FILTER (WHERE t.solved_on > %(last_day)s - {window} AND t.solved_on <= %(last_day)s AND t.reopened > 0)
            AS reopened
    FROM (
        SELECT t.customer_id, t.reopened, CASE WHEN t.solved_at <= %(until)s
            THEN (t.solved_at AT TIME ZONE %(zone)s)::date END AS solved_on
        FROM {tickets} t JOIN scope s ON s.customer_id = t.customer_id
        WHERE t.opened_at <= %(until)s AND {known}
    ) t
    GROUP BY t.customer_id
) t
CROSS JOIN LATERAL (VALUES
    ({open}, t.open * {million}, %(as_of)s::date),
    ({reopened}, CASE WHEN t.solved = 0 THEN 0 ELSE metrics_div_even(t.reopened * {million}::numeric, t.solved) END,
        %(last_day)s::date)
) AS r (slot, value, day)
"""

SELECT = of_feed("tickets", _SELECT).format(
    tickets=table(Ticket),
    known=known(Ticket, "t"),
    window=WINDOW,
    million=MILLION,
    **slots(open="open_tickets", reopened="reopened_share"),
)
