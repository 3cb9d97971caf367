"""Print scores with their exact parts."""

import json
from argparse import ArgumentParser
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from accounts.queries import organisation
from customers.models import CustomerSummary, ExternalId
from metrics.models import HealthScore, ScorecardVersion
from metrics.queries.scorecards import live_version, live_version_of
from metrics.queries.scores import scores_at
from metrics.services.scorecards import ensure_default_scorecard
from metrics.services.scores import computed_scores

REFUSED = 2  # exit code of the interface


class Command(BaseCommand):
    """Scores in force at a day as they were stored; where none is stored, computed from what was known then.

    With --known-at or another --scorecard every score is computed. Nothing is written.
    """

    help = "Print score, band, coverage and the exact contributions of one customer or of all."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Options of the interface."""
        parser.add_argument("--customer", help="id in the imported files, or Tend's own id")
        parser.add_argument("--as-of", help="local day YYYY-MM-DD, default today")
        parser.add_argument("--known-at", help="use only facts recorded by the end of this day")
        parser.add_argument("--scorecard", help="key of the scorecard, default the one that scores everybody")
        parser.add_argument("--json", action="store_true", help="print one JSON document")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Find, compute, print."""
        now = timezone.now()
        today = organisation.local_day(now)
        as_of = _day(options["as_of"]) or today
        if as_of > today:
            raise CommandError(f"{as_of} lies ahead. Choose a day up to {today}.", returncode=REFUSED)
        version = _version(options["scorecard"], now)
        ids = None if options["customer"] is None else [_customer_id(options["customer"])]
        known_at = _end(_day(options["known_at"]))
        scores: dict[int, HealthScore] = {}
        if known_at is None and version.scorecard.is_default:
            scores = scores_at(ids, min(_end(as_of) or now, now))
        if known_at is None and as_of < today:
            known_at = _end(as_of)
        if ids is None or not scores:
            computed = computed_scores(
                customer_ids=ids, as_of=as_of, now=now, known_at=known_at, version=version
            )
            scores = computed | scores
        document = {"as_of": as_of.isoformat(), "scorecard": version.scorecard.key, "scores": _rows(scores)}
        self.stdout.write(json.dumps(document, indent=2) if options["json"] else _text(document))


def _rows(scores: dict[int, HealthScore]) -> list[dict[str, Any]]:
    summaries = CustomerSummary.objects.filter(customer_id__in=scores).order_by("customer_id")
    names = dict(summaries.values_list("customer_id", "customer__name"))
    outside = dict(ExternalId.objects.filter(customer_id__in=names).values_list("customer_id", "value"))
    return [
        {
            "customer": outside.get(pk, str(pk)),
            "id": pk,
            "name": name,
            "score": _number(scores[pk].score),
            "band": scores[pk].band,
            "coverage": _number(scores[pk].coverage),
            "reason": scores[pk].reason or None,
            "arithmetic": _number(scores[pk].arithmetic),
            "version": scores[pk].version.number,
            "readings_as_of": scores[pk].as_of.isoformat(),
            "stored": scores[pk].pk is not None,
            "contributions": _contributions(scores[pk]),
        }
        for pk, name in names.items()
    ]


def _contributions(score: HealthScore) -> list[dict[str, Any]]:
    readings = {one["measure"]: one for one in score.inputs["readings"]}
    points = {line["key"]: line["points"] for line in score.lines}
    return [
        {
            "measure": key,
            "points": _number(Decimal(points.get(key, 0)) / 1_000_000),
            "value": _number(Decimal(readings[key]["value"]) / 1_000_000)
            if key in readings and readings[key]["value"] is not None
            else None,
            "as_of": readings.get(key, {}).get("as_of"),
            "reason": readings.get(key, {}).get("reason") or None,
        }
        for key in {**readings, **points}
    ]


def _text(document: dict[str, Any]) -> str:
    lines = [f"Scorecard {document['scorecard']}, as of {document['as_of']}"]
    for row in document["scores"]:
        score = "no score" if row["score"] is None else f"{row['score']:.6f}"
        lines.append(
            f"{row['customer']}  {row['name']}: {score}, {row['band']}, on {row['coverage']:.1%} of the weight"
            f" (v{row['version']}{', ' + row['reason'] if row['reason'] else ''})"
        )
        for part in row["contributions"]:
            value = (
                f"reading {part['value']:g}" if part["value"] is not None else f"no reading: {part['reason']}"
            )
            lines.append(f"    {part['measure']:<28} {part['points']:>12.6f}  {value}")
        if row["arithmetic"] is not None:
            lines.append(f"    {'sum':<28} {row['arithmetic']:>12.6f}")
    if not document["scores"]:
        lines.append("No customer to score.")
    return "\n".join(lines)


def _number(value: Decimal | None) -> float | None:
    """For printing: six decimals fit a JSON number without loss."""
    return None if value is None else float(value)


def _day(text: str | None) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise CommandError(f"{text} is no day. Write it as YYYY-MM-DD.", returncode=REFUSED) from error


def _end(day: date | None) -> datetime | None:
    """Last instant of a local day."""
    if day is None:
        return None
    return datetime.combine(day + timedelta(days=1), time.min, organisation.zone()) - timedelta(
        microseconds=1
    )


def _version(key: str | None, now: datetime) -> ScorecardVersion:
    if key is None:
        return live_version() or ensure_default_scorecard(now=now)
    version = live_version_of(key)
    if version is None:
        raise CommandError(
            f"No scorecard {key} is in force. See /health/ for their keys.", returncode=REFUSED
        )
    return version


def _customer_id(text: str) -> int:
    """Ids of imported files win over Tend's own, because people know those."""
    found = ExternalId.objects.filter(value=text).order_by("pk").values_list("customer_id", flat=True).first()
    if found is None and text.isascii() and text.isdigit():
        found = CustomerSummary.objects.filter(pk=int(text)).values_list("pk", flat=True).first()
    if found is None:
        raise CommandError(f"No customer {text}. Give its id as imported.", returncode=REFUSED)
    return found
