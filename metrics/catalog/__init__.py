"""What each metric means, in words: the one text that tiles, metric pages and documentation show."""

from collections.abc import Mapping

from metrics.catalog.entry import Hint, Metric
from metrics.catalog.retention import RETENTION
from metrics.catalog.revenue import REVENUE
from metrics.catalog.service import SERVICE
from metrics.catalog.use import USE
from metrics.catalog.voice import VOICE
from metrics.catalog.worth import WORTH
from metrics.formulas.definition import KEYS, Key

__all__ = ["METRICS", "OWNERS", "REASONS", "Hint", "Metric", "sections", "variants_of"]

METRICS: Mapping[str, Metric] = {
    metric.key: metric for metric in (*REVENUE, *RETENTION, *WORTH, *VOICE, *USE, *SERVICE)
}
# The metric under which a key is shown: its own, or the one it is a part of.
OWNERS: Mapping[str, Metric] = {
    **{part: metric for metric in METRICS.values() for part in metric.parts},
    **METRICS,
}

# Why a number cannot be computed, in words (rule G-3).
REASONS: Mapping[str, str] = {
    "zero_denominator": "there is nothing to divide by",
    "no_losses": "nothing was lost in the period",
    "no_churn": "nobody left in the period",
    "too_few": "there are too few to say",
    "immature": "there are not yet 12 months of history",
    "not_reached": "it has not been reached yet",
    "no_data": "there is no data yet",
    "insufficient_data": "there is not enough data",
    "missing_rate": "an exchange rate is missing",
    "not_configured": "it is not set up",
}


def variants_of(metric: Metric) -> list[Key]:
    """The config keys that change the number of a metric or of one of its parts, in their order."""
    names = {metric.key, *metric.parts}
    return [key for key in KEYS.values() if names & set(key.touches)]


def sections() -> dict[str, list[Metric]]:
    """Metrics by section, in the order they are listed."""
    found: dict[str, list[Metric]] = {}
    for metric in METRICS.values():
        found.setdefault(metric.section, []).append(metric)
    return found
