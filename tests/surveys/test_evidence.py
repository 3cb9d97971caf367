"""Which presses and looks are a machine's: vectors of E1 to E6 and W1 to W4, what overrules them, and what always holds."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from surveys.formulas.evidence import Facts, Limits, Seen, is_automatic, judge

NOW = datetime(2026, 3, 16, 12, 0, tzinfo=UTC)
ME, OTHER = "me", "other"
PERSON = Facts(
    clients=frozenset({ME, "me yesterday"}),
    accepted_at=NOW - timedelta(hours=1),
    form_issued_at=NOW - timedelta(seconds=20),
    is_chromium=True,
    fetch_mode="navigate",
    has_fetch_user=True,
)


def look(ago_s=30, **changes):
    return replace(
        Seen(at=NOW - timedelta(seconds=ago_s), client=ME, token="t", since_accept=3600), **changes
    )


def scores(*ago, values=(0, 1, 2), **changes):
    return tuple(look(s, score=value, **changes) for s, value in zip(ago, values, strict=True))


STRONG = {
    "E1": {"seen": (look(119, token="h", is_honeypot=True),)},
    "E2": {"seen": scores(300, 280, 241)},
    "E3": {"form_issued_at": NOW - timedelta(milliseconds=999)},
    "E4": {"accepted_at": NOW - timedelta(seconds=15)},
    "E5": {"has_fetch_user": False},
    "E6": {"is_scanner": True},
}
WEAK = {
    "W1": {"seen": (look(3590, since_accept=9),)},
    "W2": {"seen": (look(method="HEAD"),)},
    "W3": {"links_of_domain": 5},
    "W4": {"ran_script": True},
}
JUST_NOT = {
    "E1, two minutes ago": {"seen": (look(121, is_honeypot=True),)},
    "E1, by another client": {"seen": (look(5, is_honeypot=True, client=OTHER),)},
    "E2, two scores": {"seen": scores(300, 280, 260, values=(1, 2, 1))},
    "E2, over more than a minute": {"seen": scores(300, 270, 239)},
    "E2, too long ago": {"seen": scores(680, 670, 660)},
    "E2, of several links": {"seen": tuple(look(30, score=n, token=f"t{n}") for n in range(5))},
    "E3, after a second": {"form_issued_at": NOW - timedelta(seconds=1)},
    "E4, after 16 seconds": {"accepted_at": NOW - timedelta(seconds=16)},
    "E5, another browser": {"has_fetch_user": False, "is_chromium": False},
    "E5, no navigation": {"has_fetch_user": False, "fetch_mode": ""},
    "W1, a later look after a slow first": {"seen": (look(3000), look(2900, since_accept=1))},
    "W3, four links": {"links_of_domain": 4},
    "W4, a key was pressed": {"ran_script": True, "input_events": 1},
    "W4, no script": {"ran_script": False},
}


def joined(*changes):
    """Several facts at once; the looks of all of them."""
    seen = tuple(one for change in changes for one in change.get("seen", ()))
    return {key: value for change in changes for key, value in change.items()} | {"seen": seen}


def test_a_person_is_counted_without_any_reason():
    verdict = judge(PERSON, NOW)
    assert (verdict.is_suspect, verdict.reasons) == (False, ())
    assert verdict.as_json() == {"verdict": "counted", "reasons": []}


@pytest.mark.parametrize("reason", STRONG)
def test_vector_one_strong_reason_is_enough_even_with_a_comment(reason):
    verdict = judge(replace(PERSON, has_comment=True, **STRONG[reason]), NOW)
    assert (verdict.is_suspect, verdict.reasons) == (True, (reason,))
    assert verdict.as_json() == {"verdict": "suspect", "reasons": [reason]}


@pytest.mark.parametrize("reason", WEAK)
def test_vector_one_weak_reason_is_noted_and_counted(reason):
    verdict = judge(replace(PERSON, **WEAK[reason]), NOW)
    assert (verdict.is_suspect, verdict.reasons) == (False, (reason,))


@pytest.mark.parametrize(("first", "second"), [("W1", "W2"), ("W1", "W4"), ("W2", "W3"), ("W3", "W4")])
def test_vector_two_weak_reasons_are_enough_without_a_comment_only(first, second):
    facts = replace(PERSON, **joined(WEAK[first], WEAK[second]))
    assert judge(facts, NOW).is_suspect
    assert judge(facts, NOW).reasons == (first, second)
    assert not judge(replace(facts, has_comment=True), NOW).is_suspect


@pytest.mark.parametrize("name", JUST_NOT)
def test_vector_just_beside_a_rule_is_no_reason(name):
    assert judge(replace(PERSON, **JUST_NOT[name]), NOW).reasons == ()


def test_vector_yesterdays_name_of_the_client_counts_across_midnight():
    seen = (look(60, is_honeypot=True, client="me yesterday"),)
    assert judge(replace(PERSON, seen=seen), NOW).reasons == ("E1",)


@pytest.mark.parametrize("reason", STRONG)
def test_a_comment_typed_for_two_seconds_overrules_strong_evidence(reason):
    typed = replace(
        PERSON, has_comment=True, ran_script=True, input_events=9, typed_ms=2000, **STRONG[reason]
    )
    assert (judge(typed, NOW).is_suspect, judge(typed, NOW).overruled_by) == (False, "typed")
    for less in ({"typed_ms": 1999}, {"has_comment": False}, {"ran_script": False}):
        assert judge(replace(typed, **less), NOW).is_suspect


def test_a_later_press_of_another_client_overrules_weak_evidence_only():
    weak = replace(PERSON, after_suspect=True, **joined(WEAK["W2"], WEAK["W3"]))
    assert (judge(weak, NOW).is_suspect, judge(weak, NOW).overruled_by) == (False, "other_client")
    assert judge(replace(weak, same_client=True), NOW).is_suspect
    assert judge(replace(weak, after_suspect=False), NOW).is_suspect
    assert judge(replace(weak, is_scanner=True), NOW).is_suspect


@pytest.mark.parametrize(
    ("reason", "change"),
    [
        ("E2", {"many_scores": 4}),
        ("E2", {"many_scores_s": 58}),
        ("E3", {"form_ms": 900}),
        ("E4", {"accept_s": 14}),
        ("W1", {"quick_look_s": 9}),
        ("W3", {"many_links": 6}),
    ],
)
def test_each_threshold_comes_from_the_policy(reason, change):
    facts = replace(PERSON, **(STRONG | WEAK)[reason])
    assert judge(facts, NOW).reasons == (reason,)
    assert judge(facts, NOW, replace(Limits(), **change)).reasons == ()


facts_of_anybody = st.builds(
    Facts,
    clients=st.just(frozenset({ME})),
    accepted_at=st.none() | st.integers(0, 40).map(lambda s: NOW - timedelta(seconds=s)),
    form_issued_at=st.none() | st.integers(0, 3000).map(lambda ms: NOW - timedelta(milliseconds=ms)),
    seen=st.lists(
        st.builds(
            look,
            st.integers(0, 700),
            client=st.sampled_from([ME, OTHER]),
            method=st.sampled_from(["GET", "HEAD", "POST"]),
            score=st.none() | st.integers(0, 10),
            is_honeypot=st.booleans(),
            since_accept=st.none() | st.integers(0, 20),
        ),
        max_size=5,
    ).map(tuple),
    links_of_domain=st.integers(0, 9),
    is_scanner=st.booleans(),
    is_chromium=st.booleans(),
    fetch_mode=st.sampled_from(["", "navigate", "cors"]),
    has_fetch_user=st.booleans(),
    ran_script=st.booleans(),
    input_events=st.integers(0, 2),
    typed_ms=st.integers(0, 4000),
    has_comment=st.booleans(),
    after_suspect=st.booleans(),
    same_client=st.booleans(),
)


@given(facts=facts_of_anybody)
@settings(max_examples=80, deadline=None, derandomize=True)
def test_suspect_means_a_strong_reason_or_two_weak_ones_without_a_comment(facts):
    verdict = judge(facts, NOW)
    strong = [name for name in verdict.reasons if name.startswith("E")]
    weak = [name for name in verdict.reasons if name.startswith("W")]
    speaks = bool(strong) or (len(weak) >= 2 and not facts.has_comment)
    assert (verdict.is_suspect or bool(verdict.overruled_by)) == speaks
    assert not (verdict.is_suspect and verdict.overruled_by)


@given(facts=facts_of_anybody)
@settings(max_examples=60, deadline=None, derandomize=True)
def test_looks_of_other_clients_and_their_order_never_matter(facts):
    own = tuple(reversed([seen for seen in facts.seen if seen.client == ME]))
    assert judge(replace(facts, seen=own), NOW) == judge(facts, NOW)


@given(facts=facts_of_anybody)
@settings(max_examples=60, deadline=None, derandomize=True)
def test_further_evidence_never_clears_anybody(facts):
    worse = replace(facts, is_scanner=True, links_of_domain=9)
    assert set(judge(facts, NOW).reasons) <= set(judge(worse, NOW).reasons)
    if judge(facts, NOW).is_suspect:
        assert judge(worse, NOW).is_suspect


@pytest.mark.parametrize(
    ("name", "first", "others"),
    [
        ("HEAD", look(method="HEAD"), ()),
        ("prefetch", look(is_prefetch=True), ()),
        ("E1 itself", look(is_honeypot=True), ()),
        ("E1 later", look(100), (look(0, is_honeypot=True, token="h"),)),
        ("E2", look(score=1), scores(20, 10, values=(2, 3))),
        ("E6", look(is_scanner=True), ()),
        ("W1", look(since_accept=9), ()),
    ],
)
def test_s_113_vector_automatic_looks(name, first, others):
    assert is_automatic(first, (first, *others)), name
    assert not is_automatic(look(30), (look(30), *(replace(one, client=OTHER) for one in others)))
