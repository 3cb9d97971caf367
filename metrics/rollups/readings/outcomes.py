"""Outcomes: is the onboarding on track. Source: the dated lifecycle phase, which `scope` carries."""

from customers.choices import Phase
from metrics.rollups.readings.parts import MILLION, UNSET, slots

ONBOARDING_DAYS = 90  # local days a customer may stay in onboarding before it is late

SELECT = """
SELECT o.customer_id, {onboarding}, CASE WHEN o.on_track IS NULL THEN NULL WHEN o.on_track THEN {million} ELSE 0 END,
    CASE WHEN o.on_track IS NULL THEN NULL ELSE coalesce(o.phase_since, %(as_of)s) END,
    CASE WHEN o.on_track IS NULL THEN {unset} ELSE 0 END
FROM (
    SELECT s.customer_id, s.phase_since,
        CASE WHEN s.phase IN ('', '{sales}') THEN NULL
             WHEN s.phase <> '{phase}' THEN true
             WHEN s.phase_since IS NULL THEN NULL
             ELSE %(as_of)s - s.phase_since <= {limit} END AS on_track
    FROM scope s
) o
""".format(
    sales=Phase.SALES,
    phase=Phase.ONBOARDING,
    limit=ONBOARDING_DAYS,
    million=MILLION,
    unset=UNSET,
    **slots(onboarding="onboarding_on_track"),
)
