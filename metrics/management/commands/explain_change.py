"""Print why a score changed between two days, in parts that add up to the change."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from config.web.errors import DomainError
from customers.models import CustomerSummary
from metrics.formulas.health_change import CAUSES, UNIT, Change
from metrics.formulas.health_change_shown import whole_parts
from metrics.formulas.health_numbers import MICRO
from metrics.management.customers import customer_id
from metrics.management.tables import REFUSED, day_of
from metrics.queries.score_changes import End, ScoreChange, change_between

KINDS = {
    "change": "changed",
    "became_scorable": "became scorable",
    "became_unscorable": "became unscorable",
    "unscorable": "had no score at either end",
}


class Command(BaseCommand):
    """States are the stored scores in force at the end of both days, as known then. Nothing is written."""

    help = "Split the change of a health score over data, config, decay, coverage and override, exactly."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Options of the interface."""
        parser.add_argument("--customer", required=True, help="id in the imported files, or Tend's own id")
        parser.add_argument("--from", required=True, dest="first", help="local day YYYY-MM-DD")
        parser.add_argument("--to", required=True, dest="last", help="a later local day")
        parser.add_argument("--json", action="store_true", help="print one JSON document")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Find both ends, split, print."""
        first = day_of(options["first"], option="--from")
        last = day_of(options["last"], option="--to")
        if first is None or last is None:
            raise CommandError("Give both days, as --from 2026-03-01 --to 2026-03-31.", returncode=REFUSED)
        pk = customer_id(options["customer"])
        try:
            found = change_between(pk, first=first, last=last, now=timezone.now())
        except DomainError as error:
            raise CommandError(str(error), returncode=REFUSED) from error
        name = CustomerSummary.objects.values_list("customer__name", flat=True).get(pk=pk)
        document = {"customer": options["customer"], "id": pk, "name": name, **_document(found)}
        self.stdout.write(json.dumps(document, indent=2) if options["json"] else _text(document))


def _document(found: ScoreChange) -> dict[str, Any]:
    change = found.change
    return {
        "from": found.before.day.isoformat(),
        "to": found.after.day.isoformat(),
        "kind": change.kind,
        "before": _end(found.before, change.before),
        "after": _end(found.after, change.after),
        "change": None if change.kind != "change" else _points(change.total // UNIT),
        "causes": _causes(change),
        "lines": [
            {"line": line.key, "before": _points(line.before), "after": _points(line.after)}
            for line in change.lines
        ],
        "differences": [
            {"measure": one.key, "before": one.before, "after": one.after} for one in change.differences
        ],
        "exact_unit": "1/24 of a millionth of a point",
    }


def _end(end: End, score: int | None) -> dict[str, Any]:
    return {
        "score": None if score is None else _points(score),
        "computed": None if end.state.computed is None else _points(end.state.computed),
        "reason": end.score.reason or None,
        "scorecard": end.score.version.scorecard.key,
        "version": end.score.version.number,
        "rule": end.score.rule,
        "engine": end.score.engine,
        "receipt": end.score.pk,
    }


def _causes(change: Change) -> list[dict[str, Any]]:
    """Points with six decimals that add up to the change, and inside a cause to the cause."""
    exact = [change.of(cause) for cause in CAUSES]
    found = []
    for cause, whole, points in zip(
        CAUSES, exact, whole_parts(exact, change.total // UNIT, UNIT), strict=True
    ):
        lines = [(line.key, line.of(cause)) for line in change.lines if line.of(cause)]
        parts = whole_parts([part for _, part in lines], points, UNIT)
        rows = [
            {"line": key, "points": _points(part), "exact": own}
            for (key, own), part in zip(lines, parts, strict=True)
        ]
        found.append({"cause": cause, "points": _points(points), "exact": whole, "lines": rows})
    return found if change.kind == "change" else []


def _points(micro: int) -> float:
    """For printing: six decimals fit a JSON number without loss."""
    return micro / MICRO


def _text(document: dict[str, Any]) -> str:
    before, after = document["before"], document["after"]
    days = f"{document['from']} to {document['to']}"
    lines = [
        f"{document['customer']}  {document['name']}: {KINDS[document['kind']]}, {days}",
        f"    {_score(before)} to {_score(after)}",
    ]
    for cause in document["causes"]:
        lines.append(f"{cause['cause']:<32} {cause['points']:>+12.6f}")
        lines += [f"    {row['line']:<28} {row['points']:>+12.6f}" for row in cause["lines"]]
    if document["change"] is not None:
        lines.append(f"{'sum':<32} {document['change']:>+12.6f}")
    lines += [f"    {one['measure']}: {one['before']} to {one['after']}" for one in document["differences"]]
    return "\n".join(lines)


def _score(end: dict[str, Any]) -> str:
    score = f"no score, {end['reason']}" if end["score"] is None else f"{end['score']:.6f}"
    return f"{score} ({end['scorecard']} v{end['version']})"
