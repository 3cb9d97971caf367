"""What the commands `backtest` and `suggest_weights` share: options, the card that is meant, progress."""

import sys
from argparse import ArgumentParser
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from accounts.queries import organisation
from config.web.errors import DomainError
from metrics.formulas.health_cards import CardError, read_card
from metrics.management.tables import REFUSED, day_of
from metrics.models import ScorecardVersion
from metrics.queries.cards import cards_in_force
from metrics.queries.outcomes import PAYING, RENEWING
from metrics.queries.scorecards import default_scorecard, live_version_of
from metrics.services.backtests import HORIZONS, Trial, trial
from metrics.services.card_files import card_from_yaml
from metrics.services.replays import Candidate


def add_options(parser: ArgumentParser) -> None:
    """Options of both commands."""
    parser.add_argument("--scorecard", help="key of a scorecard, default the default card")
    parser.add_argument("--draft", type=Path, help="YAML file with the body of a card that is not in force")
    parser.add_argument("--horizon", type=int, default=HORIZONS[0], help="days ahead: 90 or 180")
    parser.add_argument(
        "--population",
        choices=[RENEWING, PAYING],
        default=RENEWING,
        help="every renewal due (default), or all paying customers, for contracts by the month",
    )
    parser.add_argument("--from", dest="first", help="first month end that is scored, default 24 months ago")
    parser.add_argument("--to", dest="last", help="last month end that is scored")
    parser.add_argument("--as-of", help="outcomes up to this day, default today")
    parser.add_argument(
        "--half",
        default="",
        help="a or b: one half of the customers, by chance but fixed; a:7 deals them anew",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def asked(options: Mapping[str, Any], now: datetime) -> Trial:
    """The question on the command line."""
    as_of = day_of(options["as_of"], option="--as-of") or organisation.local_day(now)
    try:
        return trial(
            horizon=options["horizon"],
            population=options["population"],
            first=day_of(options["first"], option="--from"),
            last=day_of(options["last"], option="--to"),
            as_of=as_of,
            half=options["half"],
        )
    except DomainError as error:
        raise CommandError(str(error), returncode=REFUSED) from error


def card_meant(options: Mapping[str, Any]) -> tuple[dict[str, Any], Candidate, ScorecardVersion | None]:
    """(body, card with the card rules, version) that the command is about; a file has no version."""
    if options["draft"] is not None:
        body = _body(options["draft"])
        return body, Candidate(_card(body)), None
    key = options["scorecard"]
    if key is None:
        card = default_scorecard()
        key = card.key if card else ""
    version = live_version_of(key)
    if version is None:
        raise CommandError(
            f"No scorecard {key} is in force. See /health/ for their keys.", returncode=REFUSED
        )
    return version.body, Candidate(_card(version.body), key, cards_in_force()), version


def _body(path: Path) -> dict[str, Any]:
    try:
        return card_from_yaml(path.read_text(encoding="utf-8")).body
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{path} cannot be read: {error}", returncode=REFUSED) from error
    except DomainError as error:
        raise CommandError(f"{path}: {error}", returncode=REFUSED) from error


def _card(body: Mapping[str, Any]) -> Any:
    try:
        return read_card(body)
    except CardError as error:
        raise CommandError(str(error), returncode=REFUSED) from error


def progress(done: int, total: int) -> None:
    """Month ends so far, on one line of a terminal."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{done} of {total} month ends{chr(10) if done == total else ''}")
        sys.stderr.flush()


def percent(value: float | None) -> str:
    """A share for people."""
    return "-" if value is None else f"{100 * value:.1f} %"
