"""The statements of the answer page that write, each one trip to the database and one commit.

The rules they keep are those of `responses` and `visits`. A first answer and its lock are one statement: it moves the
invitation, and all that follows is made from the row it moved.
"""

from collections.abc import Mapping
from typing import Any

from django.db import connection
from psycopg.types.json import Jsonb

from config.work.prepared import Statement

_LOOK_VALUES = {
    "token": "text", "method": "text", "score": "integer", "client": "text", "at": "timestamptz", "since_accept": "integer",
    "is_prefetch": "boolean", "fetch_mode": "text", "has_fetch_user": "boolean", "is_scanner": "boolean",
    "is_chromium": "boolean", "is_alone": "boolean",
}  # fmt: skip
_OF_PRESS = {"token": "text", "score": "integer", "client": "text", "now": "timestamptz"}
_OF_PRESSED = {"id": "bigint", "reason": "text", "is_aside": "boolean"}
# What a first answer and a further revision have in common.
_OF_CONTENT = {
    "invitation_id": "bigint", "message_id": "bigint", "status": "text", "comment": "text", "wants_contact": "boolean",
    "extra": "jsonb", "device_hash": "text", "owner_at_answer_id": "bigint", "sent_at": "timestamptz",
    "needs_follow_up_at": "timestamptz", "evidence": "jsonb", "today": "date", "cause": "text",
}  # fmt: skip
_OF_FIRST = {
    "response_state": "text", "silent": "text[]", "campaign_id": "bigint", "customer_id": "bigint", "contact_id": "bigint",
    "kind": "text", "nature": "text", "series_key": "text", "scale_min": "integer", "scale_max": "integer",
    "language": "text", "phase": "text", "is_suspect": "boolean", "reason": "text",
}  # fmt: skip
_OF_AGAIN = {
    "id": "bigint", "replaces": "boolean", "revision_before": "integer", "status_before": "text",
    "first_answered_at": "timestamptz", "edited_elsewhere_at": "timestamptz",
}  # fmt: skip

# One row per link, score, method, client and minute; takes no lock. A look that a crash loses is no answer lost, so it
# waits for no disk: the setting holds until the commit of this statement.
LOOK = Statement(
    "answer_note_look",
    _LOOK_VALUES,
    """
INSERT INTO surveys_visit (token, method, r, fingerprint, minute, at, seconds_since_accept, is_prefetch, fetch_mode,
                           has_fetch_user, is_scanner, is_chromium, is_automatic, settled_at)
SELECT %(token)s, %(method)s, %(score)s, %(client)s, date_trunc('minute', %(at)s), %(at)s,
       %(since_accept)s, %(is_prefetch)s, %(fetch_mode)s, %(has_fetch_user)s, %(is_scanner)s, %(is_chromium)s, false,
       NULL
  FROM set_config('synchronous_commit',
                  CASE WHEN %(is_alone)s THEN 'off' ELSE current_setting('synchronous_commit') END, true)
    ON CONFLICT DO NOTHING
""",
)

# The client of a POST, so that a later press of another client can be told apart (S-111).
_PRESS = """
    INSERT INTO surveys_visit (token, method, r, fingerprint, minute, at, is_prefetch, fetch_mode, has_fetch_user,
                               is_scanner, is_chromium, is_automatic, settled_at)
    SELECT %(token)s, 'POST', %(score)s, %(client)s, date_trunc('minute', %(now)s),
           %(now)s, false, '', false, false, false, false, %(now)s
      FROM answer WHERE %(client)s <> ''
        ON CONFLICT DO NOTHING
"""
_REVISION = """
    INSERT INTO surveys_responserevision (response_id, number, score, comment, wants_contact, extra, occurred_at,
                                          device_hash, evidence)
    SELECT id, revision, score, comment, wants_contact, extra, answered_at, device_hash, %(evidence)s FROM answer
"""
# As `customers.services.staleness.mark` writes them.
_MARK = """
    INSERT INTO customers_stalemark (customer_id, from_day, cause)
    SELECT customer_id, %(today)s, %(cause)s FROM answer WHERE status = 'counted' AND customer_id IS NOT NULL
"""

