"""Changes of a scorecard body, part by part: what the editor does to a draft. Bodies in, new bodies out.

A change that cannot be made raises EditError with a sentence for the person; nothing is changed in place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from typing import Any

from metrics.formulas.health_cards import FEWEST_BANDS, MOST_BANDS
from metrics.formulas.health_numbers import FULL, MICRO, NEUTRAL, WEIGHT_UNIT

Body = dict[str, Any]
Item = dict[str, Any]

MOST_GROUPS, MOST_MEASURES, MOST_CURVES = 12, 40, 10  # beyond them a card is no longer read by anybody
NEW_BAND = {"key": "new", "label": "New band", "tone": "amber"}
BAND_WIDTH = 10 * MICRO  # how far the edge of a new last band stands above the one before


class EditError(ValueError):
    """The change cannot be made; the text says why and what to do."""


def groups_of(body: Mapping[str, Any]) -> list[Item]:
    """Groups of a weighted body; none for an actions body."""
    return list(body.get("groups", ()))


def measures_of(body: Mapping[str, Any]) -> Iterator[tuple[Item, Item]]:
    """(group, measure) in card order."""
    for group in groups_of(body):
        for measure in group["measures"]:
            yield group, measure


def measure_in(body: Mapping[str, Any], key: str) -> Item | None:
    """The measure with this key, or None."""
    return next((one for _, one in measures_of(body) if one["measure"] == key), None)


def action_in(body: Mapping[str, Any], key: str) -> Item | None:
    """The action with this key, or None."""
    return next((one for one in body.get("actions", ()) if one["measure"] == key), None)


def free_key(title: str, taken: Sequence[str], fallback: str) -> str:
    """A short key from a title that nothing else has."""
    stem = re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_")[:30] or fallback
    number, key = 2, stem
    while key in taken:
        key, number = f"{stem}_{number}", number + 1
    return key


# Groups and measures of a weighted card


def add_group(body: Body, title: str) -> Body:
    """A group without measures at the end. It weighs nothing yet, so that no score changes."""
    changed, title = deepcopy(body), title.strip()
    if not title:
        raise EditError("Write the title of the new group first.")
    if len(changed["groups"]) >= MOST_GROUPS:
        raise EditError(f"A card holds at most {MOST_GROUPS} groups. Remove one first.")
    taken = [one["key"] for one in changed["groups"]] + [one["measure"] for _, one in measures_of(changed)]
    changed["groups"].append(
        {"key": free_key(title, taken, "group"), "title": title, "weight": 0, "rule": "mean", "measures": []}
    )
    return changed


def drop_group(body: Body, key: str) -> Body:
    """The card without a group, its measures and the caps that rest on them."""
    changed = deepcopy(body)
    gone = next((one for one in changed["groups"] if one["key"] == key), None)
    if gone is None:
        raise EditError("This group is not on the card any more.")
    changed["groups"].remove(gone)
    return _without_caps(changed, {key, *(one["measure"] for one in gone["measures"])})


def add_measure(body: Body, group_key: str, key: str, version: int, curve: Item) -> Body:
    """A measure at the end of a group, with weight 1 and the given curve."""
    changed = deepcopy(body)
    group = next((one for one in changed["groups"] if one["key"] == group_key), None)
    if group is None:
        raise EditError("Choose the group of the new measure.")
    if measure_in(changed, key) is not None:
        raise EditError("This measure is on the card already. Change it there.")
    if len(list(measures_of(changed))) >= MOST_MEASURES:
        raise EditError(f"A card holds at most {MOST_MEASURES} measures. Remove one first.")
    group["measures"].append(
        {
            "measure": key,
            "version": version,
            "weight": WEIGHT_UNIT,
            "curve": curve,
            "missing": "redistribute",
            "neutral": NEUTRAL,
            "fresh_for": None,
            "expires_after": None,
        }
    )
    return changed


def drop_measure(body: Body, key: str) -> Body:
    """The card without a measure and the caps that rest on it."""
    changed = deepcopy(body)
    for group, one in measures_of(changed):
        if one["measure"] == key:
            group["measures"].remove(one)
            return _without_caps(changed, {key})
    raise EditError("This measure is not on the card any more.")


def move_measure(body: Body, key: str, group_key: str) -> Body:
    """The measure in another group, at its end; at its place when it is there already."""
    changed = deepcopy(body)
    target = next((one for one in changed["groups"] if one["key"] == group_key), None)
    for group, one in measures_of(changed):
        if one["measure"] == key and target is not None and group is not target:
            group["measures"].remove(one)
            target["measures"].append(one)
            break
    return changed


def _without_caps(body: Body, names: set[str]) -> Body:
    body["caps"] = [cap for cap in body.get("caps", ()) if cap["of"] not in names]
    return body


# Curves


def curve_at(measure: Mapping[str, Any], place: int) -> Item:
    """The curve at a place: 0 is the measure's own, then those per phase or tenure."""
    special = measure.get("curves", ())
    curve: Item = special[place - 1]["curve"] if 0 < place <= len(special) else measure["curve"]
    return curve


