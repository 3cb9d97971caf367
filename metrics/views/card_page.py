"""What the card editor and its test strip show."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from config.web.templatetags.ui import tone_of as css_of
from customers.choices import Phase
from metrics.forms.card import CardForm
from metrics.forms.card_curve import CORNERS
from metrics.formulas.card_edits import Body, action_in, measure_in
from metrics.formulas.health import Level, Reading
from metrics.formulas.health_cards import ActionsCard, Card, WeightedCard, parse_card
from metrics.formulas.health_numbers import MICRO, shown
from metrics.models import ScorecardVersion
from metrics.queries.card_trial import Trial
from metrics.queries.measures import Catalog
from metrics.queries.scorecards import versions_of
from metrics.queries.scores import label_of, tone_of
from metrics.views.card_curve import curve_plot
from metrics.views.card_rows import (
    action_rows,
    band_rows,
    band_widths,
    boundary_words,
    cap_rows,
    group_rows,
    offered,
    reading_text,
)
from metrics.views.health_words import INSUFFICIENT_WORDS, REASON_WORDS


def editor_context(form: CardForm, draft: ScorecardVersion, body: Body) -> dict[str, Any]:
    """Every part of the editor for a card as it stands on the page."""
    card = parse_card(body)
    widths = band_widths(card.bands, bounded=isinstance(card, WeightedCard))
    context: dict[str, Any] = {
        "is_actions": isinstance(card, ActionsCard),
        "bands": band_rows(form, card.bands) if len(card.bands.bands) == _fields_of_bands(form) else [],
        "boundaries": boundary_words(card.bands),
        "band_mix": [(wide, css_of(tone)) for wide, tone in widths],
        "versions": list(versions_of(draft.scorecard_id)),
        "is_conflict": form.conflict is not None,
        "least": form["min_coverage"] if "min_coverage" in form.fields else None,
    }
    base = draft.base.body if draft.base and draft.base.kind == draft.kind else None
    if isinstance(card, WeightedCard):
        context |= _weighted(form, card, base)
    else:
        context |= {
            "actions": action_rows(form, card, base),
            "offered_measures": offered(form.catalog, [one.key for one in card.actions], counts_only=True),
            "window": form["window_days"],
            "open_action": _open_action(form, body),
        }
    return context


def _fields_of_bands(form: CardForm) -> int:
    return sum(name.startswith("band-") for name in form.fields)


def _weighted(form: CardForm, card: WeightedCard, base: Body | None) -> dict[str, Any]:
    return {
        "groups": group_rows(form, card, base=base, saved=form.conflict),
        "offered_measures": offered(form.catalog, [one.key for one in card.measures]),
        "caps": cap_rows(form),
        "detail": _detail(form, card),
    }


def _detail(form: CardForm, card: WeightedCard) -> dict[str, Any] | None:
    """The open measure: its fields, its curves and the drawing of the one shown."""
    curve = form.curve
    stored = measure_in(form.working, form.opened.key)
    if curve is None or stored is None:
        return None
    one = next(each for each in card.measures if each.key == curve.key)
    measure = form.measure(one.key, one.version)
    place = curve.place if curve.place <= len(one.curves) else 0
    drawn = one.curves[place - 1].curve if place else one.curve
    return {
        "key": one.key,
        "title": measure.title if measure else one.key,
        "about": measure.about if measure else "",
        "unit": "per cent"
        if measure and measure.unit == "share"
        else (measure.unit.replace("_", " or ") if measure else ""),
        "place": place,
        "kind": curve.curve["type"],
        "plot": curve_plot(drawn, card.bands, measure),
        "points": [(form[f"x-{row}"], form[f"y-{row}"]) for row in curve.rows if f"x-{row}" in form.fields],
        "corners": [form[f"corner-{name}"] for name, _ in CORNERS if f"corner-{name}" in form.fields],
        "whom": [form[name] for name in ("for_phase", "from_months", "to_months") if name in form.fields],
        "peers": [form[name] for name in ("peers", "min_peers", "direction") if name in form.fields],
        "curves": _curves(stored),
        "phases": [
            (value, label)
            for value, label in Phase.choices
            if all(each.get("is") != value for each in stored.get("curves", ()))
        ],
    }


def _curves(stored: Mapping[str, Any]) -> list[tuple[int, str]]:
    """(place, for whom) of every curve of a measure."""
    labels = dict(Phase.choices)
    found = [(0, "Everybody else" if stored.get("curves") else "Everybody")]
    for place, one in enumerate(stored.get("curves", ()), 1):
        if one["by"] == "phase":
            words = f"Phase {labels.get(one['is'], one['is'])}"
        elif one.get("to") is None:
            words = f"From month {one.get('from', 0)}"
        else:
            words = f"Months {one.get('from', 0)} to {one['to']}"
        found.append((place, words))
    return found


def _open_action(form: CardForm, body: Body) -> dict[str, Any] | None:
    action = action_in(body, form.opened.key)
    if action is None:
        return None
    return {
        "key": action["measure"],
        "title": action["title"],
        "rows": [
            (form[f"segment-{place}"], form[f"segment_impact-{place}"])
            for place in form.impact_places
            if f"segment-{place}" in form.fields
        ],
    }


@dataclass(frozen=True, slots=True)
class TrialRow:
    """One line of the test strip; `adds` are points of the score."""

    title: str
    reading: str
    points: Decimal | None
    share: Decimal | None
    adds: Decimal


def trial_context(trial: Trial, measures: Catalog) -> dict[str, Any]:
    """The arithmetic of one customer in words and numbers."""
    level, card = trial.level, trial.card
    context: dict[str, Any] = {"trial": trial.customer, "trial_known": level is not None}
    if level is None:
        return context
    rows = (
        _weighted_rows(card, level, measures)
        if isinstance(card, WeightedCard)
        else _action_rows(card, level, trial.readings, measures)
    )
    band = level.band
    return context | {
        "trial_rows": rows,
        "trial_cap": next((_points(line.points) for line in level.lines if line.key == "cap"), None),
        "trial_text": "" if level.score is None else shown(level.score, card.bands.of),
        "trial_would": ""
        if level.score is not None or level.arithmetic is None
        else shown(level.arithmetic, card.bands.of),
        "trial_label": label_of(card, band),
        "trial_tone": css_of(tone_of(card, band)),
        "trial_why": INSUFFICIENT_WORDS.get(level.reason, ""),
        "trial_coverage": Decimal(level.coverage.numerator) / level.coverage.denominator,
        "trial_sum": None if level.arithmetic is None else _points(level.arithmetic),
    }


def _weighted_rows(card: WeightedCard, level: Level, measures: Catalog) -> list[TrialRow]:
    rows = []
    for part, one in zip(level.parts, card.measures, strict=True):
        measure = measures[one.key, one.version]
        value = part.reading.value
        text = (
            reading_text(value, measure)
            if value is not None and not part.reason
            else REASON_WORDS.get(part.reason, part.reason)
        )
        rows.append(
            TrialRow(
                title=measure.title,
                reading=text,
                points=None if part.points is None else _points(part.points),
                share=Decimal(part.effective_share.numerator) / part.effective_share.denominator,
                adds=_points(part.contribution),
            )
        )
    return rows


def _action_rows(card: Card, level: Level, readings: Sequence[Reading], measures: Catalog) -> list[TrialRow]:
    adds = {line.key: line.points for line in level.lines}
    rows = []
    for one, reading in zip(card.measures, readings, strict=True):
        measure = measures[one.key, one.version]
        text = "no data" if reading.value is None else reading_text(reading.value, measure)
        rows.append(
            TrialRow(getattr(one, "title", measure.title), text, None, None, _points(adds.get(one.key, 0)))
        )
    return rows


def _points(value: int) -> Decimal:
    return Decimal(value) / MICRO
