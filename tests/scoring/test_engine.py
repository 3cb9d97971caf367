"""Scores of whole columns equal the reference in every field."""

from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.formulas.health import explain, level
from metrics.formulas.health_cards import Action, ActionsCard, CardMeasure, Group, WeightedCard, read_card
from metrics.formulas.health_curves import Linear
from metrics.formulas.health_measures import REASONS
from metrics.formulas.health_numbers import MICRO
from metrics.formulas.health_starter import starter_body
from metrics.scoring import engine
from metrics.scoring.arrays import NO_PEERS, PeerColumn
from metrics.scoring.engine import score_matrix
from tests.scoring.cards import (
    TODAY,
    random_actions_card,
    random_holds,
    random_matrix,
    random_peers,
    random_weighted_card,
    reference_rows,
)

CUSTOMERS = 40


def compared(card, chance, size=CUSTOMERS):
    """Score one random matrix by both; returns the columns and what the reference got."""
    rows, slots, matrix = random_matrix(card, chance, size)
    peers = random_peers(rows, slots, chance)
    held = random_holds(card, chance)
    plain = list(reference_rows(card, rows, slots, peers, held))
    given = {"as_of_day": TODAY, "slots": slots, "held": held, "peers": peer_columns(peers)}
    found = score_matrix(card, matrix, **given, parts=True)
    wanted = [level(card, readings, subject) for readings, subject in plain]
    assert [found.level(place) for place in range(size)] == wanted
    same_columns(found, wanted)
    short = score_matrix(card, matrix, **given, lines=False)
    for name in ("arithmetic", "known", "reason", "band", "covered"):
        assert np.array_equal(getattr(short, name), getattr(found, name))
    return found, plain


def peer_columns(peers):
    return {
        group: PeerColumn.of(*np.array(members, dtype=np.int64).reshape(-1, 2).T)
        for group, members in peers.items()
    }


def same_columns(found, wanted):
    assert found.has_score.tolist() == [one.score is not None for one in wanted]
    assert found.coverage_millionths().tolist() == [
        one.coverage.numerator * MICRO // one.coverage.denominator for one in wanted
    ]
    keys = [*(band.key for band in found.card.bands.bands), "insufficient"]
    assert found.per_band().tolist() == [sum(one.band == key for one in wanted) for key in keys]


def same_parts(found, plain):
    for place, (readings, subject) in enumerate(plain):
        for number, part in enumerate(explain(found.card, readings, subject).parts):
            at = place, number
            columns = found.parts
            assert (int(columns.raw[at]) if columns.has_raw[at] else None) == part.raw_points
            assert (int(columns.points[at]) if columns.present[at] else None) == part.points
            assert bool(columns.present[at] and not columns.real[at]) == part.imputed
            assert REASONS[columns.reasons[at]] == part.reason
            assert int(found.lines.measures[at]) == part.contribution
            if number in found.peers:
                counts = [int(column[place]) for column in found.peers[number]]
                peers = part.reading.peers
                assert counts == (
                    [NO_PEERS] * 3 if peers is None else [peers.below, peers.equal, peers.count]
                )


def examples(many):
    return settings(max_examples=many, deadline=None, derandomize=True)


seeds = given(seed=st.integers(0, 2**64))


@examples(120)
@seeds
def test_hn_6_columns_of_a_weighted_card_equal_the_reference(seed):
    chance = Random(seed)
    compared(random_weighted_card(chance), chance)


@examples(40)
@seeds
def test_hn_6_columns_of_an_actions_card_equal_the_reference(seed):
    chance = Random(seed)
    compared(random_actions_card(chance), chance)


@examples(20)
@seeds
def test_hn_6_parts_and_peers_equal_those_of_the_explanation(seed):
    chance = Random(seed)
    same_parts(*compared(random_weighted_card(chance), chance, 10))


@examples(20)
@seeds
def test_hn_6_a_curve_too_wide_for_int64_is_left_to_the_reference(seed):
    chance = Random(seed)
    same_parts(*compared(random_weighted_card(chance, span=10**17), chance, 10))


def linear(*knots):
    return Linear(tuple((x * MICRO, y * MICRO) for x, y in knots))


def measure(number, weight=10_000, **more):
    return CardMeasure(f"m{number}", 1, weight, linear((0, 0), (50, 70), (100, 100)), **more)


def test_hn_6_a_card_whose_weights_pass_int64_is_scored_by_the_reference():
    one = Group("g", "G", 10_000, (measure(0, 10**17 + 1), measure(1, 10**17), measure(2, 3)))
    found, plain = compared(WeightedCard((one,)), Random(1), 20)
    same_parts(found, plain)


def test_hn_6_coverage_stays_exact_where_shares_pass_int64():
    sizes = [10**6 + prime for prime in (3, 33, 37, 39, 81, 99, 117)]
    groups = tuple(
        Group(f"g{n}", "G", 10**6 + n, (measure(2 * n, size), measure(2 * n + 1, size - 1)))
        for n, size in enumerate(sizes)
    )
    card = WeightedCard(groups, min_coverage=5_000)
    found, _ = compared(card, Random(2), 60)
    assert found.covered.dtype == object
    assert found.lines.measures.dtype == np.int64


def test_hn_6_points_of_a_million_actions_beyond_int64_stay_exact():
    card = ActionsCard((Action("a", "A", 10**17), Action("b", "B", -(10**17), max_count=5)))
    found, _ = compared(card, Random(3), 20)
    assert found.arithmetic.dtype == object


def test_hn_6_pieces_join_without_a_seam(monkeypatch):
    monkeypatch.setattr(engine, "PIECE", 7)
    compared(random_weighted_card(Random(4)), Random(4), 50)


def test_a_customer_set_may_be_empty():
    card = read_card(starter_body())
    _, _, matrix = random_matrix(card, Random(5), 3)
    nobody = matrix.select(np.array([], dtype=np.int64))
    found = score_matrix(card, nobody, as_of_day=TODAY, slots=range(10))
    assert (len(found), found.per_band().tolist()) == (0, [0, 0, 0, 0])
    actions = ActionsCard((Action("a", "A", 1),))
    assert len(score_matrix(actions, nobody, as_of_day=TODAY, slots=[0])) == 0


def test_selected_customers_keep_their_scores():
    card = random_weighted_card(Random(6))
    _, slots, matrix = random_matrix(card, Random(6), 30)
    whole = score_matrix(card, matrix, as_of_day=TODAY, slots=slots)
    places = np.array([20, 3, 3, 11])
    some = score_matrix(card, matrix.select(places), as_of_day=TODAY, slots=slots)
    assert [some.level(place) for place in range(4)] == [whole.level(int(place)) for place in places]
    mask = matrix.customer_ids < 1_004
    assert matrix.select(mask).customer_ids.tolist() == [1_000, 1_001, 1_002, 1_003]


def test_lines_are_needed_for_a_whole_result():
    card = random_weighted_card(Random(7))
    _, slots, matrix = random_matrix(card, Random(7), 2)
    with pytest.raises(ValueError, match="without lines"):
        score_matrix(card, matrix, as_of_day=TODAY, slots=slots, lines=False).level(0)


def test_a_segment_may_ask_for_several_labels_at_once():
    card = random_actions_card(Random(8))
    rows, _, matrix = random_matrix(card, Random(8), 40)
    wanted = [{"tier=gold", "region=EU"} <= set(row.labels) for row in rows]
    assert matrix.holds("tier=gold & region=EU").tolist() == wanted
    assert matrix.holds("").all()
    assert any(wanted)