def add_curve(body: Body, key: str, *, phase: str = "") -> Body:
    """One more curve, for a phase or (without one) for the first months, as a copy of the measure's own."""
    changed = deepcopy(body)
    measure = _measure(changed, key)
    special = measure.setdefault("curves", [])
    if len(special) >= MOST_CURVES:
        raise EditError(f"A measure has at most {MOST_CURVES} further curves. Remove one first.")
    curve = deepcopy(measure["curve"])
    if phase:
        if any(one.get("is") == phase for one in special):
            raise EditError("This phase has a curve already. Change it there.")
        special.append({"by": "phase", "is": phase, "curve": curve})
    else:
        special.append({"by": "tenure", "from": 0, "to": 6, "curve": curve})
    return changed


def drop_curve(body: Body, key: str, place: int) -> Body:
    """The measure without the further curve at a place (1 is the first)."""
    changed = deepcopy(body)
    special = _measure(changed, key).get("curves", [])
    if not 0 < place <= len(special):
        raise EditError("This curve is not there any more.")
    del special[place - 1]
    return changed


def retyped(curve: Item, kind: str, span: tuple[int, int]) -> Item:
    """The curve as another type, as close to the old one as the type allows; `span` are the readings of today."""
    if curve["type"] == kind:
        return curve
    points = curve.get("points") or [[low, points] for low, points in zip(span, (0, FULL), strict=True)]
    if kind in {"linear", "linear_bounded", "step"}:
        if curve["type"] == "target":
            corners = zip("abcd", (0, FULL, FULL, 0), strict=True)
            points = [
                [curve[name], value] for name, value in corners if name != "c" or curve["b"] != curve["c"]
            ]
        return {"type": kind, "points": points}
    if kind == "target":
        low, high = points[0][0], points[-1][0]
        third = max(1, (high - low) // 3)
        return {
            "type": kind,
            "a": low,
            "b": low + third,
            "c": low + 2 * third,
            "d": max(high, low + 3 * third),
        }
    falls = points[0][1] > points[-1][1]
    return {"type": "percentile", "min_peers": 8, "low_is_good": falls, "peers": ""}


def first_curve(better: str, span: tuple[int, int]) -> Item:
    """A straight line over the readings of today for a measure that joins a card."""
    low, high = span if span[0] < span[1] else (span[0], span[0] + MICRO)
    ends = (0, FULL) if better == "up" else (FULL, 0)
    return {"type": "linear", "points": [[low, ends[0]], [high, ends[1]]]}


def _measure(body: Mapping[str, Any], key: str) -> Item:
    found = measure_in(body, key)
    if found is None:
        raise EditError("This measure is not on the card any more.")
    return found


# Bands


def add_band(body: Body) -> Body:
    """One more band at the top, above an edge 10 points over the last one."""
    changed = deepcopy(body)
    bands, edges = changed["bands"], changed["edges"]
    if len(bands) >= MOST_BANDS:
        raise EditError(f"A card has at most {MOST_BANDS} bands.")
    bands.append({**NEW_BAND, "key": free_key("new", [one["key"] for one in bands], "band")})
    last: Item = edges[-1] if edges else {"at": 50 * MICRO - BAND_WIDTH, "side": "upper"}
    edges.append({"at": last["at"] + BAND_WIDTH, "side": last.get("side", "upper")})
    return changed


def drop_band(body: Body, place: int) -> Body:
    """The card without a band; its scores fall to the band below, those of the first band to the one above."""
    changed = deepcopy(body)
    bands, edges = changed["bands"], changed["edges"]
    if len(bands) <= FEWEST_BANDS:
        raise EditError(f"A card needs at least {FEWEST_BANDS} bands.")
    if not 0 <= place < len(bands):
        raise EditError("This band is not there any more.")
    del bands[place]
    if edges:
        del edges[max(0, place - 1)]
    return changed


# Actions


def add_action(body: Body, key: str, version: int, title: str) -> Body:
    """An action worth one point at the end of the list."""
    changed = deepcopy(body)
    if action_in(changed, key) is not None:
        raise EditError("This action is on the card already. Change it there.")
    if len(changed["actions"]) >= MOST_MEASURES:
        raise EditError(f"A card holds at most {MOST_MEASURES} actions. Remove one first.")
    changed["actions"].append({"measure": key, "version": version, "title": title, "impact": WEIGHT_UNIT})
    return changed


def drop_action(body: Body, key: str) -> Body:
    """The card without an action."""
    changed = deepcopy(body)
    gone = action_in(changed, key)
    if gone is None:
        raise EditError("This action is not on the card any more.")
    changed["actions"].remove(gone)
    return changed
