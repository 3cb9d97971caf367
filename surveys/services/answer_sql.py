"""The statements of the answer page that write, each one trip to the database and one commit.

The rules they keep are those of `responses` and `visits`. A first answer and its lock are one statement: it moves the
invitation, and all that follows is made from the row it moved.
"""

from collections.abc import Mapping
from typing import Any

from django.db import connection
from psycopg.types.json import Jsonb

# One row per link, score, method, client and minute; takes no lock. A look that a crash loses is no answer lost, so it
# waits for no disk: the setting holds until the commit of this statement.
LOOK = """
INSERT INTO surveys_visit (token, method, r, fingerprint, minute, at, seconds_since_accept, is_prefetch, fetch_mode,
                           has_fetch_user, is_scanner, is_chromium, is_automatic, settled_at)
SELECT %(token)s, %(method)s, %(score)s, %(client)s, date_trunc('minute', %(at)s::timestamptz), %(at)s::timestamptz,
       %(since_accept)s::int, %(is_prefetch)s, %(fetch_mode)s, %(has_fetch_user)s, %(is_scanner)s, %(is_chromium)s, false,
       NULL
  FROM set_config('synchronous_commit',
                  CASE WHEN %(is_alone)s THEN 'off' ELSE current_setting('synchronous_commit') END, true)
    ON CONFLICT DO NOTHING
"""

# The client of a POST, so that a later press of another client can be told apart (S-111).
_PRESS = """
    INSERT INTO surveys_visit (token, method, r, fingerprint, minute, at, is_prefetch, fetch_mode, has_fetch_user,
                               is_scanner, is_chromium, is_automatic, settled_at)
    SELECT %(token)s, 'POST', %(score)s, %(client)s::text, date_trunc('minute', %(now)s::timestamptz),
           %(now)s::timestamptz, false, '', false, false, false, false, %(now)s::timestamptz
      FROM answer WHERE %(client)s::text <> ''
        ON CONFLICT DO NOTHING
"""
_REVISION = """
    INSERT INTO surveys_responserevision (response_id, number, score, comment, wants_contact, extra, occurred_at,
                                          device_hash, evidence)
    SELECT id, revision, score, comment, wants_contact, extra, answered_at, device_hash, %(evidence)s::jsonb FROM answer
"""
# As `customers.services.staleness.mark` writes them.
_MARK = """
    INSERT INTO customers_stalemark (customer_id, from_day, cause)
    SELECT customer_id, %(today)s::date, %(cause)s FROM answer WHERE status = 'counted' AND customer_id IS NOT NULL
"""

FIRST = f"""
WITH moved AS (
    UPDATE surveys_invitation SET response_state = %(response_state)s
     WHERE id = %(invitation_id)s AND response_state = ANY(%(silent)s)
    RETURNING id
), answer AS (
    INSERT INTO surveys_response (
        invitation_id, message_id, campaign_id, customer_id, contact_id, kind, nature, series_key, campaign_name, channel,
        status, scale_min, scale_max, direction, score, comment, wants_contact, extra, is_anonymous, revision,
        device_hash, language, phase, owner_at_answer_id, sent_at, first_answered_at, answered_at, needs_follow_up_at,
        source, external_id
    )
    SELECT moved.id, %(message_id)s, %(campaign_id)s, %(customer_id)s::bigint, %(contact_id)s::bigint, %(kind)s,
           %(nature)s, %(series_key)s, '', 'email', %(status)s, %(scale_min)s, %(scale_max)s, 'high_is_good', %(score)s,
           %(comment)s, %(wants_contact)s, %(extra)s::jsonb, false, 1, %(device_hash)s, %(language)s, %(phase)s,
           %(owner_at_answer_id)s::bigint, %(sent_at)s::timestamptz, %(now)s::timestamptz, %(now)s::timestamptz,
           %(needs_follow_up_at)s::timestamptz, 'tend', ''
      FROM moved
    RETURNING *
), revised AS ({_REVISION}), marked AS ({_MARK}), noted AS ({_PRESS}), judged AS (
    INSERT INTO surveys_responseevent (response_id, kind, reason, occurred_at)
    SELECT id, 'suspected', %(reason)s, %(now)s::timestamptz FROM answer WHERE %(is_suspect)s
)
SELECT id FROM answer
"""

# A further revision of the row as it was read. `replaces`: it counts for the first time, and the invitation with it. Then
# the caller's transaction must end when no id comes back: the invitation may have moved without its answer.
AGAIN = f"""
WITH moved AS (
    UPDATE surveys_invitation SET response_state = 'answered'
     WHERE id = %(invitation_id)s AND response_state = 'suspect' AND %(replaces)s
    RETURNING id
), answer AS (
    UPDATE surveys_response
       SET score = %(score)s, comment = %(comment)s, wants_contact = %(wants_contact)s, extra = %(extra)s::jsonb,
           device_hash = %(device_hash)s, answered_at = %(now)s, updated_at = statement_timestamp(),
           revision = revision + 1, status = %(status)s, message_id = %(message_id)s, sent_at = %(sent_at)s,
           first_answered_at = %(first_answered_at)s, owner_at_answer_id = %(owner_at_answer_id)s,
           needs_follow_up_at = CASE WHEN %(status)s = 'counted' THEN %(needs_follow_up_at)s::timestamptz
                                     ELSE needs_follow_up_at END,
           edited_elsewhere_at = coalesce(%(edited_elsewhere_at)s::timestamptz, edited_elsewhere_at)
     WHERE id = %(id)s AND revision = %(revision_before)s AND status = %(status_before)s
       AND (NOT %(replaces)s OR EXISTS (SELECT FROM moved))
    RETURNING *
), revised AS ({_REVISION}), marked AS ({_MARK}), noted AS ({_PRESS})
SELECT id FROM answer
"""


# A press that changes no answer leaves its client, and a note where it was set aside.
PRESSED = f"""
WITH answer AS (SELECT %(id)s::bigint AS id), noted AS ({_PRESS}), aside AS (
    INSERT INTO surveys_responseevent (response_id, kind, reason, occurred_at)
    SELECT id, 'set_aside', %(reason)s, %(now)s::timestamptz FROM answer WHERE %(is_aside)s
)
SELECT id FROM answer
"""


def run(statement: str, values: Mapping[str, Any]) -> int | None:
    """Run one that answers; the id of the answer, None when somebody else was first. JSON values are dictionaries."""
    json = {name: Jsonb(value) for name, value in values.items() if isinstance(value, dict)}
    with connection.cursor() as cursor:
        cursor.execute(statement, {**values, **json})
        row = cursor.fetchone()
    return None if row is None else row[0]


def look(values: Mapping[str, Any]) -> None:
    """Note a look. Within somebody's transaction it is committed like everything else there."""
    with connection.cursor() as cursor:
        cursor.execute(LOOK, {**values, "is_alone": not connection.in_atomic_block})
