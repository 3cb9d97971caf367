"""A stored body in the units people write: points and readings as decimals, weights as typed, and back without loss.

Stored bodies hold integers only (10^-6, or 10^-4 for weights, impacts and coverage). The form here holds `int` and
`Decimal`; `body_of(plain_of(body)) == body` for every body of a scorecard or of card rules.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from metrics.formulas.health_cards import CardError, parse_card
from metrics.formulas.health_numbers import MICRO, WEIGHT_UNIT
from metrics.formulas.health_rules import parse_rules

LARGEST = 10**18  # a number beyond it is a slip, and would not fit the columns scores are computed in
LONGEST_TEXT = 2_000  # characters of a title or key


@dataclass(frozen=True, slots=True)
class Scaled:
    """A number stored as an integer of 1 / `unit`."""

    unit: int


@dataclass(frozen=True, slots=True)
class Shape:
    """A mapping with these keys; `needed` ones may not be missing."""

    keys: Mapping[str, Any]
    needed: Sequence[str] = ()


POINTS, WEIGHT = Scaled(MICRO), Scaled(WEIGHT_UNIT)
TEXT, WHOLE, NO_OR_WHOLE, FLAG, PAIRS = "text", "whole", "whole or null", "flag", "pairs"

CURVE = Shape(
    {
        "type": TEXT, "points": PAIRS, "a": POINTS, "b": POINTS, "c": POINTS, "d": POINTS, "min_peers": WHOLE,
        "low_is_good": FLAG, "peers": TEXT,
    },
    ("type",),
)  # fmt: skip
SPECIAL = Shape(
    {"by": TEXT, "is": TEXT, "from": WHOLE, "to": NO_OR_WHOLE, "curve": CURVE},
    ("by", "curve"),
)
MEASURE = Shape(
    {
        "measure": TEXT, "version": WHOLE, "weight": WEIGHT, "curve": CURVE, "curves": [SPECIAL], "missing": TEXT,
        "neutral": POINTS, "fresh_for": NO_OR_WHOLE, "expires_after": NO_OR_WHOLE,
    },
    ("measure", "weight", "curve"),
)  # fmt: skip
GROUP = Shape(
    {"key": TEXT, "title": TEXT, "weight": WEIGHT, "rule": TEXT, "measures": [MEASURE]},
    ("key", "title", "weight", "measures"),
)
BANDS: Mapping[str, Any] = {
    "bands": [Shape({"key": TEXT, "label": TEXT, "tone": TEXT}, ("key", "label", "tone"))],
    "edges": [Shape({"at": POINTS, "side": TEXT}, ("at",))],
}
CAP = Shape({"of": TEXT, "below": POINTS, "at_most": POINTS}, ("of", "below", "at_most"))
ACTION = Shape(
    {
        "measure": TEXT, "version": WHOLE, "title": TEXT, "impact": WEIGHT,
        "impacts": [Shape({"segment": TEXT, "impact": WEIGHT}, ("segment", "impact"))], "max_count": NO_OR_WHOLE,
    },
    ("measure", "title", "impact"),
)  # fmt: skip
BODIES = {
    "weighted": Shape(
        {"kind": TEXT, "groups": [GROUP], "caps": [CAP], "min_coverage": WEIGHT, **BANDS}, ("groups",)
    ),
    "actions": Shape({"kind": TEXT, "window_days": WHOLE, "actions": [ACTION], **BANDS}, ("actions",)),
    "rules": Shape(
        {"kind": TEXT, "rules": [Shape({"when": [TEXT], "card": TEXT}, ("when", "card"))], "default": TEXT},
        ("rules", "default"),
    ),
}


def plain_of(body: Mapping[str, Any]) -> dict[str, Any]:
    """The body as people write it. Keys this form does not know stay as they are."""
    found: dict[str, Any] = _plain(body, BODIES[body["kind"]])
    return found


def body_of(plain: object) -> dict[str, Any]:
    """The stored body of what somebody wrote. Raises CardError that names every place that cannot be read.

    The body can be parsed; whether it may be published is for the linter.
    """
    kind = plain.get("kind") if isinstance(plain, Mapping) else None
    if not isinstance(kind, str) or kind not in BODIES:
        raise CardError(["The card needs a kind: weighted, actions or rules."])
    problems: list[str] = []
    body: dict[str, Any] = _read(plain, BODIES[kind], "", problems)
    if problems:
        raise CardError(problems)
    if kind == "rules":
        parse_rules(body)
    else:
        parse_card(body)
    return body


def number_of(value: int, unit: int) -> int | Decimal:
    """A stored integer in whole units: an `int` where it is one, else a `Decimal` without trailing zeros."""
    whole, rest = divmod(value, unit)
    return whole if rest == 0 else (Decimal(value) / unit).normalize()


def _plain(value: Any, form: Any) -> Any:
    if value is None:
        return None
    if isinstance(form, Shape):
        return {key: _plain(one, form.keys.get(key)) for key, one in value.items()}
    if isinstance(form, list):
        return [_plain(one, form[0]) for one in value]
    if isinstance(form, Scaled):
        return number_of(value, form.unit)
    if form == PAIRS:
        return [[number_of(one, MICRO) for one in pair] for pair in value]
    return value


def _read(value: Any, form: Any, place: str, problems: list[str]) -> Any:
    if isinstance(form, Shape):
        return _read_shape(value, form, place, problems)
    if isinstance(form, list):
        return _read_list(value, form[0], place, problems)
    if isinstance(form, Scaled):
        return _scaled(value, form.unit, place, problems)
    if form == PAIRS:
        return _read_pairs(value, place, problems)
    return _read_plain(value, form, place, problems)


def _read_shape(value: Any, form: Shape, place: str, problems: list[str]) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        problems.append(f"{place or 'The card'} must be a list of “key: value”.")
        return {}
    problems += [f"{_at(place, key)} is not known here." for key in value if key not in form.keys]
    problems += [f"{_at(place, key)} is missing." for key in form.needed if key not in value]
    return {
        key: _read(one, form.keys[key], _at(place, key), problems)
        for key, one in value.items()
        if key in form.keys
    }


def _read_list(value: Any, form: Any, place: str, problems: list[str]) -> list[Any]:
    if not isinstance(value, list):
        problems.append(f"{place} must be a list.")
        return []
    return [_read(one, form, f"{place} {number}", problems) for number, one in enumerate(value, 1)]


def _read_pairs(value: Any, place: str, problems: list[str]) -> list[list[int]]:
    if not isinstance(value, list) or any(not isinstance(one, list) or len(one) != 2 for one in value):  # noqa: PLR2004 - a pair
        problems.append(f"{place} must be a list of [reading, points].")
        return []
    return [
        [_scaled(one, MICRO, f"{place} {number}", problems) for one in pair]
        for number, pair in enumerate(value, 1)
    ]


def _scaled(value: Any, unit: int, place: str, problems: list[str]) -> int:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        problems.append(f"{place} must be a plain number.")
        return 0
    if isinstance(value, Decimal) and (not value.is_finite() or abs(value.adjusted()) >= len(str(LARGEST))):
        problems.append(f"{place} is out of bounds.")
        return 0
    numerator, denominator = value.as_integer_ratio()
    found, rest = divmod(numerator * unit, denominator)
    if rest or abs(found) > LARGEST:
        problems.append(f"{place} may have {len(str(unit)) - 1} decimals and must stay in bounds.")
        return 0
    return found


def _read_plain(value: Any, form: str, place: str, problems: list[str]) -> Any:
    if form == NO_OR_WHOLE and value is None:
        return None
    if form == FLAG:
        fits = isinstance(value, bool)
    elif form == TEXT:
        fits = isinstance(value, str) and len(value) <= LONGEST_TEXT
    else:
        fits = isinstance(value, int) and not isinstance(value, bool) and abs(value) <= LARGEST
    if not fits:
        words = {FLAG: "true or false", TEXT: "text"}.get(form, "a whole number")
        problems.append(f"{place} must be {words}.")
    return value


def _at(place: str, key: Any) -> str:
    return f"{place}, {key}" if place else str(key)
