"""What a preview promised and what came, as a page shows it."""

from decimal import Decimal
from typing import Any

from config.work.models import Job
from metrics.formulas.health_cards import INSUFFICIENT, Band, CardError, parse_card
from metrics.models import ScorecardVersion
from metrics.queries.card_preview import NO_BAND
from metrics.queries.shown_customers import names_of


def promise_context(job: Job | None, version: ScorecardVersion) -> dict[str, Any]:
    """Rows per band and the customers for whom something else came; nothing while the first run is not over."""
    found = (job.result or {}).get("promise") if job is not None else None
    if not found:
        return {}
    bands = _bands(version)
    keys = [key for key in bands if key in found["promised"] or key in found["came"]]
    keys += sorted({*found["promised"], *found["came"]} - set(keys))
    listed = found.get("differences", [])
    names = names_of(one["customer"] for one in listed)
    return {
        "promise": found,
        "promise_rows": [
            {
                "band": bands.get(key) or Band(key, key.capitalize(), "none"),
                "promised": _counted(found["promised"], key),
                "came": _counted(found["came"], key),
            }
            for key in keys
        ],
        "promise_differences": [
            {
                "pk": one["customer"],
                "name": names.get(one["customer"], "A customer that is gone"),
                "promised": bands.get(one["promised"]) or NO_BAND,
                "came": bands.get(one["came"]) or NO_BAND,
                "facts": one["facts"],
            }
            for one in listed
        ],
    }


def summary_rows(version: ScorecardVersion) -> list[dict[str, Any]]:
    """Bands to come as the last preview of a draft counted them, best band first."""
    promised = (version.preview or {}).get("bands") or {}
    bands = _bands(version)
    return [
        {"band": bands.get(key) or Band(key, key.capitalize(), "none"), **_counted(promised, key)}
        for key in [*(key for key in bands if key in promised), *sorted(set(promised) - set(bands))]
    ]


def _bands(version: ScorecardVersion) -> dict[str, Band]:
    """Bands of the card by key, the best first; card rules have none of their own."""
    try:
        card = parse_card(version.body) if version.kind != "rules" else None
    except CardError:
        card = None
    listed = reversed(card.bands.bands) if card else ()
    return {band.key: band for band in listed} | {INSUFFICIENT: NO_BAND}


def _counted(counts: dict[str, Any], key: str) -> dict[str, Any]:
    one = counts.get(key) or {"customers": 0, "mrr": "0"}
    return {"customers": one["customers"], "mrr": Decimal(one["mrr"])}
