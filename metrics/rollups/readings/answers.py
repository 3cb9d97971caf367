"""Answers: the latest NPS answer, and mean CSAT and CES as shares of their scale. Sources: responses, revisions.

An answer edited after the moment counts with the content it had then; an answer counts for 365 days. Scales differ
between surveys, so each answer becomes 0-100 of its own scale before the mean is taken.
"""

from metrics.rollups.readings.parts import MILLION, of_feed, slots, table
from metrics.rollups.readings.sentiment import COUNTS_FOR_DAYS
from surveys.choices import Channel, Direction, OtherScale, ResponseStatus, SurveyKind
from surveys.models import Response, ResponseRevision

_CSAT = (SurveyKind.CSAT5, SurveyKind.CSAT7, OtherScale.CSAT)
_CES = (SurveyKind.CES5, SurveyKind.CES7, OtherScale.CES)

_SELECT = """
SELECT m.customer_id, m.slot, m.value, m.day, 0
FROM (
    SELECT a.customer_id, a.slot, (max(a.first_answered_at) AT TIME ZONE %(zone)s)::date AS day,
        CASE WHEN a.slot = {nps}
            THEN (array_agg(a.points ORDER BY a.first_answered_at DESC, a.id DESC))[1]
            ELSE metrics_div_even(sum(a.points), count(*)) END AS value
    FROM (
        SELECT a.id, a.customer_id, a.first_answered_at, a.slot,
            metrics_div_even(100::numeric * {million} * CASE WHEN a.direction = '{low}' THEN a.scale_max - a.score
                ELSE a.score - a.scale_min END, a.scale_max - a.scale_min) AS points
        FROM (
            SELECT a.id, a.customer_id, a.first_answered_at, a.scale_min, a.scale_max, a.direction,
                CASE WHEN a.kind = '{kind}' THEN {nps} WHEN a.kind IN ({csats}) THEN {csat} ELSE {ces} END AS slot,
                CASE WHEN a.answered_at <= %(until)s THEN a.score ELSE (
                    SELECT v.score FROM {revisions} v WHERE v.response_id = a.id AND v.occurred_at <= %(until)s
                    ORDER BY v.number DESC LIMIT 1) END AS score
            FROM {responses} a JOIN scope s ON s.customer_id = a.customer_id
            WHERE a.status = '{counted}' AND a.first_answered_at <= %(until)s AND a.scale_max > a.scale_min
                AND (a.kind IN ({csats}, {cess}) OR a.kind = '{kind}' AND a.scale_min = 0 AND a.scale_max = 10)
                AND a.first_answered_at > %(until)s - interval '{days} days'
                AND (%(known_at)s::timestamptz IS NULL OR a.recorded_at <= %(known_at)s
                    OR a.channel = '{imported}' AND NOT %(strict_known)s)
        ) a
        WHERE a.score IS NOT NULL
    ) a
    GROUP BY a.customer_id, a.slot
) m
"""


def _listed(kinds: tuple[str, ...]) -> str:
    return ", ".join(f"'{kind}'" for kind in kinds)


SELECT = of_feed("surveys", _SELECT).format(
    responses=table(Response),
    revisions=table(ResponseRevision),
    kind=SurveyKind.NPS,
    csats=_listed(_CSAT),
    cess=_listed(_CES),
    low=Direction.LOW_IS_GOOD,
    counted=ResponseStatus.COUNTED,
    imported=Channel.IMPORT,
    days=COUNTS_FOR_DAYS,
    million=MILLION,
    **slots(nps="nps_latest", csat="csat_mean", ces="ces_mean"),
)
