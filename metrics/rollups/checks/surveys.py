"""Identities of asking and answering: IC-05 and IC-06."""

from metrics.rollups.checks.identity import Identity

ACCEPTED = "('sent', 'delivered', 'soft_bounced', 'complained')"
_SCORES = """
SELECT 'surveys_response', id::text, 'answer ' || score || ' lies outside ' || scale_min || ' to ' || scale_max
FROM surveys_response WHERE status = 'counted' AND (score < scale_min OR score > scale_max)
"""
_NPS = """
SELECT 'surveys_response', 'nps', 'promoters, passives and detractors are not all counted answers'
FROM (
    SELECT count(*) AS n, count(*) FILTER (WHERE score >= 9) AS promoters,
        count(*) FILTER (WHERE score IN (7, 8)) AS passives, count(*) FILTER (WHERE score BETWEEN 0 AND 6) AS detractors
    FROM surveys_response WHERE status = 'counted' AND kind = 'nps' AND scale_min = 0 AND scale_max = 10
) c WHERE n <> promoters + passives + detractors
"""
_FUNNEL = f"""
SELECT 'surveys_wave', w.id::text, answered || ' answered, ' || taken || ' taken, ' || asked || ' asked, '
    || w.eligible_count || ' eligible'
FROM surveys_wave w, LATERAL (
    SELECT count(*) AS asked,
        count(*) FILTER (WHERE EXISTS (SELECT 1 FROM surveys_response r WHERE r.invitation_id = i.id)) AS answered,
        count(*) FILTER (WHERE EXISTS (SELECT 1 FROM surveys_message m WHERE m.invitation_id = i.id
            AND (m.accepted_at IS NOT NULL OR m.delivery_state IN {ACCEPTED}))) AS taken
    FROM surveys_invitation i WHERE i.wave_id = w.id AND NOT i.is_test AND i.trigger_key = ''
) f
WHERE w.snapshot_at IS NOT NULL AND NOT w.is_test AND NOT (answered <= taken AND taken <= asked AND asked <= w.eligible_count)
"""
_ELIGIBLE = """
SELECT 'surveys_wave', w.id::text, w.eligible_count || ' were eligible, ' || n || ' are invited or left out with a reason'
FROM surveys_wave w, LATERAL (
    SELECT (SELECT count(*) FROM surveys_invitation i WHERE i.wave_id = w.id AND NOT i.is_test AND i.trigger_key = '')
        + (SELECT count(*) FROM surveys_waveskip s WHERE s.wave_id = w.id) AS n
) f
WHERE w.snapshot_at IS NOT NULL AND NOT w.is_test AND w.eligible_count <> n
    AND NOT EXISTS (SELECT 1 FROM surveys_invitation i WHERE i.wave_id = w.id AND i.trigger_key <> '')
"""
_TWICE = f"""
SELECT 'surveys_message', max(m.id)::text, 'sent ' || count(*) || ' times to one address of wave ' || i.wave_id
FROM surveys_message m JOIN surveys_invitation i ON i.id = m.invitation_id
WHERE m.delivery_state IN {ACCEPTED} AND NOT i.is_test AND i.trigger_key = '' AND i.email_norm <> ''
GROUP BY i.wave_id, i.email_norm, m.kind, m.seq HAVING count(*) > 1
"""
_NO_CODE = """
SELECT 'surveys_message', id::text, 'taken by a server without its reply code'
FROM surveys_message WHERE settled_by = 'reply' AND accepted_at IS NOT NULL AND reply_code IS NULL
"""
_SUPPRESSED = """
SELECT 'surveys_message', m.id::text, 'begun after its address was blocked'
FROM surveys_message m JOIN surveys_invitation i ON i.id = m.invitation_id
JOIN surveys_wave w ON w.id = i.wave_id JOIN surveys_campaignversion c ON c.id = w.version_id
JOIN surveys_suppression s ON s.email_hash = i.email_hash AND s.email_hash <> ''
WHERE m.accepted_at IS NOT NULL AND NOT i.is_test AND m.claimed_at > s.recorded_at
    AND (s.lifted_at IS NULL OR s.lifted_at > m.claimed_at) AND (s.expires_at IS NULL OR s.expires_at > m.claimed_at)
    AND s.scope IN ('all', c.kind)
"""

IDENTITIES = (
    Identity(
        "IC-05",
        "answers lie on their scale; answered <= taken <= asked <= eligible",
        ("surveys_response", "surveys_wave"),
        (_SCORES, _NPS, _FUNNEL),
    ),
    Identity(
        "IC-06",
        "everybody eligible is invited or left out, asked once, and never after a block",
        ("surveys_invitation", "surveys_message"),
        (_ELIGIBLE, _TWICE, _NO_CODE, _SUPPRESSED),
    ),
)
