"""Runs examples and says for each whether the product gets what is expected."""

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db import transaction

from metrics.management.examples import loyalty, revenue, rows, scores, success, worth
from metrics.management.examples.answers import Answer, Formula, plain
from metrics.management.examples.compare import Difference, differences
from metrics.management.examples.inputs import Inputs
from metrics.management.examples.reader import Example
from metrics.management.examples.rows import Setting
from metrics.management.examples.timeline import UnknownWordError

PASS, FAIL, UNSUPPORTED = "pass", "fail", "unsupported"
FORMULAS: Mapping[str, Formula] = {
    **revenue.FORMULAS,
    **loyalty.FORMULAS,
    **worth.FORMULAS,
    **scores.FORMULAS,
    **success.FORMULAS,
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one example. `unknown` names the word the product does not know."""

    example: Example
    result: str
    route: str | None
    got: Mapping[str, Any] | None = None
    found: list[Difference] = field(default_factory=list)
    reason: str = ""
    unknown: str = ""
    seconds: float = 0


def check(examples: Iterable[Example], setting: Setting) -> Iterator[Outcome]:
    """One outcome per example, in order."""
    for example in examples:
        started = time.monotonic()
        outcome = _outcome(example, setting)
        yield Outcome(
            outcome.example,
            outcome.result,
            outcome.route,
            outcome.got,
            outcome.found,
            outcome.reason,
            outcome.unknown,
            time.monotonic() - started,
        )


def answer(metric: str, inputs: Mapping[str, Any], setting: Setting) -> Answer:
    """What the product makes of a metric and its inputs; nothing stays in the database.

    An unknown metric, event type or config key is an UnknownWordError.
    """
    if metric in FORMULAS:
        return plain(FORMULAS[metric](Inputs(inputs)))
    if metric not in rows.ROWS:
        raise UnknownWordError(f"metric {metric}")
    with transaction.atomic():
        try:
            return plain(rows.ROWS[metric](Inputs(inputs), setting))
        finally:
            transaction.set_rollback(True)


def route_of(metric: str) -> str | None:
    """`formulas`, `rows`, or None for an unknown metric."""
    if metric in FORMULAS:
        return "formulas"
    return "rows" if metric in rows.ROWS else None


def _outcome(example: Example, setting: Setting) -> Outcome:
    route = route_of(example.metric)
    try:
        answered = answer(example.metric, example.inputs, setting)
    except UnknownWordError as error:
        return Outcome(example, UNSUPPORTED, route, reason=f"unknown {error}", unknown=str(error))
    except Exception as error:  # noqa: BLE001 - whatever goes wrong in the product is a failed example
        return Outcome(example, FAIL, route, reason=f"{type(error).__name__}: {error}")
    found = list(differences(answered.values, example.expected, example.tolerance))
    result = FAIL if found else PASS
    return Outcome(example, result, route, answered.values, found, answered.reason)


def totals(outcomes: Iterable[Outcome]) -> dict[str, int]:
    """How many passed, failed, and were unsupported."""
    counts = {"passed": 0, "failed": 0, "unsupported": 0}
    names = {PASS: "passed", FAIL: "failed", UNSUPPORTED: "unsupported"}
    for outcome in outcomes:
        counts[names[outcome.result]] += 1
    return counts


def allowed(tolerance: Decimal) -> str:
    """How far a number may be off, in words."""
    return f"within {format(tolerance, 'f')}" if tolerance else "exact"
