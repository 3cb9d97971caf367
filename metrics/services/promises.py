"""What a preview promised, and what came of it when the version went live."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db.models import Q

from customers.models import CustomerSummary
from metrics.formulas.health_cards import Card
from metrics.models import HealthScore, ScorecardVersion
from metrics.queries.measures import catalog
from metrics.queries.scores import cards_of, scores_at
from metrics.queries.shown_customers import ShownCustomer, shown_customers

MOST_LISTED = 50  # customers whose difference is told one by one
MOST_MOVERS = 5_000  # customers a promise names; beyond that only the bands are compared


def promise(
    *,
    customers: Sequence[ShownCustomer],
    before: Mapping[int, str],
    after: Mapping[int, str],
    coverage: Decimal,
    as_of: date,
) -> dict[str, Any]:
    """What a preview promises, as `scorecards.note_preview` keeps it: bands to come, and who moves where."""
    movers = {one.pk: after[one.pk] for one in customers if before.get(one.pk) != after.get(one.pk)}
    found: dict[str, Any] = {
        "customers": len(customers),
        "mrr": str(sum((one.mrr for one in customers), Decimal(0))),
        "coverage": f"{coverage:.6f}",
        "as_of": as_of.isoformat(),
        "moving": len(movers),
        "bands": _bands({one.pk: one.mrr for one in customers}, after),
    }
    if len(movers) <= MOST_MOVERS:
        found["movers"] = {str(pk): band for pk, band in movers.items()}
    return found


def _bands(mrr: Mapping[int, Decimal], bands: Mapping[int, str]) -> dict[str, dict[str, Any]]:
    counts: Counter[str] = Counter()
    sums: dict[str, Decimal] = {}
    for pk, amount in mrr.items():
        band = bands.get(pk)
        if band is not None:
            counts[band] += 1
            sums[band] = sums.get(band, Decimal(0)) + amount
    return {band: {"customers": count, "mrr": str(sums[band])} for band, count in counts.items()}


def kept(version: ScorecardVersion) -> dict[str, Any] | None:
    """What was promised beside what came (HV-6); None without a promise. Read right after the first run."""
    promised = version.preview
    if not promised or "bands" not in promised or promised.get("body_hash") != version.body_hash:
        return None
    customers = {one.pk: one for one in shown_customers()}
    came = _bands_of(customers)
    found: dict[str, Any] = {
        "at": promised["at"],
        "promised": promised["bands"],
        "came": _bands({pk: one.mrr for pk, one in customers.items()}, came),
    }
    if "movers" in promised:
        moment = datetime.fromisoformat(promised["at"])
        expected = _bands_at(moment) | {int(pk): band for pk, band in promised["movers"].items()}
        other = [pk for pk, band in came.items() if expected.get(pk) != band]
        other.sort(key=lambda pk: (-customers[pk].mrr, pk))
        found["other"] = len(other)
        found["differences"] = _differences(other[:MOST_LISTED], expected, came, moment)
    return found


def _bands_of(customers: Collection[int]) -> dict[int, str]:
    rows = CustomerSummary.objects.filter(customer_id__in=customers)
    return dict(rows.values_list("customer_id", "band"))


def _bands_at(moment: datetime) -> dict[int, str]:
    rows = HealthScore.objects.filter(Q(to_at=None) | Q(to_at__gt=moment), from_at__lte=moment)
    return dict(rows.values_list("customer_id", "band"))


def _differences(
    ids: Sequence[int], expected: Mapping[int, str], came: Mapping[int, str], moment: datetime
) -> list[dict[str, Any]]:
    """Band promised, band that came, and the measures whose reading is another one since the preview."""
    then = scores_at(ids, moment)
    now = {one.customer_id: one for one in _open_scores(ids)}
    cards = cards_of(one.version for one in (*then.values(), *now.values()))
    titles = {key: one.title for (key, _), one in catalog().items()}
    found = []
    for pk in ids:
        old, new = _readings(then.get(pk), cards), _readings(now.get(pk), cards)
        changed = sorted(titles.get(key, key) for key in old.keys() & new.keys() if old[key] != new[key])
        found.append({"customer": pk, "promised": expected.get(pk, ""), "came": came[pk], "facts": changed})
    return found


def _open_scores(ids: Sequence[int]) -> Iterable[HealthScore]:
    return HealthScore.objects.filter(customer_id__in=ids, to_at=None).select_related("version__scorecard")


def _readings(score: HealthScore | None, cards: Mapping[int, Card]) -> dict[str, tuple[int | None, int]]:
    """{measure: (value, reason)} of a stored score."""
    if score is None:
        return {}
    pairs = zip(score.inputs["values"], score.inputs["reasons"], strict=True)
    return {measure.key: pair for measure, pair in zip(cards[score.version_id].measures, pairs, strict=True)}
