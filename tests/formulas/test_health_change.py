"""Why a score changed: golden numbers and what holds for every pair of states (section 10)."""

from dataclasses import replace
from random import Random

import pytest

from metrics.formulas.health import Reading, Subject, level
from metrics.formulas.health_cards import (
    Action,
    ActionsCard,
    Cap,
    CardMeasure,
    Group,
    SpecialCurve,
    WeightedCard,
)
from metrics.formulas.health_change import CAUSES, UNIT, Difference, State, attribute, state_of
from metrics.formulas.health_change_shown import shown_change
from metrics.formulas.health_curves import Linear, Peers, Percentile
from metrics.formulas.health_numbers import FULL, MICRO, WEIGHT_UNIT, rounded
from metrics.formulas.health_override import Override
from tests.formulas.health_histories import random_state

IDENTITY = Linear(((0, 0), (FULL, FULL)))
PAIRS = 200
KEYS = ("usage", "tickets", "nps", "pulse")


def card(*weights, keys=KEYS, **kw):
    limits = {"pulse": {"fresh_for": 30, "expires_after": 90}}
    groups = tuple(
        Group(
            key,
            key,
            weight * WEIGHT_UNIT,
            (CardMeasure(key, 1, WEIGHT_UNIT, IDENTITY, **limits.get(key, {})),),
        )
        for key, weight in zip(keys, weights, strict=True)
    )
    return WeightedCard(groups, **kw)


V6, V7 = card(40, 20, 20, 20), card(50, 20, 20, 10)


def row(*pairs):
    return [Reading(reason="no_facts") if p is None else Reading(p[0] * MICRO, age=p[1]) for p in pairs]


BEFORE = row((80, 0), (60, 0), (75, 0), (90, 10))


def parts(change, key):
    line = next(line for line in change.lines if line.key == key)
    return dict(zip(CAUSES, line.parts, strict=True))


def units(**by_cause):
    """Points with six decimals, thirds and 24ths written out, as parts."""
    return {cause: by_cause.get(cause, 0) for cause in CAUSES}


