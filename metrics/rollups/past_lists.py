"""Customers as they stood at the end of a past day, in one statement: who looked after them, phase, MRR, renewal.

Grain: one row per customer. Sources: Assignment, AttributeValue, LineVersion, CurrencyFactor; facts as known at a moment
or as known now. Nothing is stored.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from accounts.models import User
from customers.choices import AssignmentRole, Attribute
from customers.models import Assignment, AttributeValue, Customer, LineVersion
from metrics.formulas.definition import Definition
from metrics.models import CurrencyFactor
from metrics.rollups.line_segments import params_of, stretches
from metrics.sql.engine import Frame, facts_as_known, rows, table

_COLUMNS = (
    "customer_id, subscription_id, version_id, from_on, to_on, mrr, currency, state, counted, plan, quantity,"
    " discounted, reason, native_mrr, factor"
)
_RUNNING = "{0}.from_on <= %(as_of)s AND ({0}.to_on IS NULL OR {0}.to_on > %(as_of)s)"
_WANTED = "(%(ids)s::bigint[] IS NULL OR {0}.customer_id = ANY (%(ids)s::bigint[]))"
_SELECT = """
WITH held AS MATERIALIZED (
    SELECT a.customer_id, a.user_id, a.role FROM ({assignments}) a WHERE {a_running} AND {a_wanted}
), valued AS (
    SELECT a.customer_id,
        max(a.value) FILTER (WHERE a.key = '{phase}') AS phase, max(a.value) FILTER (WHERE a.key = '{tier}') AS tier,
        max(a.value) FILTER (WHERE a.key = '{segment}') AS segment
    FROM ({attributes}) a WHERE {a_running} AND {a_wanted} GROUP BY a.customer_id
), running ({columns}) AS MATERIALIZED (
    SELECT * FROM ({stretches}) s ({columns}) WHERE {s_running} AND counted
), paid AS (
    SELECT s.customer_id, round(sum(s.mrr * f.factor), 8) AS mrr
    FROM running s JOIN {factors} f ON f.currency = s.currency AND f.day = %(as_of)s GROUP BY s.customer_id
), due AS (
    SELECT s.customer_id, min(v.to_on) AS renewal_on FROM running s JOIN {lines} v ON v.id = s.version_id
    WHERE v.to_on > %(as_of)s GROUP BY s.customer_id
)
SELECT c.id, c.name, c.industry, coalesce(v.tier, '') AS tier, coalesce(v.segment, '') AS segment,
    coalesce(v.phase, '') AS phase, u.name AS owner, coalesce(paid.mrr, 0) AS mrr, due.renewal_on,
    EXISTS (SELECT 1 FROM held h WHERE h.customer_id = c.id AND h.user_id = %(user)s) AS in_book
FROM {customers} c
LEFT JOIN held p ON p.customer_id = c.id AND p.role = '{primary}'
LEFT JOIN {users} u ON u.id = p.user_id
LEFT JOIN valued v ON v.customer_id = c.id
LEFT JOIN paid ON paid.customer_id = c.id
LEFT JOIN due ON due.customer_id = c.id
WHERE (%(ids)s::bigint[] IS NULL OR c.id = ANY (%(ids)s::bigint[]))
    AND (c.archived_at IS NULL OR c.archived_at > %(end)s)
    AND (c.created_on IS NULL OR c.created_on <= %(as_of)s)
    AND (%(known_at)s::timestamptz IS NULL OR c.recorded_at <= %(known_at)s
        OR EXISTS (SELECT 1 FROM held h WHERE h.customer_id = c.id) OR v.customer_id IS NOT NULL
        OR paid.customer_id IS NOT NULL)
    AND (%(owners)s::bigint[] IS NULL OR EXISTS (
        SELECT 1 FROM held h WHERE h.customer_id = c.id AND h.user_id = ANY (%(owners)s::bigint[])))
ORDER BY lower(c.name), c.id
"""


@dataclass(frozen=True, slots=True)
class Stood:
    """One customer at the end of a day; MRR in the reporting currency at that day's factors."""

    pk: int
    name: str
    industry: str
    tier: str
    segment: str
    phase: str
    owner: str | None
    mrr: Decimal
    renewal_on: date | None
    in_book: bool


def read(
    *,
    customer_ids: Iterable[int] | None,
    owner_ids: Iterable[int] | None,
    user_id: int,
    day: date,
    end: datetime,
    known_at: datetime | None,
    definition: Definition,
) -> list[Stood]:
    """These customers (None: all) that were held by one of these users (None: by anybody or nobody) on a day.

    `end` is the day's last instant. `known_at` None means as known now; facts loaded as history count as known from the
    day they speak of. `in_book` says whether `user_id` held the customer in any role.
    """
    ids = None if customer_ids is None else sorted(set(customer_ids))
    frame = Frame(ids, day, definition, known_at, with_history=True)
    sql = _SELECT.format(
        assignments=facts_as_known(Assignment, frame),
        attributes=facts_as_known(AttributeValue, frame),
        stretches=stretches(frame),
        a_running=_RUNNING.format("a"),
        a_wanted=_WANTED.format("a"),
        s_running=_RUNNING.format("s"),
        columns=_COLUMNS,
        factors=table(CurrencyFactor),
        lines=table(LineVersion),
        customers=table(Customer),
        users=table(User),
        primary=AssignmentRole.PRIMARY,
        phase=Attribute.PHASE,
        tier=Attribute.TIER,
        segment=Attribute.SEGMENT,
    )
    values = {
        **params_of(frame),
        "owners": None if owner_ids is None else sorted(owner_ids),
        "user": user_id,
        "end": end,
    }
    return [Stood(*row) for row in rows(sql, values)]
