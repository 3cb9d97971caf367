"""The card editor's form: one field per number and word of a body, and the body that what is typed comes to.

A field that was not sent keeps what it holds, so that a page may show a part of the card only.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from django import forms

from metrics.forms.card_curve import CurveFields
from metrics.forms.card_fields import (
    MOST_WEIGHT,
    DaysField,
    NumberField,
    SegmentField,
    choice,
    points_field,
    typed,
    weight_field,
    words,
)
from metrics.formulas.card_edits import action_in, free_key, groups_of, measure_in, measures_of, move_measure
from metrics.formulas.health_cards import POLICIES
from metrics.formulas.health_measures import MeasureVersion
from metrics.formulas.health_numbers import MICRO, WEIGHT_UNIT
from metrics.queries.measures import Catalog

GROUP, MEASURE = "group-", "measure-"
COVERAGE_UNIT = WEIGHT_UNIT // 100  # coverage is typed in per cent
RULES = [("mean", "Mean"), ("min", "Weakest"), ("max", "Best")]
TONES = [("red", "Red"), ("amber", "Amber"), ("green", "Green"), ("blue", "Blue")]
SIDES = [("upper", "the band above"), ("lower", "the band below")]
POLICY_CHOICES = [
    ("redistribute", "Share its weight out"),
    ("neutral", "Count the neutral points"),
    ("worst", "Count 0 points"),
    ("block", "Give no score"),
]
NEW_KEY = re.compile(r"new(_\d+)?")

Body = dict[str, Any]
Store = Callable[[Body, Any], None]


@dataclass(frozen=True, slots=True)
class Opened:
    """The measure or action whose details are shown, and which of its curves."""

    key: str = ""
    place: int = 0


class CardForm(forms.Form):
    """A draft as fields. `body()` is the body with everything that was typed; it may still be unfinished."""

    conflict: Body | None = None  # what somebody else saved meanwhile

    version = forms.IntegerField(min_value=1, max_value=2**31 - 1, widget=forms.HiddenInput)

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        body: Body,
        version: int,
        catalog: Catalog,
        opened: Opened = Opened(),
    ) -> None:
        self.working, self.catalog, self.opened = body, catalog, opened
        self.stores: dict[str, Store] = {}
        self.curve: CurveFields | None = None
        super().__init__(data, initial={"version": version})
        if body.get("kind") == "actions":
            self._add_actions()
        else:
            self._add_groups()
            self._add_caps()
        self._add_bands()
        if self.is_bound:
            self.data = {**self._held(), **{name: self.data.get(name) for name in self.data}}

    def measure(self, key: str, version: int) -> MeasureVersion | None:
        """The declaration of a measure, None for one that is not known here."""
        return self.catalog.get((key, version))

    def body(self) -> Body:
        """The working body with what was typed. Needs a valid form."""
        changed = deepcopy(self.working)
        for name, store in self.stores.items():
            store(changed, self.cleaned_data.get(name))
        if self.curve is not None:
            self.curve.store(changed, self.cleaned_data)
        if changed.get("kind") == "actions":
            self._store_impacts(changed)
        else:
            self._store_caps(changed)
            if "in_group" in self.fields:
                changed = move_measure(changed, self.opened.key, self.cleaned_data["in_group"])
        self._store_bands(changed)
        return changed

    def clean(self) -> dict[str, Any]:
        """Rules between fields: what stands in pairs, and what has to rise."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        self._check_edges()
        self._check_freshness()
        if self.curve is not None:
            for name, text in self.curve.problems(cleaned):
                self.add_error(name, text)
        return cleaned

    # Groups and measures

    def _add_groups(self) -> None:
        for group in groups_of(self.working):
            key, title = group["key"], group["title"]
            self._add(
                f"{GROUP}{key}",
                weight_field(f"Weight of {title}"),
                typed(group["weight"], WEIGHT_UNIT),
                _in_group(key, "weight"),
            )
            self._add(f"title-{key}", words(f"Title of group {title}"), title, _in_group(key, "title"))
            self._add(
                f"rule-{key}",
                choice(f"Rule of {title}", RULES),
                group.get("rule", "mean"),
                _in_group(key, "rule"),
            )
        for group, one in measures_of(self.working):
            label = f"Weight of {self.title_of(one)} in {group['title']}"
            self._add(
                f"{MEASURE}{one['measure']}",
                weight_field(label),
                typed(one["weight"], WEIGHT_UNIT),
                _in_measure(one["measure"], "weight"),
            )
        least = NumberField(unit=COVERAGE_UNIT, low=0, high=100, label="Smallest coverage, per cent")
        self._add(
            "min_coverage",
            least,
            typed(self.working.get("min_coverage", 5_000), COVERAGE_UNIT),
            _at_top("min_coverage"),
        )
        opened = measure_in(self.working, self.opened.key)
        if opened is not None:
            self._add_details(opened)

    def _add_details(self, one: Mapping[str, Any]) -> None:
        key = one["measure"]
        group = next(group["key"] for group, each in measures_of(self.working) if each is one)
        groups = [(each["key"], each["title"]) for each in groups_of(self.working)]
        self._add("in_group", choice("Group", groups), group)
        self._add(
            "missing",
            choice("When missing", POLICY_CHOICES),
            one.get("missing", POLICIES[0]),
            _in_measure(key, "missing"),
        )
        self._add(
            "neutral",
            points_field("Neutral points"),
            typed(one.get("neutral"), MICRO),
            _in_measure(key, "neutral"),
        )
        for name, label in (("fresh_for", "Fresh for, days"), ("expires_after", "Missing after, days")):
            self._add(name, DaysField(label=label, required=False), one.get(name), _in_measure(key, name))
        measure = self.measure(key, one.get("version", 1))
        self.curve = CurveFields(one, self.opened.place, measure.unit if measure else "number")
        for name, field, initial in self.curve.fields():
            self._add(name, field, initial)

    def title_of(self, one: Mapping[str, Any]) -> str:
        """Title of a measure on the card; its key when nobody knows it."""
        found = self.measure(one["measure"], one.get("version", 1))
        return found.title if found else str(one["measure"])

    def _check_freshness(self) -> None:
        fresh, expires = self.cleaned_data.get("fresh_for"), self.cleaned_data.get("expires_after")
        if "fresh_for" not in self.fields or self.errors.get("fresh_for") or self.errors.get("expires_after"):
            return
        if (fresh is None) != (expires is None):
            self.add_error("fresh_for" if fresh is None else "expires_after", "Give both limits or none.")
        elif fresh is not None and expires is not None and fresh >= expires:
            self.add_error("expires_after", f"Must come later than fresh: more than {fresh} days.")

    # Caps

    def _add_caps(self) -> None:
        names = [("", "No cap")]
        names += [(one["key"], f"Group {one['title']}") for one in groups_of(self.working)]
        names += [(one["measure"], self.title_of(one)) for _, one in measures_of(self.working)]
        for place, cap in enumerate([*self.working.get("caps", ()), {}]):
            number = place + 1
            self._add(
                f"cap_of-{place}",
                choice(f"Cap {number}, measure or group", names, required=False),
                cap.get("of", ""),
            )
            for name, key, label in (
                ("cap_below", "below", "fewer than"),
                ("cap_most", "at_most", "at most"),
            ):
                field = points_field(f"Cap {number}, {label}", required=False)
                self._add(f"{name}-{place}", field, typed(cap.get(key), MICRO))

    @property
    def cap_places(self) -> range:
        """Rows of caps, with an empty one at the end."""
        return range(len(self.working.get("caps", ())) + 1)

    def clean_caps(self) -> Iterable[dict[str, Any]]:
        """The caps that are filled in."""
        for place in self.cap_places:
            of = self.cleaned_data.get(f"cap_of-{place}")
            if of:
                yield {
                    "of": of,
                    "below": self.cleaned_data.get(f"cap_below-{place}") or 0,
                    "at_most": self.cleaned_data.get(f"cap_most-{place}") or 0,
                }

    def _store_caps(self, body: Body) -> None:
        caps = list(self.clean_caps())
        if caps or "caps" in body:
            body["caps"] = caps

    # Bands

    def _add_bands(self) -> None:
        is_open = self.working.get("kind") == "actions"
        for place, band in enumerate(self.working["bands"]):
            self._add(f"band-{place}", words(f"Label of band {place + 1}", longest=40), band["label"])
            self._add(f"tone-{place}", choice(f"Colour of band {place + 1}", TONES), band["tone"])
        for place, edge in enumerate(self.working["edges"]):
            label = f"Edge above {self.working['bands'][place]['label']}"
            high = MOST_WEIGHT if is_open else 100
            field = NumberField(unit=MICRO, low=None if is_open else 0, high=high, label=label)
            self._add(f"edge-{place}", field, typed(edge["at"], MICRO))
            self._add(
                f"side-{place}",
                choice(f"{label}: a score on it belongs to", SIDES),
                edge.get("side", "upper"),
            )

    def _check_edges(self) -> None:
        last: int | None = None
        for place in range(len(self.working["edges"])):
            at = self.cleaned_data.get(f"edge-{place}")
            if at is not None and last is not None and at <= last:
                self.add_error(f"edge-{place}", f"Must be more than {typed(last, MICRO)}, the edge before.")
            last = at if at is not None else last

    def _store_bands(self, body: Body) -> None:
        for place, band in enumerate(body["bands"]):
            band["label"], band["tone"] = (
                self.cleaned_data[f"band-{place}"],
                self.cleaned_data[f"tone-{place}"],
            )
            if NEW_KEY.fullmatch(band["key"]) and not NEW_KEY.fullmatch(
                band["label"].lower().replace(" ", "_")
            ):
                taken = [one["key"] for one in body["bands"] if one is not band] + ["insufficient"]
                band["key"] = free_key(band["label"], taken, "band")
        for place, edge in enumerate(body["edges"]):
            edge["at"], edge["side"] = self.cleaned_data[f"edge-{place}"], self.cleaned_data[f"side-{place}"]

    # Actions

    def _add_actions(self) -> None:
        days = DaysField(label="Window, days", low=1, high=365)
        self._add("window_days", days, self.working.get("window_days", 30), _at_top("window_days"))
        for action in self.working["actions"]:
            key, title = action["measure"], action["title"]
            self._add(f"name-{key}", words(f"Title of action {title}"), title, _in_action(key, "title"))
            self._add(
                f"impact-{key}",
                _impact_field(f"Impact of {title}"),
                typed(action["impact"], WEIGHT_UNIT),
                _in_action(key, "impact"),
            )
            most = DaysField(label=f"Most {title} that count", low=1, high=1_000_000, required=False)
            self._add(f"max-{key}", most, action.get("max_count"), _store_most(key))
        for place, one in enumerate(self._opened_impacts()):
            label = f"Segment {place + 1}"
            self._add(f"segment-{place}", SegmentField(label=label), one.get("segment", ""))
            self._add(
                f"segment_impact-{place}",
                _impact_field(f"{label}, impact", required=False),
                typed(one.get("impact"), WEIGHT_UNIT),
            )

    def _opened_impacts(self) -> list[Mapping[str, Any]]:
        opened = action_in(self.working, self.opened.key)
        return [] if opened is None else [*opened.get("impacts", ()), {}]

    @property
    def impact_places(self) -> range:
        """Rows of impacts per segment of the open action, with an empty one at the end."""
        return range(len(self._opened_impacts()))

    def _store_impacts(self, body: Body) -> None:
        action = action_in(body, self.opened.key)
        if action is None or not self.impact_places:
            return
        rows = [
            {"segment": segment, "impact": self.cleaned_data.get(f"segment_impact-{place}") or 0}
            for place in self.impact_places
            if (segment := self.cleaned_data.get(f"segment-{place}"))
        ]
        if rows or "impacts" in action:
            action["impacts"] = rows

    # Fields

    def _add(self, name: str, field: forms.Field, initial: Any, store: Store | None = None) -> None:
        self.fields[name] = field
        self.initial[name] = initial
        if store is not None:
            self.stores[name] = store

    def _held(self) -> dict[str, str]:
        return {name: "" if value is None else str(value) for name, value in self.initial.items()}


def _impact_field(label: str, *, required: bool = True) -> NumberField:
    return NumberField(unit=WEIGHT_UNIT, high=MOST_WEIGHT, label=label, required=required)


def _in_group(key: str, name: str) -> Store:
    def store(body: Body, value: Any) -> None:
        for group in groups_of(body):
            if group["key"] == key and group.get(name) != value:
                group[name] = value

    return store


def _in_measure(key: str, name: str) -> Store:
    def store(body: Body, value: Any) -> None:
        one = measure_in(body, key)
        if one is not None and one.get(name) != value:
            one[name] = value

    return store


def _in_action(key: str, name: str) -> Store:
    def store(body: Body, value: Any) -> None:
        one = action_in(body, key)
        if one is not None:
            one[name] = value

    return store


def _store_most(key: str) -> Store:
    def store(body: Body, value: Any) -> None:
        one = action_in(body, key)
        if one is not None and one.get("max_count") != value:
            one["max_count"] = value

    return store


def _at_top(name: str) -> Store:
    def store(body: Body, value: Any) -> None:
        if value != body.get(name):
            body[name] = value

    return store
