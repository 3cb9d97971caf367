"""Scores of many customers from whole columns: the rows of `score_rows`, without an object per reading."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from metrics.formulas.health_cards import ActionsCard
from metrics.formulas.health_measures import DAY_ZERO, MeasureVersion
from metrics.queries.cards import CardInForce, peer_groups
from metrics.queries.health_inputs import held_segments
from metrics.queries.score_summaries import Same, costs_of
from metrics.rollups.health_scores import ScoreRow
from metrics.scoring.arrays import PeerColumn, Peers, ReadingsMatrix, peer_counts
from metrics.scoring.effect import chosen_rows, picks
from metrics.scoring.engine import score_matrix
from metrics.scoring.results import results_of
from metrics.scoring.rows import plain_columns
from metrics.services.score_rows import Setting, row_of


@dataclass(frozen=True, slots=True)
class ScoredColumns:
    """Rows in the order of the matrix, the labels that each customer holds, and what costs it most in words."""

    rows: list[ScoreRow]
    labels: dict[int, frozenset[str]]
    costs: dict[Same, str]


class _Chosen(NamedTuple):
    """Who is scored by one card, and the place of the rule that chose it for each set of labels."""

    card: CardInForce
    matrix: ReadingsMatrix
    rules: Sequence[int | None]


def slots_of(setting: Setting) -> set[int]:
    """The slots that the cards in force read."""
    return {one.slot for chosen in setting.cards.all for one in _measures(chosen, setting)}


def score_columns(matrix: ReadingsMatrix, setting: Setting) -> ScoredColumns:
    """Score every customer of a matrix by the card that the rules choose."""
    cards = setting.cards.all
    numbers = {one.version.pk: number for number, one in enumerate(cards)}
    choices = [setting.cards.choose(labels) for labels in matrix.label_sets]
    rules = [rule for rule, _ in choices]
    found = ScoredColumns([], {}, {})
    for number, places in picks(matrix, [numbers[one.version.pk] for _, one in choices]).items():
        _score(_Chosen(cards[number], chosen_rows(matrix, places), rules), setting, found)
    found.rows.sort(key=lambda row: row.customer_id)
    return found


def _score(one: _Chosen, setting: Setting, found: ScoredColumns) -> None:
    measures = _measures(one.card, setting)
    held = {
        place: (setting.holds[measure.feed] - DAY_ZERO).days
        for place, measure in enumerate(measures)
        if measure.feed in setting.holds
    }
    peers = {
        group: PeerColumn.of(list(values.by_customer.values()), list(values.by_customer))
        for group, values in setting.peers.items()
    }
    scored = score_matrix(
        one.card.card,
        one.matrix,
        as_of_day=(setting.as_of - DAY_ZERO).days,
        slots=[measure.slot for measure in measures],
        peers=peers,
        held=held,
        parts=not isinstance(one.card.card, ActionsCard),
    )
    inputs = _inputs(one, measures, setting, peers, held)
    for (customer_id, code, given), result, cost in zip(
        inputs, results_of(scored), costs_of(scored), strict=True
    ):
        row = row_of(customer_id, one.rules[code], one.card, given, result, setting)
        found.rows.append(row)
        found.labels[customer_id] = one.matrix.label_sets[code]
        found.costs[Same(customer_id, row.version_id, row.inputs_hash)] = cost


def _inputs(
    one: _Chosen, measures: Sequence[MeasureVersion], setting: Setting, peers: Peers, held: Mapping[int, int]
) -> Iterator[tuple[int, int, dict[str, Any]]]:
    """(customer, its set of labels, inputs): what `inputs_of` says of each, in the order of the matrix."""
    matrix, named = one.matrix, one.card.segments | setting.cards.rule_segments
    segments = [held_segments(labels, named) for labels in matrix.label_sets]
    compared = list(_compared(one, measures, peers))
    frozen = {"held": {str(place): day for place, day in held.items()}} if held else {}
    for number, (customer_id, code, phase, tenure, values, days, reasons) in enumerate(
        plain_columns(matrix, [measure.slot for measure in measures])
    ):
        given = {
            "values": values,
            "days": days,
            "reasons": reasons,
            "phase": phase,
            "tenure_months": tenure,
            "labels": segments[code],
        }
        counts = {place: column[number] for place, column in compared if values[int(place)] is not None}
        yield customer_id, code, given | ({"peers": counts} if counts else {}) | frozen


def _compared(
    one: _Chosen, measures: Sequence[MeasureVersion], peers: Peers
) -> Iterable[tuple[str, list[list[int]]]]:
    """(place on the card, counts of each customer among its peers) of percentile curves."""
    for place, label in peer_groups(one.card.card).items():
        slot = measures[place].slot
        counts = peer_counts(peers, (slot, label), one.matrix.customer_ids, one.matrix.values[:, slot])
        yield str(place), [list(row) for row in zip(*(column.tolist() for column in counts), strict=True)]


def _measures(chosen: CardInForce, setting: Setting) -> list[MeasureVersion]:
    return [setting.catalog[measure.key, measure.version] for measure in chosen.card.measures]
