"""Print how well a scorecard foretold who left."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from metrics.formulas.health_cards import body_hash
from metrics.management import evidence
from metrics.management.evidence import percent
from metrics.services import backtests


class Command(BaseCommand):
    """Replays a card at past month ends with what was known then, and compares with what became of the customers."""

    help = "Bands, AUC, lift, caught MRR, warning time and misses of a scorecard on past outcomes."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Options of the interface."""
        evidence.add_options(parser)

    def handle(self, *_args: Any, **options: Any) -> None:
        """Replay, keep the result of a stored version, print."""
        now = timezone.now()
        asked = evidence.asked(options, now)
        body, tested, version = evidence.card_meant(options)
        (result,) = backtests.run(tested=[tested], asked=asked, now=now, report=evidence.progress)
        if version is not None:
            backtests.store(version=version, asked=asked, result=result, by=None)
        card = {
            "scorecard": tested.key or None,
            "version": version.number if version else None,
            "body_hash": body_hash(body),
        }
        document = card | asked.as_dict() | result
        self.stdout.write(json.dumps(document, indent=2) if options["json"] else _text(document))


def _text(found: dict[str, Any]) -> str:
    lines = [
        (
            f"Scorecard {found['scorecard'] or 'of the file'}, {found['horizon']} days ahead, {found['population']},"
            f" scored {found['first']} to {found['last']}"
        ),
        (
            f"{found['outcomes']} outcomes, {found['churned']} churned, {found['open']} still open,"
            f" {found['unscored']} without a score; {percent(found['backfilled_share'])} of the facts loaded as history"
        ),
    ]
    if not found["enough"]:
        lines.append(found["said"])
        lines += [_row(row) for row in found["rows"]]
        return "\n".join(lines)
    for band in found["bands"]:
        lines.append(
            f"  {band['label']:<14} {band['outcomes']:>6} outcomes  {percent(band['rate']):>8} churned"
            f" ({percent(band['low'])} to {percent(band['high'])})  MRR {float(band['mrr']):,.2f}"
        )
    area = found["auc"]
    if area is not None:
        verdict = "" if area["ranks"] else "  does not rank churners"
        lines.append(f"AUC {area['value']:.3f} ({area['low']:.3f} to {area['high']:.3f}){verdict}")
    for worst in filter(None, found["worst"]):
        lines.append(
            f"Worst {percent(worst['share'])}: {percent(worst['caught'])} of churners,"
            f" {percent(worst['caught_mrr'])} of churned MRR, lift {worst['lift'] or 0:.2f}"
        )
    days = found["lead_time_days"]
    lines.append("Warning time: " + ("no churner was red" if days is None else f"{days:g} days"))
    lines.append(f"Misses (never red): {len(found['misses'])}")
    lines += [_row(row) for row in found["misses"]]
    return "\n".join(lines)


def _row(row: dict[str, Any]) -> str:
    score = "no score" if row["score"] is None else f"{float(row['score']):.1f}"
    gone = f", left {row['churned_on']}" if row["churned_on"] else ""
    return f"    {row['name']}: {score} on {percent(row['coverage'])} at {row['scored_on']}, MRR {float(row['mrr']):,.2f}{gone}"