def test_hx_attribution_four_causes():
    after = row((60, 0), (40, 0), None, (90, 60))
    change = attribute(state_of(V6, BEFORE), state_of(V7, after, override=Override("cap", 50 * MICRO)))
    assert (change.before, change.after) == (77 * MICRO, 50 * MICRO)
    assert level(V7, after).score == 56_250_000
    assert [change.of(cause) for cause in CAUSES] == [
        -352_000_000,
        -27_000_000,
        -80_000_000,
        -39_000_000,
        -150_000_000,
        0,
    ]
    assert change.total == -27 * MICRO * UNIT
    assert parts(change, "usage") == units(data=-244_000_000, config=188_000_000, coverage=188_000_000)
    assert parts(change, "tickets") == units(data=-108_000_000, coverage=60_000_000)
    assert parts(change, "nps") == units(coverage=-360_000_000)
    assert parts(change, "pulse") == units(config=-215_000_000, decay=-80_000_000, coverage=73_000_000)
    assert parts(change, "override") == units(override=-150_000_000)
    sums = {line.key: sum(line.parts) // UNIT for line in change.lines}
    assert sums == {
        "usage": 5_500_000,
        "tickets": -2_000_000,
        "nps": -15_000_000,
        "pulse": -9_250_000,
        "override": -6_250_000,
    }


def test_hx_9_attribution_four_causes_as_shown():
    after = row((60, 0), (40, 0), None, (90, 60))
    change = attribute(state_of(V6, BEFORE), state_of(V7, after, override=Override("cap", 50 * MICRO)))
    bars = {(bar.cause, bar.key): bar.points / MICRO for bar in shown_change(change)}
    assert bars == {
        ("data", "usage"): -10.2,
        ("override", ""): -6.3,
        ("data", "tickets"): -4.5,
        ("decay", ""): -3.3,
        ("coverage", ""): -1.6,
        ("config", ""): -1.1,
    }
    assert round(sum(bars.values()), 1) == -27
    config = next(bar for bar in shown_change(change) if bar.cause == "config")
    assert [(one.key, one.points / MICRO) for one in config.parts] == [("pulse", -8.9), ("usage", 7.8)]


def test_hx_second_case_usage_and_another_version():
    after = row((60, 0), (60, 0), (75, 0), (90, 10))
    change = attribute(state_of(V6, BEFORE), state_of(V7, after))
    assert (change.before, change.after) == (77 * MICRO, 66 * MICRO)
    assert [change.of(cause) for cause in CAUSES] == [-9 * MICRO * UNIT, -2 * MICRO * UNIT, 0, 0, 0, 0]
    assert parts(change, "usage")["config"] == 7 * MICRO * UNIT
    assert parts(change, "pulse")["config"] == -9 * MICRO * UNIT


def test_hx_third_case_only_data():
    after = row((60, 0), (40, 0), (75, 0), (90, 10))
    change = attribute(state_of(V6, BEFORE), state_of(V6, after))
    assert [change.of(cause) for cause in CAUSES] == [-12 * MICRO * UNIT, 0, 0, 0, 0, 0]
    assert [line.of("data") // UNIT // MICRO for line in change.lines] == [-8, -4, 0, 0]


def test_hx_2_another_engine_is_a_part_of_its_own():
    before = state_of(V6, BEFORE)
    old = replace(before, computed=before.computed - 400_000, score=before.score - 400_000)
    change = attribute(old, before)
    assert [change.of(cause) for cause in CAUSES] == [0, 0, 0, 0, 0, 400_000 * UNIT]
    assert (change.lines[-1].key, change.lines[-1].before) == ("engine", -400_000)


def test_hx_2_an_override_that_ends_is_wholly_override():
    change = attribute(state_of(V6, BEFORE, override=Override("value", 90 * MICRO)), state_of(V6, BEFORE))
    assert [change.of(cause) // UNIT for cause in CAUSES] == [0, 0, 0, 0, -13 * MICRO, 0]


def test_hx_3_a_reading_that_appears_is_wholly_coverage():
    without = row((80, 0), (60, 0), None, (90, 10))
    change = attribute(state_of(V6, without), state_of(V6, BEFORE))
    assert change.of("coverage") == change.total != 0


def test_hx_1_an_expiry_is_decay():
    change = attribute(state_of(V6, BEFORE), state_of(V6, row((80, 0), (60, 0), (75, 0), (90, 95))))
    assert change.of("decay") == change.total != 0


def test_hx_1_moving_peers_are_data_and_other_peers_are_config():
    def ranked(label):
        measure = CardMeasure("rank", 1, WEIGHT_UNIT, Percentile(peers=label))
        return WeightedCard((Group("g", "g", WEIGHT_UNIT, (measure,)),))

    low, high = ([Reading(5, 0, "", Peers(below, 0, 10))] for below in (2, 8))
    moved = attribute(state_of(ranked(""), low), state_of(ranked(""), high))
    assert moved.of("data") == moved.total == 60 * MICRO * UNIT
    chosen = attribute(state_of(ranked(""), low), state_of(ranked("tier=gold"), high))
    assert chosen.of("config") == chosen.total == 60 * MICRO * UNIT


def test_hx_1_another_phase_is_config():
    low = Linear(((0, 0), (FULL, 50 * MICRO)))
    measure = CardMeasure("a", 1, WEIGHT_UNIT, IDENTITY, curves=(SpecialCurve(low, phase="renewal"),))
    one = WeightedCard((Group("g", "g", WEIGHT_UNIT, (measure,)),))
    change = attribute(
        state_of(one, row((80, 0)), Subject(phase="adoption")),
        state_of(one, row((80, 0)), Subject(phase="renewal")),
    )
    assert change.of("config") == change.total == -40 * MICRO * UNIT


def test_hx_1_a_measure_on_one_card_only_is_config():
    wide = card(40, 20, 20, 20)
    narrow = card(40, 20, keys=("usage", "tickets"))
    change = attribute(state_of(wide, BEFORE), state_of(narrow, row((80, 0), (60, 0))))
    assert change.of("config") == change.total != 0
    assert parts(change, "nps") == units(config=-15 * MICRO * UNIT)


def test_hx_1_another_version_of_a_measure_is_config():
    old = WeightedCard((Group("g", "g", WEIGHT_UNIT, (CardMeasure("a", 1, WEIGHT_UNIT, IDENTITY),)),))
    new = WeightedCard((Group("g", "g", WEIGHT_UNIT, (CardMeasure("a", 2, WEIGHT_UNIT, IDENTITY),)),))
    change = attribute(state_of(old, row((80, 0))), state_of(new, row((60, 0))))
    assert change.of("config") == change.total == -20 * MICRO * UNIT


def test_ha_5_a_change_of_actions_and_to_a_card_of_the_other_kind():
    actions = ActionsCard((Action("usage", "U", 2 * WEIGHT_UNIT), Action("bugs", "B", -5 * WEIGHT_UNIT)))
    more = attribute(state_of(actions, row((10, 0), (1, 0))), state_of(actions, row((30, 0), (2, 0))))
    assert [line.of("data") // UNIT // MICRO for line in more.lines] == [40, -5]
    other = attribute(state_of(actions, row((10, 0), (1, 0))), state_of(V6, BEFORE))
    assert other.total == (77 - 15) * MICRO * UNIT
    assert parts(other, "bugs") == units(config=5 * MICRO * UNIT)
    assert [line.key for line in other.lines] == ["usage", "tickets", "nps", "pulse", "bugs"]


def test_hx_3_a_cap_that_starts_to_bind_is_a_line_of_the_cause_that_made_it():
    capped = card(40, 20, 20, 20, caps=(Cap("tickets", 50 * MICRO, 60 * MICRO),))
    after = row((80, 0), (40, 0), (75, 0), (90, 10))
    change = attribute(state_of(capped, BEFORE), state_of(capped, after))
    assert parts(change, "cap") == units(data=-13 * MICRO * UNIT)
    assert parts(change, "tickets") == units(data=-4 * MICRO * UNIT)


def test_hx_4_in_a_mixed_state_nothing_known_is_fifty_points():
    one = card(1, 1, keys=("usage", "tickets"))
    alone = card(1, keys=("tickets",))
    change = attribute(state_of(one, row((80, 0), None)), state_of(alone, row((60, 0))))
    assert (change.before, change.after) == (80 * MICRO, 60 * MICRO)
    line = parts(change, "nothing known")
    assert sum(line.values()) == 0
    assert line["config"] == -line["coverage"] != 0


def test_hx_4_the_guards_are_off_in_mixed_states():
    strict = card(1, 9, keys=("usage", "tickets"))
    change = attribute(
        state_of(strict, row(None, (60, 0))),
        state_of(card(9, 1, keys=("usage", "tickets")), row((40, 0), None)),
    )
    assert change.kind == "change"
    assert change.total == -20 * MICRO * UNIT


def test_hx_7_without_a_score_there_are_no_numbers_but_the_readings_that_made_the_difference():
    poor = state_of(V6, row(None, None, (75, 0), (90, 95)))
    rich = state_of(V6, BEFORE)
    lost = attribute(rich, poor)
    assert (lost.kind, lost.before, lost.after, lost.lines) == ("became_unscorable", 77 * MICRO, None, ())
    assert lost.differences == (
        Difference("usage", "counts", "no_facts"),
        Difference("tickets", "counts", "no_facts"),
        Difference("pulse", "counts", "expired"),
    )
    gained = attribute(poor, rich)
    assert gained.kind == "became_scorable"
    assert [(one.key, one.after) for one in gained.differences] == [
        ("usage", "counts"),
        ("tickets", "counts"),
        ("pulse", "counts"),
    ]
    assert attribute(poor, poor).kind == "unscorable"


def test_hx_7_a_new_measure_without_readings_is_named():
    small = card(1, keys=("usage",))
    large = card(1, 9, keys=("usage", "tickets"))
    change = attribute(state_of(small, row((80, 0))), state_of(large, row((80, 0), None)))
    assert change.differences == (Difference("tickets", "not_on_card", "no_facts"),)


def test_hx_9_parts_under_a_twentieth_join_other():
    first = [Reading(80 * MICRO, 0), *BEFORE[1:]]
    after = [Reading(80_100_000, 0), Reading(60_100_000, 0), Reading(85 * MICRO, 0), BEFORE[3]]
    bars = shown_change(attribute(state_of(V6, first), state_of(V6, after)))
    assert [(bar.cause, bar.key, bar.points) for bar in bars] == [
        ("data", "nps", 2_000_000),
        ("other", "", 100_000),
    ]
    assert [one.key for one in bars[1].parts] == ["usage", "tickets"]


def _equal_causes(before: State, after: State) -> set[str]:
    """Causes that cannot have done anything, judged by plain comparison of the two ends."""
    if before.card.measures != after.card.measures or before.subject != after.subject:
        return set()
    rows = list(zip(before.readings, after.readings, strict=True))
    equal = set()
    if before.card == after.card:
        equal.add("config")
        both = [(a, b) for a, b in rows if a.value is not None and b.value is not None]
        equal |= {"data"} if all((a.value, a.peers) == (b.value, b.peers) for a, b in both) else set()
        equal |= {"decay"} if all(a.age == b.age for a, b in both) else set()
        equal |= {"coverage"} if all((a.value is None) == (b.value is None) for a, b in rows) else set()
    return equal


def test_hx_6_parts_add_up_for_every_pair_and_swapping_flips_the_signs():
    rng, numbers = Random(6), 0
    for _ in range(PAIRS):
        before = random_state(rng)
        after = random_state(rng, before)
        check_pair(before, after)
        numbers += None not in {before.score, after.score}
    assert numbers > PAIRS // 3  # enough of the pairs have a score at both ends


def check_pair(before, after):
    change = attribute(before, after)
    if before.score is None or after.score is None:
        assert (change.kind == "change", change.lines) == (False, ())
        return
    assert change.kind == "change"
    assert change.total == (after.score - before.score) * UNIT
    assert change.of("override") == ((after.score - after.computed) - (before.score - before.computed)) * UNIT
    for line in change.lines:
        assert sum(line.parts) == (line.after - line.before) * UNIT
    assert sum(line.before for line in change.lines) == before.score
    assert sum(line.after for line in change.lines) == after.score
    for cause in _equal_causes(before, after):
        assert all(line.of(cause) == 0 for line in change.lines), cause
    back = {line.key: line.parts for line in attribute(after, before).lines}
    assert back == {line.key: tuple(-part for part in line.parts) for line in change.lines}
    bars = shown_change(change)
    assert sum(bar.points for bar in bars) == rounded(after.score - before.score, 1)
    for bar in bars:
        assert sum(one.points for one in bar.parts) == bar.points
        assert sum(one.exact for one in bar.parts) == bar.exact
        assert abs(bar.points * UNIT - bar.exact) < UNIT * MICRO // 10


@pytest.mark.parametrize("engine", [-7, 0, 1_234_567])
def test_hx_6_with_another_engine_the_parts_still_add_up(engine):
    before = state_of(V6, BEFORE)
    old = replace(before, computed=before.computed + engine, score=before.score + engine)
    change = attribute(old, state_of(V7, row((60, 0), (40, 0), None, (90, 60))))
    assert change.total == (change.after - change.before) * UNIT
    assert change.of("engine") == -engine * UNIT
