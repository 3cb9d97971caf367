"""Labels: the segments a customer is in on the day, as "field=value". They pick cards, impacts and peers.

Sources: dated attributes (phase, tier, segment, region), industry and country of the customer, line versions for the
plan of the largest paying line and for the commercial state (paying, trial, free, none), custom fields that are a
choice or yes or no.
"""

from customers.choices import Attribute, LineStatus
from customers.models import AttributeValue, LineVersion
from metrics.rollups.readings import fields
from metrics.rollups.readings.parts import known, table

SELECT = """
SELECT s.customer_id, 'phase=' || s.phase FROM scope s WHERE s.phase <> ''
UNION ALL
SELECT a.customer_id, a.key || '=' || a.value FROM {attributes} a JOIN scope s ON s.customer_id = a.customer_id
WHERE a.key IN ('{tier}', '{segment}', '{region}') AND a.value <> '' AND a.from_on <= %(as_of)s
    AND (a.to_on IS NULL OR a.to_on > %(as_of)s) AND {known_value}
UNION ALL
SELECT s.customer_id, 'industry=' || s.industry FROM scope s WHERE s.industry <> ''
UNION ALL
SELECT s.customer_id, 'country=' || s.country FROM scope s WHERE s.country <> ''
UNION ALL
SELECT s.customer_id, 'state=' || CASE
    WHEN bool_or(l.status IN ('{active}', '{past_due}') AND coalesce(l.trial_end <= %(as_of)s, true)) THEN 'paying'
    WHEN bool_or(l.status = '{trial}' OR l.trial_end > %(as_of)s) THEN 'trial' WHEN bool_or(l.status = '{free}') THEN 'free' ELSE 'none' END
FROM scope s LEFT JOIN {lines} l ON l.customer_id = s.customer_id AND l.from_on <= %(as_of)s
    AND (l.to_on IS NULL OR l.to_on > %(as_of)s) AND {known_line}
GROUP BY s.customer_id
UNION ALL
SELECT p.customer_id, 'plan=' || p.plan FROM (
    SELECT DISTINCT ON (l.customer_id) l.customer_id, l.plan FROM {lines} l JOIN scope s ON s.customer_id = l.customer_id
    WHERE l.from_on <= %(as_of)s AND (l.to_on IS NULL OR l.to_on > %(as_of)s)
        AND l.status IN ('{active}', '{past_due}') AND {known_line}
    ORDER BY l.customer_id, l.mrr DESC, l.subscription_id
) p WHERE p.plan <> ''
UNION ALL
{fields}
""".format(
    fields=fields.LABELS.strip(),
    attributes=table(AttributeValue),
    lines=table(LineVersion),
    known_value=known(AttributeValue, "a"),
    known_line=known(LineVersion, "l"),
    tier=Attribute.TIER,
    segment=Attribute.SEGMENT,
    region=Attribute.REGION,
    active=LineStatus.ACTIVE,
    past_due=LineStatus.PAST_DUE,
    trial=LineStatus.TRIAL,
    free=LineStatus.FREE,
)
