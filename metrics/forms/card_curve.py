"""Fields of one curve: its type, its points or corners or peers, and for whom it counts."""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from django import forms

from customers.choices import Phase
from metrics.forms.card_fields import (
    MOST_READING,
    DaysField,
    NumberField,
    SegmentField,
    choice,
    points_field,
    reading_unit,
    typed,
)
from metrics.formulas.card_edits import curve_at, measure_in, retyped
from metrics.formulas.health_cards import MOST_KNOTS
from metrics.formulas.health_facts import PLAUSIBLE
from metrics.formulas.health_numbers import MICRO

TYPES = [
    ("linear", "Points, joined by straight lines"),
    ("linear_bounded", "Straight lines, missing outside"),
    ("step", "Steps"),
    ("target", "Target range"),
    ("percentile", "Percentile among peers"),
]
CORNERS = (("a", "0 points up to"), ("b", "100 points from"), ("c", "100 points to"), ("d", "0 points from"))
DIRECTIONS = [("high", "High is good"), ("low", "Low is good")]
MOST_PEERS = 10_000

Named = tuple[str, forms.Field, Any]


class CurveFields:
    """The curve at a place of a measure: 0 its own, then those per phase or tenure."""

    def __init__(self, measure: Mapping[str, Any], place: int, unit: str) -> None:
        special = measure.get("curves", ())
        self.key, self.place = measure["measure"], place if 0 <= place <= len(special) else 0
        self.curve = curve_at(measure, self.place)
        self.special = special[self.place - 1] if self.place else None
        self.unit = reading_unit(unit)
        self.span = usual_span(unit)

    @property
    def rows(self) -> range:
        """Rows of points, with an empty one at the end while one more is allowed."""
        return range(min(MOST_KNOTS, len(self.curve.get("points", ())) + 1))

    def fields(self) -> Iterator[Named]:
        """Every field with what it holds."""
        yield "curve_type", choice("Curve", TYPES), self.curve["type"]
        kind = self.curve["type"]
        if kind == "target":
            for name, label in CORNERS:
                yield f"corner-{name}", self._reading(label), typed(self.curve[name], self.unit)
        elif kind == "percentile":
            peers = SegmentField(label="Peers")
            yield "peers", peers, self.curve.get("peers", "")
            least = DaysField(label="Fewest peers", low=1, high=MOST_PEERS)
            yield "min_peers", least, self.curve.get("min_peers", 8)
            yield (
                "direction",
                choice("Direction", DIRECTIONS),
                "low" if self.curve.get("low_is_good") else "high",
            )
        else:
            yield from self._points()
        if self.special is not None:
            yield from self._whom(self.special)

    def _points(self) -> Iterator[Named]:
        points = self.curve["points"]
        for row in self.rows:
            value, given = points[row] if row < len(points) else (None, None)
            label = f"point {row + 1}"
            yield f"x-{row}", self._reading(f"Reading of {label}", required=False), typed(value, self.unit)
            yield f"y-{row}", points_field(f"Points at {label}", required=False), typed(given, MICRO)

    def _reading(self, label: str, *, required: bool = True) -> NumberField:
        return NumberField(unit=self.unit, high=MOST_READING, label=label, required=required)

    @staticmethod
    def _whom(special: Mapping[str, Any]) -> Iterator[Named]:
        if special["by"] == "phase":
            yield "for_phase", choice("Phase", Phase.choices), special["is"]
        else:
            yield "from_months", DaysField(label="From month", high=600), special.get("from", 0)
            yield "to_months", DaysField(label="Before month", high=600, required=False), special.get("to")

    def problems(self, cleaned: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """(field, what is wrong) between fields."""
        kind = self.curve["type"]
        if kind == "target":
            yield from self._corner_problems(cleaned)
        elif kind != "percentile":
            yield from self._point_problems(cleaned)
        first, last = cleaned.get("from_months"), cleaned.get("to_months")
        if first is not None and last is not None and first >= last:
            yield "to_months", f"Must come later than month {first}."

    @staticmethod
    def _corner_problems(cleaned: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        for low, high in pairwise("abcd"):
            first, last = cleaned.get(f"corner-{low}"), cleaned.get(f"corner-{high}")
            if first is None or last is None:
                continue
            if first > last or (first == last and low != "b"):
                yield f"corner-{high}", "Must be more than the one before."

    def _point_problems(self, cleaned: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        seen: set[int] = set()
        for row in self.rows:
            value, points = (cleaned.get(f"{name}-{row}") for name in "xy")
            if value is not None and points is None and f"y-{row}" in cleaned:
                yield f"y-{row}", "Give the points, or clear the reading."
            if value is None and points is not None and f"x-{row}" in cleaned:
                yield f"x-{row}", "Give the reading, or clear the points."
            if value is not None and value in seen:
                yield f"x-{row}", "This reading stands there twice."
            seen |= set() if value is None else {value}
        least = 1 if self.curve["type"] == "step" else 2
        if len(seen) < least and "x-0" in cleaned:
            yield "x-0", f"The curve needs at least {least} point{'s' if least > 1 else ''}."

    def store(self, body: dict[str, Any], cleaned: Mapping[str, Any]) -> None:
        """Put what was typed into the body."""
        measure = measure_in(body, self.key)
        if measure is None:
            return
        curve, kind = curve_at(measure, self.place), self.curve["type"]
        if kind == "target":
            curve |= {name: cleaned[f"corner-{name}"] for name in "abcd"}
        elif kind == "percentile":
            self._store_percentile(curve, cleaned)
        else:
            rows = [(cleaned.get(f"x-{row}"), cleaned.get(f"y-{row}")) for row in self.rows]
            curve["points"] = sorted([value, points] for value, points in rows if value is not None)
        holder = measure["curves"][self.place - 1] if self.place else measure
        holder["curve"] = retyped(curve, cleaned["curve_type"], self.span)
        if self.place:
            self._store_whom(holder, cleaned)

    @staticmethod
    def _store_percentile(curve: dict[str, Any], cleaned: Mapping[str, Any]) -> None:
        found = {
            "min_peers": cleaned["min_peers"],
            "low_is_good": cleaned["direction"] == "low",
            "peers": cleaned["peers"],
        }
        defaults = {"min_peers": 8, "low_is_good": False, "peers": ""}
        curve |= {name: value for name, value in found.items() if curve.get(name, defaults[name]) != value}

    @staticmethod
    def _store_whom(special: dict[str, Any], cleaned: Mapping[str, Any]) -> None:
        if special["by"] == "phase":
            special["is"] = cleaned["for_phase"]
        else:
            special |= {"from": cleaned["from_months"], "to": cleaned["to_months"]}


def usual_span(unit: str) -> tuple[int, int]:
    """Readings that a new curve of a measure in this unit starts with, before anybody looked at today's."""
    low, high = PLAUSIBLE.get(unit, (0, 100))
    return max(low, 0) * MICRO, min(high, 1 if unit == "share" else 100) * MICRO
