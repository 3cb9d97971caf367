"""Methods, comparisons, topics and hiding: the vectors of sections 3 and 12 and the rules around them."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from surveys.formulas import comparing, topics, weighting
from surveys.formulas.scales import scale_of
from surveys.formulas.small_groups import hidden_groups, may_show
from surveys.formulas.weighting import Tally, tally

CHEAP = settings(max_examples=40, derandomize=True, deadline=None)
ALPHA = Decimal("0.05")
ANSWERS = {1: tally([10, 9, 9, 10, 10, 9]), 2: tally([3]), 3: tally([8, 2])}
MRR = {1: Decimal(1000), 2: Decimal(10000), 3: Decimal(500)}


def close(value, expected, within="0.005"):
    return abs(value - Decimal(expected)) <= Decimal(within)


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        (lambda: weighting.every_answer(ANSWERS), "44.44"),
        (lambda: weighting.every_customer(ANSWERS), "-16.67"),
        (lambda: weighting.one_vote(ANSWERS), "-33.33"),
        (lambda: weighting.by_mrr(ANSWERS, MRR), "-80.43"),
    ],
    ids=["every response", "equal customer", "bucket of customer mean", "mrr"],
)
def test_vector_s_31_methods_over_the_same_answers(method, expected):
    assert close(method(), expected)


def test_vector_s_31_each_customers_own_nps():
    assert [weighting.own_score(held) for held in ANSWERS.values()] == [100, -100, -50]


def test_s_31_without_answers_or_mrr_there_is_no_score():
    assert weighting.by_mrr(ANSWERS, {}) is None
    assert weighting.every_answer({}) is None
    assert weighting.every_customer({None: tally([9])}) is None
    assert weighting.one_vote({None: tally([9])}) is None


def test_s_32_customers_without_mrr_are_listed_and_weigh_nothing():
    mrr = {1: Decimal(1000), 2: Decimal(0)}
    assert weighting.without_mrr(ANSWERS, mrr) == [2, 3]
    assert weighting.by_mrr(ANSWERS, mrr) == 100


def test_s_33_coverage_is_mrr_of_those_who_answered():
    assert close(weighting.coverage(ANSWERS, MRR, eligible=Decimal(23000)), "50")
    assert weighting.coverage(ANSWERS, {}, eligible=Decimal(0)) is None


def test_s_31_one_vote_uses_the_unrounded_mean():
    nearly = {1: tally([9, 9, 8, 9, 9])}  # mean 8.8: passive, though 9 when rounded
    assert weighting.one_vote(nearly) == 0
    assert weighting.one_vote({1: tally([7, 6])}) == -100


def test_s_210_an_answer_weighs_by_the_role_of_its_contact():
    roles = {"Decision_Maker": tally([2]), "influencer": tally([9]), "": tally([10, 8])}
    weights = {"decision maker": 3, "influencer": 2, "user": 1}
    assert close(weighting.by_role(roles, weights), "0")  # (-3 + 2 + 1) / 7
    assert close(weighting.by_role({"user": tally([9, 3, 9])}, weights), "33.33")
    assert weighting.by_role({}, weights) is None


def test_shares_are_counted_by_the_same_methods():
    csat = {1: tally([5, 4, 3], happy_from=4, unhappy_to=2), 2: tally([1], happy_from=4, unhappy_to=2)}
    assert weighting.every_answer(csat, is_share=True) == 50
    assert close(weighting.every_customer(csat, is_share=True), "33.33")
    assert weighting.one_vote(csat, happy_from=4, neutral_from=3, is_share=True) == 50
    assert weighting.by_role({"user": csat[1]}, {}, is_share=True) is not None


scores = st.dictionaries(st.integers(1, 6), st.lists(st.integers(0, 10), min_size=1, max_size=6), min_size=1)


@CHEAP
@given(scores)
def test_s_31_every_method_stays_in_range_and_one_customer_makes_them_agree(answers):
    held = {customer: tally(values) for customer, values in answers.items()}
    mrr = dict.fromkeys(held, Decimal(7))
    found = [
        weighting.every_answer(held),
        weighting.every_customer(held),
        weighting.one_vote(held),
        weighting.by_mrr(held, mrr),
    ]
    assert all(-100 <= value <= 100 for value in found)
    assert close(found[1], found[3])  # equal MRR weighs customers equally
    if len(held) == 1:
        assert close(found[0], found[1])


@pytest.mark.parametrize(
    ("before", "now", "way"),
    [
        ((100, 40, 25), (100, 50, 20), comparing.SAME),
        ((1000, 400, 250), (1000, 500, 200), comparing.UP),
        ((1000, 500, 200), (1000, 400, 250), comparing.DOWN),
        ((20, 6, 8), (20, 10, 5), comparing.SAME),
        ((100, 40, 30), (100, 60, 15), comparing.UP),
        ((4, 0, 4), (1000, 1000, 0), comparing.UNKNOWN),
        ((0, 0, 0), (100, 60, 15), comparing.UNKNOWN),
    ],
)
def test_s_26_an_arrow_needs_significance_and_both_groups(before, now, way):
    found = comparing.verdict(Tally(*before), Tally(*now), is_share=False, alpha=ALPHA, least=5)
    assert (found.test, found.way) == (comparing.INDEPENDENT, way)


def test_s_24_shares_have_their_own_test():
    found = comparing.verdict(Tally(50, 30, 0), Tally(50, 40, 0), is_share=True, alpha=ALPHA, least=5)
    assert close(found.change.difference, "19.23")
    assert found.way == comparing.UP


def test_s_25_the_same_people_are_paired_when_they_are_half_of_the_smaller_group():
    assert comparing.is_paired(10, people_before=20, people_now=400)
    assert not comparing.is_paired(9, people_before=20, people_now=400)
    assert not comparing.is_paired(0, people_before=0, people_now=9)
    assert comparing.bucket_changes({1: 0, 2: 2, 3: 1}, {2: 0, 1: 2, 9: 1}) in ([2, -2], [-2, 2])


@pytest.mark.parametrize(
    ("changes", "test", "p", "way"),
    [
        ([1] * 9 + [-1] * 2, comparing.SIGN, "0.0654", comparing.SAME),
        ([1] * 12 + [-1] * 3, comparing.SIGN, "0.0352", comparing.UP),
        ([1] + [-1] * 9, comparing.SIGN, "0.0215", comparing.DOWN),
        ([2] * 6 + [1] * 14 + [0] * 15 + [-1] * 4 + [-2], comparing.PAIRED, "0.0010", comparing.UP),
        ([2] * 3 + [1] * 10 + [0] * 20 + [-1] * 6 + [-2], comparing.PAIRED, "0.152", comparing.SAME),
    ],
)
def test_vector_s_25_below_30_pairs_a_sign_test_from_30_on_z(changes, test, p, way):
    size = Tally(len(changes), 0, 0)
    found = comparing.verdict(size, size, is_share=False, alpha=ALPHA, least=5, changes=changes)
    assert (found.test, found.way, found.pairs) == (test, way, len(changes))
    assert close(found.change.p, p, "0.0005")
    assert "same people" in found.test_words


def test_vector_s_208_what_a_topic_does_to_the_score():
    found = topics.effect(tally([10] * 5 + [8] * 3 + [2] * 2), tally([2, 2]), least=1)
    assert (found.n, found.share, found.mean, found.without, found.impact) == (
        2,
        20,
        2,
        Decimal("62.5"),
        Decimal("-32.5"),
    )


def test_s_208_small_topics_have_no_score_and_topics_of_nearly_all_no_impact():
    everything = tally([10] * 5 + [8] * 3 + [2] * 2)
    assert topics.effect(everything, tally([2, 2]), least=5) is None
    nearly_all = topics.effect(everything, tally([10] * 5 + [2]), least=5)
    assert (nearly_all.n, nearly_all.impact) == (6, None)
    assert topics.effect(Tally(), Tally(), least=0) is None


@pytest.mark.parametrize(
    ("comment", "found"),
    [
        ("SLOWLY, and the élan is gone", ["slow", "elan"]),
        ("Straße gesperrt", ["strasse"]),
        ("too glacially paced", []),
        ("We had a time  out again", ["time out"]),
        ("a timeout", []),
        ("yellow bellows", []),
        ("a+b", ["a+b"]),
        ("", []),
    ],
)
def test_s_208_terms_are_beginnings_of_words_whatever_case_and_accents(comment, found):
    words = topics.words_of(
        {"en": ["slow", "lacial", "time out", "low", "a+b"], "fr": ["Élan"], "de": ["straße"]}
    )
    assert sorted(topics.folded(term) for term in words.found_in(comment)) == sorted(found)
    assert topics.words_of({"en": []}).found_in(comment) == []


@pytest.mark.parametrize(
    ("sizes", "hidden"),
    [
        ({"a": 10, "b": 20}, set()),
        ({"a": 10, "b": 20, "c": 3}, {"c", "a"}),
        ({"a": 10, "b": 3, "c": 3}, {"b", "c"}),
        ({"a": 4}, {"a"}),
        ({"a": 0, "b": 9}, set()),
    ],
)
def test_s_205_a_small_group_takes_the_next_one_with_it(sizes, hidden):
    assert hidden_groups(sizes, 5) == hidden


@CHEAP
@given(st.dictionaries(st.integers(0, 8), st.integers(0, 40), max_size=8))
def test_s_205_nothing_hidden_can_be_had_by_subtraction(sizes):
    hidden = hidden_groups(sizes, 5)
    away = sum(sizes[key] for key in hidden)
    assert not hidden or away >= 5 or hidden == {key for key in sizes if sizes[key]}
    assert all(sizes[key] >= 5 or not sizes[key] for key in sizes.keys() - hidden)


def test_s_205_a_filter_shows_neither_too_few_nor_all_but_too_few():
    assert may_show(10, of=20, least=5)
    assert may_show(20, of=20, least=5)
    assert not may_show(4, of=20, least=5)
    assert not may_show(17, of=20, least=5)


@pytest.mark.parametrize(
    ("stored", "cuts"),
    [
        (("nps", 0, 10, "high_is_good"), (6, 9)),
        (("nps", 1, 10, "high_is_good"), (6, 9)),
        (("csat5", 1, 5, "high_is_good"), (2, 4)),
        (("csat", 1, 10, "high_is_good"), None),
        (("ces", 1, 5, "low_is_good"), None),
    ],
)
def test_f37_buckets_belong_to_the_stored_scale(stored, cuts):
    scale = scale_of(*stored)
    assert (scale and (scale.negative_to, scale.positive_from)) == cuts