FIRST = Statement(
    "answer_first",
    _OF_PRESS | _OF_CONTENT | _OF_FIRST,
    f"""
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
    SELECT moved.id, %(message_id)s, %(campaign_id)s, %(customer_id)s, %(contact_id)s, %(kind)s,
           %(nature)s, %(series_key)s, '', 'email', %(status)s, %(scale_min)s, %(scale_max)s, 'high_is_good', %(score)s,
           %(comment)s, %(wants_contact)s, %(extra)s, false, 1, %(device_hash)s, %(language)s, %(phase)s,
           %(owner_at_answer_id)s, %(sent_at)s, %(now)s, %(now)s,
           %(needs_follow_up_at)s, 'tend', ''
      FROM moved
    RETURNING *
), revised AS ({_REVISION}), marked AS ({_MARK}), noted AS ({_PRESS}), judged AS (
    INSERT INTO surveys_responseevent (response_id, kind, reason, occurred_at)
    SELECT id, 'suspected', %(reason)s, %(now)s FROM answer WHERE %(is_suspect)s
)
SELECT id FROM answer
""",
)

# A further revision of the row as it was read. `replaces`: it counts for the first time, and the invitation with it. Then
# the caller's transaction must end when no id comes back: the invitation may have moved without its answer.
AGAIN = Statement(
    "answer_again",
    _OF_PRESS | _OF_CONTENT | _OF_AGAIN,
    f"""
WITH moved AS (
    UPDATE surveys_invitation SET response_state = 'answered'
     WHERE id = %(invitation_id)s AND response_state = 'suspect' AND %(replaces)s
    RETURNING id
), answer AS (
    UPDATE surveys_response
       SET score = %(score)s, comment = %(comment)s, wants_contact = %(wants_contact)s, extra = %(extra)s,
           device_hash = %(device_hash)s, answered_at = %(now)s, updated_at = statement_timestamp(),
           revision = revision + 1, status = %(status)s, message_id = %(message_id)s, sent_at = %(sent_at)s,
           first_answered_at = %(first_answered_at)s, owner_at_answer_id = %(owner_at_answer_id)s,
           needs_follow_up_at = CASE WHEN %(status)s = 'counted' THEN %(needs_follow_up_at)s
                                     ELSE needs_follow_up_at END,
           edited_elsewhere_at = coalesce(%(edited_elsewhere_at)s, edited_elsewhere_at)
     WHERE id = %(id)s AND revision = %(revision_before)s AND status = %(status_before)s
       AND (NOT %(replaces)s OR EXISTS (SELECT FROM moved))
    RETURNING *
), revised AS ({_REVISION}), marked AS ({_MARK}), noted AS ({_PRESS})
SELECT id FROM answer
""",
)


# A press that changes no answer leaves its client, and a note where it was set aside.
PRESSED = Statement(
    "answer_pressed",
    _OF_PRESS | _OF_PRESSED,
    f"""
WITH answer AS (SELECT %(id)s AS id), noted AS ({_PRESS}), aside AS (
    INSERT INTO surveys_responseevent (response_id, kind, reason, occurred_at)
    SELECT id, 'set_aside', %(reason)s, %(now)s FROM answer WHERE %(is_aside)s
)
SELECT id FROM answer
""",
)


def run(statement: Statement, values: Mapping[str, Any]) -> int | None:
    """Run one that answers; the id of the answer, None when somebody else was first. JSON values are dictionaries."""
    json = {name: Jsonb(value) for name, value in values.items() if isinstance(value, dict)}
    with connection.cursor() as cursor:
        statement.run(cursor, {**values, **json})
        row = cursor.fetchone()
    return None if row is None else row[0]


def look(values: Mapping[str, Any]) -> None:
    """Note a look. Within somebody's transaction it is committed like everything else there."""
    with connection.cursor() as cursor:
        LOOK.run(cursor, {**values, "is_alone": not connection.in_atomic_block})
