"""Rows of the card editor: groups and measures with their shares, actions, bands in words, caps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from django.forms import BoundField

from metrics.forms.card import GROUP, MEASURE, CardForm
from metrics.forms.card_fields import typed
from metrics.formulas.card_edits import Body, groups_of, measures_of
from metrics.formulas.health_cards import ActionsCard, Bands, CardMeasure, WeightedCard
from metrics.formulas.health_measures import MeasureVersion
from metrics.formulas.health_numbers import MICRO, WEIGHT_UNIT
from metrics.queries.measures import Catalog
from metrics.queries.reading_spread import covered_mrr
from metrics.views.health_words import POLICY_WORDS, curve_shape, curve_words, value_words


@dataclass(frozen=True, slots=True)
class GroupRow:
    """A group with its fields; the share is of the whole card, `saved` the weight as somebody else stored it."""

    key: str
    title: str
    share: Decimal
    field: BoundField
    title_field: BoundField
    rule_field: BoundField
    base: Decimal | None
    saved: Decimal | None
    weight: Decimal
    measures: tuple["MeasureRow", ...]

    @property
    def change(self) -> Decimal:
        """Weight gained or lost against the version in force."""
        return Decimal(0) if self.base is None else self.weight - self.base

    @property
    def change_size(self) -> Decimal:
        """The change without its sign."""
        return abs(self.change)


@dataclass(frozen=True, slots=True)
class MeasureRow:
    """A measure with its weight field, and the rest of it in words."""

    key: str
    title: str
    about: str
    share: Decimal
    field: BoundField
    base: Decimal | None
    saved: Decimal | None
    weight: Decimal
    curve: str
    shape: tuple[Decimal, ...]
    curves: int
    missing: str
    freshness: str
    coverage: Decimal | None
    is_open: bool

    @property
    def change(self) -> Decimal:
        """Weight gained or lost against the version in force."""
        return Decimal(0) if self.base is None else self.weight - self.base

    @property
    def change_size(self) -> Decimal:
        """The change without its sign."""
        return abs(self.change)


@dataclass(frozen=True, slots=True)
class ActionRow:
    """An action with its fields. `window` is how many days its measure counts over."""

    key: str
    measure: MeasureVersion | None
    title_field: BoundField
    field: BoundField
    most_field: BoundField
    base: Decimal | None
    impacts: int
    window: int
    is_open: bool


@dataclass(frozen=True, slots=True)
class BandRow:
    """A band with its fields and the edge above it; the last one has none."""

    place: int
    label: BoundField
    tone: BoundField
    colour: str
    edge: BoundField | None
    side: BoundField | None


def group_rows(
    form: CardForm, card: WeightedCard, *, base: Body | None, saved: Body | None
) -> list[GroupRow]:
    """Groups with their measures, shares normalised to the whole card."""
    shares = iter(card.base_shares)
    before, stored = _weights(base), _weights(saved)
    known = [one for each in card.measures if (one := form.measure(each.key, each.version))]
    coverage = covered_mrr(known) if known else {}
    rows = []
    for group in card.groups:
        inside = [Fraction(next(shares), card.base_total or 1) for _ in group.measures]
        measures = tuple(
            _measure_row(form, one, share, (before, stored), coverage)
            for one, share in zip(group.measures, inside, strict=True)
        )
        name = f"{GROUP}{group.key}"
        rows.append(
            GroupRow(
                key=group.key,
                title=group.title,
                share=_decimal(sum(inside, Fraction(0))),
                field=form[name],
                title_field=form[f"title-{group.key}"],
                rule_field=form[f"rule-{group.key}"],
                base=before.get(name),
                saved=stored.get(name),
                weight=typed(group.weight, WEIGHT_UNIT) or Decimal(0),
                measures=measures,
            )
        )
    return rows


def _measure_row(
    form: CardForm,
    one: CardMeasure,
    share: Fraction,
    weights: tuple[Mapping[str, Decimal], Mapping[str, Decimal]],
    coverage: Mapping[tuple[str, int], Decimal],
) -> MeasureRow:
    name, declared = f"{MEASURE}{one.key}", form.measure(one.key, one.version)
    return MeasureRow(
        key=one.key,
        title=declared.title if declared else one.key,
        about=declared.about if declared else "no such measure",
        share=_decimal(share),
        field=form[name],
        base=weights[0].get(name),
        saved=weights[1].get(name),
        weight=typed(one.weight, WEIGHT_UNIT) or Decimal(0),
        curve=curve_words(one.curve, declared) if declared else "",
        shape=tuple(curve_shape(one.curve)),
        curves=len(one.curves),
        missing=POLICY_WORDS[one.missing],
        freshness=f"{one.fresh_for} to {one.expires_after} days" if one.fresh_for is not None else "",
        coverage=coverage.get((one.key, one.version)),
        is_open=form.opened.key == one.key,
    )


def _weights(body: Body | None) -> dict[str, Decimal]:
    if body is None:
        return {}
    found = {f"{GROUP}{group['key']}": group["weight"] for group in groups_of(body)}
    found |= {f"{MEASURE}{one['measure']}": one["weight"] for _, one in measures_of(body)}
    return {name: typed(weight, WEIGHT_UNIT) or Decimal(0) for name, weight in found.items()}


def _decimal(share: Fraction) -> Decimal:
    return Decimal(share.numerator) / share.denominator


def action_rows(form: CardForm, card: ActionsCard, base: Body | None) -> list[ActionRow]:
    """Actions in card order."""
    before = {one["measure"]: one["impact"] for one in (base or {}).get("actions", ())}
    rows = []
    for one in card.actions:
        measure = form.measure(one.key, one.version)
        rows.append(
            ActionRow(
                key=one.key,
                measure=measure,
                title_field=form[f"name-{one.key}"],
                field=form[f"impact-{one.key}"],
                most_field=form[f"max-{one.key}"],
                base=typed(before.get(one.key), WEIGHT_UNIT),
                impacts=len(one.impacts),
                window=measure.window_days if measure else 0,
                is_open=form.opened.key == one.key,
            )
        )
    return rows


def band_rows(form: CardForm, bands: Bands) -> list[BandRow]:
    """Bands from the lowest up, each with the edge above it."""
    last = len(bands.bands) - 1
    return [
        BandRow(
            place=place,
            label=form[f"band-{place}"],
            tone=form[f"tone-{place}"],
            colour=band.tone,
            edge=form[f"edge-{place}"] if place < last else None,
            side=form[f"side-{place}"] if place < last else None,
        )
        for place, band in enumerate(bands.bands)
    ]


def boundary_words(bands: Bands) -> list[tuple[str, str, str]]:
    """(label, colour, rule) of each band, the best first: "40 or more and less than 70" (HW-12)."""
    found = []
    for place, band in enumerate(bands.bands):
        low = bands.edges[place - 1] if place else None
        high = bands.edges[place] if place < len(bands.edges) else None
        words = []
        if low is not None:
            words.append(
                f"{_points(low.at)} or more" if low.side == "upper" else f"more than {_points(low.at)}"
            )
        if high is not None:
            words.append(
                f"less than {_points(high.at)}" if high.side == "upper" else f"at most {_points(high.at)}"
            )
        found.append((band.label, band.tone, " and ".join(words)))
    return found[::-1]


def _points(at: int) -> Decimal | None:
    return typed(at, MICRO)


def band_widths(bands: Bands, *, bounded: bool) -> list[tuple[Decimal, str]]:
    """(points, colour) of each band for the bar above the edges; open ends of an unbounded card get their neighbours' size."""
    edges = [edge.at for edge in bands.edges]
    if bounded or not edges:
        ends = [0, *(min(max(at, 0), 100 * MICRO) for at in edges), 100 * MICRO]
    else:
        margin = max(20 * MICRO, (edges[-1] - edges[0]) // max(1, len(edges)))
        ends = [edges[0] - margin, *edges, edges[-1] + margin]
    pairs = zip(ends, ends[1:], bands.bands, strict=False)
    return [(Decimal(max(0, high - low)) / MICRO, band.tone) for low, high, band in pairs]


@dataclass(frozen=True, slots=True)
class CapRow:
    """A cap with its fields."""

    place: int
    of: BoundField
    below: BoundField
    at_most: BoundField


def cap_rows(form: CardForm) -> list[CapRow]:
    """Caps, with an empty row at the end."""
    return [
        CapRow(place, form[f"cap_of-{place}"], form[f"cap_below-{place}"], form[f"cap_most-{place}"])
        for place in form.cap_places
    ]


def offered(catalog: Catalog, taken: Sequence[str], *, counts_only: bool = False) -> list[dict[str, Any]]:
    """Measures that may join a card by family, the newest version of each; those on the card are left out."""
    newest = {one.key: one for one in sorted(catalog.values(), key=lambda one: one.version)}
    families: dict[str, list[MeasureVersion]] = {}
    for one in sorted(newest.values(), key=lambda one: (one.family, one.title)):
        if one.key not in taken and (not counts_only or one.unit == "count"):
            families.setdefault(one.family, []).append(one)
    return [{"family": family, "measures": measures} for family, measures in families.items()]


def reading_text(value: int, measure: MeasureVersion | None) -> str:
    """A stored reading with its unit."""
    number = Decimal(value) / MICRO
    return value_words(number, measure) if measure else str(number)
