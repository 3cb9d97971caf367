"""Support: open severe tickets and the age of the oldest open one. Source: tickets.

Without any ticket ever there is no reading; with all tickets solved both are 0.
"""

from customers.choices import TicketPriority
from customers.models import Ticket
from metrics.rollups.readings.parts import MILLION, known, of_feed, slots, table

SELECT = of_feed(
    "tickets",
    """
SELECT t.customer_id, r.slot, r.value * {million}, %(as_of)s::date, 0
FROM (
    SELECT k.customer_id,
        count(*) FILTER (WHERE k.is_open AND (k.priority = '{urgent}' OR k.escalated)) AS severe,
        coalesce(max(%(as_of)s::date - (k.opened_at AT TIME ZONE %(zone)s)::date) FILTER (WHERE k.is_open), 0) AS oldest
    FROM (
        SELECT t.customer_id, t.priority, t.escalated, t.opened_at,
            t.solved_at IS NULL OR t.solved_at > %(until)s AS is_open
        FROM {tickets} t JOIN scope s ON s.customer_id = t.customer_id
        WHERE t.opened_at <= %(until)s AND {known}
    ) k
    GROUP BY k.customer_id
) t
CROSS JOIN LATERAL (VALUES ({severe}, t.severe), ({oldest}, t.oldest::bigint)) AS r (slot, value)
""",
).format(
    tickets=table(Ticket),
    known=known(Ticket, "t"),
    urgent=TicketPriority.URGENT,
    million=MILLION,
    **slots(severe="severe_tickets", oldest="oldest_ticket_days"),
)
