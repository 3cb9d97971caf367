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
from metrics.formulas.health import CAP_LINE
from metrics.formulas.health_cards import Card
from metrics.formulas.health_measures import REASONS
from metrics.formulas.health_numbers import MICRO
from metrics.formulas.health_override import OVERRIDE_LINE
from metrics.management.customers import customer_id
from metrics.models import HealthScore
from metrics.queries.cards import CardSet, cards_in_force, only
from metrics.queries.health_inputs import days_of
from metrics.queries.scorecards import live_version_of
from metrics.queries.scores import cards_of, scores_at
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
        parser.add_argument("--scorecard", help="key of one scorecard for everybody, default the card rules")
        parser.add_argument("--json", action="store_true", help="print one JSON document")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Find, compute, print."""
        now = timezone.now()
        today = organisation.local_day(now)
        as_of = _day(options["as_of"]) or today
        if as_of > today:
            raise CommandError(f"{as_of} lies ahead. Choose a day up to {today}.", returncode=REFUSED)
        cards = _cards(options["scorecard"], now)
        ids = None if options["customer"] is None else [customer_id(options["customer"])]
        known_at = _end(_day(options["known_at"]))
        scores: dict[int, HealthScore] = {}
        if known_at is None and options["scorecard"] is None:
            scores = scores_at(ids, min(_end(as_of) or now, now))
        if known_at is None and as_of < today:
            known_at = _end(as_of)
        if ids is None or not scores:
            computed = computed_scores(customer_ids=ids, as_of=as_of, now=now, known_at=known_at, cards=cards)
            scores = computed | scores
        document = {
            "as_of": as_of.isoformat(),
            "scorecard": cards.default.version.scorecard.key,
            "scores": _rows(scores),
        }
        self.stdout.write(json.dumps(document, indent=2) if options["json"] else _text(document))


def _rows(scores: dict[int, HealthScore]) -> list[dict[str, Any]]:
    summaries = CustomerSummary.objects.filter(customer_id__in=scores).order_by("customer_id")
    names = dict(summaries.values_list("customer_id", "customer__name"))
    outside = dict(ExternalId.objects.filter(customer_id__in=names).values_list("customer_id", "value"))
    cards = cards_of(score.version for score in scores.values())
    return [
        {
            "customer": outside.get(pk, str(pk)),
            "id": pk,
            "name": name,
            "score": _number(scores[pk].score),
            "computed": _number(scores[pk].computed),
            "band": scores[pk].band,
            "coverage": _number(scores[pk].coverage),
            "reason": scores[pk].reason or None,
            "arithmetic": _number(scores[pk].arithmetic),
            "scorecard": scores[pk].version.scorecard.key,
            "version": scores[pk].version.number,
            "readings_as_of": scores[pk].as_of.isoformat(),
            "stored": scores[pk].pk is not None,
            "contributions": _contributions(scores[pk], cards[scores[pk].version_id]),
        }
        for pk, name in names.items()
    ]


def _contributions(score: HealthScore, card: Card) -> list[dict[str, Any]]:
    """One row per measure in card order, then what the cap and the override add: their sum is the score."""
    inputs, lines = score.inputs, score.lines or [0] * len(card.measures)
    rows = zip(card.measures, lines, inputs["values"], days_of(inputs), inputs["reasons"], strict=True)
    found = [
        _part(measure.key, points, value=value, as_of=day, reason=REASONS[reason])
        for measure, points, value, day, reason in rows
    ]
    extra = {CAP_LINE: score.cap, OVERRIDE_LINE: score.override_part or None}
    return found + [_part(key, points) for key, points in extra.items() if points is not None]


def _part(
    key: str, points: int, *, value: int | None = None, as_of: date | None = None, reason: str = ""
) -> dict[str, Any]:
    return {
        "measure": key,
        "points": _number(Decimal(points) / MICRO),
        "value": None if value is None else _number(Decimal(value) / MICRO),
        "as_of": None if as_of is None else as_of.isoformat(),
        "reason": reason or None,
    }


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
        total = row["arithmetic"] if row["score"] is None else row["score"]
        if total is not None:
            lines.append(f"    {'sum':<28} {total:>12.6f}")
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


def _cards(key: str | None, now: datetime) -> CardSet:
    """The cards in force with their rules, or one card for everybody."""
    if key is None:
        return cards_in_force() or only(ensure_default_scorecard(now=now))
    version = live_version_of(key)
    if version is None:
        raise CommandError(
            f"No scorecard {key} is in force. See /health/ for their keys.", returncode=REFUSED
        )
    return only(version)
