"""The statements every mail needs, each one trip to the database; claiming is one commit, the other two one each.

They are prepared: written, planned and typed once per connection, because planning them takes ten times as long as
running them. Behind a pooler that changes connections between transactions they are sent whole. The rules they keep are
those of `claims` and `delivery`: a lease is named in every write, and nothing is written for somebody else's.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connection

from config.work.prepared import Statement

# The row is found by the order of its index: whether its campaign is active is asked row by row, until the first yes.
# The clocks of a first mail are locked after it, in the order of the sort: "person" comes before "customer".
DUE = Statement(
    "mail_due",
    {"now": "timestamptz"},
    """
WITH due AS MATERIALIZED (
    SELECT id, invitation_id, kind, seq, attempts, not_before, max_at, message_id
      FROM surveys_message
     WHERE delivery_state = 'queued' AND not_before <= %(now)s AND max_at > %(now)s
       AND (SELECT asked.is_test OR campaign.state = 'active'
              FROM surveys_invitation asked
              JOIN surveys_wave wave ON wave.id = asked.wave_id
              JOIN surveys_campaign campaign ON campaign.id = wave.campaign_id
             WHERE asked.id = surveys_message.invitation_id)
     ORDER BY not_before, id
     LIMIT 1
       FOR UPDATE SKIP LOCKED
), held AS MATERIALIZED (
    SELECT clock.id
      FROM due
      JOIN surveys_invitation asked ON asked.id = due.invitation_id AND NOT asked.is_test
      JOIN LATERAL (VALUES ('person', asked.email_hash), ('customer', asked.customer_id::text)) AS wanted (scope, key) ON TRUE
      JOIN surveys_sendclock clock ON clock.scope = wanted.scope AND clock.key = wanted.key
     WHERE due.kind = 'first'
     ORDER BY clock.scope DESC
       FOR UPDATE OF clock
)
SELECT due.*,
       asked.id, asked.wave_id, asked.contact_id, asked.customer_id, asked.text_id, asked.email_norm, asked.email_hash,
       asked.email_domain, asked.owner_at_send_id, asked.response_state, asked.expires_at, asked.is_test,
       contact.id, contact.name, contact.time_zone, contact.do_not_survey, contact.left_on, contact.erased_at,
       customer.id, customer.name, customer.time_zone, customer.archived_at,
       summary.customer_id, summary.first_paid_on, summary.is_paying,
       EXISTS (
           SELECT FROM surveys_suppression stop
            WHERE stop.email_hash = asked.email_hash AND stop.scope IN ('all', version.kind)
              AND stop.lifted_at IS NULL AND (stop.expires_at IS NULL OR stop.expires_at > %(now)s)
       ),
       EXISTS (
           SELECT FROM customers_ticket ticket
            WHERE ticket.customer_id = asked.customer_id AND ticket.escalated AND ticket.solved_at IS NULL
              AND ticket.superseded_by_id IS NULL AND NOT ticket.voids
       ),
       CASE due.kind WHEN 'reminder' THEN (
           SELECT first.message_id FROM surveys_message first
            WHERE first.invitation_id = asked.id AND first.kind = 'first' AND first.seq = 0
       ) ELSE '' END,
       (SELECT count(*) FROM held)
  FROM due
  JOIN surveys_invitation asked ON asked.id = due.invitation_id
  JOIN surveys_wave wave ON wave.id = asked.wave_id
  JOIN surveys_campaignversion version ON version.id = wave.version_id
  LEFT JOIN customers_contact contact ON contact.id = asked.contact_id
  LEFT JOIN customers_customer customer ON customer.id = asked.customer_id
  LEFT JOIN customers_customersummary summary ON summary.customer_id = customer.id
""",
)

# Takes the row at once when nobody could mind: this person was not asked within the longest gap, and the customer's cap
# leaves room. Otherwise, unless `is_free`, it takes nothing, and the rules themselves are asked.
TAKE = Statement(
    "mail_take",
    {
        "message": "bigint",
        "lease": "text",
        "lease_s": "integer",
        "now": "timestamptz",
        "is_first": "boolean",
        "expires_at": "timestamptz",
        "sha256": "text[]",
        "purposes": "text[]",
        "is_free": "boolean",
        "person": "text",
        "customer": "bigint",
        "gap_from": "timestamptz",
        "cap_from": "timestamptz",
        "cap": "integer",
    },
    """
