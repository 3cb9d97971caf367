"""The three statements every mail needs, each one trip to the database and, but for the first, one commit.

The rules they keep are those of `delivery`: a lease is named in every write, and nothing is written for somebody else's.
"""

from collections.abc import Mapping
from typing import Any

from django.db import connection

TAKE = """
WITH taken AS (
    UPDATE surveys_message SET delivery_state = 'sending', phase = 'connect', lease_token = %(lease)s,
           lease_until = statement_timestamp() + make_interval(secs => %(lease_s)s),
           claimed_at = %(now)s, changed_at = statement_timestamp()
     WHERE id = %(message)s
    RETURNING id, invitation_id
), opened AS (
    UPDATE surveys_invitation SET expires_at = %(expires_at)s
      FROM taken WHERE surveys_invitation.id = taken.invitation_id AND %(is_first)s
)
INSERT INTO surveys_linktoken (sha256, purpose, message_id, minted_for, expires_at)
SELECT link.sha256, link.purpose, taken.id, %(lease)s,
       CASE WHEN link.purpose = 'unsubscribe' THEN NULL ELSE %(expires_at)s::timestamptz END
  FROM taken, unnest(%(sha256)s::text[], %(purposes)s::text[]) AS link(sha256, purpose)
"""

# Conditions on the row itself stand outside the subqueries, so that a parallel change is seen after waiting for it.
ALLOW_DOT = """
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
        WHERE asked.id = surveys_message.invitation_id
          AND (asked.is_test OR (
              campaign.state = 'active' AND NOT contact.do_not_survey AND contact.erased_at IS NULL
              AND NOT EXISTS (
                  SELECT FROM surveys_suppression stop
                   WHERE stop.email_hash = asked.email_hash AND stop.scope IN ('all', version.kind)
                     AND stop.lifted_at IS NULL AND (stop.expires_at IS NULL OR stop.expires_at > %(now)s)
              )
          ))
   )
"""

ACCEPTED = """
WITH mine AS (
    UPDATE surveys_message SET delivery_state = 'sent', phase = '', lease_token = '', lease_until = NULL,
           attempts = %(attempts)s, reply_code = %(code)s, reply_text = %(text)s, accepted_at = %(now)s,
           settled_by = 'reply', changed_at = statement_timestamp()
     WHERE id = %(message)s AND lease_token = %(lease)s AND delivery_state = 'sending'
    RETURNING id
)
INSERT INTO surveys_deliveryevent (message_id, type, source, event_id, phase, code, text, occurred_at)
SELECT id, 'accepted', 'smtp', id || ':' || %(lease)s, %(phase)s, %(code)s, %(text)s, %(now)s FROM mine
"""


def run(statement: str, values: Mapping[str, Any]) -> int:
    """Run one of them; returns how many rows were written, 0 when the message is not ours."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.rowcount
