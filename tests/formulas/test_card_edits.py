"""Changes of a scorecard body: each gives a new body, none changes the old one."""

from copy import deepcopy

import pytest

from metrics.formulas import card_edits as edits
from metrics.formulas.card_edits import EditError
from metrics.formulas.health_cards import card_problems, parse_card
from metrics.formulas.health_curves import Percentile, Step, Target
from metrics.formulas.health_numbers import MICRO
from metrics.formulas.health_starter import starter_body

ACTIONS = {
    "kind": "actions",
    "window_days": 30,
    "actions": [{"measure": "invites", "version": 1, "title": "Invites", "impact": 40_000}],
}
LINE = {"type": "linear", "points": [[0, 0], [10 * MICRO, 100 * MICRO]]}


def test_a_new_group_has_a_key_of_its_own_and_weighs_nothing():
    body = starter_body()
    before = deepcopy(body)
    changed = edits.add_group(body, " Usage ")
    assert (body, changed["groups"][-1]) == (
        before,
        {"key": "usage_2", "title": "Usage", "weight": 0, "rule": "mean", "measures": []},
    )
    assert parse_card(changed).base_shares == parse_card(body).base_shares


@pytest.mark.parametrize("title", ["", "   "])
def test_a_group_without_a_title_is_refused(title):
    with pytest.raises(EditError, match="title"):
        edits.add_group(starter_body(), title)


def test_dropping_a_group_or_measure_takes_its_caps_along():
    body = starter_body()
    body["caps"] = [{"of": "usage", "below": 1, "at_most": 2}, {"of": "pulse", "below": 1, "at_most": 2}]
    assert [cap["of"] for cap in edits.drop_group(body, "usage")["caps"]] == ["pulse"]
    less = edits.drop_measure(body, "pulse")
    assert ([cap["of"] for cap in less["caps"]], edits.measure_in(less, "pulse")) == (["usage"], None)
    assert card_problems(parse_card(less)) == ()


def test_hw_2_a_measure_stands_on_a_card_once():
    with pytest.raises(EditError, match="already"):
        edits.add_measure(starter_body(), "support", "pulse", 1, LINE)
    added = edits.add_measure(starter_body(), "support", "csat_mean", 1, LINE)
    assert edits.measure_in(added, "csat_mean")["weight"] == 10_000
    moved = edits.move_measure(added, "csat_mean", "usage")
    assert [one["measure"] for one in moved["groups"][0]["measures"]][-1] == "csat_mean"


@pytest.mark.parametrize(
    "act",
    [
        lambda body: edits.drop_group(body, "x"),
        lambda body: edits.drop_measure(body, "x"),
        lambda body: edits.add_curve(body, "x"),
        lambda body: edits.drop_curve(body, "pulse", 1),
        lambda body: edits.drop_band(body, 7),
        lambda body: edits.add_measure(body, "x", "csat_mean", 1, LINE),
    ],
)
def test_what_is_not_there_is_refused_in_a_sentence(act):
    with pytest.raises(EditError, match=r"\.$"):
        act(starter_body())


def test_hw_4_a_curve_per_phase_or_tenure_starts_as_a_copy():
    body = edits.add_curve(starter_body(), "pulse", phase="onboarding")
    body = edits.add_curve(body, "pulse")
    measure = edits.measure_in(body, "pulse")
    assert [one["by"] for one in measure["curves"]] == ["phase", "tenure"]
    assert edits.curve_at(measure, 1) == edits.curve_at(measure, 0)
    with pytest.raises(EditError, match="already"):
        edits.add_curve(body, "pulse", phase="onboarding")
    assert len(edits.measure_in(edits.drop_curve(body, "pulse", 1), "pulse")["curves"]) == 1


@pytest.mark.parametrize(("kind", "shape"), [("step", Step), ("target", Target), ("percentile", Percentile)])
def test_a_curve_of_another_type_can_be_scored(kind, shape):
    body = starter_body()
    edits.measure_in(body, "pulse")["curve"] = edits.retyped(LINE, kind, (0, MICRO))
    card = parse_card(body)
    assert card_problems(card) == ()
    assert isinstance(next(one for one in card.measures if one.key == "pulse").curve, shape)


def test_from_a_percentile_and_a_target_a_line_comes_back():
    falling = edits.retyped(
        {"type": "linear", "points": [[0, 100 * MICRO], [MICRO, 0]]}, "percentile", (0, 1)
    )
    assert falling["low_is_good"] is True
    assert edits.retyped(falling, "linear", (0, MICRO))["points"] == [[0, 0], [MICRO, 100 * MICRO]]
    target = {"type": "target", "a": 1, "b": 2, "c": 2, "d": 3}
    assert edits.retyped(target, "linear", (0, 1))["points"] == [[1, 0], [2, 100 * MICRO], [3, 0]]


def test_hw_11_bands_and_edges_stay_one_apart():
    body = starter_body()
    more = edits.add_band(edits.add_band(body))
    assert [len(more["bands"]), len(more["edges"])] == [5, 4]
    assert card_problems(parse_card(more)) == ()
    assert edits.drop_band(more, 0)["bands"][0]["key"] == "moderate"
    two = edits.drop_band(body, 1)
    assert [edge["at"] for edge in two["edges"]] == [70 * MICRO]
    with pytest.raises(EditError, match="at least 2"):
        edits.drop_band(two, 0)


def test_an_action_stands_on_a_card_once_and_can_go():
    more = edits.add_action(ACTIONS, "bugs", 1, "Bugs")
    assert [one["measure"] for one in more["actions"]] == ["invites", "bugs"]
    assert edits.drop_action(more, "invites")["actions"] == more["actions"][1:]
    with pytest.raises(EditError, match="already"):
        edits.add_action(more, "bugs", 1, "Bugs")