WITH taken AS (
    UPDATE surveys_message SET delivery_state = 'sending', phase = 'connect', lease_token = %(lease)s,
           lease_until = statement_timestamp() + make_interval(secs => %(lease_s)s),
           claimed_at = %(now)s, changed_at = statement_timestamp()
     WHERE id = %(message)s AND (
           %(is_free)s
           OR NOT EXISTS (
               SELECT FROM surveys_invitation asked JOIN surveys_message other ON other.invitation_id = asked.id
                WHERE asked.email_hash = %(person)s AND NOT asked.is_test AND other.id <> %(message)s
                  AND other.kind = 'first' AND other.delivery_state IN (
                      'sending', 'uncertain', 'sent', 'delivered', 'soft_bounced', 'complained') AND other.claimed_at >= %(gap_from)s
           ) AND (
               SELECT count(DISTINCT asked.email_hash)
                 FROM surveys_invitation asked JOIN surveys_message other ON other.invitation_id = asked.id
                WHERE asked.customer_id = %(customer)s AND NOT asked.is_test AND other.id <> %(message)s
                  AND other.kind = 'first' AND other.delivery_state IN (
                      'sending', 'uncertain', 'sent', 'delivered', 'soft_bounced', 'complained') AND other.claimed_at >= %(cap_from)s
           ) < %(cap)s)
    RETURNING id, invitation_id
), opened AS (
    UPDATE surveys_invitation SET expires_at = %(expires_at)s
      FROM taken WHERE surveys_invitation.id = taken.invitation_id AND %(is_first)s
)
INSERT INTO surveys_linktoken (sha256, purpose, message_id, minted_for, expires_at)
SELECT link.sha256, link.purpose, taken.id, %(lease)s, CASE WHEN link.purpose = 'unsubscribe' THEN NULL ELSE %(expires_at)s END
  FROM taken, unnest(%(sha256)s, %(purposes)s) AS link(sha256, purpose)
""",
)

# Conditions on the row itself stand outside the subqueries, so that a parallel change is seen after waiting for it.
ALLOW_DOT = Statement(
    "mail_allow_dot",
    {"message": "bigint", "lease": "text", "lease_s": "integer", "now": "timestamptz"},
    """
UPDATE surveys_message SET phase = 'dot', changed_at = statement_timestamp(),
       lease_until = statement_timestamp() + make_interval(secs => %(lease_s)s)
 WHERE id = %(message)s AND lease_token = %(lease)s AND delivery_state = 'sending' AND phase = 'connect'
   AND NOT EXISTS (SELECT FROM surveys_sendingstate WHERE hold_reason <> '')
   AND EXISTS (
       SELECT FROM surveys_invitation asked
         JOIN surveys_wave wave ON wave.id = asked.wave_id
         JOIN surveys_campaign campaign ON campaign.id = wave.campaign_id
         JOIN surveys_campaignversion version ON version.id = wave.version_id
         LEFT JOIN customers_contact contact ON contact.id = asked.contact_id
         LEFT JOIN customers_customer customer ON customer.id = asked.customer_id
         LEFT JOIN customers_customersummary summary ON summary.customer_id = asked.customer_id
        WHERE asked.id = surveys_message.invitation_id
          AND (asked.is_test OR (
              campaign.state = 'active' AND NOT contact.do_not_survey AND contact.erased_at IS NULL
              AND customer.id IS NOT NULL AND customer.archived_at IS NULL
              AND NOT (summary.first_paid_on IS NOT NULL AND NOT summary.is_paying
                       AND version.trigger_event <> 'cancelled')
              AND NOT EXISTS (
                  SELECT FROM surveys_suppression stop
                   WHERE stop.email_hash = asked.email_hash AND stop.scope IN ('all', version.kind)
                     AND stop.lifted_at IS NULL AND (stop.expires_at IS NULL OR stop.expires_at > %(now)s)
              )
          ))
   )
""",
)

ACCEPTED = Statement(
    "mail_accepted",
    {
        "message": "bigint",
        "lease": "text",
        "attempts": "integer",
        "code": "integer",
        "text": "text",
        "phase": "text",
        "now": "timestamptz",
    },
    """
WITH mine AS (
    UPDATE surveys_message SET delivery_state = 'sent', phase = '', lease_token = '', lease_until = NULL,
           attempts = %(attempts)s, reply_code = %(code)s, reply_text = %(text)s, accepted_at = %(now)s,
           settled_by = 'reply', changed_at = statement_timestamp()
     WHERE id = %(message)s AND lease_token = %(lease)s AND delivery_state = 'sending'
    RETURNING id
)
INSERT INTO surveys_deliveryevent (message_id, type, source, event_id, phase, code, text, occurred_at)
SELECT id, 'accepted', 'smtp', id || ':' || %(lease)s, %(phase)s, %(code)s, %(text)s, %(now)s FROM mine
""",
)


def run(statement: Statement, values: Mapping[str, Any]) -> int:
    """Run one of them; returns how many rows were written, 0 when the message is not ours."""
    with connection.cursor() as cursor:
        statement.run(cursor, values)
        return cursor.rowcount


def rows(statement: Statement, values: Mapping[str, Any]) -> Sequence[tuple[Any, ...]]:
    """Run one that reads."""
    with connection.cursor() as cursor:
        statement.run(cursor, values)
        return cursor.fetchall()
