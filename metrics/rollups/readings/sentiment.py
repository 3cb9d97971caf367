"""Sentiment: NPS of the latest answer per contact, and the CSM's pulse. Sources: responses, pulses.

An answer edited after the moment counts with the content it had then; an answer counts for 365 days.
"""

from customers.models import Pulse
from metrics.rollups.readings.parts import MILLION, UNSET, known, of_feed, slots, table
from surveys.choices import Channel, ResponseStatus, SurveyKind
from surveys.models import Response, ResponseRevision

PROMOTER_FROM, DETRACTOR_TO = 9, 6  # answers 9 and 10, answers 0 to 6
COUNTS_FOR_DAYS = 365

_NPS = """
SELECT n.customer_id, {nps}, metrics_div_even(50::numeric * {million} * (n.promoters - n.detractors + n.answers), n.answers),
    n.day, 0
FROM (
    SELECT latest.customer_id, count(*) AS answers,
        count(*) FILTER (WHERE latest.score >= {promoter}) AS promoters,
        count(*) FILTER (WHERE latest.score <= {detractor}) AS detractors,
        (max(latest.first_answered_at) AT TIME ZONE %(zone)s)::date AS day
    FROM (
        SELECT DISTINCT ON (a.customer_id, coalesce(a.contact_id, -a.id)) a.customer_id, a.first_answered_at,
            CASE WHEN a.answered_at <= %(until)s THEN a.score ELSE (
                SELECT v.score FROM {revisions} v WHERE v.response_id = a.id AND v.occurred_at <= %(until)s
                ORDER BY v.number DESC LIMIT 1) END AS score
        FROM {responses} a JOIN scope s ON s.customer_id = a.customer_id
        WHERE a.kind = '{kind}' AND a.scale_min = 0 AND a.scale_max = 10
            AND a.status = '{counted}' AND a.first_answered_at <= %(until)s
            AND a.first_answered_at > %(until)s - interval '{days} days'
            AND (%(known_at)s::timestamptz IS NULL OR a.recorded_at <= %(known_at)s
                OR a.channel = '{imported}' AND NOT %(strict_known)s)
        ORDER BY a.customer_id, coalesce(a.contact_id, -a.id), a.first_answered_at DESC, a.id DESC
    ) latest
    WHERE latest.score IS NOT NULL
    GROUP BY latest.customer_id
) n
"""

_PULSE = """
SELECT p.customer_id, {pulse}, p.level * {million}::bigint, CASE WHEN p.level IS NOT NULL THEN p.day END,
    CASE WHEN p.level IS NULL THEN {unset} ELSE 0 END
FROM (
    SELECT DISTINCT ON (p.customer_id) p.customer_id, p.level, (p.occurred_at AT TIME ZONE %(zone)s)::date AS day
    FROM {pulses} p JOIN scope s ON s.customer_id = p.customer_id
    WHERE p.occurred_at <= %(until)s AND {known}
    ORDER BY p.customer_id, p.occurred_at DESC, p.seq DESC
) p
"""

SELECT = f"{of_feed('surveys', _NPS)}UNION ALL{_PULSE}".format(
    responses=table(Response),
    revisions=table(ResponseRevision),
    pulses=table(Pulse),
    known=known(Pulse, "p"),
    kind=SurveyKind.NPS,
    counted=ResponseStatus.COUNTED,
    imported=Channel.IMPORT,
    promoter=PROMOTER_FROM,
    detractor=DETRACTOR_TO,
    days=COUNTS_FOR_DAYS,
    million=MILLION,
    unset=UNSET,
    **slots(nps="nps_customer", pulse="pulse"),
)
