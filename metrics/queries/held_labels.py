"""Labels that customers hold today: what card rules can ask for, and whom each rule would take."""

from collections import Counter
from collections.abc import Mapping

from django.db.models import Count

from metrics.formulas.health_rules import CardRules
from metrics.models import CurrentReading

LabelSets = Mapping[frozenset[str], int]


def label_sets() -> LabelSets:
    """{labels held together: customers}. One query."""
    rows = CurrentReading.objects.filter(customer__archived_at=None).order_by()
    found: Counter[frozenset[str]] = Counter()
    for labels, count in rows.values_list("labels").annotate(Count("pk")):
        found[frozenset(labels)] += count
    return found


def most_held(sets: LabelSets, limit: int = 200) -> list[tuple[str, int]]:
    """Labels with how many customers hold them, the most held first."""
    counts: Counter[str] = Counter()
    for labels, count in sets.items():
        for label in labels:
            counts[label] += count
    return sorted(counts.items(), key=lambda one: (-one[1], one[0]))[:limit]


def taken_by(rules: CardRules, sets: LabelSets) -> dict[int | None, int]:
    """{place of the rule, None for the default card: customers it takes today}."""
    found: Counter[int | None] = Counter()
    for labels, count in sets.items():
        found[rules.choose(labels)[0]] += count
    return dict(found)
