"""Print the weights that past outcomes speak for."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from config.web.errors import DomainError
from metrics.formulas.card_text import plain_of
from metrics.formulas.health_cards import body_hash
from metrics.management import evidence
from metrics.management.evidence import percent
from metrics.management.tables import REFUSED
from metrics.services import suggestions
from metrics.services.card_files import to_yaml


class Command(BaseCommand):
    """Nothing is changed: a suggestion is kept, and a person makes a draft of it on the page."""

    help = "Weight per measure with interval and evidence label, from past outcomes."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Options of the interface."""
        evidence.add_options(parser)
        parser.add_argument("--curves", action="store_true", help="propose curves and band edges as well")
        parser.add_argument("--write", type=Path, help="write the proposed card to this YAML file")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Fit, keep, print."""
        now = timezone.now()
        asked = evidence.asked(options, now)
        body, tested, version = evidence.card_meant(options)
        try:
            result = suggestions.suggest(
                body=body,
                tested=tested,
                asked=asked,
                now=now,
                with_curves=options["curves"],
                report=evidence.progress,
            )
        except DomainError as error:
            raise CommandError(str(error), returncode=REFUSED) from error
        kept = suggestions.store(version=version, body=body, asked=asked, result=result, by=None)
        if options["write"] and "body" in result:
            key = tested.key or "suggested"
            said = {"scorecard": key, "title": key.capitalize(), "card": plain_of(result["body"])}
            options["write"].write_text(to_yaml(said), encoding="utf-8")
        card = {
            "scorecard": tested.key or None,
            "version": version.number if version else None,
            "body_hash": body_hash(body),
            "suggestion": kept.pk,
        }
        document = card | asked.as_dict() | result
        self.stdout.write(
            json.dumps(document, indent=2) if options["json"] else _text(document, options["write"])
        )


def _text(found: dict[str, Any], written: Path | None) -> str:
    lines = [
        (
            f"Scorecard {found['scorecard'] or 'of the file'}, {found['horizon']} days ahead, {found['population']}:"
            f" {found['outcomes']} outcomes, {found['churned']} churned"
        )
    ]
    if not found["enough"] or not found["better"]:
        guess = [f"The best guess is in {written}; nothing proves it."] if written and "body" in found else []
        return "\n".join([*lines, found["said"], *guess])
    lines.append(
        f"On customers left out: AUC {found['auc_before']:.3f} to {found['auc_after']:.3f},"
        f" loss {found['loss_before']:.4f} to {found['loss_after']:.4f}"
    )
    lines += [_row(row) for row in found["measures"]]
    lines.append(f"Suggestion {found['suggestion']}. Adopt it with Make draft on the page Evidence.")
    return "\n".join(lines)


def _row(row: dict[str, Any]) -> str:
    return (
        f"  {row['title']:<28} {percent(row['present']):>7} to {percent(row['weight']):>7}"
        f"  ({percent(row['low'])} to {percent(row['high'])})  {row['label']}"
    )
