"""Pieces shared by the reading families: which facts count as known, and how a row says "no value".

Every family is one SELECT over the common table `scope` (customer_id, phase, phase_since) and gives rows of
(customer_id, slot, value in millionths, day of the fact, reason). Parameters: as_of, last_day (the last complete
local day), until (no fact after this instant), known_at (NULL: as known now), strict_known (facts loaded as history
count from their recording too), zone. A SELECT whose facts come by a feed that may be held goes through `of_feed`, so
that its clocks stand still while the hold lasts.
"""

from typing import Any

from django.db.models import Model

from metrics.formulas.health_measures import REASONS, measure_of

NO_FACTS = REASONS.index("no_facts")
UNSET = REASONS.index("unset")
FEED_LOST = REASONS.index("feed_lost")
MILLION = 1_000_000
CLOCKS = ("as_of", "last_day", "until")


def table(model: type[Model]) -> str:
    """Quoted table name of a model."""
    return f'"{model._meta.db_table}"'


def known(model: type[Model], alias: str) -> str:
    """Condition: this fact row is what was known at `known_at`; facts loaded as history count as known at once."""
    return f"""NOT {alias}.voids AND CASE WHEN %(known_at)s::timestamptz IS NULL
        THEN {alias}.superseded_by_id IS NULL
        ELSE (({alias}.backfilled AND NOT %(strict_known)s) OR {alias}.recorded_at <= %(known_at)s)
            AND NOT EXISTS (SELECT 1 FROM {table(model)} newer WHERE newer.id = {alias}.superseded_by_id
                AND ((newer.backfilled AND NOT %(strict_known)s) OR newer.recorded_at <= %(known_at)s))
        END"""


def known_event(alias: str) -> str:
    """Condition: this usage event was known; those of an import of history count as known at once."""
    return (
        f"(%(known_at)s::timestamptz IS NULL OR {alias}.recorded_at <= %(known_at)s"
        f" OR {alias}.batch_id = ANY (%(history)s::bigint[]))"
    )


def of_feed(feed: str, sql: str) -> str:
    """The SELECT by the clocks of its feed: `%(as_of)s` becomes `%(usage_as_of)s`, and so on."""
    for clock in CLOCKS:
        sql = sql.replace(f"%({clock})s", f"%({feed}_{clock})s")
    return sql


def slots(**keys: str) -> dict[str, Any]:
    """Slot numbers of measures by a short name, for formatting into SQL."""
    return {name: measure_of(key).slot for name, key in keys.items()}
