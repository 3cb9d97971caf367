"""Bodies in the units people write: exact both ways, and every mistake named by its place."""

from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from metrics.formulas.card_text import body_of, number_of, plain_of
from metrics.formulas.health_cards import CardError
from metrics.formulas.health_starter import empty_actions_body, starter_body
from metrics.services.card_files import CardFileError, card_from_yaml, from_yaml, to_yaml

MICROS = st.integers(-(10**12), 10**12)
POINTS = st.integers(0, 100_000_000)
WEIGHTS = st.integers(0, 10**9)
WORDS = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=12)
DAYS = st.none() | st.integers(0, 400)

CURVES = st.one_of(
    st.fixed_dictionaries(
        {
            "type": st.sampled_from(["linear", "linear_bounded", "step"]),
            "points": st.lists(st.tuples(MICROS, POINTS).map(list), min_size=1, max_size=4),
        }
    ),
    st.fixed_dictionaries({"type": st.just("target"), **dict.fromkeys("abcd", MICROS)}),
    st.fixed_dictionaries(
        {"type": st.just("percentile"), "min_peers": st.integers(1, 50), "low_is_good": st.booleans()},
        optional={"peers": WORDS},
    ),
)
SPECIALS = st.one_of(
    st.fixed_dictionaries({"by": st.just("phase"), "is": WORDS, "curve": CURVES}),
    st.fixed_dictionaries({"by": st.just("tenure"), "from": st.integers(0, 90), "to": DAYS, "curve": CURVES}),
)
MEASURES = st.fixed_dictionaries(
    {"measure": WORDS, "version": st.integers(1, 9), "weight": WEIGHTS, "curve": CURVES},
    optional={
        "curves": st.lists(SPECIALS, max_size=2),
        "missing": st.sampled_from(["redistribute", "neutral", "worst", "block"]),
        "neutral": POINTS,
        "fresh_for": DAYS,
        "expires_after": DAYS,
    },
)
GROUPS = st.fixed_dictionaries(
    {"key": WORDS, "title": WORDS, "weight": WEIGHTS, "measures": st.lists(MEASURES, max_size=2)},
    optional={"rule": st.sampled_from(["mean", "min", "max"])},
)
BANDS = {
    "bands": st.lists(
        st.fixed_dictionaries({"key": WORDS, "label": WORDS, "tone": st.sampled_from(["red", "green"])}),
        max_size=3,
    ),
    "edges": st.lists(
        st.fixed_dictionaries({"at": MICROS}, optional={"side": st.sampled_from(["upper", "lower"])}),
        max_size=2,
    ),
}
CAPS = st.fixed_dictionaries({"of": WORDS, "below": POINTS, "at_most": POINTS})
WEIGHTED = st.fixed_dictionaries(
    {"kind": st.just("weighted"), "groups": st.lists(GROUPS, max_size=2), **BANDS},
    optional={"caps": st.lists(CAPS, max_size=2), "min_coverage": st.integers(0, 10_000)},
)
ACTIONS = st.fixed_dictionaries(
    {
        "kind": st.just("actions"),
        "window_days": st.integers(1, 400),
        "actions": st.lists(
            st.fixed_dictionaries(
                {"measure": WORDS, "title": WORDS, "impact": MICROS},
                optional={
                    "impacts": st.lists(
                        st.fixed_dictionaries({"segment": WORDS, "impact": MICROS}), max_size=2
                    ),
                    "max_count": DAYS,
                },
            ),
            max_size=2,
        ),
        **BANDS,
    }
)
RULES = st.fixed_dictionaries(
    {
        "kind": st.just("rules"),
        "rules": st.lists(
            st.fixed_dictionaries({"when": st.lists(WORDS, max_size=2), "card": WORDS}), max_size=2
        ),
        "default": WORDS,
    }
)


@settings(max_examples=80, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.one_of(WEIGHTED, ACTIONS, RULES))
def test_hc_1_every_body_goes_through_a_file_and_back_unchanged(body):
    assert body_of(from_yaml(to_yaml({"card": plain_of(body)}))["card"]) == body


def test_numbers_are_written_as_people_write_them():
    assert (number_of(350_000, 10_000), number_of(125_000, 10_000)) == (35, Decimal("12.5"))
    text = to_yaml(plain_of(starter_body()))
    assert "weight: 35" in text
    assert "[0.3, 20]" in text
    assert "min_coverage: 0.5" in text
    assert "000000" not in text
    assert body_of(from_yaml(to_yaml(plain_of(empty_actions_body())))) == empty_actions_body()


def broken(**changes):
    plain = plain_of(starter_body())
    measure = plain["groups"][0]["measures"][0]
    measure |= changes
    return plain


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"weight": "35"}, "groups 1, measures 1, weight must be a plain number"),
        ({"weight": Decimal("0.00001")}, "may have 4 decimals"),
        ({"weight": Decimal("1E-999999999")}, "out of bounds"),
        ({"weight": 10**30}, "stay in bounds"),
        ({"weight": True}, "plain number"),
        ({"fresh_for": Decimal("1.5")}, "fresh_for must be a whole number"),
        ({"curve": {"type": "linear", "points": [[1, 2, 3]]}}, "list of \\[reading, points\\]"),
        ({"curve": []}, "must be a list of “key: value”"),
        ({"colour": "red"}, "colour is not known here"),
        ({"missing": "forget"}, "unknown missing policy"),
    ],
)
def test_a_mistake_is_named_by_its_place(changes, said):
    with pytest.raises(CardError, match=said):
        body_of(broken(**changes))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds no"),
        ("- a", "holds no"),
        ("a: [", "no YAML"),
        ("a: 1\na: 2", "given twice"),
        ("a: &x [1]\nb: *x", "References"),
        ("a: !!python/object:os.system {}", "no YAML"),
        ("card: {kind: weighted}", "does not name its scorecard"),
        ("scorecard: core", "needs a kind"),
        ("scorecard: Core X\ncard: {kind: weighted, groups: []}", "does not name"),
        ("scorecard: core\nowner: me", "owner is not known"),
        ("scorecard: core\ncard: {kind: weighted}", "groups is missing"),
        ("scorecard: core\ncard: {kind: rules, rules: [], default: core}", "only they, are named"),
        ("scorecard: core\ncard: {kind: weighted, groups: 12:30}", "must be a list"),
        ("scorecard: core\ncard: {kind: weighted, groups: [], min_coverage: .nan}", "plain number"),
    ],
)
def test_a_file_that_is_no_scorecard_is_refused_in_words(text, said):
    with pytest.raises(CardFileError, match=said):
        card_from_yaml(text)
