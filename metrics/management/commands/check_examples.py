"""Worked examples from outside, worked out by the product itself."""

import json
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from metrics.management.examples.answers import as_json, shown
from metrics.management.examples.checking import FAIL, UNSUPPORTED, Outcome, allowed, check, totals
from metrics.management.examples.reader import Example, ExamplesError, read
from metrics.management.examples.rows import Setting
from metrics.management.tables import REFUSED
from metrics.queries import definitions


class Command(BaseCommand):
    help = (
        "Work through a file of examples (inputs and expected numbers) with Tend's own code. Nothing stays in the "
        "database. Exit 0: all pass, 1: some fail or are unsupported, 2: the file cannot be read."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path)
        parser.add_argument("--json", action="store_true")
        parser.add_argument("--only", metavar="ID", help="this example alone")
        parser.add_argument("--reverse", action="store_true", help="record the facts in the opposite order")
        parser.add_argument(
            "--timezone", metavar="ZONE", help="zone of the organisation, such as Pacific/Auckland"
        )

    def handle(self, **options: Any) -> None:
        if options["timezone"] and options["timezone"] not in available_timezones():
            raise CommandError(f"There is no time zone {options['timezone']!r}.", returncode=REFUSED)
        examples = _wanted(options["file"], options["only"])
        setting = Setting(now=timezone.now(), zone=options["timezone"], backwards=options["reverse"])
        outcomes = []
        for outcome in check(examples, setting):
            outcomes.append(outcome)
            if not options["json"]:
                self.stdout.write("\n".join(_lines(outcome)))
        if options["json"]:
            self.stdout.write(json.dumps(_document(options["file"], outcomes), ensure_ascii=False))
        else:
            self.stdout.write("\n".join(_summary(outcomes)))
        if any(outcome.result != "pass" for outcome in outcomes):
            raise SystemExit(1)


def _wanted(file: Path, only: str | None) -> list[Example]:
    try:
        examples = read(file)
    except ExamplesError as error:
        raise CommandError(str(error), returncode=REFUSED) from None
    if only is None:
        return examples
    chosen = [example for example in examples if example.id == only]
    if not chosen:
        raise CommandError(f"{file} has no example {only!r}.", returncode=REFUSED)
    return chosen


def _lines(outcome: Outcome) -> list[str]:
    example = outcome.example
    got = (
        shown({key: outcome.got[key] for key in example.expected if key in outcome.got})
        if outcome.got
        else "-"
    )
    if outcome.result == UNSUPPORTED:
        got = outcome.reason
    head = f"{outcome.result}  {example.id}  {example.metric}  got {got}  expected {shown(example.expected)}"
    if outcome.result == FAIL and not outcome.found:
        return [head, f"    {outcome.reason}"]
    return [head] + [
        f"    {one.path}: got {shown(one.got)}, expected {shown(one.expected)}, allowed {allowed(example.tolerance)}"
        for one in outcome.found
    ]


def _summary(outcomes: list[Outcome]) -> list[str]:
    counts = totals(outcomes)
    unknown = list(dict.fromkeys(outcome.unknown for outcome in outcomes if outcome.unknown))
    named = [f"unsupported: {', '.join(word.removeprefix('metric ') for word in unknown)}"] if unknown else []
    return [*named, f"{counts['passed']} passed, {counts['failed'] + counts['unsupported']} failed"]


def _document(file: Path, outcomes: list[Outcome]) -> dict[str, Any]:
    return {
        "file": str(file),
        "definition_version": definitions.current_number(),
        "totals": totals(outcomes),
        "examples": [_entry(outcome) for outcome in outcomes],
    }


def _entry(outcome: Outcome) -> dict[str, Any]:
    example = outcome.example
    return {
        "id": example.id,
        "metric": example.metric,
        "variant": example.variant,
        "route": outcome.route,
        "result": outcome.result,
        "got": as_json(outcome.got, exact_numbers=True),
        "expected": as_json(example.expected, exact_numbers=False),
        "tolerance": as_json(example.tolerance, exact_numbers=False),
        "differences": [
            {
                "path": one.path,
                "got": as_json(one.got, exact_numbers=True),
                "expected": as_json(one.expected, exact_numbers=False),
            }
            for one in outcome.found
        ],
        "reason": outcome.reason,
        "seconds": round(outcome.seconds, 3),
    }
